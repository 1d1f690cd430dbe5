//! The TV as a person operates it: keys and clicks in; what to tune, how loud, and a description of
//! the screen out. It never draws, plays, reads a clock or touches the network: a driver reports
//! what the tuner is doing as a [`Status`], draws the [`View`], and carries out each [`Action`].
//!
//! The contract with a driver, in the order of one turn:
//!
//! 1. inputs: [`Guide::handle_key`], [`Guide::click`], [`Guide::scroll`], [`Guide::inform`],
//!    [`Guide::notify`];
//! 2. [`Guide::poll`], for what falls due by itself; call it again when [`Guide::next_wake`] says;
//! 3. output: [`Guide::view`], then [`layout`] (or [`layout_in_hand`]) to find the place of
//!    everything in it; [`Guide::watching_at`] for what is to be played; [`Guide::kept`] for what
//!    is to be remembered.
//!
//! A view that equals the one before needs no drawing. Left alone, it changes at most once a second.

mod layout;
mod page;
mod stage;
mod status;
#[cfg(test)]
mod tests;
mod view;
mod zone;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use layout::{Element, Layout, Part, Rect, layout, layout_in_hand};
pub use page::{GLIDE, REACH_MS};
pub use stage::{ASKING, stage};
pub use status::{Details, Health, Hours, Reception, Status};
pub use view::{
    About, Backdrop, Banner, Card, Cell, Fact, Grid, GridRow, GuidePage, Next, NumberEntry, OnAir,
    Row, SoundPage, Station, Tense, Tick, Titled, View, Volume, sentence_case,
};
pub use zone::Zone;

use self::page::Page;
use crate::line_up::Channel;
use crate::schedule::{Airing, Schedule};
use crate::time::{Instant, UnixMillis};

/// How long after its last digit a number is taken to be complete, and how long the news that no
/// channel has it stays.
pub const NUMBER_ENTRY: Duration = Duration::from_secs(2);
/// How long the banner stays.
pub const BANNER: Duration = Duration::from_secs(5);
/// How long the volume bar stays after its last change.
pub const VOLUME_BAR: Duration = Duration::from_secs(2);
/// How long before its end the banner begins to fade.
pub const FADE: Duration = Duration::from_millis(400);
/// How often the screen is looked at while something moves: once per picture of any display.
pub const FRAME: Duration = Duration::from_millis(16);
/// How long a notice stays.
pub const NOTICE: Duration = Duration::from_secs(4);
/// How long before it switches off the set says so.
pub const SLEEP_WARNING: Duration = Duration::from_secs(60);
/// How long the sleep timer can be set to, in minutes, in the order of its key's presses.
pub const SLEEP_MINUTES: [u16; 5] = [15, 30, 60, 90, 120];
/// How much one press changes the volume, in percent.
pub const VOLUME_STEP: u8 = 5;
/// How loud a new set is, in percent.
pub const VOLUME_AT_FIRST: u8 = 70;
const DAY_MS: i64 = 24 * page::HOUR_MS;
/// The most digits a channel's number has.
pub const NUMBER_DIGITS_MAX: u8 = 3;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Monotonic time: how long things stay on the screen.
    pub now: Instant,
    /// Civil time: what is on.
    pub wall: UnixMillis,
}

/// A key of the remote control. Drivers map keyboards, game pads and PSP buttons onto these.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// Watching: the next channel. In the guide: the row above.
    Up,
    /// Watching: the channel before. In the guide: the row below.
    Down,
    /// Watching: quieter. In the guide: the programme before.
    Left,
    /// Watching: louder. In the guide: the programme after.
    Right,
    /// Takes the number being entered, tunes to the selected row, or shows first the banner and
    /// then the guide.
    Ok,
    /// Takes back what is on the screen, one thing at a time.
    Back,
    /// Opens and closes the guide.
    Guide,
    /// The next channel by number, after the last the first. In the guide: the page of rows above.
    ChannelUp,
    /// The channel before, before the first the last. In the guide: the page of rows below.
    ChannelDown,
    /// A digit, 0 to 9. Others are ignored.
    Digit(u8),
    /// Louder, and no longer muted.
    VolumeUp,
    /// Quieter, and no longer muted.
    VolumeDown,
    /// Sound off and on again.
    Mute,
    /// Between a window and the full screen.
    FullScreen,
    /// Back to the channel watched before.
    LastChannel,
    /// Shows or hides the banner.
    Info,
    /// In the guide: a day back.
    Earlier,
    /// In the guide: a day on.
    Later,
    /// In the guide: back to now. Watching: what is on now, after [`Key::StartOver`].
    Live,
    /// Watches the programme from its beginning.
    StartOver,
    /// The channel watched, or in the guide the one under the cursor, becomes a favourite or is one
    /// no longer.
    Favourite,
    /// The next favourite by number, after the last the first.
    NextFavourite,
    /// Subtitles on and off.
    Subtitles,
    /// The sleep timer: each press sets it to the next of [`SLEEP_MINUTES`], after the last to off.
    Sleep,
    /// Shows or hides how the stream is.
    Health,
    /// Switches the set off.
    Quit,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Tune to the channel with this index in the line-up, at [`Guide::watching_at`].
    Tune(usize),
    /// The same channel, but what [`Guide::watching_at`] says has leapt.
    Retune,
    /// Play sound at this volume in percent, 0 to 100, not muted.
    Volume(u8),
    /// Silence the sound, or let it be heard at the volume it had.
    Mute(bool),
    /// Fill the screen, or go back to a window.
    FullScreen(bool),
    /// Switch off.
    Quit,
}

/// What a set remembers from one time to the next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The id of the channel watched last.
    pub channel: String,
    /// How loud, in percent, 0 to 100.
    pub volume: u8,
    /// Whether the sound is off.
    pub muted: bool,
    /// Ids of channels. One that no channel has today is kept: perhaps its line-up comes back.
    pub favourites: Vec<String>,
    /// Whether subtitles are shown where there are any.
    pub subtitles: bool,
}

impl Default for Kept {
    /// What a new set has.
    fn default() -> Self {
        Self {
            channel: String::new(),
            volume: VOLUME_AT_FIRST,
            muted: false,
            favourites: Vec::new(),
            subtitles: false,
        }
    }
}

/// The state of the TV set that a person can see and change.
#[derive(Clone, Debug)]
pub struct Guide {
    form: Form,
    channel: usize,
    /// What was kept as the channel and is in no line-up today, until another one is watched.
    absent: Option<String>,
    last_channel: Option<usize>,
    volume: u8,
    muted: bool,
    full_screen: bool,
    favourites: Vec<String>,
    subtitles: bool,
    health: bool,
    behind: Option<Behind>,
    sleep: Option<Sleep>,
    page: Option<Page>,
    entry: Option<Entry>,
    notice: Option<Notice>,
    banner_until: Option<Instant>,
    volume_until: Option<Instant>,
}

/// What kind of screen it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// A large one: its guide is a grid of channels and hours, and things move smoothly.
    Television,
    /// One held in the hand: its guide is a list of what is on and next, and nothing moves.
    InHand,
}

/// A programme is watched later than it is on.
#[derive(Clone, Copy, Debug)]
struct Behind {
    millis: i64,
    /// When it ends for who watches it.
    until: UnixMillis,
}

/// The sleep timer.
#[derive(Clone, Copy, Debug)]
struct Sleep {
    minutes: u16,
    at: Instant,
}

/// Something the set says of its own accord.
#[derive(Clone, Debug)]
struct Notice {
    said: Said,
    until: Instant,
}

/// What is said. Some of it takes a status to put into words.
#[derive(Clone, Debug)]
enum Said {
    Sentence(String),
    Subtitles,
    Sleep,
}

/// A channel number being entered.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u16,
    digits: u8,
    channel: Option<usize>,
    /// Whether the entry is over and what is on the screen is that no channel has this number.
    unknown: bool,
    until: Instant,
}

impl Guide {
    /// A set with a large screen, as it was kept, about to show the channel it showed last or else
    /// the first. It is for the driver to tune to [`Guide::channel`].
    pub fn new(schedule: &Schedule, kept: &Kept) -> Self {
        let channels = schedule.line_up().channels.as_slice();
        let channel = channels.iter().position(|channel| channel.id == kept.channel);
        let absent = (channel.is_none() && !kept.channel.is_empty()).then(|| kept.channel.clone());
        Self {
            form: Form::Television,
            channel: channel.unwrap_or(0),
            absent,
            last_channel: None,
            volume: kept.volume.min(100),
            muted: kept.muted,
            full_screen: false,
            favourites: kept.favourites.clone(),
            subtitles: kept.subtitles,
            health: false,
            behind: None,
            sleep: None,
            page: None,
            entry: None,
            notice: None,
            banner_until: None,
            volume_until: None,
        }
    }

    /// The same with a screen that is held in the hand: its guide is a list of what is on and next,
    /// to be laid out by [`layout_in_hand`].
    pub fn in_hand(schedule: &Schedule, kept: &Kept) -> Self {
        Self { form: Form::InHand, ..Self::new(schedule, kept) }
    }

    /// What to remember until the set is switched on again. Save it when it differs from what was
    /// saved last.
    pub fn kept(&self, schedule: &Schedule) -> Kept {
        let channel = schedule.line_up().channels.get(self.channel);
        let channel = self.absent.as_ref().or(channel.map(|channel| &channel.id));
        Kept {
            channel: channel.cloned().unwrap_or_default(),
            volume: self.volume,
            muted: self.muted,
            favourites: self.favourites.clone(),
            subtitles: self.subtitles,
        }
    }

    /// Index of the channel being watched.
    pub const fn channel(&self) -> usize {
        self.channel
    }

    /// The moment of the schedule that is being watched: `wall`, or earlier after
    /// [`Key::StartOver`], until that programme has ended; then `wall` again.
    pub fn watching_at(&self, wall: UnixMillis) -> UnixMillis {
        match self.behind {
            Some(behind) if wall < behind.until => wall.plus_millis(-behind.millis),
            _ => wall,
        }
    }

    /// Channel and programme under the guide's cursor, which is what the details are about; `None`
    /// while the guide is closed.
    pub fn selected(&self, schedule: &Schedule, moment: Moment) -> Option<(usize, Airing)> {
        let page = self.page?;
        Some((page.selected, schedule.on_air(page.selected, page.cursor(moment.wall))?))
    }

    /// Volume in percent, 0 to 100, whether or not muted.
    pub const fn volume(&self) -> u8 {
        self.volume
    }

    /// Whether the sound is off.
    pub const fn muted(&self) -> bool {
        self.muted
    }

    /// Whether subtitles are to be shown.
    pub const fn subtitles(&self) -> bool {
        self.subtitles
    }

    /// A key was pressed. Say each press once: only volume and cursor keys are good to repeat while
    /// held.
    pub fn handle_key(&mut self, key: Key, schedule: &Schedule, moment: Moment) -> Option<Action> {
        let now = moment.now;
        let channels = schedule.line_up().channels.as_slice();
        match key {
            Key::Digit(digit) => self.enter_digit(digit, channels, now),
            Key::Left
            | Key::Right
            | Key::ChannelUp
            | Key::ChannelDown
            | Key::Earlier
            | Key::Later
            | Key::Live
                if self.grid_mut().is_some() =>
            {
                self.move_in_grid(key, schedule, moment)
            }
            Key::ChannelUp => self.step_channel(1, channels.len(), now),
            Key::ChannelDown => self.step_channel(-1, channels.len(), now),
            Key::LastChannel => self.tune(self.last_channel?, now),
            Key::VolumeUp => Some(self.change_volume(self.volume + VOLUME_STEP, now)),
            Key::VolumeDown => {
                Some(self.change_volume(self.volume.saturating_sub(VOLUME_STEP), now))
            }
            Key::Mute => {
                self.muted = !self.muted;
                self.volume_until = Some(now + VOLUME_BAR);
                Some(Action::Mute(self.muted))
            }
            Key::FullScreen => self.set_full_screen(!self.full_screen),
            Key::Quit => Some(Action::Quit),
            Key::Guide if self.page.is_some() => self.close_page(),
            Key::Guide => self.open_page(channels.len(), moment),
            Key::Back => self.back(),
            Key::Ok => match (self.entry, self.page) {
                (Some(entry), _) if !entry.unknown => self.take_number(entry, now),
                (_, Some(page)) => self.watch_selected(page, schedule, moment),
                _ if self.banner_until.is_some() => self.open_page(channels.len(), moment),
                _ => self.inform(now),
            },
            Key::Up | Key::Down if self.page.is_some() => {
                self.step_selection(if key == Key::Up { -1 } else { 1 }, channels.len(), now)
            }
            Key::Left | Key::Right if self.page.is_some() => None,
            Key::Up => self.handle_key(Key::ChannelUp, schedule, moment),
            Key::Down => self.handle_key(Key::ChannelDown, schedule, moment),
            Key::Left => self.handle_key(Key::VolumeDown, schedule, moment),
            Key::Right => self.handle_key(Key::VolumeUp, schedule, moment),
            Key::Info if self.banner_until.is_some() => self.hide_banner(),
            Key::Info => self.inform(now),
            Key::Earlier | Key::Later => None,
            Key::Live => self.go_live(now),
            Key::StartOver => self.start_over(schedule, moment),
            Key::Favourite => self.change_favourite(channels, now),
            Key::NextFavourite => self.tune_to_favourite(channels, now),
            Key::Subtitles => {
                self.subtitles = !self.subtitles;
                self.say(Said::Subtitles, now)
            }
            Key::Sleep => self.set_sleep(now),
            Key::Health => {
                self.health = !self.health;
                None
            }
        }
    }

    /// The pointer was pressed at pixel (`x`, `y`) of the screen that `layout` describes.
    pub fn click(
        &mut self,
        x: i32,
        y: i32,
        layout: &Layout,
        schedule: &Schedule,
        moment: Moment,
    ) -> Option<Action> {
        let now = moment.now;
        let (part, rect) = layout.hit(x, y)?;
        match part {
            Part::Row(row) => {
                let page = self.page.take()?;
                let channel = page.first + usize::from(row);
                let exists = channel < schedule.line_up().channels.len();
                self.tune(if exists { channel } else { page.selected }, now)
            }
            Part::Channel(channel) => {
                self.page = None;
                self.tune(channel.into(), now)
            }
            Part::Cell(channel, starts) => {
                let airing = schedule.on_air(channel.into(), starts)?;
                let page = self.page.as_mut()?;
                page.select(channel.into(), now);
                page.show(airing, now, moment.wall);
                let is_on = airing.starts <= moment.wall && moment.wall < airing.ends;
                let page = self.page.filter(|_| is_on)?;
                self.watch_selected(page, schedule, moment)
            }
            Part::Banner => self.handle_key(Key::Guide, schedule, moment),
            Part::VolumeTrack => {
                let percent = match rect.width > rect.height {
                    true => (x - rect.x) * 100 / rect.width.max(1),
                    false => 100 - (y - rect.y) * 100 / rect.height.max(1),
                };
                Some(self.change_volume(u8::try_from(percent).unwrap_or(0), now))
            }
            Part::Picture if self.page.is_some() => self.close_page(),
            Part::Picture => self.handle_key(Key::Info, schedule, moment),
            _ => None,
        }
    }

    /// Shows the banner: something is new, like the next programme or a notice.
    pub fn inform(&mut self, now: Instant) -> Option<Action> {
        self.banner_until = Some(now + BANNER);
        None
    }

    /// Says something for [`NOTICE`]: "A gamepad is connected."
    pub fn notify(&mut self, sentence: String, now: Instant) {
        self.say(Said::Sentence(sentence), now);
    }

    /// Moves what the guide shows by rows, down when positive, and by hours, later when positive.
    /// The cursor goes along where it would leave the screen.
    pub fn scroll(&mut self, rows: i32, hours: i32, schedule: &Schedule, moment: Moment) {
        let Moment { now, wall } = moment;
        let Some(page) = self.grid_mut() else { return };
        if rows != 0 {
            page.scroll_rows(rows as isize, schedule.line_up().channels.len(), now);
        }
        if hours != 0 {
            page.scroll_hours(i64::from(hours) * page::HOUR_MS, false, now, wall);
        }
    }

    /// The window came to fill the screen, or ceased to, by other means than an [`Action`].
    pub fn full_screen_changed(&mut self, full_screen: bool) {
        self.full_screen = full_screen;
    }

    /// Lets time pass: takes the number entered, hides what was shown long enough, comes back to
    /// what is live, switches off. One thing at a time: call it again while it returns something.
    pub fn poll(&mut self, moment: Moment) -> Option<Action> {
        let Moment { now, wall } = moment;
        self.banner_until = self.banner_until.filter(|until| now < *until);
        self.volume_until = self.volume_until.filter(|until| now < *until);
        self.notice.take_if(|notice| notice.until <= now);
        if let Some(page) = &mut self.page {
            page.follow(now, wall);
        }
        if self.sleep.take_if(|sleep| sleep.at <= now).is_some() {
            return Some(Action::Quit);
        }
        if self.behind.take_if(|behind| behind.until <= wall).is_some() {
            self.inform(now);
            return Some(Action::Retune);
        }
        match self.entry {
            Some(entry) if entry.until <= now && entry.unknown => {
                self.entry = None;
                None
            }
            Some(entry) if entry.until <= now => self.take_number(entry, now),
            _ => None,
        }
    }

    /// When [`Guide::poll`] next has something to do, or the view something to move; `None` before
    /// another input.
    pub fn next_wake(&self, moment: Moment) -> Option<Instant> {
        let Moment { now, wall } = moment;
        let live_again = self.behind.map(|behind| {
            let left = u64::try_from(behind.until.millis_since(wall)).unwrap_or(0);
            now + Duration::from_millis(left)
        });
        let is_fading = |until: Instant| until.since(now) <= self.fade();
        let is_gliding = self.page.is_some_and(|page| page.is_gliding(now));
        let is_moving = is_gliding || self.banner_until.is_some_and(is_fading);
        let warning = self.sleep.map(|sleep| {
            let before = sleep.at.since(now).saturating_sub(SLEEP_WARNING);
            if before.is_zero() { sleep.at } else { now + before }
        });
        let fading_from = self.banner_until.map(|until| {
            let before = until.since(now).saturating_sub(self.fade());
            if before.is_zero() { until } else { now + before }
        });
        let wakes = [
            is_moving.then(|| now + FRAME),
            fading_from,
            self.volume_until,
            self.notice.as_ref().map(|notice| notice.until),
            self.entry.map(|entry| entry.until),
            warning,
            live_again,
        ];
        wakes.into_iter().flatten().min()
    }

    fn tune(&mut self, channel: usize, now: Instant) -> Option<Action> {
        self.entry = None;
        self.banner_until = Some(now + BANNER);
        if let Some(page) = &mut self.page {
            page.select(channel, now);
        }
        if channel == self.channel {
            return None;
        }
        self.last_channel = Some(self.channel);
        self.channel = channel;
        self.absent = None;
        self.behind = None;
        Some(Action::Tune(channel))
    }

    fn go_live(&mut self, now: Instant) -> Option<Action> {
        self.inform(now);
        self.behind.take().map(|_| Action::Retune)
    }

    /// In the guide's grid, what is under the cursor; else what is being watched.
    fn start_over(&mut self, schedule: &Schedule, moment: Moment) -> Option<Action> {
        let Moment { now, wall } = moment;
        let in_grid = self.grid_mut().map(|page| (page.selected, page.cursor(wall)));
        let (channel, at) = in_grid.unwrap_or((self.channel, self.watching_at(wall)));
        let airing = schedule.on_air(channel, at).filter(|airing| airing.programme.is_some());
        let sentence = match airing {
            None => "There is no programme to start over.",
            Some(airing) if wall < airing.starts => "This programme has not begun yet.",
            Some(airing) if in_grid.is_some() && airing.ends <= wall => "This programme is over.",
            Some(airing) => {
                self.page = None;
                let tuned = self.tune(channel, now);
                let millis = wall.millis_since(airing.starts);
                self.behind = Some(Behind { millis, until: airing.ends.plus_millis(millis) });
                return tuned.or(Some(Action::Retune));
            }
        };
        self.say(Said::Sentence(sentence.into()), now)
    }

    fn change_favourite(&mut self, channels: &[Channel], now: Instant) -> Option<Action> {
        let channel = channels.get(self.page.map_or(self.channel, |page| page.selected))?;
        let before = self.favourites.len();
        self.favourites.retain(|id| *id != channel.id);
        let said = if self.favourites.len() == before {
            self.favourites.push(channel.id.clone());
            format!("{} is a favourite now.", channel.name)
        } else {
            format!("{} is no longer a favourite.", channel.name)
        };
        self.say(Said::Sentence(said), now)
    }

    fn tune_to_favourite(&mut self, channels: &[Channel], now: Instant) -> Option<Action> {
        let is_favourite = |index: &usize| {
            channels.get(*index).is_some_and(|channel| self.favourites.contains(&channel.id))
        };
        let after = self.channel + 1;
        let next = (after..channels.len()).chain(0..after).find(is_favourite);
        match next {
            Some(channel) => self.tune(channel, now),
            None => self.say(Said::Sentence("No channel is a favourite yet.".into()), now),
        }
    }

    fn set_sleep(&mut self, now: Instant) -> Option<Action> {
        let next = match self.sleep {
            None => SLEEP_MINUTES.first(),
            Some(set) => SLEEP_MINUTES.iter().find(|minutes| **minutes > set.minutes),
        };
        self.sleep = next.map(|minutes| Sleep {
            minutes: *minutes,
            at: now + Duration::from_secs(60 * u64::from(*minutes)),
        });
        self.say(Said::Sleep, now)
    }

    fn say(&mut self, said: Said, now: Instant) -> Option<Action> {
        self.notice = Some(Notice { said, until: now + NOTICE });
        None
    }

    fn step_channel(&mut self, step: isize, channels: usize, now: Instant) -> Option<Action> {
        self.tune(wrapping_step(self.channel, step, channels)?, now)
    }

    fn change_volume(&mut self, percent: u8, now: Instant) -> Action {
        self.volume = percent.min(100);
        self.muted = false;
        self.volume_until = Some(now + VOLUME_BAR);
        Action::Volume(self.volume)
    }

    fn set_full_screen(&mut self, full_screen: bool) -> Option<Action> {
        self.full_screen = full_screen;
        Some(Action::FullScreen(full_screen))
    }

    fn open_page(&mut self, channels: usize, moment: Moment) -> Option<Action> {
        let glide = match self.form {
            Form::Television => GLIDE,
            Form::InHand => Duration::ZERO,
        };
        self.page = Some(Page::new(self.channel, channels, moment.wall, glide));
        self.hide_banner()
    }

    fn move_in_grid(
        &mut self,
        key: Key,
        schedule: &Schedule,
        Moment { now, wall }: Moment,
    ) -> Option<Action> {
        let channels = schedule.line_up().channels.len();
        let rows = GuidePage::ROWS.cast_signed();
        let page = self.grid_mut()?;
        match key {
            Key::Left | Key::Right => {
                page.step_programme(key == Key::Right, schedule, now, wall);
            }
            Key::ChannelUp => page.step_rows(-rows, channels, now),
            Key::ChannelDown => page.step_rows(rows, channels, now),
            Key::Earlier => page.scroll_hours(-DAY_MS, true, now, wall),
            Key::Later => page.scroll_hours(DAY_MS, true, now, wall),
            _ => page.go_live(now, wall),
        }
        None
    }

    /// The page, where it is a grid.
    fn grid_mut(&mut self) -> Option<&mut Page> {
        self.page.as_mut().filter(|_| self.form == Form::Television)
    }

    /// Tunes to what is under the cursor if it is on. Else there is nothing to be done but say so.
    fn watch_selected(
        &mut self,
        page: Page,
        schedule: &Schedule,
        Moment { now, wall }: Moment,
    ) -> Option<Action> {
        let airing = schedule.on_air(page.selected, page.cursor(wall));
        let sentence = match airing {
            Some(airing) if airing.ends <= wall => "This programme is over.",
            Some(airing) if wall < airing.starts => "This programme has not begun yet.",
            _ => {
                self.page = None;
                return self.tune(page.selected, now);
            }
        };
        self.say(Said::Sentence(sentence.into()), now)
    }

    fn fade(&self) -> Duration {
        match self.form {
            Form::Television => FADE,
            Form::InHand => Duration::ZERO,
        }
    }

    fn close_page(&mut self) -> Option<Action> {
        self.page = None;
        None
    }

    fn hide_banner(&mut self) -> Option<Action> {
        self.banner_until = None;
        None
    }

    fn step_selection(&mut self, step: isize, channels: usize, now: Instant) -> Option<Action> {
        let page = self.page.as_mut()?;
        page.select(wrapping_step(page.selected, step, channels)?, now);
        None
    }

    fn back(&mut self) -> Option<Action> {
        if self.entry.take().is_some() || self.page.take().is_some() {
            return None;
        }
        let hidden = [self.banner_until.take(), self.volume_until.take()];
        if hidden.iter().any(Option::is_some) || !self.full_screen {
            return None;
        }
        self.set_full_screen(false)
    }

    fn enter_digit(&mut self, digit: u8, channels: &[Channel], now: Instant) -> Option<Action> {
        if digit > 9 {
            return None;
        }
        let (before, digits) = match self.entry {
            Some(entry) if !entry.unknown => (entry.number, entry.digits),
            _ => (0, 0),
        };
        let number = before * 10 + u16::from(digit);
        let digits = digits + 1;
        let entry = Entry {
            number,
            digits,
            channel: channels.iter().position(|channel| channel.number == number),
            unknown: false,
            until: now + NUMBER_ENTRY,
        };
        self.entry = Some(entry);
        if longer_number_exists(number, digits, channels) {
            None
        } else {
            self.take_number(entry, now)
        }
    }

    fn take_number(&mut self, entry: Entry, now: Instant) -> Option<Action> {
        match entry.channel {
            Some(channel) => self.tune(channel, now),
            None => {
                self.entry = Some(Entry { unknown: true, until: now + NUMBER_ENTRY, ..entry });
                None
            }
        }
    }
}

/// The index `step` away from `index`, round the ends; `None` when there is nothing to index.
fn wrapping_step(index: usize, step: isize, len: usize) -> Option<usize> {
    match step {
        _ if len == 0 => None,
        1.. => Some(if index + 1 < len { index + 1 } else { 0 }),
        _ => Some(index.checked_sub(1).unwrap_or(len - 1)),
    }
}

/// Whether more digits after these could make the number of a channel.
fn longer_number_exists(number: u16, digits: u8, channels: &[Channel]) -> bool {
    let (mut low, mut high) = (number, number);
    (digits..NUMBER_DIGITS_MAX).any(|_| {
        (low, high) = (low * 10, high * 10 + 9);
        channels.iter().any(|channel| (low..=high).contains(&channel.number))
    })
}
