//! One connection: reads requests, asks the archive, and carries out the plan it gets, to the byte
//! and with the cuts in it. HTTP/1.1 (RFC 9112) without request bodies.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustls::{ServerConnection, StreamOwned};

use super::link::Wire;
use super::{Exchange, Shared, Stop, lock};
use crate::archive::{Origin, Request};
use crate::delivery::{Delivery, Step};
use crate::request_head::RequestHead;
use crate::response::{CutKind, Response};

/// The first byte of a TLS connection: a handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Starts the threads of a connection.
pub(super) fn start<O: Origin + Send + 'static>(
    socket: Arc<TcpStream>,
    listener: usize,
    shared: &Arc<Shared<O>>,
    stop: &Arc<Stop>,
) -> Vec<JoinHandle<()>> {
    // A socket that takes no options is one whose client has left.
    let Ok((wire, mut threads)) = Wire::new(socket, &shared.link, stop) else { return Vec::new() };
    let (shared, stop) = (shared.clone(), stop.clone());
    threads.push(thread::spawn(move || Connection { listener, shared, stop }.run(wire)));
    threads
}

struct Connection<O> {
    /// The number of the listener that it came to.
    listener: usize,
    shared: Arc<Shared<O>>,
    stop: Arc<Stop>,
}

/// Whether a connection goes on after an exchange.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Next,
    Close,
    Reset,
}

impl<O: Origin> Connection<O> {
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
        let (at, at_us) = (Instant::now(), self.shared.now_us());
        let host = self.shared.hosts.get(self.listener).cloned().flatten();
        let host = host.or(asked.host).unwrap_or_default();
        let response = lock(&self.shared.origin).respond(&Request {
            method: &asked.method,
            host: &host,
            target: &asked.target,
            range: asked.range.as_deref(),
            now_us: at_us,
        });
        let exchange = Exchange {
            at_us,
            host,
            method: asked.method,
            target: asked.target,
            range: asked.range,
            user_agent: asked.user_agent,
            status: response.status,
            sent: 0,
        };
        let sent = self.shared.remember(exchange.clone());
        let result = self.send(stream, at, &response, |count| {
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

    /// Carries out the plan for a request that came `at` some time. `count` is told of the body's
    /// bytes as they go.
    fn send(
        &self,
        stream: &mut (impl Read + Write),
        at: Instant,
        response: &Response,
        count: impl Fn(usize),
    ) -> io::Result<After> {
        let (mut delivery, mut out) = (Delivery::new(response), Vec::new());
        loop {
            let step = delivery.next(&mut out);
            let (Step::Send { due_us, .. } | Step::Cut { due_us, .. }) = step else {
                let Step::Done { close: true } = step else { return Ok(After::Next) };
                return Ok(After::Close);
            };
            let due = self.shared.later(at, due_us);
            if due > Instant::now() && self.stop.wait_until(due) {
                return Ok(After::Close);
            }
            match step {
                Step::Send { body, .. } => {
                    count(body);
                    stream.write_all(&out)?;
                    stream.flush()?;
                }
                Step::Cut { how, .. } => return Ok(self.cut(stream, how)),
                Step::Done { .. } => {}
            }
        }
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

/// Reads a request's head; what comes after it stays in `received`. None when the client is done.
fn read_request(stream: &mut impl Read, received: &mut Vec<u8>) -> io::Result<Option<RequestHead>> {
    let mut buf = [0; 4096];
    loop {
        if !received.is_empty()
            && let Some((len, asked)) = RequestHead::parse(received)
        {
            received.drain(..len);
            return Ok(Some(asked));
        }
        if received.len() > RequestHead::BYTES_MAX {
            return Ok(None);
        }
        match stream.read(&mut buf)? {
            0 => return Ok(None),
            count => received.extend(&buf[..count]),
        }
    }
}
