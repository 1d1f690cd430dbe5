//! The guide as a grid: the cursor, what scrolls and how, the clock on the wall, keys and clicks.

use alloc::vec;

use super::*;

/// Another moment by both clocks.
fn moment(wall: UnixMillis) -> Moment {
    Moment { now: T0, wall }
}

fn in_zone(zone: Zone) -> Status {
    Status { reception: Reception::Playing, zone, ..Status::default() }
}

fn page(guide: &Guide, schedule: &Schedule, moment: Moment) -> Grid {
    let view = guide.view(schedule, &in_zone(Zone::default()), moment);
    view.guide.expect("the guide is open")
}

/// Channel and hour of day, in UTC, of what is under the cursor.
fn cursor(guide: &Guide, schedule: &Schedule, moment: Moment) -> (usize, i64) {
    let (channel, airing) = guide.selected(schedule, moment).expect("the guide is open");
    (channel, airing.starts.0.div_euclid(3_600_000).rem_euclid(24))
}

fn labels(page: &Grid) -> Vec<&str> {
    page.ticks.iter().map(|tick| tick.label.as_str()).collect()
}

#[test]
fn the_guide_opens_on_what_is_on_with_half_hours_from_the_one_that_it_is() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 2);
    press(&mut guide, &schedule, &[Key::Guide]);
    assert_eq!(cursor(&guide, &schedule, START), (2, 20));
    let page = page(&guide, &schedule, START);
    assert_eq!((page.day.as_str(), page.clock.as_str()), ("Today", "20:42"));
    assert_eq!(labels(&page), ["20:30", "21:00", "21:30", "22:00"]);
    // 12 minutes and some seconds, as fine as any screen shows.
    assert_eq!(page.now_ms, Some(726_000));
    let cells = &page.rows[2].cells;
    let edges: Vec<_> = cells.iter().map(|cell| (cell.from_ms / 60_000, cell.tense)).collect();
    assert_eq!(edges, [(0, Tense::Now), (30, Tense::Future), (90, Tense::Future)]);
    assert!(cells[0].selected && cells[0].starts_before && !cells[0].ends_after);
    assert!(cells[2].ends_after && cells[2].to_ms == Grid::SPAN_MS as i32);
    let times: Vec<_> = cells.iter().map(|cell| cell.times.as_str()).collect();
    assert_eq!(times, ["20:00 – 21:00", "21:00 – 22:00", "22:00 – 23:00"]);
}

#[test]
fn right_moves_to_the_next_programme_and_scrolls_when_it_leaves_the_screen() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide, Key::Right]);
    assert_eq!(cursor(&guide, &schedule, START), (0, 21));
    let still = page(&guide, &schedule, at(1000));
    assert_eq!(labels(&still)[0], "20:30");

    guide.handle_key(Key::Right, &schedule, at(1000));
    assert_eq!(cursor(&guide, &schedule, at(1000)), (0, 22));
    let first = |millis| page(&guide, &schedule, at(millis)).ticks[0].from_left_ms;
    let on_its_way: Vec<i32> = (1000..1280).step_by(16).map(first).collect();
    assert!(on_its_way.windows(2).any(|pair| pair[0] != pair[1]), "{on_its_way:?}");
    let there = page(&guide, &schedule, at(1300));
    assert_eq!(labels(&there), ["21:30", "22:00", "22:30", "23:00"]);
    assert!(there.rows[0].cells.iter().any(|cell| cell.selected && !cell.ends_after));

    guide.handle_key(Key::Left, &schedule, at(2000));
    guide.handle_key(Key::Left, &schedule, at(2000));
    guide.handle_key(Key::Left, &schedule, at(2000));
    assert_eq!(cursor(&guide, &schedule, at(2000)), (0, 19));
    assert_eq!(labels(&page(&guide, &schedule, at(3000)))[0], "19:00");
}

#[test]
fn up_and_down_stay_at_the_hour_and_ok_tunes_only_to_what_is_on() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let keys = [Key::Guide, Key::Right, Key::Down, Key::Down];
    press(&mut guide, &schedule, &keys);
    assert_eq!(cursor(&guide, &schedule, START), (2, 21));
    assert_eq!(press(&mut guide, &schedule, &[Key::Ok]), [None]);
    let view = playing(&guide, &schedule);
    assert_eq!(view.notice.as_deref(), Some("This programme has not begun yet."));
    press(&mut guide, &schedule, &[Key::Left, Key::Left, Key::Ok]);
    let view = playing(&guide, &schedule);
    assert_eq!(view.notice.as_deref(), Some("This programme is over."));
    assert_eq!(press(&mut guide, &schedule, &[Key::Live, Key::Ok]), [None, Some(Action::Tune(2))]);
    assert!(playing(&guide, &schedule).guide.is_none());
}

#[test]
fn the_cursor_on_what_is_on_goes_along_with_the_time() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    let later = |minutes: u64| at(minutes * 60_000);
    guide.poll(later(17));
    assert_eq!(labels(&page(&guide, &schedule, later(17)))[0], "20:30");
    guide.poll(later(18));
    assert_eq!(cursor(&guide, &schedule, later(18)), (0, 21));
    assert_eq!(guide.next_wake(later(18)), Some(later(18).now + FRAME));
    assert_eq!(labels(&page(&guide, &schedule, later(19)))[0], "21:00");
    // A page that somebody has moved stays.
    guide.handle_key(Key::Later, &schedule, later(19));
    guide.poll(later(190));
    let tomorrow = page(&guide, &schedule, later(190));
    assert_eq!((tomorrow.day.as_str(), labels(&tomorrow)[0]), ("Tomorrow", "21:00"));
}

#[test]
fn days_go_by_in_both_directions_for_two_weeks_and_live_comes_back() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide, Key::Later]);
    let day = |guide: &Guide| page(guide, &schedule, at(1000)).day;
    assert_eq!(day(&guide), "Tomorrow");
    press(&mut guide, &schedule, &[Key::Earlier, Key::Earlier, Key::Earlier]);
    assert_eq!(day(&guide), "Wed 18 Nov");
    assert_eq!(page(&guide, &schedule, at(1000)).now_ms, None);
    for (key, last) in [(Key::Later, "Fri 4 Dec"), (Key::Earlier, "Fri 6 Nov")] {
        press(&mut guide, &schedule, &[key; 40]);
        assert_eq!(day(&guide), last);
        let step = if key == Key::Later { Key::Right } else { Key::Left };
        press(&mut guide, &schedule, &[step; 40]);
        let (_, airing) = guide.selected(&schedule, START).expect("the guide is open");
        assert!(airing.starts.millis_since(WALL).abs() <= REACH_MS + Grid::SPAN_MS);
        let shown = page(&guide, &schedule, at(1000));
        assert!(shown.rows[0].cells.iter().any(|cell| cell.selected), "{last}");
    }
    press(&mut guide, &schedule, &[Key::Live]);
    assert_eq!((day(&guide).as_str(), cursor(&guide, &schedule, START)), ("Today", (0, 20)));
}

#[test]
fn what_scrolls_gets_slower_and_slower_and_never_turns_back() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 3);
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide, Key::ChannelDown]);
    let top = |millis| {
        let page = page(&guide, &schedule, at(millis));
        page.above as i64 * 1000 + i64::from(page.scrolled_permille)
    };
    let tops: Vec<i64> = (0..=GLIDE.as_millis() as u64).step_by(16).map(top).collect();
    let steps: Vec<i64> = tops.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.windows(2).all(|pair| pair[0] >= pair[1] - 1 && pair[1] >= 0), "{steps:?}");
    assert_eq!((tops[0], top(GLIDE.as_millis() as u64)), (0, 4000));
    let frame = at(100).now + FRAME;
    assert_eq!(guide.next_wake(at(100)), Some(frame));
    assert_eq!(guide.next_wake(at(1000)), None);
}

#[test]
fn a_page_of_channels_is_as_many_as_are_seen_and_the_wheel_moves_one() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 3);
    let mut guide = set(&schedule, 1);
    press(&mut guide, &schedule, &[Key::Guide]);
    let rows = |guide: &Guide, millis| {
        let page = page(guide, &schedule, at(millis));
        let numbers: Vec<u16> = page.rows.iter().map(|row| row.number).collect();
        (numbers, cursor(guide, &schedule, at(millis)).0)
    };
    assert_eq!(rows(&guide, 0), (vec![1, 2, 3, 4, 5], 1));
    press(&mut guide, &schedule, &[Key::ChannelDown]);
    assert_eq!(rows(&guide, 500), (vec![6, 7, 8, 9, 10], 6));
    press(&mut guide, &schedule, &[Key::ChannelDown, Key::ChannelDown]);
    assert_eq!(rows(&guide, 500), (vec![8, 9, 10, 11, 12], 11));
    guide.scroll(-3, 0, &schedule, START);
    assert_eq!(rows(&guide, 500), (vec![5, 6, 7, 8, 9], 8));
    guide.scroll(-90, 0, &schedule, START);
    assert_eq!(rows(&guide, 500), (vec![1, 2, 3, 4, 5], 4));
    guide.scroll(0, 3, &schedule, START);
    assert_eq!(cursor(&guide, &schedule, START), (4, 23));
    assert_eq!(labels(&page(&guide, &schedule, at(500)))[0], "23:30");
}

#[test]
fn a_click_on_what_is_on_air_tunes_and_on_what_comes_later_shows_its_details() {
    let schedule = five_channels();
    for (width, height) in [(640, 360), (1920, 1080), (3840, 2160), (700, 1000)] {
        let mut guide = set(&schedule, 0);
        press(&mut guide, &schedule, &[Key::Guide]);
        let view = playing(&guide, &schedule);
        let layout = layout(width, height, &view);
        let cells = &view.guide.as_ref().expect("the guide is open").rows[3].cells;
        let middle = |cell: &Cell| {
            let place = layout.place(Part::Cell(3, cell.starts)).expect("it is seen").rect;
            (place.x + place.width / 2, place.y + place.height / 2)
        };
        let (x, y) = middle(&cells[1]);
        assert_eq!(guide.click(x, y, &layout, &schedule, START), None);
        let about = playing(&guide, &schedule).guide.and_then(|page| page.about);
        let about = about.expect("something is under the cursor");
        assert_eq!((&about.title, about.times.as_str()), (&cells[1].title, "21:00 – 22:00"));
        assert_eq!(about.facts, "1926 · 1\u{a0}h");
        let (x, y) = middle(&cells[0]);
        assert_eq!(guide.click(x, y, &layout, &schedule, START), Some(Action::Tune(3)));
        assert!(playing(&guide, &schedule).guide.is_none());
    }
}

/// The seconds of 2026 when the clocks of Berlin change, and what they are ahead of UTC before and
/// after, in minutes (Directive 2000/84/EC: the last Sundays of March and October, 01:00 UTC).
const BERLIN: [(UnixMillis, i32, i32); 2] =
    [(UnixMillis(1_774_746_000_000), 60, 120), (UnixMillis(1_792_890_000_000), 120, 60)];

#[test]
fn around_a_change_of_the_clocks_every_half_hour_has_its_own_time_and_no_programme_is_lost() {
    let schedule = five_channels();
    for (change, before, after) in BERLIN {
        let zone = Zone::new(before, vec![(change, after)]);
        let mut guide = set(&schedule, 0);
        let start = moment(change.plus_millis(-3 * 3_600_000));
        guide.handle_key(Key::Guide, &schedule, start);
        let mut seen = Vec::new();
        for hour in 0..6 {
            let later = Moment { now: T0 + GLIDE * (hour + 1), ..start };
            let page = guide.view(&schedule, &in_zone(zone.clone()), later).guide.expect("open");
            assert_eq!(page.ticks.len(), 4);
            for (n, tick) in (0..).zip(&page.ticks) {
                assert_eq!(tick.from_left_ms, n * 1_800_000, "half hours are half an hour apart");
            }
            for row in &page.rows {
                let edges = row.cells.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms);
                assert!(edges && row.cells[0].from_ms == 0, "no gaps");
                assert_eq!(row.cells.last().map(|cell| cell.to_ms), Some(Grid::SPAN_MS as i32));
            }
            seen.extend(page.rows[0].cells.iter().map(|cell| (cell.starts, cell.times.clone())));
            guide.scroll(0, 1, &schedule, later);
        }
        seen.dedup();
        seen.sort();
        seen.dedup();
        let all = schedule.airings(0, start.wall).take(seen.len()).map(|airing| airing.starts);
        assert!(seen.iter().map(|(starts, _)| *starts).eq(all));
        let times = |hours: i64| {
            let starts = change.plus_millis(hours * 3_600_000);
            seen.iter().find(|(at, _)| *at == starts).map(|(_, times)| times.as_str())
        };
        let expected = match after > before {
            true => ["01:00 – 03:00", "03:00 – 04:00"],
            false => ["02:00 – 02:00", "02:00 – 03:00"],
        };
        assert_eq!([times(-1), times(0)], expected.map(Some));
    }
}

#[test]
fn the_hours_of_a_day_that_changes_read_as_clocks_on_the_wall_did() {
    let schedule = five_channels();
    let expected = [["01:30", "03:00", "03:30", "04:00"], ["02:30", "02:00", "02:30", "03:00"]];
    for ((change, before, after), expected) in BERLIN.into_iter().zip(expected) {
        let zone = Zone::new(before, vec![(change, after)]);
        let mut guide = set(&schedule, 0);
        let start = moment(change.plus_millis(-20 * 60_000));
        guide.handle_key(Key::Guide, &schedule, start);
        let page = guide.view(&schedule, &in_zone(zone), start).guide.expect("it is open");
        assert_eq!(labels(&page), expected);
    }
}

#[test]
fn half_hours_are_those_of_the_wall_where_clocks_are_a_quarter_off() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    for (minutes, expected) in [
        (345, ["02:00", "02:30", "03:00", "03:30"]),
        (330, ["02:00", "02:30", "03:00", "03:30"]),
        (-210, ["17:00", "17:30", "18:00", "18:30"]),
        (210, ["Tomorrow 00:00", "00:30", "01:00", "01:30"]),
    ] {
        let page = guide.view(&schedule, &in_zone(Zone::fixed(minutes)), START).guide;
        let page = page.expect("it is open");
        let first = page.ticks[0].from_left_ms;
        assert_eq!(first, 0, "{minutes}");
        let shown: Vec<_> = labels(&page);
        // The day is the heading's at the left edge.
        assert_eq!(shown, expected.map(|label| label.trim_start_matches("Tomorrow ")));
        assert!(page.now_ms.is_some() && page.rows[0].cells.iter().any(|cell| cell.selected));
    }
    press(&mut guide, &schedule, &[Key::Right, Key::Right, Key::Right]);
    let page = page(&guide, &schedule, at(1000));
    assert_eq!(labels(&page), ["22:30", "23:00", "23:30", "Tomorrow 00:00"]);
}

#[test]
fn shorts_too_narrow_to_be_seen_have_no_cell_unless_under_the_cursor() {
    let mut channel = five_channels().line_up().channels[0].clone();
    for (programme, seconds) in channel.programmes.iter_mut().zip([1, 20, 600, 1200]) {
        programme.duration_ms = seconds * 1000;
    }
    let schedule = Schedule::new(LineUp { channels: vec![channel] }, 1);
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    for _ in 0..30 {
        press(&mut guide, &schedule, &[Key::Right]);
        let page = page(&guide, &schedule, at(1000));
        let cells = &page.rows[0].cells;
        assert_eq!(cells.iter().filter(|cell| cell.selected).count(), 1);
        let is_seen = |cell: &Cell| cell.to_ms - cell.from_ms >= 30_000 || cell.to_ms == 7_200_000;
        assert!(cells.iter().all(|cell| is_seen(cell) || cell.selected || cell.from_ms == 0));
    }
}

#[test]
fn a_channel_that_plays_nothing_shows_its_name_and_what_comes() {
    let mut channel = five_channels().line_up().channels[0].clone();
    channel.start_on_min = Some(30);
    channel.programmes.iter_mut().for_each(|programme| programme.duration_ms = 2_400_000);
    let schedule = Schedule::new(LineUp { channels: vec![channel] }, 1);
    let ident = schedule.airings(0, WALL).find(|airing| airing.programme.is_none());
    let ident = ident.expect("40 minutes of 60 leave a gap");
    let during = moment(ident.starts.plus_millis(1000));
    let mut guide = set(&schedule, 0);
    let view = guide.view(&schedule, &Status::default(), during);
    let card = view.card.expect("a card is shown");
    assert_eq!(card.heading, "1 · Channel 1");
    assert!(card.sentence.starts_with("Next at "), "{}", card.sentence);

    guide.handle_key(Key::Guide, &schedule, during);
    let page = page(&guide, &schedule, during);
    let cell = page.rows[0].cells.iter().find(|cell| cell.selected).expect("it is on");
    assert!(cell.ident && cell.title == "Channel 1" && cell.times.is_empty());
    // The cursor goes from programme to programme.
    guide.handle_key(Key::Right, &schedule, during);
    guide.handle_key(Key::Right, &schedule, during);
    let (_, airing) = guide.selected(&schedule, during).expect("it is open");
    assert!(airing.programme.is_some());
}

#[test]
fn the_line_ups_words_come_before_the_archives_and_those_only_for_their_item() {
    let mut line_up = five_channels().line_up().clone();
    for programme in line_up.channels.iter_mut().flat_map(|channel| &mut channel.programmes) {
        programme.licence = Some("Public domain".to_string());
    }
    let schedule = Schedule::new(line_up, 1);
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    let (_, airing) = guide.selected(&schedule, START).expect("the guide is open");
    let programme = airing.of(&schedule.line_up().channels[0]).expect("a programme");
    let about = |item: &str| {
        let details = Some(Details {
            item: item.to_string(),
            description: Some("A film.".to_string()),
            licence: Some("CC BY".to_string()),
            year: Some(1999),
            creator: Some("Somebody".to_string()),
        });
        let status = Status { details, ..in_zone(Zone::default()) };
        guide.view(&schedule, &status, START).guide.and_then(|page| page.about).expect("about")
    };
    let known = about(&programme.item);
    assert_eq!(known.facts, "1926 · 1\u{a0}h · Somebody");
    assert_eq!(known.description.as_deref(), Some("A film."));
    assert_eq!(known.licence.as_deref(), Some("Public domain"));
    let link = format!("https://archive.org/details/{}", programme.item);
    assert_eq!(known.link.as_deref(), Some(link.as_str()));
    assert_eq!(known.position.as_deref(), Some("42:07 / 1:00:00"));
    let other = about("another");
    assert_eq!((other.facts.as_str(), other.description), ("1926 · 1\u{a0}h", None));
}
