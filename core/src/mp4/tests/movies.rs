use alloc::string::ToString;

use super::*;

fn parse(moov: &[u8]) -> Result<MovieLayout, Mp4Error> {
    MovieLayout::parse(moov)
}

#[test]
fn a_layout_goes_with_bytes_of_its_own_length_only() {
    let moov = Film::picture().moov();
    let layout = parse(&moov).unwrap();
    assert!(layout.over(&moov).is_some());
    assert!(layout.over(&moov[1..]).is_none());
}

#[test]
fn what_is_not_a_whole_moov_is_an_error() {
    let moov = Film::picture().moov();
    assert_eq!(parse(&[]).unwrap_err(), Mp4Error::NotMoov);
    assert_eq!(parse(&boxed(b"mdat", &[&moov])).unwrap_err(), Mp4Error::NotMoov);
    let cut = parse(&moov[..moov.len() - 1]).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "the moov box at byte 0 of the moov does not fit in the box around it"
    );
}

#[test]
fn a_moov_may_have_a_64_bit_size_or_reach_to_the_end() {
    let moov = Film::picture().moov();
    let len = u64::try_from(moov.len() + 8).unwrap();
    let wide = [&[0, 0, 0, 1], &b"moov"[..], &len.to_be_bytes(), &moov[8..]].concat();
    assert_eq!(parse(&wide).unwrap().over(&wide).unwrap().tracks().count(), 1);
    let open = [&[0, 0, 0, 0], &moov[4..]].concat();
    assert_eq!(parse(&open).unwrap().over(&open).unwrap().tracks().count(), 1);
}

#[test]
fn fragments_and_compression_are_declined_by_name() {
    let mvex = boxed(b"mvex", &[]);
    let empty = Film { stts: table(b"stts", 0, 2, &[]), more: mvex.clone(), ..Film::picture() };
    assert_eq!(empty.error(), Mp4Error::Fragmented);
    assert!(parse(&Film { more: mvex, ..Film::picture() }.moov()).is_ok());
    let cmov = Film { more: boxed(b"cmov", &[]), ..Film::picture() };
    assert_eq!(cmov.error(), Mp4Error::Compressed);
}

#[test]
fn a_time_scale_of_0_is_an_error() {
    let error = Film { timescale: 0, ..Film::picture() }.error();
    assert!(matches!(error, Mp4Error::Broken { broken: Broken::Timescale, .. }), "{error}");
}

#[test]
fn picture_and_sound_are_found_among_other_tracks() {
    let text = Film { handler: *b"text", stsd: Vec::new(), stts: Vec::new(), ..Film::picture() };
    let hevc = Film { stsd: stsd(&visual_entry(b"hvc1", &[])), ..Film::picture() };
    let moov = boxed(
        b"moov",
        &[&mvhd(), &text.trak(), &Film::sound().trak(), &hevc.trak(), &Film::picture().trak()],
    );
    let layout = parse(&moov).unwrap();
    let movie = layout.over(&moov).unwrap();
    let kinds: Vec<_> = movie.tracks().map(|track| track.kind()).collect();
    assert_eq!(kinds, [Kind::Audio, Kind::Video, Kind::Video]);
    assert!(matches!(movie.video().unwrap().codec(), Codec::Avc(_)));
    assert!(matches!(movie.audio().unwrap().codec(), Codec::Aac(_)));
    assert_eq!(movie.duration().as_micros(), 1_000_000);
}

#[test]
fn an_enabled_track_goes_before_a_disabled_one() {
    let alternative = Film { tkhd_flags: 0, timescale: 7, ..Film::picture() };
    let timescale = |traks: &[&[u8]]| {
        let moov = boxed(b"moov", &[&mvhd(), &traks.concat()]);
        let layout = parse(&moov).unwrap();
        layout.over(&moov).unwrap().video().unwrap().timescale()
    };
    assert_eq!(timescale(&[&alternative.trak(), &Film::picture().trak()]), 1000);
    assert_eq!(timescale(&[&alternative.trak()]), 7);
}

#[test]
fn a_movie_says_why_it_has_no_picture_or_sound() {
    let moov = Film { sizes: full(b"stsz", 0, &[&be(&[0, 0])]), ..Film::picture() }.moov();
    let layout = parse(&moov).unwrap();
    let movie = layout.over(&moov).unwrap();
    assert_eq!(movie.video().unwrap_err(), Declined::Empty);
    assert_eq!(movie.audio().unwrap_err(), Declined::NoTrack);
}

#[test]
fn tracks_beyond_those_kept_are_ignored() {
    let traks = vec![Film::sound().trak(); MovieLayout::TRACKS_MAX + 1].concat();
    let moov = boxed(b"moov", &[&mvhd(), &traks]);
    let layout = parse(&moov).unwrap();
    assert_eq!(layout.over(&moov).unwrap().tracks().count(), MovieLayout::TRACKS_MAX);
}

#[test]
fn a_movie_of_unknown_duration_lasts_as_long_as_its_longest_track() {
    for unknown in [0, -1] {
        let mvhd = full(b"mvhd", 0, &[&be(&[0, 0, 600, unknown]), &[0; 80]]);
        let moov = boxed(b"moov", &[&mvhd, &Film::picture().trak()]);
        let layout = parse(&moov).unwrap();
        assert_eq!(layout.over(&moov).unwrap().duration().as_micros(), 100_000);
    }
}

#[test]
fn a_film_from_ffmpeg_has_the_samples_that_ffprobe_lists() {
    let film = include_bytes!("../../../tests/mp4/b_frames.mp4");
    let listed = include_str!("../../../tests/mp4/b_frames.csv").lines().skip(1);
    let moov = anything::moov_of(film);
    let layout = parse(moov).unwrap();
    let movie = layout.over(moov).unwrap();
    let found = movie.tracks().flat_map(|track| {
        walk(&track).into_iter().map(move |sample| {
            let SampleRange { offset, size } = sample.range;
            let Sample { dts, pts, sync, .. } = sample;
            alloc::format!("{},{offset},{size},{dts},{pts},{}", track.id(), u8::from(sync))
        })
    });
    assert_eq!(found.collect::<Vec<_>>(), listed.collect::<Vec<_>>());
}
