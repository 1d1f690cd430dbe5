//! A look at the head of every record before embedded-tls gets it, so that only those come through
//! that have a place there (RFC 8446 §5). Never looks into a record.
//!
//! embedded-tls would otherwise: panic on an encrypted record too short to hold anything, which
//! anyone on the way can send; take a plain-text alert for the end of an encrypted connection, and
//! a film cut short for a whole one; and panic on a plain-text handshake message after the
//! handshake.

use embedded_io::{Error as _, ErrorKind, ErrorType};
use embedded_io_async::{Read, Write};

/// Kinds of records (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// An encrypted record is at least a byte that says what it holds, and 16 that authenticate it.
const ENCRYPTED_MIN: usize = 17;

/// The longest record (RFC 8446 §5.2): 2^14 bytes, and 256 for padding and authentication.
pub(crate) const RECORD_MAX: usize = (1 << 14) + 256;

/// A byte stream that yields well-ordered TLS 1.3 records from a server, or an error.
#[derive(Debug)]
pub(crate) struct Records<S> {
    stream: S,
    phase: Phase,
    head: [u8; 5],
    head_len: usize,
    /// Bytes of the record that are still to come.
    body_left: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The server's hello is to come, or an alert instead.
    Hello,
    /// It came; from now on records are encrypted but for one that means nothing.
    Hidden,
    /// An encrypted record came.
    Encrypted,
}

impl<S> Records<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, phase: Phase::Hello, head: [0; 5], head_len: 0, body_left: 0 }
    }

    /// Whether a record with this head may come now.
    fn admit(&mut self) -> Result<(), BadRecord> {
        let len = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
        self.phase = match (self.phase, self.head[0], len) {
            (Phase::Hello, HANDSHAKE, 1..=RECORD_MAX) => Phase::Hidden,
            (Phase::Hello, ALERT, 2) => Phase::Hello,
            // For middleboxes (RFC 8446 §D.4).
            (Phase::Hidden, CHANGE_CIPHER_SPEC, 1) => Phase::Hidden,
            (Phase::Hidden | Phase::Encrypted, APPLICATION_DATA, ENCRYPTED_MIN..=RECORD_MAX) => {
                Phase::Encrypted
            }
            _ => return Err(BadRecord),
        };
        (self.head_len, self.body_left) = (0, len);
        Ok(())
    }
}

/// A record came that has no place there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct BadRecord;

impl<S> ErrorType for Records<S> {
    /// [`ErrorKind::InvalidData`] is our own, [`ErrorKind::ConnectionReset`] a stream that has
    /// ended without a word: with TLS that is a cut connection.
    type Error = ErrorKind;
}

impl<S: Read> Read for Records<S> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        // Never reads past what is known of the record.
        let most = if self.body_left > 0 { self.body_left } else { 5 - self.head_len };
        let most = most.min(buf.len());
        if most == 0 {
            return Ok(0);
        }
        let n = self.stream.read(&mut buf[..most]).await.map_err(|error| error.kind())?;
        if n == 0 {
            return Err(ErrorKind::ConnectionReset);
        }
        let n = n.min(most);
        if self.body_left > 0 {
            self.body_left -= n;
        } else {
            self.head[self.head_len..self.head_len + n].copy_from_slice(&buf[..n]);
            self.head_len += n;
            if self.head_len == 5 {
                self.admit().map_err(|BadRecord| ErrorKind::InvalidData)?;
            }
        }
        Ok(n)
    }
}

impl<S: Write> Write for Records<S> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        self.stream.write(buf).await.map_err(|error| error.kind())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.stream.flush().await.map_err(|error| error.kind())
    }
}
