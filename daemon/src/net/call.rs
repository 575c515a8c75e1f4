//! Calls to peers: HTTP/2 over one long-lived connection per address.

use std::time::Duration;

use member::CallError;
use rpc::{Answer, Header, Request};

/// Content type of calls and answers; its absence tells an HTTP API from an RPC port.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.kapacitor.rpc";

/// Makes calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    scheme: &'static str,
}

impl Caller {
    /// Calls in plain HTTP/2, or with the TLS identity given.
    pub(crate) fn new(tls: Option<rustls::ClientConfig>) -> Result<Self, reqwest::Error> {
        let scheme = if tls.is_some() { "https" } else { "http" };
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
        Ok(Self { http: builder.build()?, scheme })
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
        let url = format!("{}://{to}{}", self.scheme, call.path());
        let sent = self
            .http
            .post(url)
            .header("Content-Type", CONTENT_TYPE)
            .body(rpc::encode_request(header, request))
            .timeout(deadline)
            .send()
            .await;
        let mut response = sent.map_err(failure)?;
        let kind = response.headers().get("content-type");
        if kind.is_none_or(|v| v != CONTENT_TYPE) {
            return Err(CallError::NotRpc(format!("it answered HTTP {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > call.answer_limit() {
                return Err(CallError::NotRpc("its answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        rpc::decode_answer(call, &body).map_err(|e| CallError::NotRpc(e.to_string()))
    }
}

fn failure(error: reqwest::Error) -> CallError {
    let connecting = error.is_connect();
    let timed_out = error.is_timeout();
    let text = crate::deliver::post::causes(error);
    if connecting {
        CallError::Unreachable(text)
    } else if !timed_out && (text.contains("http2") || text.contains("HTTP")) {
        CallError::NotRpc(text)
    } else {
        CallError::Lost(text)
    }
}
