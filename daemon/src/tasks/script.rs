//! Checks of scripts: what a request must pass before it is stored, with the texts users know.

use std::fmt::Display;

use engine::Plan;
use model::Str;
use serde_json::{Map, Value as Json};
use tick::TaskType;

use super::Refused;
use super::definition::Dbrp;
use super::vars::{self, VarError, Vars};

/// A script that can be stored.
pub(crate) struct Checked {
    pub(crate) plan: Plan,
    pub(crate) kind: TaskType,
    /// From its `dbrp` statements.
    pub(crate) dbrps: Vec<Dbrp>,
    /// Declared vars with their defaults.
    pub(crate) defaults: Vars,
}

/// Reads vars. A wrong shape is refused at once; the rest when its turn has come.
pub(crate) fn read_vars(json: &Map<String, Json>) -> Result<Result<Vars, VarError>, Refused> {
    match vars::from_json(json) {
        Err(VarError::Json) => Err(Refused::Request("invalid JSON".to_owned())),
        other => Ok(other),
    }
}

pub(super) fn vars_refused(error: VarError) -> Refused {
    Refused::Request(match error {
        VarError::Json => "invalid JSON".to_owned(),
        VarError::Unsupported(text) => text,
        VarError::Script(text) => format!("invalid TICKscript: {text}"),
    })
}

/// Parses and evaluates the script of a task.
pub(crate) fn check(script: &str, vars: &Vars) -> Result<Checked, Refused> {
    evaluate(script, vars, false)
}

/// The vars, unless they are wrong. A script that does not parse is told first, before a regex or a
/// lambda among the vars that does not.
pub(crate) fn take_vars(script: &str, vars: Result<Vars, VarError>) -> Result<Vars, Refused> {
    if let Err(VarError::Script(_)) = vars {
        parse(script)?;
    }
    vars.map_err(vars_refused)
}

/// Parses and evaluates the script of a template: vars may lack values.
pub(crate) fn check_template(script: &str) -> Result<Checked, Refused> {
    evaluate(script, &Vars::new(), true)
}

fn invalid(error: &dyn Display) -> Refused {
    Refused::Request(format!("invalid TICKscript: {error}"))
}

fn parse(script: &str) -> Result<(tick::ast::Program, TaskType), Refused> {
    let program = tick::parse(script).map_err(|e| invalid(&e))?;
    let kind = program.task_type();
    let kind = kind.ok_or_else(|| Refused::Request("invalid task type: invalid".to_owned()))?;
    Ok((program, kind))
}

fn evaluate(script: &str, vars: &Vars, template: bool) -> Result<Checked, Refused> {
    let (program, kind) = parse(script)?;
    let definition = engine::Definition { task_type: kind, vars, template };
    let plan = Plan::build(script, definition).map_err(|e| invalid(&e))?;
    let defaults = plan.vars().clone();
    let dbrps = program.dbrps().into_iter();
    let dbrps = dbrps.map(|(db, rp)| Dbrp { db: db.to_string(), rp: rp.to_string() }).collect();
    Ok(Checked { plan, kind, dbrps, defaults })
}

/// The `dbrp` statements of a script; none when it does not parse.
pub(crate) fn check_dbrps(script: &str) -> Vec<(Str, Str)> {
    tick::parse(script).map(|p| p.dbrps()).unwrap_or_default()
}

/// The databases and retention policies of a task: from its script or from the request, never both.
pub(crate) fn dbrps(
    checked: &Checked,
    requested: Vec<Dbrp>,
    both: &str,
) -> Result<Vec<Dbrp>, Refused> {
    match (checked.dbrps.is_empty(), requested.is_empty()) {
        (true, true) => Err(Refused::Request("must specify dbrp".to_owned())),
        (true, false) => Ok(requested),
        (false, true) => Ok(checked.dbrps.clone()),
        (false, false) => Err(Refused::Request(format!("cannot specify dbrp {both}"))),
    }
}
