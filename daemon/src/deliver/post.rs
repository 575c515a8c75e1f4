//! One POST of alert data.

use std::time::Duration;

use alert::Outcome;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{ATTEMPT_LIMIT, lasting, passing, within};
use crate::logging::Secret;

/// Bytes of an error answer that are kept for the log.
const CAPTURE_LIMIT: usize = 4096;

/// What to send where.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) basic_auth: Option<(String, Secret)>,
    /// Sent unless a header says otherwise; `None` with a body of a template.
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: String,
    /// Zero means the general limit.
    pub(crate) timeout: Duration,
    /// Put the answer's body into the error.
    pub(crate) capture_response: bool,
}

/// Any 2xx is success; 4xx other than 408, 425 and 429 is final; the rest may be tried again.
pub(crate) async fn attempt(http: &reqwest::Client, post: Post) -> Outcome {
    let limit = if post.timeout.is_zero() { ATTEMPT_LIMIT } else { post.timeout };
    within(limit, send(http, post)).await
}

async fn send(http: &reqwest::Client, post: Post) -> Result<(), Outcome> {
    let capture_response = post.capture_response;
    let request = build(http, post).map_err(|e| lasting(format!("failed to POST: {e}")))?;
    let mut response = http
        .execute(request)
        .await
        .map_err(|e| passing(format!("failed to POST: {}", causes(e))))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let mut text = format!("POST returned non 2xx status code {}: ", status.as_u16());
    if capture_response {
        let body = head_of(&mut response).await;
        text.push_str(String::from_utf8_lossy(&body).trim());
    } else {
        text.push_str("unknown error, use .captureResponse() to capture the HTTP response");
    }
    Err(Outcome::of_http_status(status.as_u16(), || text))
}

/// Puts a request together.
pub(crate) fn build(http: &reqwest::Client, post: Post) -> Result<reqwest::Request, String> {
    let mut request = http.post(&post.url);
    let typed = post.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let Some(kind) = post.content_type.filter(|_| !typed) {
        request = request.header("Content-Type", kind);
    }
    if let Some((user, password)) = &post.basic_auth {
        request = request.basic_auth(user, Some(password.expose()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &post.headers {
        let name = HeaderName::try_from(name).map_err(|e| format!("header {name:?}: {e}"))?;
        let value = HeaderValue::try_from(value).map_err(|e| format!("header {name}: {e}"))?;
        // A later one replaces: those of the handler come after those of the endpoint.
        headers.insert(name, value);
    }
    request.headers(headers).body(post.body).build().map_err(causes)
}

/// The first bytes of an answer.
pub(crate) async fn head_of(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= CAPTURE_LIMIT {
            break;
        }
    }
    body.truncate(CAPTURE_LIMIT);
    body
}

/// The error and its causes in one line, without the address: it may hold a token.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(c) = cause {
        text.push_str(": ");
        text.push_str(&c.to_string());
        cause = c.source();
    }
    text
}
