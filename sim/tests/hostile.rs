//! Sessions whose files somebody has tampered with. What still reads as a session is replayed,
//! compared, drawn and exported like any other: nothing panics, and everything comes to an end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;
use testcard_archive::{Clip, VirtualFilm};
use testcard_core::net::Head;
use testcard_session::{Arrival, Body, Ending, Fixture, Segment, Session};
use testcard_sim::diff::{self, Ignore};
use testcard_sim::replay::{self, ReplayError, Why};
use testcard_sim::{har, scenarios};

/// What nothing here takes, on a machine that does much else. A few bytes more in a file must not
/// make it minutes.
const TAKES_MAX: Duration = Duration::from_secs(120);

/// The files whose every word is up to whoever wrote them.
const FILES: [&str; 5] =
    ["session.toml", "timeline.jsonl", "trace.jsonl", "bodies.toml", "exchanges/01.http"];

struct Sample {
    dir: TempDir,
    session: Session,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let all = scenarios::all();
    let story = all.iter().find(|scenario| scenario.slug == "short-body").expect("a scenario");
    let session = story.record();
    let dir = tempfile::tempdir().expect("a directory");
    session.write(&dir.path().join("session")).expect("a session");
    Sample { dir, session }
});

impl Sample {
    /// The text of a file of it.
    fn text(&self, file: &str) -> String {
        let file = self.dir.path().join("session").join(file);
        fs::read_to_string(file).expect("a file of the session")
    }

    /// It with another text in that file, if that is a session.
    fn with(&self, file: &str, text: &str) -> Option<Session> {
        let home = tempfile::tempdir().expect("a directory");
        let dir = home.path().join("session");
        copy(&self.dir.path().join("session"), &dir);
        fs::write(dir.join(file), text).expect("the file is ours");
        Session::read(&dir).ok()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let from: PathBuf = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).expect("a file")),
        }
    }
}

/// Where the numbers of a text are.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices(|c: char| c.is_ascii_digit()) {
        match found.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => found.push((at, at + 1)),
        }
    }
    found
}

/// Does with a session all that is done with sessions.
fn use_up(session: &Session, original: &Session) {
    let began = Instant::now();
    let _ = replay::replay(session);
    let ignore = Ignore::across_drivers();
    for ignore in [&ignore, &Ignore::default()] {
        let differences = diff::compare(original, session, ignore);
        let _ = diff::html::report(original, session, &differences, ignore);
    }
    let text = serde_json::to_vec(&har::export(session)).expect("JSON");
    let _ = har::import(&text);
    assert!(began.elapsed() < TAKES_MAX, "it took {:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_reads_as_a_session_is_used_without_a_panic_and_in_good_time(
        file in prop::sample::select(&FILES[..]),
        place in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        how in 0..6_u8,
        number in prop::sample::select(&[
            "0", "1", "2", "65536", "4294967295", "4294967296", "1099511627776",
            "9007199254740991",
        ][..]),
    ) {
        let mut text = SAMPLE.text(file);
        let lines: Vec<&str> = text.lines().collect();
        let (one, two) = (place.index(lines.len()), other.index(lines.len()));
        match how {
            // Numbers are where a file can claim most with least.
            0..=3 => {
                let numbers = numbers(&text);
                let (start, end) = numbers[place.index(numbers.len())];
                text.replace_range(start..end, number);
            }
            4 => {
                let mut lines = lines;
                lines.swap(one, two);
                text = lines.join("\n") + "\n";
            }
            _ => {
                let mut lines = lines;
                lines.remove(one);
                text = lines.join("\n") + "\n";
            }
        }
        if let Some(session) = SAMPLE.with(file, &text) {
            use_up(&session, &SAMPLE.session);
        }
    }
}

#[test]
fn a_replay_of_pieces_without_end_is_given_up() {
    let mut session = SAMPLE.session.clone();
    let is_media = |head: &Option<(_, Head)>| head.as_ref().is_some_and(|(_, h)| h.status == 206);
    let exchange = session.exchanges.iter_mut().rfind(|x| is_media(&x.head)).expect("a film");
    exchange.arrivals.truncate(1);
    exchange.pauses.clear();
    let every = Duration::from_micros(1);
    let first = exchange.arrivals[0].last() + every;
    exchange.arrivals.push(Arrival { first, every, times: u32::MAX, bytes: 1 });
    let tail = Segment::Elided { length: u32::MAX.into(), sha256: [7; 32] };
    exchange.body = Body::new(exchange.body.segments().iter().cloned().chain([tail]));
    exchange.ending = Ending::Open;
    session.about.viewing.end.at = testcard_core::time::Instant::FAR_FUTURE;
    match replay::replay(&session) {
        Err(ReplayError::Derailed(derailed)) if matches!(derailed.why, Why::Endless) => {}
        other => panic!("{:?}", other.map(|replayed| replayed.end)),
    }
}

/// A session whose only body is a terabyte of this.
fn terabyte(segment: impl FnOnce(&Fixture) -> Segment, film: &str) -> Session {
    let mut session = SAMPLE.session.clone();
    let spec = film.parse().expect("a film");
    let film = Arc::new(VirtualFilm::new(&Clip::test_card(), &spec).expect("a film"));
    let fixture = Fixture { film_spec: spec.to_string(), film };
    session.exchanges.truncate(1);
    session.exchanges[0].body = Body::new([segment(&fixture)]);
    session.about.fixtures = vec![fixture];
    session
}

#[test]
fn bodies_of_terabytes_are_compared_by_what_they_are_said_to_be() {
    const BYTES: u64 = 1 << 40;
    let film = format!("1800:{BYTES}:first");
    let of_film = |range: std::ops::Range<u64>| {
        move |fixture: &Fixture| Segment::Fixture { film: fixture.film.clone(), range }
    };
    let elided = |sha256| move |_: &Fixture| Segment::Elided { length: BYTES, sha256 };
    let whole = terabyte(of_film(0..BYTES), &film);
    let body = |expected: &Session, actual: &Session| -> Vec<String> {
        let differences = diff::compare(expected, actual, &Ignore::default());
        diff::text(&differences, 20).lines().map(|line| line.trim().to_owned()).collect()
    };
    assert_eq!(body(&whole, &terabyte(of_film(0..BYTES), &film)).len(), 0);
    let told = body(&whole, &terabyte(elided([7; 32]), &film)).join("\n");
    assert!(told.contains(&format!("not compared byte by byte: bytes 0..{BYTES} of the film")));
    assert!(told.contains(&format!("{BYTES} bytes with SHA-256 0707")), "{told}");
}
