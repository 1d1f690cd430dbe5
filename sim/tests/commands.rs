//! `testcard-sim` as scripts see it: what a command's exit code means, what `--json` promises, and
//! what is said to a person whose files are not what they have to be. Sessions are recorded by the
//! program itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// What came of running the program.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn sim<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testcard-sim"));
    let output = command.args(arguments).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Ran {
    /// The lines of JSON that were printed.
    fn json(&self) -> Vec<Value> {
        let line =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out.lines().map(line).collect()
    }

    #[track_caller]
    fn ends_with(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
    }
}

/// The names of an object's fields.
fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

static RECORDED: LazyLock<TempDir> = LazyLock::new(|| {
    let home = tempfile::tempdir().expect("a directory");
    sim(["scenarios", "--out", path(home.path()), "short-body", "redirect-loop"]).ends_with(0);
    home
});

/// A session of its own for a test, recorded from a scenario.
struct Sample {
    home: TempDir,
    name: &'static str,
}

impl Sample {
    fn of(name: &'static str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        copy(&RECORDED.path().join(name), &home.path().join(name));
        Self { home, name }
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join(self.name)
    }

    /// The path of a file beside the session.
    fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Replaces the first `from` in a file, which has one, and says in which line that was.
    fn doctor(&self, file: &str, from: &str, to: &str) -> usize {
        let file = self.dir().join(file);
        let text = fs::read_to_string(&file).expect("a file");
        let at = text.find(from).unwrap_or_else(|| panic!("no {from} in {}", file.display()));
        fs::write(&file, text.replacen(from, to, 1)).expect("the file is ours");
        text[..at].matches('\n').count() + 1
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a file")),
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// What names something to fetch, wherever it is.
const FETCHED: [&str; 6] = ["src=", "srcset=", "<link", "<object", "<iframe", "@import"];

/// What may name a place in the page itself.
const REFERENCES: [(&str, &str); 2] = [("href=", "\"#"), ("url(", "#")];

#[track_caller]
fn assert_stands_alone(page: &Path) {
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>"), "{}", &page[..60]);
    for reference in FETCHED {
        assert!(!page.contains(reference), "{reference} in the page");
    }
    for (reference, own) in REFERENCES {
        for place in page.split(reference).skip(1) {
            let place: String = place.chars().take(40).collect();
            assert!(place.starts_with(own), "{reference}{place}");
        }
    }
}

#[test]
fn a_session_that_goes_as_recorded_ends_with_0() {
    let session = Sample::of("short-body");
    let ran = sim(["replay", path(&session.dir())]);
    ran.ends_with(0);
    let told = format!("{}: as recorded (", session.dir().display());
    assert!(ran.out.starts_with(&told), "{}", ran.out);
}

#[test]
fn a_directory_of_sessions_stands_for_all_that_are_in_it() {
    let ran = sim(["replay", "--json", path(RECORDED.path())]);
    ran.ends_with(0);
    let sessions: Vec<_> = ran.json().iter().map(|line| line["session"].clone()).collect();
    let expected = ["redirect-loop", "short-body"].map(|name| RECORDED.path().join(name));
    assert_eq!(sessions, expected.map(|dir| Value::from(path(&dir))));
    sim(["lint", path(RECORDED.path())]).ends_with(0);
}

#[test]
fn a_replay_tells_machines_how_long_it_took_and_what_was_different() {
    let session = Sample::of("short-body");
    let ran = sim(["replay", "--json", path(&session.dir())]);
    ran.ends_with(0);
    let [line] = &ran.json()[..] else { panic!("{}", ran.out) };
    let expected = ["session", "virtual_us", "real_us", "trace_sha256", "compared", "differences"];
    assert_eq!(fields(line), BTreeSet::from(expected));
    // From the 100th second of the film to the 145th.
    assert!((45_000_000..60_000_000).contains(&line["virtual_us"].as_u64().expect("a time")));
    assert_eq!(line["differences"], Value::Array(Vec::new()));

    session.doctor("trace.jsonl", "\"status\":206", "\"status\":200");
    let ran = sim(["replay", "--json", path(&session.dir())]);
    ran.ends_with(1);
    let [line] = &ran.json()[..] else { panic!("{}", ran.out) };
    let [difference] = line["differences"].as_array().expect("a list").as_slice() else {
        panic!("{line}")
    };
    let expected = ["at_us", "where", "subject", "context", "field", "expected", "actual"];
    assert_eq!(fields(difference), BTreeSet::from(expected));
    let what = ["field", "expected", "actual"].map(|field| difference[field].as_str());
    assert_eq!(what, [Some("status"), Some("200"), Some("206")]);
}

#[test]
fn a_session_that_goes_another_way_ends_with_1_and_a_page_shows_where() {
    let session = Sample::of("short-body");
    session.doctor("trace.jsonl", "\"status\":206", "\"status\":200");
    let pages = session.beside("pages");
    for driver in ["heap", "turmoil"] {
        let driven = ["replay", "--driver", driver, "--html", path(&pages)];
        let ran = sim([&driven[..], &[path(&session.dir())]].concat());
        ran.ends_with(1);
        assert!(ran.out.contains("another way than recorded"), "{}", ran.out);
        assert!(ran.out.contains("status  expected  200"), "{}", ran.out);
        assert_stands_alone(&pages.join("short-body.html"));
        fs::remove_dir_all(&pages).expect("our own");
    }
    sim(["replay", "--html", path(&pages), path(&Sample::of("short-body").dir())]).ends_with(0);
    assert!(!pages.exists(), "a page of a session that went as recorded");
}

#[test]
fn a_request_that_was_not_recorded_ends_with_1_and_names_the_nearest_that_was() {
    let session = Sample::of("short-body");
    session.doctor("session.toml", "/download/film/film.mp4", "/download/film/other.mp4");
    let nearest = "GET /download/film/other.mp4 from archive.org, bytes=0- was not recorded; the \
                   nearest is exchange 1, which asked for /download/film/film.mp4";
    let ran = sim(["replay", path(&session.dir())]);
    ran.ends_with(1);
    assert!(ran.out.contains(nearest), "{}", ran.out);
    let ran = sim(["replay", "--json", path(&session.dir())]);
    ran.ends_with(1);
    let [line] = &ran.json()[..] else { panic!("{}", ran.out) };
    assert!(fields(line).contains("differences"), "{line}");
    assert_eq!(line["error"], nearest);
    assert_eq!(line["differences"][0]["field"], "url");
}

#[test]
fn what_came_of_a_session_that_left_its_recording_is_drawn_printed_and_kept() {
    let session = Sample::of("short-body");
    session.doctor("session.toml", "/download/film/film.mp4", "/download/film/other.mp4");
    let (pages, saved) = (session.beside("pages"), session.beside("saved"));
    for driver in ["heap", "turmoil"] {
        let asked = ["replay", "--timeline", "--driver", driver, "--html", path(&pages)];
        let dir = session.dir();
        let kept = ["--save", path(&saved), path(&dir)];
        let ran = sim([&asked[..], &kept].concat());
        ran.ends_with(1);
        assert!(ran.out.contains("| tuned "), "no timeline: {}", ran.out);
        assert!(ran.out.contains("other.mp4 from archive.org"), "{}", ran.out);
        let page = pages.join("short-body.html");
        assert_stands_alone(&page);
        let page = fs::read_to_string(page).expect("a page");
        assert!(page.contains("was not recorded; the nearest is exchange 1"), "no reason");
        let trace = saved.join("short-body/trace.jsonl");
        let trace = fs::read_to_string(trace).expect("the trace so far");
        assert!(trace.contains("/download/film/other.mp4"), "{trace}");
        fs::remove_dir_all(&pages).expect("our own");
        fs::remove_dir_all(&saved).expect("our own");
    }
}

#[test]
fn a_session_without_a_trace_ends_with_1_until_one_is_written_or_none_is_wanted() {
    let session = Sample::of("short-body");
    fs::remove_file(session.dir().join("trace.jsonl")).expect("a trace");
    let (dir, saved) = (session.dir(), session.beside("saved"));
    let ran = sim(["replay", path(&dir)]);
    ran.ends_with(1);
    assert!(ran.out.contains("no trace.jsonl to compare it with"), "{}", ran.out);
    let ran = sim(["replay", "--json", path(&dir)]);
    ran.ends_with(1);
    assert_eq!(ran.json()[0]["compared"], false);
    sim(["lint", path(&dir)]).ends_with(1);

    sim(["replay", "--without-trace", "--save", path(&saved), path(&dir)]).ends_with(0);
    let saved = saved.join("short-body");
    let ran = sim(["replay", "--json", path(&saved)]);
    ran.ends_with(0);
    assert_eq!(ran.json()[0]["compared"], true);
    sim(["lint", path(&saved)]).ends_with(0);
}

#[test]
fn a_session_that_cannot_be_read_does_not_keep_the_others_from_being_replayed() {
    let session = Sample::of("redirect-loop");
    copy(&RECORDED.path().join("short-body"), &session.beside("short-body"));
    session.doctor("timeline.jsonl", "\"ev\":\"head\"", "\"ev\":\"hat\"");
    let home = session.home.path();
    let ran = sim(["replay", path(home)]);
    ran.ends_with(3);
    assert!(ran.err.contains("redirect-loop/timeline.jsonl:"), "{}", ran.err);
    assert!(ran.out.contains("short-body: as recorded"), "{}", ran.out);
    let ran = sim(["replay", "--json", path(home)]);
    ran.ends_with(3);
    let [broken, whole] = &ran.json()[..] else { panic!("{}", ran.out) };
    assert_eq!(fields(broken), BTreeSet::from(["session", "error"]));
    assert_eq!(whole["differences"], Value::Array(Vec::new()));
}

#[test]
fn a_replay_saved_is_a_session_with_the_trace_of_now() {
    let session = Sample::of("short-body");
    session.doctor("trace.jsonl", "\"status\":206", "\"status\":200");
    let saved = session.beside("saved");
    sim(["replay", "--save", path(&saved), path(&session.dir())]).ends_with(1);
    let saved = saved.join("short-body");
    sim(["replay", path(&saved)]).ends_with(0);
    sim(["diff", path(&saved), path(&RECORDED.path().join("short-body"))]).ends_with(0);
}

#[test]
fn sessions_that_are_the_same_end_with_0_and_a_doctored_one_with_1_and_the_first_difference() {
    let (expected, actual) = (Sample::of("short-body"), Sample::of("short-body"));
    let (a, b) = (expected.dir(), actual.dir());
    let ran = sim(["diff", path(&a), path(&b)]);
    ran.ends_with(0);
    assert_eq!(ran.out, "no difference\n");

    actual.doctor("exchanges/01.http", "HTTP/1.1 302", "HTTP/1.1 307");
    actual.doctor("timeline.jsonl", "\"status\":302", "\"status\":307");
    let page = actual.beside("page.html");
    let ran = sim(["diff", "--html", path(&page), path(&a), path(&b)]);
    ran.ends_with(1);
    let at = ran.out.lines().next().and_then(|line| line.strip_prefix("exchange 1 · "));
    let at = at.unwrap_or_else(|| panic!("{}", ran.out)).to_owned();
    let whole = format!(
        "exchange 1 · {at}\n    GET https://archive.org/download/film/film.mp4 bytes=0-\n  - status  \
         expected  302\n  +         actual    307\n\n1 difference in 1 place; the first at {at}.\n"
    );
    assert_eq!(ran.out, whole);
    assert_stands_alone(&page);

    let ran = sim(["diff", "--json", path(&a), path(&b)]);
    ran.ends_with(1);
    let [all] = &ran.json()[..] else { panic!("{}", ran.out) };
    assert_eq!(fields(all), BTreeSet::from(["differences"]));
    let [difference] = all["differences"].as_array().expect("a list").as_slice() else {
        panic!("{all}")
    };
    let expected = ["at_us", "where", "subject", "field", "expected", "actual"];
    assert_eq!(fields(difference), BTreeSet::from(expected));
}

#[test]
fn what_is_ignored_is_what_the_command_line_says() {
    let (expected, actual) = (Sample::of("short-body"), Sample::of("short-body"));
    // The second exchange's head, a microsecond later.
    actual.doctor("timeline.jsonl", "{\"t\":480000,\"x\":2,", "{\"t\":480001,\"x\":2,");
    let (a, b) = (expected.dir(), actual.dir());
    sim(["diff", path(&a), path(&b)]).ends_with(0);
    sim(["diff", "--exact", path(&a), path(&b)]).ends_with(1);
    sim(["diff", "--exact", "--ignore", "times", path(&a), path(&b)]).ends_with(0);
    sim(["diff", "--heed", "times", path(&a), path(&b)]).ends_with(1);
    let ran = sim(["diff", "--show-ignored"]);
    ran.ends_with(0);
    assert!(ran.out.contains("times"), "{}", ran.out);
}

#[test]
fn lint_ends_with_1_when_a_secret_was_left_behind() {
    let session = Sample::of("short-body");
    let ran = sim(["lint", path(&session.dir())]);
    ran.ends_with(0);
    assert_eq!(ran.out, format!("{}: fine\n", session.dir().display()));

    let line = session.doctor("exchanges/01.http", "\nServer:", "\nSet-Cookie: id=1\nServer:") + 1;
    let ran = sim(["lint", "--json", path(&session.dir())]);
    ran.ends_with(1);
    let [told] = &ran.json()[..] else { panic!("{}", ran.out) };
    assert_eq!(fields(told), BTreeSet::from(["session", "findings"]));
    let place = format!("{}:{line}: ", session.dir().join("exchanges/01.http").display());
    let findings = told["findings"].as_array().expect("a list");
    let is_there = |finding: &Value| finding.as_str().is_some_and(|f| f.starts_with(&place));
    assert!(findings.iter().any(is_there), "{place} is not in {told}");
}

#[test]
fn a_corrupt_session_ends_with_3_and_its_file_and_line_are_named() {
    let session = Sample::of("short-body");
    let line = session.doctor("timeline.jsonl", "\"ev\":\"head\"", "\"ev\":\"hat\"");
    let place = format!("{}:{line}: ", session.dir().join("timeline.jsonl").display());
    let (dir, other) = (session.dir(), RECORDED.path().join("short-body"));
    let (dir, other) = (path(&dir), path(&other));
    let commands: [&[&str]; 3] = [&["replay", dir], &["diff", other, dir], &["har", "export", dir]];
    for command in commands {
        let ran = sim(command);
        ran.ends_with(3);
        assert!(ran.err.starts_with(&format!("testcard-sim: {place}")), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    // For lint, that is what it looks for.
    let ran = sim(["lint", dir]);
    ran.ends_with(1);
    assert!(ran.out.starts_with(&place), "{}", ran.out);
}

#[test]
fn what_is_no_session_ends_with_3() {
    let home = tempfile::tempdir().expect("a directory");
    for dir in [home.path().to_owned(), home.path().join("nowhere")] {
        let ran = sim(["replay", path(&dir)]);
        ran.ends_with(3);
        assert!(ran.err.contains(path(&dir)), "{}", ran.err);
    }
    let ran = sim(["scenarios", "no-such-story"]);
    ran.ends_with(3);
    assert!(ran.err.contains("no-such-story"), "{}", ran.err);
}

#[test]
fn a_command_line_that_cannot_be_understood_ends_with_2() {
    let lines: [&[&str]; 10] = [
        &["replay", "--json", "--timeline", "."],
        &["replay", "--json", "--show-ignored", "."],
        &["diff", "--json", "--show-ignored", "one", "two"],
        &[],
        &["replay"],
        &["replay", "--driver", "pigeon", "."],
        &["diff", "one"],
        &["diff", "--ignore", "everything", "one", "two"],
        &["lint"],
        &["har", "import", "file.har"],
    ];
    for line in lines {
        sim(line).ends_with(2);
    }
}

#[test]
fn what_can_be_known_before_the_network_is_asked_is_said_then() {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("letter"), "not to be lost").expect("a file");
    let out = path(home.path());
    let out_of_range = (1_u64 << 53).to_string();
    let lines: [&[&str]; 6] = [
        &["record", "ftp://localhost/film.mp4", "--out", out],
        &["record", "http://archive.org/film.mp4", "--out", out],
        &["record", "https://localhost/", "--window", &out_of_range, "--out", out],
        &["record", "https://localhost/", "--window", "0", "--out", out],
        &["sweep", "--seeds", "0..1", "--threads", "0"],
        &["sweep", "--seeds", "0..1", "--threads", "257"],
    ];
    for line in lines {
        sim(line).ends_with(2);
    }
    // Nothing listens at this port, which the first exchange would tell.
    let ran = sim(["record", "http://127.0.0.1:1/film.mp4", "--out", out]);
    ran.ends_with(3);
    assert!(ran.err.contains("there is something that is no session"), "{}", ran.err);
    assert_eq!(ran.out, "");
    assert_eq!(fs::read_dir(home.path()).expect("a directory").count(), 1);
}

#[test]
fn what_cannot_be_served_is_named() {
    let ca = sim(["serve", "--ca-out", "/nonexistent/ca.pem"]);
    ca.ends_with(3);
    assert!(ca.err.contains("/nonexistent/ca.pem: "), "{}", ca.err);
    let port = sim(["serve", "--port", "65534"]);
    port.ends_with(3);
    assert!(port.err.contains("port 65534: the two nodes"), "{}", port.err);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("an address");
    let ran = sim(["serve", "--port", &at.port().min(65533).to_string()]);
    ran.ends_with(3);
    assert!(ran.err.contains(&format!("{at}: ")), "{}", ran.err);
}

#[test]
fn seeds_that_all_go_well_end_with_0_and_the_commit_is_told() {
    let ran = sim(["sweep", "--seeds", "0..4", "--shard", "1/2", "--threads", "2", "--json"]);
    ran.ends_with(0);
    let [report] = &ran.json()[..] else { panic!("{}", ran.out) };
    let expected = ["commit", "played", "took_ms", "timelines_sha256", "marks", "failed"];
    assert_eq!(fields(report), BTreeSet::from(expected));
    assert_eq!((&report["played"], &report["failed"]), (&Value::from(2), &Value::Null));
    let ran = sim(["sweep", "--seeds", "0..2"]);
    ran.ends_with(0);
    assert!(ran.out.contains("\n2 seeds"), "{}", ran.out);
    assert!(ran.out.ends_with("nothing happened that never must\n"), "{}", ran.out);
}

/// The archive on this machine, until dropped.
struct Archive {
    process: Child,
    ca: PathBuf,
    film: String,
}

impl Archive {
    fn serve(home: &Path) -> Self {
        let ca = home.join("ca.pem");
        let mut process = Command::new(env!("CARGO_BIN_EXE_testcard-sim"))
            .args(["serve", "--film", "film:60:min:first", "--ca-out", path(&ca)])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().expect("a pipe"))
            .read_line(&mut line)
            .expect("text");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let film = told["films"][0]["download"].as_str().expect("a URL").to_owned();
        Self { process, ca, film }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_is_recorded_from_the_archive_goes_the_same_way_on_the_heap_and_over_sockets() {
    let home = tempfile::tempdir().expect("a directory");
    let session = home.path().join("session");
    let archive = Archive::serve(home.path());
    let ca = path(&archive.ca);
    let record = ["record", &archive.film, "--extra-ca", ca, "--seconds", "2", "--json", "--out"];
    let ran = sim([&record[..], &[path(&session)]].concat());
    ran.ends_with(0);
    let [told] = &ran.json()[..] else { panic!("{}", ran.out) };
    assert_eq!(fields(told), BTreeSet::from(["session", "failure", "start_us", "rebuffers"]));
    assert_eq!(told["failure"], Value::Null);
    drop(archive);
    sim(["lint", path(&session)]).ends_with(0);
    for driver in ["heap", "loopback"] {
        sim(["replay", "--driver", driver, path(&session)]).ends_with(0);
    }
}

#[test]
fn a_session_survives_the_way_to_a_har_file_and_back() {
    let session = Sample::of("short-body");
    let (file, back) = (session.beside("session.har"), session.beside("back"));
    let dir = session.dir();
    let export = ["har", "export", path(&dir), "--out", path(&file)];
    let ran = sim(export);
    ran.ends_with(0);
    assert_eq!(ran.out, format!("{}: 6 exchanges\n", file.display()));
    let ran = sim([&export[..], &["--json"]].concat());
    ran.ends_with(0);
    assert_eq!(ran.json(), [serde_json::json!({ "file": file })]);
    let printed = sim(["har", "export", path(&session.dir())]);
    printed.ends_with(0);
    assert_eq!(printed.out, fs::read_to_string(&file).expect("a file"));
    let har: Value = serde_json::from_str(&printed.out).expect("JSON");
    assert_eq!(har["log"]["version"], "1.2");

    let import = ["har", "import", path(&file), "--out", path(&back)];
    let ran = sim(import);
    ran.ends_with(0);
    assert_eq!(ran.out, format!("{}: 6 exchanges\n", back.display()));
    let ran = sim([&import[..], &["--json"]].concat());
    ran.ends_with(0);
    assert_eq!(ran.json(), [serde_json::json!({ "session": back, "left_out": [] })]);
    sim(["replay", path(&back)]).ends_with(0);
    sim(["diff", "--exact", path(&session.dir()), path(&back)]).ends_with(0);
}

#[test]
fn what_is_no_har_file_ends_with_3_and_makes_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let (file, out) = (home.path().join("film.har"), home.path().join("out"));
    for text in ["", "{\"log\":{}}", "[1, 2"] {
        fs::write(&file, text).expect("a file");
        let ran = sim(["har", "import", path(&file), "--out", path(&out)]);
        ran.ends_with(3);
        assert!(ran.err.contains(path(&file)), "{}", ran.err);
        assert!(!out.exists());
    }
}

#[test]
fn a_file_without_an_end_ends_with_3_and_is_not_read_for_ever() {
    let home = tempfile::tempdir().expect("a directory");
    let out = home.path().join("out");
    let import = ["har", "import", "/dev/zero", "--out", path(&out)];
    let record = ["record", "https://localhost/", "--extra-ca", "/dev/zero", "--out", path(&out)];
    for command in [&import[..], &record] {
        let ran = sim(command);
        ran.ends_with(3);
        assert!(ran.err.contains("/dev/zero: the file has more than"), "{}", ran.err);
        assert!(!out.exists());
    }
}

#[test]
fn the_sessions_that_come_along_are_listed_and_the_whole_film_is_not() {
    let ran = sim(["scenarios", "--json"]);
    ran.ends_with(0);
    let lines = ran.json();
    lines.iter().for_each(|line| assert_eq!(fields(line), BTreeSet::from(["name", "title"])));
    let names: BTreeSet<_> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names.len(), lines.len());
    assert!(names.contains("moov-first") && !names.contains("whole-film"), "{names:?}");
    let ran = sim(["scenarios", "--json", "whole-film"]);
    ran.ends_with(0);
    assert_eq!(ran.json()[0]["name"], "whole-film");
}

#[test]
fn a_shell_understands_its_completions() {
    let ran = sim(["completions", "bash"]);
    ran.ends_with(0);
    for command in ["record", "replay", "diff", "lint", "har", "serve", "sweep", "scenarios"] {
        assert!(ran.out.contains(command), "{command} is not completed");
    }
    let script = tempfile::NamedTempFile::new().expect("a file");
    fs::write(script.path(), &ran.out).expect("the file is ours");
    let bash = Command::new("bash").arg("-n").arg(script.path()).output().expect("there is bash");
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    sim(["completions", "tcsh"]).ends_with(2);
}

#[test]
fn a_token_that_runs_out_earlier_shows_what_the_set_does_then_and_makes_nothing_else_up() {
    let session = Sample::of("short-body");
    let dir = session.dir();
    let ran = sim(["replay", "--expire", "3=4", path(&dir)]);
    ran.ends_with(0);
    assert!(ran.out.contains("answered      #6 401\n"), "{}", ran.out);
    assert!(ran.out.contains("watched to the end; requests refused: 1"), "{}", ran.out);

    let ran = sim(["replay", "--expire", "3=4", "--expire", "2=0", "--json", path(&dir)]);
    ran.ends_with(0);
    let [line] = &ran.json()[..] else { panic!("{}", ran.out) };
    let expected = ["session", "virtual_us", "refused", "failure"];
    assert_eq!(fields(line), BTreeSet::from(expected));
    assert_eq!(line["failure"], Value::Null);

    let ran = sim(["replay", "--expire", "99=1", path(&dir)]);
    ran.ends_with(3);
    assert!(ran.err.contains("has no token 99; it has tokens 1 to 3"), "{}", ran.err);
    for driver in ["turmoil", "loopback"] {
        sim(["replay", "--driver", driver, "--expire", "3=4", path(&dir)]).ends_with(2);
    }
    sim(["replay", "--expire", "3=soon", path(&dir)]).ends_with(2);
}
