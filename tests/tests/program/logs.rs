//! What the program says on standard error, and what it keeps to itself.

use testcard_archive::Layout;

use crate::run::{Run, Stage, archive_with, half_hour};

fn play(log: &str) -> Run {
    let mut archive = archive_with(half_hour(Layout::MoovFirst), &["node:1:close=200000"]);
    // Addresses of nodes then have a secret in their query.
    archive.set_token_life(Some(60_000_000));
    let stage = Stage::new(archive);
    let arguments = ["play", &stage.film_url(), "--headless", "--at", "900", "--frames", "30"];
    let environment = if log.is_empty() { vec![] } else { vec![("RUST_LOG", log)] };
    let run = stage.run_with(&arguments, &environment);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    run
}

#[test]
fn a_film_that_plays_is_played_without_a_word() {
    assert_eq!(play("").sentence(), "");
}

#[test]
fn a_log_says_what_was_tuned_and_what_failed_and_no_secret() {
    for (log, expected) in [
        ("testcard=info", &["tuned to https://", "trying again in"][..]),
        ("trace", &["tuned to https://", "answered 302", "/items/film/film.mp4"]),
    ] {
        let run = play(log);
        let said = run.sentence();
        for words in expected {
            assert!(said.contains(words), "{words} is not in {said}");
        }
        let addresses = run.events("opened").into_iter().map(|event| event["url"].as_str());
        let secrets: Vec<&str> =
            addresses.flatten().filter_map(|url| Some(url.split_once("?t=")?.1)).collect();
        assert!(!secrets.is_empty(), "{:?}", run.trace);
        for secret in secrets {
            assert!(!said.contains(secret), "RUST_LOG={log} tells {secret}");
        }
    }
}
