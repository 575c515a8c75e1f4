//! `printf`: Go's verbs, flags, widths and the marks it leaves for mistakes.

mod pad;

use jiff::tz::TimeZone;

use crate::clock;
use crate::datum::{Basic, Datum};
use crate::{Value, number, print, quote};
use pad::Flags;

/// Widths and precisions beyond it are mistakes, as in Go.
const MAX_WIDTH: usize = 1_000_000;

/// The longest text one `printf` makes, in bytes.
const MAX_BYTES: usize = 4 << 20;

pub(super) fn sprintf(format: &str, args: &[Datum<'_>], zone: &TimeZone) -> Result<String, String> {
    let mut state =
        State { out: String::with_capacity(format.len() + 16), args, next: 0, ordered: true, zone };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        state.out.push_str(&rest[..at]);
        rest = state.verb(&rest[at + 1..]);
        if state.out.len() > MAX_BYTES {
            return Err("the result exceeds 4 MiB".to_owned());
        }
    }
    state.out.push_str(rest);
    state.extra();
    Ok(state.out)
}

struct State<'f, 'a> {
    out: String,
    args: &'f [Datum<'a>],
    next: usize,
    /// False once `[n]` chose an argument.
    ordered: bool,
    zone: &'f TimeZone,
}

impl State<'_, '_> {
    /// One verb after its `%`; what is left of the format.
    fn verb<'f>(&mut self, mut rest: &'f str) -> &'f str {
        let mut flags = Flags::default();
        while let Some(c) = rest.chars().next().filter(|c| "+-# 0".contains(*c)) {
            flags.set(c);
            rest = &rest[1..];
        }
        let mut good = self.argument_index(&mut rest);
        if rest.starts_with('*') {
            rest = &rest[1..];
            match self.star() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
        } else {
            flags.width = count(&mut rest);
        }
        if rest.starts_with('.') {
            rest = &rest[1..];
            good &= self.argument_index(&mut rest);
            if rest.starts_with('*') {
                rest = &rest[1..];
                match self.star() {
                    Some(precision) if precision >= 0 => {
                        flags.precision = Some(precision as usize);
                    }
                    Some(_) => self.out.push_str("%!(BADPREC)"),
                    None => self.out.push_str("%!(BADPREC)"),
                }
            } else {
                flags.precision = Some(count(&mut rest).unwrap_or(0));
            }
        }
        good &= self.argument_index(&mut rest);
        let Some(verb) = rest.chars().next() else {
            self.out.push_str("%!(NOVERB)");
            return rest;
        };
        let rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            self.out.push('%');
        } else if !good {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(BADINDEX)"]);
        } else if let Some(datum) = self.args.get(self.next) {
            self.next += 1;
            let text = self.one(verb, datum, &flags);
            self.out.push_str(&text);
        } else {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(MISSING)"]);
        }
        rest
    }

    /// `[3]`; false where it names no argument.
    fn argument_index(&mut self, rest: &mut &str) -> bool {
        let Some(inner) = rest.strip_prefix('[') else { return true };
        self.ordered = false;
        let Some(end) = inner.find(']') else {
            *rest = &rest[1..];
            return false;
        };
        *rest = &inner[end + 1..];
        match inner[..end].parse::<usize>() {
            Ok(index) if index >= 1 && index <= self.args.len() => {
                self.next = index - 1;
                true
            }
            _ => false,
        }
    }

    fn star(&mut self) -> Option<i64> {
        let datum = self.args.get(self.next)?;
        self.next += 1;
        match datum.basic() {
            Basic::Int(value) if value.unsigned_abs() <= MAX_WIDTH as u64 => Some(value),
            _ => None,
        }
    }

    fn extra(&mut self) {
        if !self.ordered || self.next >= self.args.len() {
            return;
        }
        self.out.push_str("%!(EXTRA ");
        for (i, datum) in self.args[self.next..].iter().enumerate() {
            self.out.push_str(if i > 0 { ", " } else { "" });
            if datum.is_nil() {
                self.out.push_str("<nil>");
            } else {
                self.out.push_str(datum.type_name());
                self.out.push('=');
                print::write_argument(&mut self.out, datum, self.zone);
            }
        }
        self.out.push(')');
    }

    /// One argument under a verb.
    fn one(&self, verb: char, datum: &Datum<'_>, flags: &Flags) -> String {
        match verb {
            'T' => return flags.pad_text(datum.type_name()),
            'v' if datum.is_nil() => return flags.pad_text("<nil>"),
            _ if datum.is_nil() => return format!("%!{verb}(<nil>)"),
            _ => {}
        }
        if let Some(text) = self.shown(verb, datum) {
            return text_verb(verb, &text, flags).unwrap_or_else(|| self.bad(verb, datum, flags));
        }
        self.basic(verb, datum, flags).unwrap_or_else(|| self.bad(verb, datum, flags))
    }

    /// What a type with a `String` method shows where the verb is one for text.
    fn shown(&self, verb: char, datum: &Datum<'_>) -> Option<String> {
        if !matches!(verb, 'v' | 's' | 'q' | 'x' | 'X') {
            return None;
        }
        match datum {
            Datum::Value(Value::Duration(length)) => Some(clock::duration_text(*length)),
            Datum::Value(Value::Time(_))
            | Datum::Local(_)
            | Datum::Month(_)
            | Datum::Weekday(_) => Some(print::text(datum, self.zone)),
            _ => None,
        }
    }

    fn basic(&self, verb: char, datum: &Datum<'_>, flags: &Flags) -> Option<String> {
        if verb == 'v' && flags.plus && !matches!(datum.basic(), Basic::Other) {
            // Under `%+v` the plus names fields and signs nothing.
            return self.basic(verb, datum, &Flags { plus: false, ..flags.clone() });
        }
        match datum.basic() {
            Basic::Bool(value) => {
                matches!(verb, 'v' | 't').then(|| flags.pad_text(&value.to_string()))
            }
            Basic::Int(value) => integer(verb, value < 0, value.unsigned_abs(), flags),
            Basic::Uint(value) => integer(verb, false, value.into(), flags),
            Basic::Float(value) => float(verb, value, flags),
            Basic::Text(text) if verb == 'v' && flags.sharp => {
                Some(flags.pad_text(&quote::quoted(text)))
            }
            Basic::Text(text) => text_verb(verb, text, flags),
            Basic::Other => self.compound(verb, datum, flags),
        }
    }

    /// Maps, slices and structs: the verb goes to each element.
    fn compound(&self, verb: char, datum: &Datum<'_>, flags: &Flags) -> Option<String> {
        let each = |value: &Value| self.one(verb, &Datum::Value(value.clone()), flags);
        match datum {
            Datum::Value(Value::List(items)) => {
                let items: Vec<String> = items.iter().map(each).collect();
                Some(format!("[{}]", items.join(" ")))
            }
            Datum::Value(Value::Map(map) | Value::Tags(map)) => {
                let key = |key: &String| self.one(verb, &Datum::text(key.as_str()), flags);
                let items: Vec<String> =
                    map.iter().map(|(k, v)| format!("{}:{}", key(k), each(v))).collect();
                Some(format!("map[{}]", items.join(" ")))
            }
            datum => {
                let object = datum.object()?;
                let fields: Vec<String> = object
                    .fields()
                    .iter()
                    .map(|name| {
                        let value = each(&object.field(name).unwrap_or(Value::Nil));
                        if flags.plus && verb == 'v' { format!("{name}:{value}") } else { value }
                    })
                    .collect();
                Some(format!("{{{}}}", fields.join(" ")))
            }
        }
    }

    /// A value under a verb that is not for it; width and precision hold for the value.
    fn bad(&self, verb: char, datum: &Datum<'_>, flags: &Flags) -> String {
        let shown =
            if verb == 'v' { print::text(datum, self.zone) } else { self.one('v', datum, flags) };
        format!("%!{verb}({}={shown})", datum.type_name())
    }
}

/// A run of digits; one that is too large counts as none.
fn count(rest: &mut &str) -> Option<usize> {
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let value = rest[..digits].parse().ok().filter(|value| *value <= MAX_WIDTH);
    *rest = &rest[digits..];
    value
}

fn text_verb(verb: char, text: &str, flags: &Flags) -> Option<String> {
    let cut = match flags.precision {
        Some(count) => text.char_indices().nth(count).map_or(text, |(at, _)| &text[..at]),
        None => text,
    };
    Some(match verb {
        'v' | 's' => flags.pad_text(cut),
        'q' if flags.sharp && !cut.contains('`') && !cut.contains(char::is_control) => {
            flags.pad_text(&format!("`{cut}`"))
        }
        'q' if flags.plus => flags.pad_text(&quote::quoted_ascii(cut)),
        'q' => flags.pad_text(&quote::quoted(cut)),
        'x' | 'X' => {
            let bytes = &text.as_bytes()[..flags.precision.unwrap_or(text.len()).min(text.len())];
            flags.pad_text(&pad::hex_bytes(bytes, verb == 'X', flags))
        }
        _ => return None,
    })
}

fn integer(verb: char, negative: bool, value: u64, flags: &Flags) -> Option<String> {
    let rune = || u32::try_from(value).ok().filter(|_| !negative).and_then(char::from_u32);
    let (digits, prefix) = match verb {
        'v' | 'd' => (value.to_string(), ""),
        'b' => (format!("{value:b}"), if flags.sharp { "0b" } else { "" }),
        'o' => (format!("{value:o}"), if flags.sharp { "0" } else { "" }),
        'O' => (format!("{value:o}"), "0o"),
        'x' => (format!("{value:x}"), if flags.sharp { "0x" } else { "" }),
        'X' => (format!("{value:X}"), if flags.sharp { "0X" } else { "" }),
        'c' => return Some(flags.pad_text(&rune().unwrap_or('\u{fffd}').to_string())),
        'q' => return Some(flags.pad_text(&quote::quoted_rune(rune().unwrap_or('\u{fffd}')))),
        'U' => {
            let mut text = format!("U+{value:04X}");
            if let Some(c) = rune().filter(|c| flags.sharp && quote::is_printable(*c)) {
                text.extend([" '", c.encode_utf8(&mut [0; 4]), "'"]);
            }
            return Some(flags.pad_text(&text));
        }
        _ => return None,
    };
    Some(flags.pad_integer(negative, &digits, prefix))
}

fn float(verb: char, value: f64, flags: &Flags) -> Option<String> {
    let text = match verb {
        'v' => number::general(value, flags.precision, false),
        'g' | 'G' => {
            number::general(value, flags.precision.or(flags.sharp.then_some(6)), flags.sharp)
        }
        'e' | 'E' => number::exponential(value, Some(flags.precision.unwrap_or(6))),
        'f' | 'F' => number::fixed(value, Some(flags.precision.unwrap_or(6))),
        _ => return None,
    };
    let text = if verb.is_ascii_uppercase() { text.to_uppercase() } else { text };
    Some(flags.pad_float(if value.is_finite() { &text } else { number_name(value) }))
}

fn number_name(value: f64) -> &'static str {
    match (value.is_nan(), value > 0.0) {
        (true, _) => "NaN",
        (_, true) => "+Inf",
        _ => "-Inf",
    }
}
