//! Whatever the bytes are, reading them ends, and ends without a panic.

use proptest::collection::vec as any_vec;
use proptest::prelude::*;

use super::boxes::Size;
use super::*;

/// A real film, for its real moov.
const FILM: &[u8] = include_bytes!("../../../tests/mp4/b_frames.mp4");

pub(super) fn moov_of(film: &[u8]) -> &[u8] {
    let mut rest = film;
    loop {
        let header = boxes::BoxHeader::read(rest).unwrap();
        let Size::Known(len) = header.size else { panic!("no moov") };
        let (this, next) = rest.split_at(usize::try_from(len).unwrap());
        if header.kind == FourCc(*b"moov") {
            return this;
        }
        rest = next;
    }
}

/// Does everything that can be done with a moov, up to a number of samples that no real one of its
/// size exceeds.
fn exercise(parsed: &[u8], shown: &[u8]) {
    let Ok(layout) = MovieLayout::parse(parsed) else { return };
    let Some(movie) = layout.over(shown) else { return };
    let _ = (movie.duration(), movie.video().is_ok(), movie.audio().is_ok());
    for track in movie.tracks() {
        let _ = (track.picture(), track.declined());
        if let Codec::Avc(avc) = track.codec() {
            assert!(avc.sps().chain(avc.pps()).all(|unit| unit.len() <= avc.record.len()));
        }
        let mut cursor = track.start();
        for _ in 0..10_000 {
            if cursor.next(&track).is_none() {
                assert_eq!(cursor.next(&track), None);
                break;
            }
        }
        for micros in [i64::MIN, -1, 0, 1, 700_000, 1 << 40, i64::MAX] {
            let mut cursor = track.seek(MediaTime::from_micros(micros));
            assert_eq!(cursor.peek(&track), cursor.next(&track));
        }
    }
}

/// Sample tables of up to 200 entries: durations, composition offsets, sync samples, chunks, sizes.
fn any_film() -> impl Strategy<Value = Film> {
    let durations = any_vec((0i64..4, 0i64..50), 1..200);
    let shifts = any_vec((0i64..4, 0i64..200), 0..200);
    let syncs = any_vec(1i64..300, 0..40);
    let runs = any_vec((1i64..4, 0i64..5), 1..100);
    let sizes = any_vec(0i64..1000, 1..400);
    (durations, shifts, syncs, runs, sizes).prop_map(
        |(durations, shifts, mut syncs, runs, sizes)| {
            let pairs = |pairs: &[(i64, i64)]| pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
            let (durations, shifts): (Vec<i64>, Vec<i64>) = (pairs(&durations), pairs(&shifts));
            syncs.sort_unstable();
            let mut chunk = 1;
            let mut numbers = Vec::new();
            for (chunks, samples) in runs {
                numbers.extend([chunk, samples, 1]);
                chunk += chunks;
            }
            let offsets: Vec<i64> = (1..chunk).map(|chunk| chunk * 100_000).collect();
            Film {
                stts: table(b"stts", 0, 2, &durations),
                ctts: table(b"ctts", 0, 2, &shifts),
                stss: table(b"stss", 0, 1, &syncs),
                sizes: full(b"stsz", 0, &[&be(&[0, sizes.len() as i64]), &be(&sizes)]),
                stsc: table(b"stsc", 0, 3, &numbers),
                offsets: table(b"stco", 0, 1, &offsets),
                ..Film::picture()
            }
        },
    )
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_survived(bytes in any_vec(any::<u8>(), 0..400)) {
        let _ = boxes::BoxHeader::read(&bytes);
        exercise(&bytes, &bytes);
        let moov = boxed(b"moov", &[&mvhd(), &bytes]);
        exercise(&moov, &moov);
    }

    #[test]
    fn sample_entries_of_any_kind_are_survived(
        kind in prop::sample::select(vec![*b"avc1", *b"avc3", *b"mp4a", *b"encv"]),
        version in 0u8..3,
        bytes in any_vec(any::<u8>(), 0..200),
    ) {
        let with = |stsd| Film { stsd, ..Film::picture() }.moov();
        for moov in [
            with(stsd(&boxed(&kind, &[&bytes]))),
            with(stsd(&visual_entry(&kind, &[&boxed(b"avcC", &[&bytes])]))),
            with(stsd(&visual_entry(&kind, &[&bytes]))),
            with(stsd(&audio_entry(&kind, version, &[0; 36], &[&bytes]))),
            with(stsd(&audio_entry(&kind, 0, &[], &[&full(b"esds", 0, &[&bytes])]))),
            with(stsd(&audio_entry(b"mp4a", 0, &[], &[&esds(0x40, &bytes[..bytes.len().min(99)])]))),
        ] {
            exercise(&moov, &moov);
        }
    }

    #[test]
    fn a_moov_with_bytes_changed_is_survived(
        changes in any_vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let moov = moov_of(FILM);
        let mut changed = moov.to_vec();
        for (index, byte) in changes {
            *index.get_mut(&mut changed) = byte;
        }
        exercise(&changed, &changed);
        // A layout over bytes that are not those it was made from.
        exercise(moov, &changed);
    }

    #[test]
    fn a_moov_cut_or_spliced_anywhere_is_survived(
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
    ) {
        let moov = moov_of(FILM);
        let (cut, from) = (cut.index(moov.len()), from.index(moov.len()));
        let mut spliced = [&moov[..cut], &moov[from..]].concat();
        exercise(&spliced, &spliced);
        // With the size of the whole put right, its insides are looked at.
        if let Some(size) = spliced.first_chunk_mut() {
            *size = u32::try_from(moov[..cut].len() + moov[from..].len()).unwrap().to_be_bytes();
            exercise(&spliced, &spliced);
        }
    }

    #[test]
    fn entries_of_any_kind_are_survived(film in any_film(), seed in any_vec(any::<u32>(), 64)) {
        let scramble = |table: &[u8], from: usize| {
            let mut table = table.to_vec();
            for (field, value) in table[from..].chunks_exact_mut(4).zip(seed.iter().cycle()) {
                field.copy_from_slice(&value.to_be_bytes());
            }
            table
        };
        for film in [
            Film { stts: scramble(&film.stts, 16), ..film.clone() },
            Film { ctts: scramble(&film.ctts, 16), ..film.clone() },
            Film { stsc: scramble(&film.stsc, 28), ..film.clone() },
            Film { sizes: scramble(&film.sizes, 20), ..film.clone() },
            Film { offsets: scramble(&film.offsets, 16), ..film.clone() },
            film.clone().edited(&seed[..2].iter().map(|&n| (n.into(), (n % 999).into())).collect::<Vec<_>>()),
        ] {
            let moov = film.moov();
            exercise(&moov, &moov);
        }
    }

    #[test]
    fn every_sample_is_found_where_stepping_arrives(film in any_film()) {
        film.track(|track| -> Result<(), TestCaseError> {
            let mut cursor = track.start();
            for index in 0..track.sample_count() {
                prop_assert_eq!(cursor.place, track.tables().place(index));
                prop_assert_eq!(cursor.next(track).map(|sample| sample.index), Some(index));
            }
            prop_assert_eq!(cursor.next(track), None);
            Ok(())
        })?;
    }

    #[test]
    fn a_seek_finds_what_looking_at_every_sample_finds(
        film in any_film(),
        micros in -1_000_000i64..6_000_000,
    ) {
        let film = Film { ctts: Vec::new(), ..film };
        film.track(|track| -> Result<(), TestCaseError> {
            let time = MediaTime::from_micros(micros);
            let samples = walk(track);
            let by_then = samples.iter().rev().find(|sample| sample.sync && sample.time <= time);
            let sought = track.seek(time).peek(track);
            prop_assert_eq!(sought.as_ref(), by_then.or(samples.first()));
            Ok(())
        })?;
    }
}
