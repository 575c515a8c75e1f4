//! `post`: sends alert data, or what an endpoint's template makes of it, by HTTP POST.

use std::collections::BTreeMap;
use std::fmt;

use model::Duration;

use super::{KindError, Options};

/// Options of `post`.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// A template over alert data; empty when the endpoint has one.
    pub url: String,
    /// Name of an `[[httppost]]` section; empty for none. Known to the shell alone.
    pub endpoint: String,
    /// Headers, set after the endpoint's.
    pub headers: BTreeMap<String, String>,
    /// Whether the answer's body is told when the call fails.
    pub capture_response: bool,
    /// How long one attempt may take; zero: the daemon's default.
    pub timeout: Duration,
    /// Whether any certificate is accepted.
    pub skip_ssl_verification: bool,
}

impl Post {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let post = Self {
            url: options.string("url")?,
            endpoint: options.string("endpoint")?,
            headers: options.string_map("headers")?,
            capture_response: options.bool("capture-response")?,
            timeout: Duration(options.int("timeout", "integer (nanoseconds)")?.unwrap_or(0)),
            skip_ssl_verification: options.bool("skip-ssl-verification")?,
        };
        let refuse = |text: &str| Err(KindError::Value(text.to_owned()));
        if post.url.is_empty() && post.endpoint.is_empty() {
            return refuse("Either URL or endpoint must be non-empty");
        }
        if let Err(text) = template::Template::parse("url", &post.url, template::Mode::Text) {
            return Err(KindError::Value(format!("invalid URL template: {text}")));
        }
        if post.headers.keys().any(|name| name.eq_ignore_ascii_case("authenticate")) {
            return refuse("cannot set 'authenticate' header");
        }
        if post.timeout.0 < 0 {
            return refuse("post timeout must not be negative");
        }
        Ok(post)
    }
}

/// URL and headers may hold secrets.
impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
