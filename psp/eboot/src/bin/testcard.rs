//! The TV.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::ToString;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;

use testcard_core::guide::{Backdrop, Card, View};
use testcard_core::time::Clock;
use testcard_psp::console::{self, Owner, Wish, Wishes};
use testcard_psp::display::Display;
use testcard_psp::journal::{Journal, JournalFile};
use testcard_psp::pad::Pad;
use testcard_psp::picture::Memory;
use testcard_psp::runtime::clock::ConsoleClock;
use testcard_psp::runtime::log;
use testcard_psp::runtime::sync::{Bell, Mutex};
use testcard_psp::runtime::thread::{self, Role, Thread};
use testcard_psp::settings::{Kept, Settings};
use testcard_psp::sound::Sound;
use testcard_psp::television::{Setup, Signals, Television};
use testcard_psp::tuner::Tuner;
use testcard_psp::wireless::Wireless;
use testcard_psp::{memory, program};
use testcard_psp_screen::{Extra, Screen};

program!("TESTCARD", main);

/// How often the main thread writes the log, and how often it says how the memory is and keeps what
/// was set.
const WRITE_EVERY: Duration = Duration::from_secs(1);
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// How often the buttons are looked at while there is no television.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long the others may take to end. The firmware waits for no program much longer.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

fn main() {
    log::line(format_args!("testcard {} is here", env!("CARGO_PKG_VERSION")));
    if !console::run_fast() {
        log::line(format_args!("the processor does not run at 333 MHz"));
    }
    let wishes = Wishes::receive();
    if let Err(why) = memory::check() {
        return refuse(wishes, "Not enough memory", &why.to_string());
    }
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(mistake) => return refuse(wishes, "The settings cannot be used", &mistake.to_string()),
    };
    let schedule = match settings.schedule() {
        Ok(schedule) => schedule,
        Err(mistake) => return refuse(wishes, "The line-up cannot be used", &mistake.to_string()),
    };
    let clock = settings.when.map_or_else(ConsoleClock::new, ConsoleClock::showing);
    let mut journal_file = match settings.trace.as_deref().map(JournalFile::create).transpose() {
        Ok(file) => file,
        Err(why) => return refuse(wishes, "The trace cannot be written", &why.to_string()),
    };
    let journal = match journal_file {
        Some(_) => Journal::kept(),
        None => Journal::default(),
    };
    let journal = Arc::new(Mutex::new(journal));
    let news = Arc::new(Bell::new());
    let sound = match Sound::start(clock, Arc::clone(&news)) {
        Ok(sound) => Arc::new(sound),
        Err(why) => return refuse(wishes, "The set cannot start", &why.to_string()),
    };
    if let Some(name) = &settings.sound_dump
        && let Err(why) = sound.dump_to(name)
    {
        return refuse(wishes, "The sound cannot be written", &why);
    }

    let roots = match settings.roots() {
        Ok(roots) => roots,
        Err(mistake) => {
            return refuse(wishes, "The authority cannot be used", &mistake.to_string());
        }
    };
    let profile = settings.profile;
    let net = move || Wireless::start(profile, roots, clock);
    let journal_too = Arc::clone(&journal);
    let started = Tuner::start(net, Arc::clone(&sound), Memory::new(), news, clock, journal_too);
    let (tuner, network) = match started {
        Ok(started) => started,
        Err(why) => return refuse(wishes, "The set cannot start", &why.to_string()),
    };
    let mut kept = Kept::read();
    let signals = Arc::new(Signals::new(kept.clone()));
    let setup = Setup {
        signals: Arc::clone(&signals),
        tuner: tuner.clone(),
        journal: Arc::clone(&journal),
        settings,
        schedule,
        clock,
        sound: Arc::clone(&sound),
    };
    let screen = thread::spawn(&Role::SCREEN, move || {
        Television::new(setup, Display::open()).watch();
    });
    let screen = match screen {
        Ok(thread) => thread,
        Err(why) => return refuse(wishes, "The set cannot start", &why.to_string()),
    };
    let report = || {
        let (bytes, exchanges, underruns) = tuner.totals();
        log::line(format_args!(
            "sound: {underruns} underruns, {bytes} bytes in {exchanges} exchanges"
        ));
        memory::report(&[
            ("main", Thread::current().stack_left()),
            (Role::NETWORK.name(), network.stack_left()),
            (Role::SCREEN.name(), screen.stack_left()),
            (Role::SOUND.name(), sound.stack_left()),
        ]);
    };

    let mut keep_at = clock.now();
    loop {
        let wish = wishes.next(WRITE_EVERY);
        match wish {
            Some(Wish::Leave) => break,
            Some(Wish::Sleep) => {
                log::line(format_args!("the console goes to sleep"));
                tuner.sleep();
                keep(&mut kept, &signals);
            }
            Some(Wish::Wake) => {
                log::line(format_args!("the console has woken up"));
                console::run_fast();
                tuner.wake();
                signals.has_slept.store(true, Ordering::Relaxed);
            }
            None => {}
        }
        let now = clock.now();
        if keep_at <= now {
            keep_at = now + KEEP_EVERY;
            report();
            keep(&mut kept, &signals);
        }
        write(&mut journal_file, &journal);
        log::flush();
    }

    signals.leave.store(true, Ordering::Relaxed);
    tuner.leave();
    let until = clock.now() + LEAVE_WITHIN;
    while !(signals.has_left.load(Ordering::Relaxed) && tuner.is_over()) && clock.now() < until {
        wishes.next(Duration::from_millis(20));
    }
    keep(&mut kept, &signals);
    report();
    write(&mut journal_file, &journal);
    log::last_words(format_args!("testcard has left"));
}

/// Keeps what the set's owner has set, if that is something else than what is kept.
fn keep(kept: &mut Kept, signals: &Signals) {
    let now = signals.kept.lock().clone();
    if now == *kept {
        return;
    }
    match now.write() {
        Ok(()) => *kept = now,
        Err(why) => log::line(format_args!("volume and channel are not kept: {why}")),
    }
}

fn write(file: &mut Option<JournalFile>, journal: &Mutex<Journal>) {
    if let Some(open) = file
        && let Err(why) = open.write(journal)
    {
        log::line(format_args!("the trace cannot be written any further: {why}"));
        *file = None;
    }
}

/// Says why there is no television today, and waits for a button, or for the wish to leave.
fn refuse(wishes: &Wishes, heading: &str, why: &str) {
    log::last_words(format_args!("shown: refused: {heading}: {why}"));
    let owner = Owner::read();
    let card = Card {
        backdrop: Backdrop::TestCard,
        heading: heading.to_string(),
        sentence: why.to_string(),
        detail: Some("Press any button to go back to the menu.".to_string()),
    };
    let view = View { card: Some(card), ..View::default() };
    let (mut display, mut pad) = (Display::open(), Pad::new(owner.confirm));
    let extra = Extra { confirm: owner.confirm, ..Extra::default() };
    Screen::new().draw(&mut display.canvas(), &view, &extra);
    display.flip();
    let clock = ConsoleClock::new();
    while pad.presses(clock.now()).next().is_none() {
        if wishes.next(LOOK_EVERY) == Some(Wish::Leave) {
            return;
        }
    }
}
