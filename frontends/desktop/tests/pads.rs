//! A game controller as SDL sees one, made by SDL itself: it comes, is used, and goes.
//!
//! One test to a process: SDL belongs to the thread that starts it.

use std::time::{Duration, Instant as Stopwatch};

use sdl2::sys::{
    SDL_GameControllerAxis, SDL_GameControllerButton, SDL_Joystick, SDL_JoystickAttachVirtual,
    SDL_JoystickDetachVirtual, SDL_JoystickOpen, SDL_JoystickSetVirtualAxis,
    SDL_JoystickSetVirtualButton, SDL_JoystickType,
};
use testcard_core::guide::Key;
use testcard_core::time::Instant;
use testcard_desktop::pads::{PadNews, Pads};

/// Axes and buttons of a virtual controller, in the order of SDL's own.
const AXES: i32 = SDL_GameControllerAxis::SDL_CONTROLLER_AXIS_MAX as i32;
const BUTTONS: i32 = SDL_GameControllerButton::SDL_CONTROLLER_BUTTON_MAX as i32;

#[test]
fn a_controller_comes_is_used_and_goes() {
    // SAFETY: this process has no other thread yet that might read the environment.
    unsafe { std::env::set_var("SDL_VIDEODRIVER", "dummy") };
    // There is no window that could have the keyboard.
    sdl2::hint::set("SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS", "1");
    let sdl = sdl2::init().unwrap();
    let _video = sdl.video().unwrap();
    let mut events = sdl.event_pump().unwrap();
    let mut pads = Pads::open(&sdl).unwrap();
    let mut wait_for = |what: &str, pads: &mut Pads| {
        let start = Stopwatch::now();
        loop {
            let event = events.wait_event_timeout(100);
            if let Some(news) = event.and_then(|event| pads.event(&event, Instant::ZERO)) {
                return news;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{what} never came");
        }
    };

    let kind = SDL_JoystickType::SDL_JOYSTICK_TYPE_GAMECONTROLLER;
    // SAFETY: the joystick subsystem is on, and so for each call below; the joystick is open until
    // it is detached, and everything happens on this thread.
    let index = unsafe { SDL_JoystickAttachVirtual(kind, AXES, BUTTONS, 0) };
    assert!(index >= 0, "this SDL has no virtual joysticks");
    assert!(matches!(wait_for("the controller", &mut pads), PadNews::Connected(_)));
    // SAFETY: as above.
    let joystick: *mut SDL_Joystick = unsafe { SDL_JoystickOpen(index) };

    let button = |button: SDL_GameControllerButton, down: u8| {
        // SAFETY: as above.
        unsafe { SDL_JoystickSetVirtualButton(joystick, button as i32, down) };
    };
    let axis = |axis: SDL_GameControllerAxis, place: i16| {
        // SAFETY: as above.
        unsafe { SDL_JoystickSetVirtualAxis(joystick, axis as i32, place) };
    };
    for (pressed, key) in [
        (SDL_GameControllerButton::SDL_CONTROLLER_BUTTON_A, Key::Ok),
        (SDL_GameControllerButton::SDL_CONTROLLER_BUTTON_DPAD_UP, Key::Up),
        (SDL_GameControllerButton::SDL_CONTROLLER_BUTTON_RIGHTSHOULDER, Key::ChannelUp),
    ] {
        button(pressed, 1);
        assert_eq!(wait_for("a key", &mut pads), PadNews::Key(key));
        button(pressed, 0);
    }
    axis(SDL_GameControllerAxis::SDL_CONTROLLER_AXIS_LEFTX, i16::MAX);
    assert_eq!(wait_for("the stick", &mut pads), PadNews::Key(Key::Right));
    axis(SDL_GameControllerAxis::SDL_CONTROLLER_AXIS_LEFTX, 0);
    axis(SDL_GameControllerAxis::SDL_CONTROLLER_AXIS_TRIGGERRIGHT, i16::MAX);
    assert_eq!(wait_for("the trigger", &mut pads), PadNews::Key(Key::Later));

    // SAFETY: as above.
    unsafe { SDL_JoystickDetachVirtual(index) };
    assert_eq!(wait_for("its end", &mut pads), PadNews::Disconnected);
    assert_eq!(pads.held().next_wake(), None, "nothing is held any more");
}
