//! The archive's side of every exchange.
//!
//! [`Archive`] answers requests as archive.org was seen to, or as badly as a [`Rule`] says, without
//! sockets, clocks or files; its films and sounds are [`VirtualFilm`]s. [`serve`] puts it behind real sockets.

#![forbid(unsafe_code)]

mod archive;
mod clip;
mod delivery;
mod fault;
mod film;
mod metadata;
mod moov;
mod range;
mod replies;
mod request_head;
mod response;
mod samples;
mod search;
pub mod serve;
mod sound;

pub use archive::{About, Addresses, Archive, ArchivedFilm, Listed, Origin, Request};
pub use clip::{Clip, ClipError};
pub use delivery::{Delivery, Step};
pub use fault::{Detour, Fault, Place, Rule, RuleError, When};
pub use film::{FilmError, FilmSample, FilmSpec, FilmSpecError, Layout, MdatSize, VirtualFilm};
pub use replies::page;
pub use request_head::RequestHead;
pub use response::{Cut, CutKind, Framing, Pace, Response, Run, Segment, Source};
pub use sound::SoundFile;
