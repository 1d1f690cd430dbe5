//! The authorities that certificates must lead to.

use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

/// Certificate authorities that are trusted without anybody's word.
#[derive(Clone, Debug)]
pub struct Roots(Vec<TrustAnchor<'static>>);

impl Roots {
    /// Mozilla's, as they were when this was built.
    pub fn mozilla() -> Self {
        Self(webpki_roots::TLS_SERVER_ROOTS.to_vec())
    }

    /// Trusts an authority besides, given as a DER certificate.
    ///
    /// # Errors
    /// When it is no X.509 certificate; then nothing has changed.
    pub fn add_der(&mut self, certificate: &[u8]) -> Result<(), NoAuthority> {
        let certificate = CertificateDer::from(certificate);
        let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| NoAuthority)?;
        self.0.push(anchor.to_owned());
        Ok(())
    }

    /// Trusts those authorities besides, given as any number of PEM certificates, at least one.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be read; then nothing has changed.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<(), NoAuthority> {
        let before = self.0.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let added = certificate.map_err(|_| NoAuthority).and_then(|der| self.add_der(&der));
            if let Err(error) = added {
                self.0.truncate(before);
                return Err(error);
            }
        }
        if self.0.len() == before { Err(NoAuthority) } else { Ok(()) }
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0
    }
}

/// What was given as a certificate authority holds no usable certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoAuthority;

impl fmt::Display for NoAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the extra certificate authority is not a certificate")
    }
}

impl core::error::Error for NoAuthority {}
