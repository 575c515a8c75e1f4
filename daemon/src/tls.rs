//! TLS of our listeners and of calls between members, from the files the configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::certificate::{self, Certificate};
use crate::config::{Config, RpcTls, TlsVersion};

/// TLS of the HTTP API; `None` when `https-enabled` is off.
pub(crate) fn http_server(config: &Config) -> anyhow::Result<Option<TlsAcceptor>> {
    let Some(https) = &config.http.https else { return Ok(None) };
    let key = https.private_key.as_deref().unwrap_or(&https.certificate);
    let certificate =
        Certificate::read("http", &https.certificate, key).context("[http] https-certificate")?;
    let versions: &[_] = match (config.tls.min_version, config.tls.max_version) {
        (TlsVersion::V1_3, _) => &[&rustls::version::TLS13],
        (_, TlsVersion::V1_2) => &[&rustls::version::TLS12],
        _ => rustls::ALL_VERSIONS,
    };
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .context("[tls]")?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

/// Mutual TLS of the RPC port.
pub(crate) fn rpc_server(tls: Option<&RpcTls>) -> anyhow::Result<Option<TlsAcceptor>> {
    let Some(tls) = tls else { return Ok(None) };
    let certificate = Certificate::read("rpc", &tls.certificate, &tls.private_key)
        .context("[rpc] tls-certificate")?;
    let provider = Arc::new(ring::default_provider());
    let roots = Arc::new(roots(&tls.ca).context("[rpc] tls-ca")?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .context("[rpc] tls-ca")?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    server.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

/// The other side of [`rpc_server`].
pub(crate) fn rpc_client(tls: Option<&RpcTls>) -> anyhow::Result<Option<ClientConfig>> {
    let Some(tls) = tls else { return Ok(None) };
    let certificate = Certificate::read("rpc", &tls.certificate, &tls.private_key)
        .context("[rpc] tls-certificate")?;
    let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(&tls.ca).context("[rpc] tls-ca")?)
        .with_client_cert_resolver(certificate);
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Some(client))
}

fn roots(path: &Path) -> anyhow::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificate::chain(path)? {
        store.add(certificate)?;
    }
    Ok(store)
}

/// Whether a connection failed because of a certificate: ours, or the peer's.
pub(crate) fn is_about_certificates(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // A transport error that wraps another one names it by `get_ref`, not by `source`.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(inner) = inner
            && is_about_certificates(inner)
        {
            return true;
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(
                tls,
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::NoCertificatesPresented
                    | rustls::Error::AlertReceived(_)
            );
        }
        cause = error.source();
    }
    false
}
