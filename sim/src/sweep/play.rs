//! An evening from its first minute to its last: trouble, then none, and then the film has to play.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use testcard_archive::Fault;
use testcard_core::playback::LEAD_MAX;
use testcard_core::stream::{BACKOFF_MAX, HEAD_DUE, STALL_AFTER};
use testcard_core::time::Instant;

use super::laws::{self, BEHIND, STEADY};
use super::trial::{Change, RETRY_AFTER_MAX, Trial};
use super::violation::Violation;
use crate::heap::Met;
use crate::screening::Screening;
use crate::timeline::Timeline;

/// What the link carries once all is well, in bytes a second, or [`WELL_FACTOR`] times what the film
/// needs if that is more: so nothing but the set itself keeps the film from playing.
const WELL_RATE: u64 = 1_000_000;

/// See [`WELL_RATE`].
const WELL_FACTOR: u64 = 4;

/// What reading the index and filling up take over the well link: three fresh resolves of six round
/// trips of 0.4 s, an index of 1 MB, and [`testcard_core::playback::REBUFFER_MAX`] of the largest
/// film behind a whole group of pictures, with as much again to spare.
const SETTLE: Duration = Duration::from_secs(25);

/// How long after all is well the film must have begun to play, and does so for [`STEADY`].
///
/// What was under way when the trouble ended may still go wrong, one after the other: a head that
/// never comes is waited for [`HEAD_DUE`]; a body that was to be cut brings a little more, and is
/// silent for [`STALL_AFTER`]; then comes the longest pause, our own or one that was asked for. A
/// live viewer then aims up to [`LEAD_MAX`] ahead and waits for that moment.
pub const RESUME_WITHIN: Duration = HEAD_DUE
    .saturating_add(STALL_AFTER)
    .saturating_add(longest(BACKOFF_MAX, Duration::from_secs(RETRY_AFTER_MAX as u64)))
    .saturating_add(LEAD_MAX)
    .saturating_add(SETTLE);

const fn longest(a: Duration, b: Duration) -> Duration {
    if a.as_secs() > b.as_secs() { a } else { b }
}

/// What an evening came to.
#[derive(Debug)]
pub struct Evening {
    /// What happened.
    pub timeline: Timeline,
    /// What truly went wrong at the archive.
    pub met: Vec<Met>,
    /// Bytes of the film's largest sample.
    pub largest_sample: u64,
    /// What must never happen and did, the first of it.
    pub violation: Option<Violation>,
}

/// Plays a trial.
pub fn play(trial: &Trial) -> Evening {
    // A panic of the core in one of thousands of trials is a finding like any other.
    catch_unwind(AssertUnwindSafe(|| to_the_end(trial))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Evening {
            timeline: Timeline::default(),
            met: Vec::new(),
            largest_sample: 0,
            violation: Some(Violation::Panicked(said.unwrap_or_default())),
        }
    })
}

fn to_the_end(trial: &Trial) -> Evening {
    let mut screening = Screening::start(trial.scene.clone());
    let result = trouble(trial, &mut screening).and_then(|()| recovery(trial, &mut screening));
    if result.is_ok() {
        screening.zap();
    }
    let open = screening.heap().open_exchanges();
    let film = screening.film();
    let sizes = (0..film.pictures().min(240)).filter_map(|number| film.picture(number));
    let mut evening = Evening {
        timeline: screening.timeline().clone(),
        met: screening.heap().met().to_vec(),
        largest_sample: sizes.map(|s| s.range.end - s.range.start).max().unwrap_or(0),
        violation: None,
    };
    evening.violation = match result {
        Err(violation)
            if violation.is_about_the_film() && laws::has_damaged_index(&evening.met) =>
        {
            None
        }
        Err(violation) => Some(violation),
        Ok(()) => laws::broken(trial, &evening).or((open > 0).then_some(Violation::LeftOpen(open))),
    };
    evening
}

/// Everything that goes wrong.
fn trouble(trial: &Trial, screening: &mut Screening) -> Result<(), Violation> {
    for (at, change) in &trial.events {
        screening.try_watch_until(*at).map_err(Violation::Screening)?;
        let what = change.to_string();
        match *change {
            Change::Unplug => screening.change_world(&what, |heap| heap.unplug()),
            Change::PlugIn => screening.change_world(&what, |heap| heap.plug_in()),
            Change::Rate(rate) => screening.change_world(&what, |heap| heap.set_rate(rate)),
            Change::Leave => {
                screening.change_world(&what, |_| {});
                screening.zap();
                let open = screening.heap().open_exchanges();
                if open > 0 {
                    return Err(Violation::LeftOpen(open));
                }
            }
            Change::Return => {
                screening.change_world(&what, |_| {});
                screening.tune(trial.scene.aim);
            }
        }
    }
    screening.try_watch_until(trial.well_at).map_err(Violation::Screening)
}

/// Nothing goes wrong any more: the film plays, or has ended, or cannot be played for a reason; and
/// then tuning to it again plays it.
fn recovery(trial: &Trial, screening: &mut Screening) -> Result<(), Violation> {
    let film_rate = screening.film().len() * 1000 / screening.film().duration_ms();
    screening.change_world("well again", |heap| {
        heap.heal();
        heap.set_rate(WELL_RATE.max(film_rate * WELL_FACTOR));
    });
    let is_idle =
        |screening: &Screening| screening.player().is_none() || screening.failure().is_some();
    if is_idle(screening) {
        screening.tune(trial.scene.aim);
    }
    resume(trial, screening)?;
    if screening.failure().is_some() {
        screening.tune(trial.scene.aim);
        resume(trial, screening)?;
    }
    Ok(())
}

/// Whether bytes came so slowly at times that a live viewer may have come in late, which is better
/// than waiting for a moment that moves away.
fn was_slow(trial: &Trial, screening: &Screening) -> bool {
    let film_rate = screening.film().len() * 1000 / screening.film().duration_ms();
    let changed_rate = |change: &(Instant, Change)| matches!(change.1, Change::Rate(_));
    let was_paced = |met: &Met| met.faults.iter().any(|fault| matches!(fault, Fault::Pace(_)));
    trial.scene.link.bytes_per_second < film_rate * 2
        || trial.events.iter().any(changed_rate)
        || screening.heap().met().iter().any(was_paced)
}

/// Waits as long as it may take, and sees whether the film plays then.
fn resume(trial: &Trial, screening: &mut Screening) -> Result<(), Violation> {
    let since = screening.now();
    screening.try_watch_until(since + RESUME_WITHIN).map_err(Violation::Screening)?;
    let (from, was_playing) = (screening.position(), screening.is_playing());
    screening.try_watch_until(since + RESUME_WITHIN + STEADY).map_err(Violation::Screening)?;
    if screening.failure().is_some() || screening.has_ended() {
        return Ok(());
    }
    let position = screening.position();
    let played = u64::try_from(position.micros_since(from)).unwrap_or(0);
    let is_steady = Duration::from_micros(played) >= STEADY - Duration::from_millis(100);
    if !was_playing || !screening.is_playing() || !is_steady {
        let well_for = screening.now().since(trial.well_at);
        return Err(Violation::NotPlaying { well_for, position });
    }
    let behind = trial.scene.aim.behind(position, screening.now());
    match behind > BEHIND && !was_slow(trial, screening) {
        true => Err(Violation::FarBehind(behind)),
        false => Ok(()),
    }
}
