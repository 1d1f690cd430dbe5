//! One connection: reads requests, asks the archive, and carries out the plan it gets, to the byte
//! and with the cuts in it. HTTP/1.1 (RFC 9112) without request bodies.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::link::Wire;
use super::{Exchange, Shared, Stop, lock};
use crate::archive::{Request, Role};
use crate::response::{Cut, CutKind, Framing, Response};

/// The first byte of a TLS connection: a handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
/// The longest request head, as nginx has it by default.
const HEAD_MAX: usize = 32 * 1024;

/// Starts the threads of a connection.
pub(super) fn start(
    socket: Arc<TcpStream>,
    role: Role,
    shared: &Arc<Shared>,
    stop: &Arc<Stop>,
) -> Vec<JoinHandle<()>> {
    // A socket that takes no options is one whose client has left.
    let Ok((wire, mut threads)) = Wire::new(socket, shared, stop) else { return Vec::new() };
    let (shared, stop) = (shared.clone(), stop.clone());
    threads.push(thread::spawn(move || Connection { role, shared, stop }.run(wire)));
    threads
}

struct Connection {
    role: Role,
    shared: Arc<Shared>,
    stop: Arc<Stop>,
}

/// Whether a connection goes on after an exchange.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Next,
    Close,
    Reset,
}

impl Connection {
    fn run(&self, mut wire: Wire) {
        match wire.peek() {
            Ok(Some(TLS_HANDSHAKE)) => {
                let Ok(tls) = ServerConnection::new(self.shared.authority.config.clone()) else {
                    return;
                };
                let mut stream = StreamOwned::new(tls, wire);
                let after = self.converse(&mut stream);
                if after != After::Reset {
                    stream.conn.send_close_notify();
                    // Fails when the client closed first.
                    let _ = stream.conn.complete_io(&mut stream.sock);
                }
                stream.sock.end(after == After::Reset);
            }
            Ok(Some(_)) => {
                let after = self.converse(&mut wire);
                wire.end(after == After::Reset);
            }
            Ok(None) | Err(_) => {}
        }
    }

    /// One exchange after the other, until either side is done.
    fn converse(&self, stream: &mut (impl Read + Write)) -> After {
        let mut received = Vec::new();
        loop {
            match self.exchange(stream, &mut received) {
                Ok(After::Next) => {}
                Ok(after) => return after,
                // The client left, or broke off TLS.
                Err(_) => return After::Close,
            }
        }
    }

    fn exchange(
        &self,
        stream: &mut (impl Read + Write),
        received: &mut Vec<u8>,
    ) -> io::Result<After> {
        let Some(asked) = read_request(stream, received)? else { return Ok(After::Close) };
        let at_us = self.shared.now_us();
        let response = lock(&self.shared.archive).respond(&Request {
            method: &asked.method,
            target: &asked.target,
            role: self.role,
            range: asked.range.as_deref(),
            now_us: at_us,
        });
        let exchange = Exchange {
            at_us,
            role: self.role,
            method: asked.method,
            target: asked.target,
            range: asked.range,
            user_agent: asked.user_agent,
            status: response.status,
            sent: 0,
        };
        let sent = self.shared.remember(exchange.clone());
        let result = self.send(stream, &response, |count| {
            sent.fetch_add(count as u64, Ordering::Relaxed);
        });
        if let Some(on_exchange) = &self.shared.options.on_exchange {
            on_exchange(&exchange.with_sent(&sent));
        }
        match result? {
            After::Next if asked.last => Ok(After::Close),
            after => Ok(after),
        }
    }

    /// Carries out a plan. `count` is told of the body's bytes as they go.
    fn send(
        &self,
        stream: &mut (impl Read + Write),
        response: &Response,
        count: impl Fn(usize),
    ) -> io::Result<After> {
        let start = Instant::now() + Duration::from_micros(response.delay_us);
        if self.stop.wait_until(start) {
            return Ok(After::Close);
        }
        if let Some(Cut { after: None, how }) = response.cut {
            return Ok(self.cut(stream, how));
        }
        let mut out = response.head();
        let len = response.body_len();
        let cut = response.cut.and_then(|cut| cut.after.map(|after| (after, cut.how)));
        let end = cut.map_or(len, |(after, _)| after.min(len));
        let step = match response.pace {
            // Twenty steps a second look like a slow stream.
            Some(pace) => usize::try_from(pace / 20).unwrap_or(usize::MAX).clamp(1, 16 * 1024),
            None => 16 * 1024,
        };

        let mut buf = vec![0; step];
        let mut at = 0;
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(step);
            let read = response.read_body(at, &mut buf[..wanted]);
            match response.framing {
                Framing::Chunked => {
                    write!(out, "{read:x}\r\n")?;
                    out.extend(&buf[..read]);
                    out.extend(b"\r\n");
                }
                Framing::Length | Framing::Empty => out.extend(&buf[..read]),
            }
            at += read as u64;
            count(read);
            stream.write_all(&out)?;
            out.clear();
            if let Some(pace) = response.pace {
                let due = u128::from(at) * 1_000_000 / u128::from(pace);
                if self.stop.wait_until(start + Duration::from_micros(due as u64)) {
                    return Ok(After::Close);
                }
            }
        }
        if let Some((after, how)) = cut
            && after <= len
        {
            stream.write_all(&out)?;
            stream.flush()?;
            return Ok(self.cut(stream, how));
        }
        if response.framing == Framing::Chunked {
            out.extend(b"0\r\n\r\n");
        }
        stream.write_all(&out)?;
        stream.flush()?;
        Ok(After::Next)
    }

    fn cut(&self, stream: &mut impl Read, how: CutKind) -> After {
        match how {
            CutKind::Close => After::Close,
            CutKind::Reset => After::Reset,
            CutKind::Stall => {
                // Until the client gives up, or the server stops.
                while !self.stop.is_set() {
                    match stream.read(&mut [0; 256]) {
                        Ok(0) => break,
                        Ok(_) => {}
                        Err(error) => match error.kind() {
                            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {}
                            _ => break,
                        },
                    }
                }
                After::Close
            }
        }
    }
}

/// What the archive needs of a request.
struct Asked {
    method: String,
    target: String,
    range: Option<String>,
    user_agent: Option<String>,
    /// No request follows on this connection.
    last: bool,
}

/// Reads a request's head; what comes after it stays in `received`. None when the client is done.
fn read_request(stream: &mut impl Read, received: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let mut buf = [0; 4096];
    loop {
        if !received.is_empty()
            && let Some((len, asked)) = parse(received)
        {
            received.drain(..len);
            return Ok(Some(asked));
        }
        if received.len() > HEAD_MAX {
            return Ok(None);
        }
        match stream.read(&mut buf)? {
            0 => return Ok(None),
            count => received.extend(&buf[..count]),
        }
    }
}

/// Parses a head if it is whole. What is no HTTP, such as a path with a space in it, is the last
/// request for a path that does not exist: archive.org answers 404.
fn parse(received: &[u8]) -> Option<(usize, Asked)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(received) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(len)) => {
            let header = |name: &str| {
                let found = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
                found.map(|h| String::from_utf8_lossy(h.value).trim().to_owned())
            };
            let close =
                header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let body = header("content-length").is_some_and(|len| len != "0")
                || header("transfer-encoding").is_some();
            let asked = Asked {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                range: header("range"),
                user_agent: header("user-agent"),
                last: close || body || request.version == Some(0),
            };
            Some((len, asked))
        }
        Err(_) => {
            let line = received.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let asked = Asked {
                method: "GET".to_owned(),
                target: format!("/ {}", String::from_utf8_lossy(line)),
                range: None,
                user_agent: None,
                last: true,
            };
            Some((received.len(), asked))
        }
    }
}
