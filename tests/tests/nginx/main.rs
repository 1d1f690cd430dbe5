//! An origin that nobody here wrote: nginx plays archive.org, with addresses that expire. The
//! desktop's network watches its films in real time, over TLS, and what was recorded of that is
//! watched again.

mod nginx;
mod watching;

use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use testcard_archive::{Clip, FilmSpec, Layout, VirtualFilm};
use testcard_core::net::ExchangeError;
use testcard_core::stream::{Limits, NodeFailure};
use testcard_core::trace::Event;

use crate::nginx::{Mishap, Nginx, Serving};
use crate::watching::{SMALL, node_addresses, status, watch};

/// Half of the archive's `.ia.mp4` files have more than 3.3 Mbit/s.
const FILM_BYTES_PER_SECOND: u64 = 400_000;

/// nginx sends a film eight times as fast as it plays.
const RATE: u64 = 8 * FILM_BYTES_PER_SECOND;

/// How long an address of a node is good.
const TOKEN_SECONDS: u64 = 3;

fn film(seconds: u64) -> Arc<VirtualFilm> {
    let spec = FilmSpec::new(seconds * 1000, Layout::MoovLast);
    let spec = spec.with_bytes(seconds * FILM_BYTES_PER_SECOND);
    Arc::new(VirtualFilm::new(&Clip::test_card(), &spec).expect("a film"))
}

fn serving(mishaps: &[Mishap]) -> Serving<'_> {
    Serving { token_seconds: TOKEN_SECONDS, rate: RATE, mishaps }
}

#[test]
fn a_film_plays_on_though_nginx_hangs_up_on_each_throttle_and_its_tokens_expire() {
    let film = film(60);
    let nginx = Nginx::start(&film, serving(&[]));
    // The way on leads over the front: to an address that is made when the one before has expired.
    let watched = watch(&nginx, &film, SMALL, |timeline| {
        let is_fresh = |pair: &&[(_, u64)]| pair[1].1 - TOKEN_SECONDS > pair[0].1;
        node_addresses(timeline).windows(2).filter(is_fresh).count() == 2
    });

    let events: Vec<_> = watched.timeline.events().map(|(_, event)| event).collect();
    let throttled = events.iter().position(|event| **event == Event::Throttled);
    let after = &events[throttled.expect("the window was full")..];
    let is_cut = |event: &&Event| match event {
        Event::NodeFailed { why, .. } => *why == NodeFailure::Exchange(ExchangeError::Disconnected),
        _ => false,
    };
    assert!(after.iter().any(is_cut), "{}", watched.timeline);
    let starved = after.iter().any(|event| matches!(event, Event::Starved { .. }));
    assert!(!starved, "{}", watched.timeline);
    let (first_address, _) = &node_addresses(&watched.timeline)[0];
    assert_eq!(status(&nginx, first_address), 410);

    watched.assert_replays_to_the_same_trace();
}

#[test]
fn an_address_that_nginx_calls_expired_forged_or_bare_is_asked_for_anew() {
    let film = film(4);
    let mishaps = [Mishap::Expired, Mishap::Forged, Mishap::Bare];
    let nginx = Nginx::start(&film, serving(&mishaps));
    let watched = watch(&nginx, &film, Limits::DESKTOP, |timeline| {
        timeline.events().any(|(_, event)| *event == Event::Ended)
    });

    let statuses = watched.statuses();
    let begin = [302, 410, 302, 403, 302, 401, 302, 206];
    assert!(statuses.starts_with(&begin), "{}", watched.timeline);

    watched.assert_replays_to_the_same_trace();
}

#[test]
fn the_program_shows_every_picture_though_its_first_address_has_expired() {
    let film = film(20);
    let nginx = Nginx::start(&film, serving(&[Mishap::Expired]));
    let output = Command::new(testcard_tests::program())
        .args(["play", nginx.film_url().as_str(), "--headless", "--trace", "/dev/stdout"])
        .args(nginx.arguments())
        .output()
        .expect("the program runs");
    let sentence = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{sentence}");

    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let trace: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let pictures = trace.iter().filter(|event| event["ev"] == "picture").count();
    assert_eq!(pictures as u64, film.pictures());
    assert!(trace.iter().any(|event| event["status"] == 410), "{text}");
}
