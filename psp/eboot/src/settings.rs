//! What a person wants of the set: `testcard.toml` beside the EBOOT, which is theirs and never
//! written, and `testcard.state.toml`, which keeps what they set with the buttons. Both are untrusted
//! text. Names and defaults are those of the desktop's command line, see `docs/command-line.md`.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use psp::sys::{self, ScePspDateTime};
use serde::Deserialize;
use testcard_core::guide::VOLUME_AT_FIRST;
use testcard_core::line_up::LineUp;
use testcard_core::net::Url;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::UnixMillis;
use testcard_psp_trust::Roots;
use toml::value::{Datetime, Offset};

use crate::runtime::clock;
use crate::runtime::files::{self, File, FileError};

/// The file that a person writes.
pub const NAME: &str = "testcard.toml";

/// The file that the set writes, and the one that it is written to first: a set switched off
/// meanwhile keeps the old one.
const STATE_NAME: &str = "testcard.state.toml";
const NEW_STATE_NAME: &str = "testcard.state.new";

/// The longest of either. A file with every setting has a tenth of it.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The longest line-up: some 1,000 programmes, which take 1 MiB when they have been read.
const LINE_UP_BYTES_MAX: usize = 256 * 1024;

/// The longest file with an authority: a certificate has 2 KB.
const CA_BYTES_MAX: usize = 64 * 1024;

/// What a certificate in DER begins with: the tag of an ASN.1 SEQUENCE.
const DER_SEQUENCE: u8 = 0x30;

/// Where films come from unless a person says otherwise.
const ARCHIVE: &str = "https://archive.org";

/// What a person wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A mirror of archive.org, or a test server.
    pub base_url: Url,
    /// The name of a file with a certificate authority to be trusted besides the usual ones.
    pub extra_ca: Option<String>,
    /// The seed of the schedule.
    pub seed: u64,
    /// The moment to pretend.
    pub when: Option<UnixMillis>,
    /// The name of a line-up file that goes on top of the built-in one.
    pub line_up: Option<String>,
    /// The number of the channel to start on.
    pub channel: Option<u16>,
    /// How loud to start, in percent.
    pub volume: Option<u8>,
    /// Which of the networks that are set up on the console to use, counted from 1.
    pub profile: Option<u8>,
    /// The name of a file for all the sound that is played, one programme after another.
    pub sound_dump: Option<String>,
    /// The name of a file for the trace.
    pub trace: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: Url::parse(ARCHIVE).expect("a literal"),
            extra_ca: None,
            seed: DEFAULT_SEED,
            when: None,
            line_up: None,
            channel: None,
            volume: None,
            profile: None,
            sound_dump: None,
            trace: None,
        }
    }
}

/// What is wrong with a file that a person wrote, as a sentence that begins with the file's name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// What is wrong with it: completes a sentence that begins with its name.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.what)
    }
}

fn mistake(file: &str, what: impl ToString) -> Mistake {
    Mistake { file: file.to_string(), what: what.to_string() }
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    base_url: Option<String>,
    extra_ca: Option<String>,
    seed: Option<u64>,
    when: Option<Moment>,
    line_up: Option<String>,
    channel: Option<u16>,
    volume: Option<u8>,
    profile: Option<u8>,
    sound_dump: Option<String>,
    trace: Option<String>,
}

/// A moment: TOML's own form of it, or the same in quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Bare(Datetime),
    Quoted(String),
}

impl Settings {
    /// Reads `testcard.toml`; without one everything is as it is for everybody.
    pub fn read() -> Result<Self, Mistake> {
        match files::read_text(NAME, TEXT_BYTES_MAX) {
            Ok(text) => Self::parse(&text).map_err(|what| mistake(NAME, what)),
            Err(FileError::NotFound) => Ok(Self::default()),
            Err(error) => Err(mistake(NAME, error)),
        }
    }

    /// Reads settings from TOML. An error completes a sentence that begins with the file's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text: Text = toml::from_str(text).map_err(|error| one_line(&error, text))?;
        let mut settings = Self::default();
        if let Some(url) = text.base_url {
            settings.base_url =
                Url::parse(&url).map_err(|why| format!("base_url = \"{url}\": {why}"))?;
        }
        settings.seed = text.seed.unwrap_or(DEFAULT_SEED);
        settings.when = text.when.map(moment).transpose()?;
        if let Some(volume @ 101..) = text.volume {
            return Err(format!("volume = {volume}: it is a percentage, 0 to 100"));
        }
        if text.profile == Some(0) {
            return Err("profile = 0: the console's connections are counted from 1".to_string());
        }
        Ok(Self {
            extra_ca: text.extra_ca,
            line_up: text.line_up,
            channel: text.channel,
            volume: text.volume,
            profile: text.profile,
            sound_dump: text.sound_dump,
            trace: text.trace,
            ..settings
        })
    }

    /// The authorities that servers' certificates are checked against: those that everybody trusts,
    /// and the one that these settings name, as DER or PEM.
    pub fn roots(&self) -> Result<Roots, Mistake> {
        let mut roots = Roots::mozilla();
        if let Some(name) = &self.extra_ca {
            let file = files::read(name, CA_BYTES_MAX).map_err(|error| mistake(name, error))?;
            let added = match file.first() != Some(&DER_SEQUENCE) {
                true => roots.add_pem(&file),
                false => roots.add_der(&file),
            };
            added.map_err(|error| mistake(name, error))?;
        }
        Ok(roots)
    }

    /// The schedule of the line-up that these settings ask for.
    pub fn schedule(&self) -> Result<Schedule, Mistake> {
        let mut line_up = LineUp::built_in();
        if let Some(name) = &self.line_up {
            let text = files::read_text(name, LINE_UP_BYTES_MAX);
            let text = text.map_err(|error| mistake(name, error))?;
            let personal = LineUp::parse(&text).map_err(|error| mistake(name, error))?;
            line_up = line_up.merged_with(personal).map_err(|error| mistake(name, error))?;
        }
        Ok(Schedule::new(line_up, self.seed))
    }
}

/// A parser's error without its picture of the line, which the screen has no room for.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let what = error.message();
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
            format!("line {line}: {what}")
        }
        None => what.to_string(),
    }
}

fn moment(moment: Moment) -> Result<UnixMillis, String> {
    let (parsed, shown) = match moment {
        Moment::Bare(moment) => (Some(moment), moment.to_string()),
        Moment::Quoted(text) => (text.parse().ok(), text),
    };
    let wrong = || format!("when = {shown}: a moment looks like 2026-11-20T20:42:00Z");
    let moment: Datetime = parsed.ok_or_else(wrong)?;
    let (date, time) = moment.date.zip(moment.time).ok_or_else(wrong)?;
    let offset_minutes = match moment.offset.ok_or_else(wrong)? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let date = ScePspDateTime {
        year: date.year,
        month: date.month.into(),
        day: date.day.into(),
        hour: time.hour.into(),
        minutes: time.minute.into(),
        seconds: time.second.unwrap_or(0).into(),
        microseconds: time.nanosecond.unwrap_or(0) / 1000,
    };
    let mut tick = 0;
    // SAFETY: reads a date and writes a number.
    match unsafe { sys::sceRtcGetTick(&date, &mut tick) } {
        0 => Ok(clock::unix_millis(tick).plus_millis(-offset_minutes * 60_000)),
        _ => Err(wrong()),
    }
}

/// What a person set with the buttons, kept until the set is switched on again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct Kept {
    /// How loud, in percent.
    pub volume: u8,
    /// The `id` of the channel watched last.
    pub channel: String,
}

impl Default for Kept {
    fn default() -> Self {
        Self { volume: VOLUME_AT_FIRST, channel: String::new() }
    }
}

impl Kept {
    /// What was kept last; nothing in particular where that cannot be read, as nobody wrote it by
    /// hand.
    pub fn read() -> Self {
        let text = files::read_text(STATE_NAME, TEXT_BYTES_MAX).unwrap_or_default();
        let mut kept: Self = toml::from_str(&text).unwrap_or_default();
        kept.volume = kept.volume.min(100);
        kept
    }

    /// Keeps it.
    pub fn write(&self) -> Result<(), FileError> {
        let mut text = String::from("# Written by the set, and read when it is switched on.\n");
        // Writing to a String cannot fail, and the id of a channel needs no quoting: a-z, 0-9, -.
        let _ = writeln!(text, "volume = {}\nchannel = \"{}\"", self.volume, self.channel);
        File::create(NEW_STATE_NAME)?.write(text.as_bytes())?;
        files::rename(NEW_STATE_NAME, STATE_NAME)
    }
}
