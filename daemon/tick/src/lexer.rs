//! Text to tokens.
//!
//! One rule needs memory: after a *value end* (identifier, keyword, number, duration, string,
//! reference or `)`) the next characters are first tried as a binary operator; everywhere else `/`
//! starts a regex and `*` is a star. Comments never are tokens: they gather in
//! [`Lexer::take_comments`] until the parser attaches them to an element.

use std::fmt;
use std::sync::Arc;

use crate::ast::BinaryOp;

/// The kinds of token. `Display` gives the name used in parser messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Eof,
    Var,
    Dbrp,
    Identifier,
    Reference,
    Duration,
    Lambda,
    Number,
    String,
    Regex,
    Star,
    Dot,
    Pipe,
    At,
    Assign,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Comma,
    Not,
    True,
    False,
    Operator(BinaryOp),
    Error(LexError),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eof => "EOF",
            Self::Var => "var",
            Self::Dbrp => "dbrp",
            Self::Identifier => "identifier",
            Self::Reference => "reference",
            Self::Duration => "duration",
            Self::Lambda => "lambda",
            Self::Number => "number",
            Self::String => "string",
            Self::Regex => "regex",
            Self::Star => "*",
            Self::Dot => ".",
            Self::Pipe => "|",
            Self::At => "@",
            Self::Assign => "=",
            Self::LeftParen => "(",
            Self::RightParen => ")",
            Self::LeftBracket => "[",
            Self::RightBracket => "]",
            Self::Comma => ",",
            Self::Not => "!",
            Self::True => "TRUE",
            Self::False => "FALSE",
            Self::Operator(op) => op.symbol(),
            Self::Error(error) => return error.fmt(f),
        })
    }
}

/// Text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexError {
    UnknownState(char),
    UnterminatedReference,
    UnterminatedString,
    UnterminatedRegex,
    MultipleDecimals,
}

impl fmt::Display for LexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownState(c) => {
                f.write_str("unknown state, last char: '")?;
                match c {
                    '\'' => f.write_str("\\'")?,
                    '\\' => f.write_str("\\\\")?,
                    c if c.is_control() => write!(f, "\\x{:02x}", u32::from(*c))?,
                    c => write!(f, "{c}")?,
                }
                f.write_str("'")
            }
            Self::UnterminatedReference => f.write_str("unterminated field reference"),
            Self::UnterminatedString => f.write_str("unterminated string"),
            Self::UnterminatedRegex => f.write_str("unterminated regex"),
            Self::MultipleDecimals => f.write_str("multiple decimals in number"),
        }
    }
}

/// A token and the bytes it covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads tokens from a text, one at a time. After an error or the end it repeats that token for ever.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    after_value: bool,
    failed: bool,
    comments: Vec<Vec<Arc<str>>>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, after_value: false, failed: false, comments: Vec::new() }
    }

    /// The comment blocks passed since the last call.
    pub(crate) fn take_comments(&mut self) -> Vec<Vec<Arc<str>>> {
        std::mem::take(&mut self.comments)
    }

    /// The next token; comments before it are gathered.
    pub(crate) fn next(&mut self) -> Lexeme {
        if !self.failed {
            self.skip_trivia();
        }
        let start = self.at;
        let (token, length) = self.scan(start);
        if let Token::Error(_) = token {
            self.failed = true;
            return Lexeme { token, start, end: start + length };
        }
        self.at = start + length;
        self.after_value = matches!(
            token,
            Token::Identifier
                | Token::Var
                | Token::Dbrp
                | Token::Lambda
                | Token::True
                | Token::False
                | Token::Operator(BinaryOp::And | BinaryOp::Or)
                | Token::Number
                | Token::Duration
                | Token::String
                | Token::Reference
                | Token::RightParen
        );
        Lexeme { token, start, end: self.at }
    }

    fn skip_trivia(&mut self) {
        // Whether the next comment line continues the block of the one before.
        let mut joined = false;
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            let space = &rest[..rest.len() - trimmed.len()];
            joined &= !space.contains('\n');
            self.at += space.len();
            if !trimmed.starts_with("//") {
                return;
            }
            let end = trimmed.find('\n').unwrap_or(trimmed.len());
            let line = trimmed[2..end].trim_end();
            let line: Arc<str> = line.strip_prefix(' ').unwrap_or(line).into();
            match self.comments.last_mut() {
                Some(block) if joined => block.push(line),
                _ => self.comments.push(vec![line]),
            }
            self.at += trimmed.len().min(end + 1);
            joined = true;
        }
    }

    /// The token at `start` and its length in bytes.
    fn scan(&self, start: usize) -> (Token, usize) {
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return (Token::Eof, 0);
        };
        if self.after_value
            && let Some(found) = scan_operator(rest)
        {
            return found;
        }
        match first {
            '-' => (Token::Operator(BinaryOp::Minus), 1),
            '!' => (Token::Not, 1),
            '(' => (Token::LeftParen, 1),
            ')' => (Token::RightParen, 1),
            '[' => (Token::LeftBracket, 1),
            ']' => (Token::RightBracket, 1),
            '|' => (Token::Pipe, 1),
            '@' => (Token::At, 1),
            ',' => (Token::Comma, 1),
            '*' => (Token::Star, 1),
            '.' | '0'..='9' => scan_number(rest),
            '"' => scan_quoted(rest, b'"')
                .map_or((Token::Error(LexError::UnterminatedReference), 1), |n| {
                    (Token::Reference, n)
                }),
            '\'' => scan_string(rest),
            '/' => scan_quoted(rest, b'/')
                .map_or((Token::Error(LexError::UnterminatedRegex), 1), |n| (Token::Regex, n)),
            c if c.is_alphabetic() => scan_word(rest),
            c => (Token::Error(LexError::UnknownState(c)), c.len_utf8()),
        }
    }
}

fn scan_operator(rest: &str) -> Option<(Token, usize)> {
    const TWO: [(&str, BinaryOp); 6] = [
        ("==", BinaryOp::Equal),
        ("!=", BinaryOp::NotEqual),
        ("=~", BinaryOp::Match),
        ("!~", BinaryOp::NotMatch),
        ("<=", BinaryOp::LessEqual),
        (">=", BinaryOp::GreaterEqual),
    ];
    if let Some((_, op)) = TWO.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
        return Some((Token::Operator(*op), 2));
    }
    let token = match rest.as_bytes().first()? {
        b'+' => Token::Operator(BinaryOp::Plus),
        b'-' => Token::Operator(BinaryOp::Minus),
        b'*' => Token::Operator(BinaryOp::Times),
        b'/' => Token::Operator(BinaryOp::Divide),
        b'%' => Token::Operator(BinaryOp::Modulo),
        b'<' => Token::Operator(BinaryOp::Less),
        b'>' => Token::Operator(BinaryOp::Greater),
        b'=' => Token::Assign,
        b'!' => Token::Not,
        _ => return None,
    };
    Some((token, 1))
}

/// A number, a duration (one unit only), or the chain dot.
fn scan_number(rest: &str) -> (Token, usize) {
    let mut decimal = false;
    for (i, c) in rest.char_indices() {
        match c {
            '.' if i == 0 && !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return (Token::Dot, 1);
            }
            '.' if decimal => return (Token::Error(LexError::MultipleDecimals), i + 1),
            '.' => decimal = true,
            '0'..='9' => {}
            'm' if !decimal && rest[i + 1..].starts_with('s') => return (Token::Duration, i + 2),
            'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w' if !decimal => {
                return (Token::Duration, i + c.len_utf8());
            }
            _ => return (Token::Number, i),
        }
    }
    (Token::Number, rest.len())
}

/// The length of a reference or regex: from quote to quote, a backslash shielding only the quote.
fn scan_quoted(rest: &str, quote: u8) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut i = 1;
    while let Some(&byte) = bytes.get(i) {
        if byte == b'\\' && bytes.get(i + 1) == Some(&quote) {
            i += 1;
        } else if byte == quote {
            return Some(i + 1);
        }
        i += 1;
    }
    None
}

fn scan_string(rest: &str) -> (Token, usize) {
    let length = match rest.strip_prefix("'''") {
        Some(body) => body.find("'''").map(|n| n + 6),
        None => scan_quoted(rest, b'\''),
    };
    length.map_or((Token::Error(LexError::UnterminatedString), 1), |n| (Token::String, n))
}

fn scan_word(rest: &str) -> (Token, usize) {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let token = match &rest[..end] {
        "var" => Token::Var,
        "dbrp" => Token::Dbrp,
        "AND" => Token::Operator(BinaryOp::And),
        "OR" => Token::Operator(BinaryOp::Or),
        "TRUE" => Token::True,
        "FALSE" => Token::False,
        "lambda" if rest[end..].starts_with(':') => return (Token::Lambda, end + 1),
        _ => Token::Identifier,
    };
    (token, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            let lexeme = lexer.next();
            match lexeme.token {
                Token::Eof => return out.join(" "),
                Token::Error(error) => {
                    out.push(format!("<{error}>"));
                    return out.join(" ");
                }
                token => out.push(token.to_string()),
            }
        }
    }

    #[test]
    fn a_slash_divides_after_a_value_and_quotes_a_regex_elsewhere() {
        for (text, expect) in [
            ("a / b", "identifier / identifier"),
            ("(/b/)", "( regex )"),
            ("\"a\" =~ /b/", "reference =~ regex"),
            ("x = /b/", "identifier = regex"),
            ("lambda: /b", "lambda / identifier"),
            ("5 * *", "number * *"),
            ("/a/ AND /b/", "regex AND / identifier / "),
            ("] + 5", "] <unknown state, last char: '+'>"),
        ] {
            assert_eq!(tokens(text).trim(), expect.trim(), "{text}");
        }
    }

    #[test]
    fn numbers_durations_and_dots_are_told_apart() {
        for (text, expect) in [
            ("10y", "number identifier"),
            ("5min", "duration identifier"),
            ("1h30m", "duration duration"),
            ("5ms 6µ .5 3. 1.5.2", "duration duration number number <multiple decimals in number>"),
            ("a.b", "identifier . identifier"),
            ("lambda lambda:", "identifier lambda"),
        ] {
            assert_eq!(tokens(text), expect, "{text}");
        }
    }

    #[test]
    fn comments_join_into_blocks_until_a_blank_line() {
        let mut lexer = Lexer::new("// a\n  // b\n\n//c\r\nx");
        assert_eq!(lexer.next().token, Token::Identifier);
        let blocks: Vec<Vec<Arc<str>>> = vec![vec!["a".into(), "b".into()], vec!["c".into()]];
        assert_eq!(lexer.take_comments(), blocks);
    }
}
