//! A desktop's side of [`testcard_core::net::Network`]: HTTP/1.1 over TLS, by ureq on rustls.
//!
//! Every exchange runs on a thread of its own, because ureq blocks; at most [`MAX_THREADS`] are
//! alive and later exchanges wait for one. Body bytes come back through a bounded queue of recycled
//! chunks: an exchange that nobody polls stops reading after [`CHUNKS`] of them, and TCP does the
//! rest. Dropping an exchange shuts its socket down, which wakes a thread blocked in a read.
//!
//! Connections whose response was read to its end are kept and used again, as a TLS handshake costs
//! two round trips. Environment variables never choose a proxy: what the TV reaches depends on its
//! arguments alone.
//!
//! This crate never follows a redirect, never retries, never decodes a content coding, and never
//! gives up on a silent peer once connected: how long to wait is decided in `testcard_core`.

mod connector;
mod pin;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use testcard_core::net::{ExchangeError, ExchangePoll, Head, Network, Request, Url};
use ureq::config::Config;
use ureq::http;

use self::connector::{Names, SecureConnector, SocketConnector};
pub use self::pin::{Pin, PinError};

/// The most exchanges under way at a time. One viewer needs two: what is on, and what is next.
pub const MAX_THREADS: usize = 8;

/// How many chunks of a body may wait to be polled; with [`CHUNK_BYTES`], 256 KiB per exchange.
pub const CHUNKS: usize = 16;

/// The size of a chunk: the largest piece that TLS hands out (RFC 8446 §5.1).
pub const CHUNK_BYTES: usize = 16 * 1024;

/// What we tell a server about us. archive.org asks for a descriptive name and a version.
pub const USER_AGENT: &str = concat!(
    "testcard/",
    env!("CARGO_PKG_VERSION"),
    " (a TV set for the Internet Archive's films; one viewer, one media connection at a time)"
);

/// How long a connection attempt may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. nginx closes its end after 75 s by default.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Called when [`Network::poll`] has something new to say. Runs on an exchange's thread, so it
/// should do no more than wake the thread that polls.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// How to reach others.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Certificate authorities to trust besides Mozilla's: any number of PEM certificates, or none
    /// at all when empty.
    pub extra_ca: Vec<u8>,
    /// Where hosts are that the system need not be asked for. Their certificates must be good for
    /// the name in the URL all the same.
    pub pinned: Vec<Pin>,
}

/// The network, as ureq and rustls reach it. `https:` to anywhere, `http:` to this machine only.
pub struct Https {
    agent: ureq::Agent,
    pinned: Arc<[Pin]>,
    threads: Arc<Mutex<Threads>>,
    waker: Waker,
}

impl Https {
    /// A network like that, which calls `waker` when there is something to poll for.
    ///
    /// # Errors
    /// When [`Options::extra_ca`] is not empty and holds something else than usable certificates.
    pub fn new(options: Options, waker: Waker) -> Result<Self, ExtraCaError> {
        let tls = SecureConnector::new(Arc::new(tls_config(&options.extra_ca)?));
        let pinned: Arc<[Pin]> = options.pinned.into();
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_response_header_size(Head::MAX_BYTES)
            // A head must fit the input buffer as a whole.
            .input_buffer_size(2 * Head::MAX_BYTES)
            .output_buffer_size(CHUNK_BYTES)
            .max_idle_connections(MAX_THREADS)
            .max_idle_connections_per_host(2)
            .max_idle_age(IDLE_TIMEOUT)
            .build();
        use ureq::unversioned::transport::Connector;
        let agent = ureq::Agent::with_parts(
            config,
            SocketConnector::default().chain(tls),
            Names::new(pinned.clone()),
        );
        Ok(Self { agent, pinned, threads: Arc::default(), waker })
    }
}

fn tls_config(extra_ca: &[u8]) -> Result<ClientConfig, ExtraCaError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if !extra_ca.is_empty() {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(extra_ca) {
            let certificate = certificate.map_err(|_| ExtraCaError)?;
            roots.add(certificate).map_err(|_| ExtraCaError)?;
        }
        if roots.len() == before {
            return Err(ExtraCaError);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        // The provider is a constant that supports both versions.
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A file given as an extra certificate authority holds no usable PEM certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExtraCaError;

impl fmt::Display for ExtraCaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the extra certificate authority is not a PEM certificate")
    }
}

impl std::error::Error for ExtraCaError {}

impl Network for Https {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let shared = Arc::new(Shared::new(self.waker.clone()));
        if speaks_safely(&request.url, &self.pinned) {
            let job = Job { request: request.clone(), shared: shared.clone() };
            Threads::run(&self.threads, &self.agent, job);
        } else {
            shared.finish(Some(ExchangeError::Tls));
        }
        Exchange { shared, chunk: None }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        exchange.poll(buf)
    }
}

/// Whether an exchange with this URL is encrypted or never leaves this machine.
///
/// A pin does not make another's name one of this machine, and must not lead one of this machine's
/// names elsewhere.
fn speaks_safely(url: &Url, pinned: &[Pin]) -> bool {
    match (url.scheme(), url.host_str(), url.port_or_known_default()) {
        ("https", ..) => true,
        ("http", Some(host), Some(port)) => {
            let named_local = matches!(host, "localhost" | "[::1]")
                || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
            let pinned = Pin::find(pinned, host, port);
            named_local && pinned.is_none_or(|address| address.ip().is_loopback())
        }
        _ => false,
    }
}

/// One exchange under way; see [`Network::Exchange`].
pub struct Exchange {
    shared: Arc<Shared>,
    /// The chunk being handed out.
    chunk: Option<Chunk>,
}

impl Exchange {
    /// Bytes received from the socket for this exchange so far: TLS, heads and body, whether polled
    /// or not.
    pub fn bytes_received(&self) -> u64 {
        self.shared.bytes_received.load(Ordering::Relaxed)
    }

    fn poll(&mut self, buf: &mut [u8]) -> ExchangePoll {
        if self.chunk.is_none() {
            let mut state = self.shared.lock();
            if let Some(head) = state.head.take() {
                return ExchangePoll::Head(head);
            }
            self.chunk = state.full.pop_front();
            if self.chunk.is_none() {
                return match state.outcome {
                    None => ExchangePoll::Pending,
                    Some(Ok(())) => ExchangePoll::End,
                    Some(Err(error)) => ExchangePoll::Failed(error),
                };
            }
        }
        let Some(chunk) = &mut self.chunk else { return ExchangePoll::Pending };
        let unread = &chunk.bytes[chunk.start..chunk.end];
        let n = unread.len().min(buf.len());
        if n == 0 {
            return ExchangePoll::Pending;
        }
        buf[..n].copy_from_slice(&unread[..n]);
        chunk.start += n;
        if chunk.start == chunk.end
            && let Some(chunk) = self.chunk.take()
        {
            self.shared.recycle(chunk.bytes);
        }
        ExchangePoll::Body(n)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.shared.cancel();
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("bytes_received", &self.bytes_received())
            .finish_non_exhaustive()
    }
}

/// Body bytes on their way from an exchange's thread to its owner: `bytes[start..end]`, never empty.
struct Chunk {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// What an exchange's thread and its owner share.
struct Shared {
    state: Mutex<State>,
    /// Signalled when a chunk was returned, or the exchange cancelled.
    room: Condvar,
    bytes_received: AtomicU64,
    waker: Waker,
}

struct State {
    head: Option<Head>,
    full: VecDeque<Chunk>,
    spare: Vec<Box<[u8]>>,
    /// Chunks that exist, at most [`CHUNKS`]. Made as they are first needed: most responses are
    /// redirects.
    made: usize,
    /// Set once, by the thread, after everything before it.
    outcome: Option<Result<(), ExchangeError>>,
    cancelled: bool,
    /// The head says in two ways where the body ends. What we take for its end, the server may take
    /// for its middle.
    distrusted: bool,
    socket: Option<connector::Socket>,
}

impl Shared {
    fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::new(State {
                head: None,
                full: VecDeque::with_capacity(CHUNKS),
                spare: Vec::with_capacity(CHUNKS),
                made: 0,
                outcome: None,
                cancelled: false,
                distrusted: false,
                socket: None,
            }),
            room: Condvar::new(),
            bytes_received: AtomicU64::new(0),
            waker,
        }
    }

    /// No code that can panic runs under this lock, so what it guards is whole even if poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recycle(&self, bytes: Box<[u8]>) {
        self.lock().spare.push(bytes);
        self.room.notify_one();
    }

    fn cancel(&self) {
        let socket = {
            let mut state = self.lock();
            state.cancelled = true;
            state.socket.take()
        };
        if let Some(socket) = socket {
            socket.shut_down();
        }
        self.room.notify_one();
    }

    fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Names the socket that [`Shared::cancel`] must shut down. False when it is too late for that.
    fn attach(&self, socket: &connector::Socket) -> bool {
        let mut state = self.lock();
        if !state.cancelled {
            state.socket = Some(socket.clone());
        }
        !state.cancelled
    }

    /// Sees to it that no other exchange gets the socket after this one.
    fn distrust(&self) {
        self.lock().distrusted = true;
    }

    /// Forgets the socket, before it goes back to where another exchange may take it. False when no
    /// other may: it has been shut down, or is not trusted.
    fn detach(&self) -> bool {
        let mut state = self.lock();
        state.socket = None;
        !state.cancelled && !state.distrusted
    }

    fn publish_head(&self, head: Head) {
        self.lock().head = Some(head);
        (self.waker)();
    }

    /// Waits for a chunk to read into; `None` when the exchange was cancelled.
    fn spare_chunk(&self) -> Option<Box<[u8]>> {
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return None;
            }
            if let Some(bytes) = state.spare.pop() {
                return Some(bytes);
            }
            if state.made < CHUNKS {
                state.made += 1;
                return Some(vec![0; CHUNK_BYTES].into_boxed_slice());
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands over `bytes[..end]`, and with it the outcome when the body ends there.
    fn publish_body(
        &self,
        bytes: Box<[u8]>,
        end: usize,
        outcome: Option<Result<(), ExchangeError>>,
    ) {
        {
            let mut state = self.lock();
            state.full.push_back(Chunk { bytes, start: 0, end });
            state.outcome = outcome;
        }
        (self.waker)();
    }

    /// Ends the exchange, unless it has ended already.
    fn finish(&self, error: Option<ExchangeError>) {
        {
            let mut state = self.lock();
            state.outcome.get_or_insert(error.map_or(Ok(()), Err));
        }
        (self.waker)();
    }
}

/// An exchange that has not started.
struct Job {
    request: Request,
    shared: Arc<Shared>,
}

/// The threads that are alive, and what waits for one of them.
#[derive(Default)]
struct Threads {
    alive: usize,
    waiting: VecDeque<Job>,
}

impl Threads {
    fn lock(threads: &Mutex<Self>) -> MutexGuard<'_, Self> {
        threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `job` on a new thread or, with all of them busy, on the next that is done.
    fn run(threads: &Arc<Mutex<Self>>, agent: &ureq::Agent, job: Job) {
        let mut this = Self::lock(threads);
        // Whoever zaps through the channels leaves a trail of exchanges that nobody waits for.
        this.waiting.retain(|job| !job.shared.is_cancelled());
        this.waiting.push_back(job);
        if this.alive == MAX_THREADS {
            return;
        }
        let (threads, agent) = (threads.clone(), agent.clone());
        let spawned = thread::Builder::new().name("exchange".into()).spawn(move || {
            while let Some(job) = Self::next(&threads) {
                job.run(&agent);
            }
        });
        match spawned {
            Ok(_) => this.alive += 1,
            // The system has no thread to spare: wait for one of ours, if there is any.
            Err(_) if this.alive > 0 => {}
            Err(_) => {
                let stranded = std::mem::take(&mut this.waiting);
                drop(this);
                for job in stranded {
                    job.shared.finish(Some(ExchangeError::Unreachable));
                }
            }
        }
    }

    /// The next job for a thread, or `None` to end it.
    fn next(threads: &Mutex<Self>) -> Option<Job> {
        let mut this = Self::lock(threads);
        while let Some(job) = this.waiting.pop_front() {
            if !job.shared.is_cancelled() {
                return Some(job);
            }
        }
        this.alive -= 1;
        None
    }
}

impl Job {
    fn run(self, agent: &ureq::Agent) {
        log::debug!("{} {}: asked", self.host(), self.request.url.path());
        connector::set_current(Some(self.shared.clone()));
        // Should ureq panic over what a server sent, the exchange must still come to an end.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.exchange(agent)))
            .unwrap_or(Err(ExchangeError::Protocol));
        connector::set_current(None);
        self.shared.detach();
        if let Err(error) = outcome
            && !self.shared.is_cancelled()
        {
            log::debug!("{}: {error}", self.host());
        }
        self.shared.finish(outcome.err());
    }

    fn host(&self) -> &str {
        self.request.url.host_str().unwrap_or_default()
    }

    fn exchange(&self, agent: &ureq::Agent) -> Result<(), ExchangeError> {
        let mut request = agent.get(self.request.url.as_str());
        if let Some(range) = self.request.range {
            request = request.header(http::header::RANGE, range.to_string());
        }
        let response = request.call().map_err(|error| {
            // In the system's words, which the error that goes up does without.
            if let ureq::Error::Io(error) = &error {
                log::debug!("{}: {error}", self.host());
            }
            exchange_error(&error)
        })?;
        let (head, body) = response.into_parts();
        if head.headers.len() > Head::MAX_HEADERS {
            return Err(ExchangeError::Protocol);
        }
        let head = head_from(&head);
        log::debug!("{}: answered {}", self.host(), head.status);
        let is_coded = head.header("transfer-encoding").is_some();
        let length = head.content_length();
        if is_coded && length.is_some() {
            self.shared.distrust();
        }
        // What a coding marks the end of has no length of its own (RFC 9112 §6.3).
        let promised = length.filter(|_| !is_coded);
        self.shared.publish_head(head);

        let mut body = body.into_reader();
        let mut received = 0u64;
        while let Some(mut bytes) = self.shared.spare_chunk() {
            let n = match body.read(&mut bytes) {
                Ok(n) => n,
                Err(error) => return Err(body_error(error)),
            };
            if n == 0 {
                return Ok(());
            }
            received += n as u64;
            // Nothing is left to wait for: let ureq put the connection back before anyone can see
            // the last byte and drop the exchange, which would close it.
            let outcome = (promised == Some(received))
                .then(|| body.read(&mut [0]).map(|_| ()).map_err(body_error));
            self.shared.publish_body(bytes, n, outcome);
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
        Err(ExchangeError::Disconnected)
    }
}

/// Status and headers, grouped by name where a name occurs twice: ureq keeps no more than that.
fn head_from(parts: &http::response::Parts) -> Head {
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Head { status: parts.status.as_u16(), headers }
}

fn exchange_error(error: &ureq::Error) -> ExchangeError {
    match error {
        ureq::Error::HostNotFound => ExchangeError::NameNotFound,
        ureq::Error::Io(error) => io_error(error),
        ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => ExchangeError::Unreachable,
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => ExchangeError::Tls,
        ureq::Error::BodyStalled => ExchangeError::Disconnected,
        _ => ExchangeError::Protocol,
    }
}

fn body_error(error: io::Error) -> ExchangeError {
    exchange_error(&ureq::Error::from(error))
}

fn io_error(error: &io::Error) -> ExchangeError {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                ExchangeError::Certificate
            }
            _ => ExchangeError::Tls,
        };
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ExchangeError::Refused,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::TimedOut => ExchangeError::Unreachable,
        _ => ExchangeError::Disconnected,
    }
}
