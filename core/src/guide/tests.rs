//! Keys and clicks against the model: what they change on the screen, and what is to be done.

mod grid;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::line_up::{LineUp, Programme};

const T0: Instant = Instant::from_micros(1_000_000);
/// 2026-11-20T20:42:07.250Z.
const WALL: UnixMillis = UnixMillis(1_795_207_327_250);

const START: Moment = Moment { now: T0, wall: WALL };

fn after(millis: u64) -> Instant {
    T0 + Duration::from_millis(millis)
}

/// Both clocks that long after the start.
fn at(millis: u64) -> Moment {
    Moment { now: after(millis), wall: WALL.plus_millis(millis as i64) }
}

/// A set that was last on the channel with this index.
fn set(schedule: &Schedule, channel: usize) -> Guide {
    Guide::new(schedule, &kept(schedule, channel))
}

/// The same with a screen that is held in the hand.
fn set_in_hand(schedule: &Schedule, channel: usize) -> Guide {
    Guide::in_hand(schedule, &kept(schedule, channel))
}

fn kept(schedule: &Schedule, channel: usize) -> Kept {
    let channel = schedule.line_up().channels.get(channel);
    let channel = channel.map(|channel| channel.id.clone()).unwrap_or_default();
    Kept { channel, ..Kept::default() }
}

/// One programme an hour, `programmes` of them, on each of these channel numbers.
fn schedule(numbers: &[u16], programmes: usize) -> Schedule {
    let channels = numbers
        .iter()
        .map(|number| Channel {
            id: format!("channel-{number}"),
            number: *number,
            name: format!("Channel {number}"),
            programmes: (1..=programmes)
                .map(|film| Programme {
                    title: format!("Film {film} on {number}"),
                    year: Some(1926),
                    item: format!("film-{film}"),
                    file: format!("film-{film}.mp4"),
                    bytes: None,
                    duration_ms: 3_600_000,
                    licence: None,
                    ..Programme::default()
                })
                .collect(),
            ..Channel::default()
        })
        .collect();
    Schedule::new(LineUp { channels }, 1)
}

fn five_channels() -> Schedule {
    schedule(&[1, 2, 3, 4, 5], 4)
}

fn press(guide: &mut Guide, schedule: &Schedule, keys: &[Key]) -> Vec<Option<Action>> {
    keys.iter().map(|key| guide.handle_key(*key, schedule, START)).collect()
}

fn screen(guide: &Guide, schedule: &Schedule, reception: Reception) -> View {
    let status = Status { reception, ..Status::default() };
    guide.view(schedule, &status, START)
}

fn playing(guide: &Guide, schedule: &Schedule) -> View {
    screen(guide, schedule, Reception::Playing)
}

#[test]
fn channel_up_and_down_go_round_the_ends() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 3);
    let keys = [Key::ChannelUp, Key::ChannelUp, Key::ChannelDown, Key::Up, Key::Down];
    let tuned = press(&mut guide, &schedule, &keys);
    assert_eq!(tuned, [4, 0, 4, 0, 4].map(|channel| Some(Action::Tune(channel))));
}

#[test]
fn a_set_that_starts_on_a_channel_beyond_the_last_starts_on_the_first() {
    assert_eq!(set(&five_channels(), 5).channel(), 0);
    assert_eq!(set(&five_channels(), 4).channel(), 4);
}

#[test]
fn last_channel_goes_back_and_forth() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let keys = [Key::LastChannel, Key::Digit(4), Key::LastChannel, Key::LastChannel];
    assert_eq!(
        press(&mut guide, &schedule, &keys),
        [None, Some(Action::Tune(3)), Some(Action::Tune(0)), Some(Action::Tune(3))]
    );
}

#[test]
fn a_digit_that_no_longer_number_starts_with_tunes_at_once() {
    let schedule = schedule(&[1, 3, 12, 120], 2);
    let mut guide = set(&schedule, 0);
    assert_eq!(press(&mut guide, &schedule, &[Key::Digit(3)]), [Some(Action::Tune(1))]);
    let keys = [Key::Digit(1), Key::Digit(2), Key::Digit(0)];
    assert_eq!(press(&mut guide, &schedule, &keys), [None, None, Some(Action::Tune(3))]);
    assert_eq!(playing(&guide, &schedule).entry, None);
}

#[test]
fn a_number_that_could_be_longer_tunes_two_seconds_after_its_last_digit() {
    let schedule = schedule(&[1, 12, 120], 2);
    let mut guide = set(&schedule, 0);
    assert_eq!(guide.handle_key(Key::Digit(1), &schedule, at(0)), None);
    assert_eq!(guide.handle_key(Key::Digit(2), &schedule, at(1500)), None);
    assert_eq!(guide.poll(at(3499)), None);
    assert_eq!(guide.next_wake(START), Some(after(3500)));
    assert_eq!(guide.poll(at(3500)), Some(Action::Tune(1)));
}

#[test]
fn ok_takes_the_number_at_once_and_back_takes_it_back() {
    let schedule = schedule(&[1, 12, 120], 2);
    let mut guide = set(&schedule, 2);
    let keys = [Key::Digit(1), Key::Back, Key::Digit(1), Key::Digit(2), Key::Ok];
    let done = press(&mut guide, &schedule, &keys);
    assert_eq!(done, [None, None, None, None, Some(Action::Tune(1))]);
}

#[test]
fn leading_zeros_count_as_digits_but_not_as_value() {
    let schedule = schedule(&[7, 70], 2);
    let mut guide = set(&schedule, 1);
    let keys = [Key::Digit(0), Key::Digit(0), Key::Digit(7)];
    assert_eq!(press(&mut guide, &schedule, &keys), [None, None, Some(Action::Tune(0))]);
}

#[test]
fn a_number_that_no_channel_has_says_so_for_two_seconds_and_tunes_nothing() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    assert_eq!(press(&mut guide, &schedule, &[Key::Digit(9)]), [None]);
    let entry = playing(&guide, &schedule).entry;
    assert_eq!(
        entry,
        Some(NumberEntry {
            digits: "9".to_string(),
            message: Some("No such channel".to_string()),
            unknown: true
        })
    );
    assert_eq!(guide.poll(at(1999)), None);
    assert!(playing(&guide, &schedule).entry.is_some());
    assert_eq!(guide.poll(at(2000)), None);
    assert_eq!(playing(&guide, &schedule).entry, None);
    assert_eq!(guide.channel(), 0);
}

#[test]
fn a_digit_after_an_unknown_number_starts_a_new_one() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let keys = [Key::Digit(9), Key::Digit(2)];
    assert_eq!(press(&mut guide, &schedule, &keys), [None, Some(Action::Tune(1))]);
}

#[test]
fn volume_stays_between_0_and_100() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let louder = press(&mut guide, &schedule, &[Key::VolumeUp; 30]);
    assert_eq!(louder.first(), Some(&Some(Action::Volume(75))));
    assert_eq!(louder.last(), Some(&Some(Action::Volume(100))));
    let quieter = press(&mut guide, &schedule, &[Key::Left; 30]);
    assert_eq!(quieter.first(), Some(&Some(Action::Volume(95))));
    assert_eq!(quieter.last(), Some(&Some(Action::Volume(0))));
}

#[test]
fn mute_survives_a_change_of_channel_and_forgets_no_volume() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let keys = [Key::VolumeDown, Key::Mute, Key::ChannelUp, Key::Mute];
    assert_eq!(
        press(&mut guide, &schedule, &keys),
        [
            Some(Action::Volume(65)),
            Some(Action::Mute(true)),
            Some(Action::Tune(1)),
            Some(Action::Mute(false))
        ]
    );
    assert_eq!(guide.volume(), 65);
}

#[test]
fn a_change_of_volume_ends_mute() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Mute]);
    assert!(playing(&guide, &schedule).muted);
    assert_eq!(press(&mut guide, &schedule, &[Key::VolumeUp]), [Some(Action::Volume(75))]);
    assert!(!playing(&guide, &schedule).muted);
}

#[test]
fn the_banner_leaves_after_five_seconds_and_the_volume_bar_after_two() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::ChannelUp, Key::VolumeUp]);
    let shown = |guide: &Guide| {
        let view = playing(guide, &schedule);
        (view.banner.is_some(), view.volume.is_some())
    };
    guide.poll(at(1999));
    assert_eq!((shown(&guide), guide.next_wake(at(1999))), ((true, true), Some(after(2000))));
    guide.poll(at(2000));
    // From there on it fades, a picture at a time.
    assert_eq!((shown(&guide), guide.next_wake(at(2000))), ((true, false), Some(after(4600))));
    assert_eq!(guide.next_wake(at(4600)), Some(after(4616)));
    let opacity = |millis| {
        let status = Status::default();
        guide.view(&schedule, &status, at(millis)).banner.map(|banner| banner.opacity)
    };
    assert_eq!([2000, 4600, 4800, 4999].map(opacity), [255, 255, 127, 0].map(Some));
    guide.poll(at(5000));
    assert_eq!((shown(&guide), guide.next_wake(at(5000))), ((false, false), None));
}

#[test]
fn ok_shows_the_banner_then_the_guide_then_tunes_to_the_row() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 1);
    press(&mut guide, &schedule, &[Key::Ok]);
    assert!(playing(&guide, &schedule).banner.is_some());
    press(&mut guide, &schedule, &[Key::Ok]);
    let view = playing(&guide, &schedule);
    assert!(view.banner.is_none() && view.guide.is_some());
    assert_eq!(guide.selected(&schedule, START).map(|(channel, _)| channel), Some(1));
    assert_eq!(press(&mut guide, &schedule, &[Key::Down, Key::Ok]), [None, Some(Action::Tune(2))]);
    assert!(playing(&guide, &schedule).guide.is_none());
}

#[test]
fn the_cursor_of_the_guide_goes_round_the_ends() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let tuned = press(&mut guide, &schedule, &[Key::Guide, Key::Up, Key::Ok]);
    assert_eq!(tuned.last(), Some(&Some(Action::Tune(4))));
    let tuned = press(&mut guide, &schedule, &[Key::Guide, Key::Down, Key::Ok]);
    assert_eq!(tuned.last(), Some(&Some(Action::Tune(0))));
}

#[test]
fn the_guide_scrolls_only_when_the_cursor_leaves_it() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7, 8], 2);
    let mut guide = set_in_hand(&schedule, 0);
    let window = |guide: &Guide| {
        let page = playing(guide, &schedule).list.expect("the guide is open");
        (page.above, page.selected, page.below)
    };
    press(&mut guide, &schedule, &[Key::Guide, Key::Down, Key::Down, Key::Down, Key::Down]);
    assert_eq!(window(&guide), (0, 4, 3));
    press(&mut guide, &schedule, &[Key::Down]);
    assert_eq!(window(&guide), (1, 4, 2));
    press(&mut guide, &schedule, &[Key::Up]);
    assert_eq!(window(&guide), (1, 3, 2));
    press(&mut guide, &schedule, &[Key::Up, Key::Up, Key::Up, Key::Up]);
    assert_eq!(window(&guide), (0, 0, 3));
    press(&mut guide, &schedule, &[Key::Up]);
    assert_eq!(window(&guide), (3, 4, 0));
}

#[test]
fn back_takes_away_one_thing_at_a_time_and_leaves_full_screen_last() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::FullScreen, Key::Guide, Key::Digit(9)]);
    assert_eq!(press(&mut guide, &schedule, &[Key::Back]), [None]);
    let view = playing(&guide, &schedule);
    assert!(view.entry.is_none() && view.guide.is_some());
    assert_eq!(press(&mut guide, &schedule, &[Key::Back]), [None]);
    assert!(playing(&guide, &schedule).guide.is_none());
    let last = press(&mut guide, &schedule, &[Key::Back, Key::Back]);
    assert_eq!(last, [Some(Action::FullScreen(false)), None]);
}

#[test]
fn full_screen_left_by_other_means_is_entered_again_by_the_next_press() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::FullScreen]);
    guide.full_screen_changed(false);
    assert_eq!(press(&mut guide, &schedule, &[Key::FullScreen]), [Some(Action::FullScreen(true))]);
}

#[test]
fn a_click_on_a_row_tunes_to_it_wherever_it_is_drawn() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7, 8], 2);
    for (width, height) in [(480, 272), (600, 1000)] {
        let mut guide = set_in_hand(&schedule, 7);
        press(&mut guide, &schedule, &[Key::Guide]);
        let layout = layout_in_hand(width, height, &playing(&guide, &schedule));
        let row = layout.place(Part::RowTitle(1)).expect("five rows are laid out").rect;
        let tuned = guide.click(row.x, row.y, &layout, &schedule, START);
        assert_eq!(tuned, Some(Action::Tune(4)), "{width}x{height}");
        assert!(playing(&guide, &schedule).list.is_none());
    }
    for (width, height) in [(640, 360), (1280, 720), (3840, 2160), (600, 1000)] {
        let mut guide = set(&schedule, 7);
        press(&mut guide, &schedule, &[Key::Guide]);
        let layout = layout(width, height, &playing(&guide, &schedule));
        let name = layout.place(Part::ChannelName(4)).expect("five rows are laid out").rect;
        let tuned = guide.click(name.x, name.y, &layout, &schedule, START);
        assert_eq!(tuned, Some(Action::Tune(4)), "{width}x{height}");
        assert!(playing(&guide, &schedule).guide.is_none());
    }
}

#[test]
fn a_click_on_the_picture_shows_the_banner_and_one_on_the_banner_opens_the_guide() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let first = layout(1280, 720, &playing(&guide, &schedule));
    assert_eq!(guide.click(640, 650, &first, &schedule, START), None);
    let view = playing(&guide, &schedule);
    assert!(view.banner.is_some());
    assert_eq!(guide.click(640, 650, &layout(1280, 720, &view), &schedule, START), None);
    let view = playing(&guide, &schedule);
    let open = layout(1280, 720, &view);
    let picture = open.place(Part::Picture).expect("the picture plays in the guide").rect;
    assert!(view.guide.is_some());
    assert_eq!(guide.click(picture.x, picture.y, &open, &schedule, START), None);
    assert!(playing(&guide, &schedule).guide.is_none());
}

#[test]
fn a_click_on_the_volume_bar_sets_the_volume() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::VolumeUp]);
    let layout = layout(1920, 1080, &playing(&guide, &schedule));
    let track = layout.place(Part::VolumeTrack).expect("the volume bar is shown").rect;
    let mut click = |y| guide.click(track.x, y, &layout, &schedule, START);
    assert_eq!(click(track.y), Some(Action::Volume(100)));
    assert_eq!(click(track.y + track.height / 2), Some(Action::Volume(50)));
    assert_eq!(click(track.y + track.height), None);
}

#[test]
fn a_click_on_a_volume_bar_that_lies_flat_counts_from_the_left() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::VolumeUp]);
    let layout = layout_in_hand(480, 272, &playing(&guide, &schedule));
    let track = layout.place(Part::VolumeTrack).expect("the volume bar is shown").rect;
    let mut click = |x| guide.click(x, track.y, &layout, &schedule, START);
    assert_eq!(click(track.x), Some(Action::Volume(0)));
    assert_eq!(click(track.x + (track.width * 3 + 3) / 4), Some(Action::Volume(75)));
}

#[test]
fn a_programme_without_picture_has_a_page_that_says_why_and_what_the_sound_waits_for() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 2);
    let why = "its picture is too large for this set.".to_string();
    let view = |guide: &Guide, reception| {
        let status = Status { reception, sound_only: Some(why.clone()), ..Status::default() };
        guide.view(&schedule, &status, START)
    };
    let heard = view(&guide, Reception::Playing);
    let page = heard.sound.expect("a page is shown");
    assert_eq!((page.station.number, page.note), (3, None));
    assert_eq!(page.why, "Its picture is too large for this set.");

    let waiting = Reception::Waiting { why: "the connection was cut.".to_string() };
    let view_of_waiting = view(&guide, waiting.clone());
    assert_eq!(view_of_waiting.card, None);
    let note = view_of_waiting.sound.and_then(|page| page.note);
    assert_eq!(note.as_deref(), Some("The connection was cut."));

    let tuning = view(&guide, Reception::Tuning { stage: "asking".to_string() });
    assert!(tuning.sound.is_none() && tuning.card.is_some());
    press(&mut guide, &schedule, &[Key::Guide]);
    let open = view(&guide, waiting);
    assert!(open.sound.is_some() && open.guide.is_some());
    let mut guide = set_in_hand(&schedule, 2);
    press(&mut guide, &schedule, &[Key::Guide]);
    let open = view(&guide, Reception::Playing);
    assert!(open.sound.is_none() && open.list.is_some());
}

#[test]
fn without_a_network_that_is_the_reason_given_everywhere() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 2);
    let link = "Wi-Fi is switched off.";
    let view = |guide: &Guide, reception| {
        let status = Status {
            reception,
            notice: Some("The sound cannot be decoded.".to_string()),
            link: Some(link.to_string()),
            ..Status::default()
        };
        guide.view(&schedule, &status, START)
    };
    let failed = Reception::Failed { sentence: "No answer.".to_string(), retry_at: None };
    let tuning = Reception::Tuning { stage: "asking…".to_string() };
    for reception in [Reception::Off, tuning, failed.clone()] {
        let card = view(&guide, reception).card.expect("a card is shown");
        assert_eq!(card.sentence, link);
    }
    guide.inform(T0);
    let banner = view(&guide, Reception::Playing).banner.expect("the banner is shown");
    assert_eq!(banner.note.as_deref(), Some(link));
    press(&mut guide, &schedule, &[Key::Guide]);
    let page = view(&guide, failed).guide.expect("the guide is open");
    assert_eq!(page.note.as_deref(), Some(link));
}

#[test]
fn the_banner_tells_what_the_schedule_says() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 2);
    guide.inform(T0);
    let status =
        Status { reception: Reception::Playing, zone: Zone::fixed(-210), ..Status::default() };
    let banner = guide.view(&schedule, &status, START).banner.expect("the banner is shown");
    let mut airings = schedule.airings(2, WALL);
    let (now, next) = (airings.next().expect("on air"), airings.next().expect("next"));
    let channel = &schedule.line_up().channels[2];
    let on_air = banner.station.on_air.expect("on air");
    assert_eq!(banner.clock, "17:12");
    assert_eq!((banner.station.number, banner.station.name.as_str()), (3, "Channel 3"));
    assert_eq!(on_air.title, now.of(channel).expect("a programme").title);
    assert_eq!(on_air.duration, "1:00:00");
    let seconds = WALL.millis_since(now.starts) / 1000;
    assert_eq!(on_air.position, format!("{}:{:02}", seconds / 60, seconds % 60));
    assert_eq!(i64::from(on_air.progress_permille), seconds * 1000 / 3600);
    assert_eq!(on_air.ends, banner.station.next.as_ref().expect("next").starts);
    assert_eq!(
        banner.station.next.expect("next").title,
        next.of(channel).expect("a programme").title
    );
}

#[test]
fn a_title_is_followed_by_its_year_unless_it_names_it_already() {
    let titled = |title, year| Titled { title, year }.to_string();
    assert_eq!(titled("Detour", Some(1945)), "Detour (1945)");
    assert_eq!(titled("1984", Some(1956)), "1984 (1956)");
    assert_eq!(titled("The Cure (1917 Short Film)", Some(1917)), "The Cure (1917 Short Film)");
    assert_eq!(titled("Detour", None), "Detour");
}

#[test]
fn a_screen_left_alone_changes_at_most_once_a_second() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6], 3);
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    let status = Status { reception: Reception::Playing, ..Status::default() };
    let views: Vec<View> =
        (0..6000).step_by(20).map(|millis| guide.view(&schedule, &status, at(millis))).collect();
    let changes = views.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 6);
}

#[test]
fn each_kind_of_reception_says_what_it_is_in_words() {
    let schedule = five_channels();
    let guide = set(&schedule, 2);
    let card = |reception| screen(&guide, &schedule, reception).card.expect("a card is shown");

    let tuning = card(Reception::Tuning { stage: "finding the film's index…".to_string() });
    assert_eq!(tuning.heading, "Tuning to 3 · Channel 3");
    assert_eq!(tuning.sentence, "Finding the film's index…");
    assert_eq!(tuning.backdrop, Backdrop::TestCard);

    let waiting = card(Reception::Waiting { why: "the connection was cut.".to_string() });
    assert_eq!(waiting.sentence, "The connection was cut.");
    assert_eq!(waiting.backdrop, Backdrop::Picture);

    let sentence = "The archive answered 404: this film is not there.".to_string();
    let failed = card(Reception::Failed { sentence: sentence.clone(), retry_at: None });
    let next = schedule.airings(2, WALL).nth(1).expect("next");
    let title = &next.of(&schedule.line_up().channels[2]).expect("a programme").title;
    assert_eq!(failed.heading, "3 · Channel 3");
    assert_eq!(failed.sentence, sentence);
    let detail = failed.detail.expect("what is next");
    assert!(
        detail.starts_with("Next at ") && detail.ends_with(&format!(": {title} (1926)")),
        "{detail}"
    );

    let retry_at = Some(WALL.plus_millis(11_001));
    let retrying = card(Reception::Failed { sentence, retry_at });
    assert_eq!(retrying.detail.as_deref(), Some("Trying again in 12\u{a0}s"));
}

#[test]
fn a_notice_is_on_the_banner_and_before_the_reason_for_being_offline() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    guide.inform(T0);
    let note = |notice: Option<String>| {
        let status = Status {
            reception: Reception::Playing,
            notice,
            offline: Some("archive.org does not answer.".to_string()),
            ..Status::default()
        };
        let view = guide.view(&schedule, &status, START);
        assert!(view.offline);
        view.banner.and_then(|banner| banner.note)
    };
    assert_eq!(note(None).as_deref(), Some("archive.org does not answer."));
    let notice = "The sound cannot be decoded: it has 5.1 channels.".to_string();
    assert_eq!(note(Some(notice.clone())), Some(notice));
}

#[test]
fn the_guide_says_why_there_is_no_picture() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide]);
    let view = screen(&guide, &schedule, Reception::Tuning { stage: "asking".to_string() });
    assert_eq!(view.guide.and_then(|page| page.note).as_deref(), Some("Asking"));
}

#[test]
fn a_line_up_without_channels_shows_a_card_and_survives_every_key() {
    let schedule = schedule(&[], 0);
    let mut guide = set(&schedule, 0);
    let keys = [
        Key::Up,
        Key::Down,
        Key::ChannelUp,
        Key::Guide,
        Key::Up,
        Key::Down,
        Key::Digit(1),
        Key::Digit(200),
        Key::Ok,
        Key::Back,
        Key::LastChannel,
        Key::Info,
        Key::Ok,
        Key::Ok,
    ];
    for key in keys {
        let action = guide.handle_key(key, &schedule, START);
        assert_eq!(action, None, "{key:?}");
        let view = playing(&guide, &schedule);
        assert_eq!(view.card.as_ref().map(|card| card.heading.as_str()), Some("No channels"));
        layout(1280, 720, &view);
    }
}

#[test]
fn whoever_counts_to_twelve_reads_times_in_halves_of_the_day() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    guide.inform(T0);
    let clock = |minutes| {
        let status =
            Status { zone: Zone::fixed(minutes), hours: Hours::Twelve, ..Status::default() };
        guide.view(&schedule, &status, START).banner.expect("it was asked for").clock
    };
    assert_eq!(clock(0), "8:42\u{a0}PM");
    assert_eq!(clock(180), "11:42\u{a0}PM");
    assert_eq!(clock(240), "12:42\u{a0}AM");
    assert_eq!(clock(-480), "12:42\u{a0}PM");
    assert_eq!(clock(-720), "8:42\u{a0}AM");
}

#[test]
fn what_was_kept_is_how_the_set_starts_and_unknown_channels_stay_in_it() {
    let schedule = five_channels();
    let kept = Kept {
        channel: "channel-9".to_string(),
        volume: 35,
        muted: true,
        favourites: ["channel-9", "channel-2"].map(String::from).to_vec(),
        subtitles: true,
    };
    let mut guide = Guide::new(&schedule, &kept);
    assert_eq!((guide.channel(), guide.volume(), guide.muted()), (0, 35, true));
    assert_eq!(playing(&guide, &schedule).volume, None);
    assert_eq!(guide.kept(&schedule), kept);
    press(&mut guide, &schedule, &[Key::NextFavourite]);
    assert_eq!(guide.kept(&schedule), Kept { channel: "channel-2".to_string(), ..kept.clone() });
    assert_eq!(Guide::new(&schedule, &Kept { volume: 101, ..kept }).volume(), 100);
}

#[test]
fn a_programme_started_over_returns_to_live_when_it_ends() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    assert_eq!(press(&mut guide, &schedule, &[Key::StartOver]), [Some(Action::Retune)]);
    let airing = schedule.on_air(0, WALL).expect("on air");
    assert_eq!(guide.watching_at(WALL), airing.starts);
    let status = Status { reception: Reception::Playing, ..Status::default() };
    let banner = guide.view(&schedule, &status, START).banner.expect("it is shown");
    let on_air = banner.station.on_air.expect("on air");
    assert_eq!((on_air.starts.as_str(), on_air.ends.as_str()), ("20:42", "21:42"));
    assert_eq!((on_air.position.as_str(), banner.station.next), ("0:00", None));
    let behind = "Started over, 42\u{a0}min behind the others.";
    assert_eq!(banner.behind.as_deref(), Some(behind));

    // The programme after has begun for everybody else.
    let half_an_hour = at(30 * 60_000);
    assert_eq!(guide.poll(half_an_hour), None);
    let watched = guide.watching_at(half_an_hour.wall);
    assert_eq!(schedule.on_air(0, watched), Some(airing));
    let last = at(60 * 60_000 - 1);
    assert_eq!((guide.poll(last), guide.watching_at(last.wall) < airing.ends), (None, true));
    let over = at(60 * 60_000);
    assert_eq!(guide.next_wake(last), Some(over.now));
    assert_eq!(guide.watching_at(over.wall), over.wall);
    assert_eq!(guide.poll(over), Some(Action::Retune));
    assert_eq!(guide.poll(over), None);
}

#[test]
fn live_and_another_channel_end_what_was_started_over() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let keys = [Key::StartOver, Key::Live, Key::Live, Key::StartOver, Key::ChannelUp];
    let done = press(&mut guide, &schedule, &keys);
    let retune = Some(Action::Retune);
    assert_eq!(done, [retune, retune, None, retune, Some(Action::Tune(1))]);
    assert_eq!(guide.watching_at(WALL), WALL);
}

#[test]
fn start_over_in_the_guide_is_for_what_is_under_the_cursor() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let done = press(&mut guide, &schedule, &[Key::Guide, Key::Down, Key::StartOver]);
    assert_eq!(done.last(), Some(&Some(Action::Tune(1))));
    let airing = schedule.on_air(1, WALL).expect("on air");
    assert_eq!(guide.watching_at(WALL), airing.starts);
    let done = press(&mut guide, &schedule, &[Key::Guide, Key::Right, Key::StartOver]);
    assert_eq!(done.last(), Some(&None));
    assert!(playing(&guide, &schedule).notice.is_some());
}

#[test]
fn the_set_says_a_minute_before_that_it_will_switch_off() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Sleep]);
    let said = |guide: &Guide, moment| guide.view(&schedule, &Status::default(), moment).notice;
    let first = "The set switches off in 15\u{a0}min, at 20:57.";
    assert_eq!(said(&guide, START).as_deref(), Some(first));
    guide.poll(at(4000));
    assert_eq!(said(&guide, at(4000)), None);
    let warning = at(14 * 60_000);
    assert_eq!(guide.next_wake(at(4000)).map(|_| ()), Some(()));
    guide.poll(at(5000));
    assert_eq!(guide.next_wake(at(5000)), Some(warning.now));
    let last = "The set switches off in 60\u{a0}s.";
    assert_eq!(said(&guide, warning).as_deref(), Some(last));
    assert_eq!(guide.poll(at(15 * 60_000 - 1)), None);
    assert_eq!(guide.poll(at(15 * 60_000)), Some(Action::Quit));
    assert_eq!(guide.poll(at(15 * 60_000)), None);
}

#[test]
fn the_sleep_timer_goes_through_its_times_and_off() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let mut said = |_| {
        press(&mut guide, &schedule, &[Key::Sleep]);
        playing(&guide, &schedule).notice.expect("each press says so")
    };
    let all: Vec<String> = (0..7).map(&mut said).collect();
    for (minutes, said) in SLEEP_MINUTES.iter().zip(&all) {
        assert!(said.contains(&format!(" {minutes}\u{a0}min")), "{said}");
    }
    assert_eq!(all[5], "The sleep timer is off.");
    assert_eq!(all[6], all[0]);
}

#[test]
fn favourites_are_tuned_through_by_number() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    assert_eq!(press(&mut guide, &schedule, &[Key::NextFavourite]), [None]);
    let notice = playing(&guide, &schedule).notice;
    assert_eq!(notice.as_deref(), Some("No channel is a favourite yet."));
    // The one that is watched, and one under the cursor.
    let keys = [Key::Favourite, Key::Guide, Key::Down, Key::Down, Key::Down, Key::Favourite];
    press(&mut guide, &schedule, &keys);
    let marked = playing(&guide, &schedule).guide.expect("it is open").rows;
    let marked: Vec<u16> =
        marked.iter().filter(|row| row.favourite).map(|row| row.number).collect();
    assert_eq!(marked, [1, 4]);
    press(&mut guide, &schedule, &[Key::Back]);
    let done = press(&mut guide, &schedule, &[Key::NextFavourite, Key::NextFavourite]);
    assert_eq!(done, [Some(Action::Tune(3)), Some(Action::Tune(0))]);
    press(&mut guide, &schedule, &[Key::Favourite]);
    assert_eq!(guide.kept(&schedule).favourites, ["channel-4"]);
}

#[test]
fn subtitles_are_shown_when_asked_for_and_only_over_the_film() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    let view = |guide: &Guide, has_subtitles| {
        let subtitle = Some("Who is there?".to_string());
        let status =
            Status { reception: Reception::Playing, subtitle, has_subtitles, ..Status::default() };
        guide.view(&schedule, &status, START)
    };
    assert_eq!(view(&guide, true).subtitle, None);
    press(&mut guide, &schedule, &[Key::Subtitles]);
    let on = view(&guide, true);
    assert_eq!(on.subtitle.as_deref(), Some("Who is there?"));
    assert_eq!(on.notice.as_deref(), Some("Subtitles are on."));
    let none = "Subtitles are on. This programme has none.";
    assert_eq!(view(&guide, false).notice.as_deref(), Some(none));
    press(&mut guide, &schedule, &[Key::Guide]);
    assert_eq!(view(&guide, true).subtitle, None);
    press(&mut guide, &schedule, &[Key::Back, Key::Subtitles]);
    let off = view(&guide, true);
    assert_eq!((off.subtitle, off.notice.as_deref()), (None, Some("Subtitles are off.")));
}

#[test]
fn what_the_set_says_of_itself_leaves_after_four_seconds() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    guide.notify("A gamepad is connected.".to_string(), T0);
    assert_eq!(playing(&guide, &schedule).notice.as_deref(), Some("A gamepad is connected."));
    assert_eq!(guide.next_wake(START), Some(after(4000)));
    guide.poll(at(4000));
    assert_eq!(playing(&guide, &schedule).notice, None);
}

#[test]
fn health_is_shown_until_it_is_pressed_again_and_not_over_the_guide() {
    let schedule = five_channels();
    let mut guide = set(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Health]);
    let shown = playing(&guide, &schedule).health.expect("it is shown");
    assert_eq!(shown.first().map(|fact| fact.value.as_str()), Some("none"));
    press(&mut guide, &schedule, &[Key::Guide]);
    assert_eq!(playing(&guide, &schedule).health, None);
    press(&mut guide, &schedule, &[Key::Back, Key::Health]);
    assert_eq!(playing(&guide, &schedule).health, None);
}

#[test]
fn every_key_in_the_hand_leaves_the_list_where_nothing_moves() {
    let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7, 8], 2);
    let mut guide = set_in_hand(&schedule, 0);
    press(&mut guide, &schedule, &[Key::Guide, Key::Up, Key::Left, Key::Right, Key::Later]);
    let view = playing(&guide, &schedule);
    assert!(view.guide.is_none());
    assert_eq!(view.list.map(|page| (page.above, page.selected)), Some((3, 4)));
    assert_eq!(guide.next_wake(START), None);
    assert_eq!(press(&mut guide, &schedule, &[Key::ChannelUp]), [Some(Action::Tune(1))]);
}
