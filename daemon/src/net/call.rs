//! Calls to peers: HTTP/2 over one long-lived connection per address, sealed where the keys say so.

use std::sync::Arc;
use std::time::Duration;

use gossip::Key;
use member::CallError;
use reqwest::Response;
use rpc::{
    Answer, Call, Header, OPENING_LIMIT, Opening, Refusal, Request, SEAL_OVERHEAD, Session, Signal,
};

use super::refused::Refused;
use super::sealing::{REFUSED_HEADER, SEALED_TYPE, Sealing, random};

/// Content type of plain calls and answers; its absence tells an HTTP API from an RPC port.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.kapacitor.rpc";

/// How soon to ask again who was busy.
pub(crate) const RETRY_AFTER_MS: u32 = 100;

/// Makes calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    scheme: &'static str,
    /// None with mutual TLS.
    sealing: Option<Arc<Sealing>>,
    refused: Arc<Refused>,
}

/// What came back.
enum Came {
    Body(Vec<u8>),
    /// In the clear, and vouched for by nobody.
    Signal(Signal),
}

/// A body to send, and where.
struct Parcel<'a> {
    to: &'a str,
    path: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    /// Most bytes of the answer.
    limit: usize,
}

impl Caller {
    /// Calls over HTTP/2: with the TLS identity given, else sealed or plain as `sealing` says.
    pub(crate) fn new(
        tls: Option<rustls::ClientConfig>,
        sealing: Arc<Sealing>,
        refused: Arc<Refused>,
    ) -> Result<Self, reqwest::Error> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let sealing = tls.is_none().then_some(sealing);
        let mut builder = reqwest::Client::builder()
            .http2_prior_knowledge()
            .http2_keep_alive_interval(Duration::from_secs(5))
            .http2_keep_alive_timeout(Duration::from_secs(5))
            .http2_adaptive_window(true)
            .tcp_nodelay(true)
            .no_proxy();
        // Without TLS nothing is verified, and no certificate store is needed.
        let config = tls.unwrap_or_else(|| {
            rustls::ClientConfig::builder()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        });
        builder = builder.tls_backend_preconfigured(config);
        Ok(Self { http: builder.build()?, scheme, sealing, refused })
    }

    /// Makes one call and waits for its answer at most `deadline`.
    pub(crate) async fn call(
        &self,
        to: &str,
        header: &Header,
        request: &Request,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let call = request.call();
        let body = rpc::encode_request(header, request);
        let exchange = async {
            match self.sealing.as_ref().and_then(|s| Some((s, s.outgoing()?))) {
                None => self.plain(to, call, body).await,
                Some((sealing, key)) => self.sealed(sealing, &key, to, call, &body).await,
            }
        };
        let came = tokio::time::timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(CallError::Lost(format!("no answer within {deadline:?}"))))?;
        match came {
            Came::Body(body) => {
                rpc::decode_answer(call, &body).map_err(|e| CallError::NotRpc(e.to_string()))
            }
            Came::Signal(Signal::Busy) => Ok(Err(Refusal::Busy { retry_after_ms: RETRY_AFTER_MS })),
            Came::Signal(signal) if signal.is_about_keys() || signal.wants_new_session() => {
                Ok(Err(Refusal::Unauthenticated))
            }
            Came::Signal(signal) => Err(CallError::NotRpc(format!("it said {}", signal.as_str()))),
        }
    }

    async fn plain(&self, to: &str, call: Call, body: Vec<u8>) -> Result<Came, CallError> {
        let (path, limit) = (call.path(), call.answer_limit());
        self.post(Parcel { to, path, kind: CONTENT_TYPE, body, limit }).await
    }

    /// Under the session with that address. A callee that does not know it has done nothing: the call
    /// is repeated once under a new one.
    async fn sealed(
        &self,
        sealing: &Sealing,
        key: &Key,
        to: &str,
        call: Call,
        body: &[u8],
    ) -> Result<Came, CallError> {
        let mut stale = None;
        loop {
            let session = match self.session(sealing, key, to, stale.as_ref()).await? {
                Ok(session) => session,
                Err(signal) => return Ok(Came::Signal(signal)),
            };
            let (path, limit) = (call.path(), call.answer_limit() + SEAL_OVERHEAD);
            let (asked, body) = session.request(path, body, &mut random);
            match self.post(Parcel { to, path, kind: SEALED_TYPE, body, limit }).await? {
                Came::Signal(signal) if signal.wants_new_session() && stale.is_none() => {
                    stale = Some(session);
                }
                Came::Signal(signal) => return Ok(Came::Signal(signal)),
                Came::Body(answer) => {
                    return match session.answer(&asked, path, &answer) {
                        Some(body) => Ok(Came::Body(body)),
                        None => {
                            self.refused.note("answer", &to, "it is not sealed by the session");
                            Err(CallError::Lost("its answer is not sealed by the session".into()))
                        }
                    };
                }
            }
        }
    }

    /// The session with an address; opened when there is none, or only the one that is stale.
    async fn session(
        &self,
        sealing: &Sealing,
        key: &Key,
        to: &str,
        stale: Option<&Arc<Session>>,
    ) -> Result<Result<Arc<Session>, Signal>, CallError> {
        let slot = sealing.slot(to);
        let mut slot = slot.lock().await;
        if let Some(session) = &*slot
            && session.is_of(key)
            && !stale.is_some_and(|stale| Arc::ptr_eq(stale, session))
        {
            return Ok(Ok(session.clone()));
        }
        let (opening, body) = Opening::new(key, &mut random);
        let (path, kind, limit) = (rpc::SESSION_PATH, SEALED_TYPE, OPENING_LIMIT);
        match self.post(Parcel { to, path, kind, body, limit }).await? {
            Came::Signal(signal) => Ok(Err(signal)),
            Came::Body(answer) => match opening.opened(&answer) {
                Some(session) => {
                    let session = Arc::new(session);
                    *slot = Some(session.clone());
                    Ok(Ok(session))
                }
                None => {
                    self.refused.note("answer", &to, "it does not prove the cluster key");
                    Ok(Err(Signal::Key))
                }
            },
        }
    }

    async fn post(&self, parcel: Parcel<'_>) -> Result<Came, CallError> {
        let Parcel { to, path, kind, body, limit } = parcel;
        let url = format!("{}://{to}{path}", self.scheme);
        let sent = self.http.post(url).header("Content-Type", kind).body(body).send().await;
        let mut response = sent.map_err(|error| self.failure(to, error))?;
        if let Some(signal) = signal_of(&response) {
            return Ok(Came::Signal(signal));
        }
        let got = response.headers().get("content-type");
        if got.is_none_or(|v| v != kind) {
            return Err(CallError::NotRpc(format!("it answered HTTP {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(to, error))? {
            if body.len() + chunk.len() > limit {
                return Err(CallError::NotRpc("its answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Came::Body(body))
    }

    fn failure(&self, to: &str, error: reqwest::Error) -> CallError {
        let connecting = error.is_connect();
        let timed_out = error.is_timeout();
        let certificate = crate::tls::is_about_certificates(&error);
        let text = crate::deliver::post::causes(error);
        // In TLS 1.3 the callee judges after our handshake has ended; HTTP/2 keeps but the text of it.
        if certificate || text.contains("received fatal alert") {
            self.refused.note("certificate", &to, &text);
        }
        if connecting {
            CallError::Unreachable(text)
        } else if !timed_out && (text.contains("http2") || text.contains("HTTP")) {
            CallError::NotRpc(text)
        } else {
            CallError::Lost(text)
        }
    }
}

fn signal_of(response: &Response) -> Option<Signal> {
    if !matches!(response.status().as_u16(), 401 | 503) {
        return None;
    }
    Signal::parse(response.headers().get(REFUSED_HEADER)?.to_str().ok()?)
}
