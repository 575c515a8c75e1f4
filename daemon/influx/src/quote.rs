//! InfluxQL quoting.

/// A name in double quotes: `a"b` becomes `"a\"b"`.
pub fn ident(name: &str) -> String {
    quoted(name, '"')
}

/// A text in single quotes: `it's` becomes `'it\'s'`.
pub fn literal(text: &str) -> String {
    quoted(text, '\'')
}

fn quoted(text: &str, mark: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\"),
            c if c == mark => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(ident(r#"a"b"#), r#""a\"b""#);
        assert_eq!(ident(r"a\b"), r#""a\\b""#);
        assert_eq!(ident("a\nb"), r#""a\nb""#);
        assert_eq!(literal("it's"), r"'it\'s'");
    }
}
