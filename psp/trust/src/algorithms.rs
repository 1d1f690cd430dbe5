//! Signatures, by RustCrypto. Only ever checked here, never made, so nothing of this is secret and
//! its timing tells nobody anything.
//!
//! What Mozilla's authorities use is all here: ECDSA on P-256 and P-384, and RSA of 2048 to 8192
//! bits, each with SHA-2. Left out: SHA-1 and shorter keys, because they can be forged; Ed25519 and
//! P-521, because no authority on the web uses them.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::RsaPublicKey as EncodedKey;
use rsa::pkcs1::der::Decode;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::traits::{PublicKeyParts, SignatureScheme};
use rsa::{BigUint, Pss, RsaPublicKey};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// The shortest RSA key taken, in bits (CA/Browser Forum Baseline Requirements §6.1.5).
const RSA_BITS_MIN: usize = 2048;

/// The longest; what the other clients of rustls-webpki take. 50 times the work of the shortest.
const RSA_BITS_MAX: usize = 8192;

/// A way to sign: which key, which padding, which hash.
#[derive(Debug)]
pub(crate) struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    scheme: Scheme,
    hash: Hash,
}

#[derive(Clone, Copy, Debug)]
enum Scheme {
    P256,
    P384,
    /// PKCS #1 v1.5. In certificates only (RFC 8446 §4.2.3).
    RsaPkcs1,
    RsaPss,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What certificates may be signed with.
pub(crate) static ALL: &[&dyn SignatureVerificationAlgorithm] = &[
    &P256_SHA256,
    &P256_SHA384,
    &P384_SHA256,
    &P384_SHA384,
    &RSA_PKCS1_SHA256,
    &RSA_PKCS1_SHA384,
    &RSA_PKCS1_SHA512,
    &RSA_PSS_SHA256,
    &RSA_PSS_SHA384,
    &RSA_PSS_SHA512,
];

macro_rules! algorithm {
    ($name:ident, $key:ident, $signature:ident, $scheme:ident, $hash:ident) => {
        pub(crate) static $name: Algorithm = Algorithm {
            key: alg_id::$key,
            signature: alg_id::$signature,
            scheme: Scheme::$scheme,
            hash: Hash::$hash,
        };
    };
}

algorithm!(P256_SHA256, ECDSA_P256, ECDSA_SHA256, P256, Sha256);
algorithm!(P256_SHA384, ECDSA_P256, ECDSA_SHA384, P256, Sha384);
algorithm!(P384_SHA256, ECDSA_P384, ECDSA_SHA256, P384, Sha256);
algorithm!(P384_SHA384, ECDSA_P384, ECDSA_SHA384, P384, Sha384);
algorithm!(RSA_PKCS1_SHA256, RSA_ENCRYPTION, RSA_PKCS1_SHA256, RsaPkcs1, Sha256);
algorithm!(RSA_PKCS1_SHA384, RSA_ENCRYPTION, RSA_PKCS1_SHA384, RsaPkcs1, Sha384);
algorithm!(RSA_PKCS1_SHA512, RSA_ENCRYPTION, RSA_PKCS1_SHA512, RsaPkcs1, Sha512);
algorithm!(RSA_PSS_SHA256, RSA_ENCRYPTION, RSA_PSS_SHA256, RsaPss, Sha256);
algorithm!(RSA_PSS_SHA384, RSA_ENCRYPTION, RSA_PSS_SHA384, RsaPss, Sha384);
algorithm!(RSA_PSS_SHA512, RSA_ENCRYPTION, RSA_PSS_SHA512, RsaPss, Sha512);

impl SignatureVerificationAlgorithm for Algorithm {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }

    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        match self.hash {
            Hash::Sha256 => self.verify_hash(key, &Sha256::digest(message), signature),
            Hash::Sha384 => self.verify_hash(key, &Sha384::digest(message), signature),
            Hash::Sha512 => self.verify_hash(key, &Sha512::digest(message), signature),
        }
    }
}

impl Algorithm {
    fn verify_hash(
        &self,
        key: &[u8],
        hash: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        match self.scheme {
            Scheme::P256 => {
                use p256::ecdsa::{DerSignature, Signature, VerifyingKey};
                let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
                let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
                let signature = Signature::try_from(signature).map_err(|_| InvalidSignature)?;
                key.verify_prehash(hash, &signature).map_err(|_| InvalidSignature)
            }
            Scheme::P384 => {
                use p384::ecdsa::{DerSignature, Signature, VerifyingKey};
                let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
                let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
                let signature = Signature::try_from(signature).map_err(|_| InvalidSignature)?;
                key.verify_prehash(hash, &signature).map_err(|_| InvalidSignature)
            }
            Scheme::RsaPkcs1 => match self.hash {
                Hash::Sha256 => rsa(key, Pkcs1v15Sign::new::<Sha256>(), hash, signature),
                Hash::Sha384 => rsa(key, Pkcs1v15Sign::new::<Sha384>(), hash, signature),
                Hash::Sha512 => rsa(key, Pkcs1v15Sign::new::<Sha512>(), hash, signature),
            },
            // The salt is as long as the hash (RFC 8446 §4.2.3).
            Scheme::RsaPss => match self.hash {
                Hash::Sha256 => rsa(key, Pss::new::<Sha256>(), hash, signature),
                Hash::Sha384 => rsa(key, Pss::new::<Sha384>(), hash, signature),
                Hash::Sha512 => rsa(key, Pss::new::<Sha512>(), hash, signature),
            },
        }
    }
}

fn rsa(
    key: &[u8],
    scheme: impl SignatureScheme,
    hash: &[u8],
    signature: &[u8],
) -> Result<(), InvalidSignature> {
    let encoded = EncodedKey::from_der(key).map_err(|_| InvalidSignature)?;
    // Two bytes over the longest are enough to see that it is too long.
    let modulus = encoded.modulus.as_bytes();
    let exponent = encoded.public_exponent.as_bytes();
    if modulus.len() > RSA_BITS_MAX / 8 || exponent.len() > size_of::<u64>() {
        return Err(InvalidSignature);
    }
    let key = RsaPublicKey::new_with_max_size(
        BigUint::from_bytes_be(modulus),
        BigUint::from_bytes_be(exponent),
        RSA_BITS_MAX,
    )
    .map_err(|_| InvalidSignature)?;
    if key.n().bits() < RSA_BITS_MIN || signature.len() != key.size() {
        return Err(InvalidSignature);
    }
    key.verify(scheme, hash, signature).map_err(|_| InvalidSignature)
}
