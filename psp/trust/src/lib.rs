//! TLS 1.3 for a machine without an operating system that knows whom to trust: embedded-tls'
//! records and handshake, with the server's certificate verified by rustls-webpki against Mozilla's
//! roots.
//!
//! [`Connection::open`] is the only way in, and there is no unverified mode: it wants a [`Host`], a
//! time and [`Roots`], and gives back a connection only when the server has proven to be that host.
//! What embedded-tls 0.19 leaves to others is done here:
//!
//! - Its own verifiers are not used: they look at no intermediate certificate, or take one that is
//!   no authority. See [`Verifier`].
//! - It asks its verifier about a certificate *if the server sends one*. A server that sends none
//!   and goes on to its Finished is let in. Here a connection without proof is refused.
//! - It panics on an encrypted record of nothing, and takes plain-text records, a forged end among
//!   them, after the handshake. `records` lets neither through.
//!
//! Never here: revocation lists and stapled answers (a PSP would have to fetch the former, and
//! short lives of certificates make up for them), TLS 1.2, client certificates, sessions resumed.
//!
//! One way to make it panic is left: a server that *has proven who it is* and then sends a
//! handshake message that has no place there, which embedded-tls answers with `unimplemented!()`.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod algorithms;
mod connection;
mod host;
mod records;
mod refusal;
mod roots;
#[cfg(test)]
mod tests;
mod verifier;

pub use connection::{Connection, Failure, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES};
pub use embedded_tls::{CryptoRng, CryptoRngCore};
pub use host::Host;
pub use refusal::Refusal;
pub use roots::{NoAuthority, Roots};
pub use verifier::Verifier;
