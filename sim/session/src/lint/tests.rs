use std::fs;

use super::*;
use crate::disk::tests::sample;

/// What is found after `change` was made to the sample.
fn found(change: impl FnOnce(&Path)) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("s");
    sample().write(&place).unwrap();
    change(&place);
    let strip = |finding: Finding| {
        let text = finding.to_string();
        format!("{:?} {}", finding.rule, text.replace(&format!("{}", place.display()), "s"))
    };
    lint(&place).into_iter().map(strip).collect()
}

/// The same after a text was replaced in one file.
fn after(name: &str, from: &str, to: &str) -> Vec<String> {
    found(|place| {
        let path = place.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    })
}

#[test]
fn a_session_that_was_written_is_fit() {
    assert_eq!(found(|_| ()), [""; 0]);
}

#[test]
fn a_session_without_a_trace_proves_nothing() {
    let told = "Complete s/trace.jsonl: there is no trace of what the TV did, so a replay proves \
                nothing; write one with testcard-sim replay --without-trace --save";
    assert_eq!(found(|place| fs::write(place.join("trace.jsonl"), "").unwrap()), [told]);
    assert_eq!(found(|place| fs::remove_file(place.join("trace.jsonl")).unwrap()), [told]);
}

#[test]
fn each_rule_has_its_finding() {
    let key = format!("ASIA{}", "IOSFODNN7EXAMPLE");
    let header = |text: &str| after("exchanges/01.http", "X-Empty: ", text);
    let told: Vec<String> = [
        after("timeline.jsonl", "\"x\":1", "\"x\":9"),
        after("timeline.jsonl", "{\"t\":0,", "{ \"t\":0,"),
        after("session.toml", "schema = 1", "# A remark\nschema = 1"),
        after(
            "session.toml",
            "kind = \"synthetic\"\nfrom = \"a test\"",
            "kind = \"recorded\"\nat = \"yesterday\"\nby = \"testcard\"",
        ),
        after("exchanges/02.http", "{{token:1}}", "{{token:2}}"),
        after("exchanges/02.http", "t={{token:1}}", "t=a3f09c77b2e14d58"),
        after("exchanges/01.http", "t={{token:1}}", "sig=abcd"),
        header("Set-Cookie: id=7"),
        header("X-Forwarded-For: 203.0.113.7"),
        header("X-Echo: 9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"),
        header("ETag: \"9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d\""),
        header(&format!("X-Key: {key}")),
        header("Via: 192.168.1.7"),
        after("session.toml", "from = \"a test\"", "from = \"jane@mail.test\""),
        found(|place| fs::write(place.join("notes.txt"), "").unwrap()),
        found(|place| fs::write(place.join("blobs/0.gz"), "").unwrap()),
        found(|place| fs::create_dir_all(place.join("exchanges/deep")).unwrap()),
        found(|place| fs::write(place.join("x"), vec![0; 3 << 20]).unwrap()),
        found(|place| fs::write(place.join("blobs/x.gz"), vec![0; 2400 << 10]).unwrap()),
        found(|place| fs::remove_file(place.join("bodies.toml")).unwrap()),
        found(|place| fs::remove_dir_all(place).unwrap()),
    ]
    .iter()
    .map(|findings| findings.join("\n"))
    .collect();
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[test]
fn a_secret_in_a_page_is_found_in_its_blob() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = sample();
    let page = b"<html>\n<a href=\"https://ia1.us.archive.org/a?b=1&amp;t=a3f09c77b2e14d58\">";
    session.exchanges[0].body = crate::Body::literal(&page[..]);
    session.exchanges[0].arrivals[0].bytes = page.len() as u32;
    session.write(&dir.path().join("s")).unwrap();
    let findings = lint(&dir.path().join("s"));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.rule, finding.line), (Rule::Discreet, Some(2)));
    assert!(finding.what.starts_with("the parameter t has a secret, a3f09…"), "{finding}");
}

#[test]
fn a_session_larger_than_git_should_have_is_told_and_one_that_is_not_is_fine() {
    let with = |bytes: usize| {
        found(|place| {
            let there: u64 = fs::read_dir(place)
                .unwrap()
                .chain(fs::read_dir(place.join("blobs")).unwrap())
                .chain(fs::read_dir(place.join("exchanges")).unwrap())
                .map(|entry| entry.unwrap().metadata().unwrap())
                .filter(|found| found.is_file())
                .map(|found| found.len())
                .sum();
            fs::write(place.join("x"), vec![0; bytes - there as usize]).unwrap();
        })
    };
    let most = LINT_SESSION_BYTES_MAX as usize;
    assert_eq!(with(most).len(), 1, "a stray file");
    assert_eq!(with(most + 1).len(), 2, "a stray file, and too large");
}
