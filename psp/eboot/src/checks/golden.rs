//! The schedule, computed here for the line-ups, seeds and moments of the desktop's test, by the very
//! file that it computes them with. What comes out is left in `golden.tsv`, for the desktop to compare.

use alloc::format;
use alloc::string::String;

use super::{Report, Settings, first_difference, write};

#[path = "../../../../core/tests/schedule/vectors.rs"]
mod vectors;

/// What the desktop computed.
const DESKTOPS: &str = include_str!("../../../../core/tests/schedule/golden.tsv");

pub(super) fn run(_: &Settings, report: &mut Report) {
    report.tell("golden-vectors", compare());
}

fn compare() -> Result<String, String> {
    let computed = vectors::golden();
    write("golden.tsv", computed.as_bytes())?;
    match first_difference(DESKTOPS, &computed) {
        None => Ok(format!("{} lines are the desktop's", computed.lines().count())),
        Some((number, expected, found)) => {
            Err(format!("line {number} should be {expected:?} and is {found:?}"))
        }
    }
}
