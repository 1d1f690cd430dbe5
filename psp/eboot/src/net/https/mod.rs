//! The PSP's side of [`testcard_core::net::Network`]: HTTP/1.1 over TLS 1.3 over the firmware's
//! sockets, by `testcard_core::http1` and `testcard_psp_trust`.
//!
//! An exchange is a future that resolves, connects, shakes hands, asks and reads. Polling the
//! exchange polls the future once; nobody wakes it, and there is no thread. An exchange that nobody
//! polls reads nothing, and TCP's window closes. Dropping it closes its connection.
//!
//! At most [`CONNECTIONS_MAX`] connections exist at a time, because their records' buffers do, from
//! the start; an exchange beyond that waits for one. A connection whose response was read to its
//! end is kept for the next exchange with the same host: a handshake takes a PSP a quarter of a
//! second.
//!
//! Never follows a redirect, never retries, never gives up on a silent peer once connected: how
//! long to wait is decided in `testcard_core`. There is no way to skip the verification of a
//! certificate.
//!
//! Made and polled by one thread.

mod line;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;

use testcard_core::http1::{self, Response};
use testcard_core::net::{ExchangeError, ExchangePoll, Network, Request, Url};
use testcard_core::time::{Clock, Instant};
use testcard_psp_trust::{Failure, READ_BUFFER_BYTES, Roots, WRITE_BUFFER_BYTES};

use super::resolver::Resolver;
use super::{Entropy, Up};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::log;

/// The most connections at a time: what is on, what is next, and one being closed.
pub const CONNECTIONS_MAX: usize = 3;

/// What the buffers of all connections take, in bytes. A response takes
/// [`Response::BUFFER_BYTES`] more.
pub const BUFFERS_BYTES: usize = CONNECTIONS_MAX * (READ_BUFFER_BYTES + WRITE_BUFFER_BYTES);

/// What we tell a server about us. archive.org asks for a descriptive name and a version.
pub const USER_AGENT: &str = concat!(
    "testcard/",
    env!("CARGO_PKG_VERSION"),
    " (a TV set for the Internet Archive's films, on a PSP; one viewer, one media connection at a \
     time)"
);

/// How long opening a connection may take, TLS included, names not. As on a desktop.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. nginx closes its end after 75 s by default.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The network. `https:` to anywhere, `http:` to this machine only.
pub struct Https(Rc<Shared>);

/// What every exchange needs.
struct Shared {
    up: Up,
    resolver: Resolver,
    roots: Roots,
    entropy: RefCell<Entropy>,
    clock: ConsoleClock,
    buffers: RefCell<Vec<Buffers>>,
    /// Connections that wait for a request, the oldest first.
    idle: RefCell<Vec<Idle>>,
    trouble: RefCell<Option<Trouble>>,
}

/// A connection's buffers.
struct Buffers {
    read: Box<[u8]>,
    write: Box<[u8]>,
}

/// Why a server was not trusted, or could not be understood.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The server's host, as the URL names it.
    pub host: String,
    /// What was wrong.
    pub failure: Failure,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.failure)
    }
}

impl Https {
    /// A network that trusts `roots` at the time that `clock` shows. Allocates the buffers of all
    /// connections.
    pub fn new(
        up: Up,
        resolver: Resolver,
        roots: Roots,
        entropy: Entropy,
        clock: ConsoleClock,
    ) -> Self {
        let buffers = || Buffers {
            read: alloc::vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            write: alloc::vec![0; WRITE_BUFFER_BYTES].into_boxed_slice(),
        };
        Self(Rc::new(Shared {
            up,
            resolver,
            roots,
            entropy: RefCell::new(entropy),
            clock,
            buffers: RefCell::new((0..CONNECTIONS_MAX).map(|_| buffers()).collect()),
            idle: RefCell::new(Vec::with_capacity(CONNECTIONS_MAX)),
            trouble: RefCell::new(None),
        }))
    }

    /// The last trouble with a server's certificate or with TLS, once: what
    /// [`ExchangeError::Certificate`] and [`ExchangeError::Tls`] do not say.
    pub fn take_trouble(&self) -> Option<Trouble> {
        self.0.trouble.take()
    }

    /// Closes what is not in use. For when the network is gone, and all connections with it.
    pub fn hang_up(&self) {
        self.0.idle.borrow_mut().clear();
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        // They hold what holds them.
        self.hang_up();
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").field("idle", &self.0.idle.borrow().len()).finish_non_exhaustive()
    }
}

impl Network for Https {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let line = Origin::of(&request.url).ok_or(ExchangeError::Tls).map(|origin| {
            let task = Rc::new(Task::new(request));
            let mut line = self.0.take_idle(&origin).unwrap_or_else(|| {
                let next = Rc::new(Desk::default());
                let future = line::serve(self.0.clone(), origin.clone(), next.clone());
                Line { origin, next, task: task.clone(), future: Some(Box::pin(future)) }
            });
            line.next.replace(Some(task.clone()));
            line.task = task;
            line
        });
        Exchange { shared: self.0.clone(), line: Some(line), has_head: false }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        exchange.poll(buf)
    }
}

/// Whom a connection is with.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Origin {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Origin {
    /// Absent for an exchange that would be neither encrypted nor within this machine.
    fn of(url: &Url) -> Option<Self> {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let is_local = || {
            matches!(host, "localhost" | "[::1]")
                || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        };
        let is_secure = match url.scheme() {
            "https" => true,
            "http" if is_local() => false,
            _ => return None,
        };
        Some(Self { host: host.to_string(), port, is_secure })
    }
}

/// One exchange under way; see [`Network::Exchange`].
pub struct Exchange {
    shared: Rc<Shared>,
    /// The connection, or why there is none. Absent only while it is being dropped.
    line: Option<Result<Line, ExchangeError>>,
    has_head: bool,
}

/// A connection, and the future that serves it until it is over.
struct Line {
    origin: Origin,
    /// Where the future finds its next request.
    next: Rc<Desk>,
    task: Rc<Task>,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

/// Where a request is put for a connection to take.
type Desk = RefCell<Option<Rc<Task>>>;

/// A connection that waits for a request.
struct Idle {
    line: Line,
    since: Instant,
}

/// A request, and what has come of its response.
struct Task {
    head: Vec<u8>,
    response: RefCell<Response>,
}

impl Task {
    fn new(request: &Request) -> Self {
        let mut head = Vec::with_capacity(512);
        http1::write_request(request, USER_AGENT, &mut head);
        Self { head, response: RefCell::new(Response::new()) }
    }
}

impl Exchange {
    fn poll(&mut self, buf: &mut [u8]) -> ExchangePoll {
        let line = match &mut self.line {
            Some(Ok(line)) => line,
            Some(Err(error)) => return ExchangePoll::Failed(*error),
            None => return ExchangePoll::Failed(ExchangeError::Disconnected),
        };
        let mut said = line.task.response.borrow_mut().poll(buf);
        // With no room for a body, its bytes are no reason to fetch more.
        let wants_more = !(self.has_head && buf.is_empty());
        if said == ExchangePoll::Pending
            && wants_more
            && let Some(future) = &mut line.future
        {
            if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                // Closes the connection, and frees its buffers.
                line.future = None;
            }
            said = line.task.response.borrow_mut().poll(buf);
        }
        self.has_head |= matches!(said, ExchangePoll::Head(_));
        said
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(Ok(line)) = self.line.take()
            && line.future.is_some()
            && line.task.response.borrow().is_reusable()
        {
            let since = self.shared.clock.now();
            self.shared.idle.borrow_mut().push(Idle { line, since });
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("has_head", &self.has_head).finish_non_exhaustive()
    }
}

impl Shared {
    /// A connection with that host that waits, if there is one. Those that have waited for too long
    /// are closed.
    fn take_idle(&self, origin: &Origin) -> Option<Line> {
        let now = self.clock.now();
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| now.since(idle.since) < IDLE_TIMEOUT);
        let at = idle.iter().rposition(|idle| idle.line.origin == *origin)?;
        Some(idle.remove(at).line)
    }

    /// Notes what [`ExchangeError`] has no words for.
    fn note(&self, origin: &Origin, failure: Failure) -> ExchangeError {
        let trouble = Trouble { host: origin.host.clone(), failure };
        log::line(format_args!("{trouble}"));
        if !matches!(failure, Failure::Stream(_)) {
            self.trouble.replace(Some(trouble));
        }
        failure.exchange_error()
    }
}
