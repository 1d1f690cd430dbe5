//! What the archive says to one request: a plan that a transport carries out. It opens no socket
//! and waits for nothing; where the plan says "after half a second" or "then reset the connection",
//! the transport does so in its own kind of time.

use std::fmt::Write;
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
    /// The most bytes of body a second; absent for as fast as the transport can.
    pub pace: Option<u64>,
    /// Where the response breaks off, if it does.
    pub cut: Option<Cut>,
}

/// How a body is marked on the wire (RFC 9112 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// By `Content-Length`.
    Length,
    /// In chunks; the transport adds the chunk headers.
    Chunked,
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

impl Response {
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
