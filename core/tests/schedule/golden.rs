//! The vectors in `golden.tsv` and `golden-2.tsv`: every platform's tests read the first, this one
//! wrote them.
//!
//! They change when the built-in line-up does, and then only the lines that begin with `built-in`.
//! After such a change
//!
//! ```text
//! UPDATE_GOLDEN=1 cargo test -p testcard-core --test schedule golden
//! ```
//!
//! rewrites the file and fails, so that it cannot happen unseen. Look at the difference, and let
//! `python3 core/tests/schedule/check_golden.py` confirm it. A change to any other line is a change
//! of the algorithm: every viewer's schedule moves, and it needs a new version label.

use std::path::Path;

use super::{vectors, vectors_2};

#[test]
fn the_golden_vectors_hold() {
    compare("golden.tsv", &vectors::golden());
}

#[test]
fn the_golden_vectors_of_version_2_hold() {
    compare("golden-2.tsv", &vectors_2::golden());
}

fn compare(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schedule").join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") && found != expected {
        std::fs::write(&path, expected).unwrap();
        panic!("{name} is rewritten; look at the difference before you commit it");
    }
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "lines in {name}");
}
