//! The way to the archive: Wi-Fi, names, sockets, TLS and HTTP. Nothing here decides what to fetch
//! or when to try again; that is `testcard_core::stream`'s. Nothing here waits either, but for one
//! small thread that looks up names.

pub mod apctl;
pub mod entropy;
pub mod https;
mod inet;
pub mod resolver;
mod socket;

pub use apctl::{Link, LinkState, NetError, Up};
pub use entropy::Entropy;
pub use https::{Exchange, Https};
