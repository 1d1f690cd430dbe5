//! The sweep: thousands of evenings, each with trouble of its own, and what must hold in all of them.
//!
//! A seed stands for a [`Trial`]: a film, a way to it, somebody who watches, and a swarm of faults
//! drawn from everything that [`testcard_archive::Fault`] knows. [`play`] spends the evening: first
//! the trouble, then all is well and the film has to play within [`RESUME_WITHIN`]. Meanwhile the
//! [viewer](crate::viewer) holds every sample against the film; afterwards the laws are held against
//! the timeline: every exchange closed, requests within the etiquette, and a reason for every failure
//! among the things that truly went wrong. What fails is [shrunk](Finding) to what it takes. What was
//! met at all is counted in [`Marks`]: a sweep that never met a thing proves nothing about it.
//!
//! The same seeds give the same report, on one thread or on many. The sweep never touches a network
//! or a disk.

mod dice;
mod laws;
mod marks;
mod play;
mod shrink;
mod trial;
mod violation;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use laws::{BEHIND, REQUESTS_MAX, REQUESTS_WITHIN, STEADY};
pub use marks::{Mark, Marks};
pub use play::{Evening, RESUME_WITHIN, play};
pub use trial::{Change, RETRY_AFTER_MAX, Trial};
pub use violation::Violation;

use testcard_session::{sha256_hex, trace_sha256};

use crate::timeline::Timeline;

/// What one seed came to.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What it stands for.
    pub trial: Trial,
    /// What was met on the way.
    pub marks: Marks,
    /// What happened.
    pub timeline: Timeline,
    /// What must never happen and did.
    pub finding: Option<Finding>,
}

/// A law that was broken, and how little it takes to break it.
#[derive(Debug)]
pub struct Finding {
    /// What must never happen and did.
    pub violation: Violation,
    /// The smallest trial found in which the same happens.
    pub shrunk: Trial,
    /// What happens in that.
    pub timeline: Timeline,
}

/// Plays a seed's evening, and looks for what a failure takes if there is one.
pub fn run(seed: u64) -> Outcome {
    let trial = Trial::new(seed);
    let evening = play(&trial);
    let marks = Marks::of(&trial, &evening);
    let finding = evening.violation.map(|violation| {
        let shrunk = shrink::shrink(&trial, &violation);
        let timeline = play(&shrunk).timeline;
        Finding { violation, shrunk, timeline }
    });
    Outcome { seed, trial, marks, timeline: evening.timeline, finding }
}

/// One of several machines' part of the seeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// All of the seeds.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Part `number` of `of`, counted from 1; absent when there is no such part.
    pub fn new(number: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// How many of these seeds are in it.
    pub fn count(self, seeds: &Range<u64>) -> u64 {
        // Those in it are `number - 1`, and every `of` from there on.
        let below = |end: u64| end / self.of + u64::from(end % self.of >= self.number);
        below(seeds.end) - below(seeds.start)
    }

    /// Whether this seed is in it.
    pub fn has(self, seed: u64) -> bool {
        seed % self.of == self.number - 1
    }
}

impl fmt::Display for Shard {
    /// `2/3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (number, of) = text.split_once('/').ok_or(ShardError)?;
        let (number, of) = (number.parse().ok(), of.parse().ok());
        number.zip(of).and_then(|(number, of)| Self::new(number, of)).ok_or(ShardError)
    }
}

/// A string is no [`Shard`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShardError;

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected NUMBER/OF with NUMBER from 1 to OF, as in 2/3")
    }
}

impl std::error::Error for ShardError {}

/// What many seeds came to.
#[derive(Debug)]
pub struct Report {
    /// How many evenings were played.
    pub played: u64,
    /// The smallest seeds that failed, ascending, and how; at most as many as were asked for.
    /// [`run`] says what it takes.
    pub failed: Vec<(u64, Violation)>,
    /// What was met in all evenings before the last of these, or in all.
    pub marks: Marks,
    /// The SHA-256 of all these evenings' timelines, in hexadecimal digits: of a line `SEED HASH` for
    /// each in the order of the seeds, HASH being its trace's [`trace_sha256`].
    pub timelines_sha256: String,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Evenings a second.
    pub fn seeds_per_second(&self) -> u64 {
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        self.played.saturating_mul(1000) / millis
    }
}

/// Plays the shard's part of these seeds on so many threads, until `failed_max` have failed (at least
/// 1). After each evening `on_progress` hears how many have been played.
///
/// The report is the same however many threads there are, but for its times, and but for
/// [`Report::played`] when seeds failed.
pub fn sweep(
    seeds: Range<u64>,
    shard: Shard,
    threads: usize,
    failed_max: usize,
    on_progress: impl Fn(u64) + Sync,
) -> Report {
    let began = Instant::now();
    let (next, played) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    // Seeds from here on need not be played any more: enough before them have failed.
    let end = AtomicU64::new(seeds.end);
    let failed: Mutex<Vec<(u64, Violation)>> = Mutex::default();
    let marks: Mutex<Vec<(u64, Marks)>> = Mutex::default();
    let timelines: Mutex<BTreeMap<u64, String>> = Mutex::default();
    let work = || {
        loop {
            // Counts up to the end and not beyond it, where the smallest number would come next.
            let seed = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seed| {
                (seed < end.load(Ordering::Relaxed)).then(|| seed + 1)
            });
            let Ok(seed) = seed else { return };
            if !shard.has(seed) {
                continue;
            }
            let trial = Trial::new(seed);
            let evening = play(&trial);
            let met = Marks::of(&trial, &evening);
            lock(&marks).push((seed, met));
            let hash = trace_sha256(&evening.timeline.to_trace(0));
            lock(&timelines).insert(seed, hash);
            if let Some(violation) = evening.violation {
                let mut failed = lock(&failed);
                failed.push((seed, violation));
                failed.sort_unstable_by_key(|(seed, _)| *seed);
                if let Some((last, _)) = failed.get(failed_max.max(1) - 1) {
                    end.fetch_min(last + 1, Ordering::Relaxed);
                }
            }
            on_progress(played.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let end = end.into_inner();
    let mut report = Report {
        played: played.into_inner(),
        failed: lock(&failed).iter().filter(|(seed, _)| *seed < end).cloned().collect(),
        marks: Marks::default(),
        timelines_sha256: String::new(),
        took: began.elapsed(),
    };
    let hashes = lock(&timelines);
    let lines: String =
        hashes.range(..end).map(|(seed, hash)| format!("{seed} {hash}\n")).collect();
    report.timelines_sha256 = sha256_hex(lines.as_bytes());
    for (_, met) in lock(&marks).iter().filter(|(seed, _)| *seed < end) {
        report.marks.add(met);
    }
    report
}

/// What a thread that panicked has left behind is whole: every change is one push.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_says_the_same_on_one_thread_and_on_three_and_in_parts_the_same_as_whole() {
        let sweep = |shard, threads| sweep(0..24, shard, threads, 1, |_| {});
        let (one, three) = (sweep(Shard::WHOLE, 1), sweep(Shard::WHOLE, 3));
        assert_eq!((one.played, &one.marks), (24, &three.marks));
        assert_eq!(one.timelines_sha256, three.timelines_sha256);
        let mut parts = Marks::default();
        for number in 1..=5 {
            parts.add(&sweep(Shard::new(number, 5).unwrap(), 2).marks);
        }
        assert_eq!(one.marks, parts);
    }

    #[test]
    fn the_largest_seeds_come_to_an_end_on_many_threads() {
        let report = sweep(u64::MAX - 2..u64::MAX, Shard::WHOLE, 6, 1, |_| {});
        assert_eq!(report.played, 2);
    }

    #[test]
    fn a_shard_holds_as_many_seeds_as_it_has() {
        for (of, seeds) in
            [(1, 0..7), (3, 0..7), (5, 2..3), (4, 9..23), (7, u64::MAX - 9..u64::MAX)]
        {
            for number in 1..=of {
                let shard = Shard::new(number, of).unwrap();
                let counted = seeds.clone().filter(|seed| shard.has(*seed)).count() as u64;
                assert_eq!(shard.count(&seeds), counted, "{shard} of {seeds:?}");
            }
        }
    }

    #[test]
    fn a_shard_is_read_as_it_is_written_and_what_is_none_is_refused() {
        assert_eq!("2/3".parse::<Shard>().map(|shard| shard.to_string()), Ok("2/3".to_owned()));
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/3", "a/b"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError), "{text}");
        }
    }
}
