//! What can go wrong between asking and an answer, in words for whoever typed the command.

use std::error::Error as StdError;
use std::io;

use crate::address::{Address, InvalidAddress};

/// Why a call gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// The HTTP client could not be set up.
    #[error("failed to set up the HTTP client: {0}")]
    Setup(String),
    /// No connection, or no answer in time.
    #[error("cannot reach {address}: {why}")]
    Unreachable {
        /// Whom it asked.
        address: String,
        /// What the system said.
        why: String,
    },
    /// It shows a certificate that is not trusted.
    #[error("cannot reach {address}: its certificate is not trusted ({why})")]
    Untrusted {
        /// Whom it asked.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody answered, but not as a member's HTTP API does.
    #[error(
        "{address} {why}; is it the address of a member's HTTP API (port 9092 by default; \
         9091 is RPC, 9090 gossip)?"
    )]
    NotTheApi {
        /// Whom it asked.
        address: String,
        /// What came instead.
        why: String,
    },
    /// The member refused; the text is its own.
    #[error("{text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's `error`, else the answer's body.
        text: String,
    },
}

impl Error {
    /// The HTTP status, if the member refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// There is no such thing (404).
    pub fn is_missing(&self) -> bool {
        self.status() == Some(404)
    }

    /// The caller may not do this (401, 403).
    pub fn is_forbidden(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    pub(crate) fn of_transport(address: &Address, error: &reqwest::Error) -> Self {
        let (address, https) = (address.to_string(), address.0.scheme() == "https");
        let cause = Cause::of(error);
        if error.is_timeout() && !matches!(cause, Cause::Tls(_)) {
            return Self::Unreachable { address, why: "no answer in time".to_owned() };
        }
        match cause {
            Cause::Tls(rustls::Error::InvalidMessage(_)) if https => {
                Self::NotTheApi { address, why: "does not speak TLS, try http://".to_owned() }
            }
            Cause::Tls(rustls::Error::InvalidCertificate(why)) => {
                Self::Untrusted { address, why: why.to_string() }
            }
            Cause::Tls(why) => Self::Unreachable { address, why: why.to_string() },
            Cause::Io(why) if error.is_connect() => Self::Unreachable { address, why },
            _ if error.is_connect() => Self::Unreachable { address, why: innermost(error) },
            Cause::Io(_) | Cause::Closed => Self::NotTheApi {
                address,
                why: "closed the connection without an answer".to_owned(),
            },
            Cause::Other => {
                let why = format!("does not speak HTTP ({})", innermost(error));
                Self::NotTheApi { address, why }
            }
        }
    }
}

/// What lies at the bottom of a transport error.
enum Cause<'a> {
    Tls(&'a rustls::Error),
    Io(String),
    Closed,
    Other,
}

impl<'a> Cause<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut found = Cause::Other;
        let mut next: Option<&(dyn StdError + 'static)> = error.source();
        while let Some(cause) = next {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Cause::Tls(tls);
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                if let Some(tls) = tls_within(io) {
                    return Cause::Tls(tls);
                }
                found = Cause::Io(plain(io));
            }
            if cause.to_string().contains("connection closed before message completed") {
                found = Cause::Closed;
            }
            next = cause.source();
        }
        found
    }
}

/// The TLS error that an I/O error wraps, maybe more than once: `source` passes over the wrapped one.
fn tls_within(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    if let Some(tls) = inner.downcast_ref() {
        return Some(tls);
    }
    tls_within(inner.downcast_ref::<io::Error>()?)
}

fn innermost(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// An operating system's text without Rust's decoration: `connection refused`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or("");
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
