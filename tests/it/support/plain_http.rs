//! The client with which tests ask the real program.

use std::sync::Arc;

/// A client for the program, which speaks plain HTTP. TLS must be set up even so, or the library looks for a provider of
/// cryptography for the whole process.
pub fn client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().expect("a client")
}
