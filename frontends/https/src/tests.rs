//! Every case talks to a server on 127.0.0.1 that does exactly what its script says.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testcard_core::net::ByteRange;

use super::*;

/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_response_arrives_as_head_then_body_then_end() {
    let server = Server::start(|stream, _| {
        reply(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nX-a: 1\r\nX-A: 2\r\n\r\nhello",
        )
    });
    let mut client = Client::new(b"");
    let url = Url::parse(&server.url("/a%20b?c#d")).unwrap();
    let request = Request { url, range: Some(ByteRange::Closed { first: 10, last: 14 }) };
    let mut exchange = client.https.open(&request);

    let ExchangePoll::Head(head) = client.next(&mut exchange, &mut []) else { panic!("no head") };
    assert_eq!(head.status, 206);
    assert_eq!(head.content_length(), Some(5));
    let twice: Vec<_> = head.headers.iter().filter(|(name, _)| name == "x-a").collect();
    assert_eq!(twice.len(), 2, "a repeated header is kept");
    let mut body = [0; 3];
    assert_eq!(client.next(&mut exchange, &mut body), ExchangePoll::Body(3));
    assert_eq!(&body, b"hel");
    assert_eq!(client.next(&mut exchange, &mut body), ExchangePoll::Body(2));
    assert_eq!(&body[..2], b"lo");
    assert_eq!(client.next(&mut exchange, &mut body), ExchangePoll::End);
    assert_eq!(client.next(&mut exchange, &mut body), ExchangePoll::End, "and says so again");

    let sent = server.request().to_ascii_lowercase();
    assert!(sent.starts_with("get /a%20b?c http/1.1\r\n"), "{sent}");
    assert!(sent.contains("\r\nrange: bytes=10-14\r\n"), "{sent}");
    assert!(sent.contains("\r\naccept-encoding: identity\r\n"), "{sent}");
    assert!(sent.contains("\r\nuser-agent: testcard/"), "{sent}");
    assert!(sent.contains("\r\nhost: 127.0.0.1:"), "{sent}");
}

#[test]
fn bytes_received_counts_what_the_socket_gave() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let server = Server::start(|stream, _| reply(stream, ANSWER));
    let mut client = Client::new(b"");
    let mut exchange = client.open(&server.url("/"));
    assert_eq!(client.rest(&mut exchange).1, Ok(()));
    assert_eq!(exchange.bytes_received(), ANSWER.len() as u64);
}

#[test]
fn a_connection_whose_response_was_read_is_used_again() {
    let ca = Authority::new();
    for mut server in [
        Server::start(|stream, _| reply(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
        Server::start_tls(ca.server("127.0.0.1"), |stream, _| {
            reply(
                stream,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            )
        }),
    ] {
        let mut client = Client::new(ca.pem().as_bytes());
        for _ in 0..3 {
            assert_eq!(client.fetch(&server.url("/")), (Some(200), b"ok".to_vec(), Ok(())));
        }
        assert_eq!(server.connections(), 1, "{}", server.url("/"));
    }
}

#[test]
fn a_connection_is_used_again_though_the_end_was_never_polled() {
    let mut server =
        Server::start(|stream, _| reply(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let mut client = Client::new(b"");
    for _ in 0..3 {
        let mut exchange = client.open(&server.url("/"));
        assert!(matches!(client.next(&mut exchange, &mut [0; 9]), ExchangePoll::Head(_)));
        assert_eq!(client.next(&mut exchange, &mut [0; 9]), ExchangePoll::Body(2));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_length_beside_a_coding_ends_no_body_and_the_connection_is_not_used_again() {
    const FIRST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\
                         \r\n5\r\nhello\r\n";
    let (go_on, turn) = mpsc::channel();
    let turn = Arc::new(Mutex::new(turn));
    let mut server = Server::start(move |stream, _| {
        reply(stream, FIRST)
            && turn.lock().unwrap().recv_timeout(PATIENCE).is_ok()
            && reply(stream, "6\r\n world\r\n0\r\n\r\n")
    });
    let mut client = Client::new(b"");
    for nth in 1..=2 {
        let mut exchange = client.open(&server.url("/"));
        let deadline = Instant::now() + PATIENCE;
        while exchange.bytes_received() < FIRST.len() as u64 {
            assert!(Instant::now() < deadline, "the first chunk does not come");
            thread::yield_now();
        }
        go_on.send(()).unwrap();
        assert_eq!(client.rest(&mut exchange), (b"hello world".to_vec(), Ok(())));
        assert_eq!(server.connections(), nth);
    }
}

#[test]
fn a_redirect_is_given_as_it_is_with_its_chunked_body() {
    let server = Server::start(|stream, _| {
        reply(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n\
             Transfer-Encoding: chunked\r\n\r\n4\r\nmove\r\n1\r\nd\r\n0\r\n\r\n",
        )
    });
    let mut client = Client::new(b"");
    let mut exchange = client.open(&server.url("/"));
    let ExchangePoll::Head(head) = client.next(&mut exchange, &mut []) else { panic!("no head") };
    assert_eq!((head.status, head.header("Location")), (302, Some("http://127.0.0.1:1/x")));
    assert_eq!(client.rest(&mut exchange), (b"moved".to_vec(), Ok(())));
}

#[test]
fn a_status_that_means_failure_is_a_response_like_any_other() {
    let server = Server::start(|stream, _| {
        reply(stream, "HTTP/1.1 503 No\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\nno")
    });
    assert_eq!(Client::new(b"").fetch(&server.url("/")), (Some(503), b"no".to_vec(), Ok(())));
}

#[test]
fn a_body_of_no_bytes_ends_after_the_head() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let server = Server::start(move |stream, _| reply(stream, answer));
        let (status, body, end) = Client::new(b"").fetch(&server.url("/"));
        assert_eq!((status.is_some(), body.len(), end), (true, 0, Ok(())), "{answer}");
    }
}

#[test]
fn a_body_of_unknown_length_ends_when_the_server_closes() {
    let server = Server::start(|stream, _| {
        reply(stream, "HTTP/1.1 200 OK\r\n\r\nall of it");
        false
    });
    let answer = Client::new(b"").fetch(&server.url("/"));
    assert_eq!(answer, (Some(200), b"all of it".to_vec(), Ok(())));
}

#[test]
fn a_body_cut_short_is_disconnected_and_keeps_what_came() {
    let ca = Authority::new();
    const SHORT: [&str; 3] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf.\r\n1",
    ];
    for answer in SHORT {
        let cut = move |stream: &mut dyn Stream, _: &str| {
            reply(stream, answer);
            false
        };
        for server in [Server::start(cut), Server::start_tls(ca.server("127.0.0.1"), cut)] {
            let (status, body, end) = Client::new(ca.pem().as_bytes()).fetch(&server.url("/"));
            assert_eq!(
                (status, body.as_slice(), end),
                (Some(200), b"half.".as_slice(), Err(ExchangeError::Disconnected)),
                "{answer}"
            );
        }
    }
}

#[test]
fn a_reset_is_disconnected_even_where_a_close_would_be_the_end() {
    let (arrived, wait) = mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nsome").unwrap();
        wait.recv().unwrap();
        // Closing with the request unread makes the system send a reset.
    });
    let mut client = Client::new(b"");
    let mut exchange = client.open(&url);
    assert!(matches!(client.next(&mut exchange, &mut [0; 9]), ExchangePoll::Head(_)));
    assert_eq!(client.next(&mut exchange, &mut [0; 9]), ExchangePoll::Body(4));
    arrived.send(()).unwrap();
    assert_eq!(client.rest(&mut exchange), (Vec::new(), Err(ExchangeError::Disconnected)));
    server.join().unwrap();
}

#[test]
fn a_server_that_hangs_up_without_a_word_is_disconnected() {
    let server = Server::start(|_, _| false);
    assert_eq!(
        Client::new(b"").fetch(&server.url("/")),
        (None, Vec::new(), Err(ExchangeError::Disconnected))
    );
}

#[test]
fn an_answer_that_is_not_http_is_a_protocol_error() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        let server = Server::start(move |stream, _| {
            reply(stream, answer);
            false
        });
        let (_, _, end) = Client::new(b"").fetch(&server.url("/"));
        assert_eq!(end, Err(ExchangeError::Protocol), "{answer}");
    }
}

#[test]
fn a_head_is_accepted_up_to_its_limits_and_no_further() {
    let long = |head: usize| {
        let padding = head - "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "x".repeat(padding))
    };
    let many = |headers: usize| {
        let more: String = (1..headers).map(|i| format!("X-{i}: {i}\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{more}\r\n")
    };
    for (answer, end) in [
        (long(Head::MAX_BYTES), Ok(())),
        (long(Head::MAX_BYTES + 1), Err(ExchangeError::Protocol)),
        (long(20 * Head::MAX_BYTES), Err(ExchangeError::Protocol)),
        (many(Head::MAX_HEADERS), Ok(())),
        (many(Head::MAX_HEADERS + 1), Err(ExchangeError::Protocol)),
    ] {
        let bytes = answer.len();
        let server = Server::start(move |stream, _| reply(stream, &answer));
        assert_eq!(Client::new(b"").fetch(&server.url("/")).2, end, "{bytes} bytes");
    }
}

#[test]
fn a_port_where_nobody_listens_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(Client::new(b"").fetch(&url).2, Err(ExchangeError::Refused));
}

#[test]
fn a_name_without_an_address_is_not_found() {
    let (status, _, end) = Client::new(b"").fetch("https://nowhere.invalid/");
    assert_eq!((status, end), (None, Err(ExchangeError::NameNotFound)));
}

#[test]
fn no_way_to_the_host_is_unreachable() {
    for kind in
        [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable, io::ErrorKind::TimedOut]
    {
        let error = ureq::Error::Io(kind.into());
        assert_eq!(exchange_error(&error), ExchangeError::Unreachable, "{kind}");
    }
    let error = ureq::Error::Timeout(ureq::Timeout::Connect);
    assert_eq!(exchange_error(&error), ExchangeError::Unreachable);
}

#[test]
fn plain_http_leads_to_this_machine_only() {
    let server = Server::start(ok);
    let local = server.url("/").replace("127.0.0.1", "localhost");
    assert_eq!(Client::new(b"").fetch(&local).2, Ok(()));

    for url in
        ["http://archive.org/", "http://127.0.0.1.example/", "http://[::2]/", "ftp://127.0.0.1/"]
    {
        let mut client = Client::new(b"");
        let mut exchange = client.open(url);
        assert_eq!(
            client.https.poll(&mut exchange, &mut [0; 1]),
            ExchangePoll::Failed(ExchangeError::Tls),
            "{url} fails at once"
        );
    }
}

#[test]
fn a_pinned_name_is_found_at_its_address_and_keeps_its_name() {
    let ca = Authority::new();
    let server = Server::start_tls(ca.server("archive.org"), ok);
    let pins = [server.pin("archive.org:443"), server.pin("archive.org:8443")];
    let mut client = Client::with_pins(ca.pem().as_bytes(), &pins);
    for (url, host) in [
        ("https://archive.org/x", "archive.org"),
        ("https://archive.org:8443/", "archive.org:8443"),
    ] {
        assert_eq!(client.fetch(url), (Some(200), Vec::new(), Ok(())), "{url}");
        let sent = server.request().to_ascii_lowercase();
        assert!(sent.contains(&format!("\r\nhost: {host}\r\n")), "{sent}");
    }
}

#[test]
fn a_pinned_name_needs_a_certificate_for_that_name() {
    let ca = Authority::new();
    let server = Server::start_tls(ca.server("127.0.0.1"), ok);
    let mut client = Client::with_pins(ca.pem().as_bytes(), &[server.pin("archive.org:443")]);
    assert_eq!(client.fetch("https://archive.org/").2, Err(ExchangeError::Certificate));
}

#[test]
fn a_pin_is_for_its_port_and_its_name_only() {
    let ca = Authority::new();
    let server = Server::start_tls(ca.server("pinned.invalid"), ok);
    let mut client = Client::with_pins(ca.pem().as_bytes(), &[server.pin("pinned.invalid:443")]);
    assert_eq!(client.fetch("https://pinned.invalid/").2, Ok(()));
    for url in ["https://pinned.invalid:444/", "https://other.invalid/"] {
        assert_eq!(client.fetch(url).2, Err(ExchangeError::NameNotFound), "{url}");
    }
}

#[test]
fn a_pin_makes_plain_http_neither_leave_this_machine_nor_speak_for_another() {
    let server = Server::start(ok);
    let elsewhere = "localhost:8080:192.0.2.1".to_string();
    let pins = [server.pin("localhost:80"), server.pin("archive.org:80"), elsewhere];
    let mut client = Client::with_pins(b"", &pins);
    assert_eq!(client.fetch("http://localhost/").2, Ok(()));
    for url in ["http://archive.org/", "http://localhost:8080/"] {
        let mut exchange = client.open(url);
        assert_eq!(
            client.https.poll(&mut exchange, &mut [0; 1]),
            ExchangePoll::Failed(ExchangeError::Tls),
            "{url} fails at once"
        );
    }
}

#[test]
fn a_certificate_is_trusted_for_its_name_its_time_and_its_authority() {
    let ca = Authority::new();
    let fetch = |config: Arc<ServerConfig>, pem: &str| {
        Client::new(pem.as_bytes()).fetch(&Server::start_tls(config, ok).url("/")).2
    };
    assert_eq!(fetch(ca.server("127.0.0.1"), &ca.pem()), Ok(()));
    assert_eq!(fetch(ca.server("archive.org"), &ca.pem()), Err(ExchangeError::Certificate));
    assert_eq!(fetch(ca.expired_server(), &ca.pem()), Err(ExchangeError::Certificate));
    assert_eq!(fetch(ca.server("127.0.0.1"), ""), Err(ExchangeError::Certificate));
}

#[test]
fn a_server_without_tls_behind_https_is_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(Client::new(b"").fetch(&url).2, Err(ExchangeError::Tls));
    server.join().unwrap();
}

#[test]
fn a_server_that_hangs_up_during_the_handshake_is_disconnected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
    });
    assert_eq!(Client::new(b"").fetch(&url).2, Err(ExchangeError::Disconnected));
    server.join().unwrap();
}

#[test]
fn an_extra_authority_that_is_none_is_an_error() {
    for pem in ["hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options = Options { extra_ca: pem.into(), ..Options::default() };
        assert!(Https::new(options, Arc::new(|| ())).is_err(), "{pem}");
    }
}

#[test]
fn dropping_an_exchange_frees_a_thread_that_waits_for_an_answer() {
    let ca = Authority::new();
    let (gone_tx, gone) = mpsc::channel();
    let silent = move |stream: &mut dyn Stream, _: &str| {
        // Ends when the client goes away, and not before.
        let n = stream.read(&mut [0; 1]).unwrap_or(0);
        gone_tx.send(n).unwrap();
        false
    };
    for server in [Server::start(silent.clone()), Server::start_tls(ca.server("127.0.0.1"), silent)]
    {
        let mut client = Client::new(ca.pem().as_bytes());
        let exchange = client.open(&server.url("/"));
        server.request();
        drop(exchange);
        assert_eq!(gone.recv_timeout(PATIENCE), Ok(0), "the server sees the connection close");
        client.wait_for_threads_to_end();
    }
}

#[test]
fn dropping_an_exchange_frees_a_thread_in_the_middle_of_a_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let mut client = Client::new(b"");
    let exchange = client.open(&url);
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    drop(exchange);
    let _ = stream.read_to_end(&mut Vec::new());
    client.wait_for_threads_to_end();
}

#[test]
fn an_exchange_that_nobody_polls_stops_reading_and_goes_on_when_polled() {
    const LENGTH: usize = 64 << 20;
    let (blocked_tx, blocked) = mpsc::channel();
    let server = Server::start(move |stream, _| {
        reply(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
        stream.socket().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut sent = 0;
        while sent < LENGTH {
            match stream.write(&[7; 65536][..65536.min(LENGTH - sent)]) {
                Ok(n) => sent += n,
                Err(_) => {
                    blocked_tx.send(sent).unwrap();
                    stream.socket().set_write_timeout(None).unwrap();
                }
            }
        }
        true
    });
    let mut client = Client::new(b"");
    let mut exchange = client.open(&server.url("/"));
    let sent = blocked.recv_timeout(PATIENCE).unwrap();
    assert!(sent < LENGTH / 2, "the server could send {sent} bytes that nobody had asked for");
    let received = exchange.bytes_received();
    assert!(received < (CHUNKS * CHUNK_BYTES + 4 * Head::MAX_BYTES) as u64, "{received}");

    let (body, end) = client.rest(&mut exchange);
    assert_eq!((body.len(), end), (LENGTH, Ok(())));
    assert!(body.iter().all(|&byte| byte == 7));
    let state = exchange.shared.lock();
    assert!(state.made <= CHUNKS, "chunks are used again");
}

#[test]
fn dropping_an_exchange_frees_a_thread_that_waits_to_be_polled() {
    let (gone_tx, gone) = mpsc::channel();
    let server = Server::start(move |stream, _| {
        reply(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[7; 65536]).is_ok() {}
        gone_tx.send(()).unwrap();
        false
    });
    let mut client = Client::new(b"");
    let mut exchange = client.open(&server.url("/"));
    assert!(matches!(client.next(&mut exchange, &mut []), ExchangePoll::Head(_)));
    drop(exchange);
    assert_eq!(gone.recv_timeout(PATIENCE), Ok(()));
    client.wait_for_threads_to_end();
}

#[test]
fn an_exchange_beyond_the_limit_waits_for_one_to_go() {
    let server = Server::start(|stream, request| {
        if request.starts_with("GET /wait") {
            let _ = stream.read(&mut [0; 1]);
            return false;
        }
        reply(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let mut client = Client::new(b"");
    let mut busy: Vec<_> = (0..MAX_THREADS).map(|_| client.open(&server.url("/wait"))).collect();
    for _ in 0..MAX_THREADS {
        server.request();
    }
    let abandoned = client.open(&server.url("/abandoned"));
    let mut ninth = client.open(&server.url("/ninth"));
    assert_eq!(client.https.poll(&mut ninth, &mut [0; 1]), ExchangePoll::Pending);
    drop(abandoned);
    busy.pop();
    assert_eq!(client.rest(&mut ninth), (Vec::new(), Ok(())));
    assert!(server.request().starts_with("GET /ninth"), "the abandoned exchange never began");
}

/// A network and the bell it rings.
struct Client {
    https: Https,
    bell: Receiver<()>,
}

impl Client {
    fn new(extra_ca: &[u8]) -> Self {
        Self::with_pins(extra_ca, &[])
    }

    fn with_pins(extra_ca: &[u8], pins: &[String]) -> Self {
        let pinned = pins.iter().map(|pin| pin.parse().unwrap()).collect();
        let options = Options { extra_ca: extra_ca.to_vec(), pinned };
        let (ring, bell) = mpsc::channel();
        let waker = move || {
            let _ = ring.send(());
        };
        Self { https: Https::new(options, Arc::new(waker)).unwrap(), bell }
    }

    fn open(&mut self, url: &str) -> Exchange {
        self.https.open(&Request { url: Url::parse(url).unwrap(), range: None })
    }

    /// What the exchange says next, waiting for the bell alone: a forgotten ring fails the test.
    fn next(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        loop {
            match self.https.poll(exchange, buf) {
                ExchangePoll::Pending => self.bell.recv_timeout(PATIENCE).expect("a ring"),
                said => return said,
            }
        }
    }

    /// The body from here on and how it ends; a head on the way is skipped.
    fn rest(&mut self, exchange: &mut Exchange) -> (Vec<u8>, Result<(), ExchangeError>) {
        let mut body = Vec::new();
        let mut buf = vec![0; 10_000];
        loop {
            match self.next(exchange, &mut buf) {
                ExchangePoll::Body(n) => body.extend_from_slice(&buf[..n]),
                ExchangePoll::End => return (body, Ok(())),
                ExchangePoll::Failed(error) => return (body, Err(error)),
                ExchangePoll::Head(_) | ExchangePoll::Pending => {}
            }
        }
    }

    fn fetch(&mut self, url: &str) -> (Option<u16>, Vec<u8>, Result<(), ExchangeError>) {
        let mut exchange = self.open(url);
        match self.next(&mut exchange, &mut []) {
            ExchangePoll::Head(head) => {
                let (body, end) = self.rest(&mut exchange);
                (Some(head.status), body, end)
            }
            ExchangePoll::Failed(error) => (None, Vec::new(), Err(error)),
            other => panic!("{other:?} before the head"),
        }
    }

    fn wait_for_threads_to_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Threads::lock(&self.https.threads).alive > 0 {
            assert!(Instant::now() < deadline, "a thread is still alive");
            thread::yield_now();
        }
    }
}

/// A connection as a script sees it.
trait Stream: Read + io::Write {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

fn reply(stream: &mut dyn Stream, answer: &str) -> bool {
    stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_ok()
}

/// A script whose answer is a body of no bytes.
fn ok(stream: &mut dyn Stream, _: &str) -> bool {
    reply(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
}

/// Answers each request on each connection by a script, which says whether to keep the connection.
struct Server {
    origin: String,
    connections: Arc<AtomicUsize>,
    requests: Receiver<String>,
}

impl Server {
    fn start(script: impl Fn(&mut dyn Stream, &str) -> bool + Send + Clone + 'static) -> Self {
        Self::listen(None, script)
    }

    fn start_tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&mut dyn Stream, &str) -> bool + Send + Clone + 'static,
    ) -> Self {
        Self::listen(Some(config), script)
    }

    fn listen(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&mut dyn Stream, &str) -> bool + Send + Clone + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let origin = format!("{scheme}://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (heard, requests) = mpsc::channel();
        let count = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let (tls, script, heard) = (tls.clone(), script.clone(), heard.clone());
                thread::spawn(move || match (tls, stream.unwrap()) {
                    (None, mut stream) => converse(&mut stream, script, &heard),
                    (Some(config), stream) => {
                        let tls = ServerConnection::new(config).unwrap();
                        converse(&mut StreamOwned::new(tls, stream), script, &heard);
                    }
                });
            }
        });
        Self { origin, connections, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Pins a host and its port, `archive.org:443`, to this server.
    fn pin(&self, host_and_port: &str) -> String {
        let (_, address) = self.origin.split_once("://").unwrap();
        format!("{host_and_port}:{address}")
    }

    fn connections(&mut self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next request head that came in.
    fn request(&self) -> String {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }
}

fn converse(
    stream: &mut dyn Stream,
    script: impl Fn(&mut dyn Stream, &str) -> bool,
    heard: &Sender<String>,
) {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => request.push(byte[0]),
                _ => return,
            }
        }
        let request = String::from_utf8(request).unwrap();
        // Nobody listens any more once the test is over.
        let _ = heard.send(request.clone());
        if !script(stream, &request) {
            return;
        }
    }
}

/// A certificate authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.issue(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    fn expired_server(&self) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}
