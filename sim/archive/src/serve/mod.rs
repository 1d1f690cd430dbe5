//! An [`Origin`] behind real sockets: TLS with certificates made at the start, and optionally a link
//! that is as slow and as far away as asked. The archive has a port of this machine for its front and
//! each of its nodes; anything else has one port for all its hosts, and the request says which is
//! meant. For the window's offline mode, for tests over loopback and for trying other players.
//!
//! A thread for each connection, and two more when the link is shaped; so many and no more. What is
//! said is the origin's business, and this module adds nothing to it.

mod certificate;
mod connection;
mod link;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use certificate::{Certificate, CertificateError, Flaw};

use crate::archive::{Addresses, Archive, Origin};
use certificate::Authority;
use link::Link;

/// How to serve.
pub struct Options {
    /// The address to listen on.
    pub address: IpAddr,
    /// The host that URLs name; one that leads to `address`.
    pub host: String,
    /// The front's port; the nodes get the next two. 0 for any three.
    pub port: u16,
    /// Whether URLs are https. Every port takes TLS and plain HTTP all the same: the first byte
    /// tells.
    pub tls: bool,
    /// What the hosts show for a certificate.
    pub certificate: Certificate,
    /// Bytes a second that all connections together receive; absent for no limit.
    pub rate: Option<u64>,
    /// Time that a question and its answer spend on the way, also those of TCP's handshake.
    pub round_trip: Duration,
    /// How many times faster than real the origin's time runs, at least 1: the times of its plans,
    /// and the time it is told. The link's time is always real.
    pub speed: u32,
    /// Is told of every exchange when it is over.
    pub on_exchange: Option<OnExchange>,
}

/// Is called on the connection's thread, which goes on when it returns.
pub type OnExchange = Box<dyn Fn(&Exchange) + Send + Sync>;

impl Default for Options {
    /// https on any ports of 127.0.0.1, unshaped.
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: "127.0.0.1".to_owned(),
            port: 0,
            tls: true,
            certificate: Certificate::default(),
            rate: None,
            round_trip: Duration::ZERO,
            speed: 1,
            on_exchange: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("rate", &self.rate)
            .field("round_trip", &self.round_trip)
            .finish_non_exhaustive()
    }
}

/// One exchange as the server saw it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// Microseconds from the server's start to the request.
    pub at_us: u64,
    /// Who was asked: host, and port unless it is the scheme's own.
    pub host: String,
    /// The request's method.
    pub method: String,
    /// The request's path and query.
    pub target: String,
    /// The request's `Range`.
    pub range: Option<String>,
    /// The request's `User-Agent`.
    pub user_agent: Option<String>,
    /// The response's status; that of the plan, even if the connection ended before the head.
    pub status: u16,
    /// Bytes of the body given to the connection so far. Those on their way to the client are among
    /// them: about one bandwidth-delay product, or 64 KiB, and what the kernel holds.
    pub sent: u64,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.at_us / 1_000_000, self.at_us % 1_000_000);
        let range = self.range.as_deref().unwrap_or("-");
        write!(
            f,
            "{seconds:>6}.{micros:06} {} {} {} {range} → {}, {} bytes",
            self.method, self.host, self.target, self.status, self.sent
        )
    }
}

/// A running server. Stops when dropped.
pub struct Server<O = Archive> {
    shared: Arc<Shared<O>>,
    addresses: Vec<SocketAddr>,
    urls: Addresses,
    running: Option<Running>,
}

/// What every connection needs.
struct Shared<O> {
    origin: Mutex<O>,
    started: Instant,
    options: Options,
    authority: Authority,
    link: Arc<Link>,
    /// What each listener is called in URLs; absent where the request says so.
    hosts: Vec<Option<String>>,
    exchanges: Mutex<VecDeque<(Exchange, Arc<AtomicU64>)>>,
}

/// From plugging in to unplugging.
#[derive(Debug)]
struct Running {
    stop: Arc<Stop>,
    accepting: Vec<JoinHandle<()>>,
    connections: Arc<Mutex<Vec<Connected>>>,
}

#[derive(Debug)]
struct Connected {
    socket: Weak<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

/// Tells every thread to end, and wakes those that wait for a time to come.
#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

/// The most connections at a time; more are closed as they come.
const CONNECTIONS_MAX: usize = 64;
/// The most exchanges remembered.
const EXCHANGES_MAX: usize = 1000;

impl Server {
    /// Starts to serve the archive, and tells it where its hosts are.
    pub fn start(mut archive: Archive, options: Options) -> io::Result<Self> {
        let (listeners, addresses) = listen(&options, 3)?;
        let scheme = if options.tls { "https" } else { "http" };
        let hosts: Vec<_> =
            addresses.iter().map(|at| format!("{}:{}", options.host, at.port())).collect();
        let url = |scheme, host: &String| format!("{scheme}://{host}");
        let urls = Addresses {
            front: url(scheme, &hosts[0]),
            nodes: hosts[1..].iter().map(|host| url(scheme, host)).collect(),
            plain_node: url("http", &hosts[1]),
            ..Addresses::default()
        };
        archive.set_addresses(urls.clone());
        let hosts = hosts.into_iter().map(Some).collect();
        Self::run(archive, options, listeners, addresses, hosts, urls)
    }

    /// The archive, to change what goes wrong. No request is answered while this is held.
    pub fn archive(&self) -> MutexGuard<'_, Archive> {
        lock(&self.shared.origin)
    }
}

impl<O: Origin + Send + 'static> Server<O> {
    /// Starts to serve an origin whose hosts are all at one address and port: those that the
    /// certificate is for.
    pub fn start_by_name(origin: O, options: Options) -> io::Result<Self> {
        let (listeners, addresses) = listen(&options, 1)?;
        let scheme = if options.tls { "https" } else { "http" };
        let front = format!("{scheme}://{}:{}", options.host, addresses[0].port());
        let urls = Addresses { front, nodes: Vec::new(), ..Addresses::default() };
        Self::run(origin, options, listeners, addresses, vec![None], urls)
    }

    fn run(
        origin: O,
        options: Options,
        listeners: Vec<TcpListener>,
        addresses: Vec<SocketAddr>,
        hosts: Vec<Option<String>>,
        urls: Addresses,
    ) -> io::Result<Self> {
        let authority = Authority::new(&options.certificate).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            origin: Mutex::new(origin),
            started: Instant::now(),
            link: Arc::new(Link::new(options.rate, options.round_trip)),
            options,
            authority,
            hosts,
            exchanges: Mutex::default(),
        });
        let running = Some(Running::start(&shared, listeners));
        Ok(Self { shared, addresses, urls, running })
    }

    /// Where the listeners are.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// URLs of the front and the nodes, without a slash at the end.
    pub fn urls(&self) -> &Addresses {
        &self.urls
    }

    /// The front's URL, to use in place of `https://archive.org`.
    pub fn url(&self) -> &str {
        &self.urls.front
    }

    /// The certificate to trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.shared.authority.ca_pem
    }

    /// The same certificate as DER.
    pub fn ca_der(&self) -> &[u8] {
        &self.shared.authority.ca_der
    }

    /// The latest exchanges, oldest first, those under way included.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = lock(&self.shared.exchanges);
        exchanges.iter().map(|(exchange, sent)| exchange.with_sent(sent)).collect()
    }

    /// Serves again on the same ports. Tokens, faults and the archive's clock have gone on.
    pub fn plug_in(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            let listeners =
                self.addresses.iter().map(TcpListener::bind).collect::<io::Result<Vec<_>>>()?;
            self.running = Some(Running::start(&self.shared, listeners));
        }
        Ok(())
    }
}

impl<O> Server<O> {
    /// Cuts every connection and refuses new ones, as if the cable had been pulled at the server's
    /// end.
    pub fn unplug(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(&self.addresses);
        }
    }
}

impl<O> Drop for Server<O> {
    fn drop(&mut self) {
        self.unplug();
    }
}

impl<O> fmt::Debug for Server<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Listens on so many ports.
fn listen(options: &Options, count: u16) -> io::Result<(Vec<TcpListener>, Vec<SocketAddr>)> {
    let listeners = (0..count)
        .map(|n| {
            let port = if options.port == 0 { 0 } else { options.port.saturating_add(n) };
            TcpListener::bind((options.address, port))
        })
        .collect::<io::Result<Vec<_>>>()?;
    let addresses =
        listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    Ok((listeners, addresses))
}

impl Running {
    fn start<O: Origin + Send + 'static>(
        shared: &Arc<Shared<O>>,
        listeners: Vec<TcpListener>,
    ) -> Self {
        let stop = Arc::new(Stop::default());
        let connections = Arc::<Mutex<Vec<Connected>>>::default();
        let accepting = listeners
            .into_iter()
            .enumerate()
            .map(|(n, listener)| {
                let (shared, stop, connections) =
                    (shared.clone(), stop.clone(), connections.clone());
                thread::spawn(move || accept(&listener, n, &shared, &stop, &connections))
            })
            .collect();
        Self { stop, accepting, connections }
    }

    fn end(self, addresses: &[SocketAddr]) {
        self.stop.set();
        for address in addresses {
            // A thread that waits for a connection wakes up by getting one. Should that fail, it
            // ended already.
            let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
            let to = if address.ip().is_unspecified() { loopback } else { *address };
            drop(TcpStream::connect(to));
        }
        for thread in self.accepting {
            join(thread);
        }
        let connections = std::mem::take(&mut *lock(&self.connections));
        for connection in &connections {
            connection.cut();
        }
        for thread in connections.into_iter().flat_map(|connection| connection.threads) {
            join(thread);
        }
    }
}

fn accept<O: Origin + Send + 'static>(
    listener: &TcpListener,
    n: usize,
    shared: &Arc<Shared<O>>,
    stop: &Arc<Stop>,
    connections: &Mutex<Vec<Connected>>,
) {
    for socket in listener.incoming() {
        if stop.is_set() {
            return;
        }
        // A connection that was given up before it was accepted.
        let Ok(socket) = socket else { continue };
        let mut connections = lock(connections);
        connections.retain(|connection| !connection.threads.iter().all(JoinHandle::is_finished));
        if connections.len() < CONNECTIONS_MAX {
            let socket = Arc::new(socket);
            connections.push(Connected {
                socket: Arc::downgrade(&socket),
                threads: connection::start(socket, n, shared, stop),
            });
        }
    }
}

impl Connected {
    fn cut(&self) {
        if let Some(socket) = self.socket.upgrade() {
            // Fails when the peer has already closed.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Exchange {
    fn with_sent(&self, sent: &AtomicU64) -> Self {
        Self { sent: sent.load(Ordering::Relaxed), ..self.clone() }
    }
}

impl<O> Shared<O> {
    /// The origin's time.
    fn now_us(&self) -> u64 {
        let real = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        real.saturating_mul(self.options.speed.max(1).into())
    }

    /// When it is `us` later in the origin's time than at `since`.
    fn later(&self, since: Instant, us: u64) -> Instant {
        since + Duration::from_micros(us / u64::from(self.options.speed.max(1)))
    }

    /// Remembers an exchange; the counter is for the bytes of body.
    fn remember(&self, exchange: Exchange) -> Arc<AtomicU64> {
        let sent = Arc::<AtomicU64>::default();
        let mut exchanges = lock(&self.exchanges);
        if exchanges.len() == EXCHANGES_MAX {
            exchanges.pop_front();
        }
        exchanges.push_back((exchange, sent.clone()));
        sent
    }
}

impl<O> fmt::Debug for Shared<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Stop {
    fn set(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Waits until then or until told to stop. Returns whether told to stop.
    fn wait_until(&self, when: Instant) -> bool {
        let mut stopped = lock(&self.stopped);
        while !*stopped {
            let left = when.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(stopped, left);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// What is behind these locks is whole after every statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn join(thread: JoinHandle<()>) {
    // A thread that panicked has printed why.
    let _ = thread.join();
}
