//! `testcard-sim sweep`: evenings of trouble by the thousand, and what must hold in all of them. On
//! a failure, all that it takes to look into it.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::process::Command;

use super::{Failure, Verdict};
use clap::Args;
use serde_json::json;
use testcard_sim::sweep::{Mark, Outcome, Report, Shard, Trial, run as play, sweep};

/// How many lines of a failure's timeline are shown: the end says most.
const TIMELINE_LINES: usize = 60;

/// Play thousands of evenings with random trouble and check what must always hold
///
/// Each seed stands for a film, a link, a viewer and a swarm of faults; the same seed always for the
/// same. Ends with 1 when anything happened that never must, and says how to play it again.
#[derive(Args)]
pub(super) struct Arguments {
    /// Seeds, from A up to but not including B
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Range<u64>,
    /// Only part I of N of them, counted from 1: for several machines
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Threads to play on [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Plant this bug in the core first, to see it found
    #[cfg(feature = "canaries")]
    #[arg(long, value_name = "NAME", value_parser = canary)]
    canary: Option<testcard_core::canary::Canary>,
    /// Print what happens in each evening, line by line, before the report
    #[arg(long, conflicts_with = "json")]
    timeline: bool,
    /// Print one JSON object instead of text for people
    #[arg(long)]
    json: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let (start, end) = text.split_once("..").ok_or("expected A..B")?;
    match (number(start), number(end)) {
        (Some(start), Some(end)) if start < end => Ok(start..end),
        (Some(_), Some(_)) => Err("there is no seed in that range".to_owned()),
        _ => Err("A and B are whole numbers".to_owned()),
    }
}

#[cfg(feature = "canaries")]
fn canary(name: &str) -> Result<testcard_core::canary::Canary, String> {
    use testcard_core::canary::Canary;
    let found = Canary::ALL.iter().copied().find(|canary| canary.name() == name);
    let names = || Canary::ALL.iter().map(|canary| canary.name()).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("there are {}", names()))
}

pub(super) fn run(arguments: Arguments) -> Result<Verdict, Failure> {
    #[cfg(feature = "canaries")]
    testcard_core::canary::plant(arguments.canary);
    #[cfg(feature = "canaries")]
    let canary = arguments.canary.map(|canary| canary.name());
    #[cfg(not(feature = "canaries"))]
    let canary = None;

    let threads = match arguments.threads {
        Some(threads) => threads.into(),
        None => std::thread::available_parallelism()?.get(),
    };
    let shows_progress = !arguments.json && io::stderr().is_terminal();
    let total = arguments.shard.count(&arguments.seeds);
    let on_progress = |played: u64| {
        if shows_progress && (played.is_multiple_of(16) || played == total) {
            let filled = (u128::from(played) * 40 / u128::from(total)) as usize;
            let (bar, rest) = ("#".repeat(filled), "-".repeat(40 - filled.min(40)));
            eprint!("\r{bar}{rest} {played} of {total} seeds");
        }
    };
    let report = sweep(arguments.seeds.clone(), arguments.shard, threads, 1, on_progress);
    if shows_progress {
        eprintln!();
    }
    // Shrinking plays the failing seed some hundreds of times more.
    let failed = report.failed.first().map(|(seed, _)| play(*seed));
    let again = failed.as_ref().map(|outcome| again(outcome.seed, canary)).unwrap_or_default();
    if arguments.timeline {
        for seed in arguments.seeds.filter(|seed| arguments.shard.has(*seed)) {
            let evening = testcard_sim::sweep::play(&Trial::new(seed));
            super::print(&format!("seed {seed}\n{}\n", evening.timeline))?;
        }
    }
    match arguments.json {
        true => super::print_json(&as_json(&report, failed.as_ref(), &again))?,
        false => {
            let mut text = String::new();
            // Writing to a string does not fail.
            let _ = tell(&report, failed.as_ref(), &again, &mut text);
            super::print(&text)?;
        }
    }
    Ok(if failed.is_some() { Verdict::Wrong } else { Verdict::Fine })
}

fn tell(
    report: &Report,
    failed: Option<&Outcome>,
    again: &str,
    out: &mut String,
) -> std::fmt::Result {
    for mark in Mark::ALL {
        writeln!(out, "{:>9}  {}", report.marks.count(*mark), mark.label())?;
    }
    let (played, rate) = (report.played, report.seeds_per_second());
    let commit = commit().map_or_else(String::new, |commit| format!(" of commit {commit}"));
    writeln!(out, "\n{played} seeds{commit} in {:.1?}, {rate} a second", report.took)?;
    let Some((outcome, finding)) = failed.and_then(|o| Some((o, o.finding.as_ref()?))) else {
        return writeln!(out, "nothing happened that never must");
    };
    writeln!(out, "\nseed {}{commit} failed: {}\n", outcome.seed, finding.violation)?;
    writeln!(out, "The least that it takes:\n{}", finding.shrunk)?;
    let timeline = finding.timeline.to_string();
    let lines: Vec<&str> = timeline.lines().collect();
    writeln!(out, "How that ends:")?;
    for line in &lines[lines.len().saturating_sub(TIMELINE_LINES)..] {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\nTo play it again:\n{again}")
}

fn as_json(report: &Report, failed: Option<&Outcome>, again: &str) -> serde_json::Value {
    let count = |mark: &Mark| (mark.label().to_owned(), report.marks.count(*mark).into());
    let marks: serde_json::Map<_, _> = Mark::ALL.iter().map(count).collect();
    let failed = failed.and_then(|outcome| {
        let finding = outcome.finding.as_ref()?;
        Some(json!({
            "seed": outcome.seed,
            "violation": finding.violation.to_string(),
            "trial": outcome.trial.to_string(),
            "shrunk": finding.shrunk.to_string(),
            "timeline": finding.timeline.to_string(),
            "again": again,
        }))
    });
    json!({
        "commit": commit(),
        "played": report.played,
        "took_ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        "timelines_sha256": report.timelines_sha256,
        "marks": marks,
        "failed": failed,
    })
}

/// The command line that plays a seed again, with the bug that was planted, if there was one.
fn again(seed: u64, canary: Option<&str>) -> String {
    let canary = canary.map_or_else(String::new, |name| format!(" --canary {name}"));
    format!("testcard-sim sweep --seeds {seed}..{}{canary}", seed + 1)
}

/// The commit that is checked out here, if this is a checkout.
fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !name.trim().is_empty()).then(|| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_play_a_seed_again_takes_the_same_bug() {
        assert_eq!(again(7, None), "testcard-sim sweep --seeds 7..8");
        let planted = "testcard-sim sweep --seeds 7..8 --canary endless-redirects";
        assert_eq!(again(7, Some("endless-redirects")), planted);
    }

    #[test]
    fn seeds_are_a_range_that_is_not_empty() {
        assert_eq!(seeds("0..5000"), Ok(0..5000));
        for text in ["", "5", "..", "3..3", "4..3", "a..b", "-1..3"] {
            assert!(seeds(text).is_err(), "{text}");
        }
    }
}
