//! Makes the tree of a template; errors read as Go's.

mod control;
mod pipeline;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::func::Extras;
use crate::lex::{Keyword, Kind, Token, tokens};
use crate::quote::quoted;
use crate::tree::{Body, Node};

/// How deep control structures and parentheses may nest, all together.
const MAX_NESTING: usize = 100;

/// The longest template text, in bytes.
const MAX_SOURCE_BYTES: usize = 1 << 20;

/// The bodies of a template: its own first, then those it defines.
pub(crate) fn parse(name: &str, source: &str, extras: Extras) -> Result<Vec<Body>, String> {
    if source.len() > MAX_SOURCE_BYTES {
        let limit = "the text is longer than 1 MiB";
        return Err(format!("template: {name}:1: {limit}"));
    }
    let mut parser = Parser {
        name,
        extras,
        tokens: tokens(source),
        next: 0,
        action_line: None,
        variables: vec!["$".into()],
        ranges: 0,
        nesting: 0,
        bodies: vec![Body { name: name.into(), nodes: Vec::new() }],
        names: BTreeMap::new(),
    };
    parser.top()?;
    let Parser { mut bodies, mut names, .. } = parser;
    names.entry(name.into()).or_insert(0);
    for body in &mut bodies {
        resolve(&mut body.nodes, &names);
    }
    Ok(bodies)
}

/// Points the calls at their bodies.
fn resolve(nodes: &mut [Node], names: &BTreeMap<Box<str>, usize>) {
    for node in nodes {
        match node {
            Node::Call(call) => call.body = names.get(&call.name).copied(),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                resolve(&mut branch.body, names);
                resolve(&mut branch.other, names);
            }
            Node::Text(_) | Node::Action(_) | Node::Break | Node::Continue => {}
        }
    }
}

struct Parser<'s> {
    name: &'s str,
    extras: Extras,
    tokens: Vec<Token<'s>>,
    /// The token that `take` gives next.
    next: usize,
    /// Line of the left delimiter of the open action.
    action_line: Option<u32>,
    /// Variables in scope.
    variables: Vec<Box<str>>,
    /// Open `range`s.
    ranges: usize,
    nesting: usize,
    bodies: Vec<Body>,
    /// Defined names; the template's own is among them only when defined in the text.
    names: BTreeMap<Box<str>, usize>,
}

/// What ends a list of nodes.
enum Stop {
    End,
    Else,
}

/// A node or what ends the list.
enum Step {
    Node(Node),
    Stop(Stop),
}

impl<'s> Parser<'s> {
    fn take(&mut self) -> Token<'s> {
        let token = self.tokens[self.next.min(self.tokens.len() - 1)].clone();
        self.next = (self.next + 1).min(self.tokens.len());
        token
    }

    fn back(&mut self) {
        self.next -= 1;
    }

    fn peek(&self) -> Kind {
        self.tokens[self.next.min(self.tokens.len() - 1)].kind
    }

    fn take_solid(&mut self) -> Token<'s> {
        loop {
            let token = self.take();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_solid(&mut self) -> Kind {
        while self.peek() == Kind::Space {
            self.next += 1;
        }
        self.peek()
    }

    /// An error at the token that was read last.
    fn wrong<T>(&self, message: impl std::fmt::Display) -> Result<T, String> {
        let last = self.next.clamp(1, self.tokens.len()) - 1;
        Err(format!("template: {}:{}: {message}", self.name, self.tokens[last].line))
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Result<T, String> {
        if token.kind != Kind::Wrong {
            return self.wrong(format_args!("unexpected {} in {context}", shown(token)));
        }
        let extra = match self.action_line {
            Some(line) if line != token.line => {
                let sort = if token.text.ends_with(" action") { "" } else { " in action" };
                format!("{sort} started at {}:{line}", self.name)
            }
            _ => String::new(),
        };
        self.wrong(format_args!("{}{extra}", token.text))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'s>, String> {
        let token = self.take_solid();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.wrong("nested deeper than 100 levels");
        }
        Ok(())
    }

    /// The whole text.
    fn top(&mut self) -> Result<(), String> {
        let mut nodes = Vec::new();
        while self.peek() != Kind::End {
            if self.peek() == Kind::LeftDelim {
                let start = self.next;
                self.take();
                if self.peek_solid() == Kind::Keyword(Keyword::Define) {
                    self.take();
                    self.definition()?;
                    continue;
                }
                self.next = start;
            }
            match self.step()? {
                Step::Node(node) => nodes.push(node),
                Step::Stop(Stop::End) => return self.wrong("unexpected {{end}}"),
                Step::Stop(Stop::Else) => return self.wrong("unexpected {{else}}"),
            }
        }
        self.bodies[0].nodes = nodes;
        Ok(())
    }

    /// `{{define "name"}}…{{end}}`, after the keyword.
    fn definition(&mut self) -> Result<(), String> {
        const CONTEXT: &str = "define clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (outer, ranges) =
            (std::mem::replace(&mut self.variables, vec!["$".into()]), self.ranges);
        self.ranges = 0;
        let (nodes, stop) = self.list()?;
        if matches!(stop, Stop::Else) {
            return self.wrong(format_args!("unexpected {{{{else}}}} in {CONTEXT}"));
        }
        (self.variables, self.ranges) = (outer, ranges);
        self.define(name, nodes)
    }

    /// Adds a body; one of blanks alone gives way to any other.
    fn define(&mut self, name: Box<str>, nodes: Vec<Node>) -> Result<(), String> {
        let empty = is_empty(&nodes);
        match self.names.get(&name) {
            Some(_) if empty => return Ok(()),
            Some(old) if !is_empty(&self.bodies[*old].nodes) => {
                let name = quoted(&name);
                return self
                    .wrong(format_args!("template: multiple definition of template {name}"));
            }
            _ => {}
        }
        self.names.insert(name.clone(), self.bodies.len());
        self.bodies.push(Body { name, nodes });
        Ok(())
    }

    fn template_name(&mut self, token: &Token<'s>, context: &str) -> Result<Box<str>, String> {
        match token.kind {
            Kind::String | Kind::RawString => Ok(self.text(token)?.into()),
            _ => self.unexpected(token, context),
        }
    }

    /// The value of a string literal.
    fn text(&self, token: &Token<'_>) -> Result<String, String> {
        match crate::quote::unquote(&token.text) {
            Some(text) => Ok(text),
            None => self.wrong("invalid syntax"),
        }
    }

    /// Nodes up to an `end` or `else`.
    fn list(&mut self) -> Result<(Vec<Node>, Stop), String> {
        let mut nodes = Vec::new();
        while self.peek_solid() != Kind::End {
            match self.step()? {
                Step::Node(node) => nodes.push(node),
                Step::Stop(stop) => return Ok((nodes, stop)),
            }
        }
        self.take();
        self.wrong("unexpected EOF")
    }

    /// A text or an action.
    fn step(&mut self) -> Result<Step, String> {
        let token = self.take_solid();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(token.text.into_owned().into()))),
            Kind::LeftDelim => {
                self.action_line = Some(token.line);
                let step = self.action()?;
                self.action_line = None;
                Ok(step)
            }
            _ => self.unexpected(&token, "input"),
        }
    }
}

fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(text) => text.trim().is_empty(),
        _ => false,
    })
}

/// How a token reads in an error.
fn shown(token: &Token<'_>) -> Cow<'static, str> {
    match token.kind {
        Kind::End => "EOF".into(),
        Kind::Keyword(_) | Kind::Dot => format!("<{}>", token.text).into(),
        _ if token.text.chars().count() > 10 => {
            let start: String = token.text.chars().take(10).collect();
            format!("{}...", quoted(&start)).into()
        }
        _ => quoted(&token.text).into(),
    }
}
