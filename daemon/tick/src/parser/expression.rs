//! Expressions: chains, lambdas, lists, and binary expressions by precedence climbing.

use std::sync::Arc;

use super::{Parsed, Parser, VALUE, append, check_depth, literal};
use crate::Diagnostic;
use crate::ast::{
    BinaryOp, Call, ChainOp, Comment, Expr, ExprKind, Link, LinkTarget, MAX_DEPTH, Pos, UnaryOp,
};
use crate::lexer::{Lexeme, Token};

impl Parser<'_> {
    /// A chain, a lambda, a list or a binary expression.
    pub(super) fn expression(&mut self) -> Result<Parsed, Diagnostic> {
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
        let mut place = head.place;
        while let Some(op) = chain_op(self.peek().token) {
            let mut comment = self.take_comment();
            let op_pos = self.next().start;
            let op_pos = self.pos(op_pos);
            place = op_pos;
            let name = self.expect(Token::Identifier)?;
            append(&mut comment, self.passed_comment());
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
        let pos = head.expr.pos;
        let kind = ExprKind::Chain { head: Box::new(head.expr), links };
        node(pos, place, kind, None, depth + 1)
    }

    /// A name, or a call of it. `full`: its arguments may be chains, lambdas and lists.
    fn name_or_call(&mut self, full: bool) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let name = self.expect(Token::Identifier)?;
        let pos = self.pos(name.start);
        if self.peek().token == Token::LeftParen {
            let call = self.call(name, full)?;
            let depth = depth_of(&call.args) + 1;
            return node(pos, pos, ExprKind::Call(call), comment, depth);
        }
        let kind = ExprKind::Identifier(self.slice(name).into());
        node(pos, pos, kind, comment, 1)
    }

    fn call(&mut self, name: Lexeme, full: bool) -> Result<Call, Diagnostic> {
        self.expect(Token::LeftParen)?;
        let line = self.pos(name.start).line;
        let mut args = Vec::new();
        let mut multi_line = false;
        while self.peek().token != Token::RightParen {
            let arg = if full { self.expression()? } else { self.binary_expression()? };
            multi_line = arg.place.line != line || starts_with_comment(&arg.expr);
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
        node(start, start, ExprKind::List(items), comment, 2)
    }

    fn lambda(&mut self) -> Result<Parsed, Diagnostic> {
        let comment = self.take_comment();
        let start = self.expect(Token::Lambda)?.start;
        let start = self.pos(start);
        let inner = self.binary_expression()?.expr;
        let depth = inner.depth + 1;
        node(start, start, ExprKind::Lambda(Arc::new(inner)), comment, depth)
    }

    pub(super) fn binary_expression(&mut self) -> Result<Parsed, Diagnostic> {
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
            let apart = left.place.line != right.place.line;
            let kind = ExprKind::Binary {
                op,
                multi_line: apart || starts_with_comment(&right.expr),
                parens: false,
                left: Box::new(left.expr),
                right: Box::new(right.expr),
            };
            left = self.binary_node(op_start, kind)?;
        }
        Ok(left)
    }

    fn binary_node(&self, at: usize, kind: ExprKind) -> Result<Parsed, Diagnostic> {
        let depth = match &kind {
            ExprKind::Binary { left, right, .. } => left.depth.max(right.depth) + 1,
            _ => 1,
        };
        let pos = self.pos(at);
        node(pos, pos, kind, None, depth)
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
        self.expect(Token::LeftParen)?;
        let Parsed { mut expr, place } = self.binary_expression()?;
        self.expect(Token::RightParen)?;
        append(&mut comment, expr.comment.take());
        expr.comment = comment;
        if let ExprKind::Binary { parens, .. } = &mut expr.kind {
            *parens = true;
        }
        Ok(Parsed { expr, place })
    }

    fn unary(&mut self, op: UnaryOp) -> Result<Parsed, Diagnostic> {
        let mut comment = self.take_comment();
        let start = self.next().start;
        let start = self.pos(start);
        let mut operand = self.primary()?.expr;
        append(&mut comment, operand.comment.take());
        let depth = operand.depth + 1;
        let kind = ExprKind::Unary { op, operand: Box::new(operand) };
        node(start, start, kind, comment, depth)
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
        node(pos, pos, kind, comment, 1)
    }
}

/// An expression of `depth` levels, whose errors name `pos`; lines break by `place`.
fn node(
    pos: Pos,
    place: Pos,
    kind: ExprKind,
    comment: Option<Comment>,
    depth: u32,
) -> Result<Parsed, Diagnostic> {
    check_depth(depth, MAX_DEPTH, pos)?;
    Ok(Parsed { expr: Expr { pos, kind, comment, depth }, place })
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
