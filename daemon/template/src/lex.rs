//! Cuts a template into tokens. Trim markers and comments are gone afterwards; what is wrong ends
//! the tokens with one [`Kind::Wrong`].

use crate::quote::character;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The text is the message.
    Wrong,
    End,
    /// Outside of actions.
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Bool,
    /// A single character such as `,`.
    Char,
    CharConstant,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    Field,
    Identifier,
    Number,
    RawString,
    String,
    Variable,
    Dot,
    /// `if`, `end`, `nil` and their kin.
    Keyword(Keyword),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

#[derive(Clone, Debug)]
pub(crate) struct Token<'s> {
    pub(crate) kind: Kind,
    /// Byte offset of the start.
    pub(crate) at: u32,
    /// Line of the start, from 1.
    pub(crate) line: u32,
    pub(crate) text: std::borrow::Cow<'s, str>,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

pub(crate) fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// All tokens; the last is [`Kind::End`] or [`Kind::Wrong`].
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { source, pos: 0, counted: 0, line: 1, depth: 0, tokens: Vec::new() };
    if let Err(message) = lexer.run() {
        lexer.push_owned(Kind::Wrong, lexer.pos, message);
    }
    lexer.tokens
}

struct Lexer<'s> {
    source: &'s str,
    pos: usize,
    /// Up to where `line` has counted.
    counted: usize,
    line: u32,
    /// Open parentheses.
    depth: u32,
    tokens: Vec<Token<'s>>,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn line_at(&mut self, at: usize) -> u32 {
        if at > self.counted {
            let passed = &self.source.as_bytes()[self.counted..at];
            self.line += passed.split(|byte| *byte == b'\n').count() as u32 - 1;
            self.counted = at;
        }
        self.line
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let line = self.line_at(start);
        let text = self.source[start..end].into();
        self.tokens.push(Token { kind, at: start as u32, line, text });
        self.pos = end;
    }

    fn push_owned(&mut self, kind: Kind, at: usize, text: String) {
        let line = self.line_at(at);
        self.tokens.push(Token { kind, at: at as u32, line, text: text.into() });
    }

    fn run(&mut self) -> Result<(), String> {
        let mut trim = false;
        loop {
            let start = self.pos;
            let open = self.rest().find(LEFT).map(|at| start + at);
            let end = open.unwrap_or(self.source.len());
            let mut text = &self.source[start..end];
            if trim {
                text = text.trim_start_matches(SPACES);
            }
            let text_start = end - text.len();
            let after = &self.source[(end + LEFT.len()).min(self.source.len())..];
            let left_trim = open.is_some() && has_left_trim(after);
            if left_trim {
                text = text.trim_end_matches(SPACES);
            }
            if !text.is_empty() {
                self.push(Kind::Text, text_start, text_start + text.len());
            }
            let Some(open) = open else {
                self.push(Kind::End, end, end);
                return Ok(());
            };
            trim = self.action(open, left_trim)?;
        }
    }

    /// One action or comment from its left delimiter on; whether its end trims.
    fn action(&mut self, open: usize, left_trim: bool) -> Result<bool, String> {
        let inside = open + LEFT.len() + if left_trim { 2 } else { 0 };
        if self.source[inside..].starts_with("/*") {
            self.pos = inside;
            let Some(length) = self.rest()[2..].find("*/") else {
                return Err("unclosed comment".to_owned());
            };
            self.pos = inside + 2 + length + 2;
            return match right_delim(self.rest()) {
                Some(trim) => {
                    self.pos += RIGHT.len() + if trim { 2 } else { 0 };
                    Ok(trim)
                }
                None => Err("comment ends before closing delimiter".to_owned()),
            };
        }
        self.push(Kind::LeftDelim, open, open + LEFT.len());
        self.pos = inside;
        self.depth = 0;
        loop {
            if let Some(trim) = right_delim(self.rest()) {
                if self.depth > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                let start = self.pos + if trim { 2 } else { 0 };
                self.push(Kind::RightDelim, start, start + RIGHT.len());
                return Ok(trim);
            }
            self.item()?;
        }
    }

    /// One token inside an action.
    fn item(&mut self) -> Result<(), String> {
        let start = self.pos;
        let Some(c) = self.peek() else { return Err("unclosed action".to_owned()) };
        let one = start + c.len_utf8();
        match c {
            c if is_space(c) => self.space(),
            '=' => self.push(Kind::Assign, start, one),
            ':' if self.rest().starts_with(":=") => self.push(Kind::Declare, start, start + 2),
            ':' => return Err("expected :=".to_owned()),
            '|' => self.push(Kind::Pipe, start, one),
            '"' => return self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => {
                return self.quoted('\'', Kind::CharConstant, "unterminated character constant");
            }
            '`' => match self.source[one..].find('`') {
                Some(length) => self.push(Kind::RawString, start, one + length + 1),
                None => return Err("unterminated raw quoted string".to_owned()),
            },
            '$' => return self.named(Kind::Variable, one),
            '.' if !self.source[one..].starts_with(|c: char| c.is_ascii_digit()) => {
                return self.named(Kind::Field, one);
            }
            '.' | '+' | '-' | '0'..='9' => return self.number(),
            c if is_word(c) => return self.word(),
            '(' => {
                self.depth += 1;
                self.push(Kind::LeftParen, start, one);
            }
            ')' => {
                if self.depth == 0 {
                    return Err("unexpected right paren".to_owned());
                }
                self.depth -= 1;
                self.push(Kind::RightParen, start, one);
            }
            ' '..='~' => self.push(Kind::Char, start, one),
            c => return Err(format!("unrecognized character in action: {}", character(c))),
        }
        Ok(())
    }

    /// A run of blanks, without the one that belongs to a `-}}`.
    fn space(&mut self) {
        let rest = self.rest();
        let mut length = rest.len() - rest.trim_start_matches(SPACES).len();
        if rest[length - 1..].get(1..).is_some_and(|rest| rest.starts_with("-}}")) {
            length -= 1;
        }
        if length > 0 {
            self.push(Kind::Space, self.pos, self.pos + length);
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<(), String> {
        let start = self.pos;
        let mut chars = self.source[start + 1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.next().is_none_or(|(_, c)| c == '\n') => break,
                '\\' => {}
                '\n' => break,
                c if c == quote => {
                    self.push(kind, start, start + 1 + at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(unterminated.to_owned())
    }

    /// A field or variable; alone its sign is the dot or the whole data.
    fn named(&mut self, kind: Kind, after_sign: usize) -> Result<(), String> {
        let start = self.pos;
        let end = self.word_end(after_sign);
        self.pos = end;
        self.terminated()?;
        self.push(
            if end == start + 1 && kind == Kind::Field { Kind::Dot } else { kind },
            start,
            end,
        );
        Ok(())
    }

    fn word_end(&self, start: usize) -> usize {
        let rest = &self.source[start..];
        start + rest.find(|c| !is_word(c)).unwrap_or(rest.len())
    }

    fn terminated(&self) -> Result<(), String> {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | '(' | ')') => Ok(()),
            Some(_) if self.rest().starts_with(RIGHT) => Ok(()),
            Some(c) => Err(format!("bad character {}", character(c))),
        }
    }

    fn word(&mut self) -> Result<(), String> {
        let start = self.pos;
        let end = self.word_end(start);
        self.pos = end;
        self.terminated()?;
        let kind = match &self.source[start..end] {
            "true" | "false" => Kind::Bool,
            word => keyword(word).map_or(Kind::Identifier, Kind::Keyword),
        };
        self.push(kind, start, end);
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        let start = self.pos;
        let bytes = self.source.as_bytes();
        let mut at = start;
        let skip = |at: &mut usize, set: &str| {
            let from = *at;
            while bytes.get(*at).is_some_and(|byte| set.contains(*byte as char)) {
                *at += 1;
            }
            *at > from
        };
        let one = |at: &mut usize, set: &str| {
            let found = bytes.get(*at).is_some_and(|byte| set.contains(*byte as char));
            *at += usize::from(found);
            found
        };
        one(&mut at, "+-");
        let mut digits = "0123456789_";
        let (mut decimal, mut hex) = (true, false);
        if one(&mut at, "0") {
            if one(&mut at, "xX") {
                (digits, decimal, hex) = ("0123456789abcdefABCDEF_", false, true);
            } else if one(&mut at, "oO") {
                (digits, decimal) = ("01234567_", false);
            } else if one(&mut at, "bB") {
                (digits, decimal) = ("01_", false);
            }
        }
        skip(&mut at, digits);
        if one(&mut at, ".") {
            skip(&mut at, digits);
        }
        if decimal && one(&mut at, "eE") || hex && one(&mut at, "pP") {
            one(&mut at, "+-");
            skip(&mut at, "0123456789_");
        }
        one(&mut at, "i");
        if let Some(next) = self.source[at..].chars().next().filter(|c| is_word(*c)) {
            let bad = &self.source[start..at + next.len_utf8()];
            return Err(format!("bad number syntax: {}", crate::quote::quoted(bad)));
        }
        self.push(Kind::Number, start, at);
        Ok(())
    }
}

/// `- ` after a left delimiter.
fn has_left_trim(after: &str) -> bool {
    after.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// Whether a right delimiter stands here, and whether it trims.
fn right_delim(rest: &str) -> Option<bool> {
    if rest.starts_with(RIGHT) {
        return Some(false);
    }
    let mut chars = rest.chars();
    (chars.next().is_some_and(is_space) && chars.as_str().starts_with("-}}")).then_some(true)
}

fn keyword(word: &str) -> Option<Keyword> {
    Some(match word {
        "block" => Keyword::Block,
        "break" => Keyword::Break,
        "continue" => Keyword::Continue,
        "define" => Keyword::Define,
        "else" => Keyword::Else,
        "end" => Keyword::End,
        "if" => Keyword::If,
        "nil" => Keyword::Nil,
        "range" => Keyword::Range,
        "template" => Keyword::Template,
        "with" => Keyword::With,
        _ => return None,
    })
}
