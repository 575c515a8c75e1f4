//! Tokens to tree, with Kapacitor's error texts.
//!
//! Comments are never lost: one that stands before a token no element begins with (`)`, `,`, `=`, a
//! binary operator) moves to the next element, or in front of the whole binary expression.

mod expression;
mod literal;

use std::sync::Arc;

use crate::Diagnostic;
use crate::ast::{Comment, Expr, Ident, Lambda, Pos, Program, Statement, StatementKind};
use crate::lexer::{Lexeme, Lexer, Token};

/// The longest script accepted, in bytes.
pub const MAX_SCRIPT: usize = 8 << 20;

/// The deepest nesting of parentheses, calls and unary operators in a script: each level costs stack.
pub const MAX_NEST: u32 = 200;

const VALUE: &str = r#""number","string","duration","identifier","TRUE","FALSE","==","(","-","!""#;

/// Parses a whole script.
pub fn parse(text: &str) -> Result<Program, Diagnostic> {
    let mut parser = Parser::new(text)?;
    let mut statements: Vec<Statement> = Vec::new();
    loop {
        let lexeme = parser.peek();
        if lexeme.token == Token::Eof {
            break;
        }
        statements.push(parser.statement()?);
    }
    let pos = parser.pos(text.len());
    let comment = parser.take_comment();
    if comment.is_some() {
        statements.push(Statement { pos, kind: StatementKind::Trailing, comment });
    }
    Ok(Program { statements })
}

/// Parses the text of a lambda without the word `lambda:`, as the API sends lambda vars and handler
/// `match` expressions. Identifiers in it stay unresolved.
pub fn parse_lambda(text: &str) -> Result<Lambda, Diagnostic> {
    let mut parser = Parser::new(text)?;
    let parsed = parser.binary_expression()?;
    parser.expect(Token::Eof)?;
    Ok(Lambda { expr: Arc::new(parsed.expr) })
}

/// An expression with the place that decides where lines break: the last operator of a chain, the
/// operator of a binary expression, else the first token.
struct Parsed {
    expr: Expr,
    place: Pos,
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    peeked: Option<Lexeme>,
    /// Offsets at which lines start.
    lines: Vec<usize>,
    /// Comments passed and not yet attached.
    comments: Vec<Vec<Arc<str>>>,
    /// Nested expressions around the current token.
    nest: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Diagnostic> {
        if text.len() > MAX_SCRIPT {
            let message = format!("parser: script is longer than {MAX_SCRIPT} bytes");
            return Err(Diagnostic::new(Pos::default(), message));
        }
        let after = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(after).collect();
        let lexer = Lexer::new(text);
        Ok(Self { text, lexer, peeked: None, lines, comments: Vec::new(), nest: 0 })
    }

    fn pos(&self, offset: usize) -> Pos {
        let line = self.lines.partition_point(|start| *start <= offset);
        let column = offset - self.lines[line - 1] + 1;
        Pos { offset: offset as u32, line: line as u32, column: column as u32 }
    }

    fn peek(&mut self) -> Lexeme {
        if let Some(lexeme) = self.peeked {
            return lexeme;
        }
        let lexeme = self.lexer.next();
        self.comments.append(&mut self.lexer.take_comments());
        self.peeked = Some(lexeme);
        lexeme
    }

    fn next(&mut self) -> Lexeme {
        let lexeme = self.peek();
        self.peeked = None;
        lexeme
    }

    fn expect(&mut self, token: Token) -> Result<Lexeme, Diagnostic> {
        let lexeme = self.next();
        if lexeme.token == token {
            Ok(lexeme)
        } else {
            Err(self.unexpected(lexeme, &format!("\"{token}\"")))
        }
    }

    fn slice(&self, lexeme: Lexeme) -> &'a str {
        &self.text[lexeme.start..lexeme.end]
    }

    /// The comments before the next token, and floating ones before it.
    fn take_comment(&mut self) -> Option<Comment> {
        self.peek();
        self.passed_comment()
    }

    /// The comments before the token read last, and floating ones before it.
    fn passed_comment(&mut self) -> Option<Comment> {
        let blocks = std::mem::take(&mut self.comments);
        (!blocks.is_empty()).then_some(Comment { blocks })
    }

    /// `parser: unexpected TOKEN line L char C in "SNIPPET". expected: …`; the snippet is what stands
    /// up to ten bytes around the token on its line.
    fn unexpected(&self, lexeme: Lexeme, expected: &str) -> Diagnostic {
        const AROUND: usize = 10;
        let bytes = self.text.as_bytes();
        let at = lexeme.start;
        let line_start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let from = at.saturating_sub(AROUND).max(line_start);
        let near = &bytes[at..bytes.len().min(at + AROUND)];
        let to = at + near.iter().position(|b| *b == b'\n').unwrap_or(near.len());
        let snippet = String::from_utf8_lossy(&bytes[from..to]);
        let pos = self.pos(at);
        let token = lexeme.token;
        Diagnostic::new(
            pos,
            format!("parser: unexpected {token} {pos} in \"{snippet}\". expected: {expected}"),
        )
    }

    /// Enters one level of nesting; each caller leaves it by `self.nest -= 1`.
    fn enter(&mut self) -> Result<(), Diagnostic> {
        self.nest += 1;
        let start = self.peek().start;
        check_depth(self.nest, MAX_NEST, self.pos(start))
    }

    fn statement(&mut self) -> Result<Statement, Diagnostic> {
        let first = self.peek();
        let pos = self.pos(first.start);
        let mut comment = self.take_comment();
        let kind = match first.token {
            Token::Var => self.declaration(&mut comment)?,
            Token::Dbrp => self.dbrp(&mut comment)?,
            _ => StatementKind::Expression(self.expression()?.expr),
        };
        Ok(Statement { pos, kind, comment })
    }

    fn declaration(&mut self, comment: &mut Option<Comment>) -> Result<StatementKind, Diagnostic> {
        self.expect(Token::Var)?;
        let name = self.identifier(comment)?;
        if self.peek().token == Token::Assign {
            append(comment, self.take_comment());
            self.next();
            let value = self.expression()?.expr;
            return Ok(StatementKind::Declaration { name, value });
        }
        let kind = self.identifier(comment)?;
        Ok(StatementKind::TypeDeclaration { name, kind })
    }

    fn dbrp(&mut self, comment: &mut Option<Comment>) -> Result<StatementKind, Diagnostic> {
        self.expect(Token::Dbrp)?;
        let database = self.expect(Token::Reference)?;
        self.expect(Token::Dot)?;
        let retention_policy = self.expect(Token::Reference)?;
        append(comment, self.passed_comment());
        Ok(StatementKind::Dbrp {
            database: literal::unquote(self.slice(database), '"'),
            retention_policy: literal::unquote(self.slice(retention_policy), '"'),
        })
    }

    fn identifier(&mut self, comment: &mut Option<Comment>) -> Result<Ident, Diagnostic> {
        let lexeme = self.expect(Token::Identifier)?;
        append(comment, self.passed_comment());
        Ok(Ident { name: self.slice(lexeme).into(), pos: self.pos(lexeme.start) })
    }
}

fn check_depth(depth: u32, limit: u32, pos: Pos) -> Result<(), Diagnostic> {
    if depth <= limit {
        return Ok(());
    }
    let text = format!("parser: expression is nested too deep at {pos}, the limit is {limit}");
    Err(Diagnostic::new(pos, text))
}

fn append(to: &mut Option<Comment>, more: Option<Comment>) {
    if let Some(more) = more {
        to.get_or_insert_default().blocks.extend(more.blocks);
    }
}
