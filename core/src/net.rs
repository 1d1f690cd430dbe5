//! One HTTP exchange: a request out, a head and a body back. This is the whole contract between the
//! TV and a network, and it never follows a redirect, never retries and never blocks: what to do
//! about a 302, a 401 or a cut connection is decided in [`crate::stream`], once for every driver.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
pub use url::Url;

/// What a driver gives the TV to reach the network with.
pub trait Network {
    /// One exchange under way. Dropping it cancels it: the driver closes the connection unless the
    /// body had been read to its end.
    type Exchange;

    /// Starts an exchange and returns at once. Failing to even start shows up in the first
    /// [`Network::poll`].
    fn open(&mut self, request: &Request) -> Self::Exchange;

    /// Says what has happened since the last call, without waiting. In order: [`ExchangePoll::Head`]
    /// once, [`ExchangePoll::Body`] any number of times, then [`ExchangePoll::End`] or
    /// [`ExchangePoll::Failed`], which every later call repeats. [`ExchangePoll::Pending`] at any
    /// point before that.
    ///
    /// Not polling is the back-pressure: a driver buffers a bounded amount and then lets TCP's
    /// window close.
    fn poll(&mut self, exchange: &mut Self::Exchange, buf: &mut [u8]) -> ExchangePoll;
}

/// What an exchange has to say when polled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExchangePoll {
    /// Nothing new.
    Pending,
    /// The response's status line and headers.
    Head(Head),
    /// So many bytes (at least one) of the body were written to the start of the caller's buffer,
    /// any transfer coding removed.
    Body(usize),
    /// The peer says that the body is complete. Whether it is as long as promised is for the caller
    /// to check.
    End,
    /// The exchange is over without a complete response.
    Failed(ExchangeError),
}

/// Why an exchange ended without a complete response.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeError {
    /// The host's name has no address, or nobody could be asked.
    NameNotFound,
    /// The host refused the connection.
    Refused,
    /// No way to the host: no route, no interface, or no answer to the connection attempt in time.
    Unreachable,
    /// The host's certificate is not one we trust for its name at this time.
    Certificate,
    /// TLS failed for another reason than the certificate.
    Tls,
    /// The connection was cut before the response was complete.
    Disconnected,
    /// What came back is not HTTP, or a head beyond [`Head::MAX_BYTES`].
    Protocol,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameNotFound => "the host's name could not be found",
            Self::Refused => "the host refused the connection",
            Self::Unreachable => "the host could not be reached",
            Self::Certificate => "the host's certificate could not be trusted",
            Self::Tls => "the secure connection failed",
            Self::Disconnected => "the connection was cut",
            Self::Protocol => "the answer was not HTTP",
        })
    }
}

impl core::error::Error for ExchangeError {}

/// A GET request. Drivers add `Host`, a descriptive `User-Agent` and `Accept-Encoding: identity`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Which bytes, or all of them.
    pub range: Option<ByteRange>,
}

/// The bytes asked for by a `Range` header (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ByteRange {
    /// From this offset to the end of the file.
    From(u64),
    /// From `first` to `last`, both included.
    Closed {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte, not before `first`.
        last: u64,
    },
}

impl ByteRange {
    /// Offset of the first byte asked for.
    pub const fn first(self) -> u64 {
        match self {
            Self::From(first) | Self::Closed { first, .. } => first,
        }
    }
}

impl fmt::Display for ByteRange {
    /// The value of a `Range` header: `bytes=0-` or `bytes=0-99`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Closed { first, last } => write!(f, "bytes={first}-{last}"),
        }
    }
}

/// A response's status line and headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// The status code, 100 to 999.
    pub status: u16,
    /// Names and values as they came, in order, duplicates kept.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The longest head a driver accepts. Longer than any that archive.org was seen to send by a
    /// factor of ten.
    pub const MAX_BYTES: usize = 32 * 1024;
    /// The most header fields a driver accepts.
    pub const MAX_HEADERS: usize = 100;

    /// The first header of that name, case ignored, with surrounding white space removed.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// `Content-Length`, when it is there and a number.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// `Content-Range` of a 206 or 416 (RFC 9110 §14.4), when it is there and well formed.
    pub fn content_range(&self) -> Option<ContentRange> {
        let rest = self.header("content-range")?.strip_prefix("bytes")?.trim_start();
        let (range, total) = rest.split_once('/')?;
        let total = match total.trim() {
            "*" => None,
            digits => Some(digits.parse().ok()?),
        };
        let bytes = match range.trim() {
            "*" => None,
            range => {
                let (first, last) = range.split_once('-')?;
                let (first, last): (u64, u64) =
                    (first.trim().parse().ok()?, last.trim().parse().ok()?);
                if last < first || total.is_some_and(|total| last >= total) {
                    return None;
                }
                Some((first, last))
            }
        };
        Some(ContentRange { bytes, total })
    }
}

/// The value of a `Content-Range` header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ContentRange {
    /// Offsets of the first and the last byte in this response; absent when unsatisfied (416).
    pub bytes: Option<(u64, u64)>,
    /// The length of the whole file, when the server knows it.
    pub total: Option<u64>,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn head(value: &str) -> Head {
        Head { status: 206, headers: vec![("content-RANGE".to_string(), value.to_string())] }
    }

    #[test]
    fn content_range_is_read_in_any_spelling_that_the_rfc_allows() {
        let bytes = |value: &str| head(value).content_range();
        assert_eq!(
            bytes("bytes 0-1023/4096"),
            Some(ContentRange { bytes: Some((0, 1023)), total: Some(4096) })
        );
        assert_eq!(bytes("bytes 5-5/*"), Some(ContentRange { bytes: Some((5, 5)), total: None }));
        assert_eq!(bytes("bytes */4096"), Some(ContentRange { bytes: None, total: Some(4096) }));
    }

    #[test]
    fn content_range_that_contradicts_itself_is_none() {
        for value in
            ["", "bytes", "bytes 1-0/5", "bytes 0-5/5", "bytes -1/5", "lines 0-1/5", "bytes 0-1"]
        {
            assert_eq!(head(value).content_range(), None, "{value:?}");
        }
    }
}
