//! A film in fragments, picture and sound, on its way from a file to what is shown and heard. Its sound
//! has a frame of priming in front, and what fills the last one up behind.

use std::path::Path;

use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_desktop::file::OneFile;
use testcard_desktop::receiver::{Happening, Receiver};

/// The times of the pictures, in milliseconds, and how many frames of sound there are.
fn watch(from_ms: i64) -> (Vec<i64>, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/fragments.mp4");
    let file = OneFile::open(&path).expect("a file");
    let mut receiver = Receiver::new(file);
    let (aim, now) = (Aim::At(MediaTime::from_millis(from_ms)), Instant::ZERO);
    let tuned = receiver.tune(OneFile::url(), aim, Limits::DESKTOP, None, now, &mut ());
    tuned.expect("an address");
    // Nobody watches, so playing never runs dry.
    let nobody = MediaTime::from_micros(i64::MIN);
    let (mut pictures, mut frames) = (Vec::new(), 0);
    for _ in 0..100_000 {
        let mut happenings = Vec::new();
        receiver.turn(now, nobody, &mut happenings, &mut ());
        for happening in happenings {
            match happening {
                Happening::Failed(why) => panic!("{why}"),
                Happening::Notice(notice) => panic!("{notice}"),
                _ => {}
            }
        }
        assert_eq!(receiver.sound_only(), None);
        pictures.extend(receiver.pictures.drain(..).map(|picture| picture.pts.as_micros() / 1000));
        frames += receiver.sound.drain(..).count() / 2;
        if receiver.is_over() {
            return (pictures, frames);
        }
    }
    panic!("it is never over");
}

#[test]
fn picture_and_sound_of_a_film_in_fragments_are_shown_and_heard_from_the_start() {
    let (pictures, frames) = watch(0);
    assert_eq!(pictures.len(), 150);
    assert!(pictures.windows(2).all(|pair| pair[1] - pair[0] == 40), "{pictures:?}");
    assert!((6 * 44_100..6 * 44_100 + 6000).contains(&frames), "{frames}");
}

#[test]
fn a_film_in_fragments_is_joined_at_the_moment_wanted() {
    let (pictures, frames) = watch(4000);
    assert_eq!(pictures.first(), Some(&4000));
    assert_eq!(pictures.len(), 50);
    assert!((2 * 44_100..2 * 44_100 + 6000).contains(&frames), "{frames}");
}
