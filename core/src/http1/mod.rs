//! HTTP/1.1 over a byte stream (RFC 9112), for platforms that have no HTTP library: one GET out, one
//! response back, as [`crate::net`] wants it. Never reads a socket, never asks again, never follows
//! a redirect and never holds more than [`Response::BUFFER_BYTES`] of what came.
//!
//! A driver sends what [`write_request`] wrote and then, as long as it is polled for an exchange:
//!
//! 1. reads from its stream into [`Response::space`] when that is not empty, and says so with
//!    [`Response::filled`], or how the stream ended with [`Response::ended`] or
//!    [`Response::failed`];
//! 2. passes on what [`Response::poll`] says;
//! 3. after the body keeps the connection for another request if it [`Response::is_reusable`], and
//!    closes it otherwise.
//!
//! An exchange that nobody polls leaves no space, so its driver stops reading and TCP's window
//! closes. A body byte is copied once, from that space to the buffer of whoever polls.

mod chunked;
mod framing;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use request::write_request;
pub use response::Response;

/// What came does not follow RFC 9112, or goes beyond a bound of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Malformed;
