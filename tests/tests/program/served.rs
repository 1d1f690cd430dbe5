//! Sessions served over real sockets by `testcard-sim serve`, watched by programs that do not know.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use testcard_session::Session;
use testcard_sim::diff::{self, Ignore, Rule};
use testcard_sim::{replay, scenarios};

use crate::run::{program, sim};

/// A session being served. Ends with the test.
struct Serving {
    server: Child,
    /// What the server says about itself, for machines.
    about: Value,
    complaints: BufReader<ChildStderr>,
    folder: TempDir,
    session: Session,
}

impl Serving {
    fn start(scenario: &str, more: &[&str]) -> Self {
        let all = scenarios::all();
        let scenario = all.iter().find(|s| s.slug == scenario).expect("a scenario");
        let session = scenario.record();
        let folder = TempDir::new().expect("a folder for temporary files");
        session.write(&folder.path().join("session")).unwrap_or_else(|error| panic!("{error}"));
        let mut server = Command::new(sim())
            .args(["serve", "--session", "session", "--ca-out", "ca.pem"])
            .args(more)
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        let mut output = BufReader::new(server.stdout.take().expect("it is piped"));
        output.read_line(&mut line).expect("a line");
        let about = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let complaints = BufReader::new(server.stderr.take().expect("it is piped"));
        Self { server, about, complaints, folder, session }
    }

    /// A command line as the server says.
    fn words(&self, what: &str) -> Vec<&str> {
        let words = self.about[what][0].as_array().expect("a command line");
        words.iter().map(|word| word.as_str().expect("a word")).collect()
    }

    fn run(&self, program: &Path, words: &[&str], more: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(words).args(more).current_dir(&self.folder);
        command.output().expect("the program runs")
    }

    /// The next thing that the server says to people.
    fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.complaints.read_line(&mut line).expect("a line");
        line
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_recorded_film_is_played_from_the_session_alone() {
    let mut serving = Serving::start("moov-first", &["--speed", "4"]);
    let resolve = serving.about["resolve"].as_array().expect("hosts").len();
    assert!(resolve >= 2, "{}", serving.about);
    let dump = ["--headless", "--frames", "30", "--dump-frames", "pictures"];
    let output = serving.run(program(), &serving.words("play"), &dump);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let pictures = crate::run::Frame::all(&serving.folder.path().join("pictures"), 0);
    assert_eq!(pictures.len(), 30);
    assert_eq!(pictures[0].number(), 100 * crate::run::RATE);
    assert!(serving.complaint().contains("there is silence then"));
}

#[test]
fn what_watches_a_served_session_records_the_same_session() {
    let serving = Serving::start("relative-location", &[]);
    let output = serving.run(sim(), &serving.words("record"), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = Session::read(&serving.folder.path().join("again")).expect("a session");
    let replayed = replay::replay(&again).unwrap_or_else(|error| panic!("{error}"));
    // Where playing stood when it was left is where the clock of this machine stood.
    let ignore = Ignore::across_drivers().with(Rule::Positions);
    let differences = diff::compare_traces(&serving.session.trace, &replayed.trace, &ignore);
    assert!(differences.is_empty(), "{}", diff::text(&differences, 5));
}

#[test]
fn what_was_not_recorded_is_told_and_does_not_hang() {
    let mut serving = Serving::start("moov-first", &[]);
    let words = serving.words("play").into_iter().map(|word| match word {
        "100.000000" => "200",
        word => word,
    });
    let elsewhere: Vec<&str> = words.collect();
    let output = serving.run(program(), &elsewhere, &["--headless", "--frames", "1"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let complaint = std::iter::repeat_with(|| serving.complaint())
        .find(|line| line.is_empty() || line.contains("was not recorded"))
        .expect("an endless iterator");
    assert!(complaint.contains("exchange"), "{complaint:?}");
}
