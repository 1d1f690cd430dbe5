//! The archive over real sockets, asked with the plainest of clients.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testcard_archive::serve::{Certificate, Flaw, Options, Server};
use testcard_archive::{Archive, ArchivedFilm, Rule};

const DOWNLOAD: &str = "/download/the-item/a%20film.mp4";
const DIRECT: &str = "/files/a%20film.mp4";
const BYTES: u64 = 3_000_000;

fn start(options: Options) -> Server {
    let film = ArchivedFilm {
        item: "the-item".to_owned(),
        file: "a film.mp4".to_owned(),
        title: "A film".to_owned(),
        bytes: BYTES,
        duration_ms: 60_000,
    };
    Server::start(Archive::with_items([film], 1), options).unwrap()
}

fn plain() -> Options {
    Options { tls: false, ..Options::default() }
}

fn rules(server: &Server, rules: &[&str]) {
    server.archive().set_rules(rules.iter().map(|rule| rule.parse::<Rule>().unwrap()).collect());
}

fn address(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    rest.split_once('/').map_or(rest, |(address, _)| address)
}

fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(address(url)).unwrap();
    // Nothing here waits longer than a test may last.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn connect_tls(server: &Server, url: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(server.ca_der())).unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(url))
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (n, value) = line.split_once(": ")?;
            n.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

fn ask(stream: &mut impl Write, path: &str, range: &str) {
    let range = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: test/1\r\n{range}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
}

/// Reads one answer, byte by byte in the head so as not to take from the next.
fn answer(stream: &mut impl Read) -> io::Result<Answer> {
    let head = read_until(stream, b"\r\n\r\n")?;
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: Vec::new() };
    if let Some(len) = answer.header("content-length") {
        answer.body = vec![0; len.parse().unwrap()];
        stream.read_exact(&mut answer.body)?;
    } else {
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        loop {
            let line = String::from_utf8(read_until(stream, b"\r\n")?).unwrap();
            let len = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; len + 2];
            stream.read_exact(&mut chunk)?;
            answer.body.extend(&chunk[..len]);
            if len == 0 {
                break;
            }
        }
    }
    Ok(answer)
}

fn read_until(stream: &mut impl Read, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(read)
}

#[test]
fn a_film_comes_over_tls_from_the_node_that_the_front_names() {
    let server = start(Options::default());
    let mut front = connect_tls(&server, server.url());
    ask(&mut front, DOWNLOAD, "bytes=0-");
    let redirect = answer(&mut front).unwrap();
    assert_eq!(redirect.status, 302);
    // The chunked page was read, so the connection serves again.
    ask(&mut front, "/metadata/the-item", "");
    assert_eq!(answer(&mut front).unwrap().status, 200);

    let location = redirect.header("location").unwrap();
    assert!(location.starts_with(&server.urls().nodes[0]), "{location}");
    let path = &location[server.urls().nodes[0].len()..];
    let mut node = connect_tls(&server, location);
    ask(&mut node, path, "bytes=1000000-1999999");
    let part = answer(&mut node).unwrap();
    assert_eq!((part.status, part.body.len()), (206, 1_000_000));

    let mut direct = connect(server.url());
    ask(&mut direct, DIRECT, "");
    let whole = answer(&mut direct).unwrap();
    assert_eq!(whole.body.len() as u64, BYTES);
    assert!(whole.body[1_000_000..2_000_000] == part.body);
}

#[test]
fn an_unencoded_space_is_not_found_even_though_it_is_no_http() {
    let server = start(plain());
    let mut stream = connect(server.url());
    ask(&mut stream, "/download/the-item/a film.mp4", "");
    assert_eq!(answer(&mut stream).unwrap().status, 404);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_certificate_of_another_name_time_or_authority_fails_the_handshake() {
    let flawed = |flaw| Certificate { flaw: Some(flaw), ..Certificate::default() };
    for (certificate, why) in [
        (
            Certificate { names: vec!["elsewhere.example".to_owned()], flaw: None },
            "not valid for name \"127.0.0.1\"",
        ),
        (flawed(Flaw::Expired), "expired"),
        (flawed(Flaw::NotYetValid), "not valid yet"),
        (flawed(Flaw::SelfSigned), "UnknownIssuer"),
        (flawed(Flaw::ThroughLeaf), "EndEntityUsedAsCa"),
    ] {
        let server = start(Options { certificate, ..Options::default() });
        let mut stream = connect_tls(&server, server.url());
        let error = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
}

#[test]
fn cuts_come_after_exactly_so_many_bytes() {
    let shaped = Options { round_trip: Duration::from_millis(4), ..plain() };
    for server in [start(plain()), start(shaped)] {
        rules(&server, &["node:0:close=1234", "node:1:reset=1234", "node:2:no-answer"]);

        let mut closed = connect(server.url());
        ask(&mut closed, DIRECT, "");
        let mut all = Vec::new();
        read_until(&mut closed, b"\r\n\r\n").unwrap();
        closed.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 1234);

        let mut reset = connect(server.url());
        ask(&mut reset, DIRECT, "");
        let error = answer(&mut reset).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

        let mut silent = connect(server.url());
        ask(&mut silent, DIRECT, "");
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        let sent: Vec<u64> = server.exchanges().iter().map(|exchange| exchange.sent).collect();
        assert_eq!(sent, [1234, 1234, 0]);
    }
}

#[test]
fn a_stalled_body_stays_open_until_the_server_stops() {
    let mut server = start(plain());
    rules(&server, &["node:always:stall=100"]);
    let mut stream = connect(server.url());
    ask(&mut stream, DIRECT, "");
    read_until(&mut stream, b"\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    server.unplug();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn unplugged_it_refuses_and_plugged_in_it_serves_on_the_same_ports() {
    let mut server = start(Options { rate: Some(2_000_000), ..plain() });
    let mut cut = connect(server.url());
    ask(&mut cut, DIRECT, "");
    read_until(&mut cut, b"\r\n\r\n").unwrap();
    server.unplug();
    let mut rest = Vec::new();
    // Cut in good order or by a reset, as the moment has it; whole in no case.
    let _ = cut.read_to_end(&mut rest);
    assert!((rest.len() as u64) < BYTES);
    assert!(TcpStream::connect(address(server.url())).is_err());
    assert!(TcpStream::connect(address(&server.urls().nodes[1])).is_err());

    server.plug_in().unwrap();
    let mut stream = connect(server.url());
    ask(&mut stream, DIRECT, "bytes=0-9");
    assert_eq!(answer(&mut stream).unwrap().body.len(), 10);
}

#[test]
fn two_connections_share_the_rate() {
    let server = start(Options { rate: Some(2_000_000), ..plain() });
    let begun = Instant::now();
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(server.url());
            std::thread::spawn(move || {
                ask(&mut stream, DIRECT, "bytes=0-999999");
                answer(&mut stream).unwrap().body.len()
            })
        })
        .collect();
    for one in both {
        assert_eq!(one.join().unwrap(), 1_000_000);
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(1000), "{took:?} for a second's worth");
    assert!(took < Duration::from_millis(3000), "{took:?} for a second's worth");
}

#[test]
fn distance_costs_a_round_trip_for_each_turn() {
    let round_trip = Duration::from_millis(60);
    let server = start(Options { round_trip, ..Options::default() });

    // TCP's handshake and the request itself.
    let begun = Instant::now();
    let mut stream = connect(server.url());
    ask(&mut stream, DIRECT, "bytes=0-9");
    answer(&mut stream).unwrap();
    assert!(begun.elapsed() >= 2 * round_trip, "{:?}", begun.elapsed());

    let begun = Instant::now();
    ask(&mut stream, DIRECT, "bytes=0-9");
    answer(&mut stream).unwrap();
    assert!(begun.elapsed() >= round_trip, "{:?}", begun.elapsed());
    assert!(begun.elapsed() < 3 * round_trip, "{:?}", begun.elapsed());

    // TLS 1.3 adds one.
    let begun = Instant::now();
    let mut stream = connect_tls(&server, server.url());
    ask(&mut stream, DIRECT, "bytes=0-9");
    answer(&mut stream).unwrap();
    assert!(begun.elapsed() >= 3 * round_trip, "{:?}", begun.elapsed());
}

#[test]
fn a_client_that_does_not_read_stops_the_server() {
    let server = start(Options { rate: Some(100_000_000), ..plain() });
    server.archive().add(
        "large",
        "Large",
        "large.mp4",
        testcard_archive::FilmSpec::new(600_000, testcard_archive::Layout::MoovLast)
            .with_bytes(2_000_000_000),
    );
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let to: std::net::SocketAddr = address(server.url()).parse().unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    ask(&mut stream, "/files/large.mp4", "");
    read_until(&mut stream, b"\r\n\r\n").unwrap();

    // While a client that reads receives ten million bytes, the other would receive as many.
    let mut reads = connect(server.url());
    ask(&mut reads, "/files/large.mp4", "bytes=0-9999999");
    answer(&mut reads).unwrap();
    let sent = server.exchanges()[0].sent;
    assert!((1..2_000_000).contains(&sent), "{sent} bytes to a client that reads none");
}

#[test]
fn exchanges_are_remembered_as_they_came() {
    let server = start(plain());
    let mut stream = connect(server.url());
    ask(&mut stream, DIRECT, "bytes=5-14");
    answer(&mut stream).unwrap();
    let [exchange] = &server.exchanges()[..] else { panic!("one exchange") };
    assert_eq!(format!("http://{}", exchange.host), server.url());
    assert_eq!(exchange.target, DIRECT);
    assert_eq!(exchange.range.as_deref(), Some("bytes=5-14"));
    assert_eq!(exchange.user_agent.as_deref(), Some("test/1"));
    assert_eq!((exchange.status, exchange.sent), (206, 10));
    assert!(exchange.to_string().ends_with("206, 10 bytes"), "{exchange}");
}
