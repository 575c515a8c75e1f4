//! Scripts over line protocol: what comes out, as text.
//!
//! A scenario is a script and lines; the answer lists what each `httpPost` sent (`o <row>`, named by
//! the last part of its URL), other effects, and the errors of nodes at the end.

mod alerts;
mod chains;
mod flow;
mod inputs;
mod mistakes;
mod nodes;
mod pace;
mod recorded;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use model::{Fields, Point, Str, Tags, Time, Value};
use tick::{TaskType, Var};

use crate::{Answer, Definition, Effect, Index, Plan, Settings, Task, TaskKey, Token, World};

/// A world that knows nothing.
struct Nowhere;

impl World for Nowhere {}

fn settings() -> Settings {
    Settings {
        task_id: "t".into(),
        dbrps: vec![("d".into(), "r".into())],
        server: Arc::default(),
        align_windows: false,
        endpoints: BTreeMap::new(),
        inhibitors: alert::Inhibitors::default(),
        replay: None,
        disabled_handlers: std::collections::BTreeSet::new(),
        zone: jiff::tz::TimeZone::UTC,
        seed: 1,
    }
}

fn plan(script: &str, vars: &BTreeMap<String, Var>) -> Result<Plan, String> {
    plan_of(TaskType::Stream, script, vars)
}

fn plan_of(
    task_type: TaskType,
    script: &str,
    vars: &BTreeMap<String, Var>,
) -> Result<Plan, String> {
    let definition = Definition { task_type, vars, template: false };
    Plan::build(script, definition).map_err(|e| e.to_string())
}

/// Parses one line of line protocol, as far as the tests need it.
fn point(line: &str) -> Arc<Point> {
    let cut = |text: &str, at: char| -> Vec<String> {
        let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
        for c in text.chars() {
            if escaped {
                let last = parts.last_mut().unwrap();
                let special = c == at || matches!(c, ',' | '=' | ' ' | '"' | '\\');
                if at == ' ' || quoted || !special {
                    last.push('\\');
                }
                last.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == at && !quoted {
                parts.push(String::new());
            } else {
                quoted ^= c == '"';
                parts.last_mut().unwrap().push(c);
            }
        }
        parts
    };
    let parts = cut(line, ' ');
    let pairs = |text: &str| -> Vec<(String, String)> {
        let pair = |part: &String| {
            let mut sides = cut(part, '=').into_iter();
            (sides.next().unwrap(), sides.collect::<Vec<_>>().join("="))
        };
        cut(text, ',').iter().map(pair).collect()
    };
    let (name, tags) = parts[0].split_once(',').map_or((&*parts[0], None), |(n, t)| (n, Some(t)));
    let tags: Tags = tags.map_or_else(Tags::empty, |tags| {
        pairs(tags).into_iter().map(|(k, v)| (k.into(), v.into())).collect()
    });
    let fields: Fields =
        pairs(&parts[1]).into_iter().map(|(k, v)| (Str::from(k), value(&v))).collect();
    Arc::new(Point {
        database: "d".into(),
        retention_policy: "r".into(),
        name: name.into(),
        tags,
        fields,
        time: Time(parts[2].parse().unwrap()),
    })
}

fn value(text: &str) -> Value {
    if let Some(text) = text.strip_prefix('"') {
        let text = text.strip_suffix('"').unwrap();
        return Value::Str(text.replace("\\\"", "\"").replace("\\\\", "\\").into());
    }
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Value::Bool(true),
        "f" | "F" | "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    match text.strip_suffix('i') {
        Some(int) => Value::Int(int.parse().unwrap()),
        None => Value::Float(text.parse().unwrap()),
    }
}

/// A started task with everything it put out.
struct Bench {
    task: Task,
    index: Index,
    /// Body of each post, by the last part of its URL.
    posts: Vec<(String, String)>,
    /// Posts not answered yet.
    open: Vec<Token>,
    answers: bool,
    log: String,
}

impl Bench {
    fn start(script: &str, settings: &Settings) -> Result<Self, String> {
        Self::of(&plan(script, &BTreeMap::new())?, settings)
    }

    fn of(plan: &Plan, settings: &Settings) -> Result<Self, String> {
        let mut index = Index::default();
        index.insert(TaskKey(1), &settings.dbrps, &plan.measurements());
        Ok(Self {
            task: Task::start(plan, settings)?,
            index,
            posts: Vec::new(),
            open: Vec::new(),
            answers: true,
            log: String::new(),
        })
    }

    fn write(&mut self, lines: &[&str]) {
        for line in lines {
            self.point(point(line));
        }
    }

    fn point(&mut self, point: Arc<Point>) {
        let wanting = self.index.wanting(&point.database, &point.retention_policy);
        if wanting.is_some_and(|w| !w.tasks(&point.name).is_empty()) {
            self.task.handle_points(Time(0), &[point], &Nowhere);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.task.poll_effect() {
            match effect {
                Effect::HttpPost { token, request } => {
                    let name = request.url.rsplit('/').next().unwrap_or_default();
                    self.posts.push((name.to_owned(), request.body.trim_end().to_owned()));
                    if self.answers {
                        let answer = Answer::Http { status: 200, body: String::new() };
                        self.task.handle_answer(Time(0), token, answer, &Nowhere);
                    } else {
                        self.open.push(token);
                    }
                }
                Effect::Log { node, level, prefix, text } => {
                    let _ = writeln!(self.log, "{level:?} {node} {prefix}{text}");
                }
                Effect::Raise { topic, body, cold } => {
                    let cold = if cold { " cold" } else { "" };
                    let _ = writeln!(self.log, "raise {topic} {} {}{cold}", body.id, body.level);
                }
                Effect::Loopback { database, retention_policy, points } => {
                    for p in points {
                        let (fields, tags) = (&p.fields, &p.tags);
                        let time = p.time.0;
                        let name = &p.name;
                        let _ = writeln!(
                            self.log,
                            "loopback {database} {retention_policy} {name} {tags:?} {fields:?} {time}"
                        );
                    }
                }
                Effect::Restore { topic, id, state } => {
                    let _ = writeln!(self.log, "restore {topic} {id} {}", state.level);
                }
            }
        }
    }

    /// Node names with their errors, where there are any.
    fn errors(&self) -> BTreeMap<String, u64> {
        let nodes = self.task.stats(Time(0)).nodes;
        nodes.iter().filter(|n| n.errors > 0).map(|n| (n.name.to_string(), n.errors)).collect()
    }

    /// Everything as text.
    fn text(&self) -> String {
        let mut text = String::new();
        for (name, body) in &self.posts {
            let body = body.strip_prefix("{\"series\":[").and_then(|b| b.strip_suffix("]}"));
            let body = body.unwrap_or("?");
            let _ = writeln!(text, "{name} {body}");
        }
        text.push_str(&self.log);
        text
    }
}

/// Runs a script over lines and gives what came out.
fn run(script: &str, lines: &[&str]) -> String {
    match Bench::start(script, &settings()) {
        Ok(mut bench) => {
            bench.write(lines);
            bench.text()
        }
        Err(error) => format!("error: {error}\n"),
    }
}
