//! Somebody watches over the desktop's own network, in real time, and everything is recorded.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as RealInstant};

use tempfile::TempDir;
use testcard_archive::VirtualFilm;
use testcard_core::net::{ExchangePoll, Network, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_https::Https;
use testcard_session::{
    End, Options, Provenance, Recorder, Recording, Session, Tune, Viewing, lint,
};
use testcard_sim::diff::{self, Ignore};
use testcard_sim::replay;
use testcard_sim::timeline::Timeline;
use testcard_sim::viewer::Viewer;

use crate::nginx::Nginx;

/// A window of a quarter of a minute of the film. A quarter of that has to be played before nginx is
/// read from again: nearly four seconds, four times what nginx waits.
pub const SMALL: Limits =
    Limits { window_bytes: 6 * 1024 * 1024, patience: Patience::Tries(5), ..Limits::DESKTOP };

/// What is waited for is seen long before.
const END: End = End { at: Instant::from_micros(120_000_000), position: None };

/// A replay is watched so much longer, while what is buffered plays and nothing else happens: it may
/// be a little behind what it repeats.
const AND_ON: Duration = Duration::from_secs(2);

/// What was seen, and the recording of it.
pub struct Watched {
    pub timeline: Timeline,
    pub session: Session,
}

/// Watches the film that nginx has from its start until it has come to what is `enough`. Every
/// sample has to come, in order, and with the film's own bytes.
///
/// That must not be while the window is full: what waits then, and is never asked for, is in no
/// recording, and without it a replay that is quicker at its samples has room left.
pub fn watch(
    nginx: &Nginx,
    film: &Arc<VirtualFilm>,
    limits: Limits,
    enough: fn(&Timeline) -> bool,
) -> Watched {
    let (url, aim) = (nginx.film_url(), Aim::At(MediaTime::ZERO));
    let tune = Tune { at: Instant::ZERO, url: url.clone(), aim, duration: None };
    let viewing = Viewing { limits, tunes: vec![tune], end: END };
    let mut viewer = Viewer::new(viewing).knowing(&url, vec![film.clone()]);

    let started = RealInstant::now();
    let clock = move || {
        Instant::from_micros(u64::try_from(started.elapsed().as_micros()).expect("no such time"))
    };
    let recording = Recording::new(limits, Options::default());
    recording.tuned(Instant::ZERO, &url, aim, None);
    let mut net = Recorder::new(https(nginx), recording.clone(), clock);
    loop {
        let wake = viewer.poll(&mut net, clock());
        if viewer.is_over() || enough(viewer.timeline()) {
            break;
        }
        thread::park_timeout(wake.since(clock()));
    }
    let (over, was_playing) = (clock(), viewer.is_playing());
    viewer.leave(&mut net, over);

    let timeline = viewer.timeline().clone();
    assert_eq!(viewer.violation(), None, "{timeline}");
    assert!(enough(&timeline) && was_playing, "{timeline}");
    timeline.events().for_each(|(at, event)| recording.trace(at, event));
    assert!(recording.is_complete());
    let from = "nginx on this machine under the archive's names".to_owned();
    let end = End { at: over + AND_ON, position: None };
    let session = recording.snapshot("A test", Provenance::Synthetic { from }, end);
    Watched { timeline, session }
}

/// The desktop's network, which wakes this thread.
fn https(nginx: &Nginx) -> Https {
    let waiting = thread::current();
    Https::new(nginx.options(), Arc::new(move || waiting.unpark())).expect("a certificate")
}

/// What nginx answers to a request for this now.
pub fn status(nginx: &Nginx, url: &Url) -> u16 {
    let mut net = https(nginx);
    let mut exchange = net.open(&Request { url: url.clone(), range: None });
    loop {
        match net.poll(&mut exchange, &mut [0]) {
            ExchangePoll::Head(head) => return head.status,
            ExchangePoll::Pending => thread::park(),
            other => panic!("{other:?} in place of a head"),
        }
    }
}

impl Watched {
    /// The statuses of the answers, in order.
    pub fn statuses(&self) -> Vec<u16> {
        let status = |event: &Event| match event {
            Event::Answered { status, .. } => Some(*status),
            _ => None,
        };
        self.timeline.events().filter_map(|(_, event)| status(event)).collect()
    }

    /// Keeps the session as files, reads them again, and watches that in virtual time.
    pub fn assert_replays_to_the_same_trace(&self) {
        let folder = TempDir::new().expect("a folder for temporary files");
        let dir = folder.path().join("session");
        self.session.write(&dir).expect("a session can be written");
        assert_eq!(lint(&dir), []);
        let addresses = node_addresses(&self.timeline);
        assert!(!addresses.is_empty());
        for (name, secret) in addresses.iter().flat_map(|(url, _)| url.query_pairs()) {
            assert_tells_nothing(&dir, &name, &secret);
        }

        let session = Session::read(&dir).expect("what was written can be read");
        let mut again = replay::replay(&session).expect("what was recorded can be replayed").trace;
        // What the viewer adds to what the core does.
        again.retain(|line| line.fields["ev"] != "playing");
        let differences = diff::compare_traces(&session.trace, &again, &Ignore::across_drivers());
        assert!(differences.is_empty(), "{}", diff::text(&differences, 10));
    }
}

/// The addresses of nodes that were asked, in order, and until which second each was good.
pub fn node_addresses(timeline: &Timeline) -> Vec<(Url, u64)> {
    let opened = timeline.events().filter_map(|(_, event)| match event {
        Event::Opened { url, .. } => Some(Url::parse(url).expect("an address")),
        _ => None,
    });
    let expiry = |url: &Url| url.query_pairs().find(|(name, _)| name == "expires")?.1.parse().ok();
    opened.filter_map(|url| expiry(&url).map(|expires| (url, expires))).collect()
}

fn assert_tells_nothing(dir: &Path, name: &str, secret: &str) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_tells_nothing(&path, name, secret);
        } else {
            let bytes = fs::read(&path).expect("a file");
            let tells = bytes.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
            assert!(!tells, "{} tells {name}={secret}", path.display());
        }
    }
}
