//! Whether a server is the host that was asked for.

use alloc::vec::Vec;
use core::time::Duration;

use embedded_tls::{
    CertificateEntryRef, CertificateRef, CertificateVerifyRef, SignatureScheme, TlsCipherSuite,
    TlsError, TlsVerifier,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use testcard_core::time::UnixMillis;
use webpki::{EndEntityCert, KeyUsage};

use crate::algorithms::{self, Algorithm};
use crate::{Host, Refusal, Roots};

/// The most certificates that a server may show: its own and seven more. Honest chains have two to
/// four; each costs time.
const CERTIFICATES_MAX: usize = 8;

/// What a server signs goes on with this, after 64 spaces (RFC 8446 §4.4.3).
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";

/// Verifies the certificate of one handshake: that it leads to one of the roots through
/// authorities, that it is for the host, valid at the time given and meant for servers, and that
/// the server has its key.
///
/// embedded-tls calls it while a handshake goes on, but only about what the server chooses to send;
/// [`Verifier::outcome`] has to be asked when it is over. [`crate::Connection`] does.
#[derive(Debug)]
pub struct Verifier<'a> {
    roots: &'a Roots,
    host: Host<'a>,
    now: UnixTime,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No certificate has come.
    Waiting,
    /// The certificate is good; that it is the server's own is not shown yet.
    Shown {
        certificate: Vec<u8>,
        /// What the server has to sign with its key.
        statement: Vec<u8>,
    },
    Proven,
    Refused(Refusal),
}

impl<'a> Verifier<'a> {
    /// A verifier for one handshake with `host` at the time `now`.
    pub fn new(host: Host<'a>, roots: &'a Roots, now: UnixMillis) -> Self {
        // Before 1970 no certificate was valid, nor was any at its first moment.
        let millis = u64::try_from(now.0).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_millis(millis));
        Self { roots, host, now, state: State::Waiting }
    }

    /// Whether the server has proven to be the host, or why it is not believed.
    ///
    /// # Errors
    /// [`Refusal::NotProven`] as long as the server has not shown a certificate and signed with it.
    pub fn outcome(&self) -> Result<(), Refusal> {
        match self.state {
            State::Proven => Ok(()),
            State::Refused(refusal) => Err(refusal),
            State::Waiting | State::Shown { .. } => Err(Refusal::NotProven),
        }
    }

    /// Why the server is not believed, once that is known.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.state {
            State::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Takes the server's chain, its own certificate first, and the handshake up to it.
    fn see(&mut self, chain: &[CertificateEntryRef<'_>], transcript: &[u8]) -> Result<(), Refusal> {
        // A second certificate has no place in a handshake (RFC 8446 §4.4.2).
        if !matches!(self.state, State::Waiting) {
            return Err(Refusal::NotProven);
        }
        let mut certificates = Vec::new();
        for entry in chain {
            let CertificateEntryRef::X509(der) = entry else { return Err(Refusal::Malformed) };
            certificates.push(CertificateDer::from(*der));
        }
        if certificates.len() > CERTIFICATES_MAX {
            return Err(Refusal::TooComplex);
        }
        let (own, others) = certificates.split_first().ok_or(Refusal::NotProven)?;
        self.check_chain(own, others)?;

        let mut statement = Vec::with_capacity(64 + CONTEXT.len() + transcript.len());
        statement.resize(64, b' ');
        statement.extend_from_slice(CONTEXT);
        statement.extend_from_slice(transcript);
        self.state = State::Shown { certificate: own.to_vec(), statement };
        Ok(())
    }

    fn check_chain(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<(), Refusal> {
        let certificate = EndEntityCert::try_from(own)?;
        let path = certificate.verify_for_usage(
            algorithms::ALL,
            self.roots.anchors(),
            others,
            self.now,
            KeyUsage::server_auth(),
            None,
            None,
        );
        match path {
            Ok(_) => Ok(certificate.verify_is_valid_for_subject_name(self.host.name())?),
            // What a router or an appliance makes for itself; often it says to be an authority too.
            Err(webpki::Error::UnknownIssuer | webpki::Error::CaUsedAsEndEntity)
                if certificate.issuer() == certificate.subject() =>
            {
                Err(Refusal::SelfSigned)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the server's signature of the handshake.
    fn check(&mut self, scheme: SignatureScheme, signature: &[u8]) -> Result<(), Refusal> {
        let State::Shown { certificate, statement } = &self.state else {
            return Err(Refusal::NotProven);
        };
        let der = CertificateDer::from(certificate.as_slice());
        EndEntityCert::try_from(&der)?
            .verify_signature(algorithm(scheme)?, statement, signature)
            .map_err(|error| match Refusal::from(error) {
            Refusal::BadSignature => Refusal::NotProven,
            other => other,
        })?;
        self.state = State::Proven;
        Ok(())
    }

    /// Notes a refusal, which is final, and says it in embedded-tls' words.
    fn note(&mut self, result: Result<(), Refusal>, word: TlsError) -> Result<(), TlsError> {
        result.map_err(|refusal| {
            self.state = State::Refused(refusal);
            word
        })
    }
}

/// What a server may sign a handshake with (RFC 8446 §4.2.3): never PKCS #1 v1.5, and each curve
/// with its own hash.
fn algorithm(scheme: SignatureScheme) -> Result<&'static Algorithm, Refusal> {
    match scheme {
        SignatureScheme::EcdsaSecp256r1Sha256 => Ok(&algorithms::P256_SHA256),
        SignatureScheme::EcdsaSecp384r1Sha384 => Ok(&algorithms::P384_SHA384),
        SignatureScheme::RsaPssRsaeSha256 => Ok(&algorithms::RSA_PSS_SHA256),
        SignatureScheme::RsaPssRsaeSha384 => Ok(&algorithms::RSA_PSS_SHA384),
        SignatureScheme::RsaPssRsaeSha512 => Ok(&algorithms::RSA_PSS_SHA512),
        _ => Err(Refusal::UnsupportedSignature),
    }
}

impl<C: TlsCipherSuite> TlsVerifier<C> for Verifier<'_> {
    /// Only ever repeats what the verifier was made for.
    fn set_hostname_verification(&mut self, name: &str) -> Result<(), TlsError> {
        let result = if name == self.host.text() { Ok(()) } else { Err(Refusal::WrongHost) };
        self.note(result, TlsError::InvalidCertificate)
    }

    fn verify_certificate(
        &mut self,
        transcript: &C::Hash,
        certificate: CertificateRef<'_>,
    ) -> Result<(), TlsError> {
        use rsa::sha2::Digest;
        let result = self.see(&certificate.entries, &transcript.clone().finalize());
        self.note(result, TlsError::InvalidCertificate)
    }

    fn verify_signature(&mut self, verify: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        let result = self.check(verify.signature_scheme, verify.signature);
        self.note(result, TlsError::InvalidSignature)
    }
}
