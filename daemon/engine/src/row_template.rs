//! Templates over a row: the URL of `httpPost` and the body of an endpoint with a row template.

use alert::Row;

/// A template over `.Name`, `.Tags` and `.Values`; plain text costs nothing.
#[derive(Debug)]
pub(crate) struct RowTemplate {
    text: String,
}

impl RowTemplate {
    /// Parses; `name` stands in error texts.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        if text.contains("{{") {
            return Err(format!("template: {name}:1: templates are not built yet"));
        }
        Ok(Self { text: text.to_owned() })
    }

    /// Renders over a row, which is made only when it is needed.
    #[expect(clippy::unnecessary_wraps, reason = "a template can fail, plain text cannot")]
    pub(crate) fn render(&self, _: impl Fn() -> Row) -> Result<String, String> {
        Ok(self.text.clone())
    }
}
