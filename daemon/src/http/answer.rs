//! Answers and errors of the HTTP API. Status codes live in this folder and nowhere else.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json;

/// What a handler returns.
pub(crate) type Reply = Result<Response, Refusal>;

/// An error answer: status and the text users see under `error` and `message`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// 400: the request is wrong.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 404: there is no such thing.
    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 500: the request is right, but doing it failed.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Shape<'a> {
            error: &'a str,
            message: &'a str,
        }
        let body = json::indented(&Shape { error: &self.text, message: &self.text });
        (self.status, body).into_response()
    }
}

/// 200 with an indented JSON body.
pub(crate) fn ok<T: Serialize + ?Sized>(value: &T) -> Response {
    with_status(StatusCode::OK, value)
}

/// Any status with an indented JSON body.
pub(crate) fn with_status<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    (status, json::indented(value)).into_response()
}

/// 200 with a compact JSON body and a final newline.
pub(crate) fn compact<T: Serialize + ?Sized>(value: &T) -> Response {
    (StatusCode::OK, json::compact(value)).into_response()
}

/// 204.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// A plain-text answer, the form of `/write` errors (with a final newline).
pub(crate) fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
}

/// Text with a content type of its own.
pub(crate) fn text(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The `link` member of answers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Link {
    rel: &'static str,
    href: String,
}

impl Link {
    /// A link of relation `self` to a path below `/kapacitor/v1`.
    pub(crate) fn to(path: impl std::fmt::Display) -> Self {
        Self { rel: "self", href: format!("/kapacitor/v1{path}") }
    }

    /// A link with another relation.
    pub(crate) fn with_rel(rel: &'static str, path: impl std::fmt::Display) -> Self {
        Self { rel, href: format!("/kapacitor/v1{path}") }
    }

    /// A link of relation `self` to a URI as it was requested.
    pub(crate) fn verbatim(uri: impl Into<String>) -> Self {
        Self { rel: "self", href: uri.into() }
    }
}
