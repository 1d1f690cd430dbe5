//! What the driver tells the guide about the set: what the tuner is doing, and all else that words
//! on the screen depend on.

use alloc::string::String;
use core::time::Duration;

use super::zone::Zone;
use crate::time::UnixMillis;

/// What the driver knows about the set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// What the tuner is doing.
    pub reception: Reception,
    /// What a person should know though the programme plays, as a sentence: "The sound cannot be
    /// decoded: it has 5.1 channels." Show it by [`super::Guide::inform`].
    pub notice: Option<String>,
    /// Why the programmes come from inside the program and not from archive.org, as a sentence;
    /// `None` when they do come from archive.org.
    pub offline: Option<String>,
    /// Why there is no way to any network, or what the set is doing about it, as a sentence:
    /// "Wi-Fi is switched off." It is the reason behind all that the tuner reports, and is shown in
    /// its place.
    pub link: Option<String>,
    /// Why the programme that plays is heard and not seen, as a sentence; `None` where it is seen,
    /// and where the screen has other ways to say it.
    pub sound_only: Option<String>,
    /// Where local time comes from.
    pub zone: Zone,
    /// How the time of day is written.
    pub hours: Hours,
    /// What is said in the film now, lines with `\n` between them.
    pub subtitle: Option<String>,
    /// Whether the programme being watched has subtitles.
    pub has_subtitles: bool,
    /// How the stream is; `None` while there is none.
    pub health: Option<Health>,
    /// What archive.org's metadata says about an item.
    pub details: Option<Details>,
}

/// How the time of day is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hours {
    /// "20:42".
    #[default]
    TwentyFour,
    /// "8:42 PM".
    Twelve,
}

/// What the tuner is doing, as it tells a person.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Reception {
    /// Nothing yet.
    #[default]
    Off,
    /// On the way to the first picture.
    Tuning {
        /// The step under way: "finding the film's index…".
        stage: String,
    },
    /// Picture and sound.
    Playing,
    /// The picture stands because the bytes have run out.
    Waiting {
        /// Why, as a sentence: "The connection was cut; trying another node."
        why: String,
    },
    /// No picture, and no more attempts before `retry_at` or the next programme.
    Failed {
        /// What went wrong, as a sentence: "The archive answered 404: this film is not there."
        sentence: String,
        /// When the tuner tries again by itself, if it does.
        retry_at: Option<UnixMillis>,
    },
}

/// The stream's health, for the curious.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Health {
    /// How much of the film lies ahead of what is shown.
    pub buffer: Duration,
    /// The same in bytes.
    pub buffer_bytes: u64,
    /// How fast they come.
    pub bytes_per_second: u64,
    /// The host that sends them.
    pub node: Option<String>,
    /// How many connections were opened for this programme.
    pub connections: u32,
    /// How many of them because another broke off.
    pub reconnects: u32,
    /// All that was received for this programme.
    pub received_bytes: u64,
    /// How often the buffer ran dry.
    pub underruns: u32,
    /// Pictures decoded too late to be shown.
    pub dropped_pictures: u64,
    /// "640 × 480 H.264, 29.97/s".
    pub picture: Option<String>,
    /// "44.1 kHz stereo AAC".
    pub sound: Option<String>,
}

/// What archive.org's metadata says about an item. The line-up's own words come first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Details {
    /// The item's identifier: these details are used for programmes of this item only.
    pub item: String,
    /// What it is about, as plain text.
    pub description: Option<String>,
    /// In a person's words, or the address of one.
    pub licence: Option<String>,
    /// The year it was made.
    pub year: Option<u16>,
    /// Who made it.
    pub creator: Option<String>,
}
