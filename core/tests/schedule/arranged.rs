//! What the schedule promises for channels with a grid, parts of the day and fillers.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use testcard_core::line_up::{Channel, DAY_MIN, DayPart, LineUp, Programme};
use testcard_core::schedule::{Airing, Schedule};
use testcard_core::time::UnixMillis;

use super::vectors_2::arranged;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = DAY_MIN as i64 * MINUTE_MS;
const YEAR_MS: i64 = 365 * DAY_MS;

fn programme(file: &str, duration_ms: u64, part: Option<&str>) -> Programme {
    Programme {
        title: file.to_owned(),
        item: "item".to_owned(),
        file: format!("{file}.mp4"),
        duration_ms,
        part: part.map(str::to_owned),
        ..Programme::default()
    }
}

/// Programmes of at most two hours, the shortest part there is.
fn programmes(part: Option<&'static str>) -> impl Strategy<Value = Vec<Programme>> {
    let duration_ms =
        prop_oneof![1_000..7_200_000_u64, Just(1_800_000), Just(1_800_001), 1_000..60_000_u64];
    vec(duration_ms, 1..12).prop_map(move |durations_ms| {
        let named = durations_ms.iter().enumerate();
        named.map(|(n, ms)| programme(&format!("{part:?} {n}"), *ms, part)).collect()
    })
}

/// Channels with a grid or parts of the day, or both.
fn any_channel() -> impl Strategy<Value = Channel> {
    let grid = option::of(prop::sample::select(&[5_u16, 15, 20, 30, 60][..]));
    let arranged = (
        "[a-z0-9-]{1,8}",
        option::of(any::<u64>()),
        grid,
        Channel::UTC_OFFSETS_MIN,
        vec(1_000..600_000_u64, 0..6),
    );
    let parts = option::of((0..24_u16, 2..7_u16, 2..7_u16, 0..5_u16));
    let plays = (programmes(None), programmes(Some("night")), programmes(Some("dawn")));
    (arranged, parts, plays).prop_map(|((id, seed, grid, utc, fillers), parts, plays)| {
        let (between, night, dawn) = plays;
        let mut programmes = between;
        let mut day_parts = Vec::new();
        if let Some((from, night_hours, dawn_hours, pause)) = parts {
            let part = |name: &str, from: u16, hours: u16| DayPart {
                name: name.to_owned(),
                from_min: from % 24 * 60,
                to_min: (from + hours) % 24 * 60,
            };
            day_parts = vec![
                part("night", from, night_hours),
                part("dawn", from + night_hours + pause, dawn_hours),
            ];
            programmes.splice(0..0, night);
            programmes.extend(dawn);
        }
        // Without either it would be a channel of version 1.
        let start_on_min = grid.or_else(|| day_parts.is_empty().then_some(30));
        let fillers = fillers.iter().enumerate();
        Channel {
            name: id.clone(),
            id,
            number: 1,
            seed,
            start_on_min,
            utc_offset_min: utc,
            day_parts,
            programmes,
            fillers: fillers.map(|(n, ms)| programme(&format!("filler {n}"), *ms, None)).collect(),
        }
    })
}

fn schedule(channel: &Channel, seed: u64) -> Schedule {
    Schedule::new(LineUp { channels: vec![channel.clone()] }, seed)
}

fn moment() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![-100 * YEAR_MS..100 * YEAR_MS, -DAY_MS..DAY_MS].prop_map(UnixMillis)
}

/// A moment by the channel's clock.
fn by_clock(channel: &Channel, at: UnixMillis) -> i64 {
    at.0 + i64::from(channel.utc_offset_min) * MINUTE_MS
}

fn is_programme(channel: &Channel, airing: &Airing) -> bool {
    airing.programme.is_some() && !airing.is_filler(channel)
}

fn airings(channel: &Channel, seed: u64, from: UnixMillis, count: usize) -> Vec<Airing> {
    schedule(channel, seed).airings(0, from).take(count).collect()
}

/// Whether a time by the channel's clock is within that part, or the time between parts.
fn is_within(channel: &Channel, part: Option<&str>, clock_ms: i64) -> bool {
    let minute = clock_ms.rem_euclid(DAY_MS) / MINUTE_MS;
    let holds = |part: &DayPart| {
        let (from, to) = (i64::from(part.from_min), i64::from(part.to_min));
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    };
    match part {
        Some(name) => channel.day_parts.iter().any(|part| part.name == name && holds(part)),
        None => !channel.day_parts.iter().any(holds),
    }
}

proptest! {
    #[test]
    fn the_line_ups_here_are_ones_that_a_person_could_write(channel in any_channel()) {
        let seed = channel.seed.map(|seed| seed >> 1);
        let line_up = LineUp { channels: vec![Channel { seed, ..channel }] };
        prop_assert_eq!(LineUp::parse(&line_up.to_toml()), Ok(line_up));
    }

    #[test]
    fn the_whole_of_time_is_covered_without_gap_or_overlap(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let airings = airings(&channel, seed, from, 200);
        prop_assert_eq!(airings.len(), 200);
        prop_assert!(airings[0].starts <= from && from < airings[0].ends);
        for airing in &airings {
            prop_assert!(airing.starts < airing.ends);
            if let Some(programme) = airing.of(&channel) {
                prop_assert_eq!(airing.duration_ms(), programme.duration_ms as i64);
            }
        }
        for pair in airings.windows(2) {
            prop_assert_eq!(pair[0].ends, pair[1].starts);
        }
    }

    #[test]
    fn every_programme_starts_on_the_half_hour(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let channel = Channel { start_on_min: Some(30), ..channel };
        for airing in airings(&channel, seed, from, 200) {
            if is_programme(&channel, &airing) {
                let starts = by_clock(&channel, airing.starts);
                prop_assert_eq!(starts.rem_euclid(30 * MINUTE_MS), 0);
            }
        }
    }

    #[test]
    fn fillers_never_run_over_the_next_start(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let airings = airings(&channel, seed, from, 300);
        let Some(first) = airings.iter().position(|airing| is_programme(&channel, airing)) else {
            return Ok(());
        };
        let starts = |airing: &&Airing| is_programme(&channel, airing);
        let mut after = airings[first..].iter();
        while let Some(filler) = after.next() {
            if filler.is_filler(&channel)
                && let Some(next) = after.clone().find(starts)
            {
                prop_assert!(filler.ends <= next.starts);
                let left_ms = next.starts.millis_since(filler.starts);
                prop_assert!(filler.duration_ms() <= left_ms);
            }
        }
    }

    #[test]
    fn a_gap_plays_no_filler_twice_and_leaves_no_room_for_another(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let airings = airings(&channel, seed, from, 300);
        let after = airings.iter().skip_while(|airing| !is_programme(&channel, airing)).skip(1);
        let gaps: Vec<&Airing> = after.collect();
        for gap in gaps.split(|airing| is_programme(&channel, airing)) {
            // With parts of the day two gaps may meet where the time between them fits nothing.
            if !channel.day_parts.is_empty() {
                continue;
            }
            let mut played: Vec<_> = gap.iter().filter_map(|airing| airing.programme).collect();
            played.sort();
            prop_assert!(played.windows(2).all(|pair| pair[0] != pair[1]));
            if let Some(ident) = gap.iter().find(|airing| airing.programme.is_none()) {
                prop_assert_eq!(gap.last().map(|last| last.ends), Some(ident.ends), "it is last");
                for (index, filler) in (channel.programmes.len()..).zip(&channel.fillers) {
                    let is_left = !played.contains(&index);
                    let fits = filler.duration_ms as i64 <= ident.duration_ms();
                    prop_assert!(!(is_left && fits));
                }
            }
        }
    }

    #[test]
    fn a_programme_is_on_in_its_part_of_the_day_from_start_to_end(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        for airing in airings(&channel, seed, from, 300) {
            if is_programme(&channel, &airing) {
                let part = airing.of(&channel).and_then(|programme| programme.part.as_deref());
                let last = airing.ends.plus_millis(-1);
                // As no part is shorter than a programme, both ends within it are all of it.
                prop_assert!(is_within(&channel, part, by_clock(&channel, airing.starts)));
                prop_assert!(is_within(&channel, part, by_clock(&channel, last)));
            }
        }
    }

    #[test]
    fn no_programme_waits_longer_than_its_turn(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        // Each part takes at least one programme a day from its rounds.
        let days = 2 * channel.programmes.len() as i64 + 2;
        let until = from.plus_millis(days * DAY_MS);
        let schedule = schedule(&channel, seed);
        let mut seen = vec![false; channel.programmes.len() + channel.fillers.len()];
        for airing in schedule.airings(0, from).take_while(|airing| airing.starts < until) {
            if let Some(programme) = airing.programme {
                seen[programme] = true;
            }
        }
        prop_assert!(seen[..channel.programmes.len()].iter().all(|seen| *seen));
    }

    #[test]
    fn no_programme_follows_itself_while_another_would_fit(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let airings = airings(&channel, seed, from, 300);
        let programmes: Vec<&Airing> =
            airings.iter().filter(|airing| is_programme(&channel, airing)).collect();
        for pair in programmes.windows(2) {
            if pair[0].programme == pair[1].programme {
                let part = pair[0].of(&channel).and_then(|programme| programme.part.as_deref());
                // What is left of the part when the second one starts.
                let clock = by_clock(&channel, pair[1].starts);
                let minutes = (0..i64::from(DAY_MIN))
                    .take_while(|minute| is_within(&channel, part, clock + minute * MINUTE_MS))
                    .count() as i64;
                let left_ms = (minutes * MINUTE_MS - clock.rem_euclid(MINUTE_MS)) as u64;
                let grid_ms = channel.start_on_min.map_or(1, |min| u64::from(min) * 60_000);
                let others = channel.programmes.iter().enumerate().filter(|(index, programme)| {
                    Some(*index) != pair[0].programme && programme.part.as_deref() == part
                });
                for (_, other) in others {
                    let slot_ms = other.duration_ms.next_multiple_of(grid_ms);
                    prop_assert!(slot_ms > left_ms || pair[0].ends != pair[1].starts);
                }
            }
        }
    }

    #[test]
    fn what_is_on_air_is_what_the_guide_lists(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let schedule = schedule(&channel, seed);
        for airing in schedule.airings(0, from).take(50) {
            let last = airing.ends.plus_millis(-1);
            let middle = UnixMillis(airing.starts.0.midpoint(last.0));
            for at in [airing.starts, middle, last] {
                prop_assert_eq!(schedule.on_air(0, at), Some(airing));
            }
        }
    }

    #[test]
    fn backwards_is_forwards_in_reverse(channel in any_channel(), seed: u64, from in moment()) {
        let schedule = schedule(&channel, seed);
        let mut airings: Vec<_> = schedule.airings(0, from).take(100).collect();
        let last = airings.pop().unwrap();
        airings.reverse();
        let back: Vec<_> = schedule.airings_before(0, last.starts).take(99).collect();
        prop_assert_eq!(back, airings);
    }

    #[test]
    fn a_channel_with_its_own_seed_is_not_moved_by_the_sets_seed(
        channel in any_channel(), its: u64, one: u64, other: u64, from in moment(),
    ) {
        let arranged = Channel { seed: Some(its), ..channel };
        let plain = Channel {
            start_on_min: None,
            day_parts: Vec::new(),
            fillers: Vec::new(),
            ..arranged.clone()
        };
        for channel in [&arranged, &plain] {
            prop_assert_eq!(airings(channel, one, from, 50), airings(channel, other, from, 50));
            // It is a seed like any other.
            let shared = Channel { seed: None, ..channel.clone() };
            prop_assert_eq!(airings(&shared, its, from, 50), airings(channel, one, from, 50));
        }
    }

    /// A clock moves the day, and without parts of it nothing else.
    #[test]
    fn a_channel_plays_the_same_by_its_clock_wherever_that_is(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let at_utc = Channel { utc_offset_min: 0, ..channel.clone() };
        let offset_ms = i64::from(channel.utc_offset_min) * MINUTE_MS;
        let moved = |airing: Airing| Airing {
            starts: airing.starts.plus_millis(-offset_ms),
            ends: airing.ends.plus_millis(-offset_ms),
            ..airing
        };
        let expected: Vec<_> =
            airings(&at_utc, seed, from, 50).into_iter().map(moved).collect();
        prop_assert_eq!(airings(&channel, seed, from.plus_millis(-offset_ms), 50), expected);
    }

    #[test]
    fn no_channel_put_together_by_hand_makes_it_panic(
        channel in any_channel(),
        grid in option::of(any::<u16>()),
        utc: i16,
        parts in vec((any::<u16>(), any::<u16>()), 0..4),
        at: i64,
    ) {
        let part = |&(from_min, to_min): &(u16, u16)| DayPart {
            name: "night".to_owned(),
            from_min,
            to_min,
        };
        let channel = Channel {
            start_on_min: grid,
            utc_offset_min: utc,
            day_parts: parts.iter().map(part).collect(),
            ..channel
        };
        let schedule = schedule(&channel, 1);
        let at = UnixMillis(at);
        prop_assert_eq!(schedule.airings(0, at).next(), schedule.on_air(0, at));
        let _ = schedule.airings_before(0, at).take(3).count();
    }
}

#[test]
fn time_ends_without_a_panic() {
    let line_up = arranged();
    let channels = line_up.channels.len();
    let schedule = Schedule::new(line_up, 1);
    for channel in 0..channels {
        let (first, last) = (UnixMillis(i64::MIN), UnixMillis(i64::MAX));
        assert_eq!(schedule.on_air(channel, first).unwrap().starts, first);
        assert_eq!(schedule.airings_before(channel, first).next(), None);
        assert_eq!(schedule.on_air(channel, last).unwrap().ends, last);
        assert_eq!(schedule.airings(channel, last).count(), 1);
    }
}

#[test]
fn now_says_when_a_channel_shows_its_ident_and_what_follows() {
    let schedule = Schedule::new(
        LineUp {
            channels: vec![Channel {
                id: "a".to_owned(),
                number: 1,
                start_on_min: Some(30),
                programmes: vec![programme("film", 10 * 60_000, None)],
                fillers: vec![programme("short", 5 * 60_000, None)],
                ..Channel::default()
            }],
        },
        0,
    );
    let now = |minute: i64| {
        let now = schedule.now(UnixMillis(minute * MINUTE_MS));
        let channel = &now.channels[0];
        let title = channel.on_air.as_ref().map(|showing| showing.title);
        let next = channel.next.as_ref().unwrap();
        (title, channel.position_ms / MINUTE_MS, next.title, next.starts_unix_ms.0 / MINUTE_MS)
    };
    assert_eq!(now(3), (Some("film"), 3, "film", 30));
    assert_eq!(now(12), (Some("short"), 2, "film", 30));
    assert_eq!(now(20), (None, 5, "film", 30));
}
