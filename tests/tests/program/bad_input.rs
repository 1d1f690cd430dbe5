//! What a person is told when things are not as they should be: one sentence, a trace event, and an
//! exit code. Never a crash, a hang or silence.

use std::process::Command;

use testcard_archive::serve::{Certificate, Options};
use testcard_archive::{FilmSpec, Layout};

use crate::run::{Run, Stage, archive_with, half_hour, program};

/// Plays a film from an archive that misbehaves like this.
fn play(rules: &[&str]) -> Run {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), rules));
    stage.play(&stage.film_url(), &["--frames", "1"])
}

fn assert_told(run: &Run, code: i32, sentence: &str) {
    assert_eq!(run.sentence(), format!("testcard: {sentence}\n"));
    assert_eq!(run.code(), Some(code));
    let failed = run.events("failed");
    assert_eq!(failed.len(), 1, "{:?}", run.trace);
    assert_eq!(failed[0]["sentence"], sentence);
    assert!(run.events("picture").is_empty());
}

#[test]
fn a_film_that_is_gone_is_said_to_be_gone() {
    let run = play(&["download:always:status=404"]);
    assert_told(&run, 3, "The archive does not have this film any more (404).");
}

#[test]
fn an_item_that_does_not_exist_is_said_not_to() {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
    let run = stage.play(&stage.film_url().replace("/film/", "/flim/"), &[]);
    assert_told(&run, 3, "The archive has no item of this name.");
}

#[test]
fn a_dark_item_is_said_to_be_out_of_public_view() {
    let mut archive = archive_with(half_hour(Layout::MoovFirst), &[]);
    archive.darken("film");
    let stage = Stage::new(archive);
    let run = stage.play(&stage.film_url(), &[]);
    assert_told(&run, 3, "The archive has taken this film out of public view.");
}

#[test]
fn a_web_page_is_not_taken_for_a_film() {
    let run = play(&["node:always:page"]);
    assert_told(&run, 3, "A web page came instead of the film.");
}

#[test]
fn a_truncated_film_is_called_truncated() {
    let stage =
        Stage::new(archive_with(half_hour(Layout::MoovLast), &["node:always:truncated=100000000"]));
    let run = stage.play(&stage.film_url(), &[]);
    assert_told(&run, 3, "This film's file ends too early.");
}

#[test]
fn a_film_truncated_behind_its_index_plays_to_the_cut_and_is_called_truncated() {
    let stage =
        Stage::new(archive_with(half_hour(Layout::MoovFirst), &["node:always:truncated=94000000"]));
    let run = stage.play(&stage.film_url(), &["--at", "900"]);
    assert_eq!(run.sentence(), "testcard: This film's file ends too early.\n");
    assert_eq!(run.code(), Some(3));
    assert!(run.events("picture").len() > 30, "{:?}", run.trace);
    let run = stage.play(&stage.film_url(), &["--at", "1200"]);
    assert_told(&run, 3, "This film's file ends too early.");
}

#[test]
fn a_damaged_index_is_called_unusable() {
    let run = play(&["node:always:moov-damaged"]);
    assert_eq!(run.code(), Some(3), "{}", run.sentence());
    assert!(run.sentence().starts_with("testcard: This film's "), "{}", run.sentence());
    assert_eq!(run.events("failed").len(), 1);
}

#[test]
fn a_redirect_to_another_site_is_refused() {
    let run = play(&["download:always:redirect=foreign"]);
    assert_eq!(run.code(), Some(3));
    assert!(run.sentence().starts_with("testcard: The archive sent us on to another site, "));
    assert_eq!(run.events("failed").len(), 1);
}

#[test]
fn a_redirect_to_an_address_that_is_not_secure_is_refused() {
    let run = play(&["download:always:redirect=http"]);
    assert_told(&run, 3, "The archive sent us on to an address that is not secure.");
}

#[test]
fn a_redirect_loop_ends() {
    let run = play(&["download:always:redirect=loop"]);
    assert_told(&run, 3, "The archive kept sending us in circles.");
    assert_eq!(run.events("opened").len(), 6);
}

#[test]
fn a_certificate_of_another_name_is_not_trusted() {
    let certificate =
        Certificate { names: vec!["elsewhere.example".to_string()], ..Certificate::default() };
    let options = Options { certificate, ..Options::default() };
    let stage =
        Stage::with_options(archive_with(FilmSpec::new(60_000, Layout::MoovFirst), &[]), options);
    let run = stage.play(&stage.film_url(), &[]);
    assert_told(&run, 4, "This film cannot be had: the host's certificate could not be trusted.");
}

#[test]
fn nobody_at_home_is_a_failure_of_the_network() {
    let mut stage = Stage::new(archive_with(FilmSpec::new(60_000, Layout::MoovFirst), &[]));
    let url = stage.film_url();
    stage.server.unplug();
    let run = stage.play(&url, &[]);
    assert_told(&run, 4, "This film cannot be had: the host refused the connection.");
}

#[test]
fn arguments_that_make_no_sense_are_refused_with_exit_code_2() {
    let stage = Stage::new(archive_with(FilmSpec::new(60_000, Layout::MoovFirst), &[]));
    for arguments in [
        &["play", "film.mp4"][..],
        &["play", "ftp://127.0.0.1/film.mp4"],
        &["play", "https://127.0.0.1/film.mp4", "--at", "soon"],
        &["--channel", "99"],
        &["--line-up", "/nowhere/line-up.toml"],
        &["--when", "yesterday"],
        &["--resolve", "archive.org:127.0.0.1"],
    ] {
        let run = stage.run(arguments);
        assert_eq!(run.code(), Some(2), "{arguments:?}: {}", run.sentence());
        assert!(!run.sentence().is_empty());
    }
}

#[test]
fn what_only_the_schedule_heeds_is_refused_where_there_is_none() {
    for option in [["--line-up", "mine.toml"], ["--seed", "7"], ["--when", "2026-11-20T20:42:00Z"]]
    {
        for command in [["play", "https://127.0.0.1/film.mp4"], ["probe", "film.mp4"]] {
            for arguments in [[command, option].concat(), [option, command].concat()] {
                let output =
                    Command::new(program()).args(&arguments).output().expect("the program runs");
                let sentence = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{arguments:?}: {sentence}");
                assert!(sentence.contains(option[0]), "{arguments:?}: {sentence}");
            }
        }
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let stage = Stage::new(archive_with(FilmSpec::new(60_000, Layout::MoovFirst), &[]));
    let run = stage.play("http://192.0.2.1/film.mp4", &[]);
    assert_told(&run, 3, "The film's address is not https, and it is not on this machine.");
}
