//! `POST /write`: line protocol in, points to the tasks.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use model::line::Precision;
use serde::Deserialize;

use super::answer::{no_content, plain};
use super::{App, BODY_LIMIT};
use crate::ingest::Ingest;

#[derive(Deserialize, Default)]
pub(crate) struct Parameters {
    #[serde(default)]
    db: String,
    #[serde(default)]
    rp: String,
    #[serde(default)]
    precision: String,
}

/// 204 when every line was taken; 400 names each bad line and nothing was taken.
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = if headers.get(header::CONTENT_ENCODING).is_some_and(|v| v == "gzip") {
        match unpack(&body) {
            Ok(body) => body.into(),
            Err((status, text)) => return plain(status, &text),
        }
    } else {
        body
    };
    if parameters.db.is_empty() {
        let text = Ingest::check(&body).err().map(|errors| errors.to_string());
        let text = text.unwrap_or_else(|| "database is required".to_owned());
        return plain(StatusCode::BAD_REQUEST, &text);
    }
    let precision = Precision::from_param(&parameters.precision);
    match app.ingest.write(&parameters.db, &parameters.rp, precision, &body).await {
        Ok(()) => no_content(),
        Err(errors) => plain(StatusCode::BAD_REQUEST, &errors.to_string()),
    }
}

/// Unpacks gzip up to the limit of bodies; a small body may hold a large one.
fn unpack(body: &[u8]) -> Result<Vec<u8>, (StatusCode, String)> {
    let mut unpacked = Vec::with_capacity(body.len().saturating_mul(4).min(BODY_LIMIT));
    flate2::read::MultiGzDecoder::new(body)
        .take(BODY_LIMIT as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|e| (StatusCode::BAD_REQUEST, format!("gzip: {e}")))?;
    if unpacked.len() > BODY_LIMIT {
        let text =
            format!("the unpacked body is larger than {BODY_LIMIT} bytes; send less at once");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    Ok(unpacked)
}
