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
    /// What is wrong with it, if anything.
    pub flaw: Option<Flaw>,
}

/// Why a client must not trust a certificate that is for the right names.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    /// It ran out long ago. Single nodes of the archive were seen with one that had.
    Expired,
    /// It begins in a far future. To a clock that is wrong, every certificate is like that.
    NotYetValid,
    /// No authority has signed it, only its own key.
    SelfSigned,
    /// The authority has signed another leaf, and that leaf has signed this one, which it must not:
    /// it is no authority (RFC 5280 §4.2.1.9). Whoever had bought a certificate could otherwise be
    /// any host.
    ThroughLeaf,
}

impl Default for Certificate {
    /// Good for this machine.
    fn default() -> Self {
        Self { names: ["127.0.0.1", "::1", "localhost"].map(str::to_owned).into(), flaw: None }
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
        // So that a leaf that acts as an authority is wrong for that reason alone.
        ca.is_ca = IsCa::Ca(match certificate.flaw {
            Some(Flaw::ThroughLeaf) => BasicConstraints::Unconstrained,
            _ => BasicConstraints::Constrained(0),
        });
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let mut leaf = leaf(&certificate.names)?;
        match certificate.flaw {
            Some(Flaw::Expired) => {
                leaf.not_before = date_time_ymd(2020, 1, 1);
                leaf.not_after = date_time_ymd(2021, 1, 1);
            }
            Some(Flaw::NotYetValid) => {
                leaf.not_before = date_time_ymd(3020, 1, 1);
                leaf.not_after = date_time_ymd(3021, 1, 1);
            }
            Some(Flaw::SelfSigned | Flaw::ThroughLeaf) | None => {}
        }
        let leaf_key = KeyPair::generate()?;
        let chain = match certificate.flaw {
            Some(Flaw::SelfSigned) => vec![leaf.self_signed(&leaf_key)?.der().clone()],
            Some(Flaw::ThroughLeaf) => {
                let mut between = self::leaf(&["no-authority.example".to_owned()])?;
                between.is_ca = IsCa::ExplicitNoCa;
                between.distinguished_name.push(DnType::CommonName, "Testcard test leaf");
                let between_key = KeyPair::generate()?;
                let between_certificate = between.signed_by(&between_key, &issuer)?;
                let leaf = leaf.signed_by(&leaf_key, &Issuer::new(between, between_key))?;
                vec![leaf.der().clone(), between_certificate.der().clone()]
            }
            _ => vec![leaf.signed_by(&leaf_key, &issuer)?.der().clone()],
        };

        let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            ca_der: ca_certificate.der().to_vec(),
            config: Arc::new(config),
        })
    }
}

/// What a server has a certificate for, valid for long.
fn leaf(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut leaf = CertificateParams::new(names)?;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(leaf)
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
