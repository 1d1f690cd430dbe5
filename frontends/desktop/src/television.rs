//! The set itself: window, speaker and tuner put together. Shows the picture whose time has come
//! under whatever a [`View`] says, and turns what a person does into keys. What the keys mean is the
//! caller's business.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sdl2::EventPump;
use sdl2::event::{Event, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::mouse::MouseButton;
use testcard_core::guide::{Key, Part, Reception, Rect, View, layout};
use testcard_https::Options;

use crate::clock::SystemClock;
use crate::draw::Painter;
use crate::frame_dump::FrameDump;
use crate::journal::{Journal, Shown};
use crate::screen::{Area, OverlayPixels, Screen, ScreenError};
use crate::speaker::Speaker;
use crate::stop::Stop;
use crate::tuner::{Report, Tuner, trace_shown};

/// The window at first, in points: 16:9, and small enough for any display of this century.
const WINDOW: (u32, u32) = (1280, 720);

/// Sound that waits in the speaker's ring: what a busy machine may keep the tuner from running.
/// Costs nobody any time, as the ring is emptied at every change of channel.
const SPEAKER_AHEAD: Duration = Duration::from_millis(500);

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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// Pressed a key of the remote control.
    Key(Key),
    /// Pressed the pointer at this pixel of the screen.
    Click(i32, i32),
    /// Made the window fill the screen, or ceased to, by means of the desktop.
    FullScreen(bool),
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
        let sender = events.event_sender();
        setup.stop.wake_with(move || {
            let _ = sender.push_custom_event(Woken);
        });
        let sender = events.event_sender();
        let wake_window = Box::new(move || {
            // A window that is closing needs no waking.
            let _ = sender.push_custom_event(Woken);
        });
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
            self.screen.set_overlay(overlay, layout.panels().map(area))?;
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
        Ok(self.inputs(due.next_in.map_or(patience, |next| next.min(patience))))
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
        inputs
    }

    fn input(&mut self, event: &Event) -> Option<Input> {
        match event {
            Event::Quit { .. } => Some(Input::Key(Key::Quit)),
            Event::KeyDown { keycode: Some(code), repeat, .. } => {
                let key = key(*code)?;
                let may_repeat = matches!(
                    key,
                    Key::VolumeUp | Key::VolumeDown | Key::Up | Key::Down | Key::Left | Key::Right
                );
                (!repeat || may_repeat).then_some(Input::Key(key))
            }
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, clicks: 2, .. } => {
                Some(Input::Key(Key::FullScreen))
            }
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, x, y, .. } => {
                let scale = self.screen.pixels_per_point();
                Some(Input::Click((*x as f32 * scale) as i32, (*y as f32 * scale) as i32))
            }
            Event::MouseWheel { y, .. } if *y != 0 => {
                Some(Input::Key(if *y > 0 { Key::VolumeUp } else { Key::VolumeDown }))
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
            _ => None,
        }
    }
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
