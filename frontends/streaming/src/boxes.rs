//! The boxes of a fragment (ISO/IEC 14496-12 §8.8), checked and put right before symphonia reads
//! them: it takes a box at its word about how many samples follow and how large they are, it goes by
//! absolute offsets that mean nothing in a fragment by itself, and it does not read at what time a
//! fragment begins.

use testcard_core::mp4::boxes::{Child, Children, FourCc};

/// Samples of one fragment. At 50 a second they are half an hour.
const SAMPLES_MAX: u64 = 100_000;

/// Runs of one fragment. Who interleaves starts one for each second or so of a track.
const RUNS_MAX: u32 = 1000;

/// The boxes among these bytes, up to the first that is broken.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Child<'_>> {
    Children::new(bytes, 0).map_while(Result::ok)
}

/// Those inside a box of this type.
fn inside<'a>(outer: impl Iterator<Item = Child<'a>>, kind: &[u8; 4]) -> Vec<Child<'a>> {
    let outer = outer.filter(|child| child.kind == FourCc(*kind));
    outer.flat_map(|child| child.children(0).map_while(Result::ok)).collect()
}

/// A big-endian number of 32 bits.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// One of 64 bits.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes)
}

/// What a track's part of a fragment says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part {
    /// The track.
    pub track: u32,
    /// When it begins, in the track's ticks; absent where the box that says so is.
    pub begins: Option<u64>,
}

/// What samples are like where a fragment does not say it (§8.8.3, §8.8.7).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Defaults {
    /// The track.
    pub track: u32,
    /// Bytes of a sample.
    pub size: u32,
}

/// The defaults of a `moov` box, which is all of `bytes`.
pub fn defaults(bytes: &[u8]) -> Vec<Defaults> {
    let extends = inside(inside(boxes(bytes), b"moov").into_iter(), b"mvex").into_iter();
    let extends = extends.filter(|child| child.kind == FourCc(*b"trex"));
    let read =
        |c: Child<'_>| Some(Defaults { track: u32_at(c.body, 4)?, size: u32_at(c.body, 16)? });
    extends.filter_map(read).collect()
}

/// What a fragment's `moof` box says, and what is to be changed in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fragment {
    /// What its tracks say.
    pub parts: Vec<Part>,
    /// Where in the box there are offsets from the start of the file, and which.
    offsets: Vec<(usize, u64)>,
}

impl Fragment {
    /// Reads the `moof` box that is all of `moof`, of a fragment of so many bytes with its media: no
    /// more samples than it has room for, none larger than the fragment. `None`: it is damaged.
    pub fn read(moof: &[u8], fragment_bytes: u64, defaults: &[Defaults]) -> Option<Self> {
        let (mut read, mut samples, mut bytes, mut runs_left) = (Self::default(), 0, 0, RUNS_MAX);
        let first = boxes(moof).next().filter(|child| child.kind == FourCc(*b"moof"))?;
        let tracks = first.children(0).map_while(Result::ok);
        for traf in tracks.filter(|child| child.kind == FourCc(*b"traf")) {
            let find = |kind: &[u8; 4]| {
                traf.children(0).map_while(Result::ok).find(|c| c.kind == FourCc(*kind))
            };
            let tfhd = find(b"tfhd")?;
            let (flags, track) = (u32_at(tfhd.body, 0)?, u32_at(tfhd.body, 4)?);
            let mut at = 8;
            if flags & 1 != 0 {
                read.offsets.push((tfhd.body_offset() + at, u64_at(tfhd.body, at)?));
                at += 8;
            }
            at += 4 * usize::from(flags & 2 != 0) + 4 * usize::from(flags & 8 != 0);
            let default = defaults.iter().find(|d| d.track == track).map_or(0, |d| d.size);
            let size = if flags & 0x10 != 0 { u32_at(tfhd.body, at)? } else { default };
            let runs = traf.children(0).map_while(Result::ok);
            for run in runs.filter(|child| child.kind == FourCc(*b"trun")) {
                runs_left = runs_left.checked_sub(1)?;
                let run = check_run(run.body, size, fragment_bytes)?;
                // Runs may lie about where their samples are, and share them: not more in sum either.
                (samples, bytes) = (samples + run.samples, bytes + run.bytes);
            }
            let begins = find(b"tfdt").and_then(|time| match time.body.first()? {
                0 => u32_at(time.body, 4).map(u64::from),
                _ => u64_at(time.body, 4),
            });
            read.parts.push(Part { track, begins });
        }
        (samples <= SAMPLES_MAX && bytes <= fragment_bytes).then_some(read)
    }

    /// Makes offsets from the start of the file, where the box is at `file_at`, offsets from the
    /// start of what symphonia sees, where it is at `seen_at`. `None`: one leads elsewhere.
    pub fn move_offsets(&self, moof: &mut [u8], file_at: u64, seen_at: u64) -> Option<()> {
        for (at, offset) in &self.offsets {
            let moved = seen_at.checked_add(offset.checked_sub(file_at)?)?;
            moof.get_mut(*at..at + 8)?.copy_from_slice(&moved.to_be_bytes());
        }
        Some(())
    }
}

/// What is in a run.
struct Run {
    samples: u64,
    bytes: u64,
}

/// What a run has (§8.8.8), if it has room for it.
fn check_run(run: &[u8], default_size: u32, whole: u64) -> Option<Run> {
    let flags = u32_at(run, 0)? & 0xff_ffff;
    let count = u32_at(run, 4)?;
    // A data offset from the fragment's start that leads out of it leads to other people's bytes.
    if flags & 1 != 0 && u64::from(u32_at(run, 8)?) > whole {
        return None;
    }
    let at = 8 + 4 * (flags & 1) as usize + (flags & 4) as usize;
    let fields = [0x100, 0x200, 0x400, 0x800].map(|flag| usize::from(flags & flag != 0));
    let each = 4 * fields.iter().sum::<usize>();
    if u64::from(count) > SAMPLES_MAX || at + each * count as usize > run.len() {
        return None;
    }
    let mut bytes = 0;
    for n in 0..count as usize {
        let size = match fields[1] {
            1 => u32_at(run, at + n * each + 4 * fields[0])?,
            _ => default_size,
        };
        bytes += u64::from(size);
    }
    (bytes <= whole).then_some(Run { samples: count.into(), bytes })
}

/// Segments of a file by its segment index (§8.16.3): where each begins and when, and the end of the
/// last. `sidx` is the box without its header, `end` the offset of the first byte behind it. Times
/// are microseconds.
pub fn segments(sidx: &[u8], end: u64) -> Option<Vec<(u64, u64)>> {
    let is_wide = *sidx.first()? != 0;
    let scale = u64::from(u32_at(sidx, 8)?).max(1);
    let (mut ticks, first, at) = match is_wide {
        true => (u64_at(sidx, 12)?, u64_at(sidx, 20)?, 28),
        false => (u64::from(u32_at(sidx, 12)?), u64::from(u32_at(sidx, 16)?), 20),
    };
    let count = usize::from(u16::from_be_bytes(*sidx.get(at + 2..)?.first_chunk()?));
    let mut offset = end.checked_add(first)?;
    let micros = |ticks: u64| {
        u64::try_from(u128::from(ticks) * 1_000_000 / u128::from(scale)).unwrap_or(u64::MAX)
    };
    let mut segments = vec![(offset, micros(ticks))];
    for n in 0..count {
        let size = u32_at(sidx, at + 4 + n * 12)?;
        // An index of indexes: they would have to be read first.
        if size >> 31 == 1 {
            return None;
        }
        offset = offset.checked_add(u64::from(size))?;
        ticks = ticks.checked_add(u64::from(u32_at(sidx, at + 8 + n * 12)?))?;
        segments.push((offset, micros(ticks)));
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], payload: &[&[u8]]) -> Vec<u8> {
        let payload = payload.concat();
        [&(payload.len() as u32 + 8).to_be_bytes()[..], kind, &payload].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn moof(tfhd: &[u32], trun: &[u32]) -> Vec<u8> {
        moof_of_runs(tfhd, trun, 1)
    }

    /// The same run so many times.
    fn moof_of_runs(tfhd: &[u32], trun: &[u32], runs: usize) -> Vec<u8> {
        let traf = boxed(
            b"traf",
            &[
                &boxed(b"tfhd", &[&words(tfhd)]),
                &boxed(b"tfdt", &[&words(&[0, 48_000])]),
                &boxed(b"trun", &[&words(trun)]).repeat(runs),
            ],
        );
        boxed(b"moof", &[&boxed(b"mfhd", &[&words(&[0, 1])]), &traf])
    }

    #[test]
    fn a_fragment_says_when_its_tracks_begin() {
        let moof = moof(&[0x2_0000, 7], &[0x201, 2, 100, 50, 60]);
        let read = Fragment::read(&moof, 300, &[]).unwrap();
        assert_eq!(read.parts, [Part { track: 7, begins: Some(48_000) }]);
    }

    #[test]
    fn an_offset_from_the_files_start_is_moved_along() {
        let mut moof = moof(&[1, 7, 0, 5010], &[0x201, 1, 100, 50]);
        let read = Fragment::read(&moof, 300, &[]).unwrap();
        read.move_offsets(&mut moof, 5000, 800).unwrap();
        assert!(moof.windows(8).any(|eight| eight == 810_u64.to_be_bytes()));
        assert!(!moof.windows(4).any(|four| four == 5010_u32.to_be_bytes()));
        assert_eq!(read.move_offsets(&mut moof, 6000, 0), None, "it leads out of the fragment");
    }

    #[test]
    fn samples_that_cannot_be_there_are_refused() {
        for (tfhd, trun) in [
            (&[0, 7][..], &[0x200, 1, u32::MAX][..]),
            (&[0, 7], &[0x200, 1000, 1]),
            (&[0, 7], &[0, u32::MAX]),
            (&[0x10, 7, u32::MAX], &[0, 1]),
            (&[0, 7], &[1, 1, 1 << 30]),
            (&[0, 7], &[]),
            (&[], &[0, 1]),
        ] {
            let moof = moof(tfhd, trun);
            assert_eq!(Fragment::read(&moof, 300, &[]), None, "{tfhd:?} {trun:?}");
        }
        let large = [Defaults { track: 7, size: 200 }];
        assert_eq!(Fragment::read(&moof(&[0, 7], &[0, 3]), 300, &large), None);
    }

    #[test]
    fn runs_that_share_their_samples_are_counted_for_each() {
        let run = [0x201, 1, 0, 100];
        let fragment = |runs| Fragment::read(&moof_of_runs(&[0, 7], &run, runs), 300, &[]);
        assert!(fragment(3).is_some());
        assert_eq!(fragment(4), None, "four times 100 bytes of 300");
        let empty = [1, 0, 0];
        let fragment = |runs| Fragment::read(&moof_of_runs(&[0, 7], &empty, runs), 300, &[]);
        assert!(fragment(1000).is_some());
        assert_eq!(fragment(1001), None, "more runs than anybody makes");
    }

    #[test]
    fn a_segment_index_leads_to_its_segments() {
        let sidx = words(&[0, 1, 1000, 500, 10, 2, 400, 5000, 0, 300, 6000, 0]);
        let expected = vec![(1010, 500_000), (1410, 5_500_000), (1710, 11_500_000)];
        assert_eq!(segments(&sidx, 1000), Some(expected));
        assert_eq!(segments(&words(&[0, 1, 1000, 0, 0, 9, 400]), 0), None, "cut short");
        assert_eq!(segments(&words(&[0, 1, 0, 0, 0, 1, 1 << 31 | 9, 1, 0]), 0), None, "of indexes");
    }
}
