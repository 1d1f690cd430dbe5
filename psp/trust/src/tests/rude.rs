//! A TLS 1.3 server that does the key exchange right (RFC 8446 §7.1), and then says what it likes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::vec;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use p256::PublicKey;
use p256::ecdh::EphemeralSecret;
use proptest::prelude::*;
use rand_core_06::OsRng;
use rcgen::SigningKey;
use rsa::sha2::{Digest, Sha256};

use super::*;

/// What the server does after its hello.
#[derive(Default)]
pub(super) struct Script {
    /// Plain-text records to send after the hello, each a type and a body.
    pub(super) plain: Vec<(u8, Vec<u8>)>,
    /// Encrypted records to send first, each a type and a body; a type of 0 stands for none.
    pub(super) hidden: Vec<(u8, Vec<u8>)>,
    /// The certificate to show, if any.
    pub(super) certificate: Option<Vec<u8>>,
    /// The key to sign with, and the scheme to claim; absent for a signature of zeros.
    pub(super) key: Option<KeyPair>,
    /// The scheme to claim.
    pub(super) scheme: u16,
    /// Whether the certificate comes a second time, after the signature.
    pub(super) twice: bool,
    /// A plain-text record to send once the handshake is over.
    pub(super) after: Option<(u8, Vec<u8>)>,
}

/// What a client that trusts `roots` makes of a server with this script when it wants archive.test.
pub(super) fn handshake(roots: &Roots, script: Script) -> Failure {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // The client may hang up at any moment, which is fine.
        let _ = serve(stream, script);
    });
    let failure = server::ask(address, "archive.test", roots, NOW).unwrap_err();
    thread.join().unwrap();
    failure
}

fn serve(mut stream: TcpStream, script: Script) -> std::io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut hello)?;

    let secret = EphemeralSecret::random(&mut OsRng);
    let shared = secret.diffie_hellman(&PublicKey::from_sec1_bytes(key_share(&hello)).unwrap());
    let own_share = p256::EncodedPoint::from(secret.public_key());
    let server_hello = message(
        2,
        &[
            &[3, 3],
            &[7; 32],
            &[0],          // no session
            &[0x13, 0x01], // AES-128-GCM with SHA-256
            &[0],          // no compression
            &u16_len(&[
                &[0, 0x2b, 0, 2, 3, 4],
                &extension(0x33, &[&[0, 0x17], &u16_len(&[own_share.as_bytes()])]),
            ]),
        ],
    );
    send(&mut stream, 22, &server_hello)?;
    for (kind, body) in &script.plain {
        send(&mut stream, *kind, body)?;
    }

    let mut transcript = Sha256::new();
    transcript.update(&hello);
    transcript.update(&server_hello);
    let early = Hkdf::<Sha256>::from_prk(&Hkdf::<Sha256>::extract(None, &[0; 32]).0).unwrap();
    let derived = expand::<32>(&early, "derived", &Sha256::digest(b""));
    let (_, secrets) = Hkdf::<Sha256>::extract(Some(&derived), shared.raw_secret_bytes());
    let traffic = expand::<32>(&secrets, "s hs traffic", &transcript.clone().finalize());
    let traffic = Hkdf::<Sha256>::from_prk(&traffic).unwrap();
    let mut hidden = Hidden {
        cipher: Aes128Gcm::new(&expand::<16>(&traffic, "key", b"").into()),
        iv: expand(&traffic, "iv", b""),
        sent: 0,
    };

    for (kind, body) in &script.hidden {
        hidden.send(&mut stream, *kind, body)?;
    }
    let mut say = |stream: &mut TcpStream, transcript: &mut Sha256, message: Vec<u8>| {
        transcript.update(&message);
        hidden.send(stream, 22, &message)
    };
    say(&mut stream, &mut transcript, message(8, &[&[0, 0]]))?;
    if let Some(certificate) = &script.certificate {
        let entry = [&u24_len(certificate)[..], &[0, 0]].concat();
        let certificate = message(11, &[&[0], &u24_len(&entry)]);
        say(&mut stream, &mut transcript, certificate.clone())?;
        let mut statement = vec![b' '; 64];
        statement.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
        statement.extend_from_slice(&transcript.clone().finalize());
        let signature =
            script.key.as_ref().map_or(vec![0; 70], |key| key.sign(&statement).unwrap());
        let scheme = if script.scheme == 0 { 0x0403 } else { script.scheme };
        let verify = message(15, &[&scheme.to_be_bytes(), &u16_len(&[&signature])]);
        say(&mut stream, &mut transcript, verify)?;
        if script.twice {
            say(&mut stream, &mut transcript, certificate)?;
        }
    }
    let mac = expand::<32>(&traffic, "finished", b"");
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&mac).unwrap();
    Mac::update(&mut mac, &transcript.clone().finalize());
    say(&mut stream, &mut transcript, message(20, &[&mac.finalize().into_bytes()]))?;
    if let Some((kind, body)) = &script.after {
        send(&mut stream, *kind, body)?;
    }
    // Until the client hangs up.
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(())
}

/// The server's half of a connection after its hello.
struct Hidden {
    cipher: Aes128Gcm,
    iv: [u8; 12],
    sent: u64,
}

impl Hidden {
    fn send(&mut self, stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
        let mut inner = body.to_vec();
        if kind != 0 {
            inner.push(kind);
        }
        let mut nonce = self.iv;
        for (byte, count) in nonce[4..].iter_mut().zip(self.sent.to_be_bytes()) {
            *byte ^= count;
        }
        self.sent += 1;
        let len = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let aad = [23, 3, 3, len[0], len[1]];
        let payload = Payload { msg: &inner, aad: &aad };
        let body = self.cipher.encrypt(Nonce::from_slice(&nonce), payload).unwrap();
        send(stream, 23, &body)
    }
}

fn send(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    stream.write_all(&[&[kind, 3, 3, len[0], len[1]], body].concat())
}

/// HKDF-Expand-Label (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str, context: &[u8]) -> [u8; N] {
    let label = [b"tls13 ", label.as_bytes()].concat();
    let info = [
        &(N as u16).to_be_bytes()[..],
        &[label.len() as u8],
        &label,
        &[context.len() as u8],
        context,
    ]
    .concat();
    let mut key = [0; N];
    secret.expand(&info, &mut key).unwrap();
    key
}

/// A handshake message.
fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[kind][..], &u24_len(&parts.concat())].concat()
}

fn extension(kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &u16_len(parts)].concat()
}

fn u16_len(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

fn u24_len(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[1..], body].concat()
}

/// The client's P-256 point: the extension is the only place with these four numbers before 65
/// bytes.
fn key_share(hello: &[u8]) -> &[u8] {
    let mark = [0, 0x17, 0, 65];
    let at = hello.windows(4).position(|window| window == mark).unwrap() + 4;
    &hello[at..at + 65]
}

/// A root, and a script in which everything is right.
fn honest() -> (Roots, Script) {
    let root = root();
    let key = key(&PKCS_ECDSA_P256_SHA256);
    let leaf = leaf_params(&["archive.test"]).signed_by(&key, &root).unwrap();
    let certificate = Some(leaf.der().to_vec());
    (trusting(&[root.der()]), Script { certificate, key: Some(key), ..Script::default() })
}

#[test]
fn it_would_be_let_in_if_it_were_honest() {
    let (roots, mut script) = honest();
    // A record that only comes to be looked at once the handshake is over.
    script.after = Some((22, vec![]));
    let failure = handshake(&roots, script);
    assert!(matches!(failure, Failure::Tls(embedded_tls::TlsError::InvalidRecord)), "{failure:?}");
}

#[test]
fn a_server_that_shows_no_certificate_is_refused() {
    let (roots, script) = honest();
    let failure = handshake(&roots, Script { certificate: None, ..script });
    assert!(matches!(failure, Failure::Refused(Refusal::NotProven)), "{failure:?}");
}

#[test]
fn a_server_that_signs_with_another_key_is_refused() {
    let (roots, script) = honest();
    let other = Some(key(&PKCS_ECDSA_P256_SHA256));
    for key in [other, None] {
        let certificate = script.certificate.clone();
        let failure = handshake(&roots, Script { key, certificate, ..Script::default() });
        assert!(matches!(failure, Failure::Refused(Refusal::NotProven)), "{failure:?}");
    }
}

#[test]
fn a_second_certificate_after_the_proof_is_refused() {
    let (roots, script) = honest();
    let failure = handshake(&roots, Script { twice: true, ..script });
    assert!(matches!(failure, Failure::Refused(Refusal::NotProven)), "{failure:?}");
}

#[test]
fn a_handshake_is_not_signed_as_certificates_may_be() {
    const RSA_PKCS1_SHA256: u16 = 0x0401;
    const ECDSA_SHA1: u16 = 0x0203;
    for scheme in [RSA_PKCS1_SHA256, ECDSA_SHA1] {
        let (roots, script) = honest();
        let failure = handshake(&roots, Script { scheme, ..script });
        let refused = matches!(failure, Failure::Refused(Refusal::UnsupportedSignature));
        assert!(refused, "{scheme:#x}: {failure:?}");
    }
}

#[test]
fn an_encrypted_record_of_nothing_does_no_harm() {
    let (roots, script) = honest();
    let failure = handshake(&roots, Script { hidden: vec![(0, vec![])], ..script });
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

#[test]
fn plain_text_has_no_place_after_the_hello() {
    let close_notify = || (21, vec![1, 0]);
    let (roots, script) = honest();
    let failure = handshake(&roots, Script { plain: vec![close_notify()], ..script });
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
    // And least of all as the end of a response.
    let (roots, script) = honest();
    let failure = handshake(&roots, Script { after: Some(close_notify()), ..script });
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_server_says_after_its_hello_nothing_panics(
        plain in any::<bool>(),
        records in prop::collection::vec(
            (0u8..26, prop::collection::vec(any::<u8>(), 0..100)), 1..4,
        ),
    ) {
        let (roots, script) = honest();
        let (plain, hidden) = if plain { (records, vec![]) } else { (vec![], records) };
        handshake(&roots, Script { plain, hidden, after: Some((22, vec![])), ..script });
    }

    #[test]
    fn whatever_handshake_messages_a_server_sends_nothing_panics(
        messages in prop::collection::vec(
            (0u8..26, prop::collection::vec(any::<u8>(), 0..100)), 1..4,
        ),
    ) {
        let (roots, script) = honest();
        let hidden =
            messages.iter().map(|(kind, body)| (22, message(*kind, &[body]))).collect();
        handshake(&roots, Script { hidden, after: Some((22, vec![])), ..script });
    }
}
