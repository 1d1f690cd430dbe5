//! Every planted bug is found by the sweep, and where none is planted it finds nothing.

use testcard_core::canary::{Canary, plant};
use testcard_sim::sweep::{Shard, sweep};

/// Every bug is found within so many seeds.
const SEEDS: u64 = 2_000;

/// One test, because there is one switch for the whole process.
#[test]
fn every_planted_bug_is_found_within_two_thousand_seeds_and_nothing_without_one() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut escaped = Vec::new();
    let mut searched = 0;
    for canary in Canary::ALL.iter().copied() {
        plant(Some(canary));
        let report = sweep(0..SEEDS, Shard::WHOLE, threads, 1, |_| {});
        match report.failed.first() {
            Some((seed, violation)) => {
                searched = searched.max(*seed + 1);
                println!("{:<20} {:>5} seeds: {violation}", canary.name(), seed + 1);
            }
            None => escaped.push(canary),
        }
    }
    plant(None);
    assert!(escaped.is_empty(), "not found: {escaped:?}");
    assert!(Canary::ALL.len() >= 12);
    let healthy = sweep(0..searched, Shard::WHOLE, threads, 1, |_| {});
    assert_eq!(healthy.failed, [], "without any planted bug");
}
