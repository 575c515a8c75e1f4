//! An HTTP client with the TLS options that every section of kapacitor.conf offers.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// TLS options: the text of PEM files, not their paths.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates to trust instead of the system's (`ssl-ca`).
    pub ca: Option<Vec<u8>>,
    /// Certificate chain and private key to show (`ssl-cert`, `ssl-key`).
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Accept any certificate (`insecure-skip-verify`).
    pub skip_verify: bool,
}

/// Why TLS options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file holds no usable certificate or key.
    #[error("failed to read {what}: {source}")]
    Pem {
        /// Which option.
        what: &'static str,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The certificate does not fit the key, or is malformed.
    #[error("failed to use the certificate: {0}")]
    Certificate(#[from] rustls::Error),
    /// The client could not be built.
    #[error("failed to build the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client that keeps connections, sends `user_agent`, and gives up a request after `timeout`
/// (`None`: never). Works on systems without any certificate store: only `https` needs one.
pub fn http_client(
    tls: &Tls,
    user_agent: &str,
    timeout: Option<Duration>,
) -> Result<reqwest::Client, TlsError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .connect_timeout(Duration::from_secs(10))
        .tls_backend_preconfigured(client_config(tls)?);
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    Ok(builder.build()?)
}

fn client_config(tls: &Tls) -> Result<rustls::ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let builder = if tls.skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust_all::TrustAll(provider)))
    } else {
        builder.with_root_certificates(roots(tls)?)
    };
    let config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates("ssl-cert", chain)?;
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|source| TlsError::Pem { what: "ssl-key", source })?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    Ok(config)
}

fn roots(tls: &Tls) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match &tls.ca {
        Some(pem) => {
            for certificate in certificates("ssl-ca", pem)? {
                store.add(certificate)?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|source| TlsError::Pem { what, source })?;
    if all.is_empty() {
        return Err(TlsError::Pem { what, source: rustls_pki_types::pem::Error::NoItemsFound });
    }
    Ok(all)
}

mod trust_all {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

    /// Accepts every certificate; the user asked for it with `insecure-skip-verify`.
    #[derive(Debug)]
    pub(super) struct TrustAll(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for TrustAll {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
