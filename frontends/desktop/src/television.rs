//! The set itself: window, speaker and tuner put together. Shows the picture whose time has come
//! under whatever a [`View`] says, and turns what a person does into keys. What the keys mean is the
//! caller's business.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::{KeyboardUtil, Keycode, Mod};
use sdl2::mouse::{MouseButton, MouseUtil, MouseWheelDirection};
use sdl2::{EventPump, EventSubsystem};
use testcard_core::guide::{Key, Part, Reception, Rect, View, layout};
use testcard_core::time::{Clock, Instant};
use testcard_https::Options;

use crate::clock::SystemClock;
use crate::draw::Painter;
use crate::frame_dump::FrameDump;
use crate::journal::{Journal, Shown};
use crate::pads::{self, PadNews, Pads};
use crate::screen::{Area, OverlayPixels, Screen, ScreenError};
use crate::speaker::Speaker;
use crate::stop::Stop;
use crate::tuner::{Report, Tuner, trace_shown};

/// The window at first, in points: 16:9, and small enough for any display of this century.
const WINDOW: (u32, u32) = (1280, 720);

/// Sound that waits in the speaker's ring: what a busy machine may keep the tuner from running.
/// Costs nobody any time, as the ring is emptied at every change of channel.
const SPEAKER_AHEAD: Duration = Duration::from_millis(500);

/// How long the pointer stays on the screen when nobody moves it.
const POINTER_STAYS: Duration = Duration::from_secs(3);

/// How a set is made.
pub struct Setup {
    /// How to reach hosts.
    pub network: Options,
    /// The time.
    pub clock: SystemClock,
    /// Where events go.
    pub trace: Journal,
    /// Where the sound goes besides the speaker.
    pub sound_dump: Option<PathBuf>,
    /// Where pictures go besides the screen.
    pub frame_dump: Option<FrameDump>,
    /// What ends the program from outside: the window wakes up then.
    pub stop: Stop,
}

/// A TV set in a window.
pub struct Television {
    screen: Screen,
    events: EventPump,
    event_subsystem: EventSubsystem,
    /// `None` where the system has no way to any.
    pads: Option<Pads>,
    mouse: MouseUtil,
    keyboard: KeyboardUtil,
    /// When the pointer was last moved.
    mouse_moved: Instant,
    audio: Option<sdl2::AudioSubsystem>,
    speaker: Option<Speaker>,
    /// The volume in percent, and whether the sound is off.
    volume: (u8, bool),
    tuner: Tuner,
    painter: Painter,
    clock: SystemClock,
    trace: Arc<Mutex<Journal>>,
    frame_dump: Option<FrameDump>,
    shown: u64,
    dropped: u64,
    /// The window lost what it showed, or never showed anything.
    stale: bool,
    /// Whether a picture of the programme tuned to is on the screen.
    has_picture: bool,
}

/// What a person did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// Pressed a key of the remote control.
    Key(Key),
    /// Pressed the pointer at this pixel of the screen.
    Click {
        /// From the left.
        x: i32,
        /// From the top.
        y: i32,
    },
    /// Pressed it there a second time, right after a [`Input::Click`].
    DoubleClick {
        /// From the left.
        x: i32,
        /// From the top.
        y: i32,
    },
    /// Turned the mouse's wheel, or moved two fingers: by rows, down when positive, or by hours,
    /// later when positive.
    Wheel {
        /// Down.
        rows: i32,
        /// To the right.
        hours: i32,
    },
    /// Made the window fill the screen, or ceased to, by means of the desktop.
    FullScreen(bool),
    /// Connected a game controller of this name.
    PadConnected(String),
    /// Took one away.
    PadDisconnected,
}

impl fmt::Display for Input {
    /// As in a trace: `channel_up`, `digit 3`, `click 640,360`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(Key::Digit(digit)) => write!(f, "digit {digit}"),
            Self::Key(key) => {
                for (n, letter) in format!("{key:?}").char_indices() {
                    if n > 0 && letter.is_ascii_uppercase() {
                        f.write_str("_")?;
                    }
                    write!(f, "{}", letter.to_ascii_lowercase())?;
                }
                Ok(())
            }
            Self::Click { x, y } => write!(f, "click {x},{y}"),
            Self::DoubleClick { x, y } => write!(f, "double click {x},{y}"),
            Self::Wheel { rows, hours } => write!(f, "wheel {rows},{hours}"),
            Self::FullScreen(on) => write!(f, "full screen {}", if *on { "on" } else { "off" }),
            Self::PadConnected(name) => write!(f, "pad connected: {name}"),
            Self::PadDisconnected => f.write_str("pad disconnected"),
        }
    }
}

/// Tells the window's thread, which waits for SDL's events, that the tuner has something for it.
struct Woken;

/// The set cannot be switched on.
#[derive(Debug)]
pub struct OpenError(String);

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the window cannot be opened: {}", self.0)
    }
}

impl From<String> for OpenError {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<ScreenError> for OpenError {
    fn from(error: ScreenError) -> Self {
        Self(error.to_string())
    }
}

impl Television {
    /// Opens the window. A machine without a sound card plays silently, and says so.
    pub fn open(setup: Setup) -> Result<Self, OpenError> {
        let sdl = sdl2::init()?;
        let screen = Screen::open(&sdl.video()?, "Testcard", WINDOW.0, WINDOW.1)?;
        let audio = sdl.audio().inspect_err(|error| log::warn!("no sound: {error}")).ok();
        let trace = Arc::new(Mutex::new(setup.trace));
        let events = sdl.event()?;
        events.register_custom_event::<Woken>()?;
        setup.stop.wake_with(waker(&events));
        let wake_window = Box::new(waker(&events));
        let pads = Pads::open(&sdl).inspect_err(|error| log::warn!("no controllers: {error}")).ok();
        let mouse = sdl.mouse();
        let tuner = Tuner::start(
            setup.network,
            setup.clock.clone(),
            Arc::clone(&trace),
            setup.sound_dump,
            audio.is_some(),
            wake_window,
        )
        .map_err(|error| OpenError(error.to_string()))?;
        Ok(Self {
            screen,
            events: sdl.event_pump()?,
            event_subsystem: events,
            pads,
            mouse,
            keyboard: sdl.keyboard(),
            mouse_moved: setup.clock.now(),
            audio,
            speaker: None,
            volume: (100, false),
            tuner,
            painter: Painter::new(),
            clock: setup.clock,
            trace,
            frame_dump: setup.frame_dump,
            shown: 0,
            dropped: 0,
            stale: true,
            has_picture: false,
        })
    }

    /// What tunes.
    pub fn tuner(&self) -> &Tuner {
        &self.tuner
    }

    /// Wakes the window's thread from another one.
    pub fn waker(&self) -> impl Fn() + Send + 'static {
        waker(&self.event_subsystem)
    }

    /// Whether anybody reads what [`Television::trace`] writes.
    pub fn is_traced(&self) -> bool {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).is_traced()
    }

    /// Writes an event of the window's.
    pub fn trace(&self, event: &Shown) {
        trace_shown(&self.trace, &self.clock, event);
    }

    /// Pictures that came too late to be shown.
    pub fn pictures_dropped(&self) -> u64 {
        self.dropped
    }

    /// Pictures shown so far.
    pub fn pictures_shown(&self) -> u64 {
        self.shown
    }

    /// Width and height of the screen in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.screen.size().unwrap_or(WINDOW)
    }

    /// Plays at this volume in percent, or not at all.
    pub fn set_volume(&mut self, percent: u8, muted: bool) {
        self.volume = (percent, muted);
        if let Some(speaker) = &mut self.speaker {
            speaker.set_volume(percent);
            speaker.set_muted(muted);
        }
    }

    /// Fills the screen, or goes back to being a window.
    pub fn set_full_screen(&mut self, full_screen: bool) {
        if let Err(error) = self.screen.set_full_screen(full_screen) {
            log::warn!("{error}");
        }
        self.stale = true;
    }

    /// What was on is over: its last picture leaves the screen.
    pub fn clear_picture(&mut self) -> Result<(), ScreenError> {
        self.has_picture = false;
        self.stale = true;
        self.screen.set_picture(None)
    }

    /// What is received. A programme of which only the sound can be played has words on the screen
    /// where its picture would be.
    pub fn reception(&self, report: &Report) -> Reception {
        match (&report.reception, &report.notice) {
            (Reception::Playing, Some(notice)) if !self.has_picture => {
                Reception::Waiting { why: notice.clone() }
            }
            (reception, _) => reception.clone(),
        }
    }

    /// Shows what is due under `view`, and waits for something to happen, at most `patience`.
    pub fn turn(
        &mut self,
        view: &View,
        report: &Report,
        patience: Duration,
    ) -> Result<Vec<Input>, ScreenError> {
        self.connect_speaker(report);
        let due = self.tuner.due_picture();
        self.dropped += due.dropped;
        if let Some(picture) = &due.picture {
            self.screen.set_picture(Some((picture, report.orientation)))?;
            self.has_picture = true;
            self.stale = true;
        }
        let (width, height) = self.size();
        if self.painter.paint(view, width, height) {
            let layout = layout(width, height, view);
            let area = |rect: Rect| Area {
                x: rect.x,
                y: rect.y,
                width: rect.width.unsigned_abs(),
                height: rect.height.unsigned_abs(),
            };
            self.screen.set_picture_area(layout.place(Part::Picture).map(|at| area(at.rect)));
            let canvas = self.painter.canvas();
            let (width, height) = (canvas.width(), canvas.height());
            let overlay = OverlayPixels { width, height, rgba: canvas.pixels() };
            let changed = self.painter.damage().iter().copied().map(area);
            self.screen.set_overlay(overlay, layout.panels().map(area), changed)?;
            self.stale = true;
        }
        if std::mem::take(&mut self.stale) {
            self.screen.present()?;
        }
        if let Some(picture) = due.picture {
            let pts_us = picture.pts.as_micros();
            let sound_frames = due.sound_frames;
            let event = Shown::Picture { n: self.shown, pts_us, sound_frames };
            trace_shown(&self.trace, &self.clock, &event);
            self.shown += 1;
            if let Some(dump) = &mut self.frame_dump
                && let Err(error) = dump.write(&picture)
            {
                log::warn!("pictures cannot be dumped any further: {error}");
                self.frame_dump = None;
            }
        }
        let patience = self.hide_pointer(patience);
        let patience = due.next_in.map_or(patience, |next| next.min(patience));
        Ok(self.inputs(patience))
    }

    /// Hides a pointer that nobody moves; how long until there is something to do.
    fn hide_pointer(&self, patience: Duration) -> Duration {
        if !self.mouse.is_cursor_showing() {
            return patience;
        }
        let left = (self.mouse_moved + POINTER_STAYS).since(self.clock.now());
        if left.is_zero() {
            self.mouse.show_cursor(false);
            return patience;
        }
        patience.min(left)
    }

    /// Writes the last line of the trace.
    pub fn finish(self) {
        let report = self.tuner.report();
        let (bytes, exchanges) = report.totals;
        let summary = Shown::Summary {
            pictures: self.shown,
            dropped: self.dropped,
            bytes,
            exchanges,
            underruns: report.underruns.into(),
        };
        drop(self.tuner);
        trace_shown(&self.trace, &self.clock, &summary);
    }

    fn connect_speaker(&mut self, report: &Report) {
        let (Some(rate), Some(audio)) = (report.speaker_wanted, &self.audio) else { return };
        // The old one first: some machines have but one.
        self.speaker = None;
        let ahead = rate as usize * SPEAKER_AHEAD.as_millis() as usize / 1000;
        match Speaker::open(audio, rate, ahead) {
            Ok((mut speaker, feed)) => {
                speaker.set_volume(self.volume.0);
                speaker.set_muted(self.volume.1);
                speaker.play();
                self.speaker = Some(speaker);
                self.tuner.connect_speaker(Some(feed));
            }
            Err(error) => {
                log::warn!("{error}");
                self.tuner.connect_speaker(None);
            }
        }
    }

    /// What happened within `patience`, or at once if something has.
    fn inputs(&mut self, patience: Duration) -> Vec<Input> {
        // SDL counts whole milliseconds; rounding up would show every picture late.
        let now = self.clock.now();
        let repeat = self.pads.as_mut().and_then(|pads| pads.held().next_wake());
        let patience = repeat.map_or(patience, |due| patience.min(due.since(now)));
        let millis = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        let first = match millis {
            0 => self.events.poll_event(),
            millis => self.events.wait_event_timeout(millis),
        };
        let mut inputs = Vec::new();
        let mut next = first;
        while let Some(event) = next {
            inputs.extend(self.input(&event));
            next = self.events.poll_event();
        }
        let now = self.clock.now();
        if let Some(key) = self.pads.as_mut().and_then(|pads| pads.held().poll(now)) {
            inputs.push(Input::Key(key));
        }
        inputs
    }

    fn input(&mut self, event: &Event) -> Option<Input> {
        match event {
            Event::Quit { .. } => Some(Input::Key(Key::Quit)),
            Event::KeyDown { keycode: Some(code), repeat, .. } => {
                let key = key(*code)?;
                (!repeat || pads::repeats(key)).then_some(Input::Key(key))
            }
            Event::MouseMotion { .. } => {
                self.show_pointer();
                None
            }
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, clicks, x, y, .. } => {
                self.show_pointer();
                let scale = self.screen.pixels_per_point();
                let (x, y) = ((*x as f32 * scale) as i32, (*y as f32 * scale) as i32);
                // A third one is the first of two again.
                Some(match clicks % 2 {
                    0 => Input::DoubleClick { x, y },
                    _ => Input::Click { x, y },
                })
            }
            // As remote controls have them that are sold as mice.
            Event::MouseButtonDown { mouse_btn: MouseButton::Right, .. } => {
                Some(Input::Key(Key::Back))
            }
            Event::MouseButtonDown { mouse_btn: MouseButton::Middle, .. } => {
                Some(Input::Key(Key::Guide))
            }
            Event::MouseWheel { x, y, direction, .. } => {
                let sign = if *direction == MouseWheelDirection::Flipped { -1 } else { 1 };
                // Away from a person is up; a mouse with one wheel goes sideways with Shift.
                let (x, y) = (x.saturating_mul(sign), y.saturating_mul(-sign));
                let held = self.keyboard.mod_state();
                let is_sideways = held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD);
                let (rows, hours) = if is_sideways && x == 0 { (0, y) } else { (y, x) };
                ((rows, hours) != (0, 0)).then_some(Input::Wheel { rows, hours })
            }
            Event::Window { win_event, .. } => {
                self.stale = true;
                match win_event {
                    WindowEvent::SizeChanged(..) => {
                        Some(Input::FullScreen(self.screen.is_full_screen()))
                    }
                    _ => None,
                }
            }
            Event::RenderTargetsReset { .. } | Event::RenderDeviceReset { .. } => {
                self.stale = true;
                None
            }
            event => match self.pads.as_mut()?.event(event, self.clock.now())? {
                PadNews::Key(key) => Some(Input::Key(key)),
                PadNews::Connected(name) => Some(Input::PadConnected(name)),
                PadNews::Disconnected => Some(Input::PadDisconnected),
            },
        }
    }

    fn show_pointer(&mut self) {
        self.mouse_moved = self.clock.now();
        if !self.mouse.is_cursor_showing() {
            self.mouse.show_cursor(true);
        }
    }
}

/// What wakes the window's thread. A window that is closing needs no waking.
fn waker(events: &EventSubsystem) -> impl Fn() + Send + 'static {
    let sender = events.event_sender();
    move || drop(sender.push_custom_event(Woken))
}

/// A keyboard as a remote control. Media keys are those of remote controls that speak USB.
fn key(code: Keycode) -> Option<Key> {
    Some(match code {
        Keycode::Up => Key::Up,
        Keycode::Down => Key::Down,
        Keycode::Left => Key::Left,
        Keycode::Right => Key::Right,
        Keycode::Return | Keycode::KpEnter => Key::Ok,
        Keycode::Escape => Key::Back,
        Keycode::G | Keycode::Tab => Key::Guide,
        Keycode::PageUp => Key::ChannelUp,
        Keycode::PageDown => Key::ChannelDown,
        Keycode::Plus | Keycode::Equals | Keycode::KpPlus | Keycode::VolumeUp => Key::VolumeUp,
        Keycode::Minus | Keycode::KpMinus | Keycode::VolumeDown => Key::VolumeDown,
        Keycode::M | Keycode::Mute | Keycode::AudioMute => Key::Mute,
        Keycode::F | Keycode::F11 => Key::FullScreen,
        Keycode::Backspace | Keycode::L => Key::LastChannel,
        Keycode::I => Key::Info,
        Keycode::LeftBracket => Key::Earlier,
        Keycode::RightBracket => Key::Later,
        Keycode::N | Keycode::Home => Key::Live,
        Keycode::S => Key::StartOver,
        Keycode::B => Key::Favourite,
        Keycode::V => Key::NextFavourite,
        Keycode::C => Key::Subtitles,
        Keycode::Z | Keycode::Sleep => Key::Sleep,
        Keycode::H => Key::Health,
        Keycode::Q | Keycode::Power => Key::Quit,
        Keycode::Num0 | Keycode::Kp0 => Key::Digit(0),
        Keycode::Num1 | Keycode::Kp1 => Key::Digit(1),
        Keycode::Num2 | Keycode::Kp2 => Key::Digit(2),
        Keycode::Num3 | Keycode::Kp3 => Key::Digit(3),
        Keycode::Num4 | Keycode::Kp4 => Key::Digit(4),
        Keycode::Num5 | Keycode::Kp5 => Key::Digit(5),
        Keycode::Num6 | Keycode::Kp6 => Key::Digit(6),
        Keycode::Num7 | Keycode::Kp7 => Key::Digit(7),
        Keycode::Num8 | Keycode::Kp8 => Key::Digit(8),
        Keycode::Num9 | Keycode::Kp9 => Key::Digit(9),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_remote_control_is_on_the_keyboard() {
        // Characters, and keys without one (SDL_keycode.h).
        let codes = (0..128).chain((1 << 30)..(1 << 30) + 512);
        let there: Vec<Key> = codes.filter_map(Keycode::from_i32).filter_map(key).collect();
        let wanted = [
            Key::Up,
            Key::Down,
            Key::Left,
            Key::Right,
            Key::Ok,
            Key::Back,
            Key::Guide,
            Key::ChannelUp,
            Key::ChannelDown,
            Key::VolumeUp,
            Key::VolumeDown,
            Key::Mute,
            Key::FullScreen,
            Key::LastChannel,
            Key::Info,
            Key::Earlier,
            Key::Later,
            Key::Live,
            Key::StartOver,
            Key::Favourite,
            Key::NextFavourite,
            Key::Subtitles,
            Key::Sleep,
            Key::Health,
            Key::Quit,
        ];
        for key in wanted.into_iter().chain((0..10).map(Key::Digit)) {
            assert!(there.contains(&key), "{key:?}");
        }
    }

    #[test]
    fn a_trace_says_what_was_done_in_one_way_only() {
        for (input, said) in [
            (Input::Key(Key::ChannelUp), "channel_up"),
            (Input::Key(Key::Ok), "ok"),
            (Input::Key(Key::Digit(3)), "digit 3"),
            (Input::Click { x: 640, y: 360 }, "click 640,360"),
            (Input::Wheel { rows: -1, hours: 0 }, "wheel -1,0"),
            (Input::FullScreen(true), "full screen on"),
        ] {
            assert_eq!(input.to_string(), said);
        }
    }
}
