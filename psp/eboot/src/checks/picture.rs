//! The picture as the firmware decodes it. `picture-refusals` tries what cannot be decoded,
//! `picture-sizes` what is smaller than the screen. `picture-film` decodes the film named in
//! `picture_film`, which has to be `testcard-480x272.mp4` from the project's clips or another one
//! of its kind: its pictures have their own number on them. It leaves three of them beside the
//! EBOOT, `picture-NUMBER.rgba`, for whoever runs it to compare with what ffmpeg says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::mp4::{Avc, Codec, MovieLayout, Sample};
use testcard_core::time::{Clock, MediaTime};

use super::{Report, Settings, write};
use crate::picture::{Damaged, Decoder, HEIGHT, Memory, Picture, Refused, STRIDE, Size, WIDTH};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::{files, heap};

/// The clip has 272 kB.
const FILM_BYTES: usize = 1024 * 1024;

/// The clip's pictures: 24 s of 30 a second, a sync sample every 4 s.
const PICTURES: usize = 720;
const GROUP: usize = 120;

/// The numbers of those written to files: the first one, a B picture, and one after some seconds.
const WRITTEN: [usize; 3] = [0, 46, 359];

/// Two B pictures with a pyramid: what the clip's encoder lets a decoder hold back.
const HELD_BACK: usize = 2;

pub(super) fn refuse(_: &Settings, report: &mut Report) {
    report.tell("picture-refusals", refusals(&Memory::new()));
}

pub(super) fn sizes(_: &Settings, report: &mut Report) {
    report.tell("picture-sizes", small(&Memory::new()));
}

pub(super) fn film(settings: &Settings, report: &mut Report) {
    let name = match settings.names("picture_film") {
        Ok(Some(names)) if !names.is_empty() => names[0],
        Ok(_) => return report.tell("picture-film", Ok("picture_film names no film".to_string())),
        Err(why) => return report.tell("picture-film", Err(why)),
    };
    let film = match Film::read(name) {
        Ok(film) => film,
        Err(why) => return report.tell("picture-film", Err(why)),
    };
    let memory = Memory::new();
    report.tell("picture-order", order(&memory, &film));
    report.tell("picture-seek", seek(&memory, &film));
    report.tell("picture-again", again(&memory, &film));
    report.tell("picture-room", room(&memory, &film));
    report.tell("picture-cut", cut(&memory, &film));
    report.tell("picture-damage", damage(&memory, &film));
    report.tell("picture-hopeless", hopeless(&memory, &film));
}

/// A film in memory, as only a test has one, and where its pictures are.
struct Film {
    bytes: Vec<u8>,
    /// The `avcC` record.
    record: Vec<u8>,
    samples: Vec<Sample>,
}

impl Film {
    fn read(name: &str) -> Result<Self, String> {
        let bytes = files::read(name, FILM_BYTES).map_err(|error| format!("{name}: {error}"))?;
        let film = Self::parse(bytes)?;
        match film.samples.len() {
            PICTURES => Ok(film),
            other => Err(format!("{name} has {other} pictures, not {PICTURES}")),
        }
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, String> {
        let moov = boxes(&bytes).find(|(kind, _)| kind == b"moov").map(|(_, whole)| whole);
        let moov = moov.ok_or("the film has no moov")?;
        let layout = MovieLayout::parse(moov).map_err(|error| error.to_string())?;
        let movie = layout.over(moov).ok_or("the moov is another one")?;
        let track = movie.video().map_err(|why| format!("{why:?}"))?;
        let Codec::Avc(avc) = track.codec() else { return Err("it is no H.264".to_string()) };
        let record = avc.record.to_vec();
        let mut cursor = track.start();
        let samples = core::iter::from_fn(|| cursor.next(&track)).collect();
        Ok(Self { bytes, record, samples })
    }

    fn decoder(&self, memory: &Arc<Memory>) -> Result<Decoder, String> {
        open(memory, &self.record)
    }

    fn access_unit(&self, sample: &Sample) -> &[u8] {
        let start = usize::try_from(sample.range.offset).unwrap_or(usize::MAX);
        let end = usize::try_from(sample.range.end()).unwrap_or(usize::MAX);
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn give(&self, decoder: &mut Decoder, number: usize) -> Result<Option<Picture>, Damaged> {
        let sample = &self.samples[number];
        decoder.decode(self.access_unit(sample), sample.time, sample.sync)
    }
}

/// The boxes of a file that holds 32-bit lengths only, each with its header.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?);
        let (whole, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        Some((*whole.get(4..)?.first_chunk()?, whole))
    })
}

/// The number that a picture shows: twelve blocks after a white and a black one, white for 1.
fn number_on(picture: &Picture) -> Option<usize> {
    let luma = |block: usize| {
        let pixel = picture.pixels()[252 * STRIDE + 45 + 30 * block];
        let [red, green, blue, _] = pixel.to_le_bytes().map(u32::from);
        (299 * red + 587 * green + 114 * blue) / 1000
    };
    let white = |block| match luma(block) {
        200.. => Some(true),
        ..=50 => Some(false),
        _ => None,
    };
    if (white(0)?, white(1)?) != (true, false) {
        return None;
    }
    (2..14).try_fold(0, |number, block| Some(number << 1 | usize::from(white(block)?)))
}

/// The picture shown at a time. The clip's presentation begins with its first picture.
fn number_at(time: MediaTime) -> usize {
    usize::try_from((time.as_micros() * 30 + 500_000) / 1_000_000).unwrap_or(usize::MAX)
}

/// An error when the picture is not the one for its time, or no later than the one before.
fn in_its_place(picture: &Picture, before: Option<usize>) -> Result<usize, String> {
    let (shown, due) = (number_on(picture), number_at(picture.pts()));
    match shown {
        Some(number) if number == due && before.is_none_or(|before| before < number) => Ok(number),
        _ => Err(format!("picture {shown:?} came at the time of {due}, after {before:?}")),
    }
}

fn order(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    let (mut before, mut count) = (None, 0);
    let (mut longest, mut all) = (Duration::ZERO, Duration::ZERO);
    let used = heap::usage().used;
    let mut allocated = false;
    for number in 0..PICTURES {
        let start = ConsoleClock::new().now();
        let decoded = film.give(&mut decoder, number);
        let took = ConsoleClock::new().now().since(start);
        allocated |= heap::usage().used != used;
        all += took;
        longest = longest.max(if number < GROUP { Duration::ZERO } else { took });
        let Some(picture) = decoded.map_err(|why| format!("access unit {number}: {why}"))? else {
            continue;
        };
        let shown = in_its_place(&picture, before)?;
        before = Some(shown);
        count += 1;
        if WRITTEN.contains(&shown) {
            write_picture(&picture, shown)?;
        }
    }
    let held_back = PICTURES - count;
    while let Some(picture) = decoder.drain() {
        before = Some(in_its_place(&picture, before)?);
        count += 1;
    }
    if held_back > HELD_BACK || allocated {
        return Err(format!("{held_back} pictures were held back; allocated: {allocated}"));
    }
    let mean = all.as_micros() / PICTURES as u128;
    let most = longest.as_micros();
    Ok(format!("{count} pictures, {held_back} held back; {mean} us each, {most} us at most"))
}

/// As rows of red, green, blue and an unspecified byte.
fn write_picture(picture: &Picture, number: usize) -> Result<(), String> {
    let mut bytes = Vec::with_capacity(WIDTH * HEIGHT * 4);
    for row in picture.pixels().chunks_exact(STRIDE) {
        bytes.extend(row[..WIDTH].iter().flat_map(|pixel| pixel.to_le_bytes()));
    }
    write(&format!("picture-{number}.rgba"), &bytes)
}

/// Pictures smaller than the screen have their corners where they should be.
fn small(memory: &Arc<Memory>) -> Result<String, String> {
    let films: [(&str, &[u8]); 3] = [
        ("main", include_bytes!("../../media/corners-main.mp4")),
        ("baseline", include_bytes!("../../media/corners-baseline.mp4")),
        ("wide", include_bytes!("../../media/corners-wide.mp4")),
    ];
    let mut count = 0;
    for (name, bytes) in films {
        let film = Film::parse(bytes.to_vec())?;
        let mut decoder = film.decoder(memory)?;
        for number in 0..film.samples.len() {
            let decoded = film.give(&mut decoder, number).map_err(|why| why.to_string())?;
            let Some(picture) = decoded else { continue };
            let Size { width, height } = picture.size();
            let (right, bottom) = (width - 5, height - 5);
            for (colour, x, y) in [
                ([255, 0, 0], 4, 4),
                ([0, 255, 0], right, 4),
                ([0, 0, 255], 4, bottom),
                ([255, 255, 255], right, bottom),
                ([128, 128, 128], width / 2, height / 2),
            ] {
                let [red, green, blue, _] = picture.pixels()[y * STRIDE + x].to_le_bytes();
                if [red, green, blue].iter().zip(colour).any(|(is, due)| is.abs_diff(due) > 12) {
                    let is = [red, green, blue];
                    return Err(format!("{name}: {number}: {is:?} at {x}, {y}, not {colour:?}"));
                }
            }
            count += 1;
        }
    }
    Ok(format!("{count} pictures of three sizes"))
}

/// Some pictures of the beginning, then of 12 s, then of 4 s.
fn seek(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    let mut count = 0;
    for group in [0, 3, 1] {
        decoder.flush();
        let mut before = None;
        // The sample before is no sync sample: nothing may begin there.
        for number in (group * GROUP).saturating_sub(1)..group * GROUP + 50 {
            let decoded = film.give(&mut decoder, number).map_err(|why| why.to_string())?;
            let Some(picture) = decoded else { continue };
            let shown = in_its_place(&picture, before)?;
            if before.is_none() && shown != group * GROUP {
                return Err(format!("the first picture after a seek is {shown}"));
            }
            before = Some(shown);
            count += 1;
        }
    }
    Ok(format!("{count} pictures of three places, each from its sync sample on"))
}

/// A decoder after another; two at a time are refused.
fn again(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    for _ in 0..5 {
        let mut decoder = film.decoder(memory)?;
        if film.decoder(memory).is_ok() {
            return Err("two decoders at a time".to_string());
        }
        let mut pictures = 0;
        for number in 0..10 {
            let decoded = film.give(&mut decoder, number).map_err(|why| why.to_string())?;
            if let Some(picture) = decoded {
                in_its_place(&picture, None)?;
                pictures += 1;
            }
        }
        if pictures < 10 - HELD_BACK {
            return Err(format!("{pictures} pictures of ten"));
        }
    }
    Ok("five decoders, one after another".to_string())
}

/// Whoever keeps all pictures gets no more, and loses nothing by it.
fn room(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    let (mut kept, mut number, mut refused, mut before) = (Vec::new(), 0, 0, None);
    while number < 30 {
        match film.give(&mut decoder, number) {
            Ok(picture) => {
                kept.extend(picture);
                number += 1;
            }
            Err(Damaged::NoRoom) if !decoder.has_room() => {
                refused += 1;
                before = Some(in_its_place(&kept.remove(0), before)?);
            }
            Err(why) => return Err(why.to_string()),
        }
    }
    for picture in kept.drain(..) {
        before = Some(in_its_place(&picture, before)?);
    }
    let expected = Some(29 - HELD_BACK);
    if before != expected || refused == 0 {
        return Err(format!("up to picture {before:?}, with {refused} refusals"));
    }
    Ok(format!("{refused} access units had to wait"))
}

/// Samples cut short, or too large, are counted, and decoding goes on at the next sync sample.
fn cut(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    let huge = [&[0, 4, 0, 0, 0x41][..], &alloc::vec![7; 0x3_ffff]].concat();
    for (number, sample) in film.samples.iter().enumerate().take(3 * GROUP) {
        let whole = film.access_unit(sample);
        let bytes = match number {
            30 => &whole[..whole.len() / 2],
            130 => huge.as_slice(),
            _ => whole,
        };
        match (number, decoder.decode(bytes, sample.time, sample.sync)) {
            (30 | 130, Err(Damaged::Sample(_))) => {}
            (31..GROUP | 131..240, Ok(None)) => {}
            (0..30 | GROUP..130 | 240.., Ok(Some(picture))) => {
                in_its_place(&picture, None)?;
            }
            (0..2 | 120..122 | 240..242, Ok(None)) => {}
            (_, outcome) => return Err(format!("access unit {number}: {outcome:?}")),
        }
    }
    match decoder.damaged() {
        2 => Ok("two of 360 samples, each made up for at the next sync sample".to_string()),
        other => Err(format!("{other} damaged samples")),
    }
}

/// Bytes changed at random in every seventh access unit: whatever comes out, something does again
/// after the last of them.
fn damage(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    let mut random = 0x2545_f491_u32;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random as usize % below
    };
    let (mut pictures, mut refused, mut right) = (0, 0, 0);
    for (number, sample) in film.samples.iter().enumerate() {
        let mut bytes = film.access_unit(sample).to_vec();
        if number % 7 == 3 && number < 5 * GROUP {
            for _ in 0..1 + next(20) {
                let (at, value) = (next(bytes.len()), next(256) as u8);
                bytes[at] = value;
            }
        }
        match decoder.decode(&bytes, sample.time, sample.sync) {
            Ok(Some(picture)) => {
                pictures += 1;
                right += usize::from(in_its_place(&picture, None).is_ok());
                if number > 5 * GROUP + HELD_BACK {
                    in_its_place(&picture, None)?;
                }
            }
            Ok(None) => {}
            Err(Damaged::GivenUp) => return Err(format!("gave up at {number}")),
            Err(_) => refused += 1,
        }
    }
    match right {
        GROUP.. => Ok(format!("{pictures} pictures, {right} of them right; {refused} refused")),
        _ => Err(format!("{pictures} pictures, only {right} of them right")),
    }
}

/// A film of which nothing can be decoded is given up, and costs nothing after that.
fn hopeless(memory: &Arc<Memory>, film: &Film) -> Result<String, String> {
    let mut decoder = film.decoder(memory)?;
    for (number, sample) in film.samples.iter().cycle().enumerate().take(4 * PICTURES) {
        // Slices that are nothing but noise.
        let noise = [0, 0, 0, 5, 0x65, 0xaa, 0xbb, 0xcc, number as u8 | 1];
        match decoder.decode(&noise, sample.time, sample.sync) {
            Ok(None) | Err(Damaged::Silent | Damaged::Firmware(_)) => {}
            Err(Damaged::GivenUp) => return Ok(format!("given up after {number} samples")),
            outcome => return Err(format!("{outcome:?}")),
        }
    }
    Err("still trying".to_string())
}

/// What does not fit is refused before the firmware hears of it, and in words.
fn refusals(memory: &Arc<Memory>) -> Result<String, String> {
    // Sequence parameter sets by x264, of black pictures; the options are beside each.
    const REFUSED: [(&str, &str); 7] = [
        // 640x480 -profile:v main
        (
            "674d401eeca0501ed80880000003008000001e078b16cb",
            "the picture has 640 x 480 pixels, and up to 480 x 272 can be decoded here",
        ),
        // 320x240 -profile:v high
        (
            "6764000dacd94141fb0110000003001000000303c0f1429960",
            "the picture is coded in H.264's High profile, and only Baseline and Main can be \
             decoded here",
        ),
        // 480x272 -profile:v main -x264-params interlaced=1
        ("674d4015eca0f097e5c044000003000400000300f07c50a658", "the picture is interlaced"),
        // 480x272 -profile:v main -refs 12 -level 4.0
        (
            "674d4028ab1a0f04760220000003002000000781e30631b0",
            "the picture refers to 12 earlier ones, and 9 are kept here",
        ),
        // 480x272 -pix_fmt yuv420p10le
        (
            "676e0015a6cd941e08ec0440000003004000000f03c58b6580",
            "the picture has 10 bits per sample, and only 8 can be decoded here",
        ),
        // 320x240 -pix_fmt yuv422p
        (
            "677a000dbcd94141fb0110000003001000000303c0f1429960",
            "the picture's colour is not coded as 4:2:0",
        ),
        // The second, cut.
        ("6764000dacd9", "the film does not say how its picture is coded"),
    ];
    // 480x272 -profile:v baseline, and 480x270 -profile:v main
    const ACCEPTED: [(&str, usize); 2] = [
        ("6742c015d901e08ec044000003000400000300f03c58b920", 272),
        ("674d4015eca0f047f58088000003000800000301e078b16cb0", 270),
    ];
    for (sps, reason) in REFUSED {
        match open(memory, &configuration(sps)) {
            Err(why) if why == reason => {}
            Err(why) => return Err(format!("\"{why}\" instead of \"{reason}\"")),
            Ok(_) => return Err(format!("accepted, though {reason}")),
        }
    }
    for (sps, height) in ACCEPTED {
        let decoder = open(memory, &configuration(sps))?;
        if decoder.size() != (Size { width: 480, height }) {
            return Err(format!("{:?} instead of a height of {height}", decoder.size()));
        }
    }
    let in_the_samples = [1, 77, 64, 21, 0xff, 0xe0, 0];
    let avc = Avc::parse(&in_the_samples, true).ok_or("the configuration is broken")?;
    match Decoder::open(memory, &avc) {
        Err(Refused::Configuration) => Ok(format!("{} and one more", REFUSED.len())),
        _ => Err("accepted, though nothing is known about it".to_string()),
    }
}

fn open(memory: &Arc<Memory>, record: &[u8]) -> Result<Decoder, String> {
    let avc = Avc::parse(record, false).ok_or("the configuration is broken")?;
    Decoder::open(memory, &avc).map_err(|why| why.to_string())
}

/// An `avcC` record with this sequence parameter set, in hexadecimal digits, and some picture
/// parameter set.
fn configuration(sps: &str) -> Vec<u8> {
    let digit = |at: usize| (sps.as_bytes()[at] as char).to_digit(16).unwrap_or(0) as u8;
    let sps: Vec<u8> = (0..sps.len() / 2).map(|n| digit(2 * n) << 4 | digit(2 * n + 1)).collect();
    let pps = [0x68, 0xee, 0x3c, 0x80];
    let head = [1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, sps.len() as u8];
    [&head[..], &sps, &[1, 0, pps.len() as u8], &pps].concat()
}
