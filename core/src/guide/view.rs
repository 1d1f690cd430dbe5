//! What is on the screen, in words and numbers: [`Guide::view`] puts the schedule and the tuner's
//! report together. It says nothing about places and sizes; that is [`super::layout`]'s.

mod grid;
mod health;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use self::grid::{About, Cell, Grid, GridRow, Tense, Tick};
pub use self::health::Fact;

use super::page::IDENTS_MAX;
use super::status::{Hours, Reception, Status};
use super::zone::Zone;
use super::{Entry, Form, Guide, Moment, Page, SLEEP_WARNING, Said};
use crate::line_up::Channel;
use crate::schedule::{Airing, Schedule};
use crate::time::UnixMillis;

/// Everything on the screen. Equal views look the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct View {
    /// The message that stands in for the picture, or on it.
    pub card: Option<Card>,
    /// The guide, when it is open on a large screen. The picture then plays in a corner of it.
    pub guide: Option<Grid>,
    /// The guide, when it is open on a screen in the hand.
    pub list: Option<GuidePage>,
    /// What stands in for the picture of a programme that is only heard. Never together with a
    /// card, and with the guide only where that leaves the picture a corner.
    pub sound: Option<SoundPage>,
    /// What is on the channel being watched. Never together with the guide.
    pub banner: Option<Banner>,
    /// The channel number being entered.
    pub entry: Option<NumberEntry>,
    /// The volume bar.
    pub volume: Option<Volume>,
    /// What the set says of its own accord, as a sentence.
    pub notice: Option<String>,
    /// What is said in the film, lines with `\n` between them. Only over a picture.
    pub subtitle: Option<String>,
    /// How the stream is, line by line.
    pub health: Option<Vec<Fact>>,
    /// Whether the programmes come from inside the program and not from archive.org.
    pub offline: bool,
    /// Whether the sound is off.
    pub muted: bool,
    /// How times of day are written, which take more room with "PM".
    pub hours: Hours,
}

/// Why there is no moving picture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Card {
    /// What is behind the words.
    pub backdrop: Backdrop,
    /// The channel: "Tuning to 3 · Night Owl".
    pub heading: String,
    /// The reason, starting with a capital letter.
    pub sentence: String,
    /// What comes next.
    pub detail: Option<String>,
}

/// What is behind a [`Card`]'s words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backdrop {
    /// There is no picture: the test card.
    TestCard,
    /// The picture that stands.
    Picture,
}

/// The strip in the lower third that says what is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Banner {
    /// The time of day.
    pub clock: String,
    /// The channel being watched.
    pub station: Station,
    /// What is not as it should be.
    pub note: Option<String>,
    /// That the programme is watched later than it is on, and how much, as a sentence.
    pub behind: Option<String>,
    /// How much of it is there as it fades, 255 all and 0 nothing.
    pub opacity: u8,
}

/// The page of a programme that is heard and not seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SoundPage {
    /// The time of day.
    pub clock: String,
    /// The channel being listened to.
    pub station: Station,
    /// Why there is no picture, starting with a capital letter.
    pub why: String,
    /// What is not as it should be: above all what the sound waits for.
    pub note: Option<String>,
}

/// The guide's page: up to [`GuidePage::ROWS`] channels, what is on each and what is next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GuidePage {
    /// The time of day.
    pub clock: String,
    /// The channels shown.
    pub rows: Vec<Row>,
    /// Index in `rows` of the one under the cursor.
    pub selected: usize,
    /// How many channels lie above the rows shown.
    pub above: usize,
    /// How many channels lie below the rows shown.
    pub below: usize,
    /// What is not as it should be with the channel being watched.
    pub note: Option<String>,
}

impl GuidePage {
    /// How many channels are on the page at once, on every screen.
    pub const ROWS: usize = 5;
}

/// One channel of the guide's page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The channel.
    pub station: Station,
    /// Whether it is the one being watched.
    pub tuned: bool,
}

/// A channel and what is on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Station {
    /// The channel's number, 1 to 999.
    pub number: u16,
    /// The channel's name.
    pub name: String,
    /// The programme on now.
    pub on_air: Option<OnAir>,
    /// The programme after it.
    pub next: Option<Next>,
}

/// The programme that is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnAir {
    /// Its title.
    pub title: String,
    /// The year it was made.
    pub year: Option<u16>,
    /// Time of day of its start, "20:12" or "8:12 PM".
    pub starts: String,
    /// Time of day of its end, "21:19".
    pub ends: String,
    /// How far in, "29:41" or "1:02:03".
    pub position: String,
    /// How long it is, in the same form.
    pub duration: String,
    /// How much of it has passed, in thousandths.
    pub progress_permille: u16,
}

/// The programme that follows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Next {
    /// Its title.
    pub title: String,
    /// The year it was made.
    pub year: Option<u16>,
    /// Time of day of its start, "21:19".
    pub starts: String,
}

/// A channel number being entered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NumberEntry {
    /// The digits so far.
    pub digits: String,
    /// The name of the channel with this number, or that there is none.
    pub message: Option<String>,
    /// Whether the entry is over because no channel has this number.
    pub unknown: bool,
}

/// The volume bar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Volume {
    /// How loud, 0 to 100.
    pub percent: u8,
    /// Whether the sound is off all the same.
    pub muted: bool,
}

impl OnAir {
    /// Title and year for one line.
    pub fn titled(&self) -> String {
        Titled { title: &self.title, year: self.year }.to_string()
    }
}

impl Next {
    /// Title and year for one line.
    pub fn titled(&self) -> String {
        Titled { title: &self.title, year: self.year }.to_string()
    }
}

impl Guide {
    /// The screen at that moment. Call [`Guide::poll`] before: what has been shown long enough
    /// leaves there.
    pub fn view(&self, schedule: &Schedule, status: &Status, moment: Moment) -> View {
        let wall = moment.wall;
        let local = Local { wall, zone: &status.zone, hours: status.hours };
        let channels = schedule.line_up().channels.as_slice();
        let note = self.page.map_or_else(|| banner_note(status), |_| page_note(status));
        let watched = station(schedule, self.channel, local, self.watching_at(wall));
        let sound = self.sound_page(watched.as_ref(), status, local);
        let card = card(watched.as_ref(), status, local).filter(|_| sound.is_none());
        let is_seen = card.as_ref().is_none_or(|card| card.backdrop == Backdrop::Picture);
        let subtitle = status
            .subtitle
            .clone()
            .filter(|_| self.subtitles && self.page.is_none() && sound.is_none() && is_seen);
        let page = |form| self.page.filter(|_| self.form == form);
        View {
            guide: page(Form::Television)
                .map(|page| self.grid(page, schedule, status, local, moment, note.clone())),
            list: page(Form::InHand)
                .map(|page| self.guide_page(page, schedule, local, note.clone())),
            banner: watched.filter(|_| self.page.is_none()).and_then(|station| {
                let behind = self.behind_by(wall);
                let (clock, opacity) = (local.clock(wall), self.banner_opacity(moment)?);
                Some(Banner { clock, station, note, behind, opacity })
            }),
            card,
            sound,
            entry: self.entry.map(|entry| number_entry(entry, channels)),
            volume: self.volume_until.map(|_| Volume { percent: self.volume, muted: self.muted }),
            notice: self.said(status, local, moment),
            subtitle,
            health: (self.health && self.page.is_none())
                .then(|| health::facts(status.health.as_ref())),
            offline: status.offline.is_some(),
            muted: self.muted,
            hours: status.hours,
        }
    }

    /// Fading begins [`super::FADE`] before the end.
    fn banner_opacity(&self, moment: Moment) -> Option<u8> {
        let left = self.banner_until?.since(moment.now);
        let faded = (left.as_micros() * 255).checked_div(self.fade().as_micros());
        Some(faded.and_then(|left| u8::try_from(left).ok()).unwrap_or(255))
    }

    fn behind_by(&self, wall: UnixMillis) -> Option<String> {
        let millis = wall.millis_since(self.watching_at(wall));
        (millis > 0).then(|| format!("Started over, {} behind the others.", length(millis)))
    }

    /// That it is about to switch off matters more than anything else that there is to say.
    fn said(&self, status: &Status, local: Local<'_>, moment: Moment) -> Option<String> {
        let left = self.sleep.map(|sleep| sleep.at.since(moment.now));
        if let Some(left) = left.filter(|left| *left <= SLEEP_WARNING) {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            return Some(format!("The set switches off in {seconds}\u{a0}s."));
        }
        Some(match (&self.notice.as_ref()?.said, self.sleep) {
            (Said::Sentence(sentence), _) => sentence.clone(),
            (Said::Subtitles, _) if !self.subtitles => "Subtitles are off.".to_string(),
            (Said::Subtitles, _) if status.has_subtitles => "Subtitles are on.".to_string(),
            (Said::Subtitles, _) => "Subtitles are on. This programme has none.".to_string(),
            (Said::Sleep, None) => "The sleep timer is off.".to_string(),
            (Said::Sleep, Some(sleep)) => {
                let left = sleep.at.since(moment.now).as_millis();
                let at = local.wall.plus_millis(i64::try_from(left).unwrap_or(i64::MAX));
                let (minutes, at) = (sleep.minutes, local.clock(at));
                format!("The set switches off in {minutes}\u{a0}min, at {at}.")
            }
        })
    }

    fn sound_page(
        &self,
        watched: Option<&Station>,
        status: &Status,
        local: Local<'_>,
    ) -> Option<SoundPage> {
        let has_room = self.page.is_none() || self.form == Form::Television;
        let why = status.sound_only.as_deref().filter(|_| has_room)?;
        if !matches!(status.reception, Reception::Playing | Reception::Waiting { .. }) {
            return None;
        }
        Some(SoundPage {
            clock: local.clock(local.wall),
            station: watched?.clone(),
            why: sentence_case(why),
            note: page_note(status),
        })
    }

    fn guide_page(
        &self,
        page: Page,
        schedule: &Schedule,
        local: Local<'_>,
        note: Option<String>,
    ) -> GuidePage {
        let channels = schedule.line_up().channels.len();
        let shown = page.first..channels.min(page.first + GuidePage::ROWS);
        GuidePage {
            clock: local.clock(local.wall),
            selected: page.selected.saturating_sub(page.first),
            above: page.first,
            below: channels.saturating_sub(shown.end),
            rows: shown
                .filter_map(|channel| {
                    let station = station(schedule, channel, local, local.wall)?;
                    Some(Row { station, tuned: channel == self.channel })
                })
                .collect(),
            note,
        }
    }
}

/// Without a network nothing else matters; a notice about this programme matters more than where
/// all of them come from.
fn banner_note(status: &Status) -> Option<String> {
    let link = status.link.as_deref().map(sentence_case);
    link.or_else(|| status.notice.clone()).or_else(|| status.offline.clone())
}

/// In the guide the card is too small for words, and a page of sound has none: they go on the page.
fn page_note(status: &Status) -> Option<String> {
    match &status.reception {
        _ if status.link.is_some() => banner_note(status),
        Reception::Tuning { stage } => Some(sentence_case(stage)),
        Reception::Waiting { why: sentence } | Reception::Failed { sentence, .. } => {
            Some(sentence_case(sentence))
        }
        Reception::Off | Reception::Playing => banner_note(status),
    }
}

fn card(watched: Option<&Station>, status: &Status, local: Local<'_>) -> Option<Card> {
    let Some(station) = watched else {
        return Some(Card {
            backdrop: Backdrop::TestCard,
            heading: "No channels".to_string(),
            sentence: "The line-up is empty: there is nothing to tune to.".to_string(),
            detail: None,
        });
    };
    let name = format!("{} · {}", station.number, station.name);
    let on_air = station.on_air.as_ref().map(OnAir::titled);
    let next = station.next.as_ref();
    let next = next.map(|next| format!("Next at {}: {}", next.starts, next.titled()));
    let reason = |words: &str| sentence_case(status.link.as_deref().unwrap_or(words));
    if let (None, Some(next)) = (&on_air, &next) {
        // The ident: nothing is wrong, and nothing is tuned to.
        let (heading, sentence) = (name, next.clone());
        return Some(Card { backdrop: Backdrop::TestCard, heading, sentence, detail: None });
    }
    let card = match &status.reception {
        Reception::Playing => return None,
        Reception::Off => Card {
            backdrop: Backdrop::TestCard,
            heading: name,
            sentence: reason("Standing by."),
            detail: on_air,
        },
        Reception::Tuning { stage } => Card {
            backdrop: Backdrop::TestCard,
            heading: format!("Tuning to {name}"),
            sentence: reason(stage),
            detail: on_air,
        },
        Reception::Waiting { why } => {
            Card { backdrop: Backdrop::Picture, heading: name, sentence: reason(why), detail: None }
        }
        Reception::Failed { sentence, retry_at } => Card {
            backdrop: Backdrop::TestCard,
            heading: name,
            sentence: reason(sentence),
            detail: match retry_at {
                Some(at) => {
                    let millis = at.millis_since(local.whole_second()).max(0);
                    let seconds = millis / 1000 + i64::from(millis % 1000 > 0);
                    Some(format!("Trying again in {seconds}\u{a0}s"))
                }
                None => next,
            },
        },
    };
    Some(card)
}

/// The channel and what is on there at the moment `at` of the schedule, which for a programme that
/// was started over is before now. What comes after that one is not known: it is what is on then.
fn station(
    schedule: &Schedule,
    channel: usize,
    local: Local<'_>,
    at: UnixMillis,
) -> Option<Station> {
    let line_up = schedule.line_up().channels.get(channel)?;
    let mut airings = schedule.airings(channel, at);
    let on_air = airings.next().and_then(|airing| on_air(line_up, &airing, local, at));
    let is_live = at == local.wall;
    let mut programmes = airings.take(IDENTS_MAX).filter(|airing| airing.programme.is_some());
    Some(Station {
        number: line_up.number,
        name: line_up.name.clone(),
        on_air,
        next: programmes.next().filter(|_| is_live).and_then(|airing| {
            let programme = airing.of(line_up)?;
            Some(Next {
                title: programme.title.clone(),
                year: programme.year,
                starts: local.clock(airing.starts),
            })
        }),
    })
}

/// Its times are those of the viewer who watches `at` now.
fn on_air(channel: &Channel, airing: &Airing, local: Local<'_>, at: UnixMillis) -> Option<OnAir> {
    let programme = airing.of(channel)?;
    let behind = local.wall.millis_since(at);
    let duration = airing.duration_ms();
    let position = local.whole_second().millis_since(airing.starts) - behind;
    let position = position.clamp(0, duration);
    Some(OnAir {
        title: programme.title.clone(),
        year: programme.year,
        starts: local.clock(airing.starts.plus_millis(behind)),
        ends: local.clock(airing.ends.plus_millis(behind)),
        position: span(position),
        duration: span(duration),
        progress_permille: grid::permille(position, duration),
    })
}

fn number_entry(entry: Entry, channels: &[Channel]) -> NumberEntry {
    let width = usize::from(entry.digits);
    NumberEntry {
        digits: format!("{:0width$}", entry.number),
        message: match entry.channel.and_then(|channel| channels.get(channel)) {
            Some(channel) => Some(channel.name.clone()),
            None if entry.unknown => Some("No such channel".to_string()),
            None => None,
        },
        unknown: entry.unknown,
    }
}

/// Title and year for one line, "Detour (1945)"; a title that names the year already stays as it
/// is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Titled<'a> {
    /// The title.
    pub title: &'a str,
    /// The year it was made.
    pub year: Option<u16>,
}

impl fmt::Display for Titled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = || self.title.split(|c: char| !c.is_ascii_digit());
        f.write_str(self.title)?;
        match self.year {
            Some(year) if numbers().all(|number| number.parse() != Ok(year)) => {
                write!(f, " ({year})")
            }
            _ => Ok(()),
        }
    }
}

/// The words with a capital letter at their start.
pub fn sentence_case(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// "29:41", "1:02:03".
fn span(millis: i64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// "1 h 7 min", "45 min", "50 s", with spaces that do not break.
fn length(millis: i64) -> String {
    let seconds = (millis + 500) / 1000;
    let minutes = (seconds + 30) / 60;
    match (minutes / 60, minutes % 60) {
        _ if seconds < 60 => format!("{seconds}\u{a0}s"),
        (0, minutes) => format!("{minutes}\u{a0}min"),
        (hours, 0) => format!("{hours}\u{a0}h"),
        (hours, minutes) => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
    }
}

/// Civil time where the person is.
#[derive(Clone, Copy)]
struct Local<'a> {
    wall: UnixMillis,
    zone: &'a Zone,
    hours: Hours,
}

impl Local<'_> {
    /// Now, without the fraction of a second: all that counts on the screen counts on this beat, so
    /// that five progress bars do not ask for five drawings a second.
    fn whole_second(self) -> UnixMillis {
        self.wall.plus_millis(-self.wall.0.rem_euclid(1000))
    }

    fn clock(self, at: UnixMillis) -> String {
        self.zone.clock(at, self.hours)
    }

    /// "20:18 – 21:32".
    fn times(self, airing: Airing) -> String {
        format!("{} – {}", self.clock(airing.starts), self.clock(airing.ends))
    }
}
