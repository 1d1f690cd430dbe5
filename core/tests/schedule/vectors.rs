//! How `golden.tsv` comes about: for which channels, seeds and moments, and how a line is written.
//! A file of its own, without `std`, because more than one platform includes it: the desktop's test
//! and the checks inside the PSP's EBOOT. Never reads a file, and never compares anything.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use testcard_core::line_up::{Channel, LineUp};
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::UnixMillis;

const HEAD: &str = "\
# What is on when, by version 1 of the schedule, which core/src/schedule.rs describes.
# A vector a line, fields separated by tabs:
#   line-up    built-in: core/line-up.toml; small: core/tests/schedule/small.toml
#   seed       unsigned, 64 bits
#   channel    its id
#   at         the moment, in milliseconds since 1970-01-01T00:00:00Z
#   programme  what is on air then: its place on the channel in the line-up, from 0
#   starts     when its slot starts, in the same milliseconds
#   ends       when the next starts
";

/// 1900, 2026-11-20T20:42:00Z and 2100.
const MOMENTS: [i64; 3] = [-2_208_988_800_000, 1_795_207_320_000, 4_102_444_800_000];

/// The round that draws a word of no use: its first, 0xfffffff9, is above the last multiple of 40
/// below 2³². One found by search, as one in ten million is like it.
const REJECTING: (u64, &str, i64) = (1, "forty", 9_893_325);

/// The whole file, computed by whoever runs this.
pub fn golden() -> String {
    let small = LineUp::parse(include_str!("small.toml")).unwrap();
    let mut text = HEAD.to_owned();
    for (name, line_up) in [("small", small), ("built-in", LineUp::built_in())] {
        for seed in [0, 1, DEFAULT_SEED, u64::MAX] {
            let schedule = Schedule::new(line_up.clone(), seed);
            for (index, channel) in line_up.channels.iter().enumerate() {
                let id = &channel.id;
                for at in moments(&schedule, index, channel) {
                    let airing = schedule.on_air(index, UnixMillis(at)).unwrap();
                    let (programme, starts, ends) =
                        (airing.programme.unwrap(), airing.starts.0, airing.ends.0);
                    writeln!(text, "{name}\t{seed}\t{id}\t{at}\t{programme}\t{starts}\t{ends}")
                        .unwrap();
                }
            }
        }
    }
    text
}

/// The ends of slots and rounds, a millisecond before and after, near and far from 1970.
fn moments(schedule: &Schedule, index: usize, channel: &Channel) -> Vec<i64> {
    let round_ms: i64 = channel.programmes.iter().map(|p| p.duration_ms as i64).sum();
    let round = MOMENTS[1].div_euclid(round_ms);
    let airing = schedule.on_air(index, UnixMillis(MOMENTS[1])).unwrap();
    let mut moments = MOMENTS.to_vec();
    for seam in [-round_ms, 0, round * round_ms, airing.starts.0, airing.ends.0] {
        moments.extend([seam - 1, seam, seam + 1]);
    }
    if (schedule.seed(), channel.id.as_str()) == (REJECTING.0, REJECTING.1) {
        moments.push(REJECTING.2 * round_ms);
    }
    moments.sort();
    moments.dedup();
    moments
}
