//! The RPC port: opens and decodes calls, has the brain answer them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use member::Input;
use rpc::{Call, MAX_INBOUND_CALLS, OPENING_LIMIT, Refusal, SEAL_OVERHEAD, Sealed, Signal};
use tokio::sync::Semaphore;

use super::call::{CONTENT_TYPE, RETRY_AFTER_MS};
use super::refused::Refused;
use super::sealing::{REFUSED_HEADER, SEALED_TYPE, Sealing, random};
use crate::brain::Brain;
use crate::clock;
use crate::http::server::Visit;

/// What the port works with.
#[derive(Clone)]
pub(crate) struct Port {
    brain: Brain,
    /// None with mutual TLS: the connection has shown who is there.
    sealing: Option<Arc<Sealing>>,
    refused: Arc<Refused>,
    places: Arc<Semaphore>,
}

impl Port {
    pub(crate) fn new(brain: Brain, sealing: Option<Arc<Sealing>>, refused: Arc<Refused>) -> Self {
        Self { brain, sealing, refused, places: Arc::new(Semaphore::new(MAX_INBOUND_CALLS)) }
    }
}

/// Who calls.
struct Caller {
    address: SocketAddr,
    visit: Arc<Visit>,
}

/// The router of the RPC port.
pub(crate) fn router(port: Port) -> Router {
    Router::new().fallback(answer).with_state(port)
}

async fn answer(
    State(port): State<Port>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(visit): Extension<Arc<Visit>>,
    request: Request,
) -> Response {
    let caller = Caller { address: peer, visit };
    let path = request.uri().path().to_owned();
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let is_sealed = kind.as_ref().is_some_and(|kind| kind == SEALED_TYPE);
    let result = if path == rpc::SESSION_PATH && is_sealed {
        open_session(&port, request).await
    } else {
        let Some(call) = Call::of_path(&path) else {
            let text = "This is the RPC port of a Kapacitor member. The HTTP API is on another \
                        port (9092 by default).\n";
            return (StatusCode::NOT_FOUND, text).into_response();
        };
        if is_sealed {
            sealed(&port, call, &caller, request).await
        } else if kind.is_some_and(|kind| kind == CONTENT_TYPE) {
            plain(&port, call, &caller, request).await
        } else {
            let text = "Only members talk to the RPC port. The HTTP API is on another port.\n";
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
        }
    };
    result.unwrap_or_else(|signal| {
        port.refused.note(signal.as_str(), &peer, &path);
        signalled(signal)
    })
}

async fn open_session(port: &Port, request: Request) -> Result<Response, Signal> {
    let sealing = port.sealing.as_ref().ok_or(Signal::Key)?;
    let body = axum::body::to_bytes(request.into_body(), OPENING_LIMIT)
        .await
        .map_err(|_| Signal::Malformed)?;
    let answer = sealing.door().open_session(clock::elapsed(), &body, &mut random)?;
    Ok(response(SEALED_TYPE, answer))
}

async fn sealed(
    port: &Port,
    call: Call,
    caller: &Caller,
    request: Request,
) -> Result<Response, Signal> {
    let sealing = port.sealing.as_ref().ok_or(Signal::Key)?;
    let _place = port.places.try_acquire().map_err(|_| Signal::Busy)?;
    let limit = call.request_limit() + SEAL_OVERHEAD;
    let body =
        axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| Signal::Malformed)?;
    let sealed: Sealed = sealing.door().find(call.path(), &body)?;
    let inside = sealed.open(&body)?;
    sealing.door().accept(clock::elapsed(), &sealed)?;
    let answer = served(port, call, caller, &inside).await;
    Ok(response(SEALED_TYPE, sealed.answer(&rpc::encode_answer(&answer), &mut random)))
}

async fn plain(
    port: &Port,
    call: Call,
    caller: &Caller,
    request: Request,
) -> Result<Response, Signal> {
    if let Some(sealing) = &port.sealing {
        sealing.door().admit_plain()?;
    }
    let Ok(_place) = port.places.try_acquire() else {
        let busy = Err(Refusal::Busy { retry_after_ms: RETRY_AFTER_MS });
        return Ok(response(CONTENT_TYPE, rpc::encode_answer(&busy)));
    };
    let answer = match axum::body::to_bytes(request.into_body(), call.request_limit()).await {
        Ok(body) => served(port, call, caller, &body).await,
        Err(error) => Err(Refusal::Malformed(error.to_string().into())),
    };
    Ok(response(CONTENT_TYPE, rpc::encode_answer(&answer)))
}

/// The brain's answer to a body that was let in.
async fn served(port: &Port, call: Call, caller: &Caller, body: &[u8]) -> rpc::Answer {
    let (header, request) = match rpc::decode_request(call.path(), body) {
        Ok(read) => read,
        Err(error) => {
            port.refused.note("undecodable", &caller.address, &error.to_string());
            return Err(error.into());
        }
    };
    caller.visit.at_end(|| {
        let (brain, member) = (port.brain.clone(), header.from);
        move || brain.tell(Input::HungUp { member })
    });
    match port.brain.request(header, request).await {
        Ok(answer) => {
            if let Err(Refusal::Removed { .. }) = &answer {
                port.refused.note("removed", &caller.address, call.path());
            }
            answer
        }
        Err(_) => Err(Refusal::NotNow("going down".into())),
    }
}

fn response(kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn signalled(signal: Signal) -> Response {
    let status = match signal {
        Signal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let word = HeaderValue::from_static(signal.as_str());
    response.headers_mut().insert(REFUSED_HEADER, word);
    response
}
