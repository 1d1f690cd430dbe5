//! The buttons as a remote control. The firmware looks at them sixty times a second and keeps what
//! was pressed until it is asked, so that a short press is never lost, however busy the set is. Only
//! reads.

use core::time::Duration;

use psp::sys::{self, CtrlButtons, CtrlMode, SceCtrlLatch};
use testcard_core::guide::Key;
use testcard_core::time::Instant;
use testcard_psp_screen::Confirm;

/// How long a button is held before it repeats, and how often it does then.
const REPEAT_AFTER: Duration = Duration::from_millis(400);
const REPEAT_EVERY: Duration = Duration::from_millis(120);

/// The buttons that repeat while held.
const REPEATING: CtrlButtons =
    CtrlButtons::UP.union(CtrlButtons::DOWN).union(CtrlButtons::LEFT).union(CtrlButtons::RIGHT);

/// What every button is on the remote control, but for the two that say yes and no.
const KEYS: [(CtrlButtons, Key); 10] = [
    (CtrlButtons::UP, Key::Up),
    (CtrlButtons::DOWN, Key::Down),
    (CtrlButtons::LEFT, Key::Left),
    (CtrlButtons::RIGHT, Key::Right),
    (CtrlButtons::RTRIGGER, Key::ChannelUp),
    (CtrlButtons::LTRIGGER, Key::ChannelDown),
    (CtrlButtons::TRIANGLE, Key::Guide),
    (CtrlButtons::SQUARE, Key::Info),
    (CtrlButtons::SELECT, Key::Mute),
    (CtrlButtons::START, Key::LastChannel),
];

/// A key of the remote control was pressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Press {
    /// Which.
    pub key: Key,
    /// Whether it is only still being held.
    pub is_repeat: bool,
}

/// The buttons.
pub struct Pad {
    confirm: Confirm,
    /// What is held and repeats, and when it does next.
    held: Option<(CtrlButtons, Instant)>,
}

impl Pad {
    /// The buttons of a console where `confirm` says yes. Presses from before now are forgotten.
    pub fn new(confirm: Confirm) -> Self {
        // SAFETY: takes numbers. 0: the firmware looks once in each refresh of the screen.
        unsafe {
            sys::sceCtrlSetSamplingCycle(0);
            sys::sceCtrlSetSamplingMode(CtrlMode::Digital);
        }
        let mut pad = Self { confirm, held: None };
        pad.read();
        pad
    }

    /// What was pressed since the last call, in no particular order: within a sixtieth of a second
    /// nobody has one in mind.
    pub fn presses(&mut self, now: Instant) -> impl Iterator<Item = Press> + use<> {
        let (pressed, down) = self.read();
        let yes_no = match self.confirm {
            Confirm::Cross => [(CtrlButtons::CROSS, Key::Ok), (CtrlButtons::CIRCLE, Key::Back)],
            Confirm::Circle => [(CtrlButtons::CIRCLE, Key::Ok), (CtrlButtons::CROSS, Key::Back)],
        };
        let repeated = self.repeated(pressed, down, now);
        let all = KEYS.into_iter().chain(yes_no);
        all.filter_map(move |(button, key)| {
            let is_repeat = !pressed.contains(button);
            (!is_repeat || repeated.contains(button)).then_some(Press { key, is_repeat })
        })
    }

    /// What is held long enough to count once more.
    fn repeated(&mut self, pressed: CtrlButtons, down: CtrlButtons, now: Instant) -> CtrlButtons {
        let fresh = pressed & down & REPEATING;
        if !fresh.is_empty() {
            self.held = Some((fresh, now + REPEAT_AFTER));
        }
        match &mut self.held {
            Some((held, _)) if !down.contains(*held) => self.held = None,
            Some((held, next)) if *next <= now => {
                *next = now + REPEAT_EVERY;
                return *held;
            }
            _ => {}
        }
        CtrlButtons::empty()
    }

    /// What went down since the last call, and what is down now.
    fn read(&mut self) -> (CtrlButtons, CtrlButtons) {
        let mut latch = SceCtrlLatch::default();
        // SAFETY: writes four numbers.
        unsafe { sys::sceCtrlReadLatch(&mut latch) };
        let buttons = CtrlButtons::from_bits_truncate;
        (buttons(latch.ui_make), buttons(latch.ui_press))
    }
}

/// Whether any button is down now. Forgets nothing and waits for nothing: for a program in trouble.
pub fn any_is_down() -> bool {
    let mut data = sys::SceCtrlData::default();
    // SAFETY: writes one set of buttons.
    unsafe { sys::sceCtrlPeekBufferPositive(&mut data, 1) };
    let keys = KEYS.iter().fold(CtrlButtons::empty(), |all, &(button, _)| all | button);
    data.buttons.intersects(keys | CtrlButtons::CROSS | CtrlButtons::CIRCLE)
}
