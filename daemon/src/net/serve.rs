//! The RPC port: decodes calls, has the brain answer them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rpc::{Call, MAX_INBOUND_CALLS, Refusal};
use tokio::sync::Semaphore;

use super::call::CONTENT_TYPE;
use crate::brain::Brain;

/// How soon a caller that found us busy may ask again.
const RETRY_AFTER_MS: u32 = 100;

#[derive(Clone)]
struct Port {
    brain: Brain,
    places: Arc<Semaphore>,
}

/// The router of the RPC port.
pub(crate) fn router(brain: Brain) -> Router {
    let places = Arc::new(Semaphore::new(MAX_INBOUND_CALLS));
    Router::new().fallback(answer).with_state(Port { brain, places })
}

async fn answer(State(port): State<Port>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some(call) = Call::of_path(&path) else {
        let text = "This is the RPC port of a Kapacitor member. The HTTP API is on another port \
                    (9092 by default).\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    if request.headers().get(header::CONTENT_TYPE).is_none_or(|v| v != CONTENT_TYPE) {
        let text = "Only members talk to the RPC port. The HTTP API is on another port.\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    let Ok(_place) = port.places.try_acquire() else {
        return reply(&Err(Refusal::Busy { retry_after_ms: RETRY_AFTER_MS }));
    };
    let body = match axum::body::to_bytes(request.into_body(), call.request_limit()).await {
        Ok(body) => body,
        Err(error) => return reply(&Err(Refusal::Malformed(error.to_string().into()))),
    };
    let (header, request) = match rpc::decode_request(&path, &body) {
        Ok(decoded) => decoded,
        Err(error) => {
            tracing::warn!(service = "rpc", %path, %error, "refused a call");
            return reply(&Err(error.into()));
        }
    };
    match port.brain.request(header, request).await {
        Ok(answer) => reply(&answer),
        Err(_) => reply(&Err(Refusal::NotNow("going down".into()))),
    }
}

fn reply(answer: &rpc::Answer) -> Response {
    let mut response = Response::new(Body::from(rpc::encode_answer(answer)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}
