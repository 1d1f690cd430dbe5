//! The sweep, as far as every test run can afford it; CI plays thousands of seeds more by
//! `testcard-sim sweep`.

use testcard_sim::sweep::{Shard, run, sweep};

/// As many as reach every mark.
const SEEDS: u64 = 1_000;

#[test]
fn whatever_goes_wrong_the_laws_hold_and_every_fault_and_recovery_was_seen_sometimes() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let report = sweep(0..SEEDS, Shard::WHOLE, threads, 1, |_| {});
    if let Some((seed, violation)) = report.failed.first() {
        let finding = run(*seed).finding.expect("what fails once fails again");
        panic!("seed {seed}: {violation}\n{}\n{}", finding.shrunk, finding.timeline);
    }
    let missing: Vec<_> = report.marks.missing().map(|mark| mark.label()).collect();
    assert!(missing.is_empty(), "never reached: {missing:#?}");
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in 0..20 {
        let (one, two) = (run(seed), run(seed));
        assert_eq!(one.timeline.to_string(), two.timeline.to_string());
        assert_eq!(one.marks, two.marks);
    }
}
