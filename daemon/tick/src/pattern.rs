//! Regular expressions in Go's syntax, run by Rust's engine.

mod translate;

use std::fmt;
use std::sync::Arc;

/// A compiled regular expression with the text it was written as.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    regex: regex::Regex,
}

impl Pattern {
    /// Compiles `source`, written in Go's `regexp` syntax. The error is in Go's words:
    /// ``error parsing regexp: missing closing ): `a(b` ``.
    pub fn parse(source: &str) -> Result<Self, String> {
        let fail = |what: &str, text: &str| format!("error parsing regexp: {what}: `{text}`");
        let rust = translate::translate(source).map_err(|e| fail(e.what, &e.text))?;
        let regex = regex::Regex::new(&rust).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => fail("expression too large", source),
            _ => fail("invalid or unsupported syntax", source),
        })?;
        Ok(Self { source: source.into(), regex })
    }

    /// The pattern that matches everything.
    pub fn empty() -> Self {
        Self::parse("").expect("the empty pattern is valid")
    }

    /// The text between the slashes, `\/` resolved.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The engine.
    pub fn regex(&self) -> &regex::Regex {
        &self.regex
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_syntax_means_the_same_here() {
        for (pattern, text, expect) in [
            (r"^a\/b$", "a/b", true),
            (r"\d", "٣", false),
            (r"\w+$", "ż", false),
            (r"^[\w-]+$", "a-b_c", true),
            (r"a{,2}", "a{,2}", true),
            (r"a{2}", "aa", true),
            (r"x{", "x{", true),
            (r"[a&&b]", "&", true),
            (r"[]a]", "]", true),
            (r"[[:digit:]x]", "7", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b", "axb", false),
            (r"\<", "<", true),
            (r"(?i)HOST", "host", true),
            (r"\x41\101", "AA", true),
            (r"^\S+\s\D$", "ab c", true),
            (r"[^\D]", "5", true),
            (r"(?P<n>a)(?:b|c)", "ac", true),
            ("a$", "a\n", false),
        ] {
            let compiled = Pattern::parse(pattern).expect(pattern);
            assert_eq!(compiled.regex().is_match(text), expect, "{pattern} on {text}");
        }
    }

    #[test]
    fn errors_are_in_gos_words() {
        for (pattern, expect) in [
            ("a(b", "missing closing ): `a(b`"),
            ("a)b", "unexpected ): `a)b`"),
            ("x[ab", "missing closing ]: `[ab`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(+)", "missing argument to repetition operator: `+`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("\\y", "invalid escape sequence: `\\y`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("\\p{Nope}", "invalid character class range: `\\p{Nope}`"),
        ] {
            let error = Pattern::parse(pattern).expect_err(pattern);
            assert_eq!(error, format!("error parsing regexp: {expect}"));
        }
    }
}
