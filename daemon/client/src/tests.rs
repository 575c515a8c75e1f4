//! Calls against servers that are not what the address promises. What the commands make of answers is
//! tested in `cli`.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::{Client, Error, Options, Trust};

fn client(url: &str, trust: Trust) -> Client {
    let options = Options { url: url.to_owned(), trust, ..Options::default() };
    Client::new(options).expect("a client")
}

/// Answers every request with `answer`.
async fn serve(answer: &'static str) -> String {
    listen(answer, None).await
}

/// The same over TLS, with a certificate that no system trusts; also the certificate, PEM.
async fn serve_tls(answer: &'static str) -> (String, Vec<u8>) {
    let (acceptor, certificate) = acceptor();
    (listen(answer, Some(acceptor)).await, certificate)
}

async fn listen(answer: &'static str, acceptor: Option<TlsAcceptor>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            match &acceptor {
                Some(acceptor) => {
                    let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                None => {
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        }
    });
    format!("{scheme}://127.0.0.1:{port}")
}

fn acceptor() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = made.signing_key.serialize_der().try_into().expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem().into_bytes())
}

const PONG: &str =
    "HTTP/1.1 204 No Content\r\nX-Kapacitor-Version: 1.2.3\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_certificate_is_trusted_by_its_authority_or_blindly() {
    let (url, authority) = serve_tls(PONG).await;
    let (_, of_another) = serve_tls(PONG).await;
    for trust in [Trust::System, Trust::Only(of_another)] {
        let error = client(&url, trust).ping().await.expect_err("not trusted");
        assert!(matches!(error, Error::Untrusted { .. }), "{error}");
        let begin = format!("cannot reach {url}: its certificate is not trusted (");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
    for trust in [Trust::Only(authority), Trust::All] {
        assert_eq!(client(&url, trust).ping().await.expect("trusted"), "1.2.3");
    }
}

#[test]
fn an_authority_that_is_none_is_refused() {
    for (pem, expect) in [
        ("", "the authority holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "the authority is no PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "the authority cannot be used",
        ),
    ] {
        let trust = Trust::Only(pem.as_bytes().to_vec());
        let error = Client::new(Options { trust, ..Options::default() }).err().expect("refused");
        assert!(matches!(&error, Error::Setup(why) if why.contains(expect)), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_member_is_told_from_a_member_that_refuses() {
    for (answer, expect) in [
        ("220 mail.example ESMTP\r\n", "does not speak HTTP"),
        ("", "closed the connection without an answer"),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>",
            "sent an answer that is not understood",
        ),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "answered 302 Found"),
        (
            "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nnginx",
            "answered 404 Not Found (nginx)",
        ),
    ] {
        let url = serve(answer).await;
        let error = client(&url, Trust::System).cluster().await.expect_err(expect);
        assert!(matches!(error, Error::NotTheApi { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("{url} {expect}")), "{error}");
        assert!(error.to_string().contains("9092 by default"), "{error}");
    }
    for (answer, status, expect) in [
        ("HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{\"error\":\"busy\"}", 409, "busy"),
        (
            "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\nproxy",
            502,
            "invalid response: code 502: body: proxy",
        ),
    ] {
        let error = client(&serve(answer).await, Trust::System).cluster().await.expect_err(expect);
        assert_eq!((error.status(), error.to_string().as_str()), (Some(status), expect));
    }
}

#[tokio::test]
async fn a_member_that_is_away_is_named_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let error = client(&url, Trust::System).ready().await.expect_err("nobody listens");
    assert_eq!(error.to_string(), format!("cannot reach {url}: connection refused"));
}
