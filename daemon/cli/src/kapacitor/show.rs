//! `kapacitor show ID`

use client::task::Task;

use super::{dbrp, value};
use crate::dates::rfc822_as_received;
use crate::flags::Flag;
use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "show",
    arguments: "[-replay ID] <task ID>",
    about: "Shows a task.",
    flags: &[Flag::value("replay", "ID", "show the task inside a running replay")],
    run: |call| Box::pin(run(call)),
};

const VARS: [Column; 3] =
    [Column::new("Name", 30), Column::new("Type", 10), Column::new("Value", 40)];

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must specify one task ID")?;
    let replay = call.given.flag("replay").filter(|replay| !replay.is_empty());
    Ok(render(&call.client()?.task(id, replay).await?).into())
}

/// Lines, script, variables, graph.
pub(crate) fn render(task: &Task) -> String {
    let mut text = format!(
        "ID: {}\nError: {}\nTemplate: {}\nType: {}\nStatus: {}\nExecuting: {}\nCreated: {}\n\
         Modified: {}\nLastEnabled: {}\nDatabases Retention Policies: [{}]\nTICKscript:\n{}\n",
        task.id,
        task.error,
        task.template_id,
        task.kind,
        task.status,
        task.executing,
        rfc822_as_received(&task.created),
        rfc822_as_received(&task.modified),
        rfc822_as_received(&task.last_enabled),
        dbrp::show(&task.dbrps),
        task.script,
    );
    if !task.vars.is_empty() {
        let row = |(name, var): (&String, &client::vars::Var)| {
            vec![name.clone(), var.kind.clone(), value::show(var).unwrap_or_default()]
        };
        let rows: Vec<Vec<String>> = task.vars.iter().map(row).collect();
        text.push_str("Vars:\n");
        text.push_str(&table::render(&VARS, &rows));
    }
    text + "DOT:\n" + &task.dot + "\n"
}
