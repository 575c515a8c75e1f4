//! What all lists have in common: `pattern`, `fields`, `offset`, `limit`.

use alert::Glob;

use super::answer::Refusal;

/// Entries of a list when no limit is given.
const DEFAULT_LIMIT: i64 = 100;

/// The parameters of a list.
pub(crate) struct ListParameters {
    /// `None`: the pattern is malformed and matches nothing.
    pattern: Option<Glob>,
    fields: Vec<String>,
    offset: i64,
    limit: i64,
}

impl ListParameters {
    /// Reads them from a query.
    pub(crate) fn parse(query: &[(String, String)]) -> Result<Self, Refusal> {
        let last =
            |name: &str| query.iter().rev().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        Ok(Self {
            pattern: Glob::parse(last("pattern").unwrap_or_default()).ok(),
            fields: query.iter().filter(|(k, _)| k == "fields").map(|(_, v)| v.clone()).collect(),
            offset: number("offset", last("offset"), 0)?,
            limit: number("limit", last("limit"), DEFAULT_LIMIT)?,
        })
    }

    /// The part of `all` (in order) that is asked for.
    pub(crate) fn select<T>(&self, all: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
        let Some(pattern) = &self.pattern else { return Vec::new() };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let offset = usize::try_from(self.offset).unwrap_or(0);
        all.into_iter().filter(|e| pattern.matches(id(e))).skip(offset).take(limit).collect()
    }

    /// The fields to show, sorted as objects in lists are; id and link always.
    pub(crate) fn fields(
        &self,
        all: &[&'static str],
        always: &[&'static str],
        default: &[&'static str],
    ) -> Result<Vec<&'static str>, Refusal> {
        let mut fields: Vec<&'static str> = if self.fields.is_empty() {
            default.to_vec()
        } else {
            let known = |f: &String| {
                all.iter()
                    .find(|known| *known == f)
                    .copied()
                    .ok_or_else(|| Refusal::bad(format!("unsupported field {f:?}")))
            };
            self.fields.iter().map(known).collect::<Result<_, _>>()?
        };
        fields.extend_from_slice(always);
        fields.sort_unstable();
        fields.dedup();
        Ok(fields)
    }
}

fn number(name: &str, text: Option<&str>, default: i64) -> Result<i64, Refusal> {
    let text = match text {
        None | Some("") => return Ok(default),
        Some(text) => text,
    };
    text.parse().map_err(|_| {
        Refusal::bad(format!(
            "invalid {name} parameter {text:?} must be an integer: strconv.ParseInt: parsing \
             {text:?}: invalid syntax"
        ))
    })
}

/// The query of a URI, decoded, in order.
pub(crate) fn query_of(uri: &axum::http::Uri) -> Vec<(String, String)> {
    axum::extract::Query::try_from_uri(uri).map(|q| q.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<ListParameters, String> {
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        ListParameters::parse(&query).map_err(|e| e.text)
    }

    #[test]
    fn lists_are_cut_after_the_pattern_was_applied() {
        let all = || vec!["a1", "a2", "a3", "b"];
        let select = |query: &[(&str, &str)]| parse(query).unwrap().select(all(), |e| e);
        assert_eq!(select(&[]), all());
        assert_eq!(select(&[("pattern", "a*"), ("offset", "1"), ("limit", "1")]), ["a2"]);
        assert_eq!(select(&[("limit", "0")]), [""; 0]);
        assert_eq!(select(&[("limit", "-1")]), all());
        assert_eq!(select(&[("pattern", "[")]), [""; 0]);
    }

    #[test]
    fn numbers_are_refused_in_the_words_of_the_original() {
        assert_eq!(
            parse(&[("limit", "x")]).err().as_deref(),
            Some(
                "invalid limit parameter \"x\" must be an integer: strconv.ParseInt: parsing \"x\": \
                 invalid syntax"
            )
        );
    }
}
