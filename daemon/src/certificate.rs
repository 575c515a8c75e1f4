//! A certificate and its key that follow their files: whoever renews them need not restart the member.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context as _;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What is shown in handshakes. Looks at the files in each one, which costs little beside the handshake
/// itself; what cannot be used, such as half of a pair, leaves what was shown before.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Whose it is, for the log.
    service: &'static str,
    chain: PathBuf,
    key: PathBuf,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    stamps: [Option<Stamp>; 2],
    pair: Arc<CertifiedKey>,
}

/// What tells a file from what it was before.
type Stamp = (SystemTime, u64);

impl Certificate {
    /// Reads both files, which must fit each other.
    pub(crate) fn read(
        service: &'static str,
        certificate: &Path,
        key: &Path,
    ) -> anyhow::Result<Arc<Self>> {
        let stamps = [stamp(certificate), stamp(key)];
        let taken = Mutex::new(Taken { stamps, pair: pair(certificate, key)? });
        let (chain, key) = (certificate.to_owned(), key.to_owned());
        Ok(Arc::new(Self { service, chain, key, taken }))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = [stamp(&self.chain), stamp(&self.key)];
        if stamps != taken.stamps {
            taken.stamps = stamps;
            let service = self.service;
            match pair(&self.chain, &self.key) {
                Ok(pair) => {
                    taken.pair = pair;
                    let file = self.chain.display();
                    tracing::info!(service, "the certificate in {file} has changed");
                }
                Err(why) => tracing::error!(service, "the certificate stays: {why:#}"),
            }
        }
        taken.pair.clone()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Certificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn pair(certificate: &Path, key: &Path) -> anyhow::Result<Arc<CertifiedKey>> {
    let chain = chain(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| anyhow::anyhow!("failed to read the key in {}: {e}", key.display()))?;
    let pair = CertifiedKey::from_der(chain, private, &ring::default_provider());
    let pair = pair.with_context(|| format!("{} and {}", certificate.display(), key.display()))?;
    Ok(Arc::new(pair))
}

/// The certificates in a file, at least one.
pub(crate) fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let about =
        |e: &dyn std::fmt::Display| anyhow::anyhow!("failed to read {}: {e}", path.display());
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|e| about(&e))?.collect();
    let all = all.map_err(|e| about(&e))?;
    anyhow::ensure!(!all.is_empty(), "{} holds no certificate", path.display());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and its key, PEM.
    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_pair_is_taken_when_it_is_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
        let put = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
        let (old, new) = (made(), made());
        put(&certificate, &old.0);
        put(&key, &old.1);
        let followed = Certificate::read("http", &certificate, &key).expect("a pair");
        let shown = |pem: &str| {
            let expect = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            assert_eq!(followed.current().cert, [expect]);
        };
        shown(&old.0);
        put(&certificate, &new.0[..100]);
        shown(&old.0);
        put(&certificate, &new.0);
        shown(&old.0);
        // Another length: within a tick of the clock that alone tells it from the old one.
        put(&key, &format!("{}\n", new.1));
        shown(&new.0);
        std::fs::remove_file(&key).expect("removed");
        shown(&new.0);
    }

    #[test]
    fn what_makes_no_pair_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
        let (one, other) = (made(), made());
        for (first, second, expect) in [
            ("", one.1.as_str(), "tls.crt holds no certificate"),
            (&one.0, "", "failed to read the key in"),
            (&one.0, &other.1, "tls.key"),
        ] {
            std::fs::write(&certificate, first).expect("written");
            std::fs::write(&key, second).expect("written");
            let error = Certificate::read("http", &certificate, &key).expect_err("no pair");
            assert!(format!("{error:#}").contains(expect), "{error:#}");
        }
        let error = Certificate::read("http", &dir.path().join("none"), &key).expect_err("no file");
        assert!(format!("{error:#}").contains("none"), "{error:#}");
    }
}
