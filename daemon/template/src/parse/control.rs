//! The actions: control structures, calls of templates, and plain pipelines.

use super::{Parser, Step, Stop};
use crate::lex::{Keyword, Kind};
use crate::tree::{Branch, Call, Node, Pipe};

impl Parser<'_> {
    /// An action after its left delimiter.
    pub(super) fn action(&mut self) -> Result<Step, String> {
        let token = self.take_solid();
        let Kind::Keyword(keyword) = token.kind else {
            self.back();
            return Ok(Step::Node(Node::Action(self.pipeline("command", Kind::RightDelim)?)));
        };
        Ok(match keyword {
            Keyword::If => Step::Node(Node::If(self.branch("if")?)),
            Keyword::With => Step::Node(Node::With(self.branch("with")?)),
            Keyword::Range => Step::Node(Node::Range(self.branch("range")?)),
            Keyword::Template => Step::Node(Node::Call(self.call()?)),
            Keyword::Block => Step::Node(Node::Call(self.block()?)),
            Keyword::Break => Step::Node(self.leave("break", Node::Break)?),
            Keyword::Continue => Step::Node(self.leave("continue", Node::Continue)?),
            Keyword::End => {
                self.expect(Kind::RightDelim, "end")?;
                Step::Stop(Stop::End)
            }
            Keyword::Else => {
                let next = self.peek_solid();
                if !matches!(next, Kind::Keyword(Keyword::If | Keyword::With)) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                Step::Stop(Stop::Else)
            }
            Keyword::Define | Keyword::Nil => {
                self.back();
                Step::Node(Node::Action(self.pipeline("command", Kind::RightDelim)?))
            }
        })
    }

    fn branch(&mut self, context: &str) -> Result<Branch, String> {
        self.deeper()?;
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.ranges += usize::from(context == "range");
        let (body, stop) = self.list()?;
        self.ranges -= usize::from(context == "range");
        let other = match stop {
            Stop::End => Vec::new(),
            Stop::Else => self.other(context)?,
        };
        self.variables.truncate(scope);
        self.nesting -= 1;
        Ok(Branch { pipe, body, other })
    }

    /// What follows an `else`; an `else if` shares its `end`.
    fn other(&mut self, context: &str) -> Result<Vec<Node>, String> {
        match (context, self.peek()) {
            ("if", Kind::Keyword(Keyword::If)) => {
                self.take();
                Ok(vec![Node::If(self.branch("if")?)])
            }
            ("with", Kind::Keyword(Keyword::With)) => {
                self.take();
                Ok(vec![Node::With(self.branch("with")?)])
            }
            _ => match self.list()? {
                (nodes, Stop::End) => Ok(nodes),
                (_, Stop::Else) => self.wrong("expected end; found {{else}}"),
            },
        }
    }

    fn leave(&mut self, word: &str, node: Node) -> Result<Node, String> {
        let token = self.take_solid();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, &format!("{{{{{word}}}}}"));
        }
        if self.ranges == 0 {
            return self.wrong(format_args!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn call(&mut self) -> Result<Call, String> {
        const CONTEXT: &str = "template clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.argument(CONTEXT)?;
        Ok(Call { at: token.at, name, pipe, body: None })
    }

    fn argument(&mut self, context: &str) -> Result<Option<Pipe>, String> {
        if self.take_solid().kind == Kind::RightDelim {
            return Ok(None);
        }
        self.back();
        self.pipeline(context, Kind::RightDelim).map(Some)
    }

    /// A definition and its call in one.
    fn block(&mut self) -> Result<Call, String> {
        const CONTEXT: &str = "block clause";
        let token = self.take_solid();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        self.deeper()?;
        let outer = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, stop) = self.list()?;
        if matches!(stop, Stop::Else) {
            return self.wrong(format_args!("unexpected {{{{else}}}} in {CONTEXT}"));
        }
        (self.variables, self.ranges) = (outer, ranges);
        self.nesting -= 1;
        self.define(name.clone(), nodes)?;
        Ok(Call { at: token.at, name, pipe: Some(pipe), body: None })
    }
}
