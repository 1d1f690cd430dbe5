//! The same in two processes: nothing that a process has for itself (the seeds of its hash maps, its
//! addresses, its clock) shows in what happens in virtual time.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What the program prints.
fn sim(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testcard-sim"));
    let output = command.args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn hash(arguments: &[&str], field: &str) -> String {
    let told: Value = serde_json::from_str(&sim(arguments)).expect("JSON");
    let hash = told[field].as_str().expect("a hash").to_owned();
    assert_eq!(hash.len(), 64, "{hash}");
    hash
}

/// The first line that is not the same in two texts, of both.
fn first_difference(one: &str, two: &str) -> String {
    let (mut one, mut two) = (one.lines(), two.lines());
    loop {
        match (one.next(), two.next()) {
            (None, None) => return "no line that is shown".to_owned(),
            (a, b) if a != b => {
                let shown = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return format!("\n- {}\n+ {}", shown(a), shown(b));
            }
            _ => {}
        }
    }
}

#[test]
fn a_session_replays_to_the_same_trace_in_two_processes() {
    let home = tempfile::tempdir().expect("a directory");
    let out = home.path().to_str().expect("a path in UTF-8");
    let name = "short-body";
    sim(&["scenarios", "--out", out, name]);
    let dir = Path::new(out).join(name);
    let dir = dir.to_str().expect("a path in UTF-8");
    for driver in ["heap", "turmoil"] {
        let replay = ["replay", "--driver", driver, dir];
        let hash = || hash(&[&replay[..], &["--json"]].concat(), "trace_sha256");
        if hash() != hash() {
            let timeline = || sim(&[&replay[..], &["--timeline"]].concat());
            panic!("{driver}: {}", first_difference(&timeline(), &timeline()));
        }
    }
}

#[test]
fn the_hash_of_a_trace_is_that_of_the_file_it_is_kept_in() {
    let home = tempfile::tempdir().expect("a directory");
    let out = home.path().to_str().expect("a path in UTF-8");
    sim(&["scenarios", "--out", out, "short-body"]);
    let saved = home.path().join("saved");
    let paths = [home.path().join("short-body"), saved.clone()];
    let [dir, to] = paths.each_ref().map(|path| path.to_str().expect("a path in UTF-8"));
    let told = hash(&["replay", "--json", "--save", to, dir], "trace_sha256");
    let trace = std::fs::read(saved.join("short-body/trace.jsonl")).expect("a trace");
    assert_eq!(told, testcard_session::sha256_hex(&trace));
}

#[test]
fn seeds_are_the_same_evenings_in_two_processes() {
    let hash = |seeds: &str| hash(&["sweep", "--json", "--seeds", seeds], "timelines_sha256");
    let seeds = "0..40";
    if hash(seeds) != hash(seeds) {
        let timelines = || sim(&["sweep", "--timeline", "--seeds", seeds]);
        panic!("{}", first_difference(&timelines(), &timelines()));
    }
    assert_ne!(hash("0..1"), hash("1..2"), "the hash is of what happens");
}
