//! The speaker on SDL's file-backed device: what is pushed is what arrives, bit by bit.
//!
//! One test to a process: SDL belongs to the thread that starts it.

use std::fs;
use std::time::{Duration, Instant};

use testcard_desktop::speaker::Speaker;

#[test]
fn what_is_pushed_arrives_and_the_clock_says_when() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sound.raw");
    // SAFETY: this process has no other thread yet that might read the environment.
    unsafe {
        std::env::set_var("SDL_AUDIODRIVER", "disk");
        std::env::set_var("SDL_DISKAUDIOFILE", &file);
    }
    let sdl = sdl2::init().unwrap();
    let audio = sdl.audio().unwrap();
    assert_eq!(audio.current_audio_driver(), "disk");

    let (speaker, mut feed) = Speaker::open(&audio, 48_000, 24_000).unwrap();
    let samples: Vec<i16> = (0..24_000).flat_map(|i: i32| [(i % 30_000 + 1) as i16, 7]).collect();
    let mut rest = samples.as_slice();
    rest = &rest[feed.push(rest)..];
    assert!(rest.is_empty());
    assert_eq!((feed.played(), feed.queued()), (0, 24_000));

    let start = Instant::now();
    speaker.play();
    let mut last = 0;
    while feed.queued() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "the clock stopped at {last}");
        let played = feed.played();
        assert!(played >= last);
        last = played;
        std::thread::yield_now();
    }
    assert_eq!(feed.played(), 24_000);
    speaker.pause();
    drop((speaker, audio, sdl));

    let bytes = fs::read(&file).unwrap();
    let heard: Vec<i16> =
        bytes.chunks_exact(2).map(|sample| i16::from_ne_bytes([sample[0], sample[1]])).collect();
    let first = heard.iter().position(|sample| *sample != 0).unwrap();
    assert_eq!(heard[first..first + samples.len()], samples[..], "not one sample differs");
    assert!(heard[first + samples.len()..].iter().all(|sample| *sample == 0));
}
