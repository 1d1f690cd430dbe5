//! A session watched again with the desktop's own network over real sockets and TLS: its hosts are on
//! this machine, under their own names. Time may run faster than real, so that a stall of ten minutes
//! does not take ten minutes.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use testcard_archive::serve::{Certificate, Options, Server};
use testcard_https::{Https, Pin};
use testcard_replay::finish;
use testcard_session::Session;

use super::playback::Playback;
use super::{ReplayError, Replayed, Why};
use crate::real_time::{Bell, Clock, watch};
use crate::viewer::Viewer;

/// What a session should take in real time, at most about. A faster clock makes the machine's own
/// delays look longer.
const REAL_SECONDS: u64 = 6;

/// The fastest clock: at this speed a millisecond of the machine's looks like thirty.
const SPEED_MAX: u32 = 30;

/// How many times faster than real to watch a session again.
pub fn speed_for(session: &Session) -> u32 {
    let seconds = super::recorded_end(session).as_micros() / 1_000_000;
    u32::try_from(seconds / REAL_SECONDS).unwrap_or(SPEED_MAX).clamp(1, SPEED_MAX)
}

/// Watches a session again over sockets of this machine, `speed` times faster than real.
pub fn replay(session: &Session, speed: u32) -> Result<Replayed, ReplayError> {
    let playback = Playback::new(session).map_err(ReplayError::Unplayable)?;
    let world = |error: &dyn std::fmt::Display| ReplayError::World(error.to_string());
    let options = Options { certificate: certificate(&playback), speed, ..Options::default() };
    let server = Server::start_by_name(playback.clone(), options).map_err(|error| world(&error))?;
    let address = server.addresses()[0];
    let options = testcard_https::Options {
        extra_ca: server.ca_pem().as_bytes().to_vec(),
        pinned: pins(&playback, address),
    };
    let bell = Bell::default();
    let ring = bell.clone();
    let mut net = Https::new(options, Arc::new(move || ring.ring())).map_err(|e| world(&e))?;
    let mut viewer = Viewer::new(session.about.viewing.clone()).reading(testcard_streaming::reader);
    let end =
        watch(&mut viewer, &mut net, Clock::new(speed), &bell, |_, _| match playback.unmatched() {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        });
    let stopped = playback.unmatched().map(Why::Unmatched);
    Ok(finish(session, &viewer, stopped, playback.unused(), end)?)
}

/// A certificate for all hosts of a session.
pub fn certificate(playback: &Playback) -> Certificate {
    let names = playback.hosts().iter().map(|host| split(host).0.to_owned()).collect();
    Certificate { names, ..Certificate::default() }
}

/// Says that all hosts of a session are at `address`.
pub fn pins(playback: &Playback, address: SocketAddr) -> Vec<Pin> {
    let pin = |host: &String| {
        let (host, port) = split(host);
        Pin { host: host.to_owned(), port, address }
    };
    playback.hosts().iter().map(pin).collect()
}

/// A host and its port, which is https's unless it is said.
fn split(host: &str) -> (&str, u16) {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    port.parse().map_or((host, 443), |port| (name, port))
}
