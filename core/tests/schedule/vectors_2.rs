//! How `golden-2.tsv` comes about: the vectors of version 2 of the schedule.

use core::fmt::Write;

use testcard_core::line_up::LineUp;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::UnixMillis;

const HEAD: &str = "\
# What is on when, by version 2 of the schedule, which core/src/schedule.rs describes, on the
# channels of core/tests/schedule/arranged.toml. A vector a line, fields separated by tabs:
#   seed       the set's; unsigned, 64 bits
#   channel    its id
#   at         the moment, in milliseconds since 1970-01-01T00:00:00Z
#   programme  what is on air then: its place on the channel in the line-up, from 0, fillers counted
#              on after the last programme; - is the ident
#   starts     when it starts, in the same milliseconds
#   ends       when the next starts
";

/// 1900, a day in 1969 that ends in 1970, 2026-11-20T20:42:00Z and 2100.
const MOMENTS: [i64; 4] = [-2_208_988_800_000, -80_000_000, 1_795_207_320_000, 4_102_444_800_000];

/// The line-up of the vectors.
pub fn arranged() -> LineUp {
    LineUp::parse(include_str!("arranged.toml")).unwrap()
}

/// The whole file, computed by whoever runs this.
pub fn golden() -> String {
    let mut text = HEAD.to_owned();
    for seed in [0, DEFAULT_SEED, u64::MAX] {
        let schedule = Schedule::new(arranged(), seed);
        for (index, channel) in schedule.line_up().channels.iter().enumerate() {
            for moment in MOMENTS {
                // More than a day, so that every part and every seam is among them; each is asked
                // for by itself, in the last millisecond of what is on air.
                for airing in schedule.airings(index, UnixMillis(moment)).take(60) {
                    let at = airing.ends.plus_millis(-1);
                    let found = schedule.on_air(index, at).unwrap();
                    let programme = found.programme.map_or("-".to_owned(), |p| p.to_string());
                    let (id, starts, ends) = (&channel.id, found.starts.0, found.ends.0);
                    writeln!(text, "{seed}\t{id}\t{}\t{programme}\t{starts}\t{ends}", at.0)
                        .unwrap();
                }
            }
        }
    }
    text
}
