//! Where a member's HTTP API is, and who asks: what users write after `-url`.

use std::fmt;

use reqwest::Url;

/// The base address of a member's HTTP API, without login, query and final slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(pub(crate) Url);

/// User and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Name.
    pub user: String,
    /// Password, never shown.
    pub password: String,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Neither `http` nor `https`.
    #[error("Unsupported protocol scheme: {0}, your address must start with http:// or https://")]
    Scheme(String),
    /// Not a URL, or one without a host.
    #[error("invalid address {text:?}: {why}")]
    Malformed {
        /// As it was given, without login.
        text: String,
        /// What is wrong.
        why: String,
    },
}

impl Address {
    /// Reads `http://host:9092`, `https://user:password@host`, `http://host?u=user&p=password`.
    ///
    /// A login in front of the host wins over one in the query; other parameters are ignored.
    pub fn parse(text: &str) -> Result<(Self, Option<Login>), InvalidAddress> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            let named =
                if scheme.is_empty() { rest.split(':').next().unwrap_or("") } else { scheme };
            return Err(InvalidAddress::Scheme(named.to_owned()));
        }
        let malformed = |why: String| InvalidAddress::Malformed { text: without_login(text), why };
        let mut url = Url::parse(text).map_err(|e| malformed(e.to_string()))?;
        let login = login_of(&url);
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.map_err(|()| malformed("it has no host".to_owned()))?;
        url.set_query(None);
        url.set_fragment(None);
        Ok((Self(url), login))
    }

    /// The host: a name or an IP address, IPv6 without brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']')
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The port; that of the scheme when none is written.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// The password stays hidden.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

fn login_of(url: &Url) -> Option<Login> {
    if !url.username().is_empty() {
        let user = decoded(url.username());
        return Some(Login { user, password: decoded(url.password().unwrap_or("")) });
    }
    let find = |name: &str| {
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    find("u").map(|user| Login { user, password: find("p").unwrap_or_default() })
}

/// Undoes percent-encoding; what is not valid UTF-8 becomes U+FFFD.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        match hex.and_then(|d| u8::from_str_radix(d, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text without what may be a password.
fn without_login(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split('?').next().unwrap_or("");
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_out_of_the_address() {
        for (text, address, login) in [
            ("http://localhost:9092", "http://localhost:9092", None),
            ("http://localhost:9092/", "http://localhost:9092", None),
            ("HTTPS://Member-1", "https://member-1", None),
            ("http://proxy/member/1/", "http://proxy/member/1", None),
            ("http://ann:s%40me@h:1", "http://h:1", Some(("ann", "s@me"))),
            ("http://h:1?u=ann&p=s%26me", "http://h:1", Some(("ann", "s&me"))),
            ("http://bob@h:1/?u=ann&p=x", "http://h:1", Some(("bob", ""))),
            ("http://[::1]:9092", "http://[::1]:9092", None),
        ] {
            let (got, got_login) = Address::parse(text).expect(text);
            assert_eq!(got.to_string(), address, "{text}");
            let got_login = got_login.as_ref().map(|l| (l.user.as_str(), l.password.as_str()));
            assert_eq!(got_login, login, "{text}");
        }
        let (address, _) = Address::parse("https://[::1]").expect("valid");
        assert_eq!((address.host(), address.port()), ("::1", 443));
    }

    #[test]
    fn what_is_no_address_says_why_without_the_password() {
        for (text, expect) in [
            (
                "nonsense://x",
                "Unsupported protocol scheme: nonsense, your address must start with http:// or https://",
            ),
            (
                "localhost:9092",
                "Unsupported protocol scheme: localhost, your address must start with http:// or https://",
            ),
            ("http://ann:secret@h:port", "invalid address \"http://h:port\": invalid port number"),
            ("http://", "invalid address \"http://\": empty host"),
        ] {
            assert_eq!(Address::parse(text).expect_err(text).to_string(), expect);
        }
        let (_, login) = Address::parse("http://ann:secret@h").expect("valid");
        assert!(!format!("{login:?}").contains("secret"));
    }
}
