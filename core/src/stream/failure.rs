//! What can go wrong between asking for a film and having its bytes, sorted by what to do about it:
//! a node failure is answered by asking the archive for another node, a programme failure is
//! answered by telling the viewer. Never decides when to try again: [`super::patience`] does.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::container::Container;
use crate::mp4::Mp4Error;
use crate::net::ExchangeError;

/// An exchange that did not bring what was asked for, though another one may.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeFailure {
    /// The exchange itself failed.
    Exchange(ExchangeError),
    /// A status that promises no film: 401, 403 and 410 on a stale node address, 5xx.
    Status(u16),
    /// 429 or 503: the server asks for a pause.
    Busy(u16),
    /// The body ended before the length that the head promised.
    ShortBody,
    /// Nothing arrived for [`super::STALL_AFTER`], though something was due.
    Stalled,
    /// No head arrived within [`super::HEAD_DUE`].
    NoAnswer,
    /// A 200 with the whole file where a part far into it was asked for.
    RangeIgnored,
    /// A 206 for other bytes than were asked for, or a 416 for bytes that the file should have.
    WrongRange,
    /// A body under a content coding that was not asked for.
    ContentCoding,
}

impl NodeFailure {
    /// Whether no server answered at all, as when a cable is pulled: then the film is not at fault,
    /// and neither is the archive.
    pub fn is_unreachable(self) -> bool {
        match self {
            Self::Exchange(error) => !matches!(
                error,
                ExchangeError::Certificate | ExchangeError::Tls | ExchangeError::Protocol
            ),
            Self::NoAnswer | Self::Stalled => true,
            _ => false,
        }
    }
}

impl fmt::Display for NodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(error) => error.fmt(f),
            Self::Status(401 | 403) => f.write_str("the server refused access"),
            Self::Status(410) => f.write_str("the server's address had expired"),
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Busy(status) => write!(f, "the server is busy ({status})"),
            Self::ShortBody => f.write_str("the server stopped in the middle of the film"),
            Self::Stalled => f.write_str("the server went quiet"),
            Self::NoAnswer => f.write_str("the server did not answer"),
            Self::RangeIgnored => f.write_str("the server cannot start inside the film"),
            Self::WrongRange => f.write_str("the server sent another part of the film"),
            Self::ContentCoding => f.write_str("the server sent the film in a packed form"),
        }
    }
}

/// Why this programme cannot be shown. The schedule goes on without it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgrammeFailure {
    /// 404: the archive has no such file.
    NotFound,
    /// The archive has no item of that name, so no file of it either.
    NoSuchItem,
    /// The item is there, but dark: nobody may see it.
    Dark,
    /// The address to start from is neither https nor http to this machine itself.
    InsecureAddress,
    /// A redirect left https.
    InsecureRedirect,
    /// A redirect led to a host that does not belong to the archive.
    ForeignRedirect(String),
    /// More than [`super::REDIRECTS_MAX`] redirects.
    TooManyRedirects,
    /// A redirect without an address to go to.
    BrokenRedirect,
    /// What came is a web page.
    WebPage,
    /// What came is neither an MP4 nor a sound file of a kind that any set of ours plays.
    NotMp4,
    /// What came is of a kind that this set has no reader for.
    NoReader(Container),
    /// The file ends before its index, the `moov` box.
    Truncated,
    /// No index was found.
    NoIndex,
    /// The index is larger than this device can hold; bytes it wants.
    IndexTooLarge(u64),
    /// The index cannot be used.
    Index(#[serde(serialize_with = "as_text")] Mp4Error),
    /// Neither picture nor sound can be played; why not, as a phrase.
    NothingToPlay(String),
    /// The file changed more than once while it was being read.
    KeepsChanging,
    /// Too many node failures in a row; the last one.
    GaveUp(NodeFailure),
}

impl ProgrammeFailure {
    /// Whether the network failed, not the film. Access refused on every try is the film's matter:
    /// nobody gets to see it.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::GaveUp(last) if !matches!(last, NodeFailure::Status(400..=499)))
    }
}

impl fmt::Display for ProgrammeFailure {
    /// A plain sentence for the screen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("The archive does not have this film any more (404)."),
            Self::NoSuchItem => f.write_str("The archive has no item of this name."),
            Self::Dark => f.write_str("The archive has taken this film out of public view."),
            Self::InsecureAddress => {
                f.write_str("The film's address is not https, and it is not on this machine.")
            }
            Self::InsecureRedirect => {
                f.write_str("The archive sent us on to an address that is not secure.")
            }
            Self::ForeignRedirect(host) => {
                write!(f, "The archive sent us on to another site, {host}.")
            }
            Self::TooManyRedirects => f.write_str("The archive kept sending us in circles."),
            Self::BrokenRedirect => f.write_str("The archive sent us on without saying where to."),
            Self::WebPage => f.write_str("A web page came instead of the film."),
            Self::NotMp4 => f.write_str("This file is not an MP4 film."),
            Self::NoReader(container) => {
                write!(f, "This programme is {container}, which this set cannot play.")
            }
            Self::Truncated => f.write_str("This film's file ends too early."),
            Self::NoIndex => f.write_str("This film's file has no index."),
            Self::IndexTooLarge(bytes) => {
                write!(f, "This film's index is too large ({} MB).", bytes / 1_000_000)
            }
            Self::Index(error) => write!(f, "This film's index cannot be used: {error}."),
            Self::NothingToPlay(why) => write!(f, "This film cannot be played: {why}."),
            Self::KeepsChanging => f.write_str("This film's file keeps changing."),
            Self::GaveUp(last) => write!(f, "This film cannot be had: {last}."),
        }
    }
}

fn as_text<S: serde::Serializer>(error: &Mp4Error, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(error)
}
