//! Everything that the screen can show, for the example that writes pictures of it and for the
//! tests that look at them.

use testcard_core::guide::{Guide, Kept, Key, Moment, Reception, Status, View};
use testcard_core::line_up::{Channel, LineUp, Programme};
use testcard_core::schedule::Schedule;
use testcard_core::time::{Instant, UnixMillis};
use testcard_psp_screen::{Confirm, Extra, HEIGHT, STRIDE, WIDTH};

/// 2026-11-20T20:42:07Z.
pub const WALL: UnixMillis = UnixMillis(1_795_207_327_000);
/// The same by both clocks.
pub const NOW: Moment = Moment { now: Instant::ZERO, wall: WALL };

/// What a panic says, and where.
pub const PANIC: &str = "panicked at psp/eboot/src/television/turn.rs:214:17: index out of bounds: \
     the len is 5 but the index is 5";

/// A buffer with a picture brighter than any film in it: stripes from a light sky to white.
pub fn film() -> Vec<u32> {
    let pixels = 0..HEIGHT as usize * STRIDE;
    pixels
        .map(|n| {
            let dark = u32::try_from(n % STRIDE / 40 * 8).unwrap_or(0);
            0xffff_ffff - (dark << 8) - 2 * dark
        })
        .collect()
}

/// The visible pixels of a buffer as red, green and blue.
#[allow(dead_code, reason = "not every test compares pictures")]
pub fn rgb(pixels: &[u32]) -> Vec<u8> {
    let rows = pixels.chunks(STRIDE).flat_map(|row| row.iter().take(WIDTH as usize));
    rows.flat_map(|pixel| pixel.to_le_bytes().into_iter().take(3)).collect()
}

/// The name of each screen, and what is drawn.
pub fn screens() -> Vec<(&'static str, View, Extra)> {
    let schedule = schedule(&[3, 12, 47, 120, 888]);
    let many = self::schedule(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let (one, none) = (self::schedule(&[7]), self::schedule(&[]));
    let playing = || Status { reception: Reception::Playing, ..Status::default() };
    let with = |reception| Status { reception, ..Status::default() };
    let show = |schedule: &Schedule, channel, keys: &[Key], status: &Status| {
        let mut guide = set(schedule, channel);
        for key in keys {
            guide.handle_key(*key, schedule, NOW);
        }
        guide.view(schedule, status, NOW)
    };
    let tuning = with(Reception::Tuning { stage: "finding the film's index…".into() });
    let failed = with(Reception::Failed {
        sentence: "The archive does not have this film any more (404).".into(),
        retry_at: None,
    });
    let retrying = with(Reception::Failed {
        sentence: "This film's index cannot be used: the stsd box at byte 4294967295 of the moov \
                   says it has 4294967295 entries and is too short for them."
            .into(),
        retry_at: Some(WALL.plus_millis(12_000)),
    });
    let waiting =
        with(Reception::Waiting { why: "The connection was cut; trying another node.".into() });
    let notice = Status {
        notice: Some("The sound cannot be decoded: it has 5.1 channels.".into()),
        offline: Some("archive.org does not answer.".into()),
        ..playing()
    };
    let wifi_off = Status {
        reception: Reception::Tuning { stage: "asking the archive…".into() },
        link: Some("Wi-Fi is switched off: slide the switch on the PSP to the right.".into()),
        ..Status::default()
    };
    let connecting = Status {
        link: Some("Connecting: asking “Home” for an address… 3 of 4".into()),
        ..Status::default()
    };
    let sound = Status {
        sound_only: Some(
            "Sound only: the picture has 640 × 480 pixels, and a PSP decodes up to 480 × 272."
                .into(),
        ),
        ..playing()
    };
    let sound_waiting = Status {
        reception: Reception::Waiting {
            why: "The connection was cut; trying another node.".into(),
        },
        offline: Some("archive.org does not answer.".into()),
        ..sound.clone()
    };
    let idle = Extra { battery: Some(82), ..Extra::default() };
    let low = Extra { battery: Some(9), confirm: Confirm::Circle, ..idle };
    let film = Extra { picture: true, ..idle };
    vec![
        ("idle", View::default(), idle),
        ("film", show(&schedule, 0, &[], &playing()), film),
        ("banner", show(&schedule, 0, &[Key::Info], &playing()), film),
        ("banner-long", show(&schedule, 3, &[Key::Info], &notice), film),
        ("volume", show(&schedule, 1, &[Key::VolumeUp], &playing()), film),
        ("volume-entry", show(&schedule, 1, &[Key::VolumeUp, Key::Digit(1)], &playing()), film),
        ("muted", show(&schedule, 2, &[Key::Mute, Key::Info], &notice), film),
        ("standing-by", show(&schedule, 0, &[], &Status::default()), idle),
        ("tuning", show(&schedule, 0, &[], &tuning), idle),
        ("tuning-banner", show(&schedule, 0, &[Key::Info, Key::VolumeUp], &tuning), film),
        ("failed", show(&schedule, 4, &[], &failed), idle),
        ("retrying", show(&schedule, 2, &[], &retrying), idle),
        ("retrying-banner", show(&schedule, 2, &[Key::Info], &retrying), idle),
        ("waiting", show(&schedule, 0, &[], &waiting), film),
        ("wifi-off", show(&schedule, 0, &[], &wifi_off), idle),
        ("connecting", show(&schedule, 0, &[], &connecting), idle),
        ("sound", show(&schedule, 0, &[], &sound), idle),
        ("sound-long", show(&many, 7, &[Key::Mute, Key::VolumeUp, Key::Mute], &sound), low),
        ("sound-waiting", show(&schedule, 4, &[], &sound_waiting), low),
        ("sound-banner", show(&schedule, 0, &[Key::Info], &sound), idle),
        ("guide", show(&schedule, 0, &[Key::Guide], &playing()), film),
        ("guide-many", show(&many, 5, &[Key::Guide, Key::Down], &notice), low),
        ("guide-tuning", show(&schedule, 3, &[Key::Guide, Key::Up, Key::Mute], &tuning), film),
        ("guide-failed", show(&schedule, 3, &[Key::Guide, Key::Mute], &retrying), idle),
        ("guide-volume", show(&schedule, 1, &[Key::Guide, Key::VolumeUp], &playing()), idle),
        ("guide-one", show(&one, 0, &[Key::Guide], &playing()), idle),
        ("guide-empty", show(&none, 0, &[Key::Guide], &playing()), idle),
        ("no-channels", show(&none, 0, &[], &playing()), idle),
    ]
}

fn schedule(numbers: &[u16]) -> Schedule {
    Schedule::new(line_up(numbers), 6)
}

/// A set that shows the channel with this index.
pub fn set(schedule: &Schedule, channel: usize) -> Guide {
    let channel = schedule.line_up().channels.get(channel);
    let channel = channel.map(|channel| channel.id.clone()).unwrap_or_default();
    Guide::in_hand(schedule, &Kept { channel, ..Kept::default() })
}

/// Channels of these numbers with films of all alphabets.
pub fn line_up(numbers: &[u16]) -> LineUp {
    let names = ["Night Owl", "Marquee", "Saturday Matinee", "Ψυχαγωγία", "Короткий метр"];
    let films = [
        ("Detour", Some(1945), 4_058_300),
        ("Charlie Chaplin . The Cure (1917 Classic Comedy Silent Short Film)", None, 1_500_000),
        ("Броненосец «Потёмкин»", Some(1925), 4_446_000),
        ("Das Cabinet des Dr. Caligari", Some(1920), 3_061_500),
        ("Steamboat Willie", Some(1928), 442_400),
        ("東京物語 Tōkyō monogatari", Some(1953), 8_160_000),
    ];
    let channels = numbers
        .iter()
        .zip(names.iter().cycle())
        .map(|(number, name)| Channel {
            id: format!("channel-{number}"),
            number: *number,
            name: (*name).to_string(),
            programmes: films
                .iter()
                .map(|(title, year, duration_ms)| Programme {
                    title: (*title).to_string(),
                    year: *year,
                    item: "item".to_string(),
                    file: "file.mp4".to_string(),
                    bytes: None,
                    duration_ms: *duration_ms,
                    licence: None,
                    ..Programme::default()
                })
                .collect(),
            ..Channel::default()
        })
        .collect();
    LineUp { channels }
}
