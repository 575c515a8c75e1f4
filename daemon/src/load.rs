//! The load directory: templates, tasks and topic handlers as files, read at start, on SIGHUP, and with
//! `watch` whenever a file in it has changed.
//!
//! Order: `templates/*.tick`, `tasks/*.tick`, `tasks/*.yaml|yml|json` (made from templates),
//! `handlers/*.yaml|yml|json`. What an earlier load made and has no file any more is deleted. The
//! first problem stops the load and names its file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alert::HandlerSpec;
use anyhow::Context as _;
use member::Command;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use xxhash_rust::xxh3::Xxh3;

use crate::config;
use crate::http::App;
use crate::store::{Store, Table};
use crate::tasks::definition::{Definition, Status, TaskRequest, TemplateRequest};
use crate::tasks::{Refused, Tasks, vars};

/// What the last load made; one row.
const LOADED: Table<Loaded> = Table::new("loaded");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Loaded {
    templates: BTreeSet<String>,
    tasks: BTreeSet<String>,
    /// (topic, handler)
    handlers: BTreeSet<(String, String)>,
}

/// Between two looks at the files of a watched directory.
const LOOK: Duration = Duration::from_secs(2);

/// What the files of the directory say, in short; 0 when there is none. What cannot be read now counts
/// as empty: it is another text later.
pub(crate) fn fingerprint(config: &config::Load) -> u64 {
    let Some(dir) = &config.dir else { return 0 };
    let mut hash = Xxh3::new();
    for (folder, endings) in [
        ("templates", &["tick"][..]),
        ("tasks", &["tick", "yaml", "yml", "json"]),
        ("handlers", &["yaml", "yml", "json"]),
    ] {
        for file in files(&dir.join(folder), endings).unwrap_or_default() {
            let content = std::fs::read(&file).unwrap_or_default();
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update(&content.len().to_le_bytes());
            hash.update(&content);
        }
    }
    hash.digest()
}

/// Watches the directory for ever, if that is configured. `seen` is its fingerprint from before the
/// first load.
pub(crate) async fn watch(app: Arc<App>, mut seen: u64) {
    if !app.config.load.watch || app.config.load.dir.is_none() {
        return;
    }
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let now = tokio::task::block_in_place(|| fingerprint(&app.config.load));
        if now != seen {
            seen = now;
            tracing::info!(service = "load", "the load directory has changed");
            again(&app).await;
        }
    }
}

/// Loads while the member runs: what is wrong is logged, counted, and stops nothing.
pub(crate) async fn again(app: &App) {
    if let Err(error) = load(app).await {
        app.load_errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(service = "load", error = format!("{error:#}"), "failed to load");
    }
}

/// Reads the directory, if one is configured.
pub(crate) async fn load(app: &App) -> anyhow::Result<()> {
    let Some(dir) = &app.config.load.dir else { return Ok(()) };
    // SIGHUP and a change may come together.
    let _turn = app.load_turn.lock().await;
    let mut loaded = Loaded::default();
    for file in files(&dir.join("templates"), &["tick"])? {
        template(&app.tasks, &file).await.with_context(|| failed(&file))?;
        loaded.templates.insert(stem(&file));
    }
    for file in files(&dir.join("tasks"), &["tick"])? {
        let script = std::fs::read_to_string(&file).with_context(|| failed(&file))?;
        let request = TaskRequest { id: stem(&file), script, ..TaskRequest::default() };
        task(&app.tasks, request).await.with_context(|| failed(&file))?;
        loaded.tasks.insert(stem(&file));
    }
    for file in files(&dir.join("tasks"), &["yaml", "yml", "json"])? {
        let id = task_file(&app.tasks, &file).await.with_context(|| failed(&file))?;
        loaded.tasks.insert(id);
    }
    for file in files(&dir.join("handlers"), &["yaml", "yml", "json"])? {
        let spec = handler(app, &file).await.with_context(|| failed(&file))?;
        loaded.handlers.insert((spec.topic.clone(), spec.id.clone()));
    }
    forget_others(app, &loaded).await
}

/// Deletes what the load before made and this one did not.
async fn forget_others(app: &App, loaded: &Loaded) -> anyhow::Result<()> {
    let store: &Store = app.tasks.store();
    let before = store.get(LOADED, "")?.unwrap_or_default();
    for id in before.tasks.difference(&loaded.tasks) {
        app.tasks.delete(id).await.map_err(text)?;
    }
    for id in before.templates.difference(&loaded.templates) {
        app.tasks.delete_template(id).await.map_err(text)?;
    }
    for (topic, id) in before.handlers.difference(&loaded.handlers) {
        let (topic, id) = (topic.as_str().into(), id.as_str().into());
        app.brain.command(Command::DeleteHandler { topic, id }).await?;
    }
    if before != *loaded {
        tokio::task::block_in_place(|| store.put(LOADED, "", loaded))?;
    }
    Ok(())
}

async fn template(tasks: &Tasks, file: &Path) -> anyhow::Result<()> {
    let id = stem(file);
    let script = std::fs::read_to_string(file)?;
    match tasks.template(&id) {
        Some(known) if known.script == script => return Ok(()),
        Some(_) => {
            let request = TemplateRequest { script, ..TemplateRequest::default() };
            tasks.patch_template(&id, request).await.map_err(text)?;
        }
        None => {
            let request = TemplateRequest { id, script, ..TemplateRequest::default() };
            tasks.create_template(request).await.map_err(text)?;
        }
    }
    Ok(())
}

/// Defines a task enabled, or changes and reloads it.
async fn task(tasks: &Tasks, request: TaskRequest) -> anyhow::Result<()> {
    let id = request.id.clone();
    let Some((known, _)) = tasks.task(&id) else {
        let request = TaskRequest { status: Some(Status::Enabled), ..request };
        tasks.create(request).await.map_err(text)?;
        return Ok(());
    };
    if says_what_is_known(&request, &known) {
        return Ok(());
    }
    tasks.patch(&id, TaskRequest { id: String::new(), ..request }).await.map_err(text)?;
    for status in [Status::Disabled, Status::Enabled] {
        let request = TaskRequest { status: Some(status), ..TaskRequest::default() };
        tasks.patch(&id, request).await.map_err(text)?;
    }
    Ok(())
}

/// Whether a file asks for what is defined already; a running task would lose its state for nothing.
fn says_what_is_known(request: &TaskRequest, known: &Definition) -> bool {
    let same_vars = || {
        let vars = vars::from_json(&request.vars).map(|vars| vars::to_json(&vars, false));
        vars.is_ok_and(|vars| vars == known.vars)
    };
    request.template_id == known.template_id
        && (request.script.is_empty() || request.script == known.script)
        && (request.dbrps.is_empty() || request.dbrps == known.dbrps)
        && (request.vars.is_empty() || same_vars())
}

async fn task_file(tasks: &Tasks, file: &Path) -> anyhow::Result<String> {
    let mut content = structured(file)?;
    let fields = content.as_object_mut().context("it holds no object")?;
    fields.entry("id").or_insert_with(|| Json::String(stem(file)));
    // `dbrps` may be written as "db"."rp".
    if let Some(Json::Array(dbrps)) = fields.get_mut("dbrps") {
        for dbrp in dbrps {
            if let Some(pair) = dbrp.as_str().and_then(split_dbrp) {
                *dbrp = pair;
            }
        }
    }
    let request: TaskRequest = serde_json::from_value(content)?;
    let id = request.id.clone();
    task(tasks, request).await?;
    Ok(id)
}

fn split_dbrp(text: &str) -> Option<Json> {
    let (db, rp) = text.split_once('.')?;
    let bare = |part: &str| part.trim().trim_matches('"').to_owned();
    Some(serde_json::json!({"db": bare(db), "rp": bare(rp)}))
}

async fn handler(app: &App, file: &Path) -> anyhow::Result<HandlerSpec> {
    let content = structured(file)?.to_string();
    let spec = HandlerSpec::from_json(content.as_bytes()).map_err(anyhow::Error::msg)?;
    spec.validate()?;
    alert::Handler::compile(Arc::new(spec.clone()))?;
    // Kept over releases: the hash of the standard library may change with any of them.
    let hash = xxhash_rust::xxh3::xxh3_64(content.as_bytes());
    let (shared, file) = (Arc::new(spec.clone()), Some(hash));
    app.brain.command(Command::PutHandler { spec: shared, create: false, file }).await?;
    Ok(spec)
}

fn structured(file: &Path) -> anyhow::Result<Json> {
    let text = std::fs::read_to_string(file)?;
    // JSON is YAML, too.
    Ok(serde_yaml::from_str(&text)?)
}

/// Files of a folder with one of these endings, in order of name; none when there is no folder.
fn files(dir: &Path, endings: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(|| failed(dir)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| failed(dir))?.path();
        if path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(file: &Path) -> String {
    format!("failed to load file {}", file.display())
}

fn text(refused: Refused) -> anyhow::Error {
    match refused {
        Refused::Request(text) | Refused::Missing(text) | Refused::Failed(text) => {
            anyhow::Error::msg(text)
        }
    }
}
