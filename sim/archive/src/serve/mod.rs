//! The archive behind real sockets: a front and two nodes on ports of this machine, TLS with
//! certificates made at the start, and optionally a link that is as slow and as far away as asked.
//! For the window's offline mode, for tests over loopback and for trying other players.
//!
//! A thread for each connection, and two more when the link is shaped; so many and no more. What is
//! said is [`Archive`]'s business, and this module adds nothing to it.

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

pub use certificate::{Certificate, CertificateError};

use crate::archive::{Addresses, Archive, Role};
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
    /// Who was asked.
    pub role: Role,
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
        let role = match self.role {
            Role::Front => "front ".to_owned(),
            Role::Node(node) => format!("node {node}"),
        };
        let range = self.range.as_deref().unwrap_or("-");
        write!(
            f,
            "{seconds:>6}.{micros:06} {role} {} {} {range} → {}, {} bytes",
            self.method, self.target, self.status, self.sent
        )
    }
}

/// A running server. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    urls: Addresses,
    running: Option<Running>,
}

/// What every connection needs.
struct Shared {
    archive: Mutex<Archive>,
    started: Instant,
    options: Options,
    authority: Authority,
    link: Link,
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

impl Server {
    /// The most connections at a time; more are closed as they come.
    const CONNECTIONS_MAX: usize = 64;
    /// The most exchanges remembered.
    const EXCHANGES_MAX: usize = 1000;

    /// Starts serving, and tells the archive where its hosts are.
    pub fn start(mut archive: Archive, options: Options) -> io::Result<Self> {
        let authority = Authority::new(&options.certificate).map_err(io::Error::other)?;
        let listeners = (0..3)
            .map(|n| {
                let port = if options.port == 0 { 0 } else { options.port.saturating_add(n) };
                TcpListener::bind((options.address, port))
            })
            .collect::<io::Result<Vec<_>>>()?;
        let addresses =
            listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;

        let scheme = if options.tls { "https" } else { "http" };
        let url = |scheme, address: &SocketAddr| {
            format!("{scheme}://{}:{}", options.host, address.port())
        };
        let urls = Addresses {
            front: url(scheme, &addresses[0]),
            nodes: addresses[1..].iter().map(|address| url(scheme, address)).collect(),
            plain_node: url("http", &addresses[1]),
            ..Addresses::default()
        };
        archive.set_addresses(urls.clone());

        let shared = Arc::new(Shared {
            archive: Mutex::new(archive),
            started: Instant::now(),
            link: Link::new(options.rate, options.round_trip),
            options,
            authority,
            exchanges: Mutex::default(),
        });
        let running = Some(Running::start(&shared, listeners));
        Ok(Self { shared, addresses, urls, running })
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

    /// The archive, to change what goes wrong. No request is answered while this is held.
    pub fn archive(&self) -> MutexGuard<'_, Archive> {
        lock(&self.shared.archive)
    }

    /// The latest exchanges, oldest first, those under way included.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let exchanges = lock(&self.shared.exchanges);
        exchanges.iter().map(|(exchange, sent)| exchange.with_sent(sent)).collect()
    }

    /// Cuts every connection and refuses new ones, as if the cable had been pulled at the server's
    /// end.
    pub fn unplug(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(&self.addresses);
        }
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

impl Drop for Server {
    fn drop(&mut self) {
        self.unplug();
    }
}

impl Running {
    fn start(shared: &Arc<Shared>, listeners: Vec<TcpListener>) -> Self {
        let stop = Arc::new(Stop::default());
        let connections = Arc::<Mutex<Vec<Connected>>>::default();
        let roles = [Role::Front, Role::Node(0), Role::Node(1)];
        let accepting = listeners
            .into_iter()
            .zip(roles)
            .map(|(listener, role)| {
                let (shared, stop, connections) =
                    (shared.clone(), stop.clone(), connections.clone());
                thread::spawn(move || accept(&listener, role, &shared, &stop, &connections))
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

fn accept(
    listener: &TcpListener,
    role: Role,
    shared: &Arc<Shared>,
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
        if connections.len() < Server::CONNECTIONS_MAX {
            let socket = Arc::new(socket);
            connections.push(Connected {
                socket: Arc::downgrade(&socket),
                threads: connection::start(socket, role, shared, stop),
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

impl Shared {
    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Remembers an exchange; the counter is for the bytes of body.
    fn remember(&self, exchange: Exchange) -> Arc<AtomicU64> {
        let sent = Arc::<AtomicU64>::default();
        let mut exchanges = lock(&self.exchanges);
        if exchanges.len() == Server::EXCHANGES_MAX {
            exchanges.pop_front();
        }
        exchanges.push_back((exchange, sent.clone()));
        sent
    }
}

impl fmt::Debug for Shared {
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
