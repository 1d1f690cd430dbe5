//! What is read by somebody else out of the window: when it starts, what it costs, and that a reader
//! cannot make the network wait for it.

use std::time::Duration;

use proptest::prelude::*;
use testcard_archive::{Archive, Clip, SoundFile};
use testcard_core::net::Url;
use testcard_core::playback::{Bytes, Coding, Find, Part, Read, Reader, Readers};
use testcard_core::stream::{Container, Limits, ProgrammeFailure};
use testcard_session::{End, Tune, Viewing};
use testcard_sim::heap::Heap;
use testcard_sim::viewer::{Viewer, Violation};

use super::anything::rule;
use super::*;

fn hour(kind: SoundFile) -> FilmSpec {
    FilmSpec::new(3_600_000, Layout::Sound(kind))
}

/// Somebody with these readers listens for half a minute, over a window of 64 kB.
fn violation_with(readers: Readers) -> Option<Violation> {
    let mut archive = Archive::new(Clip::test_card(), 0);
    archive.add("radio", "Radio", "hour.mp3", hour(SoundFile::Mp3));
    let url = Url::parse("https://archive.org/download/radio/hour.mp3").expect("a URL");
    let tune = Tune { at: Instant::ZERO, url, aim: from_900_s(), duration: None };
    let mut heap = Heap::new(archive, good_link());
    let mut viewer = Viewer::new(Viewing {
        limits: Limits { window_bytes: 1 << 16, ..Limits::DESKTOP },
        tunes: vec![tune],
        end: End { at: seconds(30), position: None },
    })
    .reading(readers);
    let mut now = Instant::ZERO;
    while !viewer.is_over() {
        let wake = viewer.poll(&mut heap, now).min(heap.next_news());
        now = wake.max(now + Duration::from_micros(1));
        heap.advance(now);
    }
    viewer.violation().cloned()
}

/// A reader of which all that it has looked at counts as read.
struct Naive {
    reader: Box<dyn Reader>,
    looked: u64,
}

impl Reader for Naive {
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String> {
        self.looked = bytes.end();
        self.reader.find(target, bytes)
    }

    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String> {
        self.looked = bytes.end();
        self.reader.next(bytes)
    }

    fn position(&self) -> u64 {
        self.looked
    }

    fn coding(&self, part: Part) -> Option<&Coding> {
        self.reader.coding(part)
    }

    fn duration(&self) -> Option<Duration> {
        self.reader.duration()
    }

    fn wanted_for(&self, ahead: Duration) -> u64 {
        self.reader.wanted_for(ahead)
    }
}

fn naive(container: Container, duration: Option<Duration>) -> Option<Box<dyn Reader>> {
    let reader = testcard_streaming::reader(container, duration)?;
    Some(Box::new(Naive { reader, looked: 0 }))
}

#[test]
fn a_reader_whose_looking_moved_the_window_would_wait_for_the_network_and_the_network_for_it() {
    assert_eq!(violation_with(naive), Some(Violation::ThrottledAndStarved));
    assert_eq!(violation_with(testcard_streaming::reader), None);
}

#[test]
fn radio_joins_a_schedule_at_the_moment_that_it_shows() {
    for kind in SoundFile::ALL {
        let viewer = watch(Scene::new(hour(kind), good_link(), live_from_900_s()), seconds(12));
        let start = viewer.figures().start.expect("it starts");
        let due = 900_000_000 + start.at.as_micros() as i64;
        assert!(due.abs_diff(start.position.as_micros()) < 1000, "{kind}: {start:?}");
        assert!(start.at < seconds(4), "{kind}: {start:?}");
        assert_eq!(viewer.figures().rebuffers, 0, "{kind}\n{}", viewer.timeline());
    }
}

#[test]
fn a_set_without_readers_says_what_the_programme_is() {
    let failure = ProgrammeFailure::NoReader(Container::Mp3);
    let sentence = "This programme is an MP3, which this set cannot play.";
    assert_eq!(failure.to_string(), sentence);
    assert_eq!(violation_with(|_, _| None), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn throttle_and_starvation_never_hold_together_with_any_reader(
        kind in proptest::sample::select(SoundFile::ALL.to_vec()),
        way in (20_000_u64..3_000_000, 1_u64..400),
        is_live in any::<bool>(),
        window_bytes in prop_oneof![1_usize..300_000, 300_000_usize..4 << 20],
        rules in proptest::collection::vec(rule(), 0..4),
        token_seconds in 1_u64..90,
        seed in any::<u64>(),
    ) {
        let aim = if is_live { live_from_900_s() } else { from_900_s() };
        let mut viewer = Screening::start(Scene {
            limits: Limits { window_bytes, ..Limits::DESKTOP },
            rules,
            token_life: Some(Duration::from_secs(token_seconds)),
            seed,
            ..Scene::new(hour(kind), link(way.0, way.1), aim)
        });
        viewer.watch_until(seconds(50));
        prop_assert!(most_requests_in_ten_seconds(&viewer) <= 20, "{}", viewer.timeline());
        viewer.change_world("well again", |heap| {
            heap.set_rules(Vec::new());
            heap.set_rate(1_000_000);
        });
        viewer.watch_until(seconds(100));
        let before = viewer.position();
        viewer.watch_until(seconds(120));
        match viewer.failure() {
            Some(failure) => {
                let gave_up = matches!(failure, ProgrammeFailure::GaveUp(_));
                prop_assert!(gave_up, "{kind}: {failure}\n{}", viewer.timeline());
            }
            None => {
                let played = viewer.position().micros_since(before);
                prop_assert!(played > 18_000_000, "{kind}: {played}\n{}", viewer.timeline());
            }
        }
    }
}
