use super::*;

fn avc(kind: &[u8; 4], record: &[u8]) -> Film {
    let entry = visual_entry(kind, &[&boxed(b"avcC", &[record])]);
    Film { stsd: stsd(&entry), ..Film::picture() }
}

fn aac(config: &[u8]) -> Aac<'static> {
    let config = config.to_vec().leak();
    sound(stsd(&audio_entry(b"mp4a", 0, &[], &[&esds(0x40, config)]))).unwrap()
}

/// The AAC track described by that `stsd`, if it is one.
fn sound(stsd: Vec<u8>) -> Option<Aac<'static>> {
    Film { stsd, ..Film::sound() }.track(|track| match track.codec() {
        Codec::Aac(aac) => Some(Aac { config: aac.config.to_vec().leak(), ..aac }),
        _ => None,
    })
}

#[test]
fn parameter_sets_come_out_one_by_one() {
    let record = [
        &[1, 77, 64, 30, 0xff, 0xe2, 0, 2, 0x67, 1, 0, 3, 0x67, 2, 3][..],
        &[2, 0, 1, 0x68, 0, 0, 9, 9, 9],
    ];
    avc(b"avc1", &record.concat()).track(|track| {
        let Codec::Avc(avc) = track.codec() else { panic!("{:?}", track.codec()) };
        assert_eq!((avc.profile, avc.compatibility, avc.level, avc.in_band), (77, 64, 30, false));
        assert_eq!(avc.sps().collect::<Vec<_>>(), [&[0x67, 1][..], &[0x67, 2, 3]]);
        assert_eq!(avc.pps().collect::<Vec<_>>(), [&[0x68][..], &[]]);
        assert_eq!(avc.record, record.concat());
    });
}

#[test]
fn nal_lengths_are_of_1_2_or_4_bytes() {
    for (bits, size) in [(0, Some(1)), (1, Some(2)), (2, None), (3, Some(4))] {
        let mut record = AVCC.to_vec();
        record[4] = 0xfc | bits;
        let found = avc(b"avc1", &record).track(|track| match track.codec() {
            Codec::Avc(avc) => Some(avc.nal_length_size),
            _ => None,
        });
        assert_eq!(found, size);
    }
}

#[test]
fn a_record_one_byte_short_is_a_misconfigured_track() {
    assert_eq!(avc(b"avc1", AVCC).track(|track| track.declined()), None);
    let short = &AVCC[..AVCC.len() - 1];
    assert_eq!(
        avc(b"avc1", short).track(|track| track.declined()),
        Some(Declined::Misconfigured(FourCc(*b"avc1")))
    );
}

#[test]
fn only_avc3_may_leave_the_parameter_sets_to_the_samples() {
    let empty = [1, 100, 0, 31, 0xff, 0xe0, 0];
    assert_eq!(avc(b"avc3", &empty).track(|track| track.declined()), None);
    assert!(avc(b"avc1", &empty).track(|track| track.declined()).is_some());
}

#[test]
fn what_is_not_played_is_declined_by_name() {
    let declined = |entry: Vec<u8>| {
        Film { stsd: stsd(&entry), ..Film::picture() }.track(|track| track.declined())
    };
    let hevc = visual_entry(b"hvc1", &[]);
    assert_eq!(declined(hevc), Some(Declined::Codec(FourCc(*b"hvc1"))));
    assert_eq!(declined(visual_entry(b"encv", &[])), Some(Declined::Encrypted));
    let dts = audio_entry(b"mp4a", 0, &[], &[&esds(0xa9, &[0x12, 0x10])]);
    assert_eq!(declined(dts), Some(Declined::Codec(FourCc(*b"mp4a"))));
    // Object type 36 is MPEG-4 ALS.
    let lossless = audio_entry(b"mp4a", 0, &[], &[&esds(0x40, &[0xf8, 0x88, 0x10, 0, 0])]);
    assert_eq!(declined(lossless), Some(Declined::Codec(FourCc(*b"mp4a"))));
    let nothing = Film { stsd: full(b"stsd", 0, &[&be(&[0])]), ..Film::picture() };
    let declined_nothing = nothing.track(|track| track.declined());
    assert_eq!(declined_nothing, Some(Declined::Misconfigured(FourCc(*b"stsd"))));
    let bare = audio_entry(b"mp4a", 0, &[], &[]);
    assert_eq!(declined(bare), Some(Declined::Misconfigured(FourCc(*b"mp4a"))));
}

#[test]
fn samples_described_in_two_ways_are_declined() {
    let film = |runs: &[i64]| Film { stsc: table(b"stsc", 0, 3, runs), ..Film::picture() };
    let declined = |film: Film| film.track(|track| track.declined());
    assert_eq!(declined(film(&[1, 3, 1, 2, 3, 2])), Some(Declined::SeveralDescriptions));
    // Of the chunks from the fifth on there are none.
    assert_eq!(declined(film(&[1, 3, 1, 5, 3, 2])), None);
}

#[test]
fn aac_says_what_its_core_decodes_to() {
    let lc = aac(&[0x12, 0x10]);
    assert_eq!((lc.object_type, lc.sample_rate, lc.channels), (Aac::LC, 44_100, 2));
    assert_eq!((lc.samples_per_packet, lc.sbr, lc.ps), (1024, false, false));
    assert_eq!(lc.config, [0x12, 0x10]);
    assert_eq!(aac(&[0x12, 0x14]).samples_per_packet, 960);
    assert_eq!(aac(&[0x12, 0x30]).channels, 6);
    assert_eq!(aac(&[0x12, 0x38]).channels, 8);
    // Index 15: 24 bits of hertz, here 12345.
    assert_eq!(aac(&[0x17, 0x80, 0x18, 0x1c, 0x88]).sample_rate, 12_345);
    // Channel configuration 0 and a reserved rate: the sample entry says 2 and 44100.
    let vague = aac(&[0x16, 0x80]);
    assert_eq!((vague.sample_rate, vague.channels), (44_100, 2));
    // Object type 31 + 6 bits: 42 is xHE-AAC.
    assert_eq!(aac(&[0xf9, 0x48, 0x40]).object_type, 42);
}

#[test]
fn sbr_and_parametric_stereo_are_seen_in_either_signalling() {
    // Hierarchical: object type 5 or 29 first, the core's after the extension's rate.
    let sbr = aac(&[0x2b, 0x92, 0x08, 0x00]);
    assert_eq!((sbr.object_type, sbr.sample_rate, sbr.sbr, sbr.ps), (2, 22_050, true, false));
    let ps = aac(&[0xeb, 0x8a, 0x08, 0x00]);
    assert_eq!((ps.object_type, ps.channels, ps.sbr, ps.ps), (2, 1, true, true));
    // Backward compatible: LC first, then 0x2b7.
    let sbr = aac(&[0x13, 0x90, 0x56, 0xe5, 0xa0]);
    assert_eq!((sbr.object_type, sbr.sbr, sbr.ps), (2, true, false));
    let ps = aac(&[0x13, 0x88, 0x56, 0xe5, 0xa5, 0x48, 0x80]);
    assert_eq!((ps.object_type, ps.sbr, ps.ps), (2, true, true));
    // The extension is there and says no.
    assert!(!aac(&[0x12, 0x10, 0x56, 0xe5, 0x00]).sbr);
}

#[test]
fn quicktime_sound_descriptions_are_read_in_every_version() {
    let esds = esds(0x40, &[0x12, 0x10]);
    let wave = boxed(b"wave", &[&boxed(b"frma", &[b"mp4a"]), &esds, &[0, 0, 0, 8, 0, 0, 0, 0]]);
    let v2 = [&be(&[72])[..], &44_100f64.to_be_bytes(), &be(&[2]), &[0; 20]].concat();
    for entry in [
        audio_entry(b"mp4a", 0, &[], &[&esds]),
        audio_entry(b"mp4a", 1, &[0; 16], &[&wave]),
        audio_entry(b"mp4a", 1, &[0; 16], &[&esds]),
        audio_entry(b"mp4a", 2, &v2, &[&wave]),
    ] {
        assert_eq!(sound(stsd(&entry)).unwrap().sample_rate, 44_100);
    }
    // ISO's version 1 has no fields of its own, and is told by the version of stsd.
    let entry = audio_entry(b"mp4a", 1, &[], &[&esds]);
    assert!(sound(full(b"stsd", 1, &[&be(&[1]), &entry])).is_some());
}

#[test]
fn without_a_config_the_sample_entry_says_rate_and_channels() {
    let v2 = [&be(&[72])[..], &96_000.5f64.to_be_bytes(), &be(&[6]), &[0; 20]].concat();
    let entry = audio_entry(b"mp4a", 2, &v2, &[&esds(0x67, &[])]);
    let aac = sound(stsd(&entry)).unwrap();
    assert_eq!((aac.object_type, aac.sample_rate, aac.channels), (Aac::LC, 96_000, 6));
}

#[test]
fn pictures_say_their_size_shape_and_colour() {
    let look = |children: &[&[u8]]| {
        let stsd = stsd(&visual_entry(b"avc1", children));
        Film { stsd, ..Film::picture() }.track(|track| track.picture().unwrap())
    };
    let plain = look(&[]);
    assert_eq!((plain.width, plain.height), (640, 480));
    assert_eq!((plain.pixel_aspect_ratio, plain.colour), ((1, 1), None));
    assert_eq!(look(&[&boxed(b"pasp", &[&be(&[10, 11])])]).pixel_aspect_ratio, (10, 11));
    assert_eq!(look(&[&boxed(b"pasp", &[&be(&[10, 0])])]).pixel_aspect_ratio, (1, 1));

    let icc = boxed(b"colr", &[b"prof", &[0; 20]]);
    let nclx = boxed(b"colr", &[b"nclx", &[0, 9, 0, 16, 0, 9, 0x80]]);
    let full = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: true };
    assert_eq!(look(&[&icc, &nclx]).colour, Some(full));
    let nclc = boxed(b"colr", &[b"nclc", &[0, 6, 0, 1, 0, 6]]);
    let narrow = Colour { primaries: 6, transfer: 1, matrix: 6, full_range: false };
    assert_eq!(look(&[&nclc]).colour, Some(narrow));
    assert_eq!(look(&[&boxed(b"colr", &[b"nclx", &[0, 9, 0, 16, 0]])]).colour, None);
}

#[test]
fn sound_has_no_picture() {
    assert_eq!(Film::sound().track(|track| track.picture()), None);
}

#[test]
fn the_matrix_turns_and_mirrors_by_quarters_only() {
    use Rotation::{Half, None, Quarter, ThreeQuarters};
    let one = 1 << 16;
    for (matrix, rotation, mirrored) in [
        ([one, 0, 0, one], None, false),
        ([0, one, -one, 0], Quarter, false),
        ([-one, 0, 0, -one], Half, false),
        ([0, -one, one, 0], ThreeQuarters, false),
        ([-one, 0, 0, one], None, true),
        ([0, one, one, 0], Quarter, true),
        ([one, 0, 0, -one], Half, true),
        ([0, -one, -one, 0], ThreeQuarters, true),
        ([2 * one, 0, 0, 3 * one], None, false),
        ([one, one, -one, one], None, false),
        ([0, 0, 0, 0], None, false),
    ] {
        let film = Film { matrix, ..Film::picture() };
        let orientation = film.track(|track| track.picture().unwrap().orientation);
        assert_eq!(orientation, Orientation { rotation, mirrored }, "{matrix:?}");
    }
}
