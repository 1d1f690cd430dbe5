//! Asks the archive why it refuses a film, so that a viewer can be told: there is no such item, or
//! it was taken out of public view. One question a film, to the host that refused it; no answer, or
//! one that says nothing, leaves the refusal as it was. Never asks again, never follows a redirect.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use serde::Deserialize;

use super::Context;
use super::failure::ProgrammeFailure;
use crate::net::{ExchangePoll, Network, Url};
use crate::time::Instant;
use crate::trace::Event;

/// How long the whole answer may take. The viewer waits for nothing but its words.
pub const REASON_DUE: Duration = Duration::from_secs(10);

/// The longest answer read. Items that are missing or dark list no files, so theirs are short.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A question under way.
pub struct Inquiry<E> {
    exchange: E,
    x: u32,
    /// What is to be said if the answer does not tell more.
    refusal: ProgrammeFailure,
    due: Instant,
    answer: Vec<u8>,
}

/// What a question has come to.
pub enum Inquired {
    /// Nothing yet; it is given up at this time.
    Wait(Instant),
    /// Why the film is refused, and whether the exchange's body came to its end.
    Because(ProgrammeFailure, bool),
}

impl<E> Inquiry<E> {
    /// The question that `exchange`, of that number, asks from now on.
    pub fn new(exchange: E, x: u32, refusal: ProgrammeFailure, now: Instant) -> Self {
        Self { exchange, x, refusal, due: now + REASON_DUE, answer: Vec::new() }
    }

    /// The exchange's number, and the body bytes that it brought.
    pub fn brought(&self) -> (u32, u64) {
        (self.x, self.answer.len() as u64)
    }

    /// Reads what there is of the answer.
    pub fn poll<N: Network<Exchange = E>>(&mut self, cx: &mut Context<'_, N>) -> Inquired {
        let mut piece = [0; 1024];
        let complete = loop {
            match cx.net.poll(&mut self.exchange, &mut piece) {
                ExchangePoll::Pending if cx.now < self.due => return Inquired::Wait(self.due),
                ExchangePoll::Head(head) => {
                    cx.trace.record(cx.now, Event::Answered { x: self.x, status: head.status });
                    if head.status != 200 {
                        break false;
                    }
                }
                ExchangePoll::Body(count) => {
                    self.answer.extend_from_slice(&piece[..count.min(piece.len())]);
                    if self.answer.len() > ANSWER_BYTES_MAX {
                        break false;
                    }
                }
                ExchangePoll::End => break true,
                ExchangePoll::Pending | ExchangePoll::Failed(_) => break false,
            }
        };
        let reason = if complete { reason(&self.answer) } else { None };
        Inquired::Because(reason.unwrap_or_else(|| self.refusal.clone()), complete)
    }
}

/// Where the archive tells about the item of the film at `source`, if that is an address of the
/// archive's kind: `/download/<item>/<file>`.
pub fn address(source: &Url) -> Option<Url> {
    let (item, file) = source.path().strip_prefix("/download/")?.split_once('/')?;
    if item.is_empty() || file.is_empty() {
        return None;
    }
    let mut address = source.clone();
    // The item's percent-encoding stays as it is.
    address.set_path(&format!("/metadata/{item}"));
    address.set_query(None);
    address.set_fragment(None);
    Some(address)
}

/// An item's metadata, as far as it can explain a refusal.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    is_dark: bool,
}

/// Why nobody gets to see a film of the item with this metadata; `None` when it does not say.
///
/// An item that does not exist is an empty object (an empty array, formerly), under status 200.
fn reason(metadata: &[u8]) -> Option<ProgrammeFailure> {
    let text = || metadata.iter().filter(|byte| !byte.is_ascii_whitespace());
    if text().eq(b"{}") || text().eq(b"[]") {
        return Some(ProgrammeFailure::NoSuchItem);
    }
    let metadata: Metadata = serde_json::from_slice(metadata).ok()?;
    metadata.is_dark.then_some(ProgrammeFailure::Dark)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn address_for(source: &str) -> Option<String> {
        address(&Url::parse(source).expect("a literal of this test")).map(String::from)
    }

    #[test]
    fn the_archive_is_asked_about_the_item_at_the_host_that_refused_it() {
        for (source, expected) in [
            ("https://archive.org/download/a/b.mp4", "https://archive.org/metadata/a"),
            ("http://127.0.0.1:8080/download/a/b/c.mp4?d#e", "http://127.0.0.1:8080/metadata/a"),
            (
                "https://archive.org/download/a%20%2F%3F/b",
                "https://archive.org/metadata/a%20%2F%3F",
            ),
        ] {
            assert_eq!(address_for(source).as_deref(), Some(expected));
        }
    }

    #[test]
    fn nobody_is_asked_about_an_address_that_is_not_of_the_archives_kind() {
        for source in [
            "https://archive.org/",
            "https://archive.org/download/a",
            "https://archive.org/download/a/",
            "https://archive.org/download//b.mp4",
            "https://archive.org/downloads/a/b.mp4",
            "https://archive.org/x/download/a/b.mp4",
        ] {
            assert_eq!(address_for(source), None, "{source}");
        }
    }

    #[test]
    fn an_item_without_metadata_does_not_exist() {
        for none in ["{}", "[]", " { }\n"] {
            assert_eq!(reason(none.as_bytes()), Some(ProgrammeFailure::NoSuchItem), "{none}");
        }
    }

    #[test]
    fn a_dark_item_says_so_among_other_things() {
        let dark = br#"{"created":1,"is_dark":true,"metadata":{"identifier":"a","x":["y"]}}"#;
        assert_eq!(reason(dark), Some(ProgrammeFailure::Dark));
    }

    #[test]
    fn anything_else_says_nothing() {
        for nothing in [
            &br#"{"files":[{"name":"b.mp4"}],"metadata":{"is_dark":true}}"#[..],
            br#"{"is_dark":false}"#,
            br#"{"error":"[BACKEND_ERROR] busy"}"#,
            br#"{"is_dark":true"#,
            b"",
            b"null",
            b"<html></html>",
            b"\xff\xfe",
            &b"[".repeat(ANSWER_BYTES_MAX),
        ] {
            assert_eq!(reason(nothing), None);
        }
    }
}
