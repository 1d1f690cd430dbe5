//! The TV as a person operates it: keys and clicks in; what to tune, how loud, and a description of
//! the screen out. It never draws, plays, reads a clock or touches the network: a driver reports
//! what the tuner is doing as a [`Status`], draws the [`View`], and carries out each [`Action`].
//!
//! The contract with a driver, in the order of one turn:
//!
//! 1. inputs: [`Guide::handle_key`], [`Guide::click`], [`Guide::inform`];
//! 2. [`Guide::poll`], for what falls due by itself; call it again when [`Guide::next_wake`] says;
//! 3. output: [`Guide::view`], then [`layout`] (or [`layout_in_hand`]) to find the place of
//!    everything in it.
//!
//! A view that equals the one before needs no drawing. Left alone, it changes at most once a second.

mod layout;
mod stage;
#[cfg(test)]
mod tests;
mod view;

use core::time::Duration;

pub use layout::{Element, Layout, Part, Rect, layout, layout_in_hand};
pub use stage::{ASKING, stage};
pub use view::{
    Backdrop, Banner, Card, GuidePage, Hours, Next, NumberEntry, OnAir, Reception, Row, SoundPage,
    Station, Status, Titled, View, Volume, sentence_case,
};

use crate::line_up::Channel;
use crate::schedule::Schedule;
use crate::time::Instant;

/// How long after its last digit a number is taken to be complete, and how long the news that no
/// channel has it stays.
pub const NUMBER_ENTRY: Duration = Duration::from_secs(2);
/// How long the banner stays.
pub const BANNER: Duration = Duration::from_secs(5);
/// How long the volume bar stays after its last change.
pub const VOLUME_BAR: Duration = Duration::from_secs(2);
/// How much one press changes the volume, in percent.
pub const VOLUME_STEP: u8 = 5;
/// How loud a new set is, in percent.
pub const VOLUME_AT_FIRST: u8 = 70;
/// The most digits a channel's number has.
pub const NUMBER_DIGITS_MAX: u8 = 3;

/// A key of the remote control. Drivers map keyboards, game pads and PSP buttons onto these.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// Watching: the next channel. In the guide: the row above.
    Up,
    /// Watching: the channel before. In the guide: the row below.
    Down,
    /// Watching: quieter.
    Left,
    /// Watching: louder.
    Right,
    /// Takes the number being entered, tunes to the selected row, or shows first the banner and
    /// then the guide.
    Ok,
    /// Takes back what is on the screen, one thing at a time.
    Back,
    /// Opens and closes the guide.
    Guide,
    /// The next channel by number, after the last the first.
    ChannelUp,
    /// The channel before, before the first the last.
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
    /// Switches the set off.
    Quit,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Tune to the channel with this index in the line-up.
    Tune(usize),
    /// Play sound at this volume in percent, 0 to 100, not muted.
    Volume(u8),
    /// Silence the sound, or let it be heard at the volume it had.
    Mute(bool),
    /// Fill the screen, or go back to a window.
    FullScreen(bool),
    /// Switch off.
    Quit,
}

/// The state of the TV set that a person can see and change.
#[derive(Clone, Debug)]
pub struct Guide {
    channel: usize,
    last_channel: Option<usize>,
    volume: u8,
    muted: bool,
    full_screen: bool,
    page: Option<Page>,
    entry: Option<Entry>,
    banner_until: Option<Instant>,
    volume_until: Option<Instant>,
}

/// The guide's cursor, as indices of channels.
#[derive(Clone, Copy, Debug)]
struct Page {
    selected: usize,
    /// The top row. The selected row is one of the [`GuidePage::ROWS`] from here.
    first: usize,
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
    /// A set that is about to show the channel with index `channel` of the line-up, or the first
    /// one when there are fewer. It is for the driver to tune to [`Guide::channel`].
    pub fn new(schedule: &Schedule, channel: usize) -> Self {
        let exists = channel < schedule.line_up().channels.len();
        Self {
            channel: if exists { channel } else { 0 },
            last_channel: None,
            volume: VOLUME_AT_FIRST,
            muted: false,
            full_screen: false,
            page: None,
            entry: None,
            banner_until: None,
            volume_until: None,
        }
    }

    /// Index of the channel being watched.
    pub const fn channel(&self) -> usize {
        self.channel
    }

    /// Volume in percent, 0 to 100, whether or not muted.
    pub const fn volume(&self) -> u8 {
        self.volume
    }

    /// Sets the volume in percent, at most 100, without showing it: what was kept from the last
    /// time.
    pub fn set_volume(&mut self, percent: u8) {
        self.volume = percent.min(100);
    }

    /// Whether the sound is off.
    pub const fn muted(&self) -> bool {
        self.muted
    }

    /// A key was pressed. Say each press once: only volume and cursor keys are good to repeat while
    /// held.
    pub fn handle_key(&mut self, key: Key, schedule: &Schedule, now: Instant) -> Option<Action> {
        let channels = schedule.line_up().channels.as_slice();
        match key {
            Key::Digit(digit) => self.enter_digit(digit, channels, now),
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
            Key::Guide => self.open_page(channels.len()),
            Key::Back => self.back(),
            Key::Ok => match (self.entry, self.page) {
                (Some(entry), _) if !entry.unknown => self.take_number(entry, now),
                (_, Some(page)) => {
                    self.page = None;
                    self.tune(page.selected, now)
                }
                _ if self.banner_until.is_some() => self.open_page(channels.len()),
                _ => self.inform(now),
            },
            Key::Up | Key::Down if self.page.is_some() => {
                self.step_selection(if key == Key::Up { -1 } else { 1 }, channels.len())
            }
            Key::Left | Key::Right if self.page.is_some() => None,
            Key::Up => self.handle_key(Key::ChannelUp, schedule, now),
            Key::Down => self.handle_key(Key::ChannelDown, schedule, now),
            Key::Left => self.handle_key(Key::VolumeDown, schedule, now),
            Key::Right => self.handle_key(Key::VolumeUp, schedule, now),
            Key::Info if self.banner_until.is_some() => self.hide_banner(),
            Key::Info => self.inform(now),
        }
    }

    /// The pointer was pressed at pixel (`x`, `y`) of the screen that `layout` describes.
    pub fn click(
        &mut self,
        x: i32,
        y: i32,
        layout: &Layout,
        schedule: &Schedule,
        now: Instant,
    ) -> Option<Action> {
        let (part, rect) = layout.hit(x, y)?;
        match part {
            Part::Row(row) => {
                let page = self.page.take()?;
                let channel = page.first + usize::from(row);
                let exists = channel < schedule.line_up().channels.len();
                self.tune(if exists { channel } else { page.selected }, now)
            }
            Part::Banner => self.handle_key(Key::Guide, schedule, now),
            Part::VolumeTrack => {
                let percent = match rect.width > rect.height {
                    true => (x - rect.x) * 100 / rect.width.max(1),
                    false => 100 - (y - rect.y) * 100 / rect.height.max(1),
                };
                Some(self.change_volume(u8::try_from(percent).unwrap_or(0), now))
            }
            Part::Picture if self.page.is_some() => self.close_page(),
            Part::Picture => self.handle_key(Key::Info, schedule, now),
            _ => None,
        }
    }

    /// Shows the banner: something is new, like the next programme or a notice.
    pub fn inform(&mut self, now: Instant) -> Option<Action> {
        self.banner_until = Some(now + BANNER);
        None
    }

    /// The window came to fill the screen, or ceased to, by other means than an [`Action`].
    pub fn full_screen_changed(&mut self, full_screen: bool) {
        self.full_screen = full_screen;
    }

    /// Lets time pass: takes the number entered, hides what was shown long enough.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        self.banner_until = self.banner_until.filter(|until| now < *until);
        self.volume_until = self.volume_until.filter(|until| now < *until);
        match self.entry {
            Some(entry) if entry.until <= now && entry.unknown => {
                self.entry = None;
                None
            }
            Some(entry) if entry.until <= now => self.take_number(entry, now),
            _ => None,
        }
    }

    /// When [`Guide::poll`] next has something to do; `None` before another input.
    pub fn next_wake(&self) -> Option<Instant> {
        [self.banner_until, self.volume_until, self.entry.map(|entry| entry.until)]
            .into_iter()
            .flatten()
            .min()
    }

    fn tune(&mut self, channel: usize, now: Instant) -> Option<Action> {
        self.entry = None;
        self.banner_until = Some(now + BANNER);
        if let Some(page) = &mut self.page {
            page.select(channel);
        }
        if channel == self.channel {
            return None;
        }
        self.last_channel = Some(self.channel);
        self.channel = channel;
        Some(Action::Tune(channel))
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

    fn open_page(&mut self, channels: usize) -> Option<Action> {
        let mut page = Page { selected: 0, first: 0 };
        // The channel watched comes in the middle where there are rows enough around it.
        let last_first = channels.saturating_sub(GuidePage::ROWS);
        page.first = self.channel.saturating_sub(GuidePage::ROWS / 2).min(last_first);
        page.select(self.channel);
        self.page = Some(page);
        self.hide_banner()
    }

    fn close_page(&mut self) -> Option<Action> {
        self.page = None;
        None
    }

    fn hide_banner(&mut self) -> Option<Action> {
        self.banner_until = None;
        None
    }

    fn step_selection(&mut self, step: isize, channels: usize) -> Option<Action> {
        let page = self.page.as_mut()?;
        page.select(wrapping_step(page.selected, step, channels)?);
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

impl Page {
    /// Moves the cursor, and the rows as little as it takes for it to be among them.
    fn select(&mut self, channel: usize) {
        self.selected = channel;
        self.first = self.first.clamp((channel + 1).saturating_sub(GuidePage::ROWS), channel);
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
