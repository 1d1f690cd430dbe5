//! Certificates for the server, made anew at each start: an authority to trust, and a leaf for the
//! hosts' names. The keys exist in this process only.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// What the hosts show for a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// Whether it ran out long ago. Single nodes of the archive were seen with one that had.
    pub expired: bool,
}

impl Default for Certificate {
    /// Good for this machine.
    fn default() -> Self {
        Self { names: ["127.0.0.1", "::1", "localhost"].map(str::to_owned).into(), expired: false }
    }
}

/// An authority and what its leaf serves with.
pub(super) struct Authority {
    pub(super) ca_pem: String,
    pub(super) ca_der: Vec<u8>,
    pub(super) config: Arc<ServerConfig>,
}

impl Authority {
    pub(super) fn new(certificate: &Certificate) -> Result<Self, CertificateError> {
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name.push(DnType::CommonName, "Testcard test archive");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let mut leaf = CertificateParams::new(certificate.names.clone())?;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if certificate.expired {
            leaf.not_before = date_time_ymd(2020, 1, 1);
            leaf.not_after = date_time_ymd(2021, 1, 1);
        }
        let leaf_key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&leaf_key, &issuer)?;

        let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            ca_der: ca_certificate.der().to_vec(),
            config: Arc::new(config),
        })
    }
}

/// Why there are no certificates.
#[derive(Debug)]
pub enum CertificateError {
    /// They could not be made: a name that is none, or no randomness.
    Make(rcgen::Error),
    /// TLS does not take them.
    Use(rustls::Error),
}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        Self::Make(error)
    }
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> Self {
        Self::Use(error)
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(error) => write!(f, "cannot make a certificate: {error}"),
            Self::Use(error) => write!(f, "cannot serve with the certificate made: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}
