//! Where the set's films come from: archive.org, a mirror of it, or the films inside the program
//! when archive.org does not answer. Only finds out; the tuner fetches.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use testcard_core::net::{ExchangePoll, Network, Request, Url};
use testcard_core::time::Clock;
use testcard_https::{ExtraCaError, Https, Options};

use crate::clock::SystemClock;

/// How long archive.org may take to answer before the set helps itself.
const REACH_WITHIN: Duration = Duration::from_secs(4);

/// Where films come from.
pub enum Archive {
    /// Not known yet: `base` has been asked whether it is there. If it is not, films come from
    /// `inside`.
    Asking {
        /// The answer.
        answer: Receiver<bool>,
        /// Who was asked.
        base: Url,
        /// Who stands in.
        inside: Url,
    },
    /// From here. `offline` says why it is not archive.org, as a sentence.
    At {
        /// The archive's address.
        base: Url,
        /// Why it is another one.
        offline: Option<String>,
    },
}

impl Archive {
    /// Asks `base` for anything at all, on a thread of its own.
    ///
    /// # Errors
    /// Those of [`Https::new`].
    pub fn ask(base: Url, inside: Url, network: Options) -> Result<Self, ExtraCaError> {
        let answer = reach(base.clone(), network)?;
        Ok(Self::Asking { answer, base, inside })
    }

    /// Settles where films come from, once that is known; whether it became known now.
    pub fn poll(&mut self) -> bool {
        let Self::Asking { answer, base, inside } = self else { return false };
        *self = match answer.try_recv() {
            Ok(true) => Self::At { base: base.clone(), offline: None },
            Ok(false) | Err(TryRecvError::Disconnected) => {
                let name = base.host_str().unwrap_or_default();
                let why = format!("{name} does not answer: test pictures stand in for its films.");
                log::info!("{why}");
                Self::At { base: inside.clone(), offline: Some(why) }
            }
            Err(TryRecvError::Empty) => return false,
        };
        true
    }

    /// Where films come from, once that is known.
    pub fn base(&self) -> Option<&Url> {
        match self {
            Self::At { base, .. } => Some(base),
            Self::Asking { .. } => None,
        }
    }

    /// Why they do not come from archive.org, if they do not.
    pub fn offline(&self) -> Option<&str> {
        match self {
            Self::At { offline, .. } => offline.as_deref(),
            Self::Asking { .. } => None,
        }
    }
}

/// Says whether an answer came.
fn reach(url: Url, network: Options) -> Result<Receiver<bool>, ExtraCaError> {
    let (say, answer) = mpsc::channel();
    let (wake, news) = mpsc::channel();
    let waker = Arc::new(move || {
        // The asker may have stopped listening.
        let _ = wake.send(());
    });
    let mut https = Https::new(network, waker)?;
    thread::spawn(move || {
        let clock = SystemClock::new();
        let mut exchange = https.open(&Request { url, range: None });
        let deadline = clock.now() + REACH_WITHIN;
        let reached = loop {
            match https.poll(&mut exchange, &mut [0; 1]) {
                ExchangePoll::Head(_) => break true,
                ExchangePoll::Pending => {}
                _ => break false,
            }
            let left = deadline.since(clock.now());
            if left.is_zero() {
                break false;
            }
            // Woken or not, the next poll tells.
            let _ = news.recv_timeout(left);
        };
        // The window may be closed already.
        let _ = say.send(reached);
    });
    Ok(answer)
}
