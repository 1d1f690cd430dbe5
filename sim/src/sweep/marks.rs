//! What a sweep must have met sometimes: every fault of the menu, and every way to fail and to
//! recover that the core has. A mark that is never reached says that the sweep proves less than it
//! seems to. Marks are read off what happened by exhaustive matches, so that a new fault or a new
//! event does not compile before somebody has said which mark it is.

use std::collections::BTreeMap;

use testcard_archive::{CutKind, Detour, Fault, Place};
use testcard_core::net::ExchangeError;
use testcard_core::playback::Aim;
use testcard_core::stream::{
    NodeFailure, PROGRESS_BYTES, ProgrammeFailure, REACH_BYTES, STORM_PAUSE,
};
use testcard_core::time::Instant;
use testcard_core::trace::Event;

use super::laws::asked_for;
use super::play::Evening;
use super::trial::{Change, Trial};
use crate::timeline::Line;

macro_rules! marks {
    ($($name:ident: $label:literal,)*) => {
        /// Something that a sweep must have met.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[allow(missing_docs, reason = "each one's label says what it is")]
        pub enum Mark { $($name,)* }

        impl Mark {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

marks! {
    FaultAtDownload: "fault at /download",
    FaultAtMetadata: "fault at /metadata",
    FaultAtNode: "fault at a node",
    Refusal: "fault: 401, 403 or 410",
    NotFound: "fault: 404",
    ServerError: "fault: 5xx",
    Busy: "fault: 429 or 503",
    BusyWithRetryAfter: "fault: 429 or 503 with Retry-After",
    Delay: "fault: late head",
    Pace: "fault: slow body",
    NoAnswerClose: "fault: closed before the head",
    NoAnswerReset: "fault: reset before the head",
    NoAnswerStall: "fault: never a head",
    CutClose: "fault: closed in the body",
    CutReset: "fault: reset in the body",
    CutStall: "fault: quiet in the body",
    RangeIgnored: "fault: Range ignored",
    RangeShifted: "fault: another range",
    Replaced: "fault: another file",
    Page: "fault: a page for the film",
    Truncated: "fault: file cut short",
    MoovDamaged: "fault: index damaged",
    RedirectForeign: "fault: redirect to a stranger",
    RedirectHttp: "fault: redirect to http",
    RedirectLoop: "fault: redirect in a circle",
    RedirectChain: "fault: chain of redirects",
    RedirectRelative: "fault: relative redirect",
    RedirectMissing: "fault: redirect to nowhere",
    Crumbs: "fault: crumbs of the range",
    Packed: "fault: content coding",
    OddHeaders: "fault: odd headers",
    RedirectBody: "fault: redirect with a long body",
    Unplugged: "world: unplugged",
    PluggedIn: "world: plugged in",
    RateChanged: "world: link changed its rate",
    Left: "world: zapped away",
    CameBack: "world: zapped back",
    Tuned: "event: tuned",
    Opened: "event: exchange opened",
    Answered: "event: exchange answered",
    ClosedComplete: "event: exchange read to its end",
    HungUp: "event: exchange hung up",
    FileChanged: "event: file changed",
    IndexInFront: "event: index in front found",
    IndexBehind: "event: index behind found",
    Seeked: "event: seeked",
    Throttled: "event: throttled",
    Unthrottled: "event: throttle released",
    Ready: "event: ready",
    Starved: "event: starved",
    Noticed: "event: part left out",
    Ended: "event: played to the end",
    Refused: "node failure: refused",
    Disconnected: "node failure: connection cut",
    Status: "node failure: status",
    StatusBusy: "node failure: busy",
    ShortBody: "node failure: short body",
    Stalled: "node failure: stalled",
    NoAnswer: "node failure: no answer",
    WasRangeIgnored: "node failure: range ignored",
    WrongRange: "node failure: wrong range",
    ContentCoding: "node failure: content coding",
    EndNotFound: "end: not found",
    EndInsecureRedirect: "end: redirect not secure",
    EndForeignRedirect: "end: redirect to a stranger",
    EndTooManyRedirects: "end: too many redirects",
    EndBrokenRedirect: "end: redirect to nowhere",
    EndWebPage: "end: web page",
    EndNotMp4: "end: not an MP4",
    EndTruncated: "end: file cut short",
    EndNoIndex: "end: no index",
    EndIndexTooLarge: "end: index too large",
    EndIndexUnusable: "end: index unusable",
    EndNothingToPlay: "end: nothing to play",
    EndKeepsChanging: "end: keeps changing",
    GaveUpAnswered: "end: gave up on servers that answer",
    GaveUpUnreachable: "end: gave up on a network that is gone",
    AskedWhy: "recovery: archive asked why it refuses",
    RedirectFollowed: "recovery: redirect followed",
    ChainFollowed: "recovery: three redirects followed",
    TriedAtOnce: "recovery: another node at once",
    BackedOff: "recovery: pause of our own",
    StormPause: "recovery: pause against a storm",
    RetryAfterHonoured: "recovery: pause that was asked for",
    ResumedAtTheByte: "recovery: resumed at the very byte",
    HungUpForASeek: "recovery: hung up to seek",
    NodeKeptForASeek: "recovery: seek within the exchange",
    PlayedOverAFailure: "recovery: buffer played over a failure",
    ReadyAgain: "recovery: ready again after running dry",
    SkippedToLive: "recovery: skipped to what is on",
    ReadAnew: "recovery: changed file read anew",
    PlayedAgain: "recovery: played when tuned to again",
}

/// How often each mark was reached.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Marks(BTreeMap<Mark, u64>);

impl Marks {
    /// How often it was reached.
    pub fn count(&self, mark: Mark) -> u64 {
        self.0.get(&mark).copied().unwrap_or(0)
    }

    /// Those that were not reached, in the order of the table.
    pub fn missing(&self) -> impl Iterator<Item = Mark> {
        Mark::ALL.iter().copied().filter(|mark| self.count(*mark) == 0)
    }

    /// Adds those of another evening or sweep.
    pub fn add(&mut self, others: &Self) {
        for (mark, count) in &others.0 {
            *self.0.entry(*mark).or_default() += count;
        }
    }

    /// What an evening has reached.
    pub fn of(trial: &Trial, evening: &Evening) -> Self {
        let mut marks = Self::default();
        for met in &evening.met {
            for fault in &met.faults {
                marks.reach(Some(of_fault(fault)));
                marks.reach(of_place(met.place));
            }
        }
        let has_happened = |change: &&(Instant, Change)| change.0 <= trial.well_at;
        for (_, change) in trial.events.iter().filter(has_happened) {
            marks.reach(Some(of_change(*change)));
        }
        marks.read(trial, evening);
        marks
    }

    fn reach(&mut self, mark: Option<Mark>) {
        if let Some(mark) = mark {
            *self.0.entry(mark).or_default() += 1;
        }
    }

    /// Follows the timeline: what an event is, and what it is after those before it.
    fn read(&mut self, trial: &Trial, evening: &Evening) {
        let mut so_far = SoFar::default();
        for (at, line) in evening.timeline.lines() {
            match line {
                Line::Core(event) => {
                    self.reach(of_event(event));
                    self.reach(so_far.recovery(trial, evening, *at, event));
                }
                Line::Playing(_) => {
                    self.reach(so_far.has_failed.then_some(Mark::PlayedAgain));
                    (so_far.is_playing, so_far.has_failed) = (true, false);
                }
                Line::World(_) | Line::Level(_) => {}
            }
        }
    }
}

/// What went before an event.
#[derive(Default)]
struct SoFar {
    /// The latest event, and when it was.
    latest: Option<(Instant, Event)>,
    /// The offset that the latest exchange was asked from.
    from: u64,
    /// An exchange was opened since the latest seek.
    has_opened: bool,
    /// How many redirects led to the latest exchange.
    redirects: u32,
    /// Where in the file the latest body broke off.
    broke_off: Option<u64>,
    /// Failures since the latest progress.
    failures: u32,
    is_playing: bool,
    is_starved: bool,
    /// A node failed while the film played.
    fails_while_playing: bool,
    has_changed: bool,
    /// A programme before this one failed, and nothing has played since.
    has_failed: bool,
}

impl SoFar {
    fn recovery(
        &mut self,
        trial: &Trial,
        evening: &Evening,
        at: Instant,
        event: &Event,
    ) -> Option<Mark> {
        let before = self.latest.replace((at, event.clone()));
        let before = before.as_ref().filter(|(then, _)| *then == at).map(|(_, event)| event);
        match event {
            Event::Tuned { .. } => {
                *self = Self { has_failed: self.has_failed, ..Self::default() };
                None
            }
            Event::Opened { range: None, .. } => Some(Mark::AskedWhy),
            Event::Opened { url, range: Some(range), .. } => {
                (self.from, self.has_opened) = (range.first(), true);
                if !url.contains("/download/") || url.contains("?hop=") {
                    self.redirects += 1;
                    return Some(match self.redirects {
                        3 => Mark::ChainFollowed,
                        _ => Mark::RedirectFollowed,
                    });
                }
                self.redirects = 0;
                let broke_off = self.broke_off.take();
                match before {
                    Some(Event::Closed { complete: false, .. }) => Some(Mark::HungUpForASeek),
                    _ if broke_off == Some(self.from) => Some(Mark::ResumedAtTheByte),
                    _ => None,
                }
            }
            Event::Answered { status: 200 | 206, .. } => {
                let played_over = std::mem::take(&mut self.fails_while_playing) && self.is_playing;
                played_over.then_some(Mark::PlayedOverAFailure)
            }
            Event::Closed { received, complete, .. } => {
                self.broke_off = Some(self.from + received).filter(|_| *received > 0);
                if *complete || *received >= PROGRESS_BYTES {
                    self.failures = 0;
                }
                None
            }
            Event::NodeFailed { why, pause, .. } => {
                self.failures += 1;
                self.fails_while_playing = self.is_playing;
                Some(match why {
                    NodeFailure::Busy(_) if asked_for(evening, at).is_some() => {
                        Mark::RetryAfterHonoured
                    }
                    _ if pause.is_zero() => Mark::TriedAtOnce,
                    _ if *pause == STORM_PAUSE && self.failures == 1 => Mark::StormPause,
                    _ => Mark::BackedOff,
                })
            }
            Event::FileChanged => {
                self.has_changed = true;
                None
            }
            Event::IndexFound { .. } => {
                std::mem::take(&mut self.has_changed).then_some(Mark::ReadAnew)
            }
            Event::Recognised { .. } | Event::LookedAt { .. } => None,
            Event::Seeked { .. } => {
                let skips = !matches!(
                    before,
                    Some(Event::IndexFound { .. } | Event::Noticed { .. } | Event::FileChanged)
                );
                (self.is_playing, self.has_opened) = (false, false);
                (skips && matches!(trial.scene.aim, Aim::Live { .. }))
                    .then_some(Mark::SkippedToLive)
            }
            Event::Ready { .. } => match std::mem::take(&mut self.is_starved) {
                true => Some(Mark::ReadyAgain),
                false => (!self.has_opened).then_some(Mark::NodeKeptForASeek),
            },
            Event::Starved { .. } => {
                (self.is_playing, self.is_starved) = (false, true);
                None
            }
            Event::Failed { .. } => {
                self.has_failed = true;
                None
            }
            Event::Answered { .. }
            | Event::Throttled
            | Event::Unthrottled
            | Event::Noticed { .. }
            | Event::Ended => None,
        }
    }
}

fn of_place(place: Place) -> Option<Mark> {
    match place {
        Place::Download => Some(Mark::FaultAtDownload),
        Place::Node => Some(Mark::FaultAtNode),
        Place::Metadata => Some(Mark::FaultAtMetadata),
        // Nothing that plays ever searches.
        Place::Search => None,
    }
}

fn of_fault(fault: &Fault) -> Mark {
    match fault {
        Fault::Status { status: 401 | 403 | 410, .. } => Mark::Refusal,
        Fault::Status { status: 404, .. } => Mark::NotFound,
        Fault::Status { status: 429 | 503, retry_after: None } => Mark::Busy,
        Fault::Status { status: 429 | 503, retry_after: Some(_) } => Mark::BusyWithRetryAfter,
        Fault::Status { .. } | Fault::BackendError => Mark::ServerError,
        Fault::Delay(_) => Mark::Delay,
        Fault::Pace(_) => Mark::Pace,
        Fault::NoAnswer(CutKind::Close) => Mark::NoAnswerClose,
        Fault::NoAnswer(CutKind::Reset) => Mark::NoAnswerReset,
        Fault::NoAnswer(CutKind::Stall) => Mark::NoAnswerStall,
        Fault::Cut(_, CutKind::Close) => Mark::CutClose,
        Fault::Cut(_, CutKind::Reset) => Mark::CutReset,
        Fault::Cut(_, CutKind::Stall) => Mark::CutStall,
        Fault::RangeIgnored => Mark::RangeIgnored,
        Fault::RangeShifted(_) => Mark::RangeShifted,
        Fault::Replaced(_) => Mark::Replaced,
        Fault::Page => Mark::Page,
        Fault::Truncated(_) => Mark::Truncated,
        Fault::MoovDamaged => Mark::MoovDamaged,
        Fault::Redirect(Detour::ForeignHost) => Mark::RedirectForeign,
        Fault::Redirect(Detour::PlainHttp) => Mark::RedirectHttp,
        Fault::Redirect(Detour::Loop) => Mark::RedirectLoop,
        Fault::Redirect(Detour::Chain) => Mark::RedirectChain,
        Fault::Redirect(Detour::Relative) => Mark::RedirectRelative,
        Fault::Redirect(Detour::Missing) => Mark::RedirectMissing,
        Fault::Crumbs(_) => Mark::Crumbs,
        Fault::Packed => Mark::Packed,
        Fault::OddHeaders => Mark::OddHeaders,
        Fault::RedirectBody(_) => Mark::RedirectBody,
    }
}

fn of_change(change: Change) -> Mark {
    match change {
        Change::Unplug => Mark::Unplugged,
        Change::PlugIn => Mark::PluggedIn,
        Change::Rate(_) => Mark::RateChanged,
        Change::Leave => Mark::Left,
        Change::Return => Mark::CameBack,
    }
}

fn of_event(event: &Event) -> Option<Mark> {
    Some(match event {
        Event::Tuned { .. } => Mark::Tuned,
        Event::Opened { .. } => Mark::Opened,
        Event::Answered { .. } => Mark::Answered,
        Event::Closed { complete: true, .. } => Mark::ClosedComplete,
        Event::Closed { complete: false, .. } => Mark::HungUp,
        Event::NodeFailed { why, .. } => return of_node_failure(*why),
        Event::FileChanged => Mark::FileChanged,
        Event::IndexFound { offset: 0..REACH_BYTES, .. } => Mark::IndexInFront,
        Event::IndexFound { .. } => Mark::IndexBehind,
        // No trial's programme is read by anybody else.
        Event::Recognised { .. } | Event::LookedAt { .. } => return None,
        Event::Seeked { .. } => Mark::Seeked,
        Event::Throttled => Mark::Throttled,
        Event::Unthrottled => Mark::Unthrottled,
        Event::Ready { .. } => Mark::Ready,
        Event::Starved { .. } => Mark::Starved,
        Event::Noticed { .. } => Mark::Noticed,
        Event::Failed { why, .. } => return of_programme_failure(why),
        Event::Ended => Mark::Ended,
    })
}

fn of_node_failure(why: NodeFailure) -> Option<Mark> {
    Some(match why {
        NodeFailure::Exchange(ExchangeError::Refused) => Mark::Refused,
        NodeFailure::Exchange(ExchangeError::Disconnected) => Mark::Disconnected,
        // Not over this network: its names have addresses, it has no TLS, and it parses nothing.
        NodeFailure::Exchange(
            ExchangeError::NameNotFound
            | ExchangeError::Unreachable
            | ExchangeError::Certificate
            | ExchangeError::Tls
            | ExchangeError::Protocol,
        ) => return None,
        NodeFailure::Status(_) => Mark::Status,
        NodeFailure::Busy(_) => Mark::StatusBusy,
        NodeFailure::ShortBody => Mark::ShortBody,
        NodeFailure::Stalled => Mark::Stalled,
        NodeFailure::NoAnswer => Mark::NoAnswer,
        NodeFailure::RangeIgnored => Mark::WasRangeIgnored,
        NodeFailure::WrongRange => Mark::WrongRange,
        NodeFailure::ContentCoding => Mark::ContentCoding,
    })
}

fn of_programme_failure(why: &ProgrammeFailure) -> Option<Mark> {
    Some(match why {
        ProgrammeFailure::NotFound => Mark::EndNotFound,
        // Every trial's film has a good address, is there, is public and is a film.
        ProgrammeFailure::InsecureAddress
        | ProgrammeFailure::NoReader(_)
        | ProgrammeFailure::NoSuchItem
        | ProgrammeFailure::Dark => return None,
        ProgrammeFailure::InsecureRedirect => Mark::EndInsecureRedirect,
        ProgrammeFailure::ForeignRedirect(_) => Mark::EndForeignRedirect,
        ProgrammeFailure::TooManyRedirects => Mark::EndTooManyRedirects,
        ProgrammeFailure::BrokenRedirect => Mark::EndBrokenRedirect,
        ProgrammeFailure::WebPage => Mark::EndWebPage,
        ProgrammeFailure::NotMp4 => Mark::EndNotMp4,
        ProgrammeFailure::Truncated => Mark::EndTruncated,
        ProgrammeFailure::NoIndex => Mark::EndNoIndex,
        ProgrammeFailure::IndexTooLarge(_) => Mark::EndIndexTooLarge,
        ProgrammeFailure::Index(_) => Mark::EndIndexUnusable,
        ProgrammeFailure::NothingToPlay(_) => Mark::EndNothingToPlay,
        ProgrammeFailure::KeepsChanging => Mark::EndKeepsChanging,
        ProgrammeFailure::GaveUp(last) if last.is_unreachable() => Mark::GaveUpUnreachable,
        ProgrammeFailure::GaveUp(_) => Mark::GaveUpAnswered,
    })
}
