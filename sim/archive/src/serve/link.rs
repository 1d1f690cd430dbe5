//! A link that is as slow and as far away as asked. It works on the bytes of a connection, below
//! TLS: what the server sends waits its turn at a bottleneck that all connections share, then half
//! a round trip; what the client sends waits half a round trip, and its first bytes a whole one more
//! for TCP's handshake, which the loopback device has done in no time.
//!
//! Not modelled: loss, and TCP's slow start. A lane holds about one bandwidth-delay product and at
//! least 64 KiB, so a client that stops reading soon stops the server.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{Stop, lock};

/// The link between the server and all its clients.
#[derive(Debug)]
pub(super) struct Link {
    rate: Option<u64>,
    round_trip: Duration,
    /// When the bottleneck has passed on all it was given.
    free_at: Mutex<Instant>,
}

impl Link {
    /// `rate` in bytes a second.
    pub(super) fn new(rate: Option<u64>, round_trip: Duration) -> Self {
        Self { rate, round_trip, free_at: Mutex::new(Instant::now()) }
    }

    /// Whether it changes nothing.
    fn is_ideal(&self) -> bool {
        self.rate.is_none() && self.round_trip.is_zero()
    }

    /// When bytes given to the bottleneck now will have reached the client.
    fn pass(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        let Some(rate) = self.rate else { return now + self.round_trip / 2 };
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
        let mut free_at = lock(&self.free_at);
        *free_at = (*free_at).max(now) + Duration::from_nanos(nanos as u64);
        *free_at + self.round_trip / 2
    }

    /// The most bytes under way on one connection.
    fn capacity(&self) -> usize {
        let product = match self.rate {
            Some(rate) => u128::from(rate) * self.round_trip.as_micros() / 1_000_000,
            // Without a bottleneck, as much as a well set-up host has in flight.
            None => 4 << 20,
        };
        usize::try_from(product).unwrap_or(usize::MAX).max(64 * 1024)
    }
}

/// The server's end of a connection.
pub(super) struct Wire {
    way: Way,
    /// A byte that was looked at and not yet read.
    peeked: Option<u8>,
}

enum Way {
    Direct(Arc<TcpStream>),
    Shaped { up: Arc<Lane>, down: Arc<Lane> },
}

impl Wire {
    /// How long a connection may be silent: nginx's own `keepalive_timeout`.
    const SILENCE_MAX: Duration = Duration::from_secs(75);

    /// The end of `socket` beyond the link, and the threads that carry bytes over.
    pub(super) fn new(
        socket: Arc<TcpStream>,
        link: &Arc<Link>,
        stop: &Arc<Stop>,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        socket.set_nodelay(true)?;
        // What a client does not read should stop us, not fill the kernel.
        SockRef::from(&*socket).set_send_buffer_size(64 * 1024)?;
        if link.is_ideal() {
            socket.set_read_timeout(Some(Self::SILENCE_MAX))?;
            return Ok((Self { way: Way::Direct(socket), peeked: None }, Vec::new()));
        }

        // The thread that reads looks up now and then whether the connection is over.
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let lane = || Arc::new(Lane::new(link.clone()));
        let (up, down) = (lane(), lane());
        let reading = {
            let (socket, up, down) = (socket.clone(), up.clone(), down.clone());
            thread::spawn(move || carry_up(&socket, &up, &down))
        };
        let writing = {
            let (down, stop) = (down.clone(), stop.clone());
            thread::spawn(move || carry_down(&socket, &down, &stop))
        };
        Ok((Self { way: Way::Shaped { up, down }, peeked: None }, vec![reading, writing]))
    }

    /// The next byte without reading it; none at the end.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.peeked.is_none() {
            let mut byte = [0];
            if self.read(&mut byte)? == 1 {
                self.peeked = Some(byte[0]);
            }
        }
        Ok(self.peeked)
    }

    /// Ends the connection when what was written has arrived, with a reset if so asked.
    pub(super) fn end(self, reset: bool) {
        match &self.way {
            Way::Direct(socket) if reset => reset_on_close(socket),
            // Fails when the client closed first.
            Way::Direct(socket) => drop(socket.shutdown(Shutdown::Write)),
            Way::Shaped { down, .. } => down.end(reset),
        }
    }
}

/// Without this, a connection ends when its wire is dropped all the same.
impl Drop for Wire {
    fn drop(&mut self) {
        if let Way::Shaped { up, down } = &self.way {
            up.end(false);
            down.end(false);
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let (Some(byte), Some(first)) = (self.peeked, buf.first_mut()) {
            *first = byte;
            self.peeked = None;
            return Ok(1);
        }
        match &self.way {
            Way::Direct(socket) => (&**socket).read(buf),
            Way::Shaped { up, .. } => up.read(buf, Instant::now() + Self::SILENCE_MAX),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &self.way {
            Way::Direct(socket) => (&**socket).write(buf),
            Way::Shaped { down, .. } => down.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what the client sends, and lets it reach the server half a round trip later.
fn carry_up(socket: &TcpStream, up: &Lane, down: &Lane) {
    let link = &up.link;
    // A real client would have sent its first bytes when the handshake was over.
    let handshake = Instant::now() + link.round_trip;
    let mut buf = vec![0; 16 * 1024];
    while !down.is_delivered() {
        match (&*socket).read(&mut buf) {
            Ok(0) => break,
            Ok(count) => {
                let due = Instant::now().max(handshake) + link.round_trip / 2;
                if up.push(&buf[..count], |_| due).is_err() {
                    break;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {}
                io::ErrorKind::Interrupted => {}
                _ => break,
            },
        }
    }
    up.end(false);
}

/// Writes what the server sent when it is due.
fn carry_down(mut socket: &TcpStream, down: &Lane, stop: &Stop) {
    while let Some((due, bytes)) = down.take() {
        if stop.wait_until(due) || socket.write_all(&bytes).is_err() {
            down.delivered();
            return;
        }
        down.arrived(bytes.len());
    }
    if down.is_reset() {
        reset_on_close(socket);
    } else {
        // Fails when the client closed first.
        let _ = socket.shutdown(Shutdown::Write);
    }
    down.delivered();
}

/// Closing this socket will reset the connection.
fn reset_on_close(socket: &TcpStream) {
    // Fails when the peer already did it.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Bytes under way in one direction.
struct Lane {
    link: Arc<Link>,
    state: Mutex<LaneState>,
    changed: Condvar,
}

#[derive(Default)]
struct LaneState {
    /// With the moment at which they arrive, ascending.
    queue: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// Nothing more will be pushed.
    ended: bool,
    reset: bool,
    /// Nothing more will be taken.
    delivered: bool,
}

impl Lane {
    /// The most bytes that pass the bottleneck as one: a few packets.
    const STEP: usize = 4096;

    fn new(link: Arc<Link>) -> Self {
        Self { link, state: Mutex::default(), changed: Condvar::new() }
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let count = buf.len().min(Self::STEP);
        self.push(&buf[..count], |count| self.link.pass(count))?;
        Ok(count)
    }

    /// Adds bytes when there is room, due at the moment that `due` says then.
    fn push(&self, bytes: &[u8], due: impl FnOnce(usize) -> Instant) -> io::Result<()> {
        let capacity = self.link.capacity();
        let mut state = lock(&self.state);
        while state.bytes >= capacity && !state.delivered && !state.ended {
            state = self.wait(state);
        }
        if state.delivered || state.ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.bytes += bytes.len();
        state.queue.push_back((due(bytes.len()), bytes.to_vec()));
        self.changed.notify_all();
        Ok(())
    }

    /// Takes bytes that have arrived, waiting for some until `deadline`. None at the end.
    fn read(&self, buf: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            let ended = state.ended;
            let next = match state.queue.front_mut() {
                Some((due, bytes)) if *due <= now => {
                    let count = buf.len().min(bytes.len());
                    buf[..count].copy_from_slice(&bytes[..count]);
                    bytes.drain(..count);
                    if bytes.is_empty() {
                        state.queue.pop_front();
                    }
                    state.bytes -= count;
                    self.changed.notify_all();
                    return Ok(count);
                }
                Some((due, _)) => *due,
                None if ended => return Ok(0),
                None if deadline <= now => return Err(io::ErrorKind::TimedOut.into()),
                None => deadline,
            };
            let waited = self.changed.wait_timeout(state, next.saturating_duration_since(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the bytes that arrive next, before they do; waits for some. They count as under way
    /// until they are said to have [`arrived`](Self::arrived). None at the end.
    fn take(&self) -> Option<(Instant, Vec<u8>)> {
        let mut state = lock(&self.state);
        loop {
            if let Some(front) = state.queue.pop_front() {
                return Some(front);
            }
            if state.ended {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn arrived(&self, count: usize) {
        lock(&self.state).bytes -= count;
        self.changed.notify_all();
    }

    fn end(&self, reset: bool) {
        let mut state = lock(&self.state);
        state.ended = true;
        state.reset |= reset;
        self.changed.notify_all();
    }

    /// Says that nothing more will be taken. What is left, if anything, is lost.
    fn delivered(&self) {
        lock(&self.state).delivered = true;
        self.changed.notify_all();
    }

    fn is_delivered(&self) -> bool {
        lock(&self.state).delivered
    }

    fn is_reset(&self) -> bool {
        lock(&self.state).reset
    }

    fn wait<'a>(&self, state: MutexGuard<'a, LaneState>) -> MutexGuard<'a, LaneState> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}
