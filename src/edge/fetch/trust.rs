//! Whose certificates are believed: the certificate authorities of the machine, and those that the operator adds.

use anyhow::{Context, bail};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The TLS side of the client.
///
/// # Errors
/// When `ca_file` cannot be read, or holds no certificate or one that cannot be used.
pub(super) fn tls(ca_file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let machine = rustls_native_certs::load_native_certs();
    for error in machine.errors {
        tracing::warn!(%error, "a certificate authority of the machine cannot be read");
    }
    // Some machines carry old ones that can no longer be parsed; the others serve on.
    let (read, _) = roots.add_parsable_certificates(machine.certs);
    if read == 0 {
        tracing::warn!("this machine knows no certificate authority: install the package ca-certificates");
    }
    if let Some(file) = ca_file {
        add(&mut roots, file).with_context(|| format!("reading outbound.ca_file {}", file.display()))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().context("choosing the versions of TLS")?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        bail!("there is no certificate in it; it must be PEM");
    }
    for certificate in certificates {
        roots.add(certificate)?;
    }
    Ok(())
}
