//! One connection and the requests that it serves, one after the other: a future that resolves,
//! connects, shakes hands, asks, and hands over what comes. It never waits for what it was not
//! asked for: when a response has given all that it has, it rests until somebody needs more of it,
//! or brings another request.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{Read, Write};
use testcard_core::net::ExchangeError;
use testcard_core::time::{Clock, Instant};
use testcard_psp_trust::{Connection, Failure, Host};

use super::{Buffers, CONNECT_TIMEOUT, Desk, Origin, Shared, Task};
use crate::net::socket::Socket;
use crate::runtime::clock::ConsoleClock;

/// Serves requests with one host until its connection is of no more use.
pub(super) async fn serve(shared: Rc<Shared>, origin: Origin, next: Rc<Desk>) {
    let mut lease = Lease::take(&shared).await;
    // Whoever starts this has left a request.
    let mut request = next.take();
    while let Some(task) = request.take() {
        match connect(&shared, &origin, &mut lease, &next, &task).await {
            Ok(another) => request = another,
            Err(error) => task.response.borrow_mut().failed(error),
        }
    }
}

/// Opens a connection and serves `task` with it, and those after it. A request that comes when the
/// connection is of no more use is given back.
async fn connect(
    shared: &Rc<Shared>,
    origin: &Origin,
    lease: &mut Lease,
    next: &Desk,
    task: &Rc<Task>,
) -> Result<Option<Rc<Task>>, ExchangeError> {
    let host = Host::new(&origin.host)
        .map_err(|refusal| shared.note(origin, Failure::Refused(refusal)))?;
    let address = shared.resolver.address(&origin.host).await;
    let address = address.map_err(|_| ExchangeError::NameNotFound)?;
    let deadline = shared.clock.now() + CONNECT_TIMEOUT;
    let connecting = Socket::connect(shared.up, address, origin.port);
    let socket = within(shared.clock, deadline, connecting).await.and_then(|result| result);
    let socket = socket.inspect_err(|_| shared.resolver.forget(&origin.host))?;
    // How long that took, nobody else knows exactly.
    shared.entropy.borrow_mut().stir(b"connected");

    let mut wire = if origin.is_secure {
        let numbers = shared.entropy.borrow_mut().numbers();
        let (roots, now) = (&shared.roots, shared.clock.wall());
        let (read, write) = (&mut lease.read, &mut lease.write);
        let opening = Connection::open(&socket, read, write, host, roots, now, numbers);
        let opened = within(shared.clock, deadline, opening).await?;
        Wire::Secure(opened.map_err(|failure| shared.note(origin, failure))?)
    } else {
        Wire::Plain { socket: &socket, buffer: &mut lease.read, start: 0, end: 0 }
    };

    let mut task = task.clone();
    loop {
        let outcome = converse(&mut wire, &task, next).await;
        let (another, is_clean) = match outcome {
            Ok(Some(another)) => another,
            Ok(None) => return Ok(None),
            Err(failure) => {
                task.response.borrow_mut().failed(shared.note(origin, failure));
                return Ok(None);
            }
        };
        if !is_clean || !socket.is_quiet() {
            return Ok(Some(another));
        }
        task = another;
    }
}

/// Waits for what is to come by `deadline`.
async fn within<T>(
    clock: ConsoleClock,
    deadline: Instant,
    future: impl Future<Output = T>,
) -> Result<T, ExchangeError> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Ok(value)),
        Poll::Pending if clock.now() >= deadline => Poll::Ready(Err(ExchangeError::Unreachable)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Sends the request and hands over what comes, until another request is there, with whether
/// nothing is left of this one's response; or until the server has ended the connection.
async fn converse(
    wire: &mut Wire<'_>,
    task: &Task,
    next: &Desk,
) -> Result<Option<(Rc<Task>, bool)>, Failure> {
    wire.write_all(&task.head).await?;
    loop {
        let came = wire.fill().await?;
        if came.is_empty() {
            task.response.borrow_mut().ended();
            return Ok(None);
        }
        let (n, is_clean) = {
            let mut response = task.response.borrow_mut();
            let space = response.space();
            let n = came.len().min(space.len());
            space[..n].copy_from_slice(&came[..n]);
            response.filled(n);
            (n, n == came.len())
        };
        wire.consume(n);
        // Whoever polls again has used all that came, and needs more; or has another request.
        // Reading on before would wait for what nobody sends.
        pause().await;
        if let Some(another) = next.take() {
            return Ok(Some((another, is_clean)));
        }
    }
}

/// Lets whoever polls go on once.
async fn pause() {
    let mut polled = false;
    poll_fn(
        |_| if core::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

/// A connection, encrypted or not.
#[expect(clippy::large_enum_variant, reason = "it lies in its connection's future, on the heap")]
enum Wire<'a> {
    Secure(Connection<'a, &'a Socket>),
    Plain {
        socket: &'a Socket,
        buffer: &'a mut [u8],
        /// What came and was not used yet: `buffer[start..end]`.
        start: usize,
        end: usize,
    },
}

impl Wire<'_> {
    async fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Secure(connection) => connection.write_all(bytes).await,
            Self::Plain { socket, .. } => socket.write_all(bytes).await.map_err(Failure::Stream),
        }
    }

    /// What came and was not used yet, at least a byte; nothing at the end.
    async fn fill(&mut self) -> Result<&[u8], Failure> {
        match self {
            Self::Secure(connection) => connection.fill().await,
            Self::Plain { socket, buffer, start, end } => {
                if start == end {
                    let n = socket.read(buffer).await.map_err(Failure::Stream)?;
                    (*start, *end) = (0, n);
                }
                Ok(&buffer[*start..*end])
            }
        }
    }

    fn consume(&mut self, n: usize) {
        match self {
            Self::Secure(connection) => connection.consume(n),
            Self::Plain { start, end, .. } => *start = (*start + n).min(*end),
        }
    }
}

/// Buffers that go back when they are dropped.
struct Lease {
    read: Box<[u8]>,
    write: Box<[u8]>,
    lender: Rc<Shared>,
}

impl Lease {
    /// Waits until there are any. Connections that wait for a request give theirs up, the oldest
    /// first.
    async fn take(lender: &Rc<Shared>) -> Self {
        let Buffers { read, write } = poll_fn(|_| {
            if lender.buffers.borrow().is_empty() && !lender.idle.borrow().is_empty() {
                let oldest = lender.idle.borrow_mut().remove(0);
                drop(oldest);
            }
            match lender.buffers.borrow_mut().pop() {
                Some(buffers) => Poll::Ready(buffers),
                None => Poll::Pending,
            }
        })
        .await;
        Self { read, write, lender: lender.clone() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (read, write) = (core::mem::take(&mut self.read), core::mem::take(&mut self.write));
        self.lender.buffers.borrow_mut().push(Buffers { read, write });
    }
}
