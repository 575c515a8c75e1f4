//! `html/template`: what each action adds to the end of its pipeline, by where it stands.
//!
//! The whole tree is followed once, after parsing. A template that is called in several contexts gets
//! a body for each. What cannot be followed makes rendering fail, not parsing, as in Go.

mod attribute;
mod context;
mod escaper;
mod scan;

use std::collections::BTreeMap;

use crate::func::Function;
use crate::tree::{Body, Branch, Call, Node, Pipe, Term, TermKind};
use context::Context;
pub(crate) use escaper::{Escaper, escape};

/// How many bodies a template may have once each context has its own.
const MAX_BODIES: usize = 1000;

/// Adds escapers to all bodies that can be reached; the error is for the render.
pub(crate) fn prepare(bodies: &mut Vec<Body>) -> Result<(), String> {
    let name = bodies[0].name.clone();
    let mut work = Work { sources: bodies.clone(), bodies, known: BTreeMap::new() };
    let mut nodes = work.sources[0].nodes.clone();
    let wrong = |message: String| format!("html/template:{name}: {message}");
    // A call of itself finds the first body in the text context.
    work.known.insert((0, Context::TEXT), (0, Some(Context::TEXT)));
    let end = work.list(Context::TEXT, &mut nodes).map_err(wrong)?;
    work.bodies[0].nodes = nodes;
    if end.state != context::State::Text {
        return Err(wrong(format!("ends in a non-text context: {:?}", end.state)));
    }
    Ok(())
}

struct Work<'b> {
    /// The bodies as parsed.
    sources: Vec<Body>,
    bodies: &'b mut Vec<Body>,
    /// By parsed body and context before it: the body for it and the context after it.
    known: BTreeMap<(usize, Context), (usize, Option<Context>)>,
}

impl Work<'_> {
    fn list(&mut self, mut context: Context, nodes: &mut [Node]) -> Result<Context, String> {
        for node in nodes {
            context = match node {
                Node::Text(text) => {
                    let (after, printed) = scan::text(context, text)?;
                    *text = printed.into();
                    after
                }
                Node::Action(pipe) => action(context, pipe)?,
                Node::If(branch) => self.branch(context, branch, "if")?,
                Node::With(branch) => self.branch(context, branch, "with")?,
                Node::Range(branch) => self.branch(context, branch, "range")?,
                Node::Call(call) => self.call(context, call)?,
                Node::Break | Node::Continue => context,
            };
        }
        Ok(context)
    }

    fn branch(
        &mut self,
        context: Context,
        branch: &mut Branch,
        word: &str,
    ) -> Result<Context, String> {
        let differ = || format!("{{{{{word}}}}} branches end in different contexts");
        let repeated = (word == "range").then(|| branch.body.clone());
        let mut body = self.list(context, &mut branch.body)?;
        if let Some(mut again) = repeated {
            // The next turn begins where the last ended.
            let joined = context.join(body).ok_or_else(differ)?;
            if joined != context {
                body = joined.join(self.list(joined, &mut again)?).ok_or_else(differ)?;
                branch.body = again;
            }
        }
        let other = self.list(context, &mut branch.other)?;
        body.join(other).ok_or_else(differ)
    }

    /// The called body in this context, made when first called so.
    fn call(&mut self, context: Context, call: &mut Call) -> Result<Context, String> {
        let Some(source) = call.body else {
            return Err(format!("no such template {}", crate::quote::quoted(&call.name)));
        };
        let key = (source, context.nudge());
        if let Some((body, after)) = self.known.get(&key) {
            call.body = Some(*body);
            // Until a recursive template is done it is taken to end where it began.
            return Ok(after.unwrap_or(key.1));
        }
        if self.bodies.len() >= MAX_BODIES {
            return Err("templates are called in too many contexts".to_owned());
        }
        let index = self.bodies.len();
        let Body { name, mut nodes } = self.sources[source].clone();
        self.bodies.push(Body { name, nodes: Vec::new() });
        self.known.insert(key, (index, None));
        let after = self.list(key.1, &mut nodes)?;
        self.bodies[index].nodes = nodes;
        self.known.insert(key, (index, Some(after)));
        call.body = Some(index);
        Ok(after)
    }
}

fn action(context: Context, pipe: &mut Pipe) -> Result<Context, String> {
    if !pipe.variables.is_empty() {
        return Ok(context);
    }
    let (mut escapers, after) = context.action()?;
    if escapers.is_empty() {
        escapers.push(Escaper::Html);
    }
    predefined(pipe, after)?;
    pipe.escapers = escapers;
    Ok(after)
}

/// Takes back `html` and `urlquery` at the end of a pipeline, which the context's escapers replace.
fn predefined(pipe: &mut Pipe, context: Context) -> Result<(), String> {
    let count = pipe.commands.len();
    for (i, command) in pipe.commands.iter_mut().enumerate() {
        let Term { kind: TermKind::Function(function), .. } = &mut command.terms[0] else {
            continue;
        };
        if !matches!(function, Function::Html | Function::Urlquery) {
            continue;
        }
        if i + 1 < count || context.delim == context::Delim::SpaceOrTagEnd {
            let name = crate::quote::quoted(function.name());
            return Err(format!("predefined escaper {name} disallowed in template"));
        }
        if *function == Function::Html {
            *function = Function::Print;
        }
    }
    Ok(())
}
