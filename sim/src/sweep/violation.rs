//! What must never happen in any trial, as sentences.

use std::fmt;
use std::mem::discriminant;
use std::time::Duration;

use testcard_core::stream::{NodeFailure, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};

use super::laws::{REQUESTS_MAX, REQUESTS_WITHIN, STEADY};
use crate::{screening, viewer};

/// Something that must never happen, and did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Violation {
    /// It happened while watching.
    Screening(screening::Violation),
    /// The program itself broke down; what it said.
    Panicked(String),
    /// The viewer has left, and so many exchanges are open.
    LeftOpen(usize),
    /// This exchange of the programme tuned to at that time was opened and not closed just once.
    NotClosedOnce {
        /// When the programme was tuned to.
        tuned: Instant,
        /// Which exchange.
        x: u32,
    },
    /// So many requests within [`REQUESTS_WITHIN`] of this moment.
    TooManyRequests {
        /// From when on.
        from: Instant,
        /// How many.
        count: usize,
    },
    /// A server was said to fail in a way in which none did.
    NodeFailure(NodeFailure),
    /// The programme was given up for a reason that nothing gave.
    ProgrammeFailure(ProgrammeFailure),
    /// So many failures in a row, and the programme was not given up.
    NeverGivesUp(u32),
    /// A server asked for a pause and got another one.
    RetryAfterIgnored {
        /// What it asked for.
        asked: Duration,
        /// What it got.
        pause: Duration,
    },
    /// All has been well for so long, and the film does not play.
    NotPlaying {
        /// For how long.
        well_for: Duration,
        /// Where playing stands.
        position: MediaTime,
    },
    /// The film plays, but so far behind the schedule that it should have skipped.
    FarBehind(Duration),
}

impl Violation {
    /// Whether it is about what is seen of the film, and not about how it is brought.
    pub fn is_about_the_film(&self) -> bool {
        use viewer::Violation as Seen;
        match self {
            Self::Screening(screening::Violation::Viewer(seen)) => match seen {
                Seen::SampleOrder { .. }
                | Seen::SampleBytes { .. }
                | Seen::SampleOutside { .. }
                | Seen::SampleTime { .. }
                | Seen::WrongStart { .. }
                | Seen::EndedEarly { .. }
                | Seen::TimeWentBack { .. } => true,
                Seen::WindowOverflow { .. } | Seen::ThrottledAndStarved | Seen::TimeStandsStill => {
                    false
                }
            },
            Self::NotPlaying { .. } | Self::FarBehind(_) => true,
            _ => false,
        }
    }

    /// Whether both are of one kind, whatever their numbers.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Screening(screening::Violation::Viewer(a)),
                Self::Screening(screening::Violation::Viewer(b)),
            ) => discriminant(a) == discriminant(b),
            (Self::NodeFailure(a), Self::NodeFailure(b)) => discriminant(a) == discriminant(b),
            (Self::ProgrammeFailure(a), Self::ProgrammeFailure(b)) => {
                discriminant(a) == discriminant(b)
            }
            _ => discriminant(self) == discriminant(other),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Screening(violation) => violation.fmt(f),
            Self::Panicked(said) => write!(f, "the program broke down: {said}"),
            Self::LeftOpen(count) => {
                write!(f, "the viewer has left, and {count} exchanges are still open")
            }
            Self::NotClosedOnce { tuned, x } => {
                write!(f, "exchange #{x} of the programme tuned to at {tuned} was not closed once")
            }
            Self::TooManyRequests { from, count } => {
                let seconds = REQUESTS_WITHIN.as_secs();
                write!(
                    f,
                    "{count} requests were made in the {seconds} s from {from}; {REQUESTS_MAX} are \
                     the most"
                )
            }
            Self::NodeFailure(why) => {
                write!(f, "a server was left because “{why}”, which was not so")
            }
            Self::ProgrammeFailure(why) => {
                write!(f, "the programme ended with “{why}”, for which there was no reason")
            }
            Self::NeverGivesUp(failures) => {
                write!(f, "{failures} failures in a row, and the programme was not given up")
            }
            Self::RetryAfterIgnored { asked, pause } => {
                let (asked, pause) = (asked.as_millis(), pause.as_millis());
                write!(f, "a server asked for a pause of {asked} ms and got {pause} ms")
            }
            Self::NotPlaying { well_for, position } => write!(
                f,
                "all has been well for {} s, and the film stands at {} ms or stood within {} s",
                well_for.as_secs(),
                position.as_micros() / 1000,
                STEADY.as_secs()
            ),
            Self::FarBehind(behind) => {
                write!(f, "the film plays {} ms behind the schedule", behind.as_millis())
            }
        }
    }
}

impl std::error::Error for Violation {}
