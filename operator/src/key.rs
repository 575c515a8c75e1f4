//! The key of a cluster's operator: made once, kept in a Secret; members get the public half.
//!
//! A change of membership carries a token (JWT, EdDSA) that names the cluster and ends soon, so it is
//! of no use anywhere else or later. The private half is never printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::json;

/// How long a token is good for, in seconds. Too short and clocks that differ refuse it, too long and
/// a stolen one is of use.
pub const TOKEN_SECONDS: u64 = 300;

/// Key of the Secret that holds the private half, PEM.
pub const PRIVATE: &str = "private-key.pem";
/// Key of the Secret that holds the public half, base64 of 32 bytes.
pub const PUBLIC: &str = "public-key";

/// What precedes the 32 bytes in the DER form of an Ed25519 private key (RFC 8410).
const DER_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// An Ed25519 key.
pub struct AdminKey(SigningKey);

/// Why a text is no key. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no Ed25519 private key in PEM (`openssl genpkey -algorithm ed25519` makes one)")]
pub struct InvalidKey;

impl AdminKey {
    /// A new key from 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Reads PEM as [`Self::to_pem`] and openssl write it.
    pub fn parse(pem: &str) -> Result<Self, InvalidKey> {
        let body = pem.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body.ok_or(InvalidKey)?.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| InvalidKey)?;
        let seed = der.strip_prefix(&DER_PREFIX).ok_or(InvalidKey)?;
        Ok(Self::from_seed(seed.try_into().map_err(|_| InvalidKey)?))
    }

    /// PEM of the private half, for the Secret.
    pub fn to_pem(&self) -> String {
        let der = STANDARD.encode([&DER_PREFIX[..], &self.0.to_bytes()].concat());
        format!("{BEGIN}\n{der}\n{END}\n")
    }

    /// The public half as members read it: base64 of 32 bytes.
    pub fn public(&self) -> String {
        STANDARD.encode(self.0.verifying_key().to_bytes())
    }

    /// A token for changes of `cluster`; `now` in seconds since 1970.
    pub fn token(&self, cluster: &str, now: u64) -> String {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = encode(json!({"alg": "EdDSA", "typ": "JWT"}));
        let claims = encode(json!({"aud": cluster, "iat": now, "exp": now + TOKEN_SECONDS}));
        let signed = format!("{head}.{claims}");
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AdminKey").field(&self.public()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, Verifier as _};

    #[test]
    fn a_key_survives_its_secret() {
        let key = AdminKey::from_seed([7; 32]);
        let again = AdminKey::parse(&key.to_pem()).expect("just written");
        assert_eq!(again.public(), key.public());
        assert!(!format!("{key:?}").contains(key.to_pem().lines().nth(1).expect("a body")));
    }

    #[test]
    fn a_key_of_openssl_is_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        assert_eq!(
            AdminKey::parse(pem).expect("RFC 8410's example").public(),
            "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
        );
        for wrong in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
        {
            assert!(AdminKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_names_the_cluster_and_ends_soon() {
        let key = AdminKey::from_seed([7; 32]);
        let token = key.token("876ddfb4-1879-4f40-87e2-4080c04d3096", 1000);
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let signature = Signature::from_slice(&signature).expect("64 bytes");
        key.0.verifying_key().verify(signed.as_bytes(), &signature).expect("our own");
        let claims = signed.split_once('.').expect("two parts").1;
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        assert_eq!(
            String::from_utf8(claims).expect("JSON"),
            r#"{"aud":"876ddfb4-1879-4f40-87e2-4080c04d3096","iat":1000,"exp":1300}"#
        );
    }
}
