//! Every response is fed in whole, byte by byte, and in two pieces cut anywhere.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::net::{ByteRange, ExchangeError, ExchangePoll, Head, Request, Url};

fn request(url: &str, range: Option<ByteRange>) -> String {
    let mut out = Vec::new();
    let request = Request { url: Url::parse(url).expect("a literal of this test"), range };
    write_request(&request, "testcard/1 (test)", &mut out);
    String::from_utf8(out).expect("a head is ASCII")
}

#[test]
fn a_request_names_path_query_host_and_range_and_nothing_else() {
    let head = request(
        "https://archive.org/download/a%20b/c%3Fd é.mp4?x=1&y#z",
        Some(ByteRange::Closed { first: 10, last: 19 }),
    );
    assert_eq!(
        head,
        "GET /download/a%20b/c%3Fd%20%C3%A9.mp4?x=1&y HTTP/1.1\r\n\
         Host: archive.org\r\n\
         User-Agent: testcard/1 (test)\r\n\
         Accept-Encoding: identity\r\n\
         Range: bytes=10-19\r\n\
         \r\n"
    );
}

#[test]
fn a_request_for_everything_has_no_range_and_an_empty_path_is_the_root() {
    let head = request("http://127.0.0.1", None);
    assert!(head.starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"), "{head}");
    assert!(!head.contains("Range"), "{head}");
}

#[test]
fn the_host_has_its_port_unless_it_is_the_schemes_own() {
    for (url, host) in [
        ("https://archive.org:443/", "archive.org"),
        ("https://archive.org:8443/", "archive.org:8443"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://user:secret@localhost:81/", "localhost:81"),
    ] {
        let head = request(url, None);
        assert!(head.contains(&format!("\r\nHost: {host}\r\n")), "{head}");
        assert!(!head.contains("secret"), "{head}");
    }
}

#[test]
fn a_user_agent_cannot_add_a_header() {
    let mut out = Vec::new();
    let request = Request { url: Url::parse("https://a/").unwrap(), range: None };
    write_request(&request, "a\r\nX: y\0é", &mut out);
    assert!(String::from_utf8(out).unwrap().contains("\r\nUser-Agent: aX: y\r\n"));
}

/// How a stream ends after its last byte.
#[derive(Clone, Copy, Debug)]
enum Close {
    /// It stays open.
    Never,
    InOrder,
    Cut,
}

/// Everything that an exchange said.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Said {
    head: Option<Head>,
    body: Vec<u8>,
    /// `Pending` where more was waited for.
    last: ExchangePoll,
    reusable: bool,
}

impl Said {
    fn body(&self) -> &str {
        core::str::from_utf8(&self.body).expect("a body of ASCII")
    }
}

/// A driver: brings `bytes` in pieces of these sizes (the last one over and over), polling with a
/// buffer of `room` bytes.
fn exchange(mut bytes: &[u8], close: Close, pieces: &[usize], room: usize) -> Said {
    let mut response = Response::new();
    let (mut head, mut body, mut buf) = (None, Vec::new(), vec![0; room]);
    let mut pieces = pieces.iter().copied().chain(core::iter::repeat(pieces[pieces.len() - 1]));
    let mut closed = false;
    loop {
        let last = match response.poll(&mut buf) {
            ExchangePoll::Pending if !bytes.is_empty() => {
                let space = response.space();
                let n = pieces.next().unwrap_or(1).clamp(1, bytes.len()).min(space.len());
                assert!(n > 0, "it waits for bytes that it has no room for");
                space[..n].copy_from_slice(&bytes[..n]);
                response.filled(n);
                bytes = &bytes[n..];
                continue;
            }
            ExchangePoll::Pending if !closed => {
                closed = true;
                match close {
                    Close::Never => {}
                    Close::InOrder => response.ended(),
                    Close::Cut => response.failed(ExchangeError::Disconnected),
                }
                continue;
            }
            ExchangePoll::Head(came) => {
                assert!(head.replace(came).is_none() && body.is_empty(), "one head, and first");
                continue;
            }
            ExchangePoll::Body(n) => {
                assert!(n > 0 && head.is_some());
                body.extend_from_slice(&buf[..n]);
                continue;
            }
            last => last,
        };
        assert_eq!(response.poll(&mut buf), last, "and says so again");
        if last != ExchangePoll::Pending {
            assert!(response.space().is_empty(), "it takes nothing after its end");
        }
        // What the driver still has in hand is left over too.
        let reusable = response.is_reusable() && bytes.is_empty();
        return Said { head, body, last, reusable };
    }
}

/// The same however the bytes are cut and whatever room there is: byte by byte, in two pieces cut
/// anywhere, and all at once.
fn said(bytes: &[u8], close: Close) -> Said {
    let whole = exchange(bytes, close, &[usize::MAX], 4096);
    for room in [1, 2, 7] {
        assert_eq!(exchange(bytes, close, &[usize::MAX], room), whole, "with room for {room}");
    }
    assert_eq!(exchange(bytes, close, &[1], 4096), whole, "byte by byte");
    for first in 1..bytes.len() {
        let split = exchange(bytes, close, &[first, usize::MAX], 4096);
        assert_eq!(split, whole, "split at {first}");
    }
    whole
}

const CUT: ExchangePoll = ExchangePoll::Failed(ExchangeError::Disconnected);
const NOT_HTTP: ExchangePoll = ExchangePoll::Failed(ExchangeError::Protocol);

#[test]
fn headers_are_kept_in_order_and_case_with_duplicates_and_odd_bytes() {
    let said = said(
        b"HTTP/1.1 206 Partial Content\r\nX-b: 1\r\nx-B:  2 \r\nEmpty:\r\n\
          Odd: caf\xe9\r\nContent-Length: 0\r\n\r\n",
        Close::Never,
    );
    let head = said.head.unwrap();
    assert_eq!(head.status, 206);
    let headers: Vec<(&str, &str)> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("X-b", "1"),
            ("x-B", "2"),
            ("Empty", ""),
            ("Odd", "caf\u{fffd}"),
            ("Content-Length", "0")
        ]
    );
    assert_eq!((said.last, said.reusable), (ExchangePoll::End, true));
}

#[test]
fn a_body_of_a_known_length_ends_there_and_the_connection_is_kept() {
    let said = said(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Close::Never);
    assert_eq!((said.body(), &said.last, said.reusable), ("hello", &ExchangePoll::End, true));
}

#[test]
fn the_connection_can_be_kept_before_the_end_was_polled_for() {
    let mut response = Response::new();
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    response.space()[..bytes.len()].copy_from_slice(bytes);
    response.filled(bytes.len());
    let mut buf = [0; 9];
    assert!(matches!(response.poll(&mut buf), ExchangePoll::Head(_)));
    assert!(!response.is_reusable(), "the body is not read yet");
    assert_eq!(response.poll(&mut buf), ExchangePoll::Body(2));
    assert!(response.is_reusable());
}

#[test]
fn a_body_of_unknown_length_ends_when_the_peer_closes_in_order() {
    let bytes = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    let closed = said(bytes, Close::InOrder);
    assert_eq!((closed.body(), &closed.last), ("all of it", &ExchangePoll::End));
    assert!(!closed.reusable);
    let cut = said(bytes, Close::Cut);
    assert_eq!((cut.body(), &cut.last), ("all of it", &CUT));
    assert_eq!(said(bytes, Close::Never).last, ExchangePoll::Pending);
}

#[test]
fn a_body_cut_short_is_disconnected_and_keeps_what_came() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf.\r\n1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf.\r\n0\r",
    ] {
        for close in [Close::InOrder, Close::Cut] {
            let said = said(bytes.as_bytes(), close);
            assert_eq!((said.body(), &said.last, said.reusable), ("half.", &CUT, false), "{bytes}");
        }
    }
}

#[test]
fn a_stream_that_ends_before_the_head_is_disconnected() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        assert_eq!(said(bytes.as_bytes(), Close::InOrder).last, CUT, "{bytes:?}");
    }
    let mut response = Response::new();
    response.failed(ExchangeError::Tls);
    assert_eq!(
        response.poll(&mut [0]),
        ExchangePoll::Failed(ExchangeError::Tls),
        "with the driver's own reason"
    );
}

#[test]
fn chunks_are_joined_and_their_extensions_and_trailers_skipped() {
    for coded in [
        "5\r\nhello\r\n0\r\n\r\n",
        "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
        "005;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n",
        "5 \t;a\r\nhello\r\n0\r\nDigest: x\r\nX:\r\n\r\n",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n{coded}");
        let said = said(bytes.as_bytes(), Close::Never);
        let expected = ("hello", &ExchangePoll::End, true);
        assert_eq!((said.body(), &said.last, said.reusable), expected, "{coded}");
    }
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1A\r\n\
                  abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
    assert_eq!(said(bytes, Close::Never).body(), "abcdefghijklmnopqrstuvwxyz");
}

#[test]
fn a_chunked_body_is_whole_with_its_last_chunk_even_if_the_trailers_are_cut() {
    for rest in ["", "\r", "Trailer", "Trailer: x\r\n"] {
        let bytes =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{rest}");
        let said = said(bytes.as_bytes(), Close::InOrder);
        let expected = ("ok", &ExchangePoll::End, false);
        assert_eq!((said.body(), &said.last, said.reusable), expected, "{rest:?}");
    }
}

#[test]
fn a_chunk_that_breaks_the_coding_is_a_protocol_error() {
    for coded in [
        "\r\n",
        "g\r\n",
        " 5\r\nhello",
        "-5\r\nhello",
        "5\nhello\r\n",
        "5;a\nhello\r\n",
        "5\rhello\r\n",
        "5\r\nhello!\r\n",
        "5\r\nhello\n",
        "10000000000000000\r\n",
        "0\r\n\n",
        "0\r\nTrailer\n",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{coded}");
        assert_eq!(said(bytes.as_bytes(), Close::Never).last, NOT_HTTP, "{coded:?}");
    }
}

#[test]
fn a_chunk_of_the_largest_size_is_read_as_far_as_it_comes() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc";
    let said = said(bytes, Close::InOrder);
    assert_eq!((said.body(), &said.last), ("abc", &CUT));
}

#[test]
fn extensions_and_trailers_are_skipped_up_to_a_bound_and_no_further() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (coded, end) in [
        (format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(Head::MAX_BYTES - 4)), ExchangePoll::End),
        (format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(Head::MAX_BYTES - 3)), NOT_HTTP),
        (format!("1\r\na\r\n0\r\n{}\r\n\r\n", "x".repeat(Head::MAX_BYTES - 9)), ExchangePoll::End),
        (format!("1\r\na\r\n0\r\n{}\r\n\r\n", "x".repeat(Head::MAX_BYTES - 8)), NOT_HTTP),
        (format!("1\r\na\r\n0\r\n{}", "X: y\r\n".repeat(Head::MAX_BYTES)), NOT_HTTP),
    ] {
        let bytes = format!("{head}{coded}");
        let said = exchange(bytes.as_bytes(), Close::Never, &[1460], 4096);
        assert_eq!(said.last, end, "{} bytes", coded.len());
    }
}

#[test]
fn a_response_without_a_body_ends_with_its_head() {
    for head in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let said = said(head.as_bytes(), Close::Never);
        let expected = ("", &ExchangePoll::End, true);
        assert_eq!((said.body(), &said.last, said.reusable), expected, "{head}");
    }
}

#[test]
fn interim_responses_are_skipped_up_to_a_bound_and_no_further() {
    let interim = |n: usize| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(n);
        format!("{hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    };
    let five = said(interim(5).as_bytes(), Close::Never);
    assert_eq!((five.head.as_ref().unwrap().status, five.body(), five.reusable), (200, "ok", true));
    assert_eq!(said(interim(6).as_bytes(), Close::Never).last, NOT_HTTP);
}

#[test]
fn a_change_of_protocol_is_no_interim_response_and_ends_the_connection() {
    let said = said(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\0", Close::Never);
    assert_eq!(said.head.unwrap().status, 101);
    assert_eq!((said.last, said.reusable), (ExchangePoll::End, false));
}

#[test]
fn a_length_and_a_coding_together_are_read_as_chunked_and_the_connection_is_not_kept() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\n\r\n";
    let said = said(bytes, Close::Never);
    assert_eq!((said.body(), &said.last, said.reusable), ("hello", &ExchangePoll::End, false));
}

#[test]
fn lengths_that_agree_are_one_and_lengths_that_differ_are_a_protocol_error() {
    for agree in ["5\r\nContent-Length: 5", "5, 5", "05"] {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {agree}\r\n\r\nhello");
        assert_eq!(said(bytes.as_bytes(), Close::Never).body(), "hello", "{agree}");
    }
    for not in
        ["5\r\nContent-Length: 6", "5, 6", "+5", "-5", "5 5", "many", "", "18446744073709551616"]
    {
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {not}\r\n\r\nhello");
        let said = said(bytes.as_bytes(), Close::Never);
        assert_eq!((said.head, said.last), (None, NOT_HTTP), "{not}");
    }
}

#[test]
fn a_coding_that_nobody_asked_for_is_a_protocol_error() {
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "chunked\r\nTransfer-Encoding: x"] {
        let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        assert_eq!(said(bytes.as_bytes(), Close::Never).last, NOT_HTTP, "{coding}");
    }
}

#[test]
fn http_1_0_knows_no_coding_and_keeps_no_connection() {
    let bytes = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let plain = said(bytes, Close::Never);
    assert_eq!((plain.body(), &plain.last, plain.reusable), ("ok", &ExchangePoll::End, false));
    let coded = said(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Close::InOrder);
    assert_eq!((coded.body(), coded.reusable), ("0\r\n", false));
}

#[test]
fn a_connection_is_not_kept_when_the_peer_says_so_or_says_too_much() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: x\r\nConnection: y, Close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",
    ] {
        let said = said(bytes.as_bytes(), Close::Never);
        let expected = ("ok", &ExchangePoll::End, false);
        assert_eq!((said.body(), &said.last, said.reusable), expected, "{bytes}");
    }
    let mut closed = Response::new();
    let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";
    closed.space()[..bytes.len()].copy_from_slice(bytes);
    closed.filled(bytes.len());
    closed.ended();
    assert!(matches!(closed.poll(&mut []), ExchangePoll::Head(_)));
    assert!(!closed.is_reusable(), "the peer has closed it already");
}

#[test]
fn an_answer_that_is_not_http_is_a_protocol_error_at_once() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 20 Short\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nName : value\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: folded\r\n value\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    ] {
        let said = said(bytes.as_bytes(), Close::Never);
        assert_eq!((said.head, said.last), (None, NOT_HTTP), "{bytes:?}");
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
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".to_string();
    for (bytes, end) in [
        (long(Head::MAX_BYTES), ExchangePoll::End),
        (interim.clone() + &long(Head::MAX_BYTES), ExchangePoll::End),
        (long(Head::MAX_BYTES + 1), NOT_HTTP),
        (interim + &long(Head::MAX_BYTES + 1), NOT_HTTP),
        (long(20 * Head::MAX_BYTES), NOT_HTTP),
        (many(Head::MAX_HEADERS), ExchangePoll::End),
        (many(Head::MAX_HEADERS + 1), NOT_HTTP),
        ("\r\n".repeat(Head::MAX_BYTES), NOT_HTTP),
    ] {
        let said = exchange(bytes.as_bytes(), Close::Never, &[1460], 64);
        assert_eq!(said.last, end, "{} bytes", bytes.len());
    }
}

#[test]
fn a_response_that_nobody_polls_stops_taking_bytes_and_goes_on_when_polled() {
    const LENGTH: usize = 1 << 20;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend((0..LENGTH).map(|i| i as u8));
    let mut rest = &bytes[..];
    let mut response = Response::new();
    let (mut body, mut buf) = (Vec::new(), [0; 1000]);
    let mut fill = |response: &mut Response| {
        let before = rest.len();
        loop {
            let space = response.space();
            let n = space.len().min(rest.len());
            if n == 0 {
                return before - rest.len();
            }
            space[..n].copy_from_slice(&rest[..n]);
            response.filled(n);
            rest = &rest[n..];
        }
    };
    assert_eq!(fill(&mut response), Response::BUFFER_BYTES);
    assert!(matches!(response.poll(&mut buf), ExchangePoll::Head(_)));
    loop {
        assert!(fill(&mut response) <= Response::BUFFER_BYTES);
        match response.poll(&mut buf) {
            ExchangePoll::Body(n) => body.extend_from_slice(&buf[..n]),
            last => break assert_eq!(last, ExchangePoll::End),
        }
    }
    assert!(body.iter().enumerate().all(|(i, &byte)| byte == i as u8) && body.len() == LENGTH);
}

#[test]
fn a_poll_without_room_takes_nothing() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let mut response = Response::new();
    response.space()[..bytes.len()].copy_from_slice(bytes);
    response.filled(bytes.len());
    assert!(matches!(response.poll(&mut []), ExchangePoll::Head(_)));
    assert_eq!(response.poll(&mut []), ExchangePoll::Pending);
    let mut buf = [0; 2];
    assert_eq!(response.poll(&mut buf), ExchangePoll::Body(2));
    assert_eq!((&buf, response.poll(&mut [])), (b"ok", ExchangePoll::End));
}

/// Bytes that look like HTTP for long enough to get somewhere.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(&b"HTTP/1.1 200 OK\r\n"[..]),
        Just(&b"HTTP/1.0 206 P\r\n"[..]),
        Just(&b"HTTP/1.1 100 C\r\n\r\n"[..]),
        Just(&b"HTTP/1.1 204 N\r\n"[..]),
        Just(&b"Content-Length: 5\r\n"[..]),
        Just(&b"Content-Length: 18446744073709551615\r\n"[..]),
        Just(&b"Transfer-Encoding: chunked\r\n"[..]),
        Just(&b"Connection: close\r\n"[..]),
        Just(&b"\r\n"[..]),
        Just(&b"\n"[..]),
        Just(&b"5\r\nhello\r\n"[..]),
        Just(&b"FFFFFFFFFFFFFFFF\r\n"[..]),
        Just(&b"3;x\r\n"[..]),
        Just(&b"0\r\n\r\n"[..]),
        Just(&b"0\r\nX: y\r\n"[..]),
        Just(&b"hello"[..]),
        Just(&b"\0\xff"[..]),
    ];
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    let garbage = prop::collection::vec(any::<u8>(), 0..40);
    (any::<bool>(), pieces, garbage).prop_map(|(starts_well, pieces, garbage)| {
        let start = if starts_well { &b"HTTP/1.1 200 OK\r\n"[..] } else { b"" };
        [start, &pieces, &garbage].concat()
    })
}

proptest! {
    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut_and_never_more_than_came(
        bytes in nearly_http(),
        close in prop_oneof![Just(Close::Never), Just(Close::InOrder), Just(Close::Cut)],
        pieces in prop::collection::vec(1..50usize, 1..8),
        room in 1..20usize,
    ) {
        let whole = exchange(&bytes, close, &[usize::MAX], 4096);
        prop_assert!(whole.body.len() <= bytes.len());
        prop_assert_eq!(exchange(&bytes, close, &pieces, room), whole);
    }

    #[test]
    fn a_chunked_body_comes_out_as_it_went_in(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..10),
        pieces in prop::collection::vec(1..400usize, 1..8),
        room in 1..500usize,
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in &chunks {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let said = exchange(&bytes, Close::Never, &pieces, room);
        prop_assert_eq!(said.body, chunks.concat());
        prop_assert_eq!((said.last, said.reusable), (ExchangePoll::End, true));
    }
}
