//! Certificates: whom the client believes, with authorities that the test makes.

use super::receiver::{Desk, Receiver, loopback, options};
use cordboard::edge::fetch::{HttpFetch, HttpFetchOptions};
use cordboard::runtime::fetch::FetchCode;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

pub type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A receiver with a certificate for a name, signed by the authority or by itself.
pub async fn receiver(name: &str, by: Option<&Authority>, change: impl FnOnce(&mut CertificateParams)) -> Receiver {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    change(&mut params);
    let certificate = match by {
        Some(authority) => params.signed_by(&key, authority).expect("signed"),
        None => params.self_signed(&key).expect("signed"),
    };
    let chain = vec![CertificateDer::from(certificate)];
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).expect("a certificate")));
    Receiver::new(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            stream.shutdown().await
        }
    })
    .await
}

/// A client that believes the authority too.
fn believing(authority: &Authority) -> (tempfile::TempDir, Desk) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).expect("written");
    let desk = Desk::new(with(file), loopback());
    (folder, desk)
}

fn with(ca_file: PathBuf) -> HttpFetchOptions {
    HttpFetchOptions { ca_file: Some(ca_file), ..options(&["127.0.0.0/8"]) }
}

fn url(receiver: &Receiver) -> String {
    format!("https://receiver.test:{}/", receiver.address.port())
}

#[tokio::test]
async fn an_authority_of_the_operator_is_believed() {
    let authority = authority();
    let (_folder, desk) = believing(&authority);
    let sound = receiver("receiver.test", Some(&authority), |_| ()).await;
    assert_eq!(desk.get(&url(&sound)).await.expect("an answer").status, 200);
    let by_address = receiver("127.0.0.1", Some(&authority), |_| ()).await;
    let url = format!("https://127.0.0.1:{}/", by_address.address.port());
    assert_eq!(desk.get(&url).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused() {
    let authority = authority();
    let (_folder, desk) = believing(&authority);
    let past = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let bad = [
        ("signed by itself", receiver("receiver.test", None, |_| ()).await),
        ("of another name", receiver("other.test", Some(&authority), |_| ()).await),
        ("expired", receiver("receiver.test", Some(&authority), past).await),
        ("of the future", receiver("receiver.test", Some(&authority), future).await),
        ("of an unknown authority", receiver("receiver.test", Some(&self::authority()), |_| ()).await),
    ];
    for (what, receiver) in &bad {
        let failure = desk.get(&url(receiver)).await.expect_err(what);
        assert_eq!(failure.code, FetchCode::CertificateRefused, "{what}: {failure}");
    }
    // Without the file nobody believes that authority.
    let sound = receiver("receiver.test", Some(&authority), |_| ()).await;
    assert_eq!(Desk::open().code(&url(&sound)).await, FetchCode::CertificateRefused);
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_apart() {
    let desk = Desk::open();
    let plain = Receiver::new(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        std::future::pending::<io::Result<()>>().await
    })
    .await;
    assert_eq!(desk.code(&url(&plain)).await, FetchCode::TlsFailed);
    let closing = Receiver::new(|stream| async move { stream.set_zero_linger() }).await;
    assert_eq!(desk.code(&url(&closing)).await, FetchCode::ConnectionFailed);
}

#[test]
fn a_file_without_authorities_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("missing.pem", None),
        ("empty.pem", Some("")),
        ("text.pem", Some("hello")),
        ("broken.pem", Some("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")),
    ];
    for (name, text) in cases {
        let file = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        let clock = Arc::new(crate::support::clock::ManualClock::default());
        let told = HttpFetch::new(with(file.clone()), loopback(), clock).err().expect("is refused");
        let wanted = format!("reading outbound.ca_file {}: ", file.display());
        assert!(format!("{told:#}").starts_with(&wanted), "{told:#}");
    }
}
