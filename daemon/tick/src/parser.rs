//! Tokens to tree, with Kapacitor's error texts.
//!
//! Comments are never lost: one that stands before a token no element begins with (`)`, `,`, `=`, a
//! binary operator) moves to the next element, or in front of the whole binary expression.

mod literal;

use std::sync::Arc;

use crate::Diagnostic;
use crate::ast::{
    BinaryOp, Call, ChainOp, Comment, Expr, ExprKind, Ident, Lambda, Link, LinkTarget, MAX_DEPTH,
    Pos, Program, Statement, StatementKind, UnaryOp,
};
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
        if lexeme.token == Token::LeftParen && !statements.is_empty() {
            return Err(parser.unexpected(lexeme, "\"EOF\"").with_hint(
                "a statement cannot start with a parenthesis; is an operator missing before it?",
            ));
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

/// An expression with the place of its first token, parentheses included.
struct Parsed {
    expr: Expr,
    start: Pos,
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

    fn take_comment(&mut self) -> Option<Comment> {
        self.peek();
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
        self.check_depth(self.nest, MAX_NEST, self.pos(start))
    }

    fn check_depth(&self, depth: u32, limit: u32, pos: Pos) -> Result<(), Diagnostic> {
        if depth <= limit {
            return Ok(());
        }
        let text = format!("parser: expression is nested too deep at {pos}, the limit is {limit}");
        Err(Diagnostic::new(pos, text))
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
        let inner = std::mem::take(&mut self.comments);
        append(comment, (!inner.is_empty()).then_some(Comment { blocks: inner }));
        Ok(StatementKind::Dbrp {
            database: literal::unquote(self.slice(database), '"'),
            retention_policy: literal::unquote(self.slice(retention_policy), '"'),
        })
    }

    fn identifier(&mut self, comment: &mut Option<Comment>) -> Result<Ident, Diagnostic> {
        let lexeme = self.expect(Token::Identifier)?;
        let inner = std::mem::take(&mut self.comments);
        append(comment, (!inner.is_empty()).then_some(Comment { blocks: inner }));
        Ok(Ident { name: self.slice(lexeme).into(), pos: self.pos(lexeme.start) })
    }

    /// A chain, a lambda, a list or a binary expression.
    fn expression(&mut self) -> Result<Parsed, Diagnostic> {
        self.enter()?;
        let parsed = match self.peek().token {
            Token::Identifier => {
                let head = self.name_or_call(true)?;
                if chain_op(self.peek().token).is_some() {
                    self.chain(head)
                } else {
                    self.binary(head, 0)
                }
            }
            Token::Lambda => self.lambda(),
            Token::LeftBracket => self.list(),
            _ => self.binary_expression(),
        }?;
        self.nest -= 1;
        Ok(parsed)
    }

    fn chain(&mut self, head: Parsed) -> Result<Parsed, Diagnostic> {
        let mut links = Vec::new();
        let mut depth = head.expr.depth;
        while let Some(op) = chain_op(self.peek().token) {
            let mut comment = self.take_comment();
            let op_pos = self.next().start;
            let op_pos = self.pos(op_pos);
            let name = self.expect(Token::Identifier)?;
            append(&mut comment, self.take_comment_before_paren());
            let pos = self.pos(name.start);
            let target = if op == ChainOp::Chain || self.peek().token == Token::LeftParen {
                let call = self.call(name, true)?;
                depth = depth.max(depth_of(&call.args));
                LinkTarget::Call(call)
            } else {
                LinkTarget::Name(self.slice(name).into())
            };
            links.push(Link { op, op_pos, pos, comment, target });
        }
        let pos = head.start;
        let kind = ExprKind::Chain { head: Box::new(head.expr), links };
        self.node(pos, pos, kind, None, depth + 1)
    }

    /// Comments between a chain operator and its name; the name has just been read.
    fn take_comment_before_paren(&mut self) -> Option<Comment> {
        let blocks = std::mem::take(&mut self.comments);
        (!blocks.is_empty()).then_some(Comment { blocks })
    }

    /// A name, or a call of it. `full`: its arguments may be chains, lambdas and lists.
    fn name_or_call(&mut self, full: bool) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let name = self.expect(Token::Identifier)?;
        let pos = self.pos(name.start);
        if self.peek().token == Token::LeftParen {
            let call = self.call(name, full)?;
            let depth = depth_of(&call.args) + 1;
            return self.node(pos, pos, ExprKind::Call(call), comment, depth);
        }
        let kind = ExprKind::Identifier(self.slice(name).into());
        self.node(pos, pos, kind, comment, 1)
    }

    fn call(&mut self, name: Lexeme, full: bool) -> Result<Call, Diagnostic> {
        self.expect(Token::LeftParen)?;
        let line = self.pos(name.start).line;
        let mut args = Vec::new();
        let mut multi_line = false;
        while self.peek().token != Token::RightParen {
            let arg = if full { self.expression()? } else { self.binary_expression()? };
            multi_line = arg.start.line != line || starts_with_comment(&arg.expr);
            args.push(arg.expr);
            if self.peek().token != Token::Comma {
                break;
            }
            self.next();
        }
        self.expect(Token::RightParen)?;
        Ok(Call { name: self.slice(name).into(), args, multi_line })
    }

    fn list(&mut self) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let start = self.expect(Token::LeftBracket)?.start;
        let start = self.pos(start);
        let mut items = Vec::new();
        while self.peek().token != Token::RightBracket {
            let lexeme = self.peek();
            items.push(match lexeme.token {
                Token::Identifier | Token::String | Token::Star => self.literal()?.expr,
                _ => return Err(self.unexpected(lexeme, r#""identifier","string","*""#)),
            });
            if self.peek().token != Token::Comma {
                break;
            }
            self.next();
        }
        self.expect(Token::RightBracket)?;
        self.node(start, start, ExprKind::List(items), comment, 2)
    }

    fn lambda(&mut self) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let start = self.expect(Token::Lambda)?.start;
        let start = self.pos(start);
        let inner = self.binary_expression()?.expr;
        let depth = inner.depth + 1;
        self.node(start, start, ExprKind::Lambda(Arc::new(inner)), comment, depth)
    }

    fn binary_expression(&mut self) -> Result<Parsed, Diagnostic> {
        let first = self.primary()?;
        self.binary(first, 0)
    }

    /// Precedence climbing; every operator is left-associative.
    fn binary(&mut self, mut left: Parsed, min: u8) -> Result<Parsed, Diagnostic> {
        while let Token::Operator(op) = self.peek().token {
            if op.precedence() < min {
                break;
            }
            let comment = self.take_comment();
            let op_start = self.next().start;
            let mut right = self.primary()?;
            while let Token::Operator(next) = self.peek().token {
                if next.precedence() <= op.precedence() {
                    break;
                }
                right = self.binary(right, next.precedence())?;
            }
            append(&mut leading(&mut left.expr).comment, comment);
            let start = left.start;
            let kind = ExprKind::Binary {
                op,
                multi_line: start.line != right.expr.pos.line
                    || starts_with_comment(&right.expr),
                parens: false,
                left: Box::new(left.expr),
                right: Box::new(right.expr),
            };
            left = self.binary_node(op_start, start, kind)?;
        }
        Ok(left)
    }

    fn binary_node(&self, at: usize, start: Pos, kind: ExprKind) -> Result<Parsed, Diagnostic> {
        let depth = match &kind {
            ExprKind::Binary { left, right, .. } => left.depth.max(right.depth) + 1,
            _ => 1,
        };
        self.node(self.pos(at), start, kind, None, depth)
    }

    fn primary(&mut self) -> Result<Parsed, Diagnostic> {
        self.enter()?;
        let parsed = match self.peek().token {
            Token::LeftParen => self.parenthesized(),
            Token::Identifier => self.name_or_call(false),
            Token::Operator(BinaryOp::Minus) => self.unary(UnaryOp::Minus),
            Token::Not => self.unary(UnaryOp::Not),
            _ => self.literal(),
        }?;
        self.nest -= 1;
        Ok(parsed)
    }

    /// Parentheses around anything but a binary expression, and doubled ones, leave no trace.
    fn parenthesized(&mut self) -> Result<Parsed, Diagnostic> {
        let mut comment = self.take_comment();
        let open = self.expect(Token::LeftParen)?.start;
        let Parsed { mut expr, mut start } = self.binary_expression()?;
        self.expect(Token::RightParen)?;
        append(&mut comment, expr.comment.take());
        expr.comment = comment;
        if let ExprKind::Binary { parens, .. } = &mut expr.kind
            && !*parens
        {
            *parens = true;
            start = self.pos(open);
        }
        Ok(Parsed { expr, start })
    }

    fn unary(&mut self, op: UnaryOp) -> Result<Parsed, Diagnostic> {
        let mut comment = self.take_comment();
        let start = self.next().start;
        let start = self.pos(start);
        let mut operand = self.primary()?.expr;
        append(&mut comment, operand.comment.take());
        let depth = operand.depth + 1;
        let kind = ExprKind::Unary { op, operand: Box::new(operand) };
        self.node(start, start, kind, comment, depth)
    }

    fn literal(&mut self) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let lexeme = self.peek();
        let pos = self.pos(lexeme.start);
        let text = self.slice(lexeme);
        let kind = match lexeme.token {
            Token::Number => literal::number(text),
            Token::Duration => literal::duration(text),
            Token::Regex => literal::regex(text),
            Token::String => Ok(literal::string(text)),
            Token::True => Ok(ExprKind::Bool(true)),
            Token::False => Ok(ExprKind::Bool(false)),
            Token::Star => Ok(ExprKind::Star),
            Token::Reference => Ok(ExprKind::Reference(literal::unquote(text, '"'))),
            Token::Identifier => Ok(ExprKind::Identifier(text.into())),
            _ => return Err(self.unexpected(lexeme, VALUE)),
        };
        self.next();
        let kind = kind.map_err(|e| Diagnostic::new(pos, format!("parser: {e}")))?;
        self.node(pos, pos, kind, comment, 1)
    }

    fn node(
        &self,
        pos: Pos,
        start: Pos,
        kind: ExprKind,
        comment: Option<Comment>,
        depth: u32,
    ) -> Result<Parsed, Diagnostic> {
        self.check_depth(depth, MAX_DEPTH, pos)?;
        Ok(Parsed { expr: Expr { pos, kind, comment, depth }, start })
    }
}

fn chain_op(token: Token) -> Option<ChainOp> {
    match token {
        Token::Pipe => Some(ChainOp::Chain),
        Token::Dot => Some(ChainOp::Property),
        Token::At => Some(ChainOp::Dynamic),
        _ => None,
    }
}

fn depth_of(args: &[Expr]) -> u32 {
    args.iter().map(|arg| arg.depth).max().unwrap_or(0)
}

/// The element that is printed first: where a comment of the whole expression belongs.
fn leading(expr: &mut Expr) -> &mut Expr {
    if matches!(expr.kind, ExprKind::Binary { parens: false, .. }) {
        let ExprKind::Binary { left, .. } = &mut expr.kind else {
            unreachable!("matched above");
        };
        return leading(left);
    }
    expr
}

/// A comment is printed before the element, so the element starts a line of its own.
fn starts_with_comment(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary { parens: false, left, .. } => starts_with_comment(left),
        _ => expr.comment.is_some(),
    }
}

fn append(to: &mut Option<Comment>, more: Option<Comment>) {
    if let Some(more) = more {
        to.get_or_insert_default().blocks.extend(more.blocks);
    }
}
