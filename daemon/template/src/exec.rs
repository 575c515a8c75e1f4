//! Renders a tree over data: the walk through nodes, variables, and the limits.

mod eval;
mod field;
mod time;

use std::fmt::Display;

use jiff::tz::TimeZone;

use crate::datum::Datum;
use crate::tree::{Body, Branch, Call, Node, Pipe};
use crate::{Object, Value, html, print};

/// How deep templates may call each other.
const MAX_CALL_DEPTH: u32 = 100;

/// How deep lists of nodes may nest while templates call each other: it bounds the stack.
const MAX_WALK_DEPTH: u32 = 250;

/// The longest output of one render, in bytes.
const MAX_OUTPUT_BYTES: usize = 8 << 20;

/// How much one render may do: a step per node, pipeline and function, a step per 16 bytes produced.
const MAX_STEPS: usize = 2 << 20;

/// Renders the first of the bodies.
pub(crate) fn render(
    bodies: &[Body],
    source: &str,
    zone: &TimeZone,
    data: &dyn Object,
) -> Result<String, String> {
    let body = &bodies[0];
    let mut run = Run {
        bodies,
        source,
        zone,
        body,
        root: Datum::Root(data),
        variables: Vec::new(),
        out: String::with_capacity(source.len() + 32),
        at: (0, &""),
        steps: 0,
        depth: 0,
        nested: 0,
    };
    run.walk(&body.nodes, &Datum::Root(data))?;
    Ok(run.out)
}

struct Run<'t, 'a> {
    bodies: &'t [Body],
    source: &'t str,
    zone: &'t TimeZone,
    /// The body that is executed.
    body: &'t Body,
    /// `$`
    root: Datum<'a>,
    variables: Vec<(&'t str, Datum<'a>)>,
    out: String,
    /// What is evaluated, for errors: byte offset and source.
    at: (u32, &'t dyn Display),
    steps: usize,
    depth: u32,
    nested: u32,
}

/// How a list of nodes was left.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t, 'a> Run<'t, 'a> {
    fn wrong<T>(&self, message: impl Display) -> Result<T, String> {
        let (offset, what) = self.at;
        let before = &self.source.as_bytes()[..(offset as usize).min(self.source.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let column =
            before.len() - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (name, body) = (&self.bodies[0].name, crate::quote::quoted(&self.body.name));
        Err(format!("template: {name}:{line}:{column}: executing {body} at <{what}>: {message}"))
    }

    /// Counts work done against the limit.
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.steps += 1 + bytes / 16;
        if self.steps > MAX_STEPS {
            return self.wrong("the template works for too long");
        }
        if self.out.len() > MAX_OUTPUT_BYTES {
            return self.wrong("the output exceeds 8 MiB");
        }
        Ok(())
    }

    fn walk(&mut self, nodes: &'t [Node], dot: &Datum<'a>) -> Result<Flow, String> {
        if self.nested == MAX_WALK_DEPTH {
            return self.wrong("exceeded maximum depth of control structures (250)");
        }
        self.nested += 1;
        let flow = self.nodes(nodes, dot);
        self.nested -= 1;
        flow
    }

    fn nodes(&mut self, nodes: &'t [Node], dot: &Datum<'a>) -> Result<Flow, String> {
        for node in nodes {
            self.spend(0)?;
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Action(pipe) => self.action(pipe, dot)?,
                Node::If(branch) => {
                    let flow = self.branch(branch, dot, false)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::With(branch) => {
                    let flow = self.branch(branch, dot, true)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Range(branch) => {
                    let flow = self.range(branch, dot)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Call(call) => self.call(call, dot)?,
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Next)
    }

    fn action(&mut self, pipe: &'t Pipe, dot: &Datum<'a>) -> Result<(), String> {
        self.at = (pipe.at, pipe);
        let value = self.pipe(pipe, dot)?;
        if !pipe.variables.is_empty() {
            return Ok(());
        }
        let start = self.out.len();
        if pipe.escapers.is_empty() {
            print::write(&mut self.out, &value, self.zone);
        } else {
            let escaped = html::escape(&pipe.escapers, &value, self.zone);
            match escaped {
                Ok(text) => self.out.push_str(&text),
                Err(message) => {
                    self.at = (pipe.at, pipe);
                    return self.wrong(message);
                }
            }
        }
        self.spend(self.out.len() - start)
    }

    fn branch(
        &mut self,
        branch: &'t Branch,
        dot: &Datum<'a>,
        rebinds: bool,
    ) -> Result<Flow, String> {
        let scope = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = match (value.is_true(), rebinds) {
            (true, true) => self.walk(&branch.body, &value),
            (true, false) => self.walk(&branch.body, dot),
            (false, _) => self.walk(&branch.other, dot),
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, branch: &'t Branch, dot: &Datum<'a>) -> Result<Flow, String> {
        let scope = self.variables.len();
        self.at = (branch.pipe.at, &branch.pipe);
        let value = self.pipe(&branch.pipe, dot)?;
        let mut any = false;
        let mut each = |run: &mut Self, key: Datum<'a>, item: Datum<'a>| {
            any = true;
            run.spend(0)?;
            let inner = run.variables.len();
            run.bind(branch, &key, &item)?;
            let flow = run.walk(&branch.body, &item)?;
            run.variables.truncate(inner);
            Ok::<_, String>(flow != Flow::Break)
        };
        match &value {
            Datum::Value(Value::List(items)) => {
                for (i, item) in items.iter().enumerate() {
                    if !each(self, Datum::Int(i as i64), Datum::Value(item.clone()))? {
                        break;
                    }
                }
            }
            Datum::Value(Value::Map(map) | Value::Tags(map)) => {
                for (key, item) in &**map {
                    if !each(self, Datum::text(key.as_str()), Datum::Value(item.clone()))? {
                        break;
                    }
                }
            }
            Datum::Int(count) => {
                for i in 0..*count {
                    if !each(self, Datum::Int(i), Datum::Int(i))? {
                        break;
                    }
                }
            }
            Datum::Value(Value::Int(count)) => {
                for i in 0..*count {
                    let item = Datum::Value(Value::Int(i));
                    if !each(self, item.clone(), item)? {
                        break;
                    }
                }
            }
            value if value.is_nil() => {}
            value => {
                self.at = (branch.pipe.at, &branch.pipe);
                let text = print::text(value, self.zone);
                return self.wrong(format_args!("range can't iterate over {text}"));
            }
        }
        let flow = if any { Flow::Next } else { self.walk(&branch.other, dot)? };
        self.variables.truncate(scope);
        Ok(flow)
    }

    /// Gives a turn of a `range` its variables.
    fn bind(
        &mut self,
        branch: &'t Branch,
        key: &Datum<'a>,
        item: &Datum<'a>,
    ) -> Result<(), String> {
        let pipe = &branch.pipe;
        match &pipe.variables[..] {
            [] => Ok(()),
            [one] => self.declare(one, item, pipe.assign),
            [first, second, ..] => {
                self.declare(first, key, pipe.assign)?;
                self.declare(second, item, pipe.assign)
            }
        }
    }

    fn declare(&mut self, name: &'t str, value: &Datum<'a>, assign: bool) -> Result<(), String> {
        if !assign {
            self.variables.push((name, value.clone()));
            return Ok(());
        }
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => slot.clone_from(value),
            None if name == "$" => self.root = value.clone(),
            None => return self.wrong(format_args!("undefined variable: {name}")),
        }
        Ok(())
    }

    fn call(&mut self, call: &'t Call, dot: &Datum<'a>) -> Result<(), String> {
        self.at = (call.at, call);
        let Some(body) = call.body.map(|index| &self.bodies[index]) else {
            let name = crate::quote::quoted(&call.name);
            return self.wrong(format_args!("template {name} not defined"));
        };
        if self.depth == MAX_CALL_DEPTH {
            return self.wrong("exceeded maximum template depth (100)");
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Datum::Missing,
        };
        let root = std::mem::replace(&mut self.root, dot.clone());
        let variables = std::mem::take(&mut self.variables);
        let caller = std::mem::replace(&mut self.body, body);
        self.depth += 1;
        self.walk(&body.nodes, &dot)?;
        self.depth -= 1;
        (self.root, self.variables, self.body) = (root, variables, caller);
        Ok(())
    }
}
