//! The receiving side of one exchange.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use core::fmt;

use super::Malformed;
use super::framing::{self, Framing};
use crate::net::{ExchangeError, ExchangePoll, Head};

/// The most interim responses (1xx, RFC 9110 §15.2) skipped before the one that counts. None was
/// asked for; Go's client takes five.
const INTERIM_MAX: u32 = 5;

/// One response on its way in: bytes of the stream go in through [`Response::space`], what they mean
/// comes out of [`Response::poll`].
pub struct Response {
    buffer: Box<[u8]>,
    /// What has come and was not used yet: `buffer[start..end]`.
    start: usize,
    end: usize,
    stream: Stream,
    state: State,
    /// Whether what has come of the response allows for another one after it.
    keeps: bool,
}

/// What is known of the stream beyond the buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stream {
    Open,
    Ended,
    Failed(ExchangeError),
}

#[derive(Debug)]
enum State {
    Head {
        /// Of the bytes in the buffer, so many were found not to be a whole head.
        examined: usize,
        /// Interim responses skipped.
        interim: u32,
    },
    Body(Framing),
    Over(Result<(), ExchangeError>),
}

impl Default for Response {
    fn default() -> Self {
        Self::new()
    }
}

impl Response {
    /// What a response holds of its stream: the longest head, and two of the largest pieces that
    /// TLS hands out (RFC 8446 §5.1).
    pub const BUFFER_BYTES: usize = Head::MAX_BYTES;

    /// A response of which nothing has come. Allocates [`Response::BUFFER_BYTES`], and later only
    /// the [`Head`].
    pub fn new() -> Self {
        Self {
            buffer: vec![0; Self::BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            stream: Stream::Open,
            state: State::Head { examined: 0, interim: 0 },
            keeps: false,
        }
    }

    /// Where the next bytes of the stream belong. Empty while there is no room for them, and once
    /// the response is over: then leave them where they are.
    pub fn space(&mut self) -> &mut [u8] {
        if matches!(self.state, State::Over(_)) || self.stream != Stream::Open {
            return &mut [];
        }
        // Moving no more than was used before keeps this cheap however little is used at a time.
        if self.end - self.start <= self.start {
            self.move_to_front();
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes of the stream were written to the start of [`Response::space`].
    pub fn filled(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.buffer.len());
    }

    /// The peer has ended the stream in order: with TLS by a `close_notify`. An end without that is
    /// a cut connection, [`ExchangeError::Disconnected`], as anyone on the way could have made it.
    pub fn ended(&mut self) {
        if self.stream == Stream::Open {
            self.stream = Stream::Ended;
        }
    }

    /// The stream brings nothing more, for this reason. What it brought before still counts.
    pub fn failed(&mut self, why: ExchangeError) {
        if self.stream == Stream::Open {
            self.stream = Stream::Failed(why);
        }
    }

    /// What the exchange has to say, as [`crate::net::Network::poll`] promises it. After
    /// [`ExchangePoll::Pending`] it has nothing else to say before [`Response::filled`],
    /// [`Response::ended`] or [`Response::failed`] was called; with an empty `buf` there is never
    /// any [`ExchangePoll::Body`].
    pub fn poll(&mut self, buf: &mut [u8]) -> ExchangePoll {
        if let State::Head { .. } = self.state {
            match self.head() {
                Ok(Some(head)) => return ExchangePoll::Head(head),
                Ok(None) => {}
                Err(Malformed) => self.state = State::Over(Err(ExchangeError::Protocol)),
            }
        }
        if let State::Body(_) = self.state {
            match self.body(buf) {
                Ok(0) => {}
                Ok(n) => return ExchangePoll::Body(n),
                Err(Malformed) => self.state = State::Over(Err(ExchangeError::Protocol)),
            }
        }
        match self.state {
            State::Over(Ok(())) => ExchangePoll::End,
            State::Over(Err(why)) => ExchangePoll::Failed(why),
            State::Head { .. } | State::Body(_) => ExchangePoll::Pending,
        }
    }

    /// Whether the stream can carry another exchange: the response is complete, even if its
    /// [`ExchangePoll::End`] was not polled for, nothing has come after it, and neither side has said
    /// that it closes the connection.
    pub fn is_reusable(&self) -> bool {
        matches!(self.state, State::Over(Ok(())))
            && self.keeps
            && self.start == self.end
            && self.stream == Stream::Open
    }

    /// The head, once all of it has come; interim ones before it are skipped.
    fn head(&mut self) -> Result<Option<Head>, Malformed> {
        while let State::Head { examined, interim } = &mut self.state {
            let came = &self.buffer[self.start..self.end];
            let parsed = if came.len() > *examined { parse_head(came)? } else { None };
            let Some((len, minor_version, head)) = parsed else {
                // The buffer is as long as a head may be.
                if came.len() == Head::MAX_BYTES {
                    return Err(Malformed);
                }
                *examined = came.len();
                match self.stream {
                    Stream::Open => {}
                    Stream::Ended => self.state = State::Over(Err(ExchangeError::Disconnected)),
                    Stream::Failed(why) => self.state = State::Over(Err(why)),
                }
                return Ok(None);
            };
            self.start += len;
            if matches!(head.status, 100 | 102..=199) {
                *examined = 0;
                *interim += 1;
                if *interim > INTERIM_MAX {
                    return Err(Malformed);
                }
                // A head has the whole buffer to itself.
                self.move_to_front();
                continue;
            }
            let (framing, keeps) = framing::of(minor_version, &head)?;
            self.keeps = keeps;
            self.state = match framing {
                Framing::Length(0) => State::Over(Ok(())),
                framing => State::Body(framing),
            };
            return Ok(Some(head));
        }
        Ok(None)
    }

    /// Moves what there is of the body to `buf`, and notices its end.
    fn body(&mut self, buf: &mut [u8]) -> Result<usize, Malformed> {
        let State::Body(framing) = &mut self.state else { return Ok(0) };
        let came = &self.buffer[self.start..self.end];
        let (used, written) = match framing {
            Framing::Chunked(chunked) => chunked.decode(came, buf)?,
            Framing::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let n = copy(&came[..came.len().min(most)], buf);
                *left -= n as u64;
                (n, n)
            }
            Framing::UntilClose => {
                let n = copy(came, buf);
                (n, n)
            }
        };
        let is_drained = used == came.len();
        self.start += used;
        let outcome = match (framing, self.stream) {
            (Framing::Length(0), _) => Some(Ok(())),
            (Framing::Chunked(chunked), _) if chunked.is_at_end() => Some(Ok(())),
            (_, Stream::Open) => None,
            // How the stream ended counts once all that it brought was handed over.
            _ if !is_drained || written > 0 => None,
            (Framing::Chunked(chunked), _) if chunked.is_body_complete() => Some(Ok(())),
            (Framing::UntilClose, Stream::Ended) => Some(Ok(())),
            (_, Stream::Ended) => Some(Err(ExchangeError::Disconnected)),
            (_, Stream::Failed(why)) => Some(Err(why)),
        };
        if let Some(outcome) = outcome {
            self.state = State::Over(outcome);
        }
        Ok(written)
    }

    fn move_to_front(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("buffered", &(self.end - self.start))
            .field("stream", &self.stream)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Copies as much of `from` as fits to the start of `to`.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}

/// The head at the start of `bytes`, its length and its minor version; `None` when more has to come.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, u8, Head)>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; Head::MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) = response.parse(bytes).map_err(|_| Malformed)? else {
        return Ok(None);
    };
    let (Some(minor_version), Some(status @ 100..=999)) = (response.version, response.code) else {
        return Err(Malformed);
    };
    let headers = response
        .headers
        .iter()
        .map(|field| (field.name.to_string(), String::from_utf8_lossy(field.value).into_owned()))
        .collect();
    Ok(Some((len, minor_version, Head { status, headers })))
}
