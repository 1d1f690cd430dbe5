//! The vectors in `golden.tsv`: every platform's tests read them, this one wrote them.
//!
//! They change when the built-in line-up does, and then only the lines that begin with `built-in`.
//! After such a change
//!
//! ```text
//! UPDATE_GOLDEN=1 cargo test -p testcard-core --test schedule golden
//! ```
//!
//! rewrites the file and fails, so that it cannot happen unseen. Look at the difference, and let
//! `python3 core/tests/schedule/check_golden.py` confirm it. A change to a line that begins with
//! `small` is a change of the algorithm: every viewer's schedule moves, and it needs a new version
//! label.

use super::vectors::golden;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schedule/golden.tsv");

#[test]
fn the_golden_vectors_hold() {
    let expected = golden();
    let found = std::fs::read_to_string(PATH).unwrap_or_default();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") && found != expected {
        std::fs::write(PATH, &expected).unwrap();
        panic!("{PATH} is rewritten; look at the difference before you commit it");
    }
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "golden.tsv, line {}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "lines in golden.tsv");
}
