//! `html/template`: what each action adds to the end of its pipeline, by where it stands.

use jiff::tz::TimeZone;

use crate::datum::Datum;
use crate::func::html_into;
use crate::tree::{Body, Branch, Node, Pipe};
use crate::{Value, print};

/// A function that HTML mode adds to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaper {
    /// Text between tags.
    Html,
}

impl Escaper {
    /// Go's name, as error texts show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Html => "_html_template_htmlescaper",
        }
    }
}

/// Adds escapers to all bodies.
pub(crate) fn prepare(bodies: &mut [Body]) {
    for body in bodies {
        nodes(&mut body.nodes);
    }
}

fn nodes(list: &mut [Node]) {
    for node in list {
        match node {
            Node::Action(Pipe { variables, escapers, .. }) if variables.is_empty() => {
                escapers.push(Escaper::Html);
            }
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                let Branch { body, other, .. } = branch;
                nodes(body);
                nodes(other);
            }
            _ => {}
        }
    }
}

/// The printed value after its escapers.
pub(crate) fn escape(
    escapers: &[Escaper],
    value: &Datum<'_>,
    zone: &TimeZone,
) -> Result<String, String> {
    let mut out = String::new();
    for Escaper::Html in escapers {
        match value {
            Datum::Value(Value::Str(text)) => html_into(&mut out, text),
            value => html_into(&mut out, &print::text(value, zone)),
        }
    }
    Ok(out)
}
