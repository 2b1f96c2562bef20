//! Certificates of an emulator, made when it starts and gone with it: an authority of its own, and one that it vouches for.

use super::EmulateError;
use perpx_data::atomic::AtomicFile;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Names that the certificate holds for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How an emulator speaks TLS. The private keys never leave the memory of the process.
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    authority: String,
}

impl Tls {
    /// Keys and certificates that nobody had before.
    ///
    /// # Errors
    /// No keys can be made.
    pub fn throw_away() -> Result<Tls, EmulateError> {
        let made = authority().and_then(|authority| Ok((certificate(&authority)?, authority)));
        let ((key, chain), authority) = made.map_err(|error| EmulateError::Tls(error.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| EmulateError::Tls(error.to_string()))?;
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), authority: authority.pem() })
    }

    /// The certificate of the authority, as PEM: a client that trusts it trusts this emulator, and no other.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Writes it to a file, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EmulateError> {
        let written = AtomicFile::create(path).and_then(|mut file| {
            file.write_all(self.authority.as_bytes())?;
            file.commit()
        });
        written.map_err(|source| EmulateError::Write { option: "--tls", path: path.to_path_buf(), source })
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "perpx emulator, throw-away authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

type Certified = (PrivateKeyDer<'static>, Vec<rustls::pki_types::CertificateDer<'static>>);

fn certificate(authority: &Authority) -> Result<Certified, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "perpx emulator");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, authority)?;
    Ok((PrivateKeyDer::Pkcs8(key.serialize_der().into()), vec![certificate.der().clone(), authority.der().clone()]))
}
