//! Patterns over ids, as Go's `path.Match` has them: `*` (not `/`), `?`, `[a-z]`, `[^…]`, `\x`.

/// A parsed pattern; it matches whole ids. The empty pattern matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    /// Any one character but `/`.
    One,
    /// Any number of characters but `/`.
    Many,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// A pattern that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

impl Glob {
    /// Parses a pattern; empty means everything.
    pub fn parse(pattern: &str) -> Result<Self, BadPattern> {
        if pattern.is_empty() {
            return Ok(Self::any());
        }
        let mut parts = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' if parts.last() == Some(&Part::Many) => continue,
                '*' => Part::Many,
                '?' => Part::One,
                '\\' => Part::Char(chars.next().ok_or(BadPattern)?),
                '[' => parse_set(&mut chars)?,
                c => Part::Char(c),
            });
        }
        Ok(Self(parts))
    }

    /// The pattern that matches every id, slashes included.
    pub fn any() -> Self {
        Self(Vec::new())
    }

    /// Whether the whole `id` matches.
    pub fn matches(&self, id: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        // Where to go on when a `*` has to take one character more.
        let mut again: Option<(usize, &str)> = None;
        let (mut at, mut rest) = (0, id);
        loop {
            let mut chars = rest.chars();
            let fits = match (self.0.get(at), chars.next()) {
                (None, None) => return true,
                (Some(Part::Many), _) => {
                    again = Some((at, rest));
                    at += 1;
                    continue;
                }
                (Some(Part::Char(want)), Some(c)) => *want == c,
                (Some(Part::One), Some(c)) => c != '/',
                (Some(Part::Set { negated, ranges }), Some(c)) => {
                    ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
                }
                (None, Some(_)) | (Some(_), None) => false,
            };
            if fits {
                at += 1;
                rest = chars.as_str();
                continue;
            }
            let Some((star, from)) = again else { return false };
            let mut taken = from.chars();
            match taken.next() {
                None | Some('/') => return false,
                Some(_) => {
                    again = Some((star, taken.as_str()));
                    (at, rest) = (star + 1, taken.as_str());
                }
            }
        }
    }
}

fn parse_set(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Part, BadPattern> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Ok(Part::Set { negated, ranges });
        }
        let low = parse_set_char(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { parse_set_char(chars)? } else { low };
        ranges.push((low, high));
    }
}

fn parse_set_char(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<char, BadPattern> {
    match chars.next() {
        None | Some('-' | ']') => Err(BadPattern),
        Some('\\') => chars.next().ok_or(BadPattern),
        Some(c) => Ok(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_gos_path_match() {
        for (pattern, id, matches) in [
            ("", "any/thing", true),
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[^b-d]", "abc", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("[a-ζ]*", "α", true),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("*x", "xxx", true),
            ("main:*:alert2", "main:al:alert2", true),
        ] {
            assert_eq!(Glob::parse(pattern).map(|g| g.matches(id)), Ok(matches), "{pattern} {id}");
        }
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in ["[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a[", "a\\", "[^bc", "[^"] {
            assert_eq!(Glob::parse(pattern), Err(BadPattern), "{pattern}");
        }
    }
}
