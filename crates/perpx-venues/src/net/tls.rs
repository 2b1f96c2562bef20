//! Whose certificates are believed: the roots that browsers take, as they were when this program was built, and for a venue that is
//! played on this machine one more. Nothing turns the check off.

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum TlsError {
    #[error("{path}: this file cannot be read: {why}; accepted: certificates in PEM")]
    File { path: PathBuf, why: String },
    #[error("{path}: no certificate in this file; accepted: certificates in PEM")]
    Empty { path: PathBuf },
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
}

/// What clients of a venue know of TLS: version 1.2 or later, the server's name sent. `authority`: a file of further roots.
///
/// # Errors
/// A file that holds no certificate.
pub fn client_config(authority: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = authority {
        let unreadable = |why: String| TlsError::File { path: path.to_path_buf(), why };
        let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            roots.add(certificate.map_err(|error| unreadable(error.to_string()))?)?;
        }
        if roots.len() == before {
            return Err(TlsError::Empty { path: path.to_path_buf() });
        }
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
