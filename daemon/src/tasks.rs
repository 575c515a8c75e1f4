//! Tasks and templates of this member: what is defined, what runs, and every change of it.
//!
//! A change is checked whole, stored, and only then acted on; one change at a time. What runs lives
//! on worker threads; this room knows on which.

pub(crate) mod definition;
pub(crate) mod feed;
mod runner;
mod script;
pub(crate) mod vars;
pub(crate) mod view;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Str, Time};

use crate::clock;
use crate::store::{Store, StoreError, Table};
use definition::{Dbrp, Definition, Status, TaskRequest, Template, TemplateRequest, is_valid_id};
pub(crate) use runner::{Cluster, Runner};
use script::Checked;
use vars::Vars;

const TASKS: Table<Definition> = Table::new("tasks");
const TEMPLATES: Table<Template> = Table::new("templates");

/// Disagreements that are told at most.
const MOST_DISAGREEMENTS: usize = 1000;

/// A node of a task whose results differ between members that got the same points.
#[derive(Debug)]
pub(crate) struct Disagreement {
    pub(crate) task: String,
    pub(crate) node: Str,
    pub(crate) why: &'static str,
}

/// Why a change was refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The request is wrong.
    Request(String),
    /// There is nothing to change.
    Missing(String),
    /// It was stored, but the task did not start; or it could not be stored.
    Failed(String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What is known of a task besides its definition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// It runs.
    pub(crate) executing: bool,
    /// Why it does not run although it is enabled.
    pub(crate) error: String,
}

#[derive(Default)]
struct Known {
    tasks: BTreeMap<String, (Definition, Life)>,
    templates: BTreeMap<String, Template>,
}

/// All tasks and templates.
pub(crate) struct Tasks {
    store: Arc<Store>,
    pub(crate) runner: Runner,
    known: Mutex<Known>,
    change: tokio::sync::Mutex<()>,
}

impl Tasks {
    /// Reads what is stored; nothing runs yet.
    pub(crate) fn open(store: Arc<Store>, runner: Runner) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for (id, task) in store.list(TASKS)? {
            known.tasks.insert(id, (task, Life::default()));
        }
        for (id, template) in store.list(TEMPLATES)? {
            known.templates.insert(id, template);
        }
        let (known, change) = (Mutex::new(known), tokio::sync::Mutex::new(()));
        Ok(Self { store, runner, known, change })
    }

    /// Starts every enabled task. One that fails keeps its error and is shown with it.
    pub(crate) async fn start_enabled(&self) {
        let _change = self.change.lock().await;
        let enabled: Vec<String> = {
            let known = self.known();
            let all = known.tasks.values().filter(|(d, _)| d.status == Status::Enabled);
            all.map(|(d, _)| d.id.clone()).collect()
        };
        for id in enabled {
            if let Err(error) = self.run(&id).await {
                tracing::error!(service = "task_store", task = %id, %error, "failed to start the task");
            }
        }
    }

    /// Stops every task, each after what it holds back was emitted; none is changed.
    pub(crate) async fn stop_all(&self) {
        let _change = self.change.lock().await;
        let running: Vec<String> = self.known().tasks.keys().cloned().collect();
        for id in running {
            self.runner.stop(&id, false).await;
        }
    }

    /// Starts every running task anew: what tasks know of the cluster has changed.
    pub(crate) async fn restart_running(&self) {
        let _change = self.change.lock().await;
        for id in self.runner.running() {
            if let Err(error) = self.run(&id).await {
                tracing::error!(service = "task_store", task = %id, %error, "failed to start the task");
            }
        }
    }

    /// Where definitions are kept.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task and how it lives.
    pub(crate) fn task(&self, id: &str) -> Option<(Definition, Life)> {
        self.known().tasks.get(id).cloned()
    }

    /// All tasks by id.
    pub(crate) fn tasks(&self) -> Vec<(Definition, Life)> {
        self.known().tasks.values().cloned().collect()
    }

    /// A template.
    pub(crate) fn template(&self, id: &str) -> Option<Template> {
        self.known().templates.get(id).cloned()
    }

    /// What a user should know of a task he defined: which windows the cluster anchors.
    pub(crate) fn note(&self, id: &str) -> Option<String> {
        if !self.runner.cluster().align_windows {
            return None;
        }
        let (task, _) = self.task(id)?;
        let vars = vars::from_json(&task.vars).ok()?;
        let plan = script::check(&task.script, &vars).ok()?.plan;
        let anchored: Vec<String> = plan
            .unaligned_windows()
            .iter()
            .map(|(node, every)| format!("{node} to multiples of {every}"))
            .collect();
        (!anchored.is_empty()).then(|| {
            format!("in a cluster windows without align() are anchored: {}", anchored.join(", "))
        })
    }

    /// Windows of enabled tasks that end at different times on different members.
    pub(crate) fn disagreements(&self) -> Vec<Disagreement> {
        let aligned = self.runner.cluster().align_windows;
        let mut found = Vec::new();
        for (task, _) in self.tasks().into_iter().filter(|(t, _)| t.status == Status::Enabled) {
            let Ok(vars) = vars::from_json(&task.vars) else { continue };
            let Ok(checked) = script::check(&task.script, &vars) else { continue };
            let mut add = |node: Str, why| {
                if found.len() < MOST_DISAGREEMENTS {
                    found.push(Disagreement { task: task.id.clone(), node, why });
                }
            };
            for node in checked.plan.counted_windows() {
                add(
                    node,
                    "its windows are by count: they end where each member's first point says",
                );
            }
            if !aligned {
                for (node, _) in checked.plan.unaligned_windows() {
                    add(node, "its windows are not aligned: add .align(), or set align-windows");
                }
            }
        }
        found
    }

    /// All templates by id.
    pub(crate) fn templates(&self) -> Vec<Template> {
        self.known().templates.values().cloned().collect()
    }

    /// Defines a task and starts it when it is to be enabled.
    pub(crate) async fn create(&self, request: TaskRequest) -> Result<String, Refused> {
        let _change = self.change.lock().await;
        let vars = script::read_vars(&request.vars)?;
        let id = match request.id.as_str() {
            "" => uuid::Uuid::new_v4().to_string(),
            id => id.to_owned(),
        };
        check_id("task", &id)?;
        if self.known().tasks.contains_key(&id) {
            return Err(Refused::Request(format!("task {id} already exists")));
        }
        let script = self.script_of(&request.template_id, &request.script)?;
        let vars = script::take_vars(&script, vars)?;
        let checked = script::check(&script, &vars)?;
        let dbrps = script::dbrps(&checked, request.dbrps, "in both implicitly and explicitly")?;
        let now = clock::now();
        let definition = Definition {
            id: id.clone(),
            template_id: request.template_id,
            kind: checked.kind.word().to_owned(),
            dbrps,
            script,
            vars: vars::to_json(&vars, false),
            status: request.status.unwrap_or(Status::Disabled),
            created: now,
            modified: now,
            last_enabled: None,
        };
        self.keep(with_enabling(definition, false, now))?;
        self.follow_status(&id, Status::Disabled).await?;
        Ok(id)
    }

    /// Changes what the request names; a running task takes a new script at its next start.
    pub(crate) async fn patch(&self, id: &str, request: TaskRequest) -> Result<String, Refused> {
        let _change = self.change.lock().await;
        let missing = || Refused::Missing("task does not exist, cannot update".to_owned());
        let (old, _) = self.task(id).ok_or_else(missing)?;
        let new_vars = script::read_vars(&request.vars)?;
        let mut new = old.clone();
        let template = match request.template_id.as_str() {
            "" if self.known().templates.contains_key(&old.template_id) => old.template_id.as_str(),
            given => given,
        };
        new.script = match (template, request.script.as_str()) {
            ("", "") => old.script.clone(),
            (template, script) => self.script_of(template, script)?,
        };
        if !request.template_id.is_empty() {
            new.template_id = request.template_id;
        }
        let vars = if request.vars.is_empty() {
            script::take_vars(&new.script, script::read_vars(&old.vars)?)?
        } else {
            let vars = script::take_vars(&new.script, new_vars)?;
            new.vars = vars::to_json(&vars, false);
            vars
        };
        let checked = script::check(&new.script, &vars)?;
        Self::patch_dbrps(&mut new, &old, &checked, request.dbrps)?;
        checked.kind.word().clone_into(&mut new.kind);
        let now = clock::now();
        new.modified = now;
        if let Some(status) = request.status {
            new.status = status;
        }
        let new = with_enabling(new, old.status == Status::Enabled, now);
        if !request.id.is_empty() && request.id != old.id {
            return self.rename(old, Definition { id: request.id, ..new }).await;
        }
        self.keep(new)?;
        self.follow_status(id, old.status).await?;
        Ok(id.to_owned())
    }

    fn patch_dbrps(
        new: &mut Definition,
        old: &Definition,
        checked: &Checked,
        requested: Vec<Dbrp>,
    ) -> Result<(), Refused> {
        let explicit_before = script::check_dbrps(&old.script).is_empty();
        let requested = match (requested.is_empty(), checked.dbrps.is_empty()) {
            (true, true) if explicit_before => old.dbrps.clone(),
            _ => requested,
        };
        new.dbrps = script::dbrps(checked, requested, "in implicitly and explicitly")?;
        Ok(())
    }

    async fn rename(&self, old: Definition, new: Definition) -> Result<String, Refused> {
        check_id("task", &new.id)?;
        if self.known().tasks.contains_key(&new.id) {
            let text = "failed to create new task during ID change: task already exists";
            return Err(Refused::Failed(text.to_owned()));
        }
        let id = new.id.clone();
        self.keep(new)?;
        self.runner.stop(&old.id, true).await;
        self.forget(&old.id)?;
        self.follow_status(&id, Status::Disabled).await?;
        Ok(id)
    }

    /// Forgets a task; one that does not exist is forgotten already.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Refused> {
        let _change = self.change.lock().await;
        self.runner.stop(id, true).await;
        self.forget(id)?;
        Ok(())
    }

    fn script_of(&self, template_id: &str, script: &str) -> Result<String, Refused> {
        if template_id.is_empty() {
            return match script {
                "" => Err(Refused::Request("must provide TICKscript".to_owned())),
                script => Ok(script.to_owned()),
            };
        }
        let text = || format!("unknown template {template_id}: err: no template exists");
        self.template(template_id).map(|t| t.script).ok_or_else(|| Refused::Request(text()))
    }

    fn keep(&self, definition: Definition) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| self.store.put(TASKS, &definition.id, &definition))?;
        let mut known = self.known();
        let life =
            known.tasks.get(&definition.id).map(|(_, life)| life.clone()).unwrap_or_default();
        known.tasks.insert(definition.id.clone(), (definition, life));
        Ok(())
    }

    fn forget(&self, id: &str) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| self.store.delete(TASKS, id))?;
        self.known().tasks.remove(id);
        Ok(())
    }

    /// Starts or stops a task whose status was `before`, by its status now.
    async fn follow_status(&self, id: &str, before: Status) -> Result<(), Refused> {
        let Some((definition, life)) = self.task(id) else { return Ok(()) };
        match (before, definition.status) {
            (Status::Disabled, Status::Enabled) => self.run(id).await.map_err(Refused::Failed),
            (Status::Enabled, Status::Disabled) => {
                if life.executing {
                    self.runner.stop(id, false).await;
                }
                self.set_life(id, Life::default());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Runs a task as it is defined now, whether it runs already or not.
    async fn run(&self, id: &str) -> Result<(), String> {
        let Some((definition, _)) = self.task(id) else { return Ok(()) };
        let started = self.runner.run(&definition).await;
        let life = match &started {
            Ok(()) => Life { executing: true, error: String::new() },
            Err(error) => Life { executing: false, error: error.clone() },
        };
        self.set_life(id, life);
        started
    }

    fn set_life(&self, id: &str, life: Life) {
        if let Some((_, known)) = self.known().tasks.get_mut(id) {
            *known = life;
        }
    }

    /// Defines a template.
    pub(crate) async fn create_template(
        &self,
        request: TemplateRequest,
    ) -> Result<String, Refused> {
        let _change = self.change.lock().await;
        let id = match request.id.as_str() {
            "" => uuid::Uuid::new_v4().to_string(),
            id => id.to_owned(),
        };
        check_id("template", &id)?;
        if self.known().templates.contains_key(&id) {
            return Err(Refused::Request(format!("template {id} already exists")));
        }
        let now = clock::now();
        let template = build_template(&id, &request.script, now, now)?;
        self.keep_template(template)?;
        Ok(id)
    }

    /// Changes a template and every task made from it; if a task fails, all is put back.
    pub(crate) async fn patch_template(
        &self,
        id: &str,
        request: TemplateRequest,
    ) -> Result<String, Refused> {
        let _change = self.change.lock().await;
        let missing = || Refused::Missing("template does not exist, cannot update".to_owned());
        let old = self.template(id).ok_or_else(missing)?;
        let new_id = if request.id.is_empty() { id } else { &request.id };
        if new_id != id {
            check_id("template", new_id)?;
            if self.known().templates.contains_key(new_id) {
                let text = "failed to create new template for ID change: template already exists";
                return Err(Refused::Failed(text.to_owned()));
            }
        }
        let script = if request.script.is_empty() { &old.script } else { &request.script };
        let new = build_template(new_id, script, old.created, clock::now())?;
        let followers = self.tasks().into_iter().filter(|(d, _)| d.template_id == id);
        let followers: Vec<Definition> = followers.map(|(d, _)| d).collect();
        let mut done = Vec::new();
        for task in followers {
            let followed = self.follow_template(&task, &new).await;
            done.push(task);
            if let Err(error) = followed {
                let failed = done.last().map(|t| t.id.clone()).unwrap_or_default();
                for task in done {
                    self.restore(task).await;
                }
                let text = format!("error reloading associated task {failed}: {error}");
                return Err(Refused::Failed(text));
            }
        }
        if new_id != id {
            self.forget_template(id)?;
        }
        self.keep_template(new)?;
        Ok(new_id.to_owned())
    }

    async fn follow_template(&self, task: &Definition, template: &Template) -> Result<(), String> {
        let vars: Vars = vars::from_json(&task.vars).unwrap_or_default();
        let text = |refused| match refused {
            Refused::Request(text) | Refused::Missing(text) | Refused::Failed(text) => text,
        };
        script::check(&template.script, &vars).map_err(text)?;
        let new = Definition {
            script: template.script.clone(),
            template_id: template.id.clone(),
            kind: template.kind.clone(),
            modified: clock::now(),
            ..task.clone()
        };
        self.keep(new).map_err(|e| e.to_string())?;
        if task.status == Status::Enabled {
            self.run(&task.id).await?;
        }
        Ok(())
    }

    async fn restore(&self, task: Definition) {
        let id = task.id.clone();
        let enabled = task.status == Status::Enabled;
        if let Err(error) = self.keep(task) {
            tracing::error!(service = "task_store", task = %id, %error, "failed to put the task back");
        }
        if enabled {
            let _ = self.run(&id).await;
        }
    }

    /// Forgets a template; its tasks stay.
    pub(crate) async fn delete_template(&self, id: &str) -> Result<(), Refused> {
        let _change = self.change.lock().await;
        Ok(self.forget_template(id)?)
    }

    fn keep_template(&self, template: Template) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| self.store.put(TEMPLATES, &template.id, &template))?;
        self.known().templates.insert(template.id.clone(), template);
        Ok(())
    }

    fn forget_template(&self, id: &str) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| self.store.delete(TEMPLATES, id))?;
        self.known().templates.remove(id);
        Ok(())
    }
}

fn build_template(
    id: &str,
    text: &str,
    created: Time,
    modified: Time,
) -> Result<Template, Refused> {
    let checked = script::check_template(text)?;
    Ok(Template {
        id: id.to_owned(),
        kind: checked.kind.word().to_owned(),
        script: text.to_owned(),
        vars: vars::to_json(&checked.defaults, true),
        created,
        modified,
    })
}

fn check_id(what: &str, id: &str) -> Result<(), Refused> {
    if is_valid_id(id) {
        return Ok(());
    }
    let text = format!("{what} ID must contain only letters, numbers, '-', '.' and '_'. {id:?}");
    Err(Refused::Request(text))
}

/// Notes the time at which a task becomes enabled.
fn with_enabling(mut task: Definition, was_enabled: bool, now: Time) -> Definition {
    if task.status == Status::Enabled && !was_enabled {
        task.last_enabled = Some(now);
    }
    task
}
