//! One programme on its way from the network to pictures and sound that are ready to be shown: the
//! core's player with decoders behind it. Runs on whatever thread calls it, never waits, and never
//! decides when something is shown.
//!
//! Pictures and sound from before the target are decoded and thrown away here, so that what waits in
//! [`Receiver::pictures`] and [`Receiver::sound`] starts at the target together.

use std::collections::VecDeque;
use std::time::Duration;

use testcard_core::mp4::{Avc, Codec, Orientation, Track};
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Next, Part, Player, SoundLine, Step};
use testcard_core::stream::{Condition, Limits, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Trace;
use testcard_session::Level;

use crate::picture::{
    AvcConfig, Colours, Fed, Matrix, OpenH264, Picture, PictureDecoder, PictureError,
};
use crate::sound::{Aac, CHANNELS, SoundDecoder, SoundError};
use crate::sound_file;

/// Decoded pictures that may wait to be shown: a tenth of a second and more, 3 MB at 640 × 480.
pub const PICTURES_MAX: usize = 6;

/// Decoded sound that may wait to be played.
pub const SOUND_MAX: Duration = Duration::from_millis(500);

/// Access units of each part decoded in one turn, so that a caller gets to look at the clock and to
/// feed the speaker: a large picture takes tens of milliseconds.
const UNITS_PER_TURN: usize = 2;

/// So much of a film without a single picture means that there will be none. Longer than the longest
/// usual distance between two places to start decoding at.
const NO_PICTURE_MAX: Duration = Duration::from_secs(12);

const DAMAGED: &str = "it is damaged";
const NO_PLACE_TO_START: &str = "it cannot be joined here, only at an earlier place in the film";

/// What happened in a turn, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Happening {
    /// The film is known: sound at this rate will come, or none.
    Located {
        /// Frames a second of the sound; absent when there is none.
        sound_rate: Option<u32>,
    },
    /// What was decoded so far is void. The film will be shown from this position on.
    Seeked(MediaTime),
    /// There is enough to start, or to go on.
    Ready,
    /// Playing has run dry.
    Starved,
    /// A part of the programme will not be played; a sentence.
    Notice(String),
    /// All that the film has is decoded.
    Ended,
    /// The programme cannot be played (any further).
    Failed(ProgrammeFailure),
}

/// One programme being received.
pub struct Receiver<N: Network> {
    net: N,
    player: Option<Player<N>>,
    picture_decoder: Option<Box<dyn PictureDecoder>>,
    sound_decoder: Option<Box<dyn SoundDecoder>>,
    /// Decoded pictures in presentation order, none before the target.
    pub pictures: VecDeque<Picture>,
    /// Decoded sound, left and right in turn, from the target on.
    pub sound: VecDeque<i16>,
    line: Option<SoundLine>,
    /// How the film wants to be turned.
    pub orientation: Orientation,
    ready: bool,
    started_once: bool,
    ended: bool,
    /// The picture decoder has given its last picture.
    drained: bool,
    /// Any picture has come out since the last seek, also one from before the target.
    has_pictures: bool,
    /// What to say if none ever does.
    why_no_picture: &'static str,
    /// Why there is nothing to see of the programme, once that is known.
    sound_only: Option<String>,
    /// The latest picture handed to its decoder.
    decoded_until: Option<MediaTime>,
    access_unit: Vec<u8>,
    fresh_pictures: Vec<Picture>,
    fresh_sound: Vec<i16>,
    /// Frames of silence due before `fresh_sound`.
    silence: u64,
}

impl<N: Network> Receiver<N> {
    /// A receiver that is tuned to nothing.
    pub fn new(net: N) -> Self {
        Self {
            net,
            player: None,
            picture_decoder: None,
            sound_decoder: None,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            sound: VecDeque::new(),
            line: None,
            orientation: Orientation::default(),
            ready: false,
            started_once: false,
            ended: false,
            drained: false,
            has_pictures: false,
            why_no_picture: DAMAGED,
            sound_only: None,
            decoded_until: None,
            access_unit: Vec::new(),
            fresh_pictures: Vec::new(),
            fresh_sound: Vec::new(),
            silence: 0,
        }
    }

    /// Leaves the programme, if any, and tunes to another, which lasts so long if that is known.
    pub fn tune(
        &mut self,
        source: Url,
        aim: Aim,
        limits: Limits,
        duration: Option<Duration>,
        now: Instant,
        trace: &mut dyn Trace,
    ) -> Result<(), ProgrammeFailure> {
        self.leave(now, trace);
        let player = Player::new(source, aim, limits, now, trace)?;
        self.player = Some(player.reading(testcard_streaming::reader, duration));
        Ok(())
    }

    /// Leaves the programme, if any.
    pub fn leave(&mut self, now: Instant, trace: &mut dyn Trace) {
        if let Some(player) = self.player.take() {
            player.close(&mut self.net, now, trace);
        }
        (self.picture_decoder, self.sound_decoder) = (None, None);
        (self.started_once, self.sound_only) = (false, None);
        self.empty(None);
    }

    /// The player, while tuned to a programme.
    pub fn player(&self) -> Option<&Player<N>> {
        self.player.as_ref()
    }

    /// How things stand while tuned to a programme, for whoever draws it; `is_playing`: whether
    /// pictures and sound move.
    pub fn level(&self, position: MediaTime, is_playing: bool) -> Option<Level> {
        let stream = self.player.as_ref()?.stream();
        Some(Level {
            window_bytes: stream.window().len() as u64,
            position,
            playing: is_playing,
            throttled: stream.condition() == Condition::Throttled,
        })
    }

    /// Plays the programme without its sound, for a reason as in [`Player::refuse`].
    pub fn refuse_sound(&mut self, why: &str) {
        self.sound_decoder = None;
        self.sound.clear();
        self.line = None;
        if let Some(player) = &mut self.player {
            player.refuse(Part::Sound, why);
        }
    }

    /// Whether playing may start (or go on): there is enough, and the first picture is decoded.
    pub fn may_start(&self) -> bool {
        let Some(player) = &self.player else { return false };
        // A film whose first pictures cannot be decoded starts with its sound alone, and one whose
        // pictures are over goes on with it.
        let no_picture_comes = self.picture_decoder.is_none()
            || self.drained
            || (!self.sound.is_empty()
                && self
                    .decoded_until
                    .is_some_and(|until| until > player.target() + Duration::from_secs(1)));
        let sound = self.sound_decoder.is_none() || !self.sound.is_empty() || self.has_all_sound();
        self.ready && sound && (!self.pictures.is_empty() || no_picture_comes)
    }

    /// Why the programme is heard and not seen, as a sentence; `None` where it is seen, or not known
    /// yet.
    pub fn sound_only(&self) -> Option<&str> {
        self.sound_only.as_deref()
    }

    /// Whether everything was decoded, shown and played.
    pub fn is_over(&self) -> bool {
        self.ended && self.pictures.is_empty() && self.sound.is_empty() && self.silence == 0
    }

    /// Whether no more sound will come than what is queued.
    pub fn has_all_sound(&self) -> bool {
        let to_come = self.player.as_ref().is_some_and(|player| !player.is_through(Part::Sound));
        !to_come && self.silence == 0
    }

    /// Whether there has been enough to play since the programme was tuned to.
    pub fn has_started_once(&self) -> bool {
        self.started_once
    }

    /// Where the film's timeline is when `frames` of sound have been played since the target.
    pub fn heard(&self, frames: u64) -> Option<MediaTime> {
        self.line.map(|line| line.position(frames))
    }

    /// Does what can be done now, and says when to call again; earlier when the network has news or
    /// something was taken from the queues.
    pub fn turn(
        &mut self,
        now: Instant,
        playhead: MediaTime,
        happenings: &mut Vec<Happening>,
        trace: &mut dyn Trace,
    ) -> Instant {
        let wake = loop {
            let Some(player) = &mut self.player else { return Instant::FAR_FUTURE };
            let step = player.poll(&mut self.net, now, playhead, trace);
            happenings.push(match step {
                Step::Wait(wake) => break wake,
                Step::Located => self.set_up(),
                Step::Seeked => {
                    let target = player.target();
                    self.empty(Some(target));
                    Happening::Seeked(target)
                }
                Step::Ready => {
                    (self.ready, self.started_once) = (true, true);
                    Happening::Ready
                }
                Step::Starved => {
                    self.ready = false;
                    Happening::Starved
                }
                Step::Notice(notice) => {
                    // What is said of the picture says more than that there is none.
                    if self.picture_decoder.is_none() && self.sound_decoder.is_some() {
                        self.sound_only = Some(notice.clone());
                    }
                    Happening::Notice(notice)
                }
                Step::Ended => {
                    self.ended = true;
                    self.drain_pictures();
                    Happening::Ended
                }
                Step::Failed(failure) => Happening::Failed(failure),
            });
        };
        match self.decode() {
            true => now,
            false => wake,
        }
    }

    /// Creates decoders for what the film has; refuses what they cannot decode.
    fn set_up(&mut self) -> Happening {
        (self.picture_decoder, self.sound_decoder) = (None, None);
        self.orientation = Orientation::default();
        self.sound_only = None;
        let Some(player) = &mut self.player else { return Happening::Ended };
        let has_picture =
            player.track(Part::Picture).is_some() || player.coding(Part::Picture).is_some();
        if let Some(track) = player.track(Part::Picture) {
            self.orientation = track.picture().map_or(Orientation::default(), |p| p.orientation);
            match picture_decoder(&track) {
                Ok(decoder) => self.picture_decoder = Some(decoder),
                Err(why) => player.refuse(Part::Picture, &why),
            }
        }
        if let Some(track) = player.track(Part::Sound) {
            match sound_decoder(&track) {
                Ok(decoder) => self.sound_decoder = Some(decoder),
                Err(why) => player.refuse(Part::Sound, &why),
            }
        }
        if let Some(coding) = player.coding(Part::Picture) {
            match picture_decoder_of(&coding.config) {
                Ok(decoder) => self.picture_decoder = Some(decoder),
                Err(why) => player.refuse(Part::Picture, &why),
            }
        }
        if let Some(coding) = player.coding(Part::Sound) {
            match sound_file::decoder(coding) {
                Ok(decoder) => self.sound_decoder = Some(decoder),
                Err(why) => player.refuse(Part::Sound, &why.to_string()),
            }
        }
        if self.picture_decoder.is_none() && self.sound_decoder.is_some() {
            self.sound_only = Some(match has_picture {
                false => "This programme is heard and not seen.".to_string(),
                true => "This programme's picture cannot be shown; it is heard and not seen."
                    .to_string(),
            });
        }
        let sound_rate = self.sound_decoder.as_ref().map(|decoder| decoder.sample_rate());
        Happening::Located { sound_rate }
    }

    /// Forgets what was decoded; what comes next starts at `target`.
    fn empty(&mut self, target: Option<MediaTime>) {
        self.pictures.clear();
        self.sound.clear();
        self.fresh_sound.clear();
        self.silence = 0;
        (self.ready, self.ended, self.decoded_until) = (false, false, None);
        (self.drained, self.has_pictures, self.why_no_picture) = (false, false, DAMAGED);
        if let Some(decoder) = &mut self.picture_decoder
            && decoder.reset().is_err()
        {
            self.picture_decoder = None;
        }
        if let Some(decoder) = &mut self.sound_decoder {
            decoder.reset();
        }
        let rate = self.sound_decoder.as_ref().map(|decoder| decoder.sample_rate());
        self.line = target.zip(rate).map(|(target, rate)| SoundLine::new(target, rate));
    }

    /// Decodes while there is room; whether anything was: then the player has more to say.
    fn decode(&mut self) -> bool {
        let mut any = false;
        for _ in 0..UNITS_PER_TURN {
            // Sound first: its absence is noticed sooner.
            let sound = self.sound_room() > 0 && (self.be_silent() || self.decode_sound());
            let picture = self.pictures.len() < PICTURES_MAX && self.decode_picture();
            if !picture && !sound {
                break;
            }
            any = true;
        }
        any
    }

    /// Frames of sound that may still be queued.
    fn sound_room(&self) -> usize {
        let rate = self.sound_decoder.as_ref().map_or(0, |decoder| decoder.sample_rate() as usize);
        let frames_max = rate * SOUND_MAX.as_millis() as usize / 1000;
        frames_max.saturating_sub(self.sound.len() / CHANNELS)
    }

    /// Queues silence that is due, and then the sound behind it; whether any was due.
    fn be_silent(&mut self) -> bool {
        if self.silence == 0 {
            return false;
        }
        let frames = self.sound_room().min(usize::try_from(self.silence).unwrap_or(usize::MAX));
        self.sound.extend(std::iter::repeat_n(0, frames * CHANNELS));
        self.silence -= frames as u64;
        if self.silence == 0 {
            self.sound.extend(self.fresh_sound.drain(..));
        }
        true
    }

    fn decode_picture(&mut self) -> bool {
        let (Some(player), Some(decoder)) = (&mut self.player, &mut self.picture_decoder) else {
            return false;
        };
        let sample = match player.next_sample(Part::Picture, &mut self.access_unit) {
            Next::Sample(sample) => sample,
            Next::NotYet => return false,
            Next::End => return self.drain_pictures(),
        };
        self.decoded_until = Some(sample.time);
        match decoder.decode(&self.access_unit, sample.time, &mut self.fresh_pictures) {
            Ok(Fed::Decoded) => {}
            Ok(Fed::BeforeIdr) => self.why_no_picture = NO_PLACE_TO_START,
            Err(PictureError::Broken) => self.why_no_picture = DAMAGED,
            Err(error) => {
                self.refuse_picture(&error.to_string());
                return true;
            }
        }
        self.keep_pictures();
        let waited = sample.time.micros_since(self.seeked_to());
        if !self.has_pictures && waited > NO_PICTURE_MAX.as_micros() as i64 {
            self.refuse_picture(self.why_no_picture);
        }
        true
    }

    /// Takes the last pictures out of the decoder when the track is over; whether that was news.
    fn drain_pictures(&mut self) -> bool {
        let Some(decoder) = self.picture_decoder.as_mut().filter(|_| !self.drained) else {
            return false;
        };
        self.drained = true;
        decoder.drain(&mut self.fresh_pictures);
        self.keep_pictures();
        if !self.has_pictures && self.decoded_until.is_some_and(|until| until >= self.seeked_to()) {
            self.refuse_picture(self.why_no_picture);
        }
        true
    }

    fn refuse_picture(&mut self, why: &str) {
        self.picture_decoder = None;
        if let Some(player) = &mut self.player {
            player.refuse(Part::Picture, why);
        }
    }

    fn seeked_to(&self) -> MediaTime {
        self.player.as_ref().map_or(MediaTime::ZERO, Player::target)
    }

    /// Queues the fresh pictures that are not from before the target.
    fn keep_pictures(&mut self) {
        self.has_pictures |= !self.fresh_pictures.is_empty();
        let target = self.seeked_to();
        self.pictures.extend(self.fresh_pictures.drain(..).filter(|p| p.pts >= target));
    }

    fn decode_sound(&mut self) -> bool {
        let (Some(player), Some(decoder), Some(line)) =
            (&mut self.player, &mut self.sound_decoder, &mut self.line)
        else {
            return false;
        };
        let sample = match player.next_sample(Part::Sound, &mut self.access_unit) {
            Next::Sample(sample) => sample,
            Next::NotYet | Next::End => return false,
        };
        self.fresh_sound.clear();
        match decoder.decode(&self.access_unit, &mut self.fresh_sound) {
            Ok(()) | Err(SoundError::Broken) => {}
            Err(error) => {
                player.refuse(Part::Sound, &error.to_string());
                self.sound_decoder = None;
                return true;
            }
        }
        let frames = (self.fresh_sound.len() / CHANNELS) as u64;
        let placement = line.place(sample.time, frames);
        let skip = usize::try_from(placement.skip).unwrap_or(usize::MAX).saturating_mul(CHANNELS);
        self.fresh_sound.drain(..skip.min(self.fresh_sound.len()));
        self.silence = placement.silence;
        if self.silence == 0 {
            self.sound.extend(self.fresh_sound.drain(..));
        }
        true
    }
}

fn picture_decoder(track: &Track<'_>) -> Result<Box<dyn PictureDecoder>, String> {
    let Codec::Avc(avc) = track.codec() else { return Err("it is not H.264".to_string()) };
    let picture = track.picture();
    let colours = picture.and_then(|picture| {
        let colour = picture.colour?;
        let code = u8::try_from(colour.matrix).ok();
        let matrix = Matrix::from_code(code, picture.width.into(), picture.height.into());
        Some(Colours { matrix, full_range: colour.full_range })
    });
    let (sps, pps): (Vec<_>, Vec<_>) = (avc.sps().collect(), avc.pps().collect());
    let config = AvcConfig {
        nal_length_bytes: avc.nal_length_size.into(),
        sps: &sps,
        pps: &pps,
        colours,
        // Square is also what a container says that does not say anything.
        sample_aspect: picture.map(|p| p.pixel_aspect_ratio).filter(|(h, v)| h != v),
    };
    match OpenH264::new(&config) {
        Ok(decoder) => Ok(Box::new(decoder)),
        Err(error) => Err(error.to_string()),
    }
}

/// The decoder for pictures of which only their own configuration is known.
fn picture_decoder_of(record: &[u8]) -> Result<Box<dyn PictureDecoder>, String> {
    let avc = Avc::parse(record, false).ok_or("it does not say how it is coded")?;
    let (sps, pps): (Vec<_>, Vec<_>) = (avc.sps().collect(), avc.pps().collect());
    let config = AvcConfig {
        nal_length_bytes: avc.nal_length_size.into(),
        sps: &sps,
        pps: &pps,
        colours: None,
        sample_aspect: None,
    };
    match OpenH264::new(&config) {
        Ok(decoder) => Ok(Box::new(decoder)),
        Err(error) => Err(error.to_string()),
    }
}

fn sound_decoder(track: &Track<'_>) -> Result<Box<dyn SoundDecoder>, String> {
    let Codec::Aac(aac) = track.codec() else { return Err("it is not AAC".to_string()) };
    match Aac::new(aac.config) {
        Ok(decoder) => Ok(Box::new(decoder)),
        Err(error) => Err(error.to_string()),
    }
}
