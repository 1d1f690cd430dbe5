//! Sockets and TLS for ureq, so that an exchange can be cancelled while its thread is blocked.
//!
//! ureq shares one pool of connections between all exchanges and does not say which of them uses
//! which socket. A thread runs one exchange at a time, so the thread knows: each read and write
//! first names its socket to the exchange of [its thread](set_current), which shuts the socket down
//! when it is cancelled. Before ureq gives a connection back to its pool it asks whether it is still
//! open; there the socket leaves the exchange again.
//!
//! This builds on `ureq::unversioned`, which is why the workspace pins ureq to one version.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::{CONNECT_TIMEOUT, Pin, Shared};

thread_local! {
    static CURRENT: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// Says which exchange this thread runs from now on.
pub(super) fn set_current(exchange: Option<Arc<Shared>>) {
    CURRENT.set(exchange);
}

/// What `ask` says of this thread's exchange, or `true` when it has none.
fn current(ask: impl FnOnce(&Shared) -> bool) -> bool {
    CURRENT.with_borrow(|exchange| exchange.as_ref().is_none_or(|exchange| ask(exchange)))
}

/// A socket that can be shut down from another thread, without keeping it open.
#[derive(Clone, Debug)]
pub(super) struct Socket(Weak<TcpStream>);

impl Socket {
    /// Ends whatever read or write is blocked on the socket.
    pub(super) fn shut_down(&self) {
        if let Some(stream) = self.0.upgrade() {
            // It fails when the peer was faster, which is just as well.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Finds addresses: those that are pinned, then those that the system knows. Says so plainly when
/// there are none.
#[derive(Debug)]
pub(super) struct Names {
    pinned: Arc<[Pin]>,
    system: DefaultResolver,
}

impl Names {
    pub(super) fn new(pinned: Arc<[Pin]>) -> Self {
        Self { pinned, system: DefaultResolver::default() }
    }

    fn pinned(&self, uri: &Uri) -> Option<SocketAddr> {
        let default_port = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        Pin::find(&self.pinned, uri.host()?, uri.port_u16().unwrap_or(default_port))
    }
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        if let Some(address) = self.pinned(uri) {
            let mut addresses = self.empty();
            addresses.push(address);
            return Ok(addresses);
        }
        // No timeout: with one, ureq looks the name up on yet another thread and abandons it. The
        // system's resolver has a timeout of its own.
        let patience = NextTimeout {
            after: ureq::unversioned::transport::time::Duration::NotHappening,
            ..NextTimeout::default()
        };
        self.system.resolve(uri, config, patience).map_err(|error| match error {
            Error::Io(_) => Error::HostNotFound,
            error => error,
        })
    }
}

/// Opens TCP connections whose exchange can shut them down.
#[derive(Debug, Default)]
pub(super) struct SocketConnector(());

impl Connector for SocketConnector {
    type Out = SocketTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<SocketTransport>, Error> {
        let stream = connect_any(&details.addrs, details.timeout)?;
        stream.set_nodelay(true)?;
        let config = details.config;
        Ok(Some(SocketTransport {
            stream: Arc::new(stream),
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

/// Tries one address after the other, each for its share of the time that is left.
fn connect_any(addresses: &[SocketAddr], timeout: NextTimeout) -> Result<TcpStream, Error> {
    let deadline = Instant::now() + CONNECT_TIMEOUT.min(*timeout.after);
    let mut failure = Error::HostNotFound;
    for (i, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - i).unwrap_or(u32::MAX);
        if share.is_zero() || !current(|exchange| !exchange.is_cancelled()) {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Error::Io(error),
        }
    }
    Err(failure)
}

/// A TCP connection, between ureq or TLS and the socket.
pub(super) struct SocketTransport {
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
}

impl SocketTransport {
    fn claim(&self) -> Result<(), Error> {
        let socket = Socket(Arc::downgrade(&self.stream));
        if current(|exchange| exchange.attach(&socket)) {
            Ok(())
        } else {
            Err(io::Error::from(io::ErrorKind::NotConnected).into())
        }
    }

    /// Lets a read or write end by the deadline for connecting, the only one there is.
    fn limit(&self, timeout: NextTimeout) -> io::Result<()> {
        let limit = timeout.not_zero().map(|after| *after);
        if self.stream.read_timeout()? != limit {
            self.stream.set_read_timeout(limit)?;
            self.stream.set_write_timeout(limit)?;
        }
        Ok(())
    }
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.claim()?;
        self.limit(timeout)?;
        let output = &self.buffers.output()[..amount];
        (&*self.stream).write_all(output).map_err(|error| socket_error(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.claim()?;
        self.limit(timeout)?;
        let input = self.buffers.input_append_buf();
        let n = loop {
            match (&*self.stream).read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(|error| socket_error(error, timeout))?,
            }
        };
        self.buffers.input_appended(n);
        current(|exchange| {
            exchange.bytes_received.fetch_add(n as u64, Ordering::Relaxed);
            true
        });
        Ok(n > 0)
    }

    fn is_open(&mut self) -> bool {
        current(Shared::detach) && is_quiet(&self.stream)
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketTransport").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// ureq takes a reset for the end of a body whose length is unknown; to us it is a cut connection.
fn socket_error(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            io::Error::new(io::ErrorKind::BrokenPipe, error).into()
        }
        _ => error.into(),
    }
}

/// Whether the peer has neither closed the connection nor said anything that nobody asked for.
fn is_quiet(stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return false;
    }
    let quiet = matches!(
        stream.peek(&mut [0]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock
    );
    stream.set_nonblocking(false).is_ok() && quiet
}

/// Wraps connections to `https:` URLs in TLS.
pub(super) struct SecureConnector {
    config: Arc<ClientConfig>,
}

impl SecureConnector {
    pub(super) fn new(config: Arc<ClientConfig>) -> Self {
        Self { config }
    }
}

impl Connector<SocketTransport> for SecureConnector {
    type Out = Either<SocketTransport, SecureTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<SocketTransport>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(socket) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(socket)));
        }
        let host = details.uri.host().unwrap_or_default();
        let name = ServerName::try_from(host.trim_matches(['[', ']']))
            .map_err(|_| Error::Tls("not a name that a certificate can carry"))?
            .to_owned();
        let mut tls = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let mut socket = TransportAdapter::new(socket, details.current_time.clone());
        socket.set_timeout(details.timeout);
        tls.complete_io(&mut socket)?;
        let config = details.config;
        Ok(Some(Either::B(SecureTransport {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: StreamOwned::new(tls, socket),
        })))
    }
}

impl fmt::Debug for SecureConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureConnector").finish_non_exhaustive()
    }
}

/// A TLS connection over a socket.
pub(super) struct SecureTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter<SocketTransport>>,
}

impl Transport for SecureTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        self.stream.flush()?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let n = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(n);
        Ok(n > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for SecureTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureTransport").field("socket", self.stream.sock.get_ref()).finish()
    }
}
