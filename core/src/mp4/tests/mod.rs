//! Films made byte by byte, so that each has just the trait that its test is about.

use alloc::vec;
use alloc::vec::Vec;

use super::*;

mod anything;
mod codecs;
mod edits;
mod movies;
mod samples;

/// A box.
fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u32::try_from(body.len() + 8).unwrap();
    [&len.to_be_bytes(), &kind[..], &body].concat()
}

/// A box that begins with a version and flags.
fn full(kind: &[u8; 4], version: u8, parts: &[&[u8]]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], &parts.concat()])
}

/// Numbers of 32 bits.
fn be(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|&number| (number as u32).to_be_bytes()).collect()
}

/// A box of a version, flags, a count, and so many entries of `width` numbers.
fn table(kind: &[u8; 4], version: u8, width: usize, numbers: &[i64]) -> Vec<u8> {
    let count = i64::try_from(numbers.len() / width).unwrap();
    full(kind, version, &[&be(&[count]), &be(numbers)])
}

/// A film of one track of picture unless said otherwise: ten samples of 100, 101 … bytes, 10 ticks
/// of 1/1000 s each, three to a chunk, chunks 1000 bytes apart from byte 5000 on.
#[derive(Clone, Debug)]
struct Film {
    handler: [u8; 4],
    tkhd_flags: u8,
    matrix: [i64; 4],
    timescale: i64,
    edts: Vec<u8>,
    stsd: Vec<u8>,
    stts: Vec<u8>,
    ctts: Vec<u8>,
    stss: Vec<u8>,
    sizes: Vec<u8>,
    stsc: Vec<u8>,
    offsets: Vec<u8>,
    /// Boxes of the moov after its track.
    more: Vec<u8>,
}

impl Film {
    fn picture() -> Self {
        let sizes: Vec<i64> = (100..110).collect();
        Self {
            handler: *b"vide",
            tkhd_flags: 1,
            matrix: [1 << 16, 0, 0, 1 << 16],
            timescale: 1000,
            edts: Vec::new(),
            stsd: stsd(&visual_entry(b"avc1", &[&boxed(b"avcC", &[AVCC])])),
            stts: table(b"stts", 0, 2, &[10, 10]),
            ctts: Vec::new(),
            stss: Vec::new(),
            sizes: full(b"stsz", 0, &[&be(&[0, 10]), &be(&sizes)]),
            stsc: table(b"stsc", 0, 3, &[1, 3, 1]),
            offsets: table(b"stco", 0, 1, &[5000, 6000, 7000, 8000]),
            more: Vec::new(),
        }
    }

    fn sound() -> Self {
        let stsd = stsd(&audio_entry(b"mp4a", 0, &[], &[&esds(0x40, &[0x12, 0x10])]));
        Self { handler: *b"soun", stsd, ..Self::picture() }
    }

    /// An edit list of version 0: duration in 1/600 s, media time.
    fn edited(self, edits: &[(i64, i64)]) -> Self {
        let numbers: Vec<i64> = edits.iter().flat_map(|&(d, t)| [d, t, 1 << 16]).collect();
        self.elst(table(b"elst", 0, 3, &numbers))
    }

    fn elst(self, elst: Vec<u8>) -> Self {
        Self { edts: boxed(b"edts", &[&elst]), ..self }
    }

    fn trak(&self) -> Vec<u8> {
        let [a, b, c, d] = self.matrix;
        let tkhd = boxed(
            b"tkhd",
            &[
                &[0, 0, 0, self.tkhd_flags],
                &be(&[0, 0, 7, 0, 0]),
                &[0; 16],
                &be(&[a, b, 0, c, d, 0, 0, 0, 1 << 30]),
                &[0; 8],
            ],
        );
        let mdhd = full(b"mdhd", 0, &[&be(&[0, 0, self.timescale, 0, 0])]);
        let hdlr = full(b"hdlr", 0, &[&[0; 4], &self.handler, &[0; 13]]);
        let stbl = boxed(
            b"stbl",
            &[
                &self.stsd,
                &self.stts,
                &self.ctts,
                &self.stss,
                &self.sizes,
                &self.stsc,
                &self.offsets,
            ],
        );
        let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&stbl])]);
        boxed(b"trak", &[&tkhd, &self.edts, &mdia])
    }

    fn moov(&self) -> Vec<u8> {
        boxed(b"moov", &[&mvhd(), &self.trak(), &self.more])
    }

    fn error(&self) -> Mp4Error {
        MovieLayout::parse(&self.moov()).expect_err("this film is broken")
    }

    /// What `look` sees of the track.
    fn track<T>(&self, look: impl FnOnce(&Track<'_>) -> T) -> T {
        let moov = self.moov();
        let layout = MovieLayout::parse(&moov).unwrap();
        let movie = layout.over(&moov).unwrap();
        let track = movie.tracks().next().unwrap();
        look(&track)
    }

    /// One field of every sample, in decode order.
    fn samples<T>(&self, field: impl Fn(&Sample) -> T) -> Vec<T> {
        self.track(|track| walk(track).iter().map(field).collect())
    }

    fn times(&self) -> Vec<i64> {
        self.samples(|sample| sample.time.as_micros())
    }

    /// Numbers of the samples at which the film is entered for these times in ms.
    fn seeks(&self, millis: &[i64]) -> Vec<u32> {
        self.track(|track| {
            let index = |&ms| track.seek(MediaTime::from_millis(ms)).peek(track).unwrap().index;
            millis.iter().map(index).collect()
        })
    }
}

fn walk(track: &Track<'_>) -> Vec<Sample> {
    let mut cursor = track.start();
    core::iter::from_fn(|| cursor.next(track)).collect()
}

/// A time scale of 600, a duration of one second.
fn mvhd() -> Vec<u8> {
    full(b"mvhd", 0, &[&be(&[0, 0, 600, 600]), &[0; 80]])
}

/// High profile, level 3.1, NAL lengths of 4 bytes, an SPS of four bytes and a PPS of three.
const AVCC: &[u8] = &[1, 100, 0, 31, 0xff, 0xe1, 0, 4, 0x67, 100, 0, 31, 1, 0, 3, 0x68, 1, 2];

fn stsd(entry: &[u8]) -> Vec<u8> {
    full(b"stsd", 0, &[&be(&[1]), entry])
}

/// 640 × 480 samples.
fn visual_entry(kind: &[u8; 4], children: &[&[u8]]) -> Vec<u8> {
    let size = [&640u16.to_be_bytes()[..], &480u16.to_be_bytes()].concat();
    boxed(kind, &[&[0; 24], &size, &[0; 50], &children.concat()])
}

/// Two channels at 44.1 kHz, of that version, with the fields that the version adds.
fn audio_entry(kind: &[u8; 4], version: u8, fields: &[u8], children: &[&[u8]]) -> Vec<u8> {
    let head = [0, 0, 0, 0, 0, 0, 0, 1, 0, version, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0];
    boxed(kind, &[&head, &be(&[44_100 << 16]), fields, &children.concat()])
}

fn esds(object_type_indication: u8, config: &[u8]) -> Vec<u8> {
    let specific = descriptor(5, config);
    let config = [&[object_type_indication, 0x15][..], &[0; 11], &specific].concat();
    full(b"esds", 0, &[&descriptor(3, &[&[0, 1, 0][..], &descriptor(4, &config)].concat())])
}

/// With the length in four bytes, as QuickTime writes it.
fn descriptor(tag: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    [&[tag, 0x80, 0x80, 0x80, len][..], payload].concat()
}
