//! The sound card, and the clock that follows from it: samples go in at one end, and the number of
//! them that have been heard comes out at the other.
//!
//! Samples cross to the device's own thread through a bounded ring without locks. Where the ring
//! runs dry the device plays silence, the clock of heard frames stands still, and the underrun is
//! counted. This module never resamples (SDL does) and never decides what to play.
//!
//! # The clock
//!
//! SDL asks for a buffer while the device plays the one before it. So from the moment of the n-th
//! request the frames of buffer n − 1 are being heard, one after the other at the sample rate, and
//! at the next request they all have been. [`Feed::played`] counts along between two requests and
//! waits at the end of a buffer for the next. Silence put in for want of samples does not count.
//! What the device delays beyond that (a Bluetooth link, say) SDL cannot tell, and is not included.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};
use sdl2::AudioSubsystem;
use sdl2::audio::{AudioCallback, AudioDevice, AudioSpecDesired};

use crate::sound::CHANNELS;

/// The sound card could not be opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SpeakerError(String);

impl fmt::Display for SpeakerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sound card could not be opened: {}", self.0)
    }
}

impl std::error::Error for SpeakerError {}

/// The device. Dropping it ends the sound.
pub struct Speaker {
    device: AudioDevice<Playout>,
    shared: Arc<Shared>,
    volume: u8,
    muted: bool,
}

impl Speaker {
    /// Opens the default device, paused and at full volume, for interleaved stereo of this rate; at
    /// most `frames_ahead` frames wait to be played. SDL converts for a device that wants something
    /// else.
    ///
    /// # Errors
    /// When there is no device, or it cannot be had.
    pub fn open(
        audio: &AudioSubsystem,
        sample_rate: u32,
        frames_ahead: usize,
    ) -> Result<(Self, Feed), SpeakerError> {
        let (feed, mut playout) = connect(sample_rate, frames_ahead);
        let shared = feed.shared.clone();
        let desired = AudioSpecDesired {
            freq: Some(i32::try_from(sample_rate).map_err(|e| SpeakerError(e.to_string()))?),
            channels: Some(CHANNELS as u8),
            samples: Some(buffer_frames(sample_rate)),
        };
        let device = audio
            .open_playback(None, &desired, |obtained| {
                playout.frames_at_full_ramp = obtained.samples.into();
                playout
            })
            .map_err(SpeakerError)?;
        Ok((Self { device, shared, volume: 100, muted: false }, feed))
    }

    /// Starts the device, or starts it again.
    pub fn play(&self) {
        self.device.resume();
    }

    /// Stops the device. What waits in the ring stays there, and the clock stands still within a
    /// buffer's time.
    pub fn pause(&self) {
        self.device.pause();
    }

    /// Sets the volume, 0 to 100; more is 100. Loudness follows the number: it is squared, as ears
    /// hear ratios.
    pub fn set_volume(&mut self, volume: u8) {
        self.volume = volume.min(100);
        self.apply_gain();
    }

    /// Silences the speaker without forgetting the volume. The clock goes on.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.apply_gain();
    }

    fn apply_gain(&self) {
        let volume = if self.muted { 0 } else { self.volume };
        self.shared.gain.store(gain(volume), Ordering::Relaxed);
    }
}

/// About 20 ms: short enough to follow a key press, long enough for a busy machine.
fn buffer_frames(sample_rate: u32) -> u16 {
    (sample_rate / 50).next_power_of_two().clamp(256, 8192) as u16
}

/// Full volume, in the unit of [`gain`].
const UNITY: u32 = 1 << 16;

/// The factor for a volume of 0 to 100, in 1/65,536.
fn gain(volume: u8) -> u32 {
    let volume = u32::from(volume);
    volume * volume * UNITY / 10_000
}

/// The end of a speaker where samples go in. May be used on another thread than the speaker's.
pub struct Feed {
    samples: Producer<i16>,
    shared: Arc<Shared>,
    sample_rate: u32,
    /// Frames pushed so far.
    pushed: u64,
    /// Frames pushed before the last flush.
    flushed: u64,
}

impl Feed {
    /// Takes as many interleaved samples as there is room for, in whole frames, and says how many
    /// that were.
    pub fn push(&mut self, samples: &[i16]) -> usize {
        let room = self.samples.slots().min(samples.len());
        let (pushed, _) = self.samples.push_partial_slice(&samples[..room - room % CHANNELS]);
        self.pushed += (pushed.len() / CHANNELS) as u64;
        pushed.len()
    }

    /// Frames a second.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Frames heard since the speaker was opened or last [flushed](Feed::flush); see the
    /// [module](self) for how exactly. Never goes back in between.
    pub fn played(&self) -> u64 {
        self.played_at(Instant::now())
    }

    fn played_at(&self, now: Instant) -> u64 {
        let heard = self.shared.heard.load();
        let since = now.saturating_duration_since(self.shared.zero + heard.at);
        let frames = since.as_micros() * u128::from(self.sample_rate) / 1_000_000;
        let into_buffer = u64::try_from(frames).unwrap_or(u64::MAX).min(heard.frames);
        (heard.first + into_buffer).saturating_sub(self.flushed)
    }

    /// Frames pushed since the last flush and not heard yet.
    pub fn queued(&self) -> u64 {
        (self.pushed - self.flushed).saturating_sub(self.played())
    }

    /// Drops what waits to be played, and counts from 0 again. The ring is empty when the device next
    /// asks for a buffer; at most two buffers that it has already are still heard.
    pub fn flush(&mut self) {
        self.flushed = self.pushed;
        self.shared.discard_before.store(self.flushed, Ordering::Release);
    }

    /// How often the sound has stopped for want of samples since the speaker was opened. The end of
    /// the sound counts too.
    pub fn underruns(&self) -> u32 {
        self.shared.underruns.load(Ordering::Relaxed)
    }
}

/// What both ends of a speaker share.
struct Shared {
    zero: Instant,
    gain: AtomicU32,
    underruns: AtomicU32,
    /// Frames before this one are dropped instead of played.
    discard_before: AtomicU64,
    heard: HeardCell,
}

/// Which frames are being heard.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Heard {
    /// The first of them, counted from the first that was pushed.
    first: u64,
    /// How many.
    frames: u64,
    /// When the first was heard, after [`Shared::zero`].
    at: Duration,
}

/// A [`Heard`] that one thread writes and others read, neither waiting for a lock: the readers try
/// again when they were overtaken, which takes a write in the midst of three loads.
#[derive(Default)]
struct HeardCell {
    /// Odd while it is being written.
    version: AtomicU32,
    first: AtomicU64,
    frames: AtomicU64,
    at_micros: AtomicU64,
}

impl HeardCell {
    fn store(&self, heard: Heard) {
        let at_micros = u64::try_from(heard.at.as_micros()).unwrap_or(u64::MAX);
        self.version.fetch_add(1, Ordering::SeqCst);
        self.first.store(heard.first, Ordering::SeqCst);
        self.frames.store(heard.frames, Ordering::SeqCst);
        self.at_micros.store(at_micros, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    fn load(&self) -> Heard {
        loop {
            let version = self.version.load(Ordering::SeqCst);
            let heard = Heard {
                first: self.first.load(Ordering::SeqCst),
                frames: self.frames.load(Ordering::SeqCst),
                at: Duration::from_micros(self.at_micros.load(Ordering::SeqCst)),
            };
            if version.is_multiple_of(2) && self.version.load(Ordering::SeqCst) == version {
                return heard;
            }
            std::hint::spin_loop();
        }
    }
}

/// The end of a speaker where the device takes samples out.
pub(crate) struct Playout {
    samples: Consumer<i16>,
    shared: Arc<Shared>,
    /// Frames taken out of the ring, played or dropped.
    taken: u64,
    /// The first frame of the buffer handed over last, and how many of its frames were real.
    last: (u64, u64),
    /// The gain that the last buffer ended with.
    gain: u32,
    /// Frames over which a change of the gain is spread, so that it does not click.
    frames_at_full_ramp: usize,
    starved: bool,
}

pub(crate) fn connect(sample_rate: u32, frames_ahead: usize) -> (Feed, Playout) {
    let (producer, consumer) = RingBuffer::new(frames_ahead * CHANNELS);
    let shared = Arc::new(Shared {
        zero: Instant::now(),
        gain: AtomicU32::new(UNITY),
        underruns: AtomicU32::new(0),
        discard_before: AtomicU64::new(0),
        heard: HeardCell::default(),
    });
    let feed =
        Feed { samples: producer, shared: shared.clone(), sample_rate, pushed: 0, flushed: 0 };
    let playout = Playout {
        samples: consumer,
        shared,
        taken: 0,
        last: (0, 0),
        gain: UNITY,
        frames_at_full_ramp: 1,
        // Before the first sample there is nothing to miss.
        starved: true,
    };
    (feed, playout)
}

impl Playout {
    fn fill(&mut self, out: &mut [i16], now: Instant) {
        // The buffer of the last request is being heard from now on.
        let (first, frames) = self.last;
        self.shared.heard.store(Heard { first, frames, at: now - self.shared.zero });

        self.discard();
        let first = self.taken;
        let (filled, silence) = self.samples.pop_partial_slice(out);
        silence.fill(0);
        let frames = filled.len() / CHANNELS;
        self.taken += frames as u64;
        self.last = (first, frames as u64);

        if silence.is_empty() {
            self.starved = false;
        } else if !self.starved {
            self.starved = true;
            self.shared.underruns.fetch_add(1, Ordering::Relaxed);
        }
        let target = self.shared.gain.load(Ordering::Relaxed);
        self.gain = amplify(filled, self.gain, target, self.frames_at_full_ramp);
    }

    fn discard(&mut self) {
        let before = self.shared.discard_before.load(Ordering::Acquire);
        let Some(frames) = before.checked_sub(self.taken).filter(|frames| *frames > 0) else {
            return;
        };
        // Whoever flushes has pushed all of them before.
        let samples = frames as usize * CHANNELS;
        if let Ok(chunk) = self.samples.read_chunk(samples.min(self.samples.slots())) {
            self.taken += (chunk.len() / CHANNELS) as u64;
            chunk.commit_all();
        }
        self.starved = true;
    }
}

/// Multiplies by a gain that moves from `from` to `to` within `ramp` frames; what it ends with.
fn amplify(samples: &mut [i16], from: u32, to: u32, ramp: usize) -> u32 {
    if from == UNITY && to == UNITY {
        return UNITY;
    }
    let mut gain = from;
    let step = UNITY.div_ceil(u32::try_from(ramp.max(1)).unwrap_or(UNITY));
    for frame in samples.chunks_exact_mut(CHANNELS) {
        gain = if gain < to { (gain + step).min(to) } else { gain.saturating_sub(step).max(to) };
        for sample in frame {
            // At most 2^15 times 2^16, and not more than it was after the shift.
            *sample = ((i64::from(*sample) * i64::from(gain)) >> 16) as i16;
        }
    }
    gain
}

impl AudioCallback for Playout {
    type Channel = i16;

    fn callback(&mut self, out: &mut [i16]) {
        self.fill(out, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of a buffer here, and their time at 1,000 frames a second.
    const BUFFER: usize = 10;
    const PERIOD: Duration = Duration::from_millis(10);

    /// A device whose requests come when the test says.
    struct Device {
        feed: Feed,
        playout: Playout,
        now: Instant,
        out: Vec<i16>,
    }

    impl Device {
        fn new(frames_ahead: usize) -> Self {
            let (feed, playout) = connect(1000, frames_ahead);
            let now = playout.shared.zero + Duration::from_secs(1);
            Self { feed, playout, now, out: Vec::new() }
        }

        /// Asks for a buffer; the left samples in it.
        fn request(&mut self) -> Vec<i16> {
            self.now += PERIOD;
            let mut buffer = [-1; BUFFER * CHANNELS];
            self.playout.fill(&mut buffer, self.now);
            self.out.extend_from_slice(&buffer);
            buffer.chunks(CHANNELS).map(|frame| frame[0]).collect()
        }

        fn push(&mut self, values: std::ops::Range<i16>) -> usize {
            let samples: Vec<i16> = values.flat_map(|value| [value, -value]).collect();
            self.feed.push(&samples)
        }

        fn played_after(&self, millis: u64) -> u64 {
            self.feed.played_at(self.now + Duration::from_millis(millis))
        }
    }

    #[test]
    fn samples_come_out_as_they_went_in_and_silence_after_them() {
        let mut device = Device::new(100);
        assert_eq!(device.push(1..16), 30);
        assert_eq!(device.request(), (1..11).collect::<Vec<_>>());
        assert_eq!(device.request(), [11, 12, 13, 14, 15, 0, 0, 0, 0, 0]);
        assert_eq!(device.request(), [0; BUFFER]);
        assert_eq!(device.out[..4], [1, -1, 2, -2], "left and right keep their places");
    }

    #[test]
    fn a_full_ring_takes_whole_frames_and_no_more() {
        let mut device = Device::new(4);
        assert_eq!(device.feed.push(&[1, 2, 3]), 2);
        assert_eq!(device.push(0..100), 6);
        assert_eq!(device.push(0..100), 0);
        assert_eq!(device.feed.queued(), 4);
    }

    #[test]
    fn the_clock_counts_a_buffer_while_the_next_is_being_made() {
        let mut device = Device::new(100);
        device.push(0..30);
        assert_eq!(device.played_after(1000), 0, "nothing was asked for yet");
        device.request();
        assert_eq!(device.played_after(9), 0, "the first buffer waits for its turn");
        device.request();
        assert_eq!([0, 3, 9, 10].map(|millis| device.played_after(millis)), [0, 3, 9, 10]);
        assert_eq!(device.played_after(500), 10, "it waits for a late request");
        device.request();
        assert_eq!([0, 1, 10].map(|millis| device.played_after(millis)), [10, 11, 20]);
    }

    #[test]
    fn the_clock_stands_still_in_silence_and_never_goes_back() {
        let mut device = Device::new(100);
        let mut last = 0;
        for pushed in [10, 4, 0, 0, 7, 10, 10, 0, 3] {
            device.push(0..pushed);
            device.request();
            for millis in [0, 5, 10, 15] {
                let played = device.played_after(millis);
                assert!(played >= last, "{played} after {last}");
                last = played;
            }
        }
        for _ in 0..3 {
            device.request();
        }
        assert_eq!(device.played_after(100), 44, "and in the end all were heard");
        assert_eq!(device.feed.queued(), 0);
    }

    #[test]
    fn an_underrun_counts_once_however_long_it_lasts() {
        let mut device = Device::new(100);
        device.request();
        device.request();
        assert_eq!(device.feed.underruns(), 0, "nothing has begun");
        device.push(0..25);
        for _ in 0..6 {
            device.request();
        }
        assert_eq!(device.feed.underruns(), 1);
        device.push(0..10);
        device.request();
        device.request();
        assert_eq!(device.feed.underruns(), 2);
    }

    #[test]
    fn a_flush_drops_what_waits_and_counts_from_zero() {
        let mut device = Device::new(50);
        device.push(0..50);
        device.request();
        device.request();
        device.push(0..20);
        device.feed.flush();
        assert_eq!(device.played_after(10), 0);
        assert_eq!(device.push(0..1), 0, "there is no room before the device has looked");
        assert_eq!(device.request(), [0; BUFFER]);
        assert_eq!(device.feed.underruns(), 0, "a flush is no underrun");
        device.push(100..120);
        assert_eq!(device.request(), (100..110).collect::<Vec<_>>());
        assert_eq!(device.played_after(5), 0);
        device.request();
        assert_eq!(device.played_after(5), 5);
    }

    #[test]
    fn a_flush_spares_what_is_pushed_after_it() {
        let mut device = Device::new(50);
        device.push(0..20);
        device.feed.flush();
        device.push(30..40);
        assert_eq!(device.request(), (30..40).collect::<Vec<_>>());
        device.request();
        assert_eq!(device.played_after(10), 10);
    }

    #[test]
    fn volume_is_squared_and_zero_is_silence() {
        assert_eq!([0, 1, 50, 100].map(gain), [0, 6, UNITY / 4, UNITY]);
        let mut samples = [1000, -1000, i16::MAX, i16::MIN];
        assert_eq!(amplify(&mut samples, gain(50), gain(50), 10), gain(50));
        assert_eq!(samples, [250, -250, 8191, -8192]);
        amplify(&mut samples, 0, 0, 10);
        assert_eq!(samples, [0; 4]);
        let mut samples = [i16::MAX, i16::MIN];
        amplify(&mut samples, UNITY, UNITY, 10);
        assert_eq!(samples, [i16::MAX, i16::MIN]);
    }

    #[test]
    fn volume_changes_without_a_click() {
        let mut samples = [10_000; 100 * CHANNELS];
        assert_eq!(amplify(&mut samples, UNITY, 0, 100), 0);
        let left: Vec<i32> = samples.chunks(CHANNELS).map(|frame| frame[0].into()).collect();
        assert!(left.windows(2).all(|pair| (0..=101).contains(&(pair[0] - pair[1]))), "{left:?}");
        assert_eq!(left[99], 0);
    }
}
