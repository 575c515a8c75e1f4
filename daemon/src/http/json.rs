//! JSON as the original writes it: indented by four spaces without a final newline, or compact,
//! with `<`, `>`, `&`, U+2028 and U+2029 escaped and floats in Go's spelling (`1`, not `1.0`).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Indented by four spaces, no final newline: the form of nearly every answer.
pub(crate) fn indented<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let pretty = Go { inner: PrettyFormatter::with_indent(b"    ") };
    value
        .serialize(&mut Serializer::with_formatter(&mut out, pretty))
        .expect("answers have text keys and are written to memory");
    out
}

/// On one line, with a final newline: `/config` and `/service-tests`.
pub(crate) fn compact<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let plain = Go { inner: serde_json::ser::CompactFormatter };
    value
        .serialize(&mut Serializer::with_formatter(&mut out, plain))
        .expect("answers have text keys and are written to memory");
    out.push(b'\n');
    out
}

/// Wraps a layout and replaces what Go's encoder spells differently.
struct Go<F> {
    inner: F,
}

macro_rules! pass_on {
    ($($name:ident ( $($arg:ident : $ty:ty),* );)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, w: &mut W $(, $arg: $ty)*) -> io::Result<()> {
            self.inner.$name(w $(, $arg)*)
        })*
    };
}

impl<F: Formatter> Formatter for Go<F> {
    pass_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_f64<W: ?Sized + Write>(&mut self, w: &mut W, value: f64) -> io::Result<()> {
        if value == value.trunc() && value.abs() < 1e15 {
            return write!(w, "{value:.0}");
        }
        self.inner.write_f64(w, value)
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            w.write_all(&rest.as_bytes()[..at])?;
            let c = rest[at..].chars().next().expect("found above");
            write!(w, "\\u{:04x}", c as u32)?;
            rest = &rest[at + c.len_utf8()..];
        }
        w.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_look_as_go_writes_them() {
        let value =
            json!({"error": "a<b> & \u{2028}c", "n": 1.0, "f": 0.5, "none": [], "deep": {"x": 1}});
        assert_eq!(
            String::from_utf8(indented(&value)).unwrap(),
            "{\n    \"error\": \"a\\u003cb\\u003e \\u0026 \\u2028c\",\n    \"n\": 1,\n    \"f\": 0.5,\n    \
             \"none\": [],\n    \"deep\": {\n        \"x\": 1\n    }\n}"
        );
        assert_eq!(compact(&json!({"a": 2.0})), b"{\"a\":2}\n");
    }
}
