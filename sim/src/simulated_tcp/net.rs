//! The viewer's end of the simulated network: what the desktop's driver is on real sockets.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use testcard_core::http1::{self, Response};
use testcard_core::net::{ExchangeError, ExchangePoll, Network, Request, Url};
use testcard_core::time::Instant;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{sleep, sleep_until, timeout};
use turmoil::net::TcpStream;

use super::{Wire, now};
use crate::heap::KEEP_ALIVE;

const USER_AGENT: &str = concat!("testcard-sim/", env!("CARGO_PKG_VERSION"));

/// How long a connection attempt may take, handshakes included: as with the desktop's driver.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// When an attempt to connect is first repeated; then after twice the time (RFC 6298 §2.1, §5.5).
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(1);

/// The network as the viewer reaches it. Reads from a connection only when polled for its exchange:
/// what nobody polls for stays in TCP's buffer, and the host waits.
pub struct Net {
    wire: Rc<Wire>,
    waker: Waker,
    kept: Vec<Kept>,
}

/// One exchange; see [`Network::Exchange`].
pub struct Exchange {
    to: Option<Server>,
    stage: Stage,
    response: Response,
}

/// The other end of a connection: host, as the simulation calls it, and port.
type Server = (String, u16);

/// An idle connection.
struct Kept {
    to: Option<Server>,
    stream: TcpStream,
    since: Instant,
}

enum Stage {
    /// Looking up the name, connecting, sending the request.
    Asking(Pin<Box<dyn Future<Output = Result<TcpStream, ExchangeError>>>>),
    Receiving(TcpStream),
    /// The connection is closed, or kept for another exchange.
    Done,
}

impl Net {
    pub(super) fn new(wire: Rc<Wire>) -> Self {
        Self { wire, waker: Waker::noop().clone(), kept: Vec::new() }
    }

    /// Whom to wake when there is news for an exchange that was polled.
    pub(super) fn wake(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }
}

impl Network for Net {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let url = &request.url;
        let to = self.wire.server(url);
        let mut head = Vec::new();
        http1::write_request(request, USER_AGENT, &mut head);

        let mut response = Response::new();
        self.kept.retain(|kept| now().since(kept.since) <= KEEP_ALIVE);
        let stage = match self.kept.iter().position(|kept| kept.to == to) {
            Some(n) => match send(self.kept.remove(n).stream, &head) {
                Ok(stream) => Stage::Receiving(stream),
                Err(why) => {
                    response.failed(why);
                    Stage::Done
                }
            },
            None => {
                // What a handshake takes: TCP's, and on top of that TLS 1.3's (RFC 8446 §2).
                let round_trips = if url.scheme() == "https" { 2 } else { 1 };
                let wire = self.wire.clone();
                Stage::Asking(Box::pin(ask(wire, to.clone(), round_trips, head)))
            }
        };
        Exchange { to, stage, response }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        loop {
            let said = exchange.response.poll(buf);
            if exchange.response.is_reusable()
                && let Stage::Receiving(stream) = exchange.stage.finish()
            {
                self.kept.push(Kept { to: exchange.to.clone(), stream, since: now() });
            }
            match said {
                ExchangePoll::Pending if exchange.advance(&self.wire, &self.waker) => {}
                ExchangePoll::End | ExchangePoll::Failed(_) => {
                    exchange.stage.finish();
                    return said;
                }
                said => return said,
            }
        }
    }
}

impl Exchange {
    /// Takes what has come for the response; whether that was anything.
    fn advance(&mut self, wire: &Wire, waker: &Waker) -> bool {
        let cx = &mut Context::from_waker(waker);
        match &mut self.stage {
            Stage::Asking(asking) => {
                let Poll::Ready(outcome) = asking.as_mut().poll(cx) else { return false };
                match outcome {
                    Ok(stream) => self.stage = Stage::Receiving(stream),
                    Err(why) => self.response.failed(why),
                }
            }
            Stage::Receiving(stream) => {
                let mut space = ReadBuf::new(self.response.space());
                if space.capacity() == 0 {
                    return false;
                }
                let Poll::Ready(read) = Pin::new(&mut *stream).poll_read(cx, &mut space) else {
                    return false;
                };
                let is_reset = |stream: &TcpStream| {
                    let end = stream.local_addr();
                    end.is_ok_and(|end| wire.resets.borrow_mut().remove(&end))
                };
                match (read, space.filled().len()) {
                    (Ok(()), count @ 1..) => self.response.filled(count),
                    (Ok(()), 0) if !is_reset(stream) => self.response.ended(),
                    _ => self.response.failed(ExchangeError::Disconnected),
                }
            }
            Stage::Done => return false,
        }
        true
    }
}

impl Stage {
    fn finish(&mut self) -> Self {
        std::mem::replace(self, Self::Done)
    }
}

impl Wire {
    /// Where a URL leads: to the host that has its port in its name, or else to that port of the host.
    fn server(&self, url: &Url) -> Option<Server> {
        let host = url.host_str().unwrap_or_default();
        if let Some(port) = url.port()
            && let Some(name) = self.hosts.get(&format!("{host}:{port}"))
        {
            return Some((name.clone(), if url.scheme() == "https" { 443 } else { 80 }));
        }
        Some((self.hosts.get(host)?.clone(), url.port_or_known_default().unwrap_or(0)))
    }
}

/// Connects, and sends a request's head.
async fn ask(
    wire: Rc<Wire>,
    to: Option<Server>,
    round_trips: u32,
    head: Vec<u8>,
) -> Result<TcpStream, ExchangeError> {
    let Some(to) = to else {
        // Whoever knows the names is as far away as everybody else.
        sleep(wire.round_trip).await;
        return Err(ExchangeError::NameNotFound);
    };
    let connected = timeout(CONNECT_TIMEOUT, connect(&wire, &to, round_trips)).await;
    send(connected.unwrap_or(Err(ExchangeError::Unreachable))?, &head)
}

async fn connect(wire: &Wire, to: &Server, round_trips: u32) -> Result<TcpStream, ExchangeError> {
    let mut retransmission = FIRST_RETRANSMISSION;
    loop {
        let started = tokio::time::Instant::now();
        match TcpStream::connect((to.0.as_str(), to.1)).await {
            Ok(stream) => {
                // turmoil's answer is here as soon as it is given, and there is no TLS.
                sleep_until(started + wire.round_trip * round_trips).await;
                return Ok(stream);
            }
            Err(_) if wire.partitioned.borrow().contains(&to.0) => {
                sleep(retransmission).await;
                retransmission *= 2;
            }
            Err(_) => return Err(ExchangeError::Refused),
        }
    }
}

/// Sends a request's head over a connection on which nothing is under way, and which therefore has
/// room for it.
fn send(stream: TcpStream, head: &[u8]) -> Result<TcpStream, ExchangeError> {
    match stream.try_write(head) {
        Ok(_) => Ok(stream),
        Err(_) => Err(ExchangeError::Disconnected),
    }
}
