//! Go's regular expression syntax to Rust's: the same language but for small things.
//!
//! `\d \s \w \b` are ASCII in Go; `a{` and `a{,2}` are literal; classes have no set operations;
//! `\Q…\E`, octal escapes and escaped punctuation exist; repetition is not repeated.

use std::iter::Peekable;
use std::str::CharIndices;

/// What Go would say about a pattern: ``WHAT: `TEXT` ``.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) what: &'static str,
    pub(super) text: String,
}

const MAX_REPEAT: u32 = 1_000;
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

pub(super) fn translate(source: &str) -> Result<String, SyntaxError> {
    let mut translator = Translator {
        source,
        chars: source.char_indices().peekable(),
        out: String::with_capacity(source.len()),
        groups: 0,
        operand: false,
        repeat: None,
    };
    while let Some((at, c)) = translator.chars.next() {
        translator.item(at, c)?;
    }
    if translator.groups > 0 {
        return Err(error("missing closing )", source));
    }
    Ok(translator.out)
}

fn error(what: &'static str, text: &str) -> SyntaxError {
    SyntaxError { what, text: text.to_owned() }
}

struct Translator<'a> {
    source: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    groups: usize,
    /// Something that can be repeated stands directly before.
    operand: bool,
    /// Where the repetition operator directly before starts.
    repeat: Option<usize>,
}

impl<'a> Translator<'a> {
    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.source.len(), |(at, _)| *at)
    }

    fn rest(&mut self) -> &'a str {
        let at = self.at();
        &self.source[at..]
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, c)| *c == wanted).is_some()
    }

    fn skip(&mut self, bytes: usize) {
        let end = self.at() + bytes;
        while self.chars.next_if(|(at, _)| *at < end).is_some() {}
    }

    fn item(&mut self, at: usize, c: char) -> Result<(), SyntaxError> {
        let repeat = self.repeat.take();
        match c {
            '*' | '+' | '?' => return self.repetition(at, repeat, &c.to_string()),
            '{' => {
                if let Some(length) = repeat_length(&self.source[at..])? {
                    self.skip(length - 1);
                    let text = &self.source[at..at + length];
                    return self.repetition(at, repeat, text);
                }
                self.out.push_str("\\{");
            }
            '(' => return self.open(at),
            ')' => {
                if self.groups == 0 {
                    return Err(error("unexpected )", self.source));
                }
                self.groups -= 1;
                self.out.push(')');
            }
            '|' => {
                self.out.push('|');
                self.operand = false;
                return Ok(());
            }
            '[' => self.class(at)?,
            '\\' => self.escape(at)?,
            '}' | ']' => self.out.extend(['\\', c]),
            c => self.out.push(c),
        }
        self.operand = true;
        Ok(())
    }

    fn repetition(
        &mut self,
        at: usize,
        before: Option<usize>,
        text: &str,
    ) -> Result<(), SyntaxError> {
        let lazy = self.eat('?');
        let end = self.at();
        if let Some(before) = before {
            return Err(error("invalid nested repetition operator", &self.source[before..end]));
        }
        if !self.operand {
            return Err(error("missing argument to repetition operator", &self.source[at..end]));
        }
        self.out.push_str(text);
        self.out.push_str(if lazy { "?" } else { "" });
        self.repeat = Some(at);
        Ok(())
    }

    fn open(&mut self, at: usize) -> Result<(), SyntaxError> {
        self.operand = false;
        self.out.push('(');
        if !self.eat('?') {
            self.groups += 1;
            return Ok(());
        }
        self.out.push('?');
        let rest = self.rest();
        if let Some(named) = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<')) {
            let name = named.split('>').next().unwrap_or_default();
            let ok = !name.is_empty()
                && named.len() > name.len()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            let length = rest.len() - named.len() + name.len() + 1;
            if !ok {
                let end = (at + 2 + length).min(self.source.len());
                let text = self.source.get(at..end).unwrap_or(self.source);
                return Err(error("invalid named capture", text));
            }
            self.out.push_str("P<");
            self.out.push_str(name);
            self.out.push('>');
            self.skip(length);
            self.groups += 1;
            return Ok(());
        }
        for (i, c) in self.chars.by_ref() {
            match c {
                'i' | 'm' | 's' | 'U' | '-' => self.out.push(c),
                ':' => {
                    self.out.push(c);
                    self.groups += 1;
                    return Ok(());
                }
                ')' => {
                    self.out.push(c);
                    return Ok(());
                }
                _ => {
                    let text = &self.source[at..i + c.len_utf8()];
                    return Err(error("invalid or unsupported Perl syntax", text));
                }
            }
        }
        Err(error("missing closing )", self.source))
    }

    /// An escape outside classes; its backslash is read.
    fn escape(&mut self, at: usize) -> Result<(), SyntaxError> {
        if self.eat('Q') {
            let rest = self.rest();
            let body = rest.split("\\E").next().unwrap_or(rest);
            self.out.push_str(&regex::escape(body));
            self.skip(body.len() + if body.len() < rest.len() { 2 } else { 0 });
            return Ok(());
        }
        let text = match self.chars.peek().map(|(_, c)| *c) {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') => r"(?-u:\b)",
            Some('B') => r"\B",
            Some('d') => "[0-9]",
            Some('D') => "[^0-9]",
            Some('w') => "[0-9A-Za-z_]",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"[\t\n\x0C\r ]",
            Some('S') => r"[^\t\n\x0C\r ]",
            Some('p' | 'P') => return self.unicode_class(at),
            _ => {
                let c = self.escaped_char(at)?;
                push_char(&mut self.out, c);
                return Ok(());
            }
        };
        self.chars.next();
        self.out.push_str(text);
        Ok(())
    }

    fn unicode_class(&mut self, at: usize) -> Result<(), SyntaxError> {
        self.chars.next();
        if self.eat('{') {
            while self.chars.next_if(|(_, c)| *c != '}').is_some() {}
        }
        self.chars.next();
        let end = self.at();
        let text = &self.source[at..end];
        if regex::Regex::new(text).is_err() {
            return Err(error("invalid character class range", text));
        }
        self.out.push_str(text);
        Ok(())
    }

    /// The character an escape stands for; its backslash, at `at`, is read.
    fn escaped_char(&mut self, at: usize) -> Result<char, SyntaxError> {
        let Some((i, c)) = self.chars.next() else {
            return Err(error("trailing backslash at end of expression", ""));
        };
        let octal = |c: &(usize, char)| c.1.is_digit(8);
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0C',
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\x0B',
            'x' => return self.hex(at),
            '0'..='7' if c == '0' || self.chars.peek().is_some_and(octal) => {
                let mut value = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    if let Some((_, digit)) = self.chars.next_if(octal) {
                        value = value * 8 + digit.to_digit(8).unwrap_or(0);
                    }
                }
                char::from_u32(value).unwrap_or('\0')
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => {
                let text = &self.source[at..i + c.len_utf8()];
                return Err(error("invalid escape sequence", text));
            }
        })
    }

    fn hex(&mut self, at: usize) -> Result<char, SyntaxError> {
        let braces = self.eat('{');
        let mut value = 0u32;
        let mut digits = 0;
        while let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_ascii_hexdigit()) {
            value = value.saturating_mul(16).saturating_add(c.to_digit(16).unwrap_or(0));
            digits += 1;
            if !braces && digits == 2 {
                break;
            }
        }
        let closed = if braces { digits > 0 && self.eat('}') } else { digits == 2 };
        let end = self.at();
        char::from_u32(value)
            .filter(|_| closed)
            .ok_or_else(|| error("invalid escape sequence", &self.source[at..end]))
    }

    /// A bracket expression; its `[`, at `at`, is read.
    fn class(&mut self, at: usize) -> Result<(), SyntaxError> {
        let unclosed = || error("missing closing ]", &self.source[at..]);
        self.out.push('[');
        if self.eat('^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((i, c)) = self.chars.next() else {
                return Err(unclosed());
            };
            match c {
                ']' if !first => break,
                '[' if self.rest().starts_with(':') && self.rest().contains(":]") => {
                    self.posix_class(i)?;
                }
                '\\' if self.perl_class() => {}
                '\\' if self.rest().starts_with(['p', 'P']) => self.unicode_class(i)?,
                c => self.range(i, c)?,
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn posix_class(&mut self, at: usize) -> Result<(), SyntaxError> {
        let rest = self.rest();
        let length = rest.find(":]").unwrap_or(0) + 2;
        let text = &self.source[at..=at + length];
        let name = text.trim_matches(['[', ']', ':']).trim_start_matches('^');
        if !CLASSES.contains(&name) {
            return Err(error("invalid character class range", text));
        }
        self.out.push_str(text);
        self.skip(length);
        Ok(())
    }

    /// `\d` and its like inside a class, whose backslash is read; false when it is another escape.
    fn perl_class(&mut self) -> bool {
        let text = match self.chars.peek().map(|(_, c)| *c) {
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"\t\n\x0C\r ",
            Some('S') => r"[^\t\n\x0C\r ]",
            _ => return false,
        };
        self.chars.next();
        self.out.push_str(text);
        true
    }

    fn range(&mut self, at: usize, c: char) -> Result<(), SyntaxError> {
        let low = if c == '\\' { self.escaped_char(at)? } else { c };
        push_char(&mut self.out, low);
        let rest = self.rest();
        if !rest.starts_with('-') || rest.starts_with("-]") || rest == "-" {
            return Ok(());
        }
        self.chars.next();
        let Some((i, c)) = self.chars.next() else {
            return Ok(());
        };
        let high = if c == '\\' { self.escaped_char(i)? } else { c };
        let end = self.at();
        if high < low {
            return Err(error("invalid character class range", &self.source[at..end]));
        }
        self.out.push('-');
        push_char(&mut self.out, high);
        Ok(())
    }
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of `text`; anything else is literal.
fn repeat_length(text: &str) -> Result<Option<usize>, SyntaxError> {
    let Some(end) = text.find('}') else {
        return Ok(None);
    };
    let body = &text[1..end];
    let (low, high) = body.split_once(',').unwrap_or((body, body));
    let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !number(low) || !(number(high) || high.is_empty()) {
        return Ok(None);
    }
    let value = |s: &str| s.parse().unwrap_or(u32::MAX);
    let (low, high) = (value(low), if high.is_empty() { MAX_REPEAT } else { value(high) });
    if low > MAX_REPEAT || high > MAX_REPEAT || low > high {
        return Err(error("invalid repeat count", &text[..=end]));
    }
    Ok(Some(end + 1))
}

fn push_char(out: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '/' | '_' | '\'' | '"' | '`' | ',') {
        out.push('\\');
    }
    out.push(c);
}
