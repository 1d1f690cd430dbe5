//! Game controllers as remote controls: which button is which key, sticks and triggers as buttons,
//! and directions that repeat while held. Controllers come and go at any time. Never decides what a
//! key does.

use std::time::Duration;

use sdl2::GameControllerSubsystem;
use sdl2::controller::{Axis, Button, GameController};
use sdl2::event::Event;
use testcard_core::guide::Key;
use testcard_core::time::Instant;

/// How long a direction is held before it repeats, and how often it does then. As keyboards do it.
const REPEAT_AFTER: Duration = Duration::from_millis(400);
const REPEAT_EVERY: Duration = Duration::from_millis(100);

/// How far of its 32,767 an axis has to be moved to count as pressed, and how far back to count as
/// let go. Between the two nothing changes, so that a worn stick does not chatter.
const PRESSED: i16 = 20_000;
const LET_GO: i16 = 12_000;

/// Controllers open at a time. More are ignored: nobody has more hands.
const OPEN_MAX: usize = 8;

/// What a finger moves on a controller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Control {
    /// A button.
    Button(Button),
    /// A stick to one side, or a trigger.
    Axis(Axis, Side),
}

/// Which way an axis is moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Left or up.
    Less,
    /// Right or down; a trigger pulled.
    More,
}

/// A controller as a remote control, named as SDL names it: A is the lower, B the right, X the left,
/// Y the upper of the four.
pub fn key(control: Control) -> Option<Key> {
    use Control::Axis as Moved;
    use Control::Button as Pressed;
    Some(match control {
        Pressed(Button::DPadUp) | Moved(Axis::LeftY, Side::Less) => Key::Up,
        Pressed(Button::DPadDown) | Moved(Axis::LeftY, Side::More) => Key::Down,
        Pressed(Button::DPadLeft) | Moved(Axis::LeftX, Side::Less) => Key::Left,
        Pressed(Button::DPadRight) | Moved(Axis::LeftX, Side::More) => Key::Right,
        Pressed(Button::A) => Key::Ok,
        Pressed(Button::B) => Key::Back,
        Pressed(Button::Y | Button::Start | Button::Guide) => Key::Guide,
        Pressed(Button::X) => Key::Info,
        Pressed(Button::Back) => Key::LastChannel,
        Pressed(Button::LeftShoulder) => Key::ChannelDown,
        Pressed(Button::RightShoulder) => Key::ChannelUp,
        Moved(Axis::TriggerLeft, Side::More) => Key::Earlier,
        Moved(Axis::TriggerRight, Side::More) => Key::Later,
        Pressed(Button::LeftStick) => Key::Mute,
        Pressed(Button::RightStick) => Key::Subtitles,
        Moved(Axis::RightY, Side::Less) => Key::VolumeUp,
        Moved(Axis::RightY, Side::More) => Key::VolumeDown,
        _ => return None,
    })
}

/// Whether a key is good to repeat while it is held.
pub fn repeats(key: Key) -> bool {
    matches!(
        key,
        Key::Up
            | Key::Down
            | Key::Left
            | Key::Right
            | Key::Earlier
            | Key::Later
            | Key::VolumeUp
            | Key::VolumeDown
    )
}

/// Which controls are held down on which controllers, and what repeats. Knows no SDL but its names.
#[derive(Debug, Default)]
pub struct Held {
    down: Vec<(u32, Control)>,
    /// The key pressed last, when it is due again.
    repeating: Option<(u32, Control, Key, Instant)>,
}

impl Held {
    /// A control of controller `pad` was pressed; the key that it is.
    pub fn press(&mut self, pad: u32, control: Control, now: Instant) -> Option<Key> {
        if self.down.contains(&(pad, control)) {
            return None;
        }
        let key = key(control)?;
        self.down.push((pad, control));
        self.repeating = repeats(key).then_some((pad, control, key, now + REPEAT_AFTER));
        Some(key)
    }

    /// A control was let go.
    pub fn release(&mut self, pad: u32, control: Control) {
        self.release_all(|held| held == (pad, control));
    }

    /// An axis is at a place, -32,768 to 32,767; the key that it becomes, if any.
    pub fn move_axis(&mut self, pad: u32, axis: Axis, place: i16, now: Instant) -> Option<Key> {
        let sides = [(Side::Less, place.saturating_neg()), (Side::More, place)];
        let mut pressed = None;
        for (side, how_far) in sides {
            let control = Control::Axis(axis, side);
            match how_far {
                PRESSED.. => pressed = self.press(pad, control, now),
                LET_GO.. => {}
                _ => self.release(pad, control),
            }
        }
        pressed
    }

    /// A controller is gone, and with it what was held on it.
    pub fn forget(&mut self, pad: u32) {
        self.release_all(|(held_on, _)| held_on == pad);
    }

    /// The key that repeats now, if one does.
    pub fn poll(&mut self, now: Instant) -> Option<Key> {
        let (_, _, key, due) = self.repeating.as_mut()?;
        if *due > now {
            return None;
        }
        // Not sooner than from now on: a busy machine does not catch up on repeats.
        *due = now + REPEAT_EVERY;
        Some(*key)
    }

    /// When [`Held::poll`] next has something to say.
    pub fn next_wake(&self) -> Option<Instant> {
        self.repeating.map(|(_, _, _, due)| due)
    }

    fn release_all(&mut self, which: impl Fn((u32, Control)) -> bool) {
        self.down.retain(|held| !which(*held));
        self.repeating = self.repeating.filter(|(pad, control, ..)| !which((*pad, *control)));
    }
}

/// What a controller did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PadNews {
    /// A key.
    Key(Key),
    /// A controller of this name is there and works.
    Connected(String),
    /// One is gone.
    Disconnected,
}

/// The controllers of this machine.
pub struct Pads {
    subsystem: GameControllerSubsystem,
    /// Closed when they leave this list.
    open: Vec<GameController>,
    held: Held,
}

impl Pads {
    /// Listens to all that are there and come later: SDL says of both in the same way.
    ///
    /// # Errors
    /// When the system has no way to controllers.
    pub fn open(sdl: &sdl2::Sdl) -> Result<Self, String> {
        let subsystem = sdl.game_controller()?;
        Ok(Self { subsystem, open: Vec::new(), held: Held::default() })
    }

    /// Hears of an event.
    pub fn event(&mut self, event: &Event, now: Instant) -> Option<PadNews> {
        let key = match event {
            Event::ControllerDeviceAdded { which, .. } => return self.connect(*which),
            Event::ControllerDeviceRemoved { which, .. } => return self.disconnect(*which),
            Event::ControllerButtonDown { which, button, .. } => {
                self.held.press(*which, Control::Button(*button), now)
            }
            Event::ControllerButtonUp { which, button, .. } => {
                self.held.release(*which, Control::Button(*button));
                None
            }
            Event::ControllerAxisMotion { which, axis, value, .. } => {
                self.held.move_axis(*which, *axis, *value, now)
            }
            _ => None,
        };
        key.map(PadNews::Key)
    }

    /// What repeats, and when.
    pub fn held(&mut self) -> &mut Held {
        &mut self.held
    }

    /// `index` is SDL's number of it among all that are there now.
    fn connect(&mut self, index: u32) -> Option<PadNews> {
        let controller = match self.subsystem.open(index) {
            Ok(controller) => controller,
            Err(error) => {
                log::warn!("a game controller cannot be used: {error}");
                return None;
            }
        };
        // SDL tells of the same one again when its mapping changes.
        let is_known = self.open.iter().any(|pad| pad.instance_id() == controller.instance_id());
        if is_known || self.open.len() == OPEN_MAX {
            return None;
        }
        let name = controller.name();
        log::info!("game controller: {name}");
        self.open.push(controller);
        Some(PadNews::Connected(name))
    }

    fn disconnect(&mut self, id: u32) -> Option<PadNews> {
        let before = self.open.len();
        self.open.retain(|pad| pad.instance_id() != id);
        self.held.forget(id);
        (self.open.len() < before).then_some(PadNews::Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn every_button_and_stick_is_the_key_that_the_manual_says() {
        use Button::*;
        let buttons = [
            (DPadUp, Some(Key::Up)),
            (DPadDown, Some(Key::Down)),
            (DPadLeft, Some(Key::Left)),
            (DPadRight, Some(Key::Right)),
            (A, Some(Key::Ok)),
            (B, Some(Key::Back)),
            (X, Some(Key::Info)),
            (Y, Some(Key::Guide)),
            (Start, Some(Key::Guide)),
            (Guide, Some(Key::Guide)),
            (Back, Some(Key::LastChannel)),
            (LeftShoulder, Some(Key::ChannelDown)),
            (RightShoulder, Some(Key::ChannelUp)),
            (LeftStick, Some(Key::Mute)),
            (RightStick, Some(Key::Subtitles)),
            (Paddle1, None),
        ];
        for (button, expected) in buttons {
            assert_eq!(key(Control::Button(button)), expected, "{button:?}");
        }
        let axes = [
            (Axis::LeftX, Some(Key::Left), Some(Key::Right)),
            (Axis::LeftY, Some(Key::Up), Some(Key::Down)),
            (Axis::RightX, None, None),
            (Axis::RightY, Some(Key::VolumeUp), Some(Key::VolumeDown)),
            (Axis::TriggerLeft, None, Some(Key::Earlier)),
            (Axis::TriggerRight, None, Some(Key::Later)),
        ];
        for (axis, less, more) in axes {
            assert_eq!(key(Control::Axis(axis, Side::Less)), less, "{axis:?}");
            assert_eq!(key(Control::Axis(axis, Side::More)), more, "{axis:?}");
        }
    }

    #[test]
    fn a_direction_repeats_while_it_is_held_and_a_button_does_not() {
        let mut held = Held::default();
        let down = Control::Button(Button::DPadDown);
        assert_eq!(held.press(1, down, at(0)), Some(Key::Down));
        assert_eq!(held.press(1, down, at(5)), None, "it is down already");
        assert_eq!(held.next_wake(), Some(at(400)));
        assert_eq!(held.poll(at(399)), None);
        assert_eq!(held.poll(at(400)), Some(Key::Down));
        assert_eq!(held.poll(at(499)), None);
        assert_eq!(held.poll(at(5000)), Some(Key::Down));
        assert_eq!(held.poll(at(5001)), None, "what was missed is not caught up on");
        held.release(1, down);
        assert_eq!((held.poll(at(9000)), held.next_wake()), (None, None));
        assert_eq!(held.press(1, Control::Button(Button::A), at(0)), Some(Key::Ok));
        assert_eq!(held.next_wake(), None);
    }

    #[test]
    fn a_stick_counts_once_it_is_far_out_and_until_it_is_nearly_back() {
        let mut held = Held::default();
        let mut stick = |place| held.move_axis(1, Axis::LeftX, place, at(0));
        assert_eq!(stick(19_999), None);
        assert_eq!(stick(20_000), Some(Key::Right));
        assert_eq!(stick(32_767), None);
        assert_eq!(stick(12_000), None);
        assert_eq!(stick(20_000), None, "it was never let go");
        assert_eq!(stick(i16::MIN), Some(Key::Left));
        assert_eq!(stick(0), None);
        assert_eq!(stick(20_000), Some(Key::Right));
    }

    #[test]
    fn what_is_held_on_a_controller_that_is_gone_does_not_repeat_for_ever() {
        let mut held = Held::default();
        held.press(1, Control::Button(Button::DPadUp), at(0));
        held.forget(2);
        assert_eq!(held.poll(at(400)), Some(Key::Up));
        held.forget(1);
        assert_eq!(held.poll(at(1000)), None);
        assert_eq!(held.press(1, Control::Button(Button::DPadUp), at(2000)), Some(Key::Up));
    }
}
