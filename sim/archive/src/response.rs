//! What the archive says to one request: a plan that a transport carries out. It opens no socket
//! and waits for nothing; where the plan says "after half a second" or "then reset the connection",
//! the transport does so in its own kind of time.

use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use crate::film::VirtualFilm;

/// A plan for one response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names and values in the order and the case in which they are sent, including those
    /// that frame the body.
    pub headers: Vec<(String, String)>,
    /// How the body is marked on the wire.
    pub framing: Framing,
    /// The body, its parts in order, without any transfer coding.
    pub body: Vec<Segment>,
    /// Microseconds to wait before the head.
    pub delay_us: u64,
    /// How fast the body comes.
    pub pace: Pace,
    /// Where the response breaks off, if it does.
    pub cut: Option<Cut>,
}

/// How fast a body comes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Pace {
    /// As fast as the transport can.
    #[default]
    Free,
    /// At no more than so many bytes a second, at least 1.
    Rate(u64),
    /// At these very times, and over at `end_us` after the request.
    Times {
        /// Runs of pieces, in order. What the body has beyond them comes with the last.
        runs: Vec<Run>,
        /// When the body's end, or its cut, comes: microseconds after the request.
        end_us: u64,
    },
}

impl Pace {
    /// The most bytes a second, if that is the limit.
    pub fn rate(&self) -> Option<u64> {
        match self {
            Self::Rate(rate) => Some(*rate),
            Self::Free | Self::Times { .. } => None,
        }
    }
}

/// Pieces of a body at equal intervals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// When the first comes, microseconds after the request.
    pub first_us: u64,
    /// From one to the next.
    pub every_us: u64,
    /// How many.
    pub times: u32,
    /// Bytes of each.
    pub bytes: u32,
}

/// How a body is marked on the wire (RFC 9112 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// By `Content-Length`.
    Length,
    /// In chunks; the transport adds the chunk headers.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// There is none: the answer to a HEAD.
    Empty,
}

/// A part of a body.
#[derive(Clone, Debug)]
pub enum Segment {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes of a film.
    Film {
        /// The film.
        film: Arc<VirtualFilm>,
        /// Offsets within it.
        range: Range<u64>,
    },
    /// Bytes from somewhere else.
    Other {
        /// Where from.
        source: Arc<dyn Source>,
        /// How many.
        len: u64,
    },
}

/// Bytes that are made when they are asked for.
pub trait Source: fmt::Debug + Send + Sync {
    /// Copies bytes from `offset` on. Returns how many: as many as `buf` holds or there are.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize;
}

/// Where a response breaks off, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cut {
    /// After this many bytes of the body; absent for before the head.
    pub after: Option<u64>,
    /// What happens then.
    pub how: CutKind,
}

/// How a response breaks off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CutKind {
    /// The connection is closed in good order: a short body.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more comes, and the connection stays open.
    Stall,
}

impl fmt::Display for CutKind {
    /// `close`, `reset` or `stall`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "close",
            Self::Reset => "reset",
            Self::Stall => "stall",
        })
    }
}

impl Response {
    /// No answer at all: the connection ends this way before the head.
    pub fn unanswered(how: CutKind) -> Self {
        Self {
            status: 404,
            headers: Vec::new(),
            framing: Framing::Empty,
            body: Vec::new(),
            delay_us: 0,
            pace: Pace::Free,
            cut: Some(Cut { after: None, how }),
        }
    }

    /// The first header of that name, case ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Bytes of the whole body, as if it were not cut.
    pub fn body_len(&self) -> u64 {
        self.body.iter().map(Segment::len).sum()
    }

    /// Copies bytes of the body from `offset` on. Returns how many: as many as `buf` holds or the
    /// body has. The cut is not considered.
    pub fn read_body(&self, mut offset: u64, buf: &mut [u8]) -> usize {
        let mut done = 0;
        for segment in &self.body {
            if offset < segment.len() && done < buf.len() {
                done += segment.read_at(offset, &mut buf[done..]);
                offset = 0;
            } else {
                offset = offset.saturating_sub(segment.len());
            }
        }
        done
    }

    /// The status line and the headers as HTTP/1.1 sends them, with the empty line.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("a String takes everything");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Segment {
    /// Bytes of this part.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Film { range, .. } => range.end - range.start,
            Self::Other { len, .. } => *len,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let count = buf.len().min(usize::try_from(self.len() - offset).unwrap_or(usize::MAX));
        let buf = &mut buf[..count];
        match self {
            Self::Bytes(bytes) => {
                buf.copy_from_slice(&bytes[offset as usize..][..count]);
                count
            }
            Self::Film { film, range } => film.read_at(range.start + offset, buf),
            Self::Other { source, .. } => source.read_at(offset, buf),
        }
    }
}

/// The reason phrase of a status, as nginx writes it.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        410 => "Gone",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Unknown",
    }
}
