//! Why a server is not trusted, for a person to read.

use core::fmt;

/// Why a server is not believed to be the host that was asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Refusal {
    /// The certificate is for other hosts.
    WrongHost,
    /// A certificate of the chain has run out.
    Expired,
    /// A certificate of the chain is not valid yet. On a PSP whose battery was flat: the clock.
    NotYetValid,
    /// The certificate vouches for itself.
    SelfSigned,
    /// The chain leads to no authority that is trusted here.
    UnknownIssuer,
    /// The chain leads through a certificate that must not sign others: CA:FALSE, more authorities
    /// in a row than one of them allows, or names that one of them must not sign for.
    NotAnAuthority,
    /// The certificate is not meant for servers, or has a condition that is not understood here.
    NotForServers,
    /// A signature in the chain is wrong.
    BadSignature,
    /// A signature or a key is of a kind that is not taken: weak, or rare.
    UnsupportedSignature,
    /// The chain is longer, or branches more, than any honest one.
    TooComplex,
    /// What should be a certificate is none.
    Malformed,
    /// The server did not prove that the certificate is its own, or showed none.
    NotProven,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongHost => "the certificate is for another host",
            Self::Expired => "the certificate has expired (is the date of this PSP right?)",
            Self::NotYetValid => {
                "the certificate is not valid yet (is the date of this PSP right?)"
            }
            Self::SelfSigned => "the certificate was signed by nobody but itself",
            Self::UnknownIssuer => "the certificate was not signed by a known authority",
            Self::NotAnAuthority => "the certificate was signed by one that is no authority",
            Self::NotForServers => "the certificate is not one for web servers",
            Self::BadSignature => "a signature in the certificate is wrong",
            Self::UnsupportedSignature => "the certificate is signed in a way that is not trusted",
            Self::TooComplex => "the certificate has too many authorities in between",
            Self::Malformed => "the certificate is damaged",
            Self::NotProven => "the server did not prove that the certificate is its own",
        })
    }
}

impl core::error::Error for Refusal {}

impl From<webpki::Error> for Refusal {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error::*;
        match error {
            CertNotValidForName(_) | UnsupportedNameType => Self::WrongHost,
            CertExpired { .. } => Self::Expired,
            CertNotValidYet { .. } => Self::NotYetValid,
            UnknownIssuer => Self::UnknownIssuer,
            EndEntityUsedAsCa | PathLenConstraintViolated | NameConstraintViolation => {
                Self::NotAnAuthority
            }
            CaUsedAsEndEntity
            | EmptyEkuExtension
            | RequiredEkuNotFoundContext(_)
            | UnsupportedCriticalExtension
            | CertDistrusted
            | CertRevoked => Self::NotForServers,
            InvalidSignatureForPublicKey => Self::BadSignature,
            UnsupportedSignatureAlgorithmContext(_)
            | UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::UnsupportedSignature,
            MaximumNameConstraintComparisonsExceeded
            | MaximumPathBuildCallsExceeded
            | MaximumPathDepthExceeded
            | MaximumSignatureChecksExceeded => Self::TooComplex,
            _ => Self::Malformed,
        }
    }
}
