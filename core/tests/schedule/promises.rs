//! What the schedule promises for every line-up, seed and moment.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use testcard_core::line_up::{Channel, LineUp, Programme};
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::{MediaTime, UnixMillis};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const YEAR_MS: i64 = 365 * DAY_MS;

fn programme(title: &str, duration_ms: u64) -> Programme {
    Programme {
        title: title.to_owned(),
        year: None,
        item: "item".to_owned(),
        file: format!("{title}.mp4"),
        bytes: None,
        duration_ms,
        licence: None,
        ..Programme::default()
    }
}

fn channel(id: &str, number: u16, durations_ms: &[u64]) -> Channel {
    let programmes = durations_ms.iter().enumerate();
    let programmes = programmes.map(|(i, &ms)| programme(&i.to_string(), ms)).collect();
    Channel { id: id.to_owned(), number, name: id.to_owned(), programmes, ..Channel::default() }
}

/// One channel alone, with index 0.
fn schedule(channel: Channel, seed: u64) -> Schedule {
    Schedule::new(LineUp { channels: vec![channel] }, seed)
}

/// Slots of all lengths, many of them equal.
fn durations_ms() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![Programme::DURATIONS_MS, Just(1_000), Just(1_500_000)], 1..20)
}

fn any_channel() -> impl Strategy<Value = Channel> {
    ("[a-z0-9-]{1,8}", 1..=999_u16, durations_ms())
        .prop_map(|(id, number, durations_ms)| channel(&id, number, &durations_ms))
}

/// Two centuries around 1970, with its seams more often than chance would have it.
fn moment() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![-100 * YEAR_MS..100 * YEAR_MS, -DAY_MS..DAY_MS].prop_map(UnixMillis)
}

fn round_ms(channel: &Channel) -> i64 {
    channel.programmes.iter().map(|programme| programme.duration_ms as i64).sum()
}

proptest! {
    #[test]
    fn slots_follow_each_other_without_gap_or_overlap(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let schedule = schedule(channel.clone(), seed);
        let airings: Vec<_> = schedule.airings(0, from).take(100).collect();
        prop_assert_eq!(airings.len(), 100);
        prop_assert!(airings[0].starts <= from && from < airings[0].ends);
        for airing in &airings {
            let duration_ms = airing.of(&channel).unwrap().duration_ms as i64;
            prop_assert_eq!(airing.ends.millis_since(airing.starts), duration_ms);
        }
        for pair in airings.windows(2) {
            prop_assert_eq!(pair[0].ends, pair[1].starts);
        }
    }

    #[test]
    fn every_programme_airs_once_in_every_round(
        channel in any_channel(), seed: u64, round in -1000..1000_i64,
    ) {
        let (programmes, round_ms) = (channel.programmes.len(), round_ms(&channel));
        let schedule = schedule(channel, seed);
        let starts = UnixMillis(round * round_ms);
        let airings: Vec<_> = schedule.airings(0, starts).take(programmes).collect();
        prop_assert_eq!(airings[0].starts, starts);
        prop_assert_eq!(airings[programmes - 1].ends, starts.plus_millis(round_ms));
        let mut aired: Vec<usize> = airings.iter().filter_map(|airing| airing.programme).collect();
        aired.sort();
        prop_assert_eq!(aired, (0..programmes).collect::<Vec<_>>());
    }

    #[test]
    fn no_programme_follows_itself_unless_it_is_alone(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let is_alone = channel.programmes.len() == 1;
        let schedule = schedule(channel, seed);
        let airings: Vec<_> = schedule.airings(0, from).take(200).collect();
        for pair in airings.windows(2) {
            prop_assert_eq!(pair[0].programme == pair[1].programme, is_alone);
        }
    }

    #[test]
    fn what_is_on_air_is_what_the_guide_lists(
        channel in any_channel(), seed: u64, from in moment(),
    ) {
        let schedule = schedule(channel, seed);
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
        let schedule = schedule(channel, seed);
        let mut airings: Vec<_> = schedule.airings(0, from).take(60).collect();
        let last = airings.pop().unwrap();
        airings.reverse();
        let back: Vec<_> = schedule.airings_before(0, last.starts).take(59).collect();
        prop_assert_eq!(back, airings);
    }

    #[test]
    fn a_channel_keeps_its_schedule_whatever_other_channels_do(
        channel in any_channel(),
        others in vec(any_channel(), 0..4),
        place in 0..4_usize,
        number in 1..=999_u16,
        seed: u64,
        at in moment(),
    ) {
        let alone = schedule(channel.clone(), seed);
        let place = place.min(others.len());
        let mut channels = others;
        channels.insert(place, Channel { number, name: "Renamed".to_owned(), ..channel });
        let among = Schedule::new(LineUp { channels }, seed);
        prop_assert_eq!(
            among.airings(place, at).take(50).collect::<Vec<_>>(),
            alone.airings(0, at).take(50).collect::<Vec<_>>()
        );
    }

    /// The schedule is given nothing to learn from whether a programme can be played; and nothing
    /// of what playing depends on has a part in it.
    #[test]
    fn a_programme_that_cannot_be_played_keeps_its_slot(
        channel in any_channel(), which: prop::sample::Index, seed: u64, at in moment(),
    ) {
        let mut broken = channel.clone();
        let victim = which.index(broken.programmes.len());
        let duration_ms = broken.programmes[victim].duration_ms;
        broken.programmes[victim] = Programme {
            item: "no-such-item".to_owned(),
            file: "gone.mp4".to_owned(),
            bytes: Some(1),
            ..programme("Gone", duration_ms)
        };
        prop_assert_eq!(
            schedule(broken, seed).airings(0, at).take(50).collect::<Vec<_>>(),
            schedule(channel, seed).airings(0, at).take(50).collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_position_counts_from_zero_to_the_end_of_the_slot(
        channel in any_channel(), seed: u64, at in moment(),
    ) {
        let airing = schedule(channel, seed).on_air(0, at).unwrap();
        let duration_ms = airing.duration_ms();
        let starts = airing.starts;
        prop_assert_eq!(airing.position(starts), MediaTime::ZERO);
        prop_assert_eq!(airing.position(at), MediaTime::from_millis(at.0 - starts.0));
        prop_assert_eq!(airing.position(starts.plus_millis(-1)), MediaTime::ZERO);
        let whole = MediaTime::from_millis(duration_ms);
        prop_assert_eq!(airing.position(airing.ends), whole);
        prop_assert_eq!(airing.position(airing.ends.plus_millis(1)), whole);
    }

    #[test]
    fn no_line_up_or_moment_makes_it_panic(
        id: String,
        durations_ms in vec(prop_oneof![any::<u64>(), Programme::DURATIONS_MS], 0..5),
        seed: u64,
        at: i64,
    ) {
        let is_sound = !durations_ms.is_empty()
            && durations_ms.iter().all(|ms| Programme::DURATIONS_MS.contains(ms));
        let schedule = schedule(channel(&id, 1, &durations_ms), seed);
        let at = UnixMillis(at);
        prop_assert_eq!(schedule.on_air(0, at).is_some(), is_sound);
        prop_assert_eq!(schedule.airings(0, at).next(), schedule.on_air(0, at));
        prop_assert_eq!(schedule.airings_before(0, at).take(3).count() > 0, is_sound);
        prop_assert_eq!(schedule.on_air(1, at), None);
    }
}

#[test]
fn ten_years_of_the_built_in_channels_have_no_gap() {
    let schedule = Schedule::new(LineUp::built_in(), DEFAULT_SEED);
    for channel in 0..schedule.line_up().channels.len() {
        let from = UnixMillis(-5 * YEAR_MS);
        let mut ends = schedule.on_air(channel, from).unwrap().starts;
        let decade = schedule.airings(channel, from);
        for airing in decade.take_while(|airing| airing.starts.0 < 5 * YEAR_MS) {
            assert_eq!(airing.starts, ends);
            assert!(airing.ends > airing.starts);
            ends = airing.ends;
        }
        assert!(ends.0 >= 5 * YEAR_MS);
    }
}

#[test]
fn time_ends_without_a_panic() {
    let schedule = Schedule::new(LineUp::built_in(), DEFAULT_SEED);
    let (first, last) = (UnixMillis(i64::MIN), UnixMillis(i64::MAX));
    assert_eq!(schedule.on_air(0, first).unwrap().starts, first);
    assert_eq!(schedule.airings_before(0, first).next(), None);
    assert_eq!(schedule.on_air(0, last).unwrap().ends, last);
    assert_eq!(schedule.airings(0, last).count(), 1);
}

/// Relabelling a channel's programmes relabels its rounds, seams included, so each of the orders
/// has the same chance; one in 24 here. Five standard deviations are 155.
#[test]
fn every_order_is_as_frequent_as_any_other() {
    let schedule = schedule(channel("fair", 1, &[1000, 1000, 1000, 1000]), DEFAULT_SEED);
    let programmes: Vec<usize> = schedule
        .airings(0, UnixMillis(0))
        .filter_map(|airing| airing.programme)
        .take(96_000)
        .collect();
    let mut orders = BTreeMap::<&[usize], i32>::new();
    for order in programmes.chunks(4) {
        *orders.entry(order).or_default() += 1;
    }
    assert_eq!(orders.len(), 24);
    for (order, times) in orders {
        assert!((times - 1000).abs() < 155, "{order:?} came {times} times in 24,000 rounds");
    }
}

#[test]
fn another_seed_or_another_id_is_another_schedule() {
    let slots = [1000; 12];
    let airings = |id, seed| {
        let schedule = schedule(channel(id, 1, &slots), seed);
        schedule.airings(0, UnixMillis(0)).take(24).collect::<Vec<_>>()
    };
    assert_eq!(airings("night-owl", 1), airings("night-owl", 1));
    assert_ne!(airings("night-owl", 1), airings("night-owl", 2));
    assert_ne!(airings("night-owl", 1), airings("matinee", 1));
}

#[test]
fn two_programmes_alternate_in_the_order_of_the_line_up() {
    let schedule = schedule(channel("two", 1, &[1000, 5000]), 7);
    let airings = schedule.airings(0, UnixMillis(-6000)).take(4);
    assert_eq!(airings.filter_map(|airing| airing.programme).collect::<Vec<_>>(), [0, 1, 0, 1]);
}

#[test]
fn now_says_what_every_channel_shows_and_what_follows() {
    let line_up = LineUp {
        channels: vec![channel("one", 1, &[90_000]), channel("two", 22, &[60_000, 30_000])],
    };
    let schedule = Schedule::new(line_up, 5);
    let showing = |title: &str, starts: i64, ends: i64| {
        serde_json::json!({
            "title": title, "year": null, "item": "item", "file": format!("{title}.mp4"),
            "starts_unix_ms": starts, "ends_unix_ms": ends,
        })
    };
    assert_eq!(
        serde_json::to_value(schedule.now(UnixMillis(150_001))).unwrap(),
        serde_json::json!({
            "at_unix_ms": 150_001,
            "seed": 5,
            "channels": [
                {
                    "number": 1, "id": "one", "name": "one", "position_ms": 60_001,
                    "on_air": showing("0", 90_000, 180_000),
                    "next": showing("0", 180_000, 270_000),
                },
                {
                    "number": 22, "id": "two", "name": "two", "position_ms": 1,
                    "on_air": showing("1", 150_000, 180_000),
                    "next": showing("0", 180_000, 240_000),
                },
            ],
        })
    );
}
