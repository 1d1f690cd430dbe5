//! Chains made for each way to be wrong, a TLS server of rustls on the other side of a real
//! handshake, and one of our own that says what no honest one would.

mod chain;
mod rude;
mod server;

use std::string::String;
use std::vec::Vec;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm, date_time_ymd,
};
use testcard_core::time::UnixMillis;

use super::*;

/// Noon of the 15th of June 2026, UTC.
const NOW: UnixMillis = UnixMillis(1_781_524_800_000);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn key(kind: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(kind).unwrap()
}

/// What is valid around [`NOW`].
fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| String::from(*name)).collect::<Vec<_>>())
            .unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 6, 1), date_time_ymd(2026, 7, 1));
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(&[], name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = std::vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf_params(names: &[&str]) -> CertificateParams {
    let mut params = params(names, "leaf");
    params.key_usages = std::vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = std::vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// An authority to trust.
fn root() -> Authority {
    let key = key(&PKCS_ECDSA_P256_SHA256);
    CertifiedIssuer::self_signed(authority_params("root"), key).unwrap()
}

/// Only these are trusted.
fn trusting(authorities: &[&[u8]]) -> Roots {
    let mut roots = Roots::mozilla();
    for authority in authorities {
        roots.add_der(authority).unwrap();
    }
    roots
}
