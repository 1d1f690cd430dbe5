//! One programme being watched: samples out in decode order with their presentation times, from the
//! sync sample that the wanted position needs. Says when there is enough to start, when playing has
//! run dry, and when it may go on. Never decodes, and never tells the time: a driver does both.
//!
//! A driver calls, in a loop: [`Player::poll`] until it says to wait, doing what each [`Step`]
//! says; then [`Player::next_sample`] for each track whose decoder has room. Pictures and sound from
//! before [`Player::target`] are decoded and thrown away.

mod aim;
mod lane;
mod pace;
mod reading;
mod sound_line;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

pub use aim::{Aim, LEAD_MAX};
pub use pace::{Playhead, Verdict, judge};
pub use reading::{Bytes, Coding, Find, Format, Packet, Read, Reader, Readers};
pub use sound_line::{Placement, SoundLine};

use crate::canary::{Canary, planted};
use crate::mp4::{Declined, Movie, MovieLayout, Mp4Error, Sample, SampleRange, Track};
use crate::net::{Network, Url};
use crate::stream::{Condition, Container, Context, Limits, ProgrammeFailure, Progress, Stream};
use crate::time::{Instant, MediaTime};
use crate::trace::{Event, Trace};
use lane::Lane;
use reading::Reading;

/// Picture and sound that must be here before playing starts.
pub const PREBUFFER: Duration = Duration::from_millis(500);

/// Enough to start with in any case: half a second of the richest films that a device of ours can
/// decode in real time.
pub const PREBUFFER_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Each time that playing runs dry it waits for twice as much as the time before, up to this: on a
/// link slower than the film a few long pauses are easier to watch than a stutter.
pub const REBUFFER_MAX: Duration = Duration::from_secs(8);

/// How far behind the schedule a set may fall before it skips to what is on now.
pub const BEHIND_MAX: Duration = Duration::from_secs(10);

/// Playing has run dry when the next missing sample is due within this time: two pieces of AAC.
const DRY_MARGIN: Duration = Duration::from_millis(50);

/// What decoding up to the first picture is allowed for when tuning ahead of a schedule.
const DECODE_LEAD: Duration = Duration::from_millis(250);

/// How many leads a live viewer tries in search of the shortest that is long enough: three to find
/// one that is, the others to come within a tenth of a second of the shortest.
const LEAD_ROUNDS_MAX: u32 = 8;

/// Sound is decoded from this long before it is heard: AAC needs the frame before the first (an MDCT
/// overlap, ISO/IEC 14496-3 §4.6.11), and at 8 kHz a frame is 128 ms.
const SOUND_RUN_IN: Duration = Duration::from_millis(130);

/// How far the schedule may have moved on during a search for what was on at its beginning and still
/// be caught up with by reading on. Beyond that the search begins again.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// The most searches for one moment of a schedule.
const SEARCHES_MAX: u32 = 3;

/// What is read by a [`Reader`] has its times in microseconds.
const MICROSECONDS: u32 = 1_000_000;

/// How often a file may send us backwards. An ordinary one never does.
const JUMPS_BACK_MAX: u32 = 32;

/// Picture or sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The video track.
    Picture,
    /// The audio track.
    Sound,
}

/// What a driver is to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Call again at this time, or when the network has news, or when a decoder has room.
    Wait(Instant),
    /// The movie is known: set up decoders, and [`Player::refuse`] what cannot be decoded.
    Located,
    /// Samples come from another place now: empty decoders and queues. The first picture and sound
    /// to be shown are at [`Player::target`].
    Seeked,
    /// There is enough to start, or to go on after [`Step::Starved`].
    Ready,
    /// Playing has run dry: stop the clock.
    Starved,
    /// A part of the programme will not be played; a sentence that says so.
    Notice(String),
    /// Every sample has been handed out. Nothing follows.
    Ended,
    /// The programme cannot be played (any further). Nothing follows.
    Failed(ProgrammeFailure),
}

/// What [`Player::next_sample`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// The next sample; its bytes are in the buffer.
    Sample(Sample),
    /// It has not arrived.
    NotYet,
    /// The track has no more, or is not played.
    End,
}

/// One programme being watched.
pub struct Player<N: Network> {
    stream: Stream<N>,
    aim: Aim,
    /// Who reads what is no film of ours, and how long the programme is said to be.
    readers: Option<Readers>,
    duration: Option<Duration>,
    reading: Option<Reading>,
    index: Option<Index>,
    picture: Option<Lane>,
    sound: Option<Lane>,
    phase: Phase,
    target: MediaTime,
    prebuffer: Duration,
    jumps_back: u32,
    /// Said one by one by the next polls.
    notices: Vec<String>,
    /// What to say if neither part can be played.
    nothing_because: Option<String>,
}

struct Index {
    moov: Vec<u8>,
    layout: MovieLayout,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The index is on its way.
    Locating,
    /// A reader looks for the target, for the so manieth time.
    Finding(u32),
    /// The movie is known, the driver may refuse parts of it.
    Located,
    /// Filling up to play from here; how much is missing.
    Filling {
        from: MediaTime,
    },
    Playing,
    Ended,
    Failed,
}

impl<N: Network> Player<N> {
    /// Tunes to the film at `source`.
    pub fn new(
        source: Url,
        aim: Aim,
        limits: Limits,
        now: Instant,
        trace: &mut dyn Trace,
    ) -> Result<Self, ProgrammeFailure> {
        let target = aim.target(now, Duration::ZERO);
        trace.record(now, Event::Tuned { url: source.to_string(), target });
        let stream = Stream::new(source, limits).inspect_err(|why| failed(why, now, trace))?;
        Ok(Self {
            stream,
            aim,
            readers: None,
            duration: None,
            reading: None,
            index: None,
            picture: None,
            sound: None,
            phase: Phase::Locating,
            target,
            prebuffer: PREBUFFER,
            jumps_back: 0,
            notices: Vec::new(),
            nothing_because: None,
        })
    }

    /// The same, with somebody who reads other files than films of [`crate::mp4`], and what is known of
    /// the programme's duration.
    pub fn reading(self, readers: Readers, duration: Option<Duration>) -> Self {
        Self { readers: Some(readers), duration, ..self }
    }

    // Getters.

    /// What the file is, if it is no film of [`crate::mp4`], once [`Step::Located`] was returned.
    pub fn container(&self) -> Option<Container> {
        self.reading.as_ref().map(|reading| reading.container)
    }

    /// How the track that is being played as this part is coded, if a [`Reader`] reads it.
    pub fn coding(&self, part: Part) -> Option<&Coding> {
        self.reading.as_ref().filter(|reading| reading.has(part))?.reader.coding(part)
    }

    /// How long the programme plays, if its file says so, or whoever tuned to it.
    pub fn duration(&self) -> Option<MediaTime> {
        match &self.reading {
            Some(reading) => Some(MediaTime::ZERO + reading.reader.duration().or(self.duration)?),
            None => self.movie().map(|movie| movie.duration()),
        }
    }

    /// Ticks a second in which the durations of this part's samples are; 1 when it is not played.
    pub fn timescale(&self, part: Part) -> u32 {
        match &self.reading {
            Some(_) => MICROSECONDS,
            None => self.track(part).map_or(1, |track| track.timescale().max(1)),
        }
    }

    /// The movie, once [`Step::Located`] was returned.
    pub fn movie(&self) -> Option<Movie<'_>> {
        self.index.as_ref().and_then(Index::movie)
    }

    /// The track that is being played as this part, if any.
    pub fn track(&self, part: Part) -> Option<Track<'_>> {
        self.lane(part)?;
        self.index.as_ref()?.track(part)
    }

    /// The first position to be shown after [`Step::Seeked`].
    pub fn target(&self) -> MediaTime {
        self.target
    }

    /// When the position is due by the schedule; `now` or earlier: at once.
    pub fn due(&self, position: MediaTime, now: Instant) -> Instant {
        self.aim.due(position, now)
    }

    /// Whether playing waits for the network.
    pub fn is_filling(&self) -> bool {
        !matches!(self.phase, Phase::Playing | Phase::Ended | Phase::Failed)
    }

    /// Whether every sample of this part has been handed out, or it is not played.
    pub fn is_through(&self, part: Part) -> bool {
        match &self.reading {
            Some(reading) => reading.is_through(part),
            None => self.lane(part).is_none_or(|lane| lane.next().is_none()),
        }
    }

    /// The bytes beneath.
    pub fn stream(&self) -> &Stream<N> {
        &self.stream
    }

    // Commands.

    /// This part cannot be decoded, for a reason that completes the sentence “The picture cannot be
    /// shown: …”. The other part plays on.
    pub fn refuse(&mut self, part: Part, why: &str) {
        let was_played = match &mut self.reading {
            Some(reading) => reading.refuse(part),
            None => self.lane_mut(part).take().is_some(),
        };
        if was_played {
            self.notices.push(refusal(part, why));
            self.nothing_because = Some(why.to_string());
        }
    }

    /// Hands out the next sample of a part; its bytes replace what was in `buf`.
    pub fn next_sample(&mut self, part: Part, buf: &mut Vec<u8>) -> Next {
        self.next_sample_within(u32::MAX, part, buf)
    }

    /// Like [`Player::next_sample`], for those who have no room for more than so many bytes: of a
    /// longer sample they get none, and `buf` is left empty.
    pub fn next_sample_within(&mut self, bytes_max: u32, part: Part, buf: &mut Vec<u8>) -> Next {
        buf.clear();
        if let Some(reading) = &mut self.reading {
            if !matches!(self.phase, Phase::Filling { .. } | Phase::Playing) {
                return Next::NotYet;
            }
            reading.read_on(&mut self.stream);
            return match reading.take(part) {
                Some((index, packet)) => {
                    let sample = sample_of(index, &packet);
                    if sample.range.size <= bytes_max {
                        *buf = packet.bytes;
                    }
                    Next::Sample(sample)
                }
                None if reading.is_through(part) => Next::End,
                None => Next::NotYet,
            };
        }
        let Some(index) = &self.index else { return Next::NotYet };
        let lane = match part {
            Part::Picture => &mut self.picture,
            Part::Sound => &mut self.sound,
        };
        let (Some(lane), Some(track)) = (lane, index.track(part)) else { return Next::End };
        let Some(sample) = lane.next() else { return Next::End };
        let is_here = match sample.range.size <= bytes_max {
            true => self.stream.copy(sample.range, buf),
            false => self.stream.window().contains(sample.range),
        };
        if !is_here {
            return Next::NotYet;
        }
        if !(planted(Canary::SampleTwice)
            && matches!(self.phase, Phase::Filling { from } if from > self.target))
        {
            lane.advance(&track);
        }
        self.release();
        Next::Sample(sample)
    }

    /// Makes room for what is still needed.
    fn release(&mut self) {
        if let Some(offset) = self.lowest_offset() {
            self.stream.release_before(offset);
        }
    }

    /// Does what can be done now. `playhead` is where playing is; it matters only between
    /// [`Step::Ready`] and [`Step::Starved`].
    pub fn poll(
        &mut self,
        net: &mut N,
        now: Instant,
        playhead: MediaTime,
        trace: &mut dyn Trace,
    ) -> Step {
        let mut cx = Context { net, now, trace };
        match self.step(&mut cx, playhead) {
            Ok(step) => step,
            Err(why) => {
                self.stream.close(&mut cx);
                self.phase = Phase::Failed;
                failed(&why, now, cx.trace);
                Step::Failed(why)
            }
        }
    }

    /// Ends all that is under way.
    pub fn close(mut self, net: &mut N, now: Instant, trace: &mut dyn Trace) {
        self.stream.close(&mut Context { net, now, trace });
    }

    fn step(
        &mut self,
        cx: &mut Context<'_, N>,
        playhead: MediaTime,
    ) -> Result<Step, ProgrammeFailure> {
        if matches!(self.phase, Phase::Ended | Phase::Failed) {
            return Ok(Step::Wait(Instant::FAR_FUTURE));
        }
        if let Some(notice) = self.notices.pop() {
            cx.trace.record(cx.now, Event::Noticed { notice: notice.clone() });
            return Ok(Step::Notice(notice));
        }
        match (&self.phase, &self.reading) {
            (Phase::Located, None) => return self.seek(cx),
            (Phase::Located, Some(_)) => return self.begin_reading(cx, 0),
            _ => {}
        }
        let wake = match self.stream.poll(cx)? {
            Progress::Index(moov) => {
                return match MovieLayout::parse(&moov) {
                    Err(Mp4Error::Fragmented) => {
                        self.stream.hold_index(&moov);
                        self.read_as(Container::FragmentedMp4, cx)
                    }
                    Err(error) => Err(ProgrammeFailure::Index(error)),
                    Ok(layout) => self.located(moov, layout),
                };
            }
            Progress::Other(container) => return self.read_as(container, cx),
            Progress::FileChanged => {
                let reached = self.lowest_time().unwrap_or(self.target).max(self.target);
                if let Aim::At(target) = &mut self.aim {
                    *target = reached;
                }
                (self.index, self.picture, self.sound) = (None, None, None);
                self.reading = None;
                self.phase = Phase::Locating;
                return Ok(Step::Wait(cx.now));
            }
            Progress::Wait(wake) => wake,
        };
        if self.reading.is_some() {
            return self.read(playhead, wake, cx);
        }
        let Some(index) = &self.index else { return Ok(Step::Wait(wake)) };
        for (lane, part) in [(&mut self.picture, Part::Picture), (&mut self.sound, Part::Sound)] {
            if let (Some(lane), Some(track)) = (lane, index.track(part)) {
                lane.scout(&track, self.stream.window());
                if planted(Canary::ScoutReleases) {
                    self.stream.release_before(self.stream.window().end());
                }
            }
        }
        if let Some(notice) = self.keep_in_reach()? {
            self.notices.push(notice);
            return Ok(Step::Wait(cx.now));
        }
        self.check_playable()?;
        match self.phase {
            Phase::Filling { from } => self.filling(from, wake, cx),
            _ => self.playing(playhead, wake, cx),
        }
    }

    /// The index has come.
    fn located(&mut self, moov: Vec<u8>, layout: MovieLayout) -> Result<Step, ProgrammeFailure> {
        let index = Index { moov, layout };
        let movie = index.movie().ok_or(ProgrammeFailure::NoIndex)?;
        for (part, track) in [(Part::Picture, movie.video()), (Part::Sound, movie.audio())] {
            let lane = match track {
                Ok(track) => Some(Lane::new(track.start(), &track)),
                Err(declined) => {
                    self.notices.push(refusal(part, &declined.to_string()));
                    // What is wrong with a track says more than that there is no other.
                    if declined != Declined::NoTrack || self.nothing_because.is_none() {
                        self.nothing_because = Some(declined.to_string());
                    }
                    None
                }
            };
            match part {
                Part::Picture => self.picture = lane,
                Part::Sound => self.sound = lane,
            }
        }
        self.index = Some(index);
        self.phase = Phase::Located;
        Ok(Step::Located)
    }

    /// The file is of a kind that is for somebody else to read.
    fn read_as(
        &mut self,
        container: Container,
        cx: &mut Context<'_, N>,
    ) -> Result<Step, ProgrammeFailure> {
        cx.trace.record(cx.now, Event::Recognised { container });
        let reader = self.readers.and_then(|readers| readers(container, self.duration));
        self.reading = Some(match reader {
            Some(reader) => Reading::new(container, reader),
            None => return Err(ProgrammeFailure::NoReader(container)),
        });
        let start = self.stream.window().start();
        self.stream.look_at(start..start + 1);
        self.find(cx, 1);
        Ok(Step::Wait(cx.now))
    }

    /// Has the reader look for what the aim needs.
    fn find(&mut self, cx: &mut Context<'_, N>, search: u32) {
        self.target = self.aim.target(cx.now, self.stream.measured().open + DECODE_LEAD);
        self.phase = Phase::Finding(search);
    }

    /// A round of finding, filling or playing with a reader.
    fn read(
        &mut self,
        playhead: MediaTime,
        wake: Instant,
        cx: &mut Context<'_, N>,
    ) -> Result<Step, ProgrammeFailure> {
        let Some(reading) = &mut self.reading else { return Ok(Step::Wait(wake)) };
        if let Phase::Finding(search) = self.phase {
            let bytes = Bytes::new(self.stream.window(), self.stream.file_length());
            let found = reading.reader.find(self.target - SOUND_RUN_IN, &bytes);
            return match found.map_err(ProgrammeFailure::NothingToPlay)? {
                Find::Need(range) => {
                    let capacity = self.stream.window().capacity() as u64;
                    if bytes.have(&range) || range.end - range.start > capacity {
                        let why = "it is not put together as such files are".to_string();
                        return Err(ProgrammeFailure::NothingToPlay(why));
                    }
                    let offset = range.start;
                    if !self.stream.look_at(range) {
                        return Ok(Step::Wait(wake));
                    }
                    cx.trace.record(cx.now, Event::LookedAt { offset });
                    Ok(Step::Wait(cx.now))
                }
                Find::At(offset) => {
                    reading.found = Some(offset);
                    if core::mem::replace(&mut reading.is_located, true) {
                        return self.begin_reading(cx, search);
                    }
                    self.phase = Phase::Located;
                    Ok(Step::Located)
                }
            };
        }
        reading.read_on(&mut self.stream);
        if let Some(why) = reading.broken() {
            return Err(ProgrammeFailure::NothingToPlay(why.to_string()));
        }
        if reading.is_over() && self.target == MediaTime::ZERO && reading.is_empty() {
            return Err(ProgrammeFailure::Truncated);
        }
        self.check_playable()?;
        match self.phase {
            Phase::Filling { from } => self.filling(from, wake, cx),
            _ => self.playing(playhead, wake, cx),
        }
    }

    /// Begins to read where the target was found. While it was looked for a schedule has moved on:
    /// what it has passed over is read and thrown away.
    fn begin_reading(
        &mut self,
        cx: &mut Context<'_, N>,
        search: u32,
    ) -> Result<Step, ProgrammeFailure> {
        self.check_playable()?;
        let lead = self.lead();
        let target = self.aim.target(cx.now, lead).max(self.target);
        let Some(reading) = &mut self.reading else { return Ok(Step::Wait(cx.now)) };
        let passed = u64::try_from(target.micros_since(self.target)).unwrap_or(0);
        if Duration::from_micros(passed) > CATCH_UP_MAX && search < SEARCHES_MAX {
            self.find(cx, search.max(1) + 1);
            return Ok(Step::Wait(cx.now));
        }
        self.target = target;
        let offset = reading.found.take().unwrap_or(0);
        reading.restart();
        self.stream.seek(offset);
        cx.trace.record(cx.now, Event::Seeked { offset, target });
        self.phase = Phase::Filling { from: target };
        Ok(Step::Seeked)
    }

    /// Goes to the sync sample that the aim needs.
    fn seek(&mut self, cx: &mut Context<'_, N>) -> Result<Step, ProgrammeFailure> {
        if self.reading.is_some() {
            self.find(cx, 1);
            return Ok(Step::Wait(cx.now));
        }
        // How far ahead to aim depends on how long the bytes take, and which bytes those are depends
        // on where that leads: a position late in a group of pictures takes all of the group. So the
        // lead grows until it is long enough, and is then halved towards one that was not.
        let (mut lead, mut too_short, mut enough) = (Duration::ZERO, Duration::ZERO, None);
        for _ in 0..LEAD_ROUNDS_MAX {
            self.target = self.aim.target(cx.now, lead);
            self.place_lanes()?;
            let needed = self.lead();
            if needed <= lead {
                enough = Some(lead);
            } else {
                too_short = lead;
            }
            lead = match enough {
                Some(enough) => (too_short + enough) / 2,
                None => needed,
            };
        }
        self.target = self.aim.target(cx.now, enough.unwrap_or(lead));
        self.place_lanes()?;
        let Some(offset) = self.lowest_offset() else {
            self.stream.close(cx);
            self.phase = Phase::Ended;
            cx.trace.record(cx.now, Event::Ended);
            return Ok(Step::Ended);
        };
        self.stream.seek(offset);
        cx.trace.record(cx.now, Event::Seeked { offset, target: self.target });
        self.phase = Phase::Filling { from: self.target };
        Ok(Step::Seeked)
    }

    /// Puts both lanes where the target needs them.
    fn place_lanes(&mut self) -> Result<(), ProgrammeFailure> {
        let Some(index) = &self.index else { return Ok(()) };
        let target = self.target;
        if let (Some(lane), Some(track)) = (&mut self.picture, index.track(Part::Picture)) {
            *lane = Lane::new(track.seek(target), &track);
        }
        if let (Some(lane), Some(track)) = (&mut self.sound, index.track(Part::Sound)) {
            *lane = Lane::new(track.seek(target - SOUND_RUN_IN), &track);
        }
        self.check_playable()
    }

    /// How long it will take until the target can be shown, as the network has been so far.
    fn lead(&self) -> Duration {
        let measured = self.stream.measured();
        if let Some(reading) = &self.reading {
            // What a search has looked at is here.
            let window = self.stream.window();
            let at = reading.found.unwrap_or_else(|| window.start());
            let is_here = (window.start()..=window.end()).contains(&at);
            return DECODE_LEAD + if is_here { Duration::ZERO } else { measured.open };
        }
        let bytes = match (self.lowest_offset(), self.offset_at(self.target + self.prebuffer)) {
            (Some(from), Some(until)) => until.saturating_sub(from),
            _ => 0,
        };
        let transfer = match measured.bytes_per_second {
            0 => Duration::ZERO,
            rate => Duration::from_micros(bytes.saturating_mul(1_000_000) / rate),
        };
        measured.open + transfer + DECODE_LEAD
    }

    /// Where in the file the sample of `time` lies, or one a few pictures before it.
    fn offset_at(&self, time: MediaTime) -> Option<u64> {
        let index = self.index.as_ref()?;
        let part = if self.sound.is_some() { Part::Sound } else { Part::Picture };
        let track = index.track(part)?;
        // From the sync sample on: a group of pictures may be larger than any prebuffer.
        let mut cursor = track.seek(time);
        let mut sample = cursor.next(&track)?;
        while let Some(next) = cursor.next(&track).filter(|next| next.time <= time) {
            sample = next;
        }
        Some(sample.range.offset)
    }

    /// Whether `time` is further than `tolerance` behind what is on now, or behind the end of the
    /// film when that is over: nobody catches up with a film that has ended.
    fn is_behind(&self, time: MediaTime, now: Instant, tolerance: Duration) -> bool {
        let end = self.duration().unwrap_or(match self.reading {
            Some(_) => MediaTime::from_micros(i64::MAX),
            None => time,
        });
        let left = u64::try_from(end.micros_since(time)).unwrap_or(0);
        self.aim.behind(time, now).min(Duration::from_micros(left)) > tolerance
            && !planted(Canary::NeverSkips)
    }

    /// Sees to it that what is needed next can arrive at all. A file whose picture and sound lie
    /// further apart than the window is long loses its sound.
    fn keep_in_reach(&mut self) -> Result<Option<String>, ProgrammeFailure> {
        let window = self.stream.window();
        let Some(lowest) = self.lowest_offset() else { return Ok(None) };
        if lowest < window.start() {
            self.jumps_back += 1;
            if self.jumps_back > JUMPS_BACK_MAX {
                let why = "its samples lie in no order that can be streamed".to_string();
                return Err(ProgrammeFailure::NothingToPlay(why));
            }
            self.stream.seek(lowest);
            return Ok(None);
        }
        let capacity = window.capacity() as u64;
        let holds = |sample: Sample| sample.range.end().saturating_sub(lowest) <= capacity;
        let fits = |lane: &Option<Lane>| lane.and_then(|lane| lane.next()).is_none_or(holds);
        if fits(&self.picture) && fits(&self.sound) {
            return Ok(None);
        }
        if self.picture.is_some() && self.sound.take().is_some() {
            self.release();
            return Ok(Some(refusal(Part::Sound, "it lies too far from the picture in the file")));
        }
        let why = format!("a sample is larger than {} MB", capacity / 1_000_000);
        Err(ProgrammeFailure::NothingToPlay(why))
    }

    fn filling(
        &mut self,
        from: MediaTime,
        wake: Instant,
        cx: &mut Context<'_, N>,
    ) -> Result<Step, ProgrammeFailure> {
        // A set that is still on its way to its first picture comes in late rather than chasing the
        // schedule over a slow link. When a failed node kept it waiting, the bytes that come now had
        // better be the right ones.
        let since = if from == self.target { self.stream.reading_since() } else { Some(cx.now) };
        if since.is_some_and(|since| self.is_behind(from, since, BEHIND_MAX + self.prebuffer))
            && self.stream.condition() == Condition::Reading
        {
            return self.seek(cx);
        }
        let until = from + self.prebuffer;
        let window = self.stream.window();
        let has_enough = match &self.reading {
            Some(reading) if reading.missing(from).is_some() => false,
            Some(reading) => {
                let wanted = reading.wanted_until(until);
                let plenty = reading.reader.position().saturating_add(PREBUFFER_BYTES_MAX);
                window.end() >= wanted.min(plenty) || window.is_full() || self.stream.is_at_end()
            }
            None => {
                let lanes = [&self.picture, &self.sound];
                let complete = lanes.into_iter().flatten().all(|lane| lane.has_until(until));
                let plenty = self.offset_at(from).is_some_and(|offset| {
                    window.end() >= offset.saturating_add(PREBUFFER_BYTES_MAX)
                });
                complete || plenty || window.is_full() || self.stream.is_at_end()
            }
        };
        if has_enough {
            self.phase = Phase::Playing;
            cx.trace.record(cx.now, Event::Ready { at: from });
            return Ok(Step::Ready);
        }
        Ok(Step::Wait(wake))
    }

    fn playing(
        &mut self,
        playhead: MediaTime,
        wake: Instant,
        cx: &mut Context<'_, N>,
    ) -> Result<Step, ProgrammeFailure> {
        let lanes = [&self.picture, &self.sound];
        let is_over = match &self.reading {
            Some(reading) => reading.is_over(),
            None => lanes.iter().all(|lane| lane.is_none_or(|lane| lane.next().is_none())),
        };
        if is_over {
            self.phase = Phase::Ended;
            self.stream.close(cx);
            cx.trace.record(cx.now, Event::Ended);
            return Ok(Step::Ended);
        }
        let window = self.stream.window();
        let missing = match &self.reading {
            Some(reading) => reading.missing(self.target),
            None => lanes
                .into_iter()
                .flatten()
                .filter_map(Lane::next)
                .filter(|sample| !window.contains(sample.range) && !self.is_cut_off(sample))
                .map(|sample| sample.time)
                .min(),
        };
        Ok(match missing {
            Some(time) if time <= playhead + DRY_MARGIN => {
                self.prebuffer = (self.prebuffer * 2).min(REBUFFER_MAX);
                self.phase = Phase::Filling { from: time };
                cx.trace.record(cx.now, Event::Starved { at: time });
                // Whoever has to wait anyway had better wait for what is on now.
                if self.is_behind(time, cx.now, BEHIND_MAX)
                    && self.stream.condition() == Condition::Reading
                {
                    let sought = self.seek(cx)?;
                    // A reader has to look for it first.
                    return Ok(if self.reading.is_some() { Step::Starved } else { sought });
                }
                Step::Starved
            }
            Some(time) => {
                let margin = time.micros_since(playhead + DRY_MARGIN);
                let dry = cx.now + Duration::from_micros(u64::try_from(margin).unwrap_or(0));
                Step::Wait(wake.min(dry))
            }
            None => Step::Wait(wake),
        })
    }

    /// Whether there is, or can be, anything to play: a part that is not refused, and bytes in the
    /// file for it.
    fn check_playable(&self) -> Result<(), ProgrammeFailure> {
        let is_played = |part| match &self.reading {
            Some(reading) => reading.has(part),
            None => self.lane(part).is_some(),
        };
        if !is_played(Part::Picture) && !is_played(Part::Sound) {
            let why = self.nothing_because.clone().unwrap_or_else(|| "it is empty".to_string());
            return Err(ProgrammeFailure::NothingToPlay(why));
        }
        let mut next = [&self.picture, &self.sound].into_iter().flatten().filter_map(Lane::next);
        let Some(first) = next.next() else { return Ok(()) };
        match self.is_cut_off(&first) && next.all(|sample| self.is_cut_off(&sample)) {
            true => Err(ProgrammeFailure::Truncated),
            false => Ok(()),
        }
    }

    /// Whether the file ends before this sample does.
    fn is_cut_off(&self, sample: &Sample) -> bool {
        self.stream.file_length().is_some_and(|length| sample.range.end() > length)
    }

    fn lane(&self, part: Part) -> Option<&Lane> {
        match part {
            Part::Picture => self.picture.as_ref(),
            Part::Sound => self.sound.as_ref(),
        }
    }

    fn lane_mut(&mut self, part: Part) -> &mut Option<Lane> {
        match part {
            Part::Picture => &mut self.picture,
            Part::Sound => &mut self.sound,
        }
    }

    /// Offset of the first byte that is still needed.
    fn lowest_offset(&self) -> Option<u64> {
        let lanes = [&self.picture, &self.sound];
        lanes.into_iter().flatten().filter_map(Lane::next).map(|s| s.range.offset).min()
    }

    /// The time of the first sample that is still needed.
    fn lowest_time(&self) -> Option<MediaTime> {
        let lanes = [&self.picture, &self.sound];
        lanes.into_iter().flatten().filter_map(Lane::next).map(|s| s.time).min()
    }
}

impl Index {
    fn movie(&self) -> Option<Movie<'_>> {
        self.layout.over(&self.moov)
    }

    fn track(&self, part: Part) -> Option<Track<'_>> {
        let movie = self.movie()?;
        match part {
            Part::Picture => movie.video().ok(),
            Part::Sound => movie.audio().ok(),
        }
    }
}

/// A packet as drivers know samples: it has no place in the file that anybody could go to.
fn sample_of(index: u32, packet: &Packet) -> Sample {
    let micros = u32::try_from(packet.duration.as_micros()).unwrap_or(u32::MAX);
    let size = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
    Sample {
        index,
        range: SampleRange { offset: 0, size },
        dts: packet.time.as_micros(),
        pts: packet.time.as_micros(),
        time: packet.time,
        duration: micros,
        sync: packet.sync,
        shown: true,
    }
}

fn refusal(part: Part, why: &str) -> String {
    match part {
        Part::Picture => format!("The picture cannot be shown: {why}"),
        Part::Sound => format!("The sound cannot be heard: {why}"),
    }
}

fn failed(why: &ProgrammeFailure, now: Instant, trace: &mut dyn Trace) {
    trace.record(now, Event::Failed { why: why.clone(), sentence: why.to_string() });
}
