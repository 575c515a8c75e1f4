//! The tree of a parsed template, and how its terms read in error texts.

use std::fmt;

use crate::func::Function;
use crate::html::Escaper;

/// The body of the template itself or of one `define`.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) name: Box<str>,
    pub(crate) nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    /// A pipeline whose value is printed unless it declares a variable.
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Call(Call),
    Break,
    Continue,
}

/// `if`, `with` and `range`; `else if` is a branch inside `other`.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) body: Vec<Node>,
    pub(crate) other: Vec<Node>,
}

/// `{{template "name" pipe}}`
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: u32,
    pub(crate) name: Box<str>,
    pub(crate) pipe: Option<Pipe>,
    /// Index into the bodies; resolved after parsing, `None` where no such template is defined.
    pub(crate) body: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub(crate) at: u32,
    /// `=` instead of `:=`.
    pub(crate) assign: bool,
    pub(crate) variables: Vec<Box<str>>,
    pub(crate) commands: Vec<Command>,
    /// What HTML mode adds to the end of the pipeline.
    pub(crate) escapers: Vec<Escaper>,
}

/// Never without a term.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) terms: Vec<Term>,
}

#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) at: u32,
    pub(crate) kind: TermKind,
}

#[derive(Clone, Debug)]
pub(crate) enum TermKind {
    Dot,
    Nil,
    Bool(bool),
    Text {
        value: std::sync::Arc<str>,
        source: Box<str>,
    },
    Number {
        value: Number,
        source: Box<str>,
    },
    Function(Function),
    /// `.a.b`
    Field(Vec<Box<str>>),
    /// `$x.a.b`
    Variable(Box<str>, Vec<Box<str>>),
    /// `(…).a.b` and a function's `.a`
    Chain(Box<Term>, Vec<Box<str>>),
    Pipe(Box<Pipe>),
}

/// A literal; `TooLarge` is an integer that fits in Go's uint64 alone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    TooLarge,
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TermKind::Dot => f.write_str("."),
            TermKind::Nil => f.write_str("nil"),
            TermKind::Bool(value) => write!(f, "{value}"),
            TermKind::Text { source, .. } | TermKind::Number { source, .. } => f.write_str(source),
            TermKind::Function(function) => f.write_str(function.name()),
            TermKind::Field(names) => write_fields(f, names),
            TermKind::Variable(name, names) => {
                f.write_str(name)?;
                write_fields(f, names)
            }
            TermKind::Chain(term, names) => {
                write!(f, "{term}")?;
                write_fields(f, names)
            }
            TermKind::Pipe(pipe) => write!(f, "({pipe})"),
        }
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, names: &[Box<str>]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            write!(f, "{}{term}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variables.join(", "))?;
        if !self.variables.is_empty() {
            f.write_str(if self.assign { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        for escaper in &self.escapers {
            write!(f, " | {}", escaper.name())?;
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", crate::quote::quoted(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}
