//! What every answer has in common: headers, CORS, and the rewriting of the preview path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::answer::{Refusal, plain};
use super::{App, BODY_LIMIT};
use crate::clock;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// The type of axum's own texts.
const PLAIN: &str = "text/plain; charset=utf-8";
/// Longest text of axum's that is passed on.
const REJECTION_BYTES: usize = 64 << 10;
const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, OPTIONS, POST, PATCH");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token, \
     X-HTTP-Method-Override",
);

/// Adds the headers of every answer and answers `OPTIONS`.
pub(crate) async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = clock::elapsed();
    let method = request.method().clone();
    let uri = request.uri().clone();
    // Membership changes need a token in a header; no page of another origin may send one.
    let own_origin_only = uri.path().starts_with("/kapacitor/v1/cluster");
    let origin = request.headers().get(header::ORIGIN).filter(|_| !own_origin_only).cloned();
    let mut response = if method == Method::OPTIONS && origin.is_some() {
        StatusCode::OK.into_response()
    } else if announces_too_much(request.headers()) {
        let text = format!("the body is larger than {BODY_LIMIT} bytes; send less at once");
        refused(&uri, StatusCode::PAYLOAD_TOO_LARGE, &text)
    } else {
        in_shape(&uri, next.run(request).await).await
    };
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_TYPE) || is_plain_default(headers) {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    let version = HeaderName::from_static("x-kapacitor-version");
    headers.insert(version, HeaderValue::from_static(crate::VERSION));
    headers.insert(HeaderName::from_static("request-id"), request_id());
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    }
    if app.config.http.log_enabled {
        log(&method, &uri, response.status(), clock::elapsed().saturating_sub(started));
    }
    response
}

/// A line of the access log. What asks every second whether we live is for developers.
fn log(method: &Method, uri: &Uri, status: StatusCode, duration: Duration) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                service = "http",
                %method,
                uri = without_password(uri),
                status = status.as_u16(),
                ?duration,
                "http request"
            )
        };
    }
    if matches!(uri.path(), "/kapacitor/v1/ping" | "/kapacitor/v1/ready" | "/metrics") {
        line!(debug);
    } else {
        line!(info);
    }
}

/// A body that is too large by its own account is refused before it is sent.
fn announces_too_much(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    length.and_then(|v| v.parse::<u64>().ok()).is_some_and(|n| n > BODY_LIMIT as u64)
}

/// What axum refuses by itself (a path that is no UTF-8, a body that is too large) is plain text;
/// it gets the shape of the API's errors.
async fn in_shape(uri: &Uri, response: Response) -> Response {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || response.headers().get(header::CONTENT_TYPE).is_none_or(|v| v != PLAIN) {
        return response;
    }
    let status = response.status();
    let text = axum::body::to_bytes(response.into_body(), REJECTION_BYTES).await;
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    refused(uri, status, text.trim_end())
}

fn refused(uri: &Uri, status: StatusCode, text: &str) -> Response {
    if uri.path().ends_with("/write") {
        return plain(status, text);
    }
    Refusal::new(status, text).into_response()
}

/// Bodies made from bytes or text carry axum's default type; all of ours are JSON unless said.
fn is_plain_default(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|v| v == "application/octet-stream" || v == PLAIN)
}

/// The URI with the value of `p` replaced, for the log.
fn without_password(uri: &Uri) -> String {
    let Some(query) = uri.query() else { return uri.path().to_owned() };
    let shown: Vec<&str> = query
        .split('&')
        .map(|part| if part.starts_with("p=") { "p=[REDACTED]" } else { part })
        .collect();
    format!("{}?{}", uri.path(), shown.join("&"))
}

/// A UUID that counts up from the time the process started: unique, cheap, sorted by time.
fn request_id() -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = clock::now().0 as u64;
    let id = uuid::Builder::from_custom_bytes({
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&now.to_be_bytes());
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        bytes
    });
    HeaderValue::from_str(&id.into_uuid().to_string()).expect("a UUID is ASCII")
}

/// Serves `/kapacitor/v1preview/X` as `/kapacitor/v1/X`.
pub(crate) fn without_preview<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    let path_and_query = request.uri().path_and_query().map_or("", |p| p.as_str());
    if let Some(rest) = path_and_query.strip_prefix("/kapacitor/v1preview/")
        && let Ok(uri) = format!("/kapacitor/v1/{rest}").parse()
    {
        *request.uri_mut() = uri;
    }
    request
}

/// A path nobody knows.
pub(crate) async fn not_found() -> Response {
    Refusal::missing("Not Found").into_response()
}

/// A path that is known only to other methods: as unknown to the original as any other.
pub(crate) async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    not_found().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_reach_the_log() {
        let uri = "/write?db=d&u=me&p=secret&rp=r".parse().unwrap();
        assert_eq!(without_password(&uri), "/write?db=d&u=me&p=[REDACTED]&rp=r");
    }
}
