//! The bytes of one programme, in order and bounded: finds the index, fills a window ahead of the
//! decoder, and survives what networks do. Never knows what a sample is, and never waits: a driver
//! polls it and is told when to come back.
//!
//! One exchange is under way at a time. Every one starts at the address of the programme itself and
//! follows the redirects anew, because the archive's node addresses are short-lived; but for a last
//! one that asks the archive why it refuses the programme, if it does. Nothing but
//! [`Stream::release_before`] and [`Stream::seek`] moves the window's start, and a full window is
//! simply not polled for: so the throttle can never wait for bytes that only it lets through.

mod container;
mod failure;
mod inquiry;
mod locate;
mod patience;
pub mod redirect;
#[cfg(test)]
mod tests;
mod window;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

pub use container::Container;
pub use failure::{NodeFailure, ProgrammeFailure};
pub use inquiry::REASON_DUE;
pub use patience::{
    ANSWERED_TRIES_MAX, BACKOFF_MAX, PAUSE_MAX, PROGRESS_BYTES, Patience, STORM_PAUSE,
};
pub use window::Window;

use crate::canary::{Canary, planted};
use crate::mp4::SampleRange;
use crate::net::{ByteRange, ExchangePoll, Head, Network, Request, Url};
use crate::time::Instant;
use crate::trace::{Event, Trace};
use inquiry::{Inquired, Inquiry};
use locate::{Located, Locator};
use patience::Failures;

/// The most redirects followed for one exchange. The archive needs one.
pub const REDIRECTS_MAX: u32 = 5;

/// How far ahead of an open exchange a byte may lie and still be waited for instead of being asked
/// for anew. Reading this much takes less than the six round trips of a fresh resolve on any link
/// that can carry a film.
pub const REACH_BYTES: u64 = 128 * 1024;

/// How long an exchange is kept although what is wanted of it next lies beyond [`REACH_BYTES`],
/// because all before it was released: reads on meanwhile through bytes that nobody wants. With the
/// picture left out, that much may lie between any two samples of sound, and the archive would be
/// asked for each. One resolve in 10 s is no burden to it.
pub const GAP_READ_FOR: Duration = Duration::from_secs(10);

/// The largest gap read through so. No film has as much between one sample and the next of a track
/// again and again: more is a hole in the file, and asked past at once.
pub const GAP_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Silence in the middle of a body that counts as a failed node.
pub const STALL_AFTER: Duration = Duration::from_secs(10);

/// Silence before a head that counts as a failed node. The archive takes 3.6 s through its redirect
/// at slow times.
pub const HEAD_DUE: Duration = Duration::from_secs(20);

/// The most bytes taken in one call of [`Stream::poll`], so that decoding has its turn.
const POLL_BYTES_MAX: u64 = 1024 * 1024;

/// A body shorter than this that is not the rest of the file is a crumb: a server that hands a film
/// out in such would be asked several times a second.
const CRUMB_BYTES: u64 = 1024 * 1024;

/// The most of a redirect's body that is read so that its connection can be used again.
const REDIRECT_BODY_MAX: usize = 16 * 1024;

/// What a device can afford.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most bytes held ahead of the decoder.
    pub window_bytes: usize,
    /// The longest index held.
    pub index_bytes: u64,
    /// How long an unreachable network is waited for.
    pub patience: Patience,
}

impl Limits {
    /// A desktop: a window of 16 MiB holds 3 minutes of an ordinary film, and an index of 64 MiB
    /// that of 50 hours.
    pub const DESKTOP: Self = Self {
        window_bytes: 16 * 1024 * 1024,
        index_bytes: 64 * 1024 * 1024,
        patience: Patience::Endless,
    };

    /// A PSP, where 24 MB hold everything: 4 MiB are half a minute of a film of 1 Mbit/s, about the
    /// richest that the console can decode. 6 MiB are the index of two hours and a half: with 25
    /// pictures and 43 pieces of sound a second, and 10 bytes for each.
    pub const PSP: Self = Self {
        window_bytes: 4 * 1024 * 1024,
        index_bytes: 6 * 1024 * 1024,
        patience: Patience::Endless,
    };
}

/// What a call may use of the world.
pub struct Context<'a, N: Network> {
    /// The way out.
    pub net: &'a mut N,
    /// The present.
    pub now: Instant,
    /// Where events go.
    pub trace: &'a mut dyn Trace,
}

/// What a stream is doing, for the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// No exchange is needed: everything wanted is here.
    Idle,
    /// Asking the archive where the film is, or why it cannot be had, or a node for its bytes.
    Asking,
    /// Bytes are coming.
    Reading,
    /// The window is full.
    Throttled,
    /// A node failed; the archive is asked again at this time.
    Pausing(NodeFailure, Instant),
}

/// The bytes of one programme.
pub struct Stream<N: Network> {
    source: Url,
    limits: Limits,
    goal: Goal,
    window: Window,
    throttled: bool,
    /// The next byte wanted was sought, and none has come since.
    sought: bool,
    connection: Connection<N::Exchange>,
    /// A redirect's exchange whose body is still being read, so that its connection can be kept.
    redirect: Option<Redirect<N::Exchange>>,
    failures: Failures,
    file: File,
    /// Where the index was found.
    index_at: u64,
    /// Exchanges opened so far.
    opened: u32,
    received: u64,
    measured: Measured,
    /// The file changed, and nobody was told yet.
    changed: bool,
}

/// What the bytes are wanted for.
enum Goal {
    Index(Locator),
    /// The index is here; nobody has said yet which samples are wanted.
    Nothing,
    Samples,
}

enum Connection<E> {
    Closed,
    Pausing {
        why: NodeFailure,
        until: Instant,
    },
    Asking(Asking<E>),
    Reading(Reading<E>),
    /// The archive has refused the film and is asked why; what comes of it is a failure.
    Inquiring(Inquiry<E>),
}

struct Asking<E> {
    exchange: E,
    x: u32,
    url: Url,
    redirects: u32,
    from: u64,
    /// When the first request, before any redirect, went out.
    began: Instant,
    since: Instant,
}

struct Reading<E> {
    exchange: E,
    x: u32,
    /// Offset in the file of the next byte that the exchange brings.
    position: u64,
    /// Offset just past its last byte, when the head told.
    end: Option<u64>,
    received: u64,
    began: Instant,
    /// Since when nothing has come though we asked.
    quiet_since: Instant,
}

struct Redirect<E> {
    exchange: E,
    x: u32,
    received: usize,
}

/// What is known of the file, to notice when another one is sent in its place.
#[derive(Default)]
struct File {
    length: Option<u64>,
    etag: Option<String>,
    changes: u32,
}

/// How quick the way to the archive has been.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// From asking for the film to the head of its first bytes, redirects included.
    pub open: Duration,
    /// Body bytes a second of the latest exchange that brought a fair number; 0: not known.
    pub bytes_per_second: u64,
}

impl<N: Network> Stream<N> {
    /// A stream of the film at `source`. Nothing is asked for before the first poll.
    pub fn new(source: Url, limits: Limits) -> Result<Self, ProgrammeFailure> {
        redirect::check_start(&source)?;
        Ok(Self {
            source,
            limits,
            goal: Goal::Index(Locator::new(limits.index_bytes)),
            window: Window::new(limits.window_bytes),
            throttled: false,
            sought: false,
            connection: Connection::Closed,
            redirect: None,
            failures: Failures::new(limits.patience),
            file: File::default(),
            index_at: 0,
            opened: 0,
            received: 0,
            measured: Measured::default(),
            changed: false,
        })
    }

    // Getters.

    /// Media bytes held, and where.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The film's length in bytes, once a server told it.
    pub fn file_length(&self) -> Option<u64> {
        self.file.length
    }

    /// Whether the window holds everything from its start to the end of the file.
    pub fn is_at_end(&self) -> bool {
        self.file.length.is_some_and(|length| self.window.end() >= length)
    }

    /// Body bytes received so far, and exchanges opened.
    pub fn totals(&self) -> (u64, u32) {
        (self.received, self.opened)
    }

    /// How quick the network has been.
    pub fn measured(&self) -> Measured {
        self.measured
    }

    /// How much of the index has come, and how long it is, while it is being read.
    pub fn index_progress(&self) -> Option<(u64, u64)> {
        match &self.goal {
            Goal::Index(locator) => locator.index_progress(),
            Goal::Nothing | Goal::Samples => None,
        }
    }

    /// Since when the exchange under way has been bringing bytes, if there is one.
    pub fn reading_since(&self) -> Option<Instant> {
        match &self.connection {
            Connection::Reading(reading) => Some(reading.began),
            _ => None,
        }
    }

    /// What the stream is doing.
    pub fn condition(&self) -> Condition {
        match self.connection {
            Connection::Pausing { why, until } => Condition::Pausing(why, until),
            Connection::Asking(_) | Connection::Inquiring(_) => Condition::Asking,
            _ if self.throttled => Condition::Throttled,
            Connection::Reading(_) => Condition::Reading,
            Connection::Closed => Condition::Idle,
        }
    }

    // Commands.

    /// Puts an index into the window as the bytes of the file that it is, as far as there is room: for
    /// somebody who reads on from it.
    pub fn hold_index(&mut self, index: &[u8]) {
        self.window.restart_at(self.index_at);
        self.fill_window(index);
    }

    fn fill_window(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.window.room();
            let count = bytes.len().min(room.len());
            if count == 0 {
                return;
            }
            room[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            self.window.commit(count);
        }
    }

    /// From now on the window is to hold the bytes from `offset` on. What it already holds of them
    /// is kept, and so is the exchange when they are within its reach.
    pub fn seek(&mut self, offset: u64) {
        self.goal = Goal::Samples;
        self.throttled = false;
        self.sought = true;
        if (self.window.start()..=self.window.end()).contains(&offset) {
            self.window.release_before(offset);
        } else {
            self.window.restart_at(offset);
        }
    }

    /// From now on the window is to hold these bytes for somebody who only looks at them: what it
    /// holds is kept, if they follow it and there is room for both. Returns whether it was moved.
    pub fn look_at(&mut self, bytes: Range<u64>) -> bool {
        self.goal = Goal::Samples;
        let (start, end) = (self.window.start(), self.window.end());
        let fits = bytes.end.saturating_sub(start) <= self.window.capacity() as u64;
        let is_near = bytes.start <= end.saturating_add(REACH_BYTES);
        if start <= bytes.start && fits && is_near {
            return false;
        }
        self.seek(bytes.start);
        true
    }

    /// Bytes before `offset` are not needed again. That may be beyond all that has come; an exchange
    /// that is young then is read on through what lies between.
    pub fn release_before(&mut self, offset: u64) {
        self.window.release_before(offset);
    }

    /// Copies the bytes of `range` to `out`, replacing what was there; false when they are not all
    /// here.
    pub fn copy(&self, range: SampleRange, out: &mut Vec<u8>) -> bool {
        self.window.copy(range, out)
    }

    // Progress.

    /// Does what can be done now.
    pub fn poll(&mut self, cx: &mut Context<'_, N>) -> Result<Progress, ProgrammeFailure> {
        let enough = self.received.saturating_add(POLL_BYTES_MAX);
        self.finish_redirect(cx);
        loop {
            if let Connection::Inquiring(inquiry) = &mut self.connection {
                return match inquiry.poll(cx) {
                    Inquired::Wait(wake) => Ok(Progress::Wait(wake)),
                    Inquired::Because(failure, complete) => {
                        self.end_exchange(complete, cx);
                        Err(failure)
                    }
                };
            }
            if self.received >= enough {
                return Ok(Progress::Wait(cx.now));
            }
            if core::mem::take(&mut self.changed) {
                return Ok(Progress::FileChanged);
            }
            if matches!(&self.connection, Connection::Reading(reading) if reading.is_finished())
                && !self.finish(cx)?
            {
                return Ok(Progress::Wait(cx.now + STALL_AFTER));
            }
            let Some(next) = self.next_wanted(cx) else {
                return Ok(Progress::Wait(Instant::FAR_FUTURE));
            };
            if let (Goal::Index(locator), Some(length)) = (&mut self.goal, self.file.length)
                && next >= length
            {
                let located = locator.end_of_file(length)?;
                if let Some(index) = self.located(located, cx) {
                    return Ok(index);
                }
                continue;
            }
            match &self.connection {
                Connection::Closed => self.open(next, cx),
                Connection::Pausing { until, .. } if cx.now < *until => {
                    return Ok(Progress::Wait(*until));
                }
                Connection::Pausing { .. } => self.connection = Connection::Closed,
                Connection::Asking(_) => {
                    if let Some(wake) = self.await_head(cx)? {
                        return Ok(Progress::Wait(wake));
                    }
                }
                // Seen to above.
                Connection::Inquiring(_) => {}
                Connection::Reading(reading)
                    if planted(Canary::ThrottleIsAStall)
                        && cx.now.since(reading.quiet_since) >= STALL_AFTER =>
                {
                    self.fail(NodeFailure::Stalled, None, cx)?;
                }
                Connection::Reading(reading)
                    if !reading.reaches(next) && !self.reads_through_gap(reading, next, cx.now) =>
                {
                    self.hang_up(cx);
                }
                Connection::Reading(_) => {
                    if let Some(progress) = self.read(next, cx)? {
                        return Ok(progress);
                    }
                }
            }
        }
    }

    /// Ends what is under way. The stream is of no use afterwards.
    pub fn close(&mut self, cx: &mut Context<'_, N>) {
        self.hang_up(cx);
        if let Some(redirect) = self.redirect.take() {
            let received = redirect.received as u64;
            cx.trace.record(cx.now, Event::Closed { x: redirect.x, received, complete: false });
        }
    }

    /// The offset of the next byte to ask for, if any is wanted and there is room for it.
    fn next_wanted(&mut self, cx: &mut Context<'_, N>) -> Option<u64> {
        match &self.goal {
            Goal::Index(locator) => Some(locator.offset()),
            Goal::Nothing => None,
            Goal::Samples => {
                self.throttle(cx);
                (!self.throttled && !self.is_at_end()).then(|| self.window.end())
            }
        }
    }

    /// Whether what lies between an exchange and `next` was merely released, and the exchange is too
    /// young to be hung up for that.
    fn reads_through_gap(&self, reading: &Reading<N::Exchange>, next: u64, now: Instant) -> bool {
        matches!(self.goal, Goal::Samples)
            && !self.sought
            && next.checked_sub(reading.position).is_some_and(|gap| gap <= GAP_BYTES_MAX)
            && now.since(reading.began) < GAP_READ_FOR
    }

    /// Stops when the window is full and goes on when a quarter of it is free, so that a film does
    /// not trickle.
    fn throttle(&mut self, cx: &mut Context<'_, N>) {
        let resume_at = self.window.capacity() / 4 * 3;
        if !self.throttled && self.window.is_full() {
            self.throttled = true;
            cx.trace.record(cx.now, Event::Throttled);
        } else if self.throttled
            && self.window.len() <= resume_at
            && !planted(Canary::ThrottleForEver)
        {
            self.throttled = false;
            cx.trace.record(cx.now, Event::Unthrottled);
            if let Connection::Reading(reading) = &mut self.connection
                && !planted(Canary::ThrottleIsAStall)
            {
                // Nothing came because nothing was asked for: that is no stall.
                reading.quiet_since = cx.now;
            }
        }
    }

    /// The exchange has brought all that its head promised. It is ended properly, so that its
    /// connection can serve the next; says whether that is done.
    fn finish(&mut self, cx: &mut Context<'_, N>) -> Result<bool, ProgrammeFailure> {
        let Connection::Reading(reading) = &mut self.connection else { return Ok(true) };
        let mut none = [0; 1];
        match cx.net.poll(&mut reading.exchange, &mut none) {
            ExchangePoll::Pending => return Ok(false),
            // A server that hands a film out in crumbs would have us ask for ever.
            ExchangePoll::End if reading.is_crumb(self.file.length) => {
                self.fail(NodeFailure::ShortBody, None, cx)?;
            }
            ExchangePoll::End => {
                self.failures.progress();
                self.end_exchange(true, cx);
            }
            _ => self.hang_up(cx),
        }
        Ok(true)
    }

    fn open(&mut self, from: u64, cx: &mut Context<'_, N>) {
        let url = self.source.clone();
        self.ask(url, from, 0, cx.now, cx);
    }

    fn ask(
        &mut self,
        url: Url,
        from: u64,
        redirects: u32,
        began: Instant,
        cx: &mut Context<'_, N>,
    ) {
        let request = Request { url, range: Some(ByteRange::From(from)) };
        let (exchange, x) = self.exchange(&request, cx);
        let url = request.url;
        let since = cx.now;
        self.connection =
            Connection::Asking(Asking { exchange, x, url, redirects, from, began, since });
    }

    /// Opens an exchange and numbers it.
    fn exchange(&mut self, request: &Request, cx: &mut Context<'_, N>) -> (N::Exchange, u32) {
        self.opened += 1;
        let (x, url) = (self.opened, request.url.to_string());
        cx.trace.record(cx.now, Event::Opened { x, url, range: request.range });
        (cx.net.open(request), x)
    }

    /// Polls for a head; says when to come back if there is none yet.
    fn await_head(&mut self, cx: &mut Context<'_, N>) -> Result<Option<Instant>, ProgrammeFailure> {
        let Connection::Asking(asking) = &mut self.connection else { return Ok(None) };
        let mut none = [0; 1];
        match cx.net.poll(&mut asking.exchange, &mut none) {
            ExchangePoll::Pending => {
                let due = asking.since + HEAD_DUE;
                if cx.now < due {
                    return Ok(Some(due));
                }
                self.fail(NodeFailure::NoAnswer, None, cx)?;
            }
            ExchangePoll::Head(head) => {
                cx.trace.record(cx.now, Event::Answered { x: asking.x, status: head.status });
                self.answered(&head, cx)?;
            }
            ExchangePoll::Failed(error) => self.fail(NodeFailure::Exchange(error), None, cx)?,
            // A body before its head: the driver does not keep the contract.
            ExchangePoll::Body(_) | ExchangePoll::End => {
                self.fail(NodeFailure::Exchange(crate::net::ExchangeError::Protocol), None, cx)?;
            }
        }
        Ok(None)
    }

    fn answered(&mut self, head: &Head, cx: &mut Context<'_, N>) -> Result<(), ProgrammeFailure> {
        let Connection::Asking(asking) = &self.connection else { return Ok(()) };
        let (from, redirects) = (asking.from, asking.redirects);
        match head.status {
            301 | 302 | 303 | 307 | 308 => return self.redirected(head, cx),
            // Behind a redirect the address may just be stale.
            404 if redirects == 0 => return self.refused(ProgrammeFailure::NotFound, cx),
            // At the archive itself nothing can be stale: nobody gets to see the film.
            status @ (401 | 403 | 410) if redirects == 0 => {
                let refusal = ProgrammeFailure::GaveUp(NodeFailure::Status(status));
                return self.refused(refusal, cx);
            }
            status @ (429 | 503) => return self.fail(NodeFailure::Busy(status), Some(head), cx),
            200 | 206 => {}
            416 => return self.fail(NodeFailure::WrongRange, None, cx),
            status => return self.fail(NodeFailure::Status(status), None, cx),
        }
        if head.header("content-encoding").is_some_and(|c| !c.eq_ignore_ascii_case("identity")) {
            return self.fail(NodeFailure::ContentCoding, None, cx);
        }
        let (position, end, total) = if head.status == 206 {
            match head.content_range() {
                Some(range) => match range.bytes {
                    Some((first, last)) if first == from || planted(Canary::AnyRange) => {
                        (from, last.checked_add(1), range.total)
                    }
                    _ => return self.fail(NodeFailure::WrongRange, None, cx),
                },
                None => return self.fail(NodeFailure::WrongRange, None, cx),
            }
        } else if planted(Canary::WholeForTheRange) {
            (from, None, None)
        } else {
            if from > REACH_BYTES {
                return self.fail(NodeFailure::RangeIgnored, None, cx);
            }
            (0, head.content_length(), head.content_length())
        };
        if self.file_changed(total, head.header("etag")) {
            self.hang_up(cx);
            return self.start_over(cx);
        }
        let Connection::Asking(asking) =
            core::mem::replace(&mut self.connection, Connection::Closed)
        else {
            return Ok(());
        };
        self.measured.open = cx.now.since(asking.began);
        self.connection = Connection::Reading(Reading {
            exchange: asking.exchange,
            x: asking.x,
            position: position.saturating_sub(u64::from(planted(Canary::ResumeOffByOne))),
            end,
            received: 0,
            began: cx.now,
            quiet_since: cx.now,
        });
        Ok(())
    }

    /// The archive itself refuses the film: asks it why, if it is one that can be asked.
    fn refused(
        &mut self,
        refusal: ProgrammeFailure,
        cx: &mut Context<'_, N>,
    ) -> Result<(), ProgrammeFailure> {
        self.hang_up(cx);
        let Some(url) = inquiry::address(&self.source) else { return Err(refusal) };
        let (exchange, x) = self.exchange(&Request { url, range: None }, cx);
        self.connection = Connection::Inquiring(Inquiry::new(exchange, x, refusal, cx.now));
        Ok(())
    }

    fn redirected(&mut self, head: &Head, cx: &mut Context<'_, N>) -> Result<(), ProgrammeFailure> {
        let Connection::Asking(asking) =
            core::mem::replace(&mut self.connection, Connection::Closed)
        else {
            return Ok(());
        };
        let Asking { exchange, x, url, redirects, from, began, .. } = asking;
        let next = match redirects < REDIRECTS_MAX {
            true => redirect::follow(&self.source, &url, head.header("location")),
            false => Err(ProgrammeFailure::TooManyRedirects),
        };
        match next {
            Ok(next) => {
                if planted(Canary::NodeKept) {
                    self.source = next.clone();
                }
                self.drop_redirect(cx);
                self.redirect = Some(Redirect { exchange, x, received: 0 });
                self.finish_redirect(cx);
                self.ask(next, from, redirects + 1, began, cx);
                Ok(())
            }
            Err(failure) => {
                cx.trace.record(cx.now, Event::Closed { x, received: 0, complete: false });
                Err(failure)
            }
        }
    }

    /// Reads a redirect's body to its end, if that is near.
    fn finish_redirect(&mut self, cx: &mut Context<'_, N>) {
        let Some(redirect) = &mut self.redirect else { return };
        let mut scrap = [0; 512];
        let complete = loop {
            match cx.net.poll(&mut redirect.exchange, &mut scrap) {
                ExchangePoll::Pending => return,
                ExchangePoll::Body(count) if redirect.received < REDIRECT_BODY_MAX => {
                    redirect.received += count;
                }
                ExchangePoll::End => break true,
                _ => break false,
            }
        };
        let (x, received) = (redirect.x, redirect.received as u64);
        let ended = self.redirect.take();
        if planted(Canary::RedirectLeaked) {
            core::mem::forget(ended);
        }
        cx.trace.record(cx.now, Event::Closed { x, received, complete });
    }

    fn drop_redirect(&mut self, cx: &mut Context<'_, N>) {
        if let Some(Redirect { x, received, .. }) = self.redirect.take() {
            let received = received as u64;
            cx.trace.record(cx.now, Event::Closed { x, received, complete: false });
        }
    }

    /// Takes bytes from the open exchange, whose position is at `next` or shortly before it.
    fn read(
        &mut self,
        next: u64,
        cx: &mut Context<'_, N>,
    ) -> Result<Option<Progress>, ProgrammeFailure> {
        let Connection::Reading(reading) = &mut self.connection else { return Ok(None) };
        let room = self.window.room();
        let most = match &self.goal {
            _ if reading.position < next => next - reading.position,
            Goal::Index(locator) => locator.most(),
            _ => u64::MAX,
        };
        let most = most.min(reading.end.map_or(u64::MAX, |end| end - reading.position));
        let room = match usize::try_from(most) {
            Ok(most) if most < room.len() => &mut room[..most],
            _ => room,
        };
        match cx.net.poll(&mut reading.exchange, room) {
            ExchangePoll::Pending => {
                let stalled = reading.quiet_since + STALL_AFTER;
                if cx.now < stalled {
                    return Ok(Some(Progress::Wait(stalled)));
                }
                self.fail(NodeFailure::Stalled, None, cx)?;
            }
            ExchangePoll::Body(count) => {
                let count = count.min(room.len());
                reading.quiet_since = cx.now;
                let wanted = reading.position >= next;
                reading.position += count as u64;
                reading.received += count as u64;
                self.received += count as u64;
                if reading.received >= PROGRESS_BYTES {
                    self.failures.progress();
                    self.measured.bytes_per_second = reading.rate(cx.now);
                }
                match &mut self.goal {
                    _ if !wanted => {}
                    Goal::Index(locator) => {
                        let located = locator.feed(&room[..count], self.file.length)?;
                        return Ok(self.located(located, cx));
                    }
                    _ => {
                        self.sought = false;
                        self.window.commit(count);
                    }
                }
            }
            ExchangePoll::End => match reading.end {
                Some(end) if reading.position < end => {
                    self.fail(NodeFailure::ShortBody, None, cx)?;
                }
                _ => {
                    self.file.length.get_or_insert(reading.position);
                    self.failures.progress();
                    self.end_exchange(true, cx);
                }
            },
            ExchangePoll::Failed(_) if planted(Canary::PromiseTaken) => {
                let count = room.len();
                reading.position += count as u64;
                self.window.commit(count);
            }
            ExchangePoll::Failed(_) if planted(Canary::CutIsTheEnd) => {
                self.file.length = Some(reading.position);
                self.end_exchange(true, cx);
            }
            ExchangePoll::Failed(error) => self.fail(NodeFailure::Exchange(error), None, cx)?,
            ExchangePoll::Head(_) => {
                self.fail(NodeFailure::Exchange(crate::net::ExchangeError::Protocol), None, cx)?;
            }
        }
        Ok(None)
    }

    fn located(&mut self, located: Located, cx: &mut Context<'_, N>) -> Option<Progress> {
        match located {
            Located::NotYet => None,
            Located::Index(offset, index) => {
                self.goal = Goal::Nothing;
                self.index_at = offset;
                let bytes = index.len() as u64;
                cx.trace.record(cx.now, Event::IndexFound { offset, bytes });
                Some(Progress::Index(index))
            }
            Located::Other(container, start) => {
                // Whoever reads it begins with these, and they do not come again.
                self.goal = Goal::Nothing;
                self.window.restart_at(0);
                self.fill_window(&start);
                Some(Progress::Other(container))
            }
        }
    }

    /// Whether a head speaks of another file than the heads before it. Two nodes may label one file
    /// differently, so an entity tag alone is believed once; a length always.
    fn file_changed(&mut self, total: Option<u64>, etag: Option<&str>) -> bool {
        if planted(Canary::ChangeIgnored) && self.file.length.is_some() {
            return false;
        }
        let differs = |known: &Option<u64>| matches!((known, total), (Some(a), Some(b)) if *a != b);
        let other_length = differs(&self.file.length);
        let other_etag = matches!((&self.file.etag, etag), (Some(a), Some(b)) if a != b);
        if other_length || (other_etag && self.file.changes == 0) {
            return true;
        }
        self.file.length = self.file.length.or(total);
        self.file.etag = etag.map(ToString::to_string).or(self.file.etag.take());
        false
    }

    fn start_over(&mut self, cx: &mut Context<'_, N>) -> Result<(), ProgrammeFailure> {
        cx.trace.record(cx.now, Event::FileChanged);
        let changes = self.file.changes + 1;
        if changes > 1 {
            return Err(ProgrammeFailure::KeepsChanging);
        }
        self.file = File { changes, ..File::default() };
        self.goal = Goal::Index(Locator::new(self.limits.index_bytes));
        self.throttled = false;
        if !planted(Canary::WindowKept) {
            self.window.restart_at(0);
        }
        self.changed = true;
        Ok(())
    }

    /// Ends the exchange under way as failed, and plans the next try.
    fn fail(
        &mut self,
        why: NodeFailure,
        head: Option<&Head>,
        cx: &mut Context<'_, N>,
    ) -> Result<(), ProgrammeFailure> {
        let x = self.opened;
        self.hang_up(cx);
        if planted(Canary::FailureForgiven) {
            self.failures.progress();
        }
        match self.failures.next_pause(why, head, cx.now) {
            Some(pause) => {
                cx.trace.record(cx.now, Event::NodeFailed { x, why, pause });
                self.connection = Connection::Pausing { why, until: cx.now + pause };
                Ok(())
            }
            None => Err(ProgrammeFailure::GaveUp(why)),
        }
    }

    fn hang_up(&mut self, cx: &mut Context<'_, N>) {
        self.end_exchange(false, cx);
    }

    fn end_exchange(&mut self, complete: bool, cx: &mut Context<'_, N>) {
        let (x, received) = match &self.connection {
            Connection::Asking(asking) => (asking.x, 0),
            Connection::Reading(reading) => (reading.x, reading.received),
            Connection::Inquiring(inquiry) => inquiry.brought(),
            Connection::Closed | Connection::Pausing { .. } => return,
        };
        self.connection = Connection::Closed;
        cx.trace.record(cx.now, Event::Closed { x, received, complete });
    }
}

/// What a poll has come to.
pub enum Progress {
    /// Nothing more can be done before this time, unless the network has news earlier.
    Wait(Instant),
    /// The index is complete: the whole `moov` box.
    Index(Vec<u8>),
    /// The file is of a kind that has no such index. The window begins with its first bytes, as many
    /// as it took to find that out.
    Other(Container),
    /// The file is not the one whose index was given: a new index will follow.
    FileChanged,
}

impl<E> Reading<E> {
    /// Whether this exchange is soon at the byte at `next`, or at its own end: one that ends before
    /// that is read out too, so that crumbs are known for what they are.
    fn reaches(&self, next: u64) -> bool {
        next.checked_sub(self.position).is_some_and(|ahead| ahead <= REACH_BYTES)
    }

    /// Whether all that the head promised has come.
    fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.position >= end)
    }

    /// Whether it brought little of what was asked for, which is the rest of the file.
    fn is_crumb(&self, file_length: Option<u64>) -> bool {
        self.received < CRUMB_BYTES && self.end != file_length
    }

    fn rate(&self, now: Instant) -> u64 {
        let micros = u64::try_from(now.since(self.began).as_micros()).unwrap_or(u64::MAX);
        self.received.saturating_mul(1_000_000) / micros.max(1)
    }
}
