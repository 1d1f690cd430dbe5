//! The network as the tuner has it: https over the console's Wi-Fi, and what a person should know of
//! either. Decides nothing about films.

use alloc::string::{String, ToString};
use core::time::Duration;

use testcard_core::net::{ExchangePoll, Network, Request};
use testcard_core::time::Instant;
use testcard_psp_trust::Roots;

use crate::net::resolver::Resolver;
use crate::net::{Entropy, Exchange, Https, Link, LinkState};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::log;
use crate::tuner::Way;

/// How often the firmware is asked about the Wi-Fi.
const LINK_EVERY: Duration = Duration::from_millis(200);

/// The bytes that a turn of the tuner's takes at most: two records of TLS, which take a PSP 30 ms to
/// decrypt. A server that is faster than that would keep it from everything else.
const TURN_BYTES: usize = 32 * 1024;

/// Https over Wi-Fi.
pub struct Wireless {
    link: Link,
    https: Https,
    /// When to ask about the Wi-Fi again.
    link_at: Instant,
    /// What is left of the turn's bytes, and whether more of them were wanted.
    turn_bytes: usize,
    is_cut_short: bool,
}

impl Wireless {
    /// Starts the firmware's network and a thread that looks up names. Servers are trusted by
    /// `roots` at the time that `clock` shows; `profile` as in [`Link::start`]. To be called on the
    /// thread that is to use it.
    pub fn start(profile: Option<u8>, roots: Roots, clock: ConsoleClock) -> Result<Self, String> {
        let (link, up) = Link::start(profile).map_err(|why| why.to_string())?;
        let resolver = Resolver::start(up).map_err(|why| why.to_string())?;
        let https = Https::new(up, resolver, roots, Entropy::gather(), clock);
        let (link_at, turn_bytes, is_cut_short) = (Instant::ZERO, 0, false);
        Ok(Self { link, https, link_at, turn_bytes, is_cut_short })
    }
}

impl Network for Wireless {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        self.https.open(request)
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        if self.turn_bytes == 0 {
            self.is_cut_short = true;
            return ExchangePoll::Pending;
        }
        let poll = self.https.poll(exchange, buf);
        if let ExchangePoll::Body(bytes) = poll {
            self.turn_bytes = self.turn_bytes.saturating_sub(bytes);
        }
        poll
    }
}

impl Way for Wireless {
    fn turn(&mut self, now: Instant) -> Option<String> {
        (self.turn_bytes, self.is_cut_short) = (TURN_BYTES, false);
        let state = if self.link_at <= now {
            self.link_at = now + LINK_EVERY;
            self.link.poll(now)
        } else {
            self.link.state()
        };
        match state {
            LinkState::Connected(_) => None,
            state => Some(state.to_string()),
        }
    }

    fn has_more(&self) -> bool {
        self.is_cut_short
    }

    fn lost(&mut self) {
        self.https.hang_up();
        self.is_cut_short = false;
        self.link_at = Instant::ZERO;
    }

    fn trouble(&mut self) -> Option<String> {
        let trouble = self.https.take_trouble()?.to_string();
        log::line(format_args!("not trusted: {trouble}"));
        Some(trouble)
    }
}
