//! A [`Network`] in virtual time: the archive's answers travel over a modelled link, and time is
//! what the caller says it is. Never opens a socket, starts a thread or reads a clock, so that one
//! session runs the same way every time, and an hour of it in a moment.
//!
//! The model: one link of a fixed rate is shared by all exchanges, packet by packet. A connection to
//! a host costs a round trip for TCP and one for TLS 1.3 (RFC 8446 §2), a question and its head a
//! third; a connection whose last body was read to its end is kept and costs only the third. The
//! receiver buffers [`RECEIVE_BUFFER`] and then the flow stands, as with the desktop's driver.
//! Deliberately not modelled: loss, TCP's slow start, and the bytes of heads and handshakes.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::Duration;

use testcard_archive::{
    Addresses, Archive, Cut, CutKind, Fault, Origin, Pace, Place, Request as Question, Response,
    Rule,
};
use testcard_core::net::{ExchangeError, ExchangePoll, Head, Network, Request, Url};
use testcard_core::time::Instant;

/// Body bytes that a receiver holds for somebody who does not poll: as the desktop's driver does.
pub const RECEIVE_BUFFER: u64 = 256 * 1024;

/// How long an idle connection is kept: ureq's default.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Bodies come in pieces of what the link carries in 4 ms, within these bounds: a piece for every
/// TCP segment would be more exact than anybody needs.
const PIECE_BYTES: (u64, u64) = (4 * 1024, 16 * 1024);

/// The way to the archive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// What it carries towards us, at least 1.
    pub bytes_per_second: u64,
    /// From a question to the first byte of its answer, when the answer takes no time to find.
    pub round_trip: Duration,
}

/// What has gone over the link.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Exchanges opened.
    pub requests: u32,
    /// Connections made for them; the other exchanges found one that was kept.
    pub connections: u32,
    /// Body bytes that arrived here.
    pub received: u64,
    /// Body bytes that were not polled for before their exchange was dropped, or were still on their
    /// way then.
    pub wasted: u64,
}

/// Something that went wrong at the archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Met {
    /// When the request reached the archive.
    pub at: Instant,
    /// Where.
    pub place: Place,
    /// What it met there.
    pub faults: Vec<Fault>,
}

/// The network. Its clock stands until [`Heap::advance`] moves it. Its clones are the same network.
#[derive(Clone)]
pub struct Heap {
    world: Rc<RefCell<World>>,
}

/// One exchange; see [`Network::Exchange`].
pub struct Exchange {
    world: Rc<RefCell<World>>,
    id: u32,
}

impl Heap {
    /// A way to this archive, plugged in, at [`Instant::ZERO`]. The archive's hosts are to be at
    /// their default addresses.
    pub fn new(archive: Archive, link: Link) -> Self {
        let addresses = Addresses::default();
        let servers = std::iter::once(&addresses.front)
            .chain(&addresses.nodes)
            .map(|address| Url::parse(address).expect("an address is a URL"))
            .collect();
        let world = World {
            archive,
            servers,
            link,
            plugged_in: true,
            now: Instant::ZERO,
            link_free: Instant::ZERO,
            kept: Vec::new(),
            flights: Vec::new(),
            totals: Totals::default(),
            met: Vec::new(),
        };
        Self { world: Rc::new(RefCell::new(world)) }
    }

    /// Lets everything happen that happens until `now`, which is not before the time of an earlier
    /// call.
    pub fn advance(&mut self, now: Instant) {
        self.world.borrow_mut().advance(now);
    }

    /// When something will next arrive for an open exchange, or fail it; [`Instant::FAR_FUTURE`]:
    /// never, as far as one can tell. What has arrived and was not polled for is no news.
    pub fn next_news(&self) -> Instant {
        let world = self.world.borrow();
        let next = world.flights.iter().filter_map(|flight| flight.next.map(|(at, _)| at)).min();
        next.unwrap_or(Instant::FAR_FUTURE)
    }

    /// Pulls the cable: every open exchange fails, behind what has arrived of it, and new ones are
    /// refused.
    pub fn unplug(&mut self) {
        let mut world = self.world.borrow_mut();
        world.plugged_in = false;
        world.kept.clear();
        for flight in world.flights.iter_mut().filter(|f| f.outcome.is_none()) {
            flight.next = None;
            flight.outcome = Some(Err(ExchangeError::Disconnected));
        }
    }

    /// Puts the cable back.
    pub fn plug_in(&mut self) {
        self.world.borrow_mut().plugged_in = true;
    }

    /// Changes what the link carries, from the next piece on.
    pub fn set_rate(&mut self, bytes_per_second: u64) {
        self.world.borrow_mut().link.bytes_per_second = bytes_per_second.max(1);
    }

    /// What goes wrong from now on; see [`Archive::set_rules`].
    pub fn set_rules(&mut self, rules: Vec<Rule>) {
        self.world.borrow_mut().archive.set_rules(rules);
    }

    /// Ends all trouble: the cable is in, the archive keeps to no rule, and what a node held back of
    /// the answers under way comes as fast as the link can. What is cut short stays so.
    pub fn heal(&mut self) {
        self.set_rules(Vec::new());
        self.plug_in();
        for flight in &mut self.world.borrow_mut().flights {
            if let Some(response) = &mut flight.response {
                response.pace = Pace::Free;
            }
        }
    }

    /// What went wrong at the archive so far, request by request.
    pub fn met(&self) -> Ref<'_, [Met]> {
        Ref::map(self.world.borrow(), |world| world.met.as_slice())
    }

    /// What has gone over the link so far.
    pub fn totals(&self) -> Totals {
        self.world.borrow().totals
    }

    /// Exchanges that were opened and not dropped.
    pub fn open_exchanges(&self) -> usize {
        self.world.borrow().flights.len()
    }

    /// Those of them that a node serves media to: it answered 200 or 206, and more could come.
    pub fn media_exchanges(&self) -> usize {
        let world = self.world.borrow();
        let is_media = |f: &&Flight| {
            f.outcome.is_none()
                && f.response.as_ref().is_some_and(|r| matches!(r.status, 200 | 206))
        };
        world.flights.iter().filter(is_media).count()
    }
}

impl Network for Heap {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let id = self.world.borrow_mut().open(request);
        Exchange { world: self.world.clone(), id }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        self.world.borrow_mut().poll(exchange.id, buf)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.world.borrow_mut().hang_up(self.id);
    }
}

struct World {
    archive: Archive,
    /// Where each of the archive's hosts is.
    servers: Vec<Url>,
    link: Link,
    plugged_in: bool,
    now: Instant,
    /// When the link has carried all that was put on it.
    link_free: Instant,
    /// Idle connections: to which server, and since when.
    kept: Vec<(usize, Instant)>,
    /// Open exchanges, in the order in which they were opened.
    flights: Vec<Flight>,
    totals: Totals,
    met: Vec<Met>,
}

/// An open exchange.
struct Flight {
    id: u32,
    server: usize,
    target: String,
    range: Option<String>,
    /// What happens next. `None`: nothing, or nothing before somebody polls.
    next: Option<(Instant, Arrival)>,
    response: Option<Response>,
    /// The head, between its arrival and its being handed out.
    head: Option<Head>,
    arrived: u64,
    taken: u64,
    outcome: Option<Result<(), ExchangeError>>,
    /// The end of the body was handed out, and its connection with it.
    is_over: bool,
}

/// What happens to an exchange.
#[derive(Clone, Copy)]
enum Arrival {
    /// The question reaches the archive.
    Question,
    /// The head comes.
    Head,
    /// So many bytes of the body come.
    Piece(u64),
    /// It fails.
    Failure(ExchangeError),
}

impl World {
    fn open(&mut self, request: &Request) -> u32 {
        self.totals.requests += 1;
        let id = self.totals.requests;
        let rtt = self.link.round_trip;
        let url = &request.url;
        let is_at = |server: &Url| {
            server.host() == url.host()
                && server.port_or_known_default() == url.port_or_known_default()
        };
        let server = self.servers.iter().position(is_at);
        let next = match server {
            None => (self.now + rtt, Arrival::Failure(ExchangeError::NameNotFound)),
            Some(_) if !self.plugged_in => {
                (self.now + rtt, Arrival::Failure(ExchangeError::Refused))
            }
            Some(server) => (self.now + self.connect(server) + rtt / 2, Arrival::Question),
        };
        self.flights.push(Flight {
            id,
            server: server.unwrap_or(0),
            target: match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            },
            range: request.range.map(|range| range.to_string()),
            next: Some(next),
            response: None,
            head: None,
            arrived: 0,
            taken: 0,
            outcome: None,
            is_over: false,
        });
        id
    }

    /// How long it takes until a question can be sent to a server.
    fn connect(&mut self, server: usize) -> Duration {
        let now = self.now;
        self.kept.retain(|(_, since)| now.since(*since) <= KEEP_ALIVE);
        match self.kept.iter().position(|(to, _)| *to == server) {
            Some(kept) => {
                self.kept.remove(kept);
                Duration::ZERO
            }
            None => {
                self.totals.connections += 1;
                self.link.round_trip * 2
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        assert!(now >= self.now, "time does not run backwards");
        let due = |flight: &Flight| flight.next.map(|(at, _)| at).filter(|at| *at <= now);
        // The first of those that are due at the same time is the one opened first.
        while let Some((at, n)) =
            self.flights.iter().enumerate().filter_map(|(n, f)| Some((due(f)?, n))).min()
        {
            self.arrive(n, at);
        }
        self.now = now;
    }

    fn arrive(&mut self, n: usize, at: Instant) {
        let flight = &mut self.flights[n];
        let Some((_, arrival)) = flight.next.take() else { return };
        match arrival {
            Arrival::Question => {
                let response = self.archive.respond(&Question {
                    method: "GET",
                    host: self.servers[flight.server].host_str().unwrap_or_default(),
                    target: &flight.target,
                    range: flight.range.as_deref(),
                    now_us: at.as_micros(),
                });
                if let Some((place, faults)) = self.archive.met().cloned() {
                    self.met.push(Met { at, place, faults });
                }
                let delay = self.link.round_trip / 2 + Duration::from_micros(response.delay_us);
                let next = match response.cut {
                    Some(Cut { after: None, how: CutKind::Stall }) => None,
                    Some(Cut { after: None, .. }) => {
                        Some(Arrival::Failure(ExchangeError::Disconnected))
                    }
                    _ => Some(Arrival::Head),
                };
                flight.next = next.map(|next| (at + delay, next));
                flight.response = Some(response);
            }
            Arrival::Head => {
                if let Some(response) = &flight.response {
                    let headers = response.headers.clone();
                    flight.head = Some(Head { status: response.status, headers });
                }
                self.send(n, at);
            }
            Arrival::Piece(bytes) => {
                flight.arrived += bytes;
                self.totals.received += bytes;
                self.send(n, at);
            }
            Arrival::Failure(error) => flight.outcome = Some(Err(error)),
        }
    }

    /// Puts the next piece of a body on the link at `at`, or ends the body.
    fn send(&mut self, n: usize, at: Instant) {
        let rate = self.link.bytes_per_second;
        let flight = &mut self.flights[n];
        let Some(response) = &flight.response else { return };
        let (end, cut) = flight.end(response);
        let left = end - flight.arrived;
        if left == 0 {
            flight.outcome = match cut {
                None => Some(Ok(())),
                Some(CutKind::Close | CutKind::Reset) => Some(Err(ExchangeError::Disconnected)),
                Some(CutKind::Stall) => None,
            };
            return;
        }
        let piece = (rate / 250).clamp(PIECE_BYTES.0, PIECE_BYTES.1).min(left);
        if flight.arrived - flight.taken + piece > RECEIVE_BUFFER {
            return;
        }
        self.link_free = self.link_free.max(at) + transfer(piece, rate);
        let paced = response.pace.rate().map_or(at, |rate| at + transfer(piece, rate));
        flight.next = Some((self.link_free.max(paced), Arrival::Piece(piece)));
    }

    fn poll(&mut self, id: u32, buf: &mut [u8]) -> ExchangePoll {
        let Some(n) = self.flights.iter().position(|flight| flight.id == id) else {
            return ExchangePoll::Failed(ExchangeError::Disconnected);
        };
        let flight = &mut self.flights[n];
        if let Some(head) = flight.head.take() {
            return ExchangePoll::Head(head);
        }
        let ready = usize::try_from(flight.arrived - flight.taken).unwrap_or(usize::MAX);
        if let (1.., Some(response)) = (ready.min(buf.len()), &flight.response) {
            let count = ready.min(buf.len());
            let read = response.read_body(flight.taken, &mut buf[..count]);
            debug_assert_eq!(read, count, "a body is as long as it says");
            flight.taken += count as u64;
            if flight.next.is_none() && flight.outcome.is_none() {
                // The flow stood; the news that there is room takes a round trip to bear fruit.
                let at = self.now + self.link.round_trip;
                self.send(n, at);
            }
            return ExchangePoll::Body(count);
        }
        match flight.outcome {
            None => ExchangePoll::Pending,
            Some(Err(error)) => ExchangePoll::Failed(error),
            Some(Ok(())) => {
                if !flight.is_over {
                    flight.is_over = true;
                    self.kept.push((flight.server, self.now));
                }
                ExchangePoll::End
            }
        }
    }

    fn hang_up(&mut self, id: u32) {
        let Some(n) = self.flights.iter().position(|flight| flight.id == id) else { return };
        let flight = self.flights.remove(n);
        self.totals.wasted += flight.arrived - flight.taken;
        if let (Some((_, Arrival::Piece(_))), Some(response)) = (flight.next, &flight.response) {
            let (end, _) = flight.end(response);
            let rate = response.pace.rate().unwrap_or(u64::MAX).min(self.link.bytes_per_second);
            let micros = u64::try_from(self.link.round_trip.as_micros()).unwrap_or(u64::MAX);
            let on_the_way = rate.saturating_mul(micros) / 1_000_000;
            self.totals.wasted += on_the_way.min(end - flight.arrived);
        }
    }
}

impl Flight {
    /// Where the body ends, and how, if not properly.
    fn end(&self, response: &Response) -> (u64, Option<CutKind>) {
        let whole = response.body_len();
        match response.cut {
            Some(Cut { after: Some(after), how }) if after < whole => (after, Some(how)),
            _ => (whole, None),
        }
    }
}

/// How long so many bytes take; at least a microsecond.
pub(crate) fn transfer(bytes: u64, bytes_per_second: u64) -> Duration {
    Duration::from_micros((bytes * 1_000_000).div_ceil(bytes_per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use testcard_archive::{Clip, FilmSpec, Layout};
    use testcard_core::net::ByteRange;

    use super::*;

    const LINK: Link = Link { bytes_per_second: 1_000_000, round_trip: Duration::from_millis(80) };
    const DIRECT: &str = "https://archive.org/files/film.mp4";

    fn heap(rules: &[&str]) -> Heap {
        let mut archive = Archive::new(Clip::test_card(), 0);
        archive.add("film", "Film", "film.mp4", FilmSpec::new(60_000, Layout::MoovFirst));
        archive.set_rules(rules.iter().map(|rule| rule.parse().unwrap()).collect());
        Heap::new(archive, LINK)
    }

    fn ask(heap: &mut Heap, url: &str, range: ByteRange) -> Exchange {
        heap.open(&Request { url: Url::parse(url).unwrap(), range: Some(range) })
    }

    /// Jumps from news to news until the exchange is over; when the head came, when it was over,
    /// the body's length and the last thing said.
    fn finish(heap: &mut Heap, exchange: &mut Exchange) -> (u64, u64, usize, ExchangePoll) {
        let (mut buf, mut body, mut head_at) = (vec![0; 100_000], 0, 0);
        loop {
            let now = heap.world.borrow().now;
            match heap.poll(exchange, &mut buf) {
                ExchangePoll::Head(_) => head_at = now.as_micros(),
                ExchangePoll::Body(count) => body += count,
                ExchangePoll::Pending => {
                    let next = heap.next_news();
                    if next == Instant::FAR_FUTURE {
                        return (head_at, now.as_micros(), body, ExchangePoll::Pending);
                    }
                    heap.advance(next);
                }
                last => return (head_at, now.as_micros(), body, last),
            }
        }
    }

    const MEGABYTE: ByteRange = ByteRange::Closed { first: 0, last: 999_999 };

    #[test]
    fn a_new_connection_costs_three_round_trips_and_a_kept_one_costs_one() {
        let mut heap = heap(&[]);
        let mut first = ask(&mut heap, DIRECT, MEGABYTE);
        let first = finish(&mut heap, &mut first);
        assert_eq!((first.0, first.2, &first.3), (240_000, 1_000_000, &ExchangePoll::End));
        assert!((1_240_000..1_240_200).contains(&first.1), "{first:?}");
        let mut second = ask(&mut heap, DIRECT, MEGABYTE);
        assert_eq!(finish(&mut heap, &mut second).0, first.1 + 80_000);
        let totals = heap.totals();
        assert_eq!((totals.requests, totals.connections, totals.wasted), (2, 1, 0));
    }

    #[test]
    fn a_connection_is_not_kept_when_its_body_was_not_read_to_the_end() {
        let mut heap = heap(&[]);
        let mut first = ask(&mut heap, DIRECT, MEGABYTE);
        heap.advance(Instant::from_micros(500_000));
        assert!(matches!(heap.poll(&mut first, &mut [0; 10]), ExchangePoll::Head(_)));
        assert_eq!(heap.poll(&mut first, &mut [0; 10]), ExchangePoll::Body(10));
        drop(first);
        // 260 ms of the body had arrived, or nearly, and 80 ms of it were on their way.
        let wasted = heap.totals().wasted;
        assert!((330_000..=340_000).contains(&wasted), "{wasted}");
        let mut second = ask(&mut heap, DIRECT, MEGABYTE);
        assert_eq!(finish(&mut heap, &mut second).0, 740_000);
        assert_eq!(heap.totals().connections, 2);
    }

    #[test]
    fn what_nobody_polls_for_stops_at_the_receive_buffer_and_moves_again_a_round_trip_later() {
        let mut heap = heap(&[]);
        let mut exchange = ask(&mut heap, DIRECT, MEGABYTE);
        heap.advance(Instant::from_micros(60_000_000));
        assert_eq!(heap.next_news(), Instant::FAR_FUTURE);
        let held = heap.totals().received;
        assert!(held <= RECEIVE_BUFFER && held > RECEIVE_BUFFER - PIECE_BYTES.1, "{held}");
        assert!(matches!(heap.poll(&mut exchange, &mut [0; 10]), ExchangePoll::Head(_)));
        assert_eq!(heap.poll(&mut exchange, &mut [0; 20_000]), ExchangePoll::Body(20_000));
        assert_eq!(heap.next_news(), Instant::from_micros(60_080_000 + 4096));
    }

    #[test]
    fn two_bodies_share_the_link_and_a_paced_one_leaves_it_to_the_other() {
        let mut heap = heap(&["node:1:pace=100000"]);
        let mut paced = ask(&mut heap, DIRECT, MEGABYTE);
        let mut other = ask(&mut heap, DIRECT, MEGABYTE);
        std::mem::swap(&mut paced, &mut other);
        let (_, other_done, ..) = finish(&mut heap, &mut other);
        // 262,144 bytes of the paced body fit its buffer, a tenth of the megabyte came meanwhile.
        assert!((1_330_000..1_400_000).contains(&other_done), "{other_done}");
        let (.., body, last) = finish(&mut heap, &mut paced);
        assert_eq!((body, last), (1_000_000, ExchangePoll::End));
    }

    #[test]
    fn a_body_is_cut_at_the_very_byte_and_a_stall_says_nothing_for_ever() {
        for (rule, last) in [
            ("node:0:close=12345", ExchangePoll::Failed(ExchangeError::Disconnected)),
            ("node:0:reset=12345", ExchangePoll::Failed(ExchangeError::Disconnected)),
            ("node:0:stall=12345", ExchangePoll::Pending),
        ] {
            let mut heap = heap(&[rule]);
            let mut exchange = ask(&mut heap, DIRECT, MEGABYTE);
            let (.., body, said) = finish(&mut heap, &mut exchange);
            assert_eq!((body, said), (12_345, last), "{rule}");
        }
    }

    #[test]
    fn pulling_the_cable_fails_what_is_open_behind_what_has_arrived() {
        let mut heap = heap(&[]);
        let mut exchange = ask(&mut heap, DIRECT, MEGABYTE);
        heap.advance(Instant::from_micros(340_000));
        heap.unplug();
        let (.., body, last) = finish(&mut heap, &mut exchange);
        assert!((90_000..=100_000).contains(&body), "{body}");
        assert_eq!(last, ExchangePoll::Failed(ExchangeError::Disconnected));
        let mut refused = ask(&mut heap, DIRECT, MEGABYTE);
        assert_eq!(finish(&mut heap, &mut refused).3, ExchangePoll::Failed(ExchangeError::Refused));
        heap.plug_in();
        let mut again = ask(&mut heap, DIRECT, MEGABYTE);
        assert_eq!(finish(&mut heap, &mut again).3, ExchangePoll::End);
    }

    #[test]
    fn a_host_that_is_not_the_archives_has_no_address() {
        let mut heap = heap(&[]);
        let mut exchange = ask(&mut heap, "https://elsewhere.example/x.mp4", MEGABYTE);
        let name = ExchangePoll::Failed(ExchangeError::NameNotFound);
        assert_eq!(finish(&mut heap, &mut exchange), (0, 80_000, 0, name));
    }
}
