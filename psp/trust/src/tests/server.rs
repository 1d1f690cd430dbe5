//! Handshakes with rustls over a socket of this machine.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::vec;

use embedded_io::ErrorKind;
use rand_core_06::OsRng;
use rcgen::PKCS_ECDSA_P384_SHA384;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testcard_core::net::ExchangeError;

use super::*;

/// A socket that waits, so that whoever awaits it is never told to come back.
pub(super) struct Waiting(pub(super) TcpStream);

impl embedded_io::ErrorType for Waiting {
    type Error = io::Error;
}

impl embedded_io_async::Read for Waiting {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl embedded_io_async::Write for Waiting {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Runs what never has to wait.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for nothing"),
    }
}

/// Asks the server, and gives back all of its answer, or how far it came.
pub(super) fn ask(
    address: SocketAddr,
    host: &str,
    roots: &Roots,
    now: UnixMillis,
) -> Result<Vec<u8>, Failure> {
    let stream = Waiting(TcpStream::connect(address).unwrap());
    let (mut input, mut output) = (vec![0; READ_BUFFER_BYTES], vec![0; WRITE_BUFFER_BYTES]);
    run(async {
        let host = Host::new(host).unwrap();
        let mut connection =
            Connection::open(stream, &mut input, &mut output, host, roots, now, OsRng).await?;
        connection.write_all(&REQUEST).await?;
        let mut answer = Vec::new();
        loop {
            let came = connection.fill().await?;
            if came.is_empty() {
                break;
            }
            // Not all of it at once.
            let used = came.len().min(1000);
            answer.extend_from_slice(&came[..used]);
            connection.consume(used);
        }
        connection.consume(0);
        assert_eq!(connection.fill().await.unwrap(), b"", "it is over and stays over");
        Ok(answer)
    })
}

/// Longer than the buffer for writing.
const REQUEST: [u8; 10_000] = [b'?'; 10_000];

/// How a server ends the connection after its answer.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Farewell {
    InOrder,
    Cut,
}

/// Serves one connection: reads the request and answers with `answer`. The thread gives what the
/// server thinks of it.
fn serve(
    chain: Vec<CertificateDer<'static>>,
    key: &[u8],
    answer: Vec<u8>,
    farewell: Farewell,
) -> (SocketAddr, JoinHandle<io::Result<()>>) {
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.to_vec()).into())
            .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let tls = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, listener.accept()?.0);
        stream.read_exact(&mut [0; REQUEST.len()])?;
        stream.write_all(&answer)?;
        if farewell == Farewell::InOrder {
            stream.conn.send_close_notify();
        }
        stream.flush()
    });
    (address, thread)
}

/// Several of the largest records, and a rest.
fn long_answer() -> Vec<u8> {
    (0..100_001u32).map(|n| (n % 251) as u8).collect()
}

fn chain_for(names: &[&str], issuer: &Authority) -> (Vec<CertificateDer<'static>>, Vec<u8>) {
    let key = key(&PKCS_ECDSA_P256_SHA256);
    let leaf = leaf_params(names).signed_by(&key, issuer).unwrap();
    (vec![leaf.der().clone()], key.serialize_der())
}

#[test]
fn an_answer_arrives_whole_from_a_server_that_is_who_it_should_be() {
    let root = root();
    for host in ["127.0.0.1", "archive.test"] {
        let (chain, key) = chain_for(&["archive.test", "127.0.0.1"], &root);
        let (address, server) = serve(chain, &key, long_answer(), Farewell::InOrder);
        let answer = ask(address, host, &trusting(&[root.der()]), NOW).unwrap();
        assert!(answer == long_answer(), "{} bytes came", answer.len());
        server.join().unwrap().unwrap();
    }
}

#[test]
fn servers_may_have_keys_of_p384_and_rsa() {
    let root = root();
    let p384 = key(&PKCS_ECDSA_P384_SHA384);
    let leaf = leaf_params(&["archive.test"]).signed_by(&p384, &root).unwrap();
    let (address, _) =
        serve(vec![leaf.der().clone()], &p384.serialize_der(), b"p384".into(), Farewell::InOrder);
    assert_eq!(ask(address, "archive.test", &trusting(&[root.der()]), NOW).unwrap(), b"p384");

    let chain = vec![CertificateDer::from(include_bytes!("rsa/pss-sha256.der").to_vec())];
    let key = include_bytes!("rsa/leaf.key.der");
    let (address, _) = serve(chain, key, b"rsa".into(), Farewell::InOrder);
    let roots = trusting(&[include_bytes!("rsa/root.der")]);
    let later = NOW.plus_millis(1000 * 86_400 * 365);
    assert_eq!(ask(address, "archive.test", &roots, later).unwrap(), b"rsa");
}

#[test]
fn a_refused_server_gets_no_request() {
    let root = root();
    let (chain, key) = chain_for(&["archive.example"], &root);
    let (address, server) = serve(chain, &key, b"secret".into(), Farewell::InOrder);
    let failure = ask(address, "archive.test", &trusting(&[root.der()]), NOW).unwrap_err();
    assert!(matches!(failure, Failure::Refused(Refusal::WrongHost)), "{failure}");
    assert_eq!(failure.exchange_error(), ExchangeError::Certificate);
    server.join().unwrap().unwrap_err();
}

#[test]
fn an_answer_that_is_cut_short_does_not_count_as_whole() {
    let root = root();
    let (chain, key) = chain_for(&["archive.test"], &root);
    let (address, _) = serve(chain, &key, long_answer(), Farewell::Cut);
    let failure = ask(address, "archive.test", &trusting(&[root.der()]), NOW).unwrap_err();
    assert!(matches!(failure, Failure::Stream(ErrorKind::ConnectionReset)), "{failure:?}");
    assert_eq!(failure.exchange_error(), ExchangeError::Disconnected);
}
