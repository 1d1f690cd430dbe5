use super::*;

#[test]
fn samples_lie_one_after_another_in_their_chunks() {
    let ranges = Film::picture().samples(|sample| (sample.range.offset, sample.range.size));
    assert_eq!(
        ranges,
        [
            (5000, 100),
            (5100, 101),
            (5201, 102),
            (6000, 103),
            (6103, 104),
            (6207, 105),
            (7000, 106),
            (7106, 107),
            (7213, 108),
            (8000, 109),
        ]
    );
}

#[test]
fn chunks_of_differing_sample_counts_are_told_apart() {
    let film = Film { stsc: table(b"stsc", 0, 3, &[1, 1, 1, 2, 4, 1, 4, 1, 1]), ..Film::picture() };
    let offsets = film.samples(|sample| sample.range.offset);
    assert_eq!(offsets, [5000, 6000, 6101, 6203, 6306, 7000, 7105, 7211, 7318, 8000]);
}

#[test]
fn chunks_without_samples_are_stepped_over() {
    let film = Film {
        stsc: table(b"stsc", 0, 3, &[1, 0, 1, 2, 5, 1, 3, 0, 1, 4, 5, 1]),
        ..Film::picture()
    };
    let offsets = film.samples(|sample| sample.range.offset);
    assert_eq!(offsets, [6000, 6100, 6201, 6303, 6406, 8000, 8105, 8211, 8318, 8426]);
}

#[test]
fn chunk_offsets_of_64_bits_reach_beyond_4_gib() {
    let offsets = full(b"co64", 0, &[&be(&[2]), &be(&[0, 5000, 5, 0])]);
    let film = Film { offsets, stsc: table(b"stsc", 0, 3, &[1, 5, 1]), ..Film::picture() };
    let last = film.samples(|sample| sample.range).pop().unwrap();
    assert_eq!(last, SampleRange { offset: (5 << 32) + 105 + 106 + 107 + 108, size: 109 });
    assert_eq!(last.end(), (5 << 32) + 535);
}

#[test]
fn a_sample_beyond_the_last_offset_there_is_ends_the_track() {
    let offsets = full(b"co64", 0, &[&be(&[1]), &be(&[-1, -101])]);
    let one_chunk = table(b"stsc", 0, 3, &[1, 10, 1]);
    let film = Film { offsets, stsc: one_chunk, ..Film::picture() };
    assert_eq!(film.samples(|sample| sample.range.offset), [u64::MAX - 100, u64::MAX]);
}

#[test]
fn sizes_come_in_every_width() {
    let sizes = |sizes: Vec<u8>| Film { sizes, ..Film::picture() }.samples(|s| s.range.size);
    assert_eq!(sizes(full(b"stsz", 0, &[&be(&[77, 3])])), [77, 77, 77]);
    assert_eq!(sizes(full(b"stz2", 0, &[&be(&[4, 3]), &[0x12, 0x3f]])), [1, 2, 3]);
    assert_eq!(sizes(full(b"stz2", 0, &[&be(&[8, 3]), &[1, 2, 255]])), [1, 2, 255]);
    assert_eq!(sizes(full(b"stz2", 0, &[&be(&[16, 2]), &[1, 2, 3, 4]])), [0x102, 0x304]);
}

#[test]
fn sizes_of_any_other_width_are_an_error() {
    let sizes = full(b"stz2", 0, &[&be(&[5, 1]), &[0; 8]]);
    let error = Film { sizes, ..Film::picture() }.error();
    assert!(matches!(error, Mp4Error::Broken { broken: Broken::FieldSize, .. }), "{error}");
}

#[test]
fn a_count_one_beyond_its_box_is_an_error_that_names_the_box_and_its_place() {
    type Choose = fn(&mut Film) -> &mut Vec<u8>;
    let tables: [(&[u8; 4], Choose); 7] = [
        (b"stts", |film| &mut film.stts),
        (b"ctts", |film| &mut film.ctts),
        (b"stss", |film| &mut film.stss),
        (b"stsz", |film| &mut film.sizes),
        (b"stsc", |film| &mut film.stsc),
        (b"stco", |film| &mut film.offsets),
        (b"elst", |film| &mut film.edts),
    ];
    for (kind, choose) in tables {
        let mut film = Film::picture().edited(&[(600, 0)]);
        film.ctts = table(b"ctts", 0, 2, &[10, 0]);
        film.stss = table(b"stss", 0, 1, &[1]);
        assert!(MovieLayout::parse(&film.moov()).is_ok());

        // The lowest byte of the count: behind the headers of edts and elst, the size in stsz.
        let count_at = match kind {
            b"elst" => 8 + 15,
            b"stsz" => 19,
            _ => 15,
        };
        let table = choose(&mut film);
        table[count_at] += 1;
        let declared = u32::from(table[count_at]);
        let moov = film.moov();
        let offset = moov.windows(4).position(|window| window == kind).unwrap() - 4;
        assert_eq!(
            film.error(),
            Mp4Error::Broken { kind: FourCc(*kind), offset, broken: Broken::Count { declared } }
        );
    }
}

#[test]
fn a_table_without_a_count_is_an_error() {
    let film = Film { stts: boxed(b"stts", &[&[0; 7]]), ..Film::picture() };
    assert!(matches!(film.error(), Mp4Error::Broken { broken: Broken::Short, .. }));
}

#[test]
fn a_missing_table_is_an_error_that_names_it() {
    let error = Film { stts: Vec::new(), ..Film::picture() }.error();
    assert!(matches!(error, Mp4Error::Missing { kind: FourCc([b's', b't', b't', b's']), .. }));
    assert!(MovieLayout::parse(&Film { ctts: Vec::new(), ..Film::picture() }.moov()).is_ok());
}

#[test]
fn chunk_numbers_that_do_not_ascend_from_1_are_an_error() {
    let with = |runs: &[i64]| Film { stsc: table(b"stsc", 0, 3, runs), ..Film::picture() };
    for runs in [&[2, 1, 1][..], &[0, 1, 1], &[1, 1, 1, 1, 1, 1], &[1, 1, 1, 3, 1, 1, 2, 1, 1]] {
        let error = with(runs).error();
        assert!(matches!(error, Mp4Error::Broken { broken: Broken::NotAscending, .. }), "{runs:?}");
    }
    assert!(MovieLayout::parse(&with(&[1, 1, 1, 2, 1, 1]).moov()).is_ok());
}

#[test]
fn the_shortest_table_ends_the_track() {
    let count = |film: Film| film.samples(|sample| sample.index).len();
    let picture = Film::picture;
    assert_eq!(count(Film { stts: table(b"stts", 0, 2, &[4, 10, 3, 10]), ..picture() }), 7);
    assert_eq!(count(Film { offsets: table(b"stco", 0, 1, &[0, 0]), ..picture() }), 6);
    assert_eq!(count(Film { sizes: full(b"stsz", 0, &[&be(&[9, 2])]), ..picture() }), 2);
    assert_eq!(count(Film { stsc: table(b"stsc", 0, 3, &[]), ..picture() }), 0);
}

#[test]
fn a_composition_table_that_ends_early_leaves_the_rest_unshifted() {
    let film = Film { ctts: table(b"ctts", 0, 2, &[2, 5]), ..Film::picture() };
    assert_eq!(film.samples(|sample| sample.pts)[..4], [5, 15, 20, 30]);
}

#[test]
fn composition_offsets_may_be_negative_whatever_the_version() {
    for version in [0, 1] {
        let ctts = table(b"ctts", version, 2, &[1, 0, 1, 20, 8, -10]);
        let film = Film { ctts, ..Film::picture() };
        assert_eq!(film.samples(|sample| sample.pts)[..4], [0, 30, 10, 20]);
        assert_eq!(film.samples(|sample| sample.dts)[..4], [0, 10, 20, 30]);
    }
}

#[test]
fn durations_change_from_run_to_run() {
    let film = Film { stts: table(b"stts", 0, 2, &[2, 10, 0, 99, 1, 30, 7, 5]), ..Film::picture() };
    assert_eq!(film.samples(|sample| sample.dts)[..5], [0, 10, 20, 50, 55]);
    assert_eq!(film.samples(|sample| sample.duration)[..5], [10, 10, 30, 5, 5]);
    assert_eq!(film.track(|track| track.duration().as_micros()), 85_000);
}

#[test]
fn times_are_rounded_down_to_the_microsecond() {
    let film = Film { timescale: 3, stts: table(b"stts", 0, 2, &[10, 1]), ..Film::picture() };
    assert_eq!(film.times()[..4], [0, 333_333, 666_666, 1_000_000]);
    let film = Film { stss: table(b"stss", 0, 1, &[1]), ..film }.edited(&[(600, 1)]);
    assert_eq!(film.times()[..2], [-333_334, 0]);
}

#[test]
fn sync_samples_are_those_listed_or_all_where_none_are() {
    let syncs = |stss| Film { stss, ..Film::picture() }.samples(|sample| sample.sync);
    let listed = syncs(table(b"stss", 0, 1, &[1, 4, 4, 9]));
    let indices: Vec<_> = (0..10).filter(|&index| listed[index]).collect();
    assert_eq!(indices, [0, 3, 8]);
    assert_eq!(syncs(table(b"stss", 0, 1, &[])), [true; 10]);
    assert_eq!(syncs(Vec::new()), [true; 10]);
}

#[test]
fn sync_samples_out_of_order_are_an_error() {
    let error = Film { stss: table(b"stss", 0, 1, &[4, 1]), ..Film::picture() }.error();
    assert!(matches!(error, Mp4Error::Broken { broken: Broken::NotAscending, .. }), "{error}");
}

#[test]
fn a_seek_lands_on_the_last_sync_sample_shown_by_then() {
    let film = Film { stss: table(b"stss", 0, 1, &[1, 4, 9]), ..Film::picture() };
    assert_eq!(film.seeks(&[-5, 0, 29, 30, 79, 80, 99, 5000]), [0, 0, 0, 3, 3, 8, 8, 8]);
}

#[test]
fn a_seek_to_a_picture_that_leads_a_sync_sample_goes_to_the_one_before() {
    // Sample 3 is a sync sample shown at 50 ms; 4 and 5 follow it and are shown at 30 and 40 ms.
    let film = Film {
        stss: table(b"stss", 0, 1, &[1, 4]),
        ctts: table(b"ctts", 1, 2, &[3, 0, 1, 20, 2, -10, 4, 0]),
        ..Film::picture()
    };
    assert_eq!(film.times()[3..6], [50_000, 30_000, 40_000]);
    assert_eq!(film.seeks(&[30, 40, 49, 50]), [0, 0, 0, 3]);
}

#[test]
fn a_seek_in_sound_lands_on_the_sample_that_covers_the_time() {
    assert_eq!(Film::sound().seeks(&[0, 9, 10, 55, 99, 100]), [0, 0, 1, 5, 9, 9]);
}

#[test]
fn a_seek_is_exact_to_the_microsecond() {
    let film = Film { timescale: 3, stts: table(b"stts", 0, 2, &[10, 1]), ..Film::picture() };
    let at = |micros| {
        film.track(|track| track.seek(MediaTime::from_micros(micros)).peek(track).unwrap().index)
    };
    assert_eq!([at(333_332), at(333_333), at(666_665), at(666_666)], [0, 1, 1, 2]);
}

#[test]
fn looking_does_not_move_and_the_end_stays_the_end() {
    Film::picture().track(|track| {
        let mut cursor = track.start();
        assert_eq!(cursor.peek(track), cursor.peek(track));
        while let Some(peeked) = cursor.peek(track) {
            assert_eq!(cursor.next(track), Some(peeked));
        }
        assert_eq!(cursor.next(track), None);
        assert_eq!(cursor.next(track), None);
    });
}

#[test]
fn a_claim_of_four_thousand_million_samples_costs_nothing() {
    let count = i64::from(u32::MAX);
    let film = Film {
        stts: table(b"stts", 0, 2, &[count, 1]),
        sizes: full(b"stsz", 0, &[&be(&[2, count])]),
        stsc: table(b"stsc", 0, 3, &[1, count, 1]),
        offsets: table(b"stco", 0, 1, &[0]),
        ..Film::sound()
    };
    film.track(|track| {
        assert_eq!(track.sample_count(), u32::MAX);
        let mut cursor = track.seek(MediaTime::from_micros(i64::MAX));
        let last = cursor.next(track).unwrap();
        assert_eq!((last.index, last.range.offset), (u32::MAX - 1, (u64::from(u32::MAX) - 1) * 2));
        assert_eq!(cursor.next(track), None);
    });
}

#[test]
fn the_longest_times_that_tables_can_say_saturate() {
    let count = i64::from(u32::MAX);
    let film = Film {
        timescale: 1,
        stts: table(b"stts", 0, 2, &[count, i64::from(i32::MAX)]),
        sizes: full(b"stsz", 0, &[&be(&[2, count])]),
        stsc: table(b"stsc", 0, 3, &[1, count, 1]),
        ..Film::sound()
    };
    film.track(|track| {
        assert_eq!(track.duration().as_micros(), i64::MAX);
        let last = track.tables().place(u32::MAX - 1).unwrap();
        assert_eq!(track.edits().get(0).unwrap().time(last.cts(), 1).as_micros(), i64::MAX);
    });
}
