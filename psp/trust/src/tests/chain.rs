//! Chains, without a handshake around them.

use std::vec;

use embedded_tls::{Aes128GcmSha256, CertificateEntryRef, CertificateRef, TlsVerifier};
use proptest::prelude::*;
use rcgen::{CertificateParams, GeneralSubtree, NameConstraints, PKCS_ECDSA_P384_SHA384};
use rsa::sha2::{Digest, Sha256};

use super::*;

/// What a verifier says to this chain, up to the server's own signature.
fn seen(host: &str, roots: &Roots, now: UnixMillis, chain: &[&[u8]]) -> Result<(), Refusal> {
    let mut verifier = Verifier::new(Host::new(host)?, roots, now);
    let mut certificate = CertificateRef::with_context(&[]);
    for der in chain {
        certificate.add(CertificateEntryRef::X509(der)).unwrap();
    }
    let transcript = Sha256::new();
    let word =
        TlsVerifier::<Aes128GcmSha256>::verify_certificate(&mut verifier, &transcript, certificate);
    assert_eq!(word.is_err(), verifier.refusal().is_some());
    assert!(verifier.outcome().is_err(), "a chain alone proves nothing");
    verifier.refusal().map_or(Ok(()), Err)
}

/// The leaf of these parameters by `issuer`.
fn leaf(params: CertificateParams, issuer: &Authority) -> Vec<u8> {
    params.signed_by(&key(&PKCS_ECDSA_P256_SHA256), issuer).unwrap().der().to_vec()
}

fn intermediate(params: CertificateParams, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, key(&PKCS_ECDSA_P256_SHA256), issuer).unwrap()
}

#[test]
fn a_leaf_of_a_trusted_authority_is_good_for_its_names_and_addresses() {
    let root = root();
    let roots = trusting(&[root.der()]);
    let leaf = leaf(leaf_params(&["archive.test", "*.us.archive.test", "127.0.0.1", "::1"]), &root);
    for host in ["archive.test", "ARCHIVE.test", "ia1.us.archive.test", "127.0.0.1", "::1", "[::1]"]
    {
        assert_eq!(seen(host, &roots, NOW, &[&leaf]), Ok(()), "{host}");
    }
    for host in
        ["archive.example", "a.b.us.archive.test", "us.archive.test", "127.0.0.2", "::2", "leaf"]
    {
        assert_eq!(seen(host, &roots, NOW, &[&leaf]), Err(Refusal::WrongHost), "{host}");
    }
}

#[test]
fn an_address_in_words_is_no_address() {
    let root = root();
    let mut params = leaf_params(&[]);
    params.subject_alt_names =
        vec![rcgen::SanType::DnsName(rcgen::string::Ia5String::try_from("127.0.0.1").unwrap())];
    let chain = leaf(params, &root);
    let refused = seen("127.0.0.1", &trusting(&[root.der()]), NOW, &[&chain]);
    assert_eq!(refused, Err(Refusal::WrongHost));
}

#[test]
fn what_no_certificate_can_be_for_is_no_host() {
    for host in ["", "a b", "a..b", "*.archive.test", "127.0.0.1:443", "[::1", "ä.test"] {
        assert_eq!(Host::new(host).err(), Some(Refusal::WrongHost), "{host}");
    }
}

#[test]
fn a_chain_leads_through_intermediate_authorities_in_any_order() {
    let root = root();
    let first = intermediate(authority_params("first"), &root);
    let second = intermediate(authority_params("second"), &first);
    let leaf = leaf(leaf_params(&["a.test"]), &second);
    let roots = trusting(&[root.der()]);
    assert_eq!(seen("a.test", &roots, NOW, &[&leaf, second.der(), first.der()]), Ok(()));
    assert_eq!(seen("a.test", &roots, NOW, &[&leaf, first.der(), second.der()]), Ok(()));
    let gap = seen("a.test", &roots, NOW, &[&leaf, second.der()]);
    assert_eq!(gap, Err(Refusal::UnknownIssuer));
}

#[test]
fn a_certificate_is_valid_from_its_first_second_to_its_last_and_at_no_other_time() {
    const FIRST: i64 = 1_780_272_000_000; // 2026-06-01T00:00:00Z
    const LAST: i64 = 1_782_864_000_000; // 2026-07-01T00:00:00Z
    let root = {
        let mut params = authority_params("root");
        (params.not_before, params.not_after) =
            (date_time_ymd(1975, 1, 1), date_time_ymd(4096, 1, 1));
        CertifiedIssuer::self_signed(params, key(&PKCS_ECDSA_P256_SHA256)).unwrap()
    };
    let roots = trusting(&[root.der()]);
    let leaf = leaf(leaf_params(&["a.test"]), &root);
    let at = |millis| seen("a.test", &roots, UnixMillis(millis), &[&leaf]);
    assert_eq!(at(FIRST), Ok(()));
    assert_eq!(at(LAST), Ok(()));
    for early in [FIRST - 1, 0, -1, i64::MIN] {
        assert_eq!(at(early), Err(Refusal::NotYetValid), "{early}");
    }
    for late in [LAST + 1000, i64::MAX] {
        assert_eq!(at(late), Err(Refusal::Expired), "{late}");
    }
}

#[test]
fn an_intermediate_authority_that_has_run_out_ends_a_chain() {
    let root = root();
    let mut params = authority_params("old");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let old = intermediate(params, &root);
    let leaf = leaf(leaf_params(&["a.test"]), &old);
    let refused = seen("a.test", &trusting(&[root.der()]), NOW, &[&leaf, old.der()]);
    assert_eq!(refused, Err(Refusal::Expired));
}

#[test]
fn a_certificate_that_vouches_for_itself_is_refused_whatever_it_says_it_is() {
    let own = |params: CertificateParams| {
        params.self_signed(&key(&PKCS_ECDSA_P256_SHA256)).unwrap().der().to_vec()
    };
    let mut as_authority = leaf_params(&["a.test"]);
    as_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for certificate in [own(leaf_params(&["a.test"])), own(as_authority)] {
        let refused = seen("a.test", &Roots::mozilla(), NOW, &[&certificate]);
        assert_eq!(refused, Err(Refusal::SelfSigned));
    }
}

#[test]
fn an_authority_that_nobody_trusts_is_unknown_and_bringing_it_along_does_not_help() {
    let root = root();
    let leaf = leaf(leaf_params(&["a.test"]), &root);
    for chain in [&[&*leaf] as &[&[u8]], &[&leaf, root.der()]] {
        assert_eq!(seen("a.test", &Roots::mozilla(), NOW, chain), Err(Refusal::UnknownIssuer));
    }
}

#[test]
fn a_chain_through_a_certificate_that_is_no_authority_is_refused() {
    let root = root();
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let mut params = leaf_params(&["rogue.test"]);
        params.is_ca = is_ca;
        let rogue = intermediate(params, &root);
        let leaf = leaf(leaf_params(&["a.test"]), &rogue);
        let roots = trusting(&[root.der()]);
        let refused = seen("a.test", &roots, NOW, &[&leaf, rogue.der()]);
        assert_eq!(refused, Err(Refusal::NotAnAuthority));
        assert_eq!(seen("rogue.test", &roots, NOW, &[rogue.der()]), Ok(()), "it is a good leaf");
    }
}

#[test]
fn an_authority_signs_no_more_than_it_may() {
    let root = root();
    let roots = trusting(&[root.der()]);

    let mut params = authority_params("leaves only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let leaves_only = intermediate(params, &root);
    let below = intermediate(authority_params("below"), &leaves_only);
    let deep = leaf(leaf_params(&["a.test"]), &below);
    let refused = seen("a.test", &roots, NOW, &[&deep, below.der(), leaves_only.der()]);
    assert_eq!(refused, Err(Refusal::NotAnAuthority));

    let mut params = authority_params("only b.test");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".into())],
        excluded_subtrees: vec![],
    });
    let only_b = intermediate(params, &root);
    let a = leaf(leaf_params(&["a.test"]), &only_b);
    let b = leaf(leaf_params(&["b.test"]), &only_b);
    assert_eq!(seen("b.test", &roots, NOW, &[&b, only_b.der()]), Ok(()));
    let refused = seen("a.test", &roots, NOW, &[&a, only_b.der()]);
    assert_eq!(refused, Err(Refusal::NotAnAuthority));
}

#[test]
fn a_certificate_for_another_purpose_is_refused() {
    let root = root();
    let mut params = leaf_params(&["a.test"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = leaf(params, &root);
    let refused = seen("a.test", &trusting(&[root.der()]), NOW, &[&client]);
    assert_eq!(refused, Err(Refusal::NotForServers));
}

#[test]
fn a_certificate_with_one_bit_changed_is_refused() {
    let root = root();
    let roots = trusting(&[root.der()]);
    let mut leaf = leaf(leaf_params(&["a.test"]), &root);
    let last = leaf.len() - 1;
    leaf[last] ^= 1;
    assert_eq!(seen("a.test", &roots, NOW, &[&leaf]), Err(Refusal::BadSignature));
}

#[test]
fn p384_signs_as_well() {
    let key384 = || key(&PKCS_ECDSA_P384_SHA384);
    let root = CertifiedIssuer::self_signed(authority_params("root"), key384()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority_params("middle"), key384(), &root).unwrap();
    let mut leaf = leaf_params(&["a.test"]).signed_by(&key384(), &middle).unwrap().der().to_vec();
    let roots = trusting(&[root.der()]);
    assert_eq!(seen("a.test", &roots, NOW, &[&leaf, middle.der()]), Ok(()));
    let last = leaf.len() - 1;
    leaf[last] ^= 1;
    let refused = seen("a.test", &roots, NOW, &[&leaf, middle.der()]);
    assert_eq!(refused, Err(Refusal::BadSignature));
}

#[test]
fn rsa_signs_in_all_its_ways_with_keys_that_are_long_enough() {
    /// Noon of the 1st of January 2030; the files are valid for a hundred years.
    const LATER: UnixMillis = UnixMillis(1_893_499_200_000);
    let roots = trusting(&[include_bytes!("rsa/root.der"), include_bytes!("rsa/short-root.der")]);
    let leaves: [&[u8]; 6] = [
        include_bytes!("rsa/pkcs1-sha256.der"),
        include_bytes!("rsa/pkcs1-sha384.der"),
        include_bytes!("rsa/pkcs1-sha512.der"),
        include_bytes!("rsa/pss-sha256.der"),
        include_bytes!("rsa/pss-sha384.der"),
        include_bytes!("rsa/pss-sha512.der"),
    ];
    for leaf in leaves {
        assert_eq!(seen("archive.test", &roots, LATER, &[leaf]), Ok(()));
        assert_eq!(seen("127.0.0.1", &roots, LATER, &[leaf]), Ok(()));
        let mut changed = leaf.to_vec();
        changed[leaf.len() - 1] ^= 1;
        let refused = seen("archive.test", &roots, LATER, &[&changed]);
        assert_eq!(refused, Err(Refusal::BadSignature));
    }
    let short = include_bytes!("rsa/short-signed.der");
    let refused = seen("archive.test", &roots, LATER, &[short]);
    assert_eq!(refused, Err(Refusal::BadSignature), "1024 bits are too few");
}

#[test]
fn a_kind_of_signature_that_is_not_taken_is_named() {
    let ed25519 =
        CertifiedIssuer::self_signed(authority_params("ed25519"), key(&rcgen::PKCS_ED25519))
            .unwrap();
    let leaf = leaf(leaf_params(&["a.test"]), &ed25519);
    let refused = seen("a.test", &trusting(&[ed25519.der()]), NOW, &[&leaf]);
    assert_eq!(refused, Err(Refusal::UnsupportedSignature));
}

#[test]
fn a_chain_has_eight_certificates_at_most_and_one_at_least() {
    let root = root();
    let roots = trusting(&[root.der()]);
    let leaf = leaf(leaf_params(&["a.test"]), &root);
    assert_eq!(seen("a.test", &roots, NOW, &[&*leaf; 8]), Ok(()));
    assert_eq!(seen("a.test", &roots, NOW, &[&*leaf; 9]), Err(Refusal::TooComplex));
    assert_eq!(seen("a.test", &roots, NOW, &[]), Err(Refusal::NotProven));
}

#[test]
fn extra_authorities_come_as_pem_or_der_and_all_or_none() {
    let (one, two) = (root(), root());
    let mut roots = Roots::mozilla();
    let before = roots.anchors().len();
    assert!(before > 100, "Mozilla trusts more than {before}");
    for useless in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        assert_eq!(roots.add_pem(useless.as_bytes()), Err(NoAuthority), "{useless}");
    }
    let broken = one.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(roots.add_pem(broken.as_bytes()), Err(NoAuthority));
    assert_eq!(roots.add_der(b"no DER"), Err(NoAuthority));
    assert_eq!(roots.anchors().len(), before);
    roots.add_pem((one.pem() + &two.pem()).as_bytes()).unwrap();
    assert_eq!(roots.anchors().len(), before + 2);
}

#[test]
fn every_refusal_is_a_sentence_of_its_own_that_fits_a_line_of_the_screen() {
    use Refusal::*;
    let all = [
        WrongHost,
        Expired,
        NotYetValid,
        SelfSigned,
        UnknownIssuer,
        NotAnAuthority,
        NotForServers,
        BadSignature,
        UnsupportedSignature,
        TooComplex,
        Malformed,
        NotProven,
    ];
    let mut sentences: Vec<_> = all.iter().map(std::string::ToString::to_string).collect();
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), all.len());
    assert!(sentences.iter().all(|sentence| sentence.len() <= 70), "{sentences:#?}");
}

proptest! {
    #[test]
    fn certificates_of_any_bytes_are_refused(
        chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..4),
    ) {
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        prop_assert!(seen("a.test", &Roots::mozilla(), NOW, &chain).is_err());
    }

    #[test]
    fn a_certificate_with_anything_changed_is_refused(
        at in any::<prop::sample::Index>(), change in 1u8..,
    ) {
        let leaf = include_bytes!("rsa/pkcs1-sha256.der");
        let roots = trusting(&[include_bytes!("rsa/root.der")]);
        let mut changed = leaf.to_vec();
        changed[at.index(leaf.len())] ^= change;
        prop_assert!(seen("archive.test", &roots, NOW, &[&changed]).is_err());
        let mut cut = leaf.to_vec();
        cut.truncate(at.index(leaf.len()));
        prop_assert!(seen("archive.test", &roots, NOW, &[&cut]).is_err());
    }
}
