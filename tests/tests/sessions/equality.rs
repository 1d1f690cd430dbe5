//! One core, three networks: a modelled one in virtual time, HTTP over simulated TCP, and the
//! desktop's own over TLS and the sockets of this machine, its clock scaled. Each session gives the
//! same trace over all of them, but for what is declared in [`Ignore::across_drivers`].

use std::sync::Mutex;
use std::thread;

use testcard_sim::diff::{self, Ignore};
use testcard_sim::replay::{self, ReplayError, Replayed};

use super::*;

/// Sessions under way at a time: they mostly wait.
const AT_A_TIME: usize = 4;

fn differences(
    session: &Session,
    replay: impl Fn(&Session) -> Result<Replayed, ReplayError>,
) -> Result<(), String> {
    let replayed = replay(session).map_err(|error| error.to_string())?;
    let differences =
        diff::compare_traces(&session.trace, &replayed.trace, &Ignore::across_drivers());
    match differences.is_empty() {
        true => Ok(()),
        false => Err(diff::text(&differences, 5)),
    }
}

#[test]
fn every_session_goes_over_simulated_tcp_as_it_was_recorded() {
    for (name, session) in sessions() {
        if let Err(why) = differences(&session, replay::turmoil::replay) {
            panic!("{name}:\n{why}");
        }
    }
}

#[test]
fn every_session_goes_over_tls_and_real_sockets_as_it_was_recorded() {
    let left = Mutex::new(sessions());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("nobody panics here").pop();
                    let Some((name, session)) = next else { break };
                    let speed = replay::loopback::speed_for(&session);
                    let again = |session: &Session| replay::loopback::replay(session, speed);
                    if let Err(why) = differences(&session, again) {
                        failures.lock().expect("nor here").push(format!("{name}:\n{why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nor here");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
