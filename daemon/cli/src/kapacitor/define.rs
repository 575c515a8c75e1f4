//! `kapacitor define ID`: creates a task, or changes it and, if it runs, starts it anew.

use client::task::{DbRp, TaskChange};
use client::vars::Vars;
use serde::Deserialize;

use super::{dbrp, file};
use crate::flags::Flag;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "define",
    arguments: "<task ID> [options]",
    about: "Creates or updates a task. A new one is disabled; a running one is reloaded.",
    flags: &[
        Flag::value("tick", "F", "file with the TICKscript"),
        Flag::value("type", "T", "stream or batch"),
        Flag::value(
            "dbrp",
            "DB.RP",
            "database and retention policy, \"db\".\"rp\"; may be repeated",
        ),
        Flag::value("template", "ID", "template to make the task from"),
        Flag::value("vars", "F", "JSON file with variables"),
        Flag::value("file", "F", "YAML or JSON file with template-id, dbrps and vars"),
        Flag::switch("no-reload", "do not reload the task if it runs"),
    ],
    run: |call| Box::pin(run(call)),
};

/// A task file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TaskFile {
    #[serde(default)]
    id: String,
    #[serde(default)]
    template_id: String,
    #[serde(default)]
    dbrps: Vec<FileDbRp>,
    #[serde(default)]
    vars: Vars,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FileDbRp {
    Parts(DbRp),
    Text(String),
}

/// A `-vars` file holds variables, or is a task file.
#[derive(Deserialize)]
#[serde(untagged)]
enum VarsFile {
    Vars(Vars),
    Task(TaskFile),
}

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must provide a task ID.")?;
    let mut change = change(&call, id)?;
    let client = call.client()?;
    let old = match client.task(id, None).await {
        Ok(task) => Some(task),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let saved = match &old {
        None => {
            change.id = Some(id.to_owned());
            change.status = Some("disabled".to_owned());
            client.create_task(&change).await?
        }
        Some(_) => client.change_task(id, &change).await?,
    };
    let mut note = saved.note;
    let runs = old.is_some_and(|task| task.status == "enabled");
    if runs && !call.given.is_on("no-reload") {
        client.set_task_enabled(id, false).await?;
        note = client.set_task_enabled(id, true).await?.note.or(note);
    }
    let note = note.map(|note| format!("Note: {note}\n")).unwrap_or_default();
    Ok(Text { out: String::new(), note })
}

/// What flags and files ask for; flags win over the task file.
fn change(call: &Call, id: &str) -> Result<TaskChange, Failure> {
    let mut change = TaskChange::default();
    let dbrps: Result<Vec<DbRp>, Failure> = call.given.all("dbrp").map(dbrp_flag).collect();
    change.dbrps = dbrps?;
    change.kind = call.given.flag("type").filter(|t| !t.is_empty()).map(str::to_owned);
    if let Some(kind) = change.kind.as_deref().filter(|kind| !matches!(*kind, "stream" | "batch")) {
        let text = format!("unknown task type {kind:?}, expected 'stream' or 'batch'");
        return Err(Failure::Failed(text));
    }
    let named = |name| call.given.flag(name).filter(|file| !file.is_empty());
    change.template_id = named("template").map(str::to_owned);
    change.script = named("tick").map(file::read).transpose()?;
    if let Some(name) = named("file") {
        let task: TaskFile = file::decode(name)?;
        if !task.id.is_empty() && task.id != id {
            let text = format!("Task id given on command line does not match id in {name}");
            return Err(Failure::Failed(text));
        }
        if change.template_id.is_none() && !task.template_id.is_empty() {
            change.template_id = Some(task.template_id);
        }
        if change.dbrps.is_empty() {
            let dbrps: Result<Vec<DbRp>, String> = task.dbrps.into_iter().map(file_dbrp).collect();
            change.dbrps = dbrps.map_err(|why| Failure::Failed(format!("{name}: {why}")))?;
        }
        change.vars = task.vars;
    }
    if let Some(name) = named("vars") {
        change.vars = match file::decode(name)? {
            VarsFile::Vars(vars) => vars,
            VarsFile::Task(task) => task.vars,
        };
    }
    Ok(change)
}

fn dbrp_flag(text: &str) -> Result<DbRp, Failure> {
    dbrp::parse(text)
        .map_err(|why| Failure::Usage(format!("invalid value {text:?} for flag -dbrp: {why}")))
}

fn file_dbrp(dbrp: FileDbRp) -> Result<DbRp, String> {
    match dbrp {
        FileDbRp::Parts(dbrp) => Ok(dbrp),
        FileDbRp::Text(text) => {
            dbrp::parse(&text).map_err(|why| format!("invalid dbrp {text:?}: {why}"))
        }
    }
}
