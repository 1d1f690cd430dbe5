//! Sound as this machine decodes and plays it. `sound-decoder` decodes the films named in
//! `sound_decode` and leaves their samples beside the EBOOT, `NAME.pcm`; `sound-player` plays those
//! named in `sound_play` from their second second on, and leaves what was played, `NAME.played.pcm`.
//! Whoever runs them compares both with what ffmpeg says. `sound-orders` pauses, seeks, starves and
//! damages the films named in `sound_orders`; `sound-refusals` tries what cannot be played, and the
//! films named in `sound_refused`. `sound-volume` plays the film named in `sound_volume` loud, at half
//! its volume and silently, for somebody to hear.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::mp4::boxes::Children;
use testcard_core::mp4::{Aac, Codec, Cursor, Movie, MovieLayout, Sample, Track};
use testcard_core::time::{Clock, MediaTime};

use super::{Report, Settings};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::files::{self, File};
use crate::runtime::heap;
use crate::runtime::sync::Bell;
use crate::sound::{CHANNELS, Decoder, MEMORY_BYTES, Sound, UNIT_FRAMES};

/// The longest film that is tried.
const FILM_BYTES: usize = 4 * 1024 * 1024;

/// Where playing begins: inside an access unit at every rate.
const TARGET: MediaTime = MediaTime::from_millis(1234);

/// Decoding begins this long before it, as in core's player.
const RUN_IN: Duration = Duration::from_millis(130);

/// After so long PPSSPP has filled its own queue.
const SETTLED: Duration = Duration::from_millis(1200);

pub(super) fn decode(settings: &Settings, report: &mut Report) {
    for_each_film(settings, "sound_decode", "sound-decoder", report, decode_film);
}

pub(super) fn play(settings: &Settings, report: &mut Report) {
    let room = Arc::new(Bell::new());
    let sound = match Sound::start(ConsoleClock::new(), Arc::clone(&room)) {
        Ok(sound) => sound,
        Err(error) => return report.tell("sound-player", Err(error.to_string())),
    };
    let mut player = Player { sound, room };
    for_each_film(settings, "sound_play", "sound-player", report, |name, film| {
        player.play_film(name, film)
    });
    let left = player.sound.stack_left();
    report.tell("sound-stack", enough(left, 8 * 1024, "bytes of the stack were never used"));
}

pub(super) fn change_volume(settings: &Settings, report: &mut Report) {
    let room = Arc::new(Bell::new());
    match Sound::start(ConsoleClock::new(), Arc::clone(&room)) {
        Ok(sound) => {
            let player = Player { sound, room };
            for_each_film(settings, "sound_volume", "sound-volume", report, |_, film| {
                player.change_volume(film)
            });
        }
        Err(error) => report.tell("sound-volume", Err(error.to_string())),
    }
}

pub(super) fn obey(settings: &Settings, report: &mut Report) {
    /// The thread's own record comes on top.
    const SOUND_BYTES: usize = MEMORY_BYTES + 1024;
    let room = Arc::new(Bell::new());
    let before = heap::usage().used;
    let sound = match Sound::start(ConsoleClock::new(), Arc::clone(&room)) {
        Ok(sound) => sound,
        Err(error) => return report.tell("sound-orders", Err(error.to_string())),
    };
    let player = Player { sound, room };
    let taken = heap::usage().used - before;
    let memory = match taken {
        // TLSF rounds each block up.
        ..=SOUND_BYTES => Ok(format!("{taken} bytes of the heap, of {MEMORY_BYTES} announced")),
        _ => Err(format!("{taken} bytes of the heap, and {MEMORY_BYTES} were announced")),
    };
    report.tell("sound-memory", memory);
    for (check, work) in [
        ("sound-pause", Player::pause as fn(&Player, &Film) -> Result<String, String>),
        ("sound-seek", Player::seek),
        ("sound-starve", Player::starve),
        ("sound-damage", Player::damage),
    ] {
        for_each_film(settings, "sound_orders", check, report, |_, film| work(&player, film));
    }
}

fn for_each_film(
    settings: &Settings,
    key: &str,
    check: &str,
    report: &mut Report,
    mut work: impl FnMut(&str, &Film) -> Result<String, String>,
) {
    let names = match settings.names(key) {
        Ok(names) => names.unwrap_or_default(),
        Err(why) => return report.tell(check, Err(why)),
    };
    if names.is_empty() {
        report.tell(check, Ok(format!("{key} names no films")));
    }
    for name in names {
        let outcome = Film::read(name).and_then(|film| work(name, &film));
        report.tell(&format!("{check} {name}"), outcome);
    }
}

/// A film in memory, as only a test has one.
struct Film {
    bytes: Vec<u8>,
    moov: core::ops::Range<usize>,
    layout: MovieLayout,
}

impl Film {
    fn read(name: &str) -> Result<Self, String> {
        let bytes = files::read(name, FILM_BYTES).map_err(|error| error.to_string())?;
        let mut from = 0;
        for child in Children::new(&bytes, 0) {
            let child = child.map_err(|_| "it is no MP4 file".to_string())?;
            let to = child.body_offset() + child.body.len();
            if child.kind.0 == *b"moov" {
                let moov = from..to;
                let layout = MovieLayout::parse(&bytes[moov.clone()]).map_err(|e| e.to_string())?;
                return Ok(Self { bytes, moov, layout });
            }
            from = to;
        }
        Err("it has no moov".to_string())
    }

    fn movie(&self) -> Result<Movie<'_>, String> {
        self.layout.over(&self.bytes[self.moov.clone()]).ok_or_else(|| "another moov".to_string())
    }

    fn access_unit(&self, sample: &Sample) -> &[u8] {
        let from = usize::try_from(sample.range.offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(sample.range.size as usize);
        self.bytes.get(from..to).unwrap_or_default()
    }
}

fn sound_of<'a>(movie: &Movie<'a>) -> Result<(Track<'a>, Aac<'a>), String> {
    let track = movie.audio().map_err(|declined| declined.to_string())?;
    match track.codec() {
        Codec::Aac(aac) => Ok((track, aac)),
        _ => Err("its sound is not AAC".to_string()),
    }
}

fn decode_film(name: &str, film: &Film) -> Result<String, String> {
    let movie = film.movie()?;
    let (track, aac) = sound_of(&movie)?;
    let mut decoder = Decoder::new();
    decoder.open(&aac).map_err(|refusal| refusal.to_string())?;
    let mut file = File::create(&format!("{name}.pcm")).map_err(|error| error.to_string())?;
    let (mut units, mut broken, mut micros, mut slowest) = (0u32, 0u32, 0u64, 0u64);
    let mut cursor = track.start();
    let used = heap::usage().used;
    let mut piece = Vec::with_capacity(64 * UNIT_FRAMES * CHANNELS * 2);
    while let Some(sample) = cursor.next(&track) {
        let before = ConsoleClock::new().now();
        let decoded = decoder.decode(film.access_unit(&sample));
        let took = ConsoleClock::new().now().since(before).as_micros() as u64;
        (units, micros, slowest) = (units + 1, micros + took, slowest.max(took));
        let frames = decoded.unwrap_or_else(|_| {
            broken += 1;
            0
        });
        for sample in &decoder.samples()[..frames * CHANNELS] {
            piece.extend_from_slice(&sample.to_le_bytes());
        }
        if piece.len() + 8192 > piece.capacity() {
            file.write(&piece).map_err(|error| error.to_string())?;
            piece.clear();
        }
    }
    file.write(&piece).map_err(|error| error.to_string())?;
    let grew = heap::usage().used - used - piece.capacity();
    if grew > 0 {
        return Err(format!("decoding took {grew} bytes of the heap"));
    }
    let framing = decoder.framing();
    let mean = micros / u64::from(units.max(1));
    Ok(format!(
        "{} Hz, {} channels, {units} access units ({broken} broken) as {framing:?}, \
         {mean} us each, {slowest} at most",
        aac.sample_rate, aac.channels
    ))
}

struct Player {
    sound: Sound,
    room: Arc<Bell>,
}

impl Player {
    /// Plays a film from [`TARGET`] on, as the TV would: filled first, then started.
    fn play_film(&mut self, name: &str, film: &Film) -> Result<String, String> {
        let movie = film.movie()?;
        let (track, aac) = sound_of(&movie)?;
        let sound = &self.sound;
        sound.open(&aac)?;
        sound.flush(TARGET);
        sound.dump_to(&format!("{name}.played.pcm"))?;
        let mut cursor = track.seek(TARGET - RUN_IN);
        let mut fed = feed(sound, film, &track, &mut cursor);
        let clock = ConsoleClock::new();
        if sound.heard() != Some(TARGET) {
            return Err(format!("before it plays it is at {:?}", sound.heard()));
        }
        // The dump before this one may still go: less is fine.
        let used = heap::usage().used;
        let started = clock.now();
        sound.play();
        let mut measured = Measured::default();
        while !sound.is_drained() {
            if !fed {
                fed = feed(sound, film, &track, &mut cursor);
            }
            self.room.wait(Duration::from_millis(10));
            let passed = clock.now().since(started);
            if sound.queued() > Duration::from_millis(200) && passed > SETTLED {
                measured.add(passed, sound.heard().unwrap_or(TARGET).micros_since(TARGET));
            }
        }
        let took = clock.now().since(started);
        let grew = heap::usage().used.saturating_sub(used);
        let heard = sound.heard().unwrap_or(MediaTime::ZERO).micros_since(TARGET);
        while !sound.is_dump_written() {
            self.room.wait(Duration::from_millis(10));
        }
        let (underruns, broken) = (sound.underruns(), sound.broken());
        let told = format!(
            "{heard} us heard in {} us, at {} per mille of its speed, {} to {} us ahead of the \
             clock, {underruns} underruns, {broken} broken, {grew} bytes allocated, {:?}",
            took.as_micros(),
            measured.per_mille(),
            measured.lead_min,
            measured.lead_max,
            sound.framing(),
        );
        let failure = sound.failure();
        sound.close();
        match failure {
            Some(failure) => Err(format!("{failure}; {told}")),
            None if underruns > 0 || grew > 0 => Err(told),
            None if !speeds(aac.sample_rate).contains(&measured.per_mille()) => Err(told),
            None => Ok(told),
        }
    }
}

/// Each of these expects what the one before it left behind.
impl Player {
    fn pause(&self, film: &Film) -> Result<String, String> {
        let start = MediaTime::from_millis(1000);
        let movie = film.movie()?;
        let (track, _) = self.open(&movie, start)?;
        feed(&self.sound, film, &track, &mut track.seek(start - RUN_IN));
        self.sound.play();
        self.hears(start + Duration::from_millis(500))?;
        self.sound.pause();
        // What the hardware has in its hands.
        self.wait(Duration::from_millis(60));
        let at = self.sound.heard();
        self.wait(Duration::from_millis(300));
        if self.sound.heard() != at {
            return Err(format!("paused at {at:?}, and then at {:?}", self.sound.heard()));
        }
        self.sound.play();
        self.hears(start + Duration::from_millis(1000))?;
        match self.sound.underruns() {
            0 => Ok(format!("it stayed at {at:?}, and went on")),
            underruns => Err(format!("{underruns} underruns")),
        }
    }

    fn seek(&self, film: &Film) -> Result<String, String> {
        let movie = film.movie()?;
        let (track, _) = sound_of(&movie)?;
        let target = MediaTime::from_millis(4321);
        self.sound.flush(target);
        feed(&self.sound, film, &track, &mut track.seek(target - RUN_IN));
        self.wait(Duration::from_millis(100));
        if self.sound.heard() != Some(target) {
            return Err(format!("it is at {:?} before it plays", self.sound.heard()));
        }
        self.sound.play();
        self.hears(target + Duration::from_millis(200))?;
        Ok(format!("it is at {:?}", self.sound.heard()))
    }

    fn starve(&self, film: &Film) -> Result<String, String> {
        let movie = film.movie()?;
        let (track, _) = sound_of(&movie)?;
        let target = MediaTime::from_millis(2000);
        let mut cursor = track.seek(target - RUN_IN);
        self.sound.flush(target);
        for _ in 0..16 {
            let sample = cursor.next(&track).ok_or("the film is too short")?;
            self.sound.push(film.access_unit(&sample), &sample);
        }
        self.sound.play();
        if !self.until(Duration::from_secs(2), || self.sound.underruns() > 0) {
            return Err("it does not notice that there is nothing".to_string());
        }
        let dry_at = self.sound.heard().ok_or("no film")?;
        self.wait(Duration::from_millis(300));
        if self.sound.heard() != Some(dry_at) {
            return Err(format!("dry at {dry_at:?}, and then at {:?}", self.sound.heard()));
        }
        feed(&self.sound, film, &track, &mut cursor);
        self.hears(dry_at + Duration::from_millis(500))?;
        match self.sound.underruns() {
            1 => Ok(format!("dry once, at {dry_at:?}")),
            underruns => Err(format!("{underruns} underruns")),
        }
    }

    fn change_volume(&self, film: &Film) -> Result<String, String> {
        let movie = film.movie()?;
        let (track, _) = self.open(&movie, MediaTime::ZERO)?;
        let mut cursor = track.start();
        feed(&self.sound, film, &track, &mut cursor);
        self.sound.play();
        let change = |volume, is_muted, until| {
            self.sound.set_volume(volume);
            self.sound.set_muted(is_muted);
            self.hears(MediaTime::from_millis(until))
        };
        change(100, false, 1000)?;
        change(50, false, 2000)?;
        change(50, true, 2500)?;
        change(0, false, 3000)?;
        Ok("loud, half as loud, muted, at no volume".to_string())
    }

    fn damage(&self, film: &Film) -> Result<String, String> {
        const BROKEN: core::ops::Range<u32> = 20..30;
        let movie = film.movie()?;
        let (track, _) = self.open(&movie, MediaTime::ZERO)?;
        let push = |sample: &Sample, number: u32| {
            let unit = film.access_unit(sample);
            match number % 4 {
                _ if number < BROKEN.start => self.sound.push(unit, sample),
                0 => self.sound.push(&[], sample),
                1 => self.sound.push(&unit[..unit.len() / 2], sample),
                2 => self.sound.push(&[0xff; 200], sample),
                _ => self.sound.push(&[0; 5000], sample),
            }
        };
        let mut cursor = track.start();
        for number in 0..BROKEN.end {
            let sample = cursor.next(&track).ok_or("the film is too short")?;
            push(&sample, number);
        }
        for _ in 0..20 {
            let sample = cursor.next(&track).ok_or("the film is too short")?;
            self.sound.push(film.access_unit(&sample), &sample);
        }
        self.sound.end();
        self.sound.play();
        if !self.until(Duration::from_secs(5), || self.sound.is_drained()) {
            return Err("it does not end".to_string());
        }
        // Half an access unit may decode to something.
        let broken = self.sound.broken();
        if !(7..=10).contains(&broken) || self.sound.failure().is_some() {
            return Err(format!("{broken} broken, {:?}", self.sound.failure()));
        }
        let heard = self.sound.heard().ok_or("no film")?.as_micros();
        if heard.abs_diff(49 * 1024 * 1_000_000 / 44_100) > 1000 {
            return Err(format!("it ends at {heard} us: time did not pass over the damage"));
        }
        self.open(&movie, MediaTime::ZERO)?;
        let mut cursor = track.start();
        self.sound.play();
        while let Some(sample) = cursor.next(&track).filter(|_| self.sound.failure().is_none()) {
            while !self.sound.push(&[0xff; 200], &sample) && self.sound.failure().is_none() {
                self.wait(Duration::from_millis(10));
            }
        }
        let (failure, heard) = (self.sound.failure(), self.sound.heard());
        let failure = failure.ok_or("it never gives up")?;
        if !self.sound.is_drained() || self.sound.has_room() || heard.is_some() {
            return Err("it failed, and goes on".to_string());
        }
        Ok(format!("{broken} of 10 broken ones passed in silence; all broken: {failure}"))
    }

    fn open<'a>(
        &self,
        movie: &Movie<'a>,
        target: MediaTime,
    ) -> Result<(Track<'a>, Aac<'a>), String> {
        let (track, aac) = sound_of(movie)?;
        self.sound.open(&aac)?;
        self.sound.flush(target);
        Ok((track, aac))
    }

    /// Waits for what is heard to reach a position.
    fn hears(&self, position: MediaTime) -> Result<(), String> {
        let reached = || self.sound.heard().is_some_and(|heard| heard >= position);
        match self.until(Duration::from_secs(5), reached) {
            true => Ok(()),
            false => Err(format!("it is at {:?} and not at {position:?}", self.sound.heard())),
        }
    }

    /// Waits until it is done; whether it was in time.
    fn until(&self, at_most: Duration, done: impl Fn() -> bool) -> bool {
        let clock = ConsoleClock::new();
        let until = clock.now() + at_most;
        while clock.now() < until && !done() {
            self.room.wait(Duration::from_millis(10));
        }
        done()
    }

    /// Lets time pass.
    fn wait(&self, time: Duration) {
        self.until(time, || false);
    }
}

/// Pushes what there is room for; whether that was all.
fn feed(sound: &Sound, film: &Film, track: &Track<'_>, cursor: &mut Cursor) -> bool {
    while sound.has_room() {
        let Some(sample) = cursor.next(track) else {
            sound.end();
            return true;
        };
        sound.push(film.access_unit(&sample), &sample);
    }
    false
}

/// Speeds that count as right, in ‰. While it plays 64 frames at 44.1 kHz, PPSSPP takes as many at
/// the film's rate, rounded down: up to 2.4 % too few at 12 kHz.
fn speeds(rate: u32) -> core::ops::RangeInclusive<i64> {
    let exact = i64::from(64 * rate);
    let taken = exact / 44_100 * 44_100;
    taken * 1000 / exact - 3..=1003
}

/// What was heard, against the clock.
#[derive(Default)]
struct Measured {
    /// The first and the latest moment: µs since the start, and µs heard.
    first: Option<(i64, i64)>,
    last: (i64, i64),
    lead_min: i64,
    lead_max: i64,
}

impl Measured {
    fn add(&mut self, passed: Duration, heard: i64) {
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        self.last = (passed, heard);
        let lead = heard - passed;
        if self.first.is_none() {
            self.first = Some(self.last);
            (self.lead_min, self.lead_max) = (lead, lead);
        }
        (self.lead_min, self.lead_max) = (self.lead_min.min(lead), self.lead_max.max(lead));
    }

    /// How fast it plays: 1000 is right.
    fn per_mille(&self) -> i64 {
        let first = self.first.unwrap_or_default();
        (self.last.1 - first.1) * 1000 / (self.last.0 - first.0).max(1)
    }
}

pub(super) fn refuse(settings: &Settings, report: &mut Report) {
    for name in settings.names("sound_refused").ok().flatten().unwrap_or_default() {
        let outcome = Film::read(name).and_then(|film| {
            let movie = film.movie()?;
            let (_, aac) = sound_of(&movie)?;
            match Decoder::new().open(&aac) {
                Err(refusal) => Ok(refusal.to_string()),
                Ok(()) => Err("it was taken".to_string()),
            }
        });
        report.tell(&format!("sound-refusals {name}"), outcome);
    }
    let lc = Aac {
        config: &[],
        object_type: Aac::LC,
        sample_rate: 44_100,
        channels: 2,
        samples_per_packet: 1024,
        sbr: false,
        ps: false,
    };
    for (aac, expected) in [
        (Aac { channels: 6, ..lc }, "it has 6 channels; only one or two can be decoded"),
        (Aac { channels: 0, ..lc }, "it has 0 channels; only one or two can be decoded"),
        (Aac { object_type: 1, ..lc }, "it is a kind of AAC that cannot be decoded (type 1)"),
        (Aac { samples_per_packet: 960, ..lc }, "it is AAC for radio, which cannot be decoded"),
        (
            Aac { sample_rate: 96_000, ..lc },
            "it has 96000 samples a second, which a PSP does not play",
        ),
    ] {
        let name = format!("sound-refusals type {}, {} channels", aac.object_type, aac.channels);
        let outcome = match Decoder::new().open(&aac) {
            Err(refusal) if refusal.to_string() == expected => Ok(expected.to_string()),
            Err(refusal) => Err(refusal.to_string()),
            Ok(()) => Err("it was taken".to_string()),
        };
        report.tell(&name, outcome);
    }
}

fn enough(there_is: usize, at_least: usize, what: &str) -> Result<String, String> {
    let told = format!("{there_is} {what}");
    if there_is >= at_least { Ok(told) } else { Err(told) }
}
