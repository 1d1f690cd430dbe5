//! One programme on its way from the network to pictures and sound: the core's player, with the
//! console's decoders behind it. Runs on the tuner's thread, never waits, and never decides when
//! something is shown.
//!
//! Sound goes to its own thread as it is in the file, and is decoded, cut and counted there. Pictures
//! are decoded here; those from before the target are thrown away.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::mp4::Codec;
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Next, Part, Player, Step};
use testcard_core::stream::{Limits, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Trace;

use crate::picture::{self, Damaged, Decoder, Memory, Picture};
use crate::sound::Sound;

/// Pieces of sound and of picture handed on in one turn, so that the network is looked at in
/// between.
const SOUNDS_PER_TURN: usize = 16;
const PICTURES_PER_TURN: usize = 2;

/// The longest sample that is handed to a decoder: the longest access unit that the picture's takes,
/// and the sound's are shorter. A file may have longer ones, up to the whole window; those are broken
/// to the decoder, since it gets none of their bytes.
pub const SAMPLE_BYTES_MAX: u32 = picture::ACCESS_UNIT_BYTES as u32;

/// More decoded pictures than there ever are at a time.
pub const PICTURES_MAX: usize = 4;

/// So much of a film without a single picture means that there will be none. Longer than the longest
/// usual distance between two places to start decoding at.
const NO_PICTURE_MAX: Duration = Duration::from_secs(12);

const DAMAGED: &str = "it is damaged";

/// What happened in a turn, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Happening {
    /// The film is known.
    Located,
    /// What was decoded so far is void. The film will be shown from this position on.
    Seeked(MediaTime),
    /// There is enough to start, or to go on.
    Ready,
    /// Playing has run dry.
    Starved,
    /// A part of the programme will not be played; a sentence.
    Notice(String),
    /// All that the film has is handed out.
    Ended,
    /// The programme cannot be played (any further).
    Failed(ProgrammeFailure),
}

/// One programme being received.
pub struct Receiver<N: Network> {
    net: N,
    player: Option<Player<N>>,
    /// The loudspeaker, whatever is on.
    sound: Arc<Sound>,
    /// Whether the programme has sound that goes there.
    has_sound: bool,
    /// Where the sound handed on so far ends.
    sound_until: Option<MediaTime>,
    /// The speaker knows that no more comes.
    sound_is_ended: bool,
    /// What pictures are decoded with and into.
    memory: Arc<Memory>,
    decoder: Option<Decoder>,
    /// Decoded pictures in presentation order, none before the target.
    pub pictures: VecDeque<Picture>,
    ready: bool,
    ended: bool,
    /// The picture decoder has given its last picture.
    drained: bool,
    /// Any picture has come out since the last seek, also one from before the target.
    has_pictures: bool,
    /// The latest picture handed to its decoder.
    decoded_until: Option<MediaTime>,
    /// A sample's bytes, of either part. Never grows: longer samples stay where they are.
    sample: Vec<u8>,
}

impl<N: Network> Receiver<N> {
    /// A receiver that is tuned to nothing, plays to this speaker and decodes pictures there.
    pub fn new(net: N, sound: Arc<Sound>, memory: Arc<Memory>) -> Self {
        Self {
            net,
            player: None,
            sound,
            has_sound: false,
            sound_until: None,
            sound_is_ended: false,
            memory,
            decoder: None,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            ready: false,
            ended: false,
            drained: false,
            has_pictures: false,
            decoded_until: None,
            sample: Vec::with_capacity(SAMPLE_BYTES_MAX as usize),
        }
    }

    /// The way to the network.
    pub fn network(&mut self) -> &mut N {
        &mut self.net
    }

    /// The loudspeaker.
    pub fn sound(&self) -> &Sound {
        &self.sound
    }

    /// Leaves the programme, if any, and tunes to another.
    pub fn tune(
        &mut self,
        source: Url,
        aim: Aim,
        limits: Limits,
        now: Instant,
        trace: &mut dyn Trace,
    ) -> Result<(), ProgrammeFailure> {
        self.leave(now, trace);
        self.player = Some(Player::new(source, aim, limits, now, trace)?);
        Ok(())
    }

    /// Leaves the programme, if any.
    pub fn leave(&mut self, now: Instant, trace: &mut dyn Trace) {
        if let Some(player) = self.player.take() {
            player.close(&mut self.net, now, trace);
        }
        self.empty(MediaTime::ZERO);
        self.sound.close();
        (self.decoder, self.has_sound) = (None, false);
    }

    /// The player, while tuned to a programme.
    pub fn player(&self) -> Option<&Player<N>> {
        self.player.as_ref()
    }

    /// Whether the programme is heard.
    pub fn has_sound(&self) -> bool {
        self.has_sound
    }

    /// Whether playing may start (or go on): there is enough, and the first picture is decoded, here
    /// or already taken from here (`has_pictures`).
    pub fn may_start(&self, has_pictures: bool) -> bool {
        let Some(player) = &self.player else { return false };
        let target = player.target();
        // A film whose first pictures cannot be decoded starts with its sound alone, and one whose
        // pictures are over goes on with it.
        let no_picture_comes = self.decoder.is_none()
            || self.drained
            || (self.sound_is_primed(target)
                && self.decoded_until.is_some_and(|until| until > target + Duration::from_secs(1)));
        let sound = !self.has_sound || self.sound_is_primed(target) || self.has_all_sound();
        let picture = has_pictures || !self.pictures.is_empty();
        self.ready && sound && (picture || no_picture_comes)
    }

    /// Whether sound from behind the target has been handed on.
    fn sound_is_primed(&self, target: MediaTime) -> bool {
        self.has_sound && self.sound_until.is_some_and(|until| until > target)
    }

    /// Whether everything was decoded, shown and played.
    pub fn is_over(&self) -> bool {
        self.ended && self.pictures.is_empty() && (!self.has_sound || self.sound.is_drained())
    }

    /// Whether no more sound will come than what was handed on.
    fn has_all_sound(&self) -> bool {
        self.player.as_ref().is_none_or(|player| player.is_through(Part::Sound))
    }

    /// Does what can be done now, and says when to call again; earlier when the network has news or
    /// something was taken from the queues.
    pub fn turn(
        &mut self,
        now: Instant,
        playhead: MediaTime,
        trace: &mut dyn Trace,
        mut happened: impl FnMut(&mut Self, Happening),
    ) -> Instant {
        let wake = loop {
            let Some(player) = &mut self.player else { return Instant::FAR_FUTURE };
            let step = player.poll(&mut self.net, now, playhead, trace);
            let happening = match step {
                Step::Wait(wake) => break wake,
                Step::Located => self.set_up(),
                Step::Seeked => {
                    let target = player.target();
                    self.empty(target);
                    Happening::Seeked(target)
                }
                Step::Ready => {
                    self.ready = true;
                    Happening::Ready
                }
                Step::Starved => {
                    self.ready = false;
                    Happening::Starved
                }
                Step::Notice(notice) => Happening::Notice(notice),
                Step::Ended => {
                    self.ended = true;
                    self.drain_pictures();
                    Happening::Ended
                }
                Step::Failed(failure) => Happening::Failed(failure),
            };
            happened(self, happening);
        };
        match self.hand_on() {
            true => now,
            false => wake,
        }
    }

    /// Prepares decoders for what the film has; refuses what they cannot decode.
    fn set_up(&mut self) -> Happening {
        (self.decoder, self.has_sound) = (None, false);
        let Some(player) = &mut self.player else { return Happening::Ended };
        if let Some(track) = player.track(Part::Picture) {
            let opened = match track.codec() {
                Codec::Avc(avc) => Decoder::open(&self.memory, &avc).map_err(|why| why.to_string()),
                _ => Err("it is not H.264".to_string()),
            };
            match opened {
                Ok(decoder) => self.decoder = Some(decoder),
                Err(why) => player.refuse(Part::Picture, &why),
            }
        }
        if let Some(track) = player.track(Part::Sound) {
            let opened = match track.codec() {
                Codec::Aac(aac) => self.sound.open(&aac).map_err(|why| why.to_string()),
                _ => Err("it is not AAC".to_string()),
            };
            match opened {
                Ok(()) => self.has_sound = true,
                Err(why) => player.refuse(Part::Sound, &why),
            }
        }
        Happening::Located
    }

    /// Forgets what was decoded; what comes next starts at `target`.
    fn empty(&mut self, target: MediaTime) {
        self.pictures.clear();
        self.sound.flush(target);
        (self.sound_until, self.sound_is_ended) = (None, false);
        (self.ready, self.ended, self.decoded_until) = (false, false, None);
        (self.drained, self.has_pictures) = (false, false);
        if let Some(decoder) = &mut self.decoder {
            decoder.flush();
        }
    }

    /// Hands samples on while there is room; whether there were any: then the player has more to
    /// say.
    fn hand_on(&mut self) -> bool {
        let mut any = false;
        // Sound first: its absence is noticed sooner.
        for _ in 0..SOUNDS_PER_TURN {
            if !self.hand_on_sound() {
                break;
            }
            any = true;
        }
        for _ in 0..PICTURES_PER_TURN {
            if !self.decode_picture() {
                break;
            }
            any = true;
        }
        any
    }

    fn hand_on_sound(&mut self) -> bool {
        if !self.has_sound {
            return false;
        }
        let Some(player) = &mut self.player else { return false };
        if let Some(failure) = self.sound.failure() {
            self.has_sound = false;
            player.refuse(Part::Sound, &failure.to_string());
            return true;
        }
        if !self.sound.has_room() {
            return false;
        }
        match player.next_sample_within(SAMPLE_BYTES_MAX, Part::Sound, &mut self.sample) {
            Next::Sample(sample) => {
                self.sound_until = Some(sample.time);
                self.sound.push(&self.sample, &sample);
                true
            }
            Next::NotYet => false,
            Next::End => {
                if !core::mem::replace(&mut self.sound_is_ended, true) {
                    self.sound.end();
                }
                false
            }
        }
    }

    fn decode_picture(&mut self) -> bool {
        let (Some(player), Some(decoder)) = (&mut self.player, &mut self.decoder) else {
            return false;
        };
        if !decoder.has_room() {
            return false;
        }
        let next = player.next_sample_within(SAMPLE_BYTES_MAX, Part::Picture, &mut self.sample);
        let sample = match next {
            Next::Sample(sample) => sample,
            Next::NotYet => return false,
            Next::End => return self.drain_pictures(),
        };
        let target = player.target();
        self.decoded_until = Some(sample.time);
        match decoder.decode(&self.sample, sample.time, sample.sync) {
            Ok(Some(picture)) => {
                self.has_pictures = true;
                if picture.pts() >= target {
                    self.pictures.push_back(picture);
                }
            }
            Err(why @ Damaged::GivenUp) => {
                self.refuse_picture(&why.to_string());
                return true;
            }
            // What is damaged leaves a gap, and the next whole picture fills it.
            Ok(None) | Err(_) => {}
        }
        let waited = sample.time.micros_since(target);
        if !self.has_pictures && waited > NO_PICTURE_MAX.as_micros() as i64 {
            self.refuse_picture(DAMAGED);
        }
        true
    }

    /// Takes the last pictures out of the decoder when the track is over; whether that was news.
    fn drain_pictures(&mut self) -> bool {
        let target = self.player.as_ref().map_or(MediaTime::ZERO, Player::target);
        let Some(decoder) = self.decoder.as_mut().filter(|_| !self.drained) else {
            return false;
        };
        while let Some(picture) = decoder.drain() {
            self.has_pictures = true;
            if picture.pts() >= target {
                self.pictures.push_back(picture);
            }
        }
        self.drained = true;
        if !self.has_pictures && self.decoded_until.is_some_and(|until| until >= target) {
            self.refuse_picture(DAMAGED);
        }
        true
    }

    fn refuse_picture(&mut self, why: &str) {
        self.decoder = None;
        if let Some(player) = &mut self.player {
            player.refuse(Part::Picture, why);
        }
    }
}
