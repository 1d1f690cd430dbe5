//! What is in git, and what it shows.

use insta::assert_snapshot;
use testcard_archive::SoundFile;
use testcard_core::time::Instant;
use testcard_session::{BlankFilms, Directory, Fixture, trace_text};
use testcard_sim::diff::{self, Ignore};
use testcard_sim::{replay, scenarios};

use super::*;

#[test]
fn every_session_replays_to_the_microsecond_and_shows_what_it_is_named_for() {
    for (name, session) in sessions() {
        let replayed = replay::replay(&session).unwrap_or_else(|error| panic!("{name}: {error}"));
        let differences = diff::compare_traces(&session.trace, &replayed.trace, &Ignore::default());
        assert!(differences.is_empty(), "{name}:\n{}", diff::text(&differences, 5));
        let shown = format!("{}\n\n{}", session.about.title, replayed.timeline);
        assert_snapshot!(name.as_str(), shown);
    }
}

/// The PSP has no room for the clip that films are made of, and goes by this. Of a sound file every
/// byte decides something, and the PSP plays none.
#[test]
fn every_session_goes_the_same_way_when_the_films_in_it_are_blank() {
    for (name, session) in sessions() {
        let is_film = |fixture: &Fixture| {
            let layout = fixture.film_spec.rsplit(':').next();
            !SoundFile::ALL.iter().any(|kind| Some(kind.name()) == layout)
        };
        if !session.about.fixtures.iter().all(is_film) {
            continue;
        }
        let source = Directory(home().join(&name));
        let blank = Session::read_from(&source, &BlankFilms).unwrap_or_else(|e| panic!("{e}"));
        let bytes = |session: &Session| -> Vec<u64> {
            session.exchanges.iter().map(|exchange| exchange.body.len()).collect()
        };
        assert_eq!(bytes(&blank), bytes(&session), "{name}");
        let replay = |session: &Session| {
            let replayed = replay::replay(session).unwrap_or_else(|e| panic!("{name}: {e}"));
            trace_text(&replayed.trace)
        };
        assert_eq!(replay(&blank), replay(&session), "{name}");
    }
}

#[test]
fn the_sessions_that_the_psp_watches_are_there_and_many() {
    let chosen = include_str!("../../../psp/eboot/src/checks/sessions.txt");
    let chosen: Vec<_> =
        chosen.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(chosen.len() > 15, "{chosen:?}");
    for name in chosen {
        assert!(home().join(name).join("trace.jsonl").exists(), "{name}");
    }
}

#[test]
fn every_scenario_records_the_session_that_is_in_git_to_the_byte() {
    let made = tempfile::tempdir().expect("a directory");
    for scenario in scenarios::all() {
        let dir = made.path().join(scenario.slug);
        scenario.record().write(&dir).unwrap_or_else(|error| panic!("{error}"));
        let files = files_below(&dir);
        let in_git = home().join(scenario.slug);
        assert_eq!(files, files_below(&in_git), "{}", scenario.slug);
        for file in files {
            let (made, kept) = (std::fs::read(dir.join(&file)), std::fs::read(in_git.join(&file)));
            let is_same = made.expect("a file") == kept.expect("a file");
            assert!(is_same, "{}/{} is recorded otherwise now", scenario.slug, file.display());
        }
    }
}

#[test]
fn every_session_in_git_has_a_scenario_and_every_scenario_a_session() {
    let mut told: Vec<_> = scenarios::all().iter().map(|scenario| scenario.slug).collect();
    told.sort_unstable();
    let kept: Vec<_> = sessions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(kept, told);
}

#[test]
fn a_token_that_ran_out_is_never_used_again() {
    let mut ran_out = 0;
    for (name, session) in sessions() {
        for (id, token) in (1..).zip(&session.about.tokens) {
            let until = token.valid_until.unwrap_or(Instant::FAR_FUTURE);
            let placeholder = format!("{{{{token:{id}}}}}");
            let with_it = session.exchanges.iter().filter(|exchange| {
                exchange.request.url.query().is_some_and(|query| query.contains(&placeholder))
            });
            let latest = with_it.map(|exchange| exchange.opened).max();
            assert!(latest.is_none_or(|latest| latest <= until), "{name}: token {id}");
            let last = session.exchanges.last().expect("an exchange").opened;
            ran_out += usize::from(until < last);
        }
    }
    assert!(ran_out > 2, "in no session does a token run out: this shows nothing");
}

#[test]
fn every_session_in_git_may_be_there() {
    for (name, _) in sessions() {
        let findings: Vec<_> =
            testcard_session::lint(&home().join(&name)).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}

/// The paths of all files below a directory, in order.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_path_buf()]);
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display()))
        {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => dirs.push(path),
                false => files.push(path.strip_prefix(dir).expect("below").to_path_buf()),
            }
        }
    }
    files.sort();
    files
}
