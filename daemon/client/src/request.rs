//! Asking one member: URL, login, body, and the answer's status turned into a result.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::address::{Address, Login};
use crate::connect::{Trust, http_client};
use crate::error::Error;

/// Largest answer that is read.
pub const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Where the API begins on a member.
const BASE: &str = "kapacitor/v1";

/// Longest foreign body that is repeated in an error.
const SHOWN_BODY_CHARS: usize = 200;

/// How to ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://host:9092`, with a login in front of the host or as `?u=…&p=…` if one is needed.
    pub url: String,
    /// Whose certificates are accepted at an `https` address.
    pub trust: Trust,
    /// Sent as `Authorization: Bearer …`; a login then travels in the query.
    pub token: Option<String>,
    /// Longest time from asking to the end of the answer. Too small: adding a member, which waits for
    /// both clusters, is reported as failed although it goes on. Too large: a hanging member holds the
    /// caller that long.
    pub timeout: Duration,
    /// Sent as `User-Agent`.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "http://localhost:9092".to_owned(),
            trust: Trust::default(),
            token: None,
            timeout: Duration::from_mins(2),
            user_agent: concat!("KapacitorClient/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A client of one member. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    login: Option<Login>,
    token: Option<String>,
}

/// A body and its headers, after the status was found to be a success.
pub(crate) struct Answer {
    address: Address,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The part of a URL after `/kapacitor/v1`: segments, which are percent-encoded, and a query.
pub(crate) struct Path<'a> {
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
}

impl<'a> Path<'a> {
    pub(crate) fn of(segments: &'a [&'a str]) -> Self {
        Self { segments, query: &[] }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
}

impl Client {
    /// Checks the address; connects to nobody yet.
    pub fn new(options: Options) -> Result<Self, Error> {
        let (address, login) = Address::parse(&options.url)?;
        let http = http_client(&options.trust, &options.user_agent, options.timeout)
            .map_err(|e| Error::Setup(e.to_string()))?;
        Ok(Self { http, address, login, token: options.token })
    }

    /// Whom it asks.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The address named a user.
    pub fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// The same client with another token.
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// `GET /cluster` and the like, decoded.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: Path<'_>) -> Result<T, Error> {
        self.call(Method::GET, path, None).await?.decode()
    }

    /// Sends `body` as JSON; any 2xx is a success.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: Path<'_>,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, Error> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|e| Error::of_transport(&self.address, &e))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(response).await?;
        if status.is_success() {
            return Ok(Answer { address: self.address.clone(), headers, body });
        }
        Err(self.refusal(status, &headers, &body))
    }

    /// Status and body as they are, also for statuses that are no success.
    pub(crate) async fn look(&self, path: Path<'_>) -> Result<(StatusCode, Answer), Error> {
        let request = self.request(Method::GET, path);
        let response = request.send().await.map_err(|e| Error::of_transport(&self.address, &e))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(response).await?;
        Ok((status, Answer { address: self.address.clone(), headers, body }))
    }

    fn request(&self, method: Method, path: Path<'_>) -> RequestBuilder {
        let url = self.url(path);
        let request = self.http.request(method, url);
        match (&self.token, &self.login) {
            (Some(token), Some(login)) => {
                request.bearer_auth(token).query(&[("u", &login.user), ("p", &login.password)])
            }
            (Some(token), None) => request.bearer_auth(token),
            (None, Some(login)) => request.basic_auth(&login.user, Some(&login.password)),
            (None, None) => request,
        }
    }

    fn url(&self, path: Path<'_>) -> Url {
        let mut url = self.address.0.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .pop_if_empty()
            .extend(BASE.split('/'))
            .extend(path.segments);
        if !path.query.is_empty() {
            url.query_pairs_mut().extend_pairs(path.query);
        }
        url
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|e| Error::of_transport(&self.address, &e))? {
                None => return Ok(body),
                Some(chunk) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Some(_) => {
                    let why = format!("sent more than {MAX_ANSWER_BYTES} bytes");
                    return Err(Error::NotTheApi { address: self.address.to_string(), why });
                }
            }
        }
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let code = status.as_u16();
        if let Ok(ErrorBody { error }) = serde_json::from_slice(body)
            && !error.is_empty()
        {
            return Error::Refused { status: code, text: error };
        }
        let body = String::from_utf8_lossy(body);
        let body: String = body.trim().chars().take(SHOWN_BODY_CHARS).collect();
        // Proxies answer 5xx, 401 and 403 in the name of a member: those are passed on as they are.
        let foreign = !headers.contains_key("x-kapacitor-version")
            && status.is_client_error()
            && !matches!(code, 401 | 403 | 407 | 408 | 429);
        if foreign || status.is_redirection() {
            let why = format!("answered {status} ({body})");
            return Error::NotTheApi { address: self.address.to_string(), why };
        }
        Error::Refused {
            status: code,
            text: format!("invalid response: code {code}: body: {body}"),
        }
    }
}

impl Answer {
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|e| Error::NotTheApi {
            address: self.address.to_string(),
            why: format!("sent an answer that is not understood ({e})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_and_a_path_before_the_api_is_kept() {
        let options = Options { url: "http://proxy/member/1/".to_owned(), ..Options::default() };
        let client = Client::new(options).expect("a client");
        let path = Path { segments: &["tasks", "a/b ü"], query: &[("pattern", "x&*")] };
        assert_eq!(
            client.url(path).as_str(),
            "http://proxy/member/1/kapacitor/v1/tasks/a%2Fb%20%C3%BC?pattern=x%26*"
        );
    }
}
