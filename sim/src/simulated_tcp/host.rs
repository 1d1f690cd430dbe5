//! The hosts' end of the simulated network: what `testcard_archive::serve` is on real sockets. Each
//! host asks the one origin and carries out the plan it gets, to the byte, in virtual time.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use testcard_archive::{CutKind, Delivery, Origin, Request, RequestHead, Response, Step};
use testcard_core::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::sleep;
use turmoil::net::TcpListener;
use turmoil::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{SEGMENT_BYTES, Wire, World, now};
use crate::heap::transfer;

/// One exchange as a host saw it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Served {
    /// When the request was there.
    pub at: Instant,
    /// Which host.
    pub host: String,
    /// The request's path and query.
    pub target: String,
    /// The request's `Range`.
    pub range: Option<String>,
    /// The response's status; that of the plan, even if the connection ended before the head.
    pub status: u16,
    /// Bytes of the body given to the connection.
    pub sent: u64,
    /// How it ended, and when; absent for one that the host never heard the end of.
    pub ended: Option<(Instant, Ended)>,
}

/// How an exchange ended for a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// All of the response is sent.
    Complete,
    /// As planned, in the middle.
    Cut(CutKind),
    /// The viewer hung up.
    HungUp,
}

/// What all hosts share.
pub(super) struct Hosts<O> {
    origin: RefCell<O>,
    wire: Rc<Wire>,
    bytes_per_second: u64,
    tick: Duration,
    /// When the link has carried all that was put on it.
    link_free: Cell<Instant>,
    served: RefCell<Vec<Served>>,
    connections: Cell<u32>,
}

impl<O: Origin + 'static> Hosts<O> {
    pub(super) fn new(origin: O, world: &World, wire: Rc<Wire>) -> Self {
        Self {
            origin: RefCell::new(origin),
            wire,
            bytes_per_second: world.link.bytes_per_second,
            tick: world.tick,
            link_free: Cell::new(Instant::ZERO),
            served: RefCell::default(),
            connections: Cell::new(0),
        }
    }

    pub(super) fn into_parts(self) -> (O, Vec<Served>, u32) {
        (self.origin.into_inner(), self.served.into_inner(), self.connections.get())
    }

    /// The host of this name, which is as URLs have it.
    pub(super) async fn run(self: Rc<Self>, name: String) -> turmoil::Result {
        let secure = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 443)).await?;
        let plain = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80)).await?;
        let mut connections = JoinSet::new();
        loop {
            let (stream, viewer) = select! {
                biased;
                accepted = secure.accept() => accepted?,
                accepted = plain.accept() => accepted?,
                // A connection that panicked ends the simulation.
                Some(ended) = connections.join_next() => {
                    ended?;
                    continue;
                }
            };
            self.connections.set(self.connections.get() + 1);
            let (reader, writer) = stream.into_split();
            let connection = Connection {
                hosts: self.clone(),
                host: name.clone(),
                viewer,
                reader,
                received: Vec::new(),
            };
            connections.spawn_local(connection.converse(writer));
        }
    }

    /// Carries out the plan for the exchange of this number, which was asked for `at` some time: how
    /// it ended, and whether the connection has to.
    async fn carry_out(
        &self,
        response: &Response,
        at: Instant,
        writer: &mut OwnedWriteHalf,
        n: usize,
    ) -> io::Result<(Ended, bool)> {
        let mut delivery = Delivery::new(response);
        let (mut out, mut segment) = (Vec::new(), Vec::new());
        let mut sent = 0;
        loop {
            let step = delivery.next(&mut out);
            let due = match step {
                Step::Send { due_us, .. } | Step::Cut { due_us, .. } => {
                    (at + Duration::from_micros(due_us)).max(self.carry(out.len()))
                }
                Step::Done { .. } => now(),
            };
            let is_full = (segment.len() + out.len()) as u64 > SEGMENT_BYTES;
            if is_full || out.is_empty() || self.is_later(due) {
                // Takes as long as the viewer's buffer is full.
                writer.write_all(&segment).await?;
                segment.clear();
                self.served.borrow_mut()[n].sent = sent;
            }
            if self.is_later(due) {
                sleep(due.since(now())).await;
            }
            match step {
                Step::Send { body, .. } => {
                    segment.append(&mut out);
                    sent += body as u64;
                }
                Step::Cut { how: CutKind::Stall, .. } => std::future::pending().await,
                Step::Cut { how, .. } => return Ok((Ended::Cut(how), true)),
                Step::Done { close } => return Ok((Ended::Complete, close)),
            }
        }
    }

    /// Puts so many bytes on the link; when it has carried them.
    fn carry(&self, bytes: usize) -> Instant {
        // Whoever waited for the link before has woken up to a millisecond late, in which the link
        // did not stand still.
        let woken_late_by = self.tick;
        let free = self.link_free.get();
        let since = if free + woken_late_by < now() { now() } else { free };
        self.link_free.set(since + transfer(bytes as u64, self.bytes_per_second));
        self.link_free.get()
    }

    /// Whether this is after the tick that is on. What is sent within a tick arrives together.
    fn is_later(&self, due: Instant) -> bool {
        let tick = u64::try_from(self.tick.as_micros()).unwrap_or(u64::MAX);
        due.as_micros() / tick > now().as_micros() / tick
    }
}

/// A connection to a host.
struct Connection<O> {
    hosts: Rc<Hosts<O>>,
    host: String,
    /// The other end.
    viewer: SocketAddr,
    reader: OwnedReadHalf,
    /// What has come and was not read as a request yet.
    received: Vec<u8>,
}

impl<O: Origin + 'static> Connection<O> {
    /// One exchange after the other, until either side is done.
    async fn converse(mut self, mut writer: OwnedWriteHalf) {
        while let Some(asked) = self.request().await {
            let (at, origin) = (now(), &self.hosts.origin);
            let response = origin.borrow_mut().respond(&Request {
                method: &asked.method,
                host: &self.host,
                target: &asked.target,
                range: asked.range.as_deref(),
                now_us: at.as_micros(),
            });
            let n = self.hosts.served.borrow().len();
            self.hosts.served.borrow_mut().push(Served {
                at,
                host: self.host.clone(),
                target: asked.target,
                range: asked.range,
                status: response.status,
                sent: 0,
                ended: None,
            });
            let hosts = self.hosts.clone();
            let carried_out = select! {
                biased;
                () = self.departure() => Err(io::ErrorKind::BrokenPipe.into()),
                carried_out = hosts.carry_out(&response, at, &mut writer, n) => carried_out,
            };
            let (ended, is_last) = carried_out.unwrap_or((Ended::HungUp, true));
            if ended == Ended::Cut(CutKind::Reset) {
                self.hosts.wire.resets.borrow_mut().insert(self.viewer);
            }
            self.hosts.served.borrow_mut()[n].ended = Some((now(), ended));
            if is_last || asked.last {
                return;
            }
        }
    }

    /// The next request; none when the viewer is done.
    async fn request(&mut self) -> Option<RequestHead> {
        loop {
            if !self.received.is_empty()
                && let Some((len, asked)) = RequestHead::parse(&self.received)
            {
                self.received.drain(..len);
                return Some(asked);
            }
            if !self.receive().await {
                return None;
            }
        }
    }

    /// Waits until the viewer hangs up.
    async fn departure(&mut self) {
        while self.receive().await {}
    }

    /// Waits for more bytes; false when none will come, or more than anybody has to say.
    async fn receive(&mut self) -> bool {
        let mut buf = [0; 4096];
        match self.reader.read(&mut buf).await {
            Ok(count @ 1..) => self.received.extend(&buf[..count]),
            Ok(0) | Err(_) => return false,
        }
        self.received.len() <= RequestHead::BYTES_MAX
    }
}
