//! A recorded session, watched again: in virtual time as [`testcard_replay`] has it, and in worlds
//! that have connections, for which [`Playback`] answers requests with it. Neither ever makes an
//! answer up: what was not recorded is an error that names the nearest that was. Somebody who wants
//! to know what would have happened asks [`what_if`].

pub mod loopback;
mod playback;
pub mod turmoil;
pub mod what_if;

use std::fmt;

use testcard_session::Session;

use crate::viewer::Viewer;
pub use playback::{Playback, Unplayable};
pub use testcard_replay::{
    Asked, Derailed, Heap, HostClass, Matcher, Replayed, Unmatched, Why, recorded_end,
};
pub use what_if::{Expiry, UnknownToken};

/// Why a session cannot be watched again the way it was recorded.
#[derive(Clone, Debug)]
pub enum ReplayError {
    /// It went where the recording does not.
    Derailed(Box<Derailed>),
    /// The world cannot do what was recorded.
    Unplayable(Unplayable),
    /// A token that is to run out does not occur.
    UnknownToken(UnknownToken),
    /// The world could not be made.
    World(String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Derailed(derailed) => derailed.why.fmt(f),
            Self::Unplayable(unplayable) => unplayable.fmt(f),
            Self::UnknownToken(unknown) => unknown.fmt(f),
            Self::World(why) => write!(f, "the session's hosts cannot be set up here: {why}"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<Box<Derailed>> for ReplayError {
    fn from(derailed: Box<Derailed>) -> Self {
        Self::Derailed(derailed)
    }
}

/// Watches a session again in virtual time.
///
/// # Errors
/// When it goes where the recording does not.
pub fn replay(session: &Session) -> Result<Replayed, ReplayError> {
    let viewer = Viewer::new(session.about.viewing.clone()).reading(testcard_streaming::reader);
    Ok(testcard_replay::replay_by(session, viewer)?)
}

#[cfg(test)]
mod tests {
    use testcard_core::net::Url;
    use testcard_session::{Ending, Exchange, Provenance};

    use super::*;
    use crate::diff::{self, Ignore};
    use crate::scenarios;

    fn recorded(name: &str) -> Session {
        let mut all = scenarios::all().into_iter();
        all.find(|scenario| scenario.slug == name).expect("a scenario").record()
    }

    /// The session as it is recorded from `testcard-sim serve --http`, where hosts are ports of this
    /// machine.
    fn as_served(mut session: Session) -> Session {
        let mut nodes = Vec::new();
        let mut moved = |text: &str| {
            let url = Url::parse(text).expect("a URL");
            let host = url.host_str().expect("a host").to_owned();
            let port = match host.as_str() {
                "archive.org" => 8080,
                _ => {
                    let known = nodes.iter().position(|node| *node == host);
                    8081 + known.unwrap_or_else(|| {
                        nodes.push(host);
                        nodes.len() - 1
                    })
                }
            };
            let rest = text.splitn(4, '/').nth(3).unwrap_or_default();
            format!("http://127.0.0.1:{port}/{rest}")
        };
        for tune in &mut session.about.viewing.tunes {
            tune.url = Url::parse(&moved(tune.url.as_str())).expect("a URL");
        }
        for exchange in &mut session.exchanges {
            let url = moved(exchange.request.url.as_str());
            exchange.request.url = Url::parse(&url).expect("a URL");
            if let Some((_, head)) = &mut exchange.head {
                for (name, value) in &mut head.headers {
                    if name.eq_ignore_ascii_case("location") {
                        *value = moved(value);
                    }
                }
            }
        }
        session
    }

    #[test]
    fn a_session_from_ports_of_this_machine_goes_the_same_way_over_every_network() {
        let session = as_served(recorded("short-body"));
        let heap = replay(&session).unwrap_or_else(|error| panic!("heap: {error}"));
        let speed = loopback::speed_for(&session);
        let others: [(&str, Result<Replayed, ReplayError>); 2] = [
            ("turmoil", turmoil::replay(&session)),
            ("loopback", loopback::replay(&session, speed)),
        ];
        for (name, outcome) in others {
            let replayed = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            let ignore = Ignore::across_drivers();
            let differences = diff::compare_traces(&heap.trace, &replayed.trace, &ignore);
            assert!(differences.is_empty(), "{name}:\n{}", diff::text(&differences, 5));
        }
    }

    #[test]
    fn only_what_was_cut_off_at_the_end_of_a_real_evening_may_be_left_out() {
        let mut session = recorded("short-body");
        let again = session.exchanges[0].clone();
        let end = recorded_end(&session);
        let last = Exchange { opened: end, ending: Ending::Dropped(end), ..again };
        session.exchanges.push(last);
        let left_out = |session: &Session| match replay(session) {
            Err(ReplayError::Derailed(derailed)) => match derailed.why {
                Why::Unused { x, .. } => {
                    assert!(!derailed.replayed.trace.is_empty());
                    Some(x)
                }
                why => panic!("{why}"),
            },
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        };
        let x = session.exchanges.len();
        assert_eq!(left_out(&session), Some(x), "made up");
        let (at, by) = ("2026-11-20T16:00:00Z".to_owned(), "testcard".to_owned());
        session.about.provenance = Provenance::Recorded { at, by };
        assert_eq!(left_out(&session), None);
        session.exchanges[x - 1].ending = Ending::Complete(end);
        assert_eq!(left_out(&session), Some(x), "it was over");
    }
}
