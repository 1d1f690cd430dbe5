//! A TCP connection that never waits, as embedded-io-async wants it: what cannot be done at once is
//! pending, and is done when somebody polls again. Nobody is woken, as the firmware tells nobody.

use core::future::poll_fn;
use core::task::Poll;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use psp::sys;
use testcard_core::net::ExchangeError;

use super::Up;
use super::inet::{self, errno};

/// An IPv4 address; the firmware knows no other.
pub type Address = [u8; 4];

/// An open socket.
pub struct Socket(i32);

impl Socket {
    /// Opens a connection.
    pub async fn connect(_: Up, address: Address, port: u16) -> Result<Self, ExchangeError> {
        // SAFETY: takes numbers.
        let socket = unsafe { sys::sceNetInetSocket(inet::AF_INET, inet::SOCK_STREAM, 0) };
        if socket < 0 {
            return Err(ExchangeError::Unreachable);
        }
        let socket = Self(socket);
        socket.set(inet::SOL_SOCKET, inet::SO_NONBLOCK, 1);
        // A request is one piece, and should go at once.
        socket.set(inet::IPPROTO_TCP, inet::TCP_NODELAY, 1);
        let to = name(address, port);
        let mut asked = false;
        poll_fn(|_| {
            // Only asking again tells whether it is open, as with BSD; before that whether it has
            // failed, as asking again would begin anew.
            if asked && let Some(error) = socket.failure() {
                return Poll::Ready(Err(connect_error(error)));
            }
            asked = true;
            // SAFETY: the address is as long as it says.
            let code = unsafe { sys::sceNetInetConnect(socket.0, &to, size_of_val(&to) as u32) };
            match if code < 0 { last_error() } else { 0 } {
                0 | errno::ISCONN => {
                    Poll::Ready(socket.failure().map_or(Ok(()), |error| Err(connect_error(error))))
                }
                errno::INPROGRESS | errno::ALREADY | errno::AGAIN => Poll::Pending,
                error => Poll::Ready(Err(connect_error(error))),
            }
        })
        .await?;
        Ok(socket)
    }

    /// Whether the peer has neither closed the connection nor said anything that nobody asked for.
    pub fn is_quiet(&self) -> bool {
        let mut byte = 0u8;
        // SAFETY: one byte is there to be written.
        let got = unsafe { sys::sceNetInetRecv(self.0, (&raw mut byte).cast(), 1, inet::MSG_PEEK) };
        got < 0 && last_error() == errno::AGAIN
    }

    fn set(&self, level: i32, option: i32, value: i32) {
        // An option that is refused costs speed, and nothing else: even a waiting socket of this
        // firmware says AGAIN when there is nothing.
        // SAFETY: the value is as long as it says.
        unsafe { inet::sceNetInetSetsockopt(self.0, level, option, &value, 4) };
    }

    fn failure(&self) -> Option<i32> {
        let (mut error, mut bytes) = (0, 4);
        // SAFETY: the value is as long as it says.
        let code = unsafe {
            inet::sceNetInetGetsockopt(
                self.0,
                inet::SOL_SOCKET,
                inet::SO_ERROR,
                &mut error,
                &mut bytes,
            )
        };
        (code >= 0 && error != 0).then_some(error)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { sys::sceNetInetClose(self.0) };
    }
}

/// The firmware's way to write an address: its own length, the family, then port and address as on
/// the wire.
fn name(address: Address, port: u16) -> sys::sockaddr {
    let mut data = [0; 14];
    data[..2].copy_from_slice(&port.to_be_bytes());
    data[2..6].copy_from_slice(&address);
    sys::sockaddr { sa_len: 16, sa_family: inet::AF_INET as u8, sa_data: data }
}

fn last_error() -> i32 {
    // SAFETY: only reads.
    unsafe { sys::sceNetInetGetErrno() }
}

fn connect_error(error: i32) -> ExchangeError {
    match error {
        errno::CONNREFUSED => ExchangeError::Refused,
        _ => ExchangeError::Unreachable,
    }
}

/// What the firmware says to reading or writing.
fn outcome(code: isize) -> Poll<Result<usize, ErrorKind>> {
    match usize::try_from(code) {
        Ok(n) => Poll::Ready(Ok(n)),
        Err(_) if last_error() == errno::AGAIN => Poll::Pending,
        Err(_) => Poll::Ready(Err(ErrorKind::ConnectionReset)),
    }
}

/// Reading and writing take nothing exclusively: the firmware sees to that.
impl ErrorType for &Socket {
    type Error = ErrorKind;
}

impl Read for &Socket {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            // SAFETY: the firmware writes no more than that.
            outcome(unsafe { sys::sceNetInetRecv(self.0, buf.as_mut_ptr().cast(), buf.len(), 0) })
        })
        .await
        .map(|n| n.min(buf.len()))
    }
}

impl Write for &Socket {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        let n = poll_fn(|_| {
            // SAFETY: the firmware reads no more than that.
            outcome(unsafe { sys::sceNetInetSend(self.0, buf.as_ptr().cast(), buf.len(), 0) })
        })
        .await?;
        if n == 0 && !buf.is_empty() { Err(ErrorKind::WriteZero) } else { Ok(n.min(buf.len())) }
    }

    /// What was written is on its way.
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
