//! A recorded session as a network in virtual time: every head, every piece of a body and every end
//! comes as long after its request as it was recorded. Time is what the caller says it is. Makes
//! nothing up by itself; whoever wants another answer than the recorded one brings [`Answers`].

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use testcard_core::net::{ExchangePoll, Network, Request};
use testcard_core::time::Instant;
use testcard_session::{Exchange as Recorded, Session};

use super::answer::Answer;
use super::matcher::{Asked, Matcher, Unmatched};

/// Says what comes of a request at a moment, going by what was recorded and not yet asked for; `None`
/// when nobody knows.
pub type Answers = Box<dyn FnMut(&Request, Instant, &[Recorded], &mut Matcher) -> Option<Answer>>;

/// The network. Its clock stands until [`Heap::advance`] moves it.
pub struct Heap {
    world: Rc<RefCell<World>>,
}

/// One exchange; see [`Network::Exchange`].
pub struct Exchange {
    world: Rc<RefCell<World>>,
    id: u32,
}

struct World {
    recorded: Vec<Recorded>,
    matcher: Matcher,
    answers: Answers,
    now: Instant,
    opened: u32,
    /// Open exchanges, in the order in which they were opened.
    flights: Vec<Flight>,
}

/// An open exchange.
struct Flight {
    id: u32,
    /// What comes. `None`: it was not recorded, and nothing ever comes.
    answer: Option<Answer>,
    opened: Instant,
    /// The head has come, or there is none.
    has_head: bool,
    head_taken: bool,
    /// The run of pieces that comes next, and how many of its pieces have come.
    run: (usize, u32),
    arrived: u64,
    taken: u64,
    /// The end has come.
    is_over: bool,
    /// When something new comes.
    next: Option<Instant>,
}

impl Heap {
    /// The session from its start.
    pub fn new(session: &Session) -> Self {
        let as_recorded = |request: &Request, _, recorded: &[Recorded], matcher: &mut Matcher| {
            let found = matcher.find(Asked::from_request(request));
            found.ok().map(|n| Answer::recorded(&recorded[n]))
        };
        Self::answering(session, Box::new(as_recorded))
    }

    /// The session from its start, going another way where somebody says so.
    pub fn answering(session: &Session, answers: Answers) -> Self {
        let world = World {
            recorded: session.exchanges.clone(),
            matcher: Matcher::new(session),
            answers,
            now: Instant::ZERO,
            opened: 0,
            flights: Vec::new(),
        };
        Self { world: Rc::new(RefCell::new(world)) }
    }

    /// Lets everything happen that happens until `now`, which is not before the time of an earlier
    /// call.
    pub fn advance(&mut self, now: Instant) {
        let mut world = self.world.borrow_mut();
        world.now = now;
        for flight in &mut world.flights {
            while flight.next.is_some_and(|at| at <= now) {
                flight.arrive();
            }
        }
    }

    /// When something will next arrive for an open exchange; [`Instant::FAR_FUTURE`]: never.
    pub fn next_news(&self) -> Instant {
        let world = self.world.borrow();
        world.flights.iter().filter_map(|f| f.next).min().unwrap_or(Instant::FAR_FUTURE)
    }

    /// The first request that was not recorded.
    pub fn unmatched(&self) -> Option<Unmatched> {
        self.world.borrow().matcher.unmatched()
    }

    /// The exchanges that were not asked for.
    pub fn unused(&self) -> Vec<usize> {
        self.world.borrow().matcher.unused()
    }
}

impl Network for Heap {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let mut world = self.world.borrow_mut();
        let World { recorded, matcher, answers, now, .. } = &mut *world;
        let answer = answers(request, *now, recorded, matcher);
        world.opened += 1;
        let (id, now) = (world.opened, world.now);
        let mut flight = Flight {
            id,
            has_head: answer.as_ref().is_some_and(|answer| answer.head.is_none()),
            answer,
            opened: now,
            head_taken: false,
            run: (0, 0),
            arrived: 0,
            taken: 0,
            is_over: false,
            next: None,
        };
        flight.next = flight.next_news();
        while flight.next.is_some_and(|at| at <= now) {
            flight.arrive();
        }
        world.flights.push(flight);
        Exchange { world: self.world.clone(), id }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        self.world.borrow_mut().poll(exchange.id, buf)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.world.borrow_mut().flights.retain(|flight| flight.id != self.id);
    }
}

impl World {
    fn poll(&mut self, id: u32, buf: &mut [u8]) -> ExchangePoll {
        let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) else {
            return ExchangePoll::Pending;
        };
        let Some(answer) = &flight.answer else { return ExchangePoll::Pending };
        if flight.has_head
            && !flight.head_taken
            && let Some((_, head)) = &answer.head
        {
            flight.head_taken = true;
            return ExchangePoll::Head(head.clone());
        }
        let ready = usize::try_from(flight.arrived - flight.taken).unwrap_or(usize::MAX);
        if ready > 0 {
            let count = ready.min(buf.len());
            answer.read_at(flight.taken, &mut buf[..count]);
            flight.taken += count as u64;
            return match count {
                0 => ExchangePoll::Pending,
                count => ExchangePoll::Body(count),
            };
        }
        match answer.failure {
            _ if !flight.is_over => ExchangePoll::Pending,
            None => ExchangePoll::End,
            Some(why) => ExchangePoll::Failed(why),
        }
    }
}

impl Flight {
    /// When the head, the next piece or the end comes; absent when nothing more does.
    fn next_news(&self) -> Option<Instant> {
        let Answer { head, course, .. } = self.answer.as_ref()?;
        let later = |micros: u64| Some(self.opened + Duration::from_micros(micros));
        let (run, done) = self.run;
        match (head, course.runs.get(run)) {
            (Some((after, _)), _) if !self.has_head => Some(self.opened + *after),
            (_, Some(run)) => later(run.first_us + run.every_us * u64::from(done)),
            (_, None) => course.end_us.filter(|_| !self.is_over).and_then(later),
        }
    }

    /// What is due next comes.
    fn arrive(&mut self) {
        let Some(Answer { course, .. }) = &self.answer else { return };
        let (n, done) = self.run;
        if !self.has_head {
            self.has_head = true;
        } else if let Some(run) = course.runs.get(n) {
            self.arrived += u64::from(run.bytes);
            self.run = if done + 1 < run.times { (n, done + 1) } else { (n + 1, 0) };
        } else {
            self.is_over = true;
        }
        self.next = self.next_news();
    }
}
