//! Who may change membership: whoever can read `data_dir/admin.token`, or holds an admin key.
//!
//! An admin key signs a JWT (EdDSA) whose `aud` is the cluster id and whose `exp` lies ahead.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use model::{ClusterId, Time};
use serde::Deserialize;

use super::answer::Refusal;
use crate::config::keys::AdminKey;
use crate::logging::Secret;

/// What permits changes.
pub(crate) struct Permission {
    pub(crate) token: Secret,
    pub(crate) token_file: PathBuf,
    pub(crate) admin_keys: RwLock<Vec<AdminKey>>,
    pub(crate) open: bool,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Permission {
    /// The keys of the configuration have changed.
    pub(crate) fn set_admin_keys(&self, keys: Vec<AdminKey>) {
        *self.admin_keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Refuses with 401 and what to do.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        cluster: ClusterId,
        now: Time,
    ) -> Result<(), Refusal> {
        if self.open {
            return Ok(());
        }
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "));
        let refuse = |why: &str| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                format!(
                    "{why}: changing the cluster needs the token of this member's file {} \
                     (kapacitorctl on the same host finds it through the daemon's configuration; \
                     elsewhere set KAPACITOR_ADMIN_TOKEN), or a token signed by one of [cluster] \
                     admin-keys",
                    self.token_file.display()
                ),
            )
        };
        match bearer {
            None => Err(refuse("no permission")),
            Some(given) if equal(given.as_bytes(), self.token.expose().as_bytes()) => Ok(()),
            Some(given) => self.check_signed(given, cluster, now).map_err(refuse),
        }
    }

    fn check_signed(&self, jwt: &str, cluster: ClusterId, now: Time) -> Result<(), &'static str> {
        let (signed, signature) = jwt.rsplit_once('.').ok_or("wrong token")?;
        let (_, claims) = signed.split_once('.').ok_or("wrong token")?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "wrong token");
        let signature = Signature::from_slice(&decode(signature)?).map_err(|_| "wrong token")?;
        let verifies = |key: &AdminKey| {
            VerifyingKey::from_bytes(&key.0)
                .is_ok_and(|key| key.verify(signed.as_bytes(), &signature).is_ok())
        };
        let keys = self.admin_keys.read().unwrap_or_else(PoisonError::into_inner);
        if !keys.iter().any(verifies) {
            return Err("the token is signed by no admin key");
        }
        let claims: Claims = serde_json::from_slice(&decode(claims)?)
            .map_err(|_| "the token's claims are unreadable")?;
        let cluster = cluster.to_string();
        let meant = match &claims.aud {
            Audience::One(aud) => *aud == cluster,
            Audience::Many(all) => all.contains(&cluster),
        };
        if !meant {
            return Err("the token is for another cluster");
        }
        if claims.exp.saturating_mul(1_000_000_000) <= now.0 {
            return Err("the token has expired");
        }
        Ok(())
    }
}

/// Compares without telling by its time how much was right.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn jwt(key: &SigningKey, claims: &str) -> String {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    #[test]
    fn the_token_or_a_signed_one_for_this_cluster_permits_changes() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let other = SigningKey::from_bytes(&[8; 32]);
        let cluster: ClusterId = "876ddfb4-1879-4f40-87e2-4080c04d3096".parse().unwrap();
        let permission = Permission {
            token: Secret::new("sesame"),
            token_file: "/data/admin.token".into(),
            admin_keys: RwLock::new(vec![AdminKey(key.verifying_key().to_bytes())]),
            open: false,
        };
        let good = format!(r#"{{"aud":"{cluster}","exp":100}}"#);
        for (token, refused) in [
            (Some("sesame".to_owned()), None),
            (Some("sesam".to_owned()), Some("wrong token")),
            (None, Some("no permission")),
            (Some(jwt(&key, &good)), None),
            (Some(jwt(&other, &good)), Some("signed by no admin key")),
            (Some(jwt(&key, r#"{"aud":"x","exp":100}"#)), Some("for another cluster")),
            (Some(jwt(&key, &good.replace("100", "9"))), Some("expired")),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(token) = &token {
                headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            }
            let got = permission.check(&headers, cluster, Time(10_000_000_000)).err();
            match (got, refused) {
                (None, None) => {}
                (Some(got), Some(why)) => assert!(got.text.contains(why), "{}", got.text),
                (got, _) => panic!("{token:?}: {got:?}"),
            }
        }
    }
}
