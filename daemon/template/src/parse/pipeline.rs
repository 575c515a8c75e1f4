//! Pipelines, commands and their terms.

use super::Parser;
use crate::func::Function;
use crate::lex::{Keyword, Kind, Token};
use crate::quote::{quoted, unquote_char};
use crate::tree::{Command, Number, Pipe, Term, TermKind};

impl Parser<'_> {
    /// A pipeline up to and with the token that ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, String> {
        self.peek_solid();
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        let (variables, assign) = self.variables(context)?;
        let mut pipe = Pipe { at, assign, variables, commands: Vec::new(), escapers: Vec::new() };
        loop {
            let token = self.take_solid();
            match token.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Keyword(Keyword::Nil)
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back();
                    pipe.commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    /// `$a, $b :=` in front of a pipeline, and whether it assigns.
    fn variables(&mut self, context: &str) -> Result<(Vec<Box<str>>, bool), String> {
        let mut names: Vec<Box<str>> = Vec::new();
        while self.peek_solid() == Kind::Variable {
            let start = self.next;
            let name: Box<str> = self.take().text.into();
            match self.peek_solid() {
                kind @ (Kind::Assign | Kind::Declare) => {
                    self.take();
                    names.push(name.clone());
                    self.variables.push(name);
                    return Ok((names, kind == Kind::Assign));
                }
                Kind::Char if self.tokens[self.next].text == "," => {
                    self.take();
                    names.push(name.clone());
                    self.variables.push(name);
                    if context != "range" || names.len() >= 2 {
                        return self.wrong(format_args!("too many declarations in {context}"));
                    }
                    if !matches!(
                        self.peek_solid(),
                        Kind::Variable | Kind::RightDelim | Kind::RightParen
                    ) {
                        return self.wrong("range can only initialize variables");
                    }
                }
                _ => {
                    self.next = start;
                    break;
                }
            }
        }
        Ok((names, false))
    }

    fn check(&mut self, pipe: &Pipe, context: &str) -> Result<(), String> {
        if pipe.commands.is_empty() {
            return self.wrong(format_args!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if matches!(
                command.terms[0].kind,
                TermKind::Bool(_)
                    | TermKind::Dot
                    | TermKind::Nil
                    | TermKind::Number { .. }
                    | TermKind::Text { .. }
            ) {
                let stage = i + 1;
                return self
                    .wrong(format_args!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut terms = Vec::new();
        loop {
            self.peek_solid();
            terms.extend(self.operand()?);
            let token = self.take();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.back();
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        if terms.is_empty() {
            return self.wrong("empty command");
        }
        Ok(Command { terms })
    }

    /// A term with its fields.
    fn operand(&mut self) -> Result<Option<Term>, String> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        let at = self.tokens[self.next.min(self.tokens.len() - 1)].at;
        let mut fields: Vec<Box<str>> = Vec::new();
        while self.peek() == Kind::Field {
            fields.push(self.take().text[1..].into());
        }
        if fields.is_empty() {
            return Ok(Some(term));
        }
        let before = std::mem::replace(&mut term.at, at);
        match &mut term.kind {
            TermKind::Field(names) | TermKind::Variable(_, names) => names.extend(fields),
            TermKind::Function(_) | TermKind::Pipe(_) | TermKind::Chain(..) => {
                term.at = before;
                return Ok(Some(Term { at, kind: TermKind::Chain(Box::new(term), fields) }));
            }
            TermKind::Dot
            | TermKind::Nil
            | TermKind::Bool(_)
            | TermKind::Text { .. }
            | TermKind::Number { .. } => {
                let term = quoted(&term.to_string());
                return self.wrong(format_args!("unexpected . after term {term}"));
            }
        }
        Ok(Some(term))
    }

    fn term(&mut self) -> Result<Option<Term>, String> {
        let token = self.take_solid();
        let kind = match token.kind {
            Kind::Identifier => match Function::named(&token.text, self.extras) {
                Some(function) => TermKind::Function(function),
                None => {
                    let name = quoted(&token.text);
                    return self.wrong(format_args!("function {name} not defined"));
                }
            },
            Kind::Dot => TermKind::Dot,
            Kind::Keyword(Keyword::Nil) => TermKind::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|name| **name == *token.text) {
                    let name = quoted(&token.text);
                    return self.wrong(format_args!("undefined variable {name}"));
                }
                TermKind::Variable(token.text.into(), Vec::new())
            }
            Kind::Field => TermKind::Field(vec![token.text[1..].into()]),
            Kind::Bool => TermKind::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Number => match number(&token) {
                Ok(value) => TermKind::Number { value, source: token.text.into() },
                Err(message) => return self.wrong(message),
            },
            Kind::LeftParen => {
                self.deeper()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.nesting -= 1;
                TermKind::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => {
                TermKind::Text { value: self.text(&token)?.into(), source: token.text.into() }
            }
            _ => {
                self.back();
                return Ok(None);
            }
        };
        Ok(Some(Term { at: token.at, kind }))
    }
}

/// The value of a number or character literal.
fn number(token: &Token<'_>) -> Result<Number, String> {
    let text = &*token.text;
    if token.kind == Kind::CharConstant {
        let malformed = || format!("malformed character constant: {text}");
        return unquote_char(text).map(|c| Number::Int(c.into())).ok_or_else(malformed);
    }
    let syntax = || format!("illegal number syntax: {}", quoted(text));
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.ends_with('i') {
        return Err("complex numbers are not supported".to_owned());
    }
    let lower = digits.to_ascii_lowercase();
    let (radix, whole) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some(start) if start.starts_with('0') && !lower.contains(['.', 'e']) => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let separated = radix != 10 && whole.starts_with('_');
    if whole.contains("__") || whole.ends_with('_') || (whole.starts_with('_') && !separated) {
        return Err(syntax());
    }
    let plain = whole.replace('_', "");
    if let Ok(value) = u64::from_str_radix(&plain, radix) {
        let signed = if negative { -i128::from(value) } else { i128::from(value) };
        return match i64::try_from(signed) {
            Ok(value) => Ok(Number::Int(value)),
            Err(_) if negative => Err(format!("integer overflow: {}", quoted(text))),
            Err(_) => Ok(Number::TooLarge),
        };
    }
    let value = match radix {
        // Written with digits alone it must fit an integer.
        10 if plain.bytes().all(|byte| byte.is_ascii_digit()) && !plain.is_empty() => {
            return Err(format!("integer overflow: {}", quoted(text)));
        }
        10 => plain.parse().ok(),
        16 => hex_float(&plain),
        _ => None,
    };
    match value {
        Some(value) => Ok(Number::Float(if negative { -value } else { value })),
        None => Err(syntax()),
    }
}

/// `1.8p3` without its `0x`.
fn hex_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{part}");
    let value = u64::from_str_radix(&all, 16).ok()? as f64;
    let exponent: i32 = exponent.parse().ok()?;
    Some(value * 2f64.powi(exponent.saturating_sub(4 * part.len() as i32)))
}
