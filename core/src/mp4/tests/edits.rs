use super::*;

const MS: i64 = 1000;

#[test]
fn without_an_edit_list_the_media_is_shown_as_it_is() {
    let film = Film::picture();
    assert_eq!(film.times()[..3], [0, 10 * MS, 20 * MS]);
    assert_eq!(film.track(|track| track.duration().as_micros()), 100 * MS);
    let film = film.elst(table(b"elst", 0, 3, &[]));
    assert_eq!(film.times()[..3], [0, 10 * MS, 20 * MS]);
}

#[test]
fn an_empty_edit_delays_the_media() {
    // 30/600 s of nothing, then 60/600 s of media.
    let film = Film::picture().edited(&[(30, -1), (60, 0)]);
    assert_eq!(film.times()[..3], [50 * MS, 60 * MS, 70 * MS]);
    assert_eq!(film.track(|track| track.duration().as_micros()), 150 * MS);
    assert_eq!(film.seeks(&[0, 49, 60, 149, 500]), [0, 0, 1, 9, 9]);
}

#[test]
fn a_media_time_makes_what_comes_before_it_preroll() {
    let film = Film { stss: table(b"stss", 0, 1, &[1]), ..Film::picture() }.edited(&[(42, 30)]);
    assert_eq!(film.times()[..4], [-30 * MS, -20 * MS, -10 * MS, 0]);
    assert_eq!(film.samples(|sample| sample.shown)[..4], [false, false, false, true]);
}

#[test]
fn samples_before_the_sync_sample_of_the_edit_are_left_out() {
    let film = Film { stss: table(b"stss", 0, 1, &[1, 4]), ..Film::picture() }.edited(&[(36, 40)]);
    assert_eq!(film.samples(|sample| sample.index)[..2], [3, 4]);
    assert_eq!(film.times()[..2], [-10 * MS, 0]);
}

#[test]
fn samples_after_the_edit_are_left_out() {
    // 24/600 s: 40 ticks. The picture at the very end stays, the sound there does not.
    let ends = |film: Film| film.edited(&[(24, -1), (24, 0)]).samples(|sample| sample.index).len();
    assert_eq!(ends(Film::picture()), 5);
    assert_eq!(ends(Film::sound()), 4);
}

#[test]
fn a_picture_decoded_after_the_end_and_shown_before_it_stays() {
    // Sample 5 is shown at 70 ms, samples 6 and 7 after it in decode order at 50 and 60 ms.
    let ctts = table(b"ctts", 1, 2, &[5, 0, 1, 20, 2, -10, 2, 0]);
    let film = Film { ctts, stss: table(b"stss", 0, 1, &[1]), ..Film::picture() };
    assert_eq!(film.edited(&[(38, 0)]).samples(|sample| sample.index).pop(), Some(7));
}

#[test]
fn the_only_edit_of_a_sound_track_keeps_the_priming_and_the_padding() {
    let film = Film::sound().edited(&[(36, 20)]);
    assert_eq!(film.times()[0], -20 * MS);
    let shown = film.samples(|sample| sample.shown);
    assert_eq!(shown, [&[false; 2][..], &[true; 6], &[false; 2]].concat());
    // One sample more than priming is a cut.
    assert_eq!(Film::sound().edited(&[(36, 40)]).samples(|sample| sample.index)[0], 4);
    assert_eq!(Film::sound().edited(&[(36, 0)]).samples(|sample| sample.index).len(), 6);
}

#[test]
fn a_last_edit_without_a_duration_shows_the_rest() {
    let film = Film::picture().edited(&[(30, -1), (0, 20)]);
    assert_eq!(film.times().pop(), Some((50 + 70) * MS));
    assert_eq!(film.track(|track| track.duration().as_micros()), (50 + 80) * MS);
}

#[test]
fn several_edits_are_shown_one_after_another() {
    // 60 to 80 ms of the media, 50 ms of nothing, then 0 to 30 ms of it.
    let film = Film::sound().edited(&[(12, 60), (30, -1), (18, 0)]);
    assert_eq!(film.samples(|sample| sample.index), [6, 7, 0, 1, 2]);
    assert_eq!(film.times(), [0, 10 * MS, 70 * MS, 80 * MS, 90 * MS]);
    assert_eq!(film.seeks(&[0, 15, 19, 20, 69, 70, 85, 200]), [6, 7, 7, 0, 0, 0, 1, 2]);
}

#[test]
fn a_seek_runs_on_into_the_next_edit() {
    Film::sound().edited(&[(12, 60), (12, 20)]).track(|track| {
        let mut cursor = track.seek(MediaTime::from_millis(10));
        let rest: Vec<_> =
            core::iter::from_fn(|| cursor.next(track).map(|sample| sample.index)).collect();
        assert_eq!(rest, [7, 2, 3]);
    });
}

#[test]
fn a_dwell_holds_one_sample() {
    let elst = table(b"elst", 0, 3, &[60, 30, 0, 12, 50, 1 << 16]);
    let film = Film::sound().elst(elst);
    assert_eq!(film.samples(|sample| sample.index), [3, 5, 6]);
    assert_eq!(film.times(), [0, 100 * MS, 110 * MS]);
}

#[test]
fn edits_of_64_bits_are_read() {
    let entry = [&60u64.to_be_bytes()[..], &20i64.to_be_bytes(), &be(&[1 << 16])].concat();
    let film = Film::picture().elst(full(b"elst", 1, &[&be(&[1]), &entry]));
    assert_eq!(film.samples(|sample| (sample.index, sample.time.as_micros()))[0], (2, 0));
}

#[test]
fn edits_that_say_the_impossible_show_nothing_or_saturate() {
    let wide = |duration: u64, media_time: i64| {
        let entry =
            [&duration.to_be_bytes()[..], &media_time.to_be_bytes(), &be(&[1 << 16])].concat();
        Film::picture().elst(full(b"elst", 1, &[&be(&[2]), &entry, &entry]))
    };
    assert!(wide(u64::MAX, i64::MIN).times().is_empty());
    assert!(wide(u64::MAX, -1).seeks(&[]).is_empty());
    assert_eq!(wide(u64::MAX, 0).times()[..2], [0, 10 * MS]);
    assert!(wide(u64::MAX, i64::MAX).times().len() <= 20);
}

#[test]
fn one_edit_more_than_are_kept_is_an_error() {
    let edits = |count| Film::sound().edited(&vec![(6, 0); count]);
    assert_eq!(edits(edit::EDITS_MAX).times().len(), edit::EDITS_MAX);
    let error = edits(edit::EDITS_MAX + 1).error();
    assert!(matches!(error, Mp4Error::Broken { broken: Broken::TooMany { declared: 17 }, .. }));
}
