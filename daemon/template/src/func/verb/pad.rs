//! Flags of a verb, and the padding they ask for.

use std::fmt::Write;

#[derive(Clone, Default)]
pub(super) struct Flags {
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Flags {
    pub(super) fn set(&mut self, flag: char) {
        match flag {
            '+' => self.plus = true,
            '-' => self.minus = true,
            '#' => self.sharp = true,
            ' ' => self.space = true,
            _ => self.zero = true,
        }
    }

    /// Pads to the width in characters.
    pub(super) fn pad_text(&self, text: &str) -> String {
        let missing = self.missing(text);
        match (missing, self.minus) {
            (0, _) => text.to_owned(),
            (missing, true) => format!("{text}{}", " ".repeat(missing)),
            (missing, false) => {
                let fill = if self.zero { "0" } else { " " };
                format!("{}{text}", fill.repeat(missing))
            }
        }
    }

    fn pad_blank(&self, text: &str) -> String {
        let blanks = " ".repeat(self.missing(text));
        if self.minus { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
    }

    fn missing(&self, text: &str) -> usize {
        self.width.map_or(0, |width| width.saturating_sub(text.chars().count()))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// A precision is the least count of digits; zeros fill the width otherwise.
    pub(super) fn pad_integer(&self, negative: bool, digits: &str, prefix: &str) -> String {
        let sign = self.sign(negative);
        let least = match (self.precision, self.width) {
            (Some(0), _) if digits == "0" => return self.pad_blank(""),
            (Some(precision), _) => precision,
            (None, Some(width)) if self.zero && !self.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        self.pad_blank(&format!("{sign}{prefix}{zeros}{digits}"))
    }

    pub(super) fn pad_float(&self, text: &str) -> String {
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        // Infinity keeps its sign.
        let sign = if text.starts_with('+') && !self.space { "+" } else { self.sign(negative) };
        let finite = digits.starts_with(|c: char| c.is_ascii_digit());
        let whole = format!("{sign}{digits}");
        if self.zero && !self.minus && finite {
            return format!("{sign}{}{digits}", "0".repeat(self.missing(&whole)));
        }
        self.pad_blank(&whole)
    }
}

/// `%x` of text: `#` puts `0x` in front, a space parts the bytes.
pub(super) fn hex_bytes(bytes: &[u8], upper: bool, flags: &Flags) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for (i, byte) in bytes.iter().enumerate() {
        if flags.space && i > 0 {
            out.push(' ');
        }
        if flags.sharp && (flags.space || i == 0) {
            out.push_str(if upper { "0X" } else { "0x" });
        }
        // Writing to a string does not fail.
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
    out
}
