//! Writes a PNG of each screen at four sizes, over a picture brighter than any film, and says how
//! long each took to draw: `cargo run --release -p testcard --example screens -- DIRECTORY`.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant as Stopwatch;

use std::time::Duration;

use testcard_core::guide::{
    Details, Guide, Health, Kept, Key, Moment, Reception, Status, View, Zone,
};
use testcard_core::line_up::{Channel, LineUp, Programme};
use testcard_core::schedule::Schedule;
use testcard_core::time::{Instant, UnixMillis};
use testcard_desktop::draw::{Canvas, Painter};

const SIZES: [(u32, u32); 4] = [(640, 360), (1280, 720), (1920, 1080), (3840, 2160)];
/// 2026-11-20T20:42:07Z.
const WALL: UnixMillis = UnixMillis(1_795_207_327_000);
const NOW: Moment = Moment { now: Instant::ZERO, wall: WALL };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    let mut painter = Painter::new();
    let only = std::env::args().nth(2);
    for (name, view) in screens() {
        for (width, height) in SIZES {
            if only.as_ref().is_some_and(|only| {
                *only != format!("{name}-{width}x{height}")
                    && only != name
                    && *only != height.to_string()
            }) {
                continue;
            }
            let draw = |painter: &mut Painter| {
                painter.paint(&View::default(), width, height);
                let start = Stopwatch::now();
                painter.paint(&view, width, height);
                start.elapsed()
            };
            // The first time fills the cache of glyphs; the best of the others is the work itself.
            let first = draw(&mut painter);
            let took = (0..10).map(|_| draw(&mut painter)).min().unwrap_or(first);
            let file = directory.join(format!("{name}-{width}x{height}.png"));
            write_png(&file, painter.canvas())?;
            println!("{:7.2} ms  {}", took.as_secs_f64() * 1000.0, file.display());
        }
    }
    Ok(())
}

fn screens() -> Vec<(&'static str, View)> {
    let schedule = schedule(&[3, 12, 47, 120, 888]);
    let many = self::schedule(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let playing = || Status { reception: Reception::Playing, ..Status::default() };
    let with = |reception| Status { reception, ..Status::default() };
    let set = |schedule: &Schedule, channel: usize, subtitles| {
        let channel = schedule.line_up().channels[channel].id.clone();
        let favourites = vec!["channel-12".to_string(), "channel-3".to_string()];
        Guide::new(schedule, &Kept { channel, favourites, subtitles, ..Kept::default() })
    };
    let at = |millis: u64| Moment {
        now: Instant::ZERO + Duration::from_millis(millis),
        wall: WALL.plus_millis(millis as i64),
    };
    // Presses the keys, lets so much time pass, and looks.
    let later = |schedule: &Schedule, channel, keys: &[Key], status: &Status, millis| {
        let mut guide = set(schedule, channel, true);
        for key in keys {
            guide.handle_key(*key, schedule, NOW);
        }
        guide.poll(at(millis));
        guide.view(schedule, status, at(millis))
    };
    let show = |schedule: &Schedule, channel, keys: &[Key], status: &Status| {
        later(schedule, channel, keys, status, if keys.contains(&Key::Guide) { 500 } else { 0 })
    };
    let tuning = with(Reception::Tuning { stage: "finding the film's index…".into() });
    let failed = with(Reception::Failed {
        sentence: "The archive answered 404: this film is not there.".into(),
        retry_at: None,
    });
    let retrying = with(Reception::Failed {
        sentence: "The archive answered 500 five times in a row, and no other node has the film. \
                   Perhaps it is being repaired; that takes a few minutes as a rule."
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
    let details = Status {
        details: Some(Details {
            item: "detour-1945".into(),
            description: Some(
                "A piano player hitchhikes from New York to Los Angeles to be with his girl. A \
                 stranger gives him a lift, and dies on the way; nobody will believe that he did \
                 not do it. Shot in a few weeks for very little money, and the first film of its \
                 kind to be kept by the Library of Congress."
                    .into(),
            ),
            licence: Some("Public Domain Mark 1.0".into()),
            year: None,
            creator: Some("Edgar G. Ulmer".into()),
        }),
        ..playing()
    };
    let spoken = Status {
        subtitle: Some(
            "I was trying to forget what I had done,\nand how it had come about.".into(),
        ),
        has_subtitles: true,
        ..playing()
    };
    let health = Status {
        health: Some(Health {
            buffer: Duration::from_millis(31_400),
            buffer_bytes: 12_345_678,
            bytes_per_second: 512_000,
            node: Some("ia800906.us.archive.org".into()),
            connections: 3,
            reconnects: 1,
            received_bytes: 123_456_789,
            underruns: 0,
            dropped_pictures: 2,
            picture: Some("640 × 480 H.264, 29.97/s".into()),
            sound: Some("44.1 kHz stereo AAC".into()),
        }),
        ..spoken.clone()
    };
    let no_network = Status {
        link: Some("There is no network. The set tries again by itself.".into()),
        ..with(Reception::Failed { sentence: "".into(), retry_at: Some(WALL.plus_millis(42_000)) })
    };
    let radio = Status { sound_only: Some("A radio programme.".into()), ..playing() };
    let new_york = Status {
        zone: Zone::fixed(-300),
        hours: testcard_core::guide::Hours::Twelve,
        ..details.clone()
    };
    vec![
        ("banner", show(&schedule, 0, &[Key::Info], &playing())),
        ("banner-long", show(&schedule, 3, &[Key::Info], &notice)),
        ("volume", show(&schedule, 1, &[Key::VolumeUp, Key::Digit(1)], &playing())),
        ("muted", show(&schedule, 2, &[Key::Mute, Key::Digit(7), Key::Info], &notice)),
        ("tuning", show(&schedule, 0, &[], &tuning)),
        ("tuning-banner", show(&schedule, 0, &[Key::Info, Key::VolumeUp], &tuning)),
        ("failed", show(&schedule, 4, &[], &failed)),
        ("retrying", show(&schedule, 2, &[], &retrying)),
        ("waiting", show(&schedule, 0, &[], &waiting)),
        ("subtitle", show(&schedule, 0, &[], &spoken)),
        ("health", show(&schedule, 0, &[Key::Health, Key::Info, Key::Sleep], &health)),
        ("started-over", show(&schedule, 0, &[Key::StartOver], &playing())),
        ("fading", later(&schedule, 0, &[Key::Info], &playing(), 4_800)),
        ("radio", show(&schedule, 1, &[], &radio)),
        ("radio-banner", show(&schedule, 3, &[Key::Info, Key::VolumeUp], &radio)),
        ("no-network", show(&schedule, 0, &[], &no_network)),
        ("guide", show(&schedule, 0, &[Key::Guide], &details)),
        ("guide-later", show(&schedule, 0, &[Key::Guide, Key::Right, Key::Right], &details)),
        ("guide-tomorrow", show(&schedule, 2, &[Key::Guide, Key::Later, Key::Down], &new_york)),
        ("guide-many", show(&many, 5, &[Key::Guide, Key::Down], &notice)),
        ("guide-long", show(&schedule, 4, &[Key::Guide, Key::Right], &details)),
        (
            "guide-moving",
            later(
                &many,
                5,
                &[Key::Guide, Key::ChannelDown, Key::Right, Key::Right, Key::Right],
                &playing(),
                60,
            ),
        ),
        ("guide-tuning", show(&schedule, 3, &[Key::Guide, Key::Digit(1), Key::Mute], &tuning)),
        ("guide-radio", show(&schedule, 1, &[Key::Guide, Key::Sleep, Key::VolumeUp], &radio)),
    ]
}

fn schedule(numbers: &[u16]) -> Schedule {
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
                    item: format!("{}-{}", title.to_lowercase(), year.unwrap_or_default()),
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
    Schedule::new(LineUp { channels }, 6)
}

/// The canvas over a picture that goes from white at the bottom right to a light sky.
fn write_png(file: &Path, canvas: &Canvas) -> Result<(), Box<dyn std::error::Error>> {
    let (width, height) = (canvas.width(), canvas.height());
    let mut pixels = Vec::with_capacity(canvas.pixels().len());
    for (n, pixel) in (0u32..).zip(canvas.pixels().as_chunks::<4>().0) {
        let (x, y) = (n % width, n / width);
        let bright = 150 + 105 * (x * height + y * width) / (2 * width * height);
        let film = [bright.saturating_sub(30), bright.saturating_sub(10), bright];
        let alpha = u32::from(pixel[3]);
        pixels.extend(
            pixel.iter().zip(film).map(|(over, below)| {
                ((u32::from(*over) * alpha + below * (255 - alpha)) / 255) as u8
            }),
        );
    }
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(file)?), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}
