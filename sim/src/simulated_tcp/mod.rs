//! Somebody who watches over simulated TCP, in virtual time: HTTP/1.1 by [`testcard_core::http1`]
//! between a viewer and hosts with names, on turmoil. The bytes go all the way, from the name over
//! the connection to the host's answer. Never opens a real socket, reads a clock or starts a thread:
//! the same seed gives the same evening, in any process.
//!
//! turmoil brings hosts, names, ordered connections that take their time, and ways to cut them. What
//! it does not have is done here: the [`Link`]'s rate and the times of a response's plan in the
//! hosts, and the round trips of TCP's and TLS's handshakes in the viewer's [`Net`]. There is no TLS:
//! `https:` is plain HTTP on port 443.

mod host;
mod net;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use testcard_archive::{Addresses, Origin};
use testcard_core::net::Url;
use testcard_core::time::Instant;
use tokio::task::JoinError;
use tokio::time::sleep;

use crate::heap::{Link, RECEIVE_BUFFER};
use crate::viewer::Viewer;

pub use host::{Ended, Served};
pub use net::{Exchange, Net};

use host::Hosts;

/// The viewer's own host. Not a name that anybody else may have (RFC 6761 §6.4).
const VIEWER: &str = "viewer.invalid";

/// The most bytes that travel as one of turmoil's segments, which count the same whatever their
/// size: a record of TLS (RFC 8446 §5.1).
const SEGMENT_BYTES: u64 = 16 * 1024;

/// The most segments on the way from a host, however fast the link: 1 MiB.
const SEGMENTS_ON_THE_WAY_MAX: u64 = 64;

/// The hosts, and what happens to the network.
#[derive(Clone, Debug)]
pub struct World {
    /// All hosts, as URLs have them; no other name has an address. Each host listens on ports 80 and
    /// 443 and answers what the one origin says. One with a port, as `127.0.0.1:8080`, is reached at
    /// that port only, and like an address it stands for a host of its own.
    pub hosts: Vec<String>,
    /// The way to them. They share its rate. A segment takes half of the round trip, or up to a
    /// tick less.
    pub link: Link,
    /// How finely the network's time is cut: a number of milliseconds, and no more than half of the
    /// round trip. Segments arrive at the beginning of a tick; whoever waits for a time wakes within
    /// a millisecond of it. The number of ticks is most of what a simulation costs.
    pub tick: Duration,
    /// What is done to the network, and when.
    pub events: Vec<(Instant, NetEvent)>,
    /// Seed of everything random in turmoil.
    pub seed: u64,
    /// When the viewer leaves, if not done by then.
    pub duration_max: Duration,
}

/// Something that is done to the network. A host is named as in [`World::hosts`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NetEvent {
    /// Nothing comes through between the viewer and this host. What is on its way is lost, and is
    /// not sent again as TCP would: connections that miss something stay silent after the repair.
    /// Attempts to connect are repeated as TCP does.
    Partition(String),
    /// Nothing comes through between the viewer and this host, and nothing gets lost: with the
    /// repair it all comes, as if TCP had sent it again.
    Hold(String),
    /// The way to this host is whole again.
    Repair(String),
}

/// What became of it.
pub struct Outcome<O> {
    /// The viewer, who has left.
    pub viewer: Viewer<Net>,
    /// The origin, which has answered.
    pub origin: O,
    /// The exchanges as the hosts saw them, in the order of their requests.
    pub exchanges: Vec<Served>,
    /// Connections that the hosts accepted.
    pub connections: u32,
    /// How long it took, in virtual time.
    pub elapsed: Duration,
}

/// Why there is no such world.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Error {
    /// [`World::tick`] is not a number of milliseconds from 1 to half of the round trip.
    Tick {
        /// The tick.
        tick: Duration,
        /// Half of the round trip.
        one_way: Duration,
    },
    /// A host is there twice, or has the viewer's own name.
    HostName(String),
    /// An event names a host that is not there.
    NoSuchHost(String),
    /// turmoil gave up, for this reason.
    Simulation(String),
}

impl World {
    /// How long a tick is unless told otherwise. Ten minutes of a film over a link of 1 MB/s pass
    /// 670 times as fast as real then, 150 times with ticks of 1 ms and 1,150 times with 10 ms (an
    /// optimised build, one core of 2026). Of a way of 40 ms, a segment is spared up to an eighth.
    pub const TICK: Duration = Duration::from_millis(5);

    /// A world of these hosts in which nothing happens to the network, for up to a day.
    pub fn new(hosts: Vec<String>, link: Link) -> Self {
        Self {
            hosts,
            link,
            tick: Self::TICK,
            events: Vec::new(),
            seed: 0,
            duration_max: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// The same with the hosts of the archive at their default addresses.
    pub fn of_archive(link: Link) -> Self {
        let Addresses { front, nodes, .. } = Addresses::default();
        let name = |address: &String| {
            let url = Url::parse(address).expect("an address is a URL");
            url.host_str().expect("with a host").to_owned()
        };
        Self::new([front].iter().chain(&nodes).map(name).collect(), link)
    }

    fn check(&self) -> Result<(), Error> {
        let (tick, one_way) = (self.tick, self.one_way());
        let is_whole = tick.subsec_nanos().is_multiple_of(1_000_000);
        if tick.is_zero() || !is_whole || tick > one_way {
            return Err(Error::Tick { tick, one_way });
        }
        for (n, name) in self.hosts.iter().enumerate() {
            if name == VIEWER || self.hosts[..n].contains(name) {
                return Err(Error::HostName(name.clone()));
            }
        }
        let mut named = self.events.iter().map(|(_, event)| event.host());
        match named.find(|name| !self.hosts.iter().any(|host| host == name)) {
            Some(name) => Err(Error::NoSuchHost(name.to_owned())),
            None => Ok(()),
        }
    }

    fn one_way(&self) -> Duration {
        self.link.round_trip / 2
    }

    /// Segments that fit between a host that sends and a viewer who does not read: those that can
    /// be on their way, as many as the link's rate or as there are ticks, and those that the viewer
    /// holds. Rather too many than too few: with too few, the link's rate would not be reached.
    fn segments_max(&self) -> usize {
        let micros = self.one_way().as_micros();
        let bytes = u128::from(self.link.bytes_per_second) * micros / 1_000_000;
        let by_rate = bytes.div_ceil(SEGMENT_BYTES.into()).min(SEGMENTS_ON_THE_WAY_MAX.into());
        let by_ticks = micros.div_ceil(self.tick.as_micros());
        let held = RECEIVE_BUFFER / SEGMENT_BYTES;
        usize::try_from(by_rate + by_ticks + u128::from(held)).unwrap_or(usize::MAX)
    }
}

impl NetEvent {
    fn host(&self) -> &str {
        match self {
            Self::Partition(host) | Self::Hold(host) | Self::Repair(host) => host,
        }
    }

    fn happen(&self, sim: &turmoil::Sim, wire: &Wire) {
        let Some(host) = wire.hosts.get(self.host()) else { return };
        let host = host.as_str();
        let mut partitioned = wire.partitioned.borrow_mut();
        match self {
            Self::Partition(_) => {
                partitioned.insert(host.to_owned());
                sim.partition(VIEWER, host);
            }
            Self::Hold(_) => sim.hold(VIEWER, host),
            Self::Repair(_) => {
                partitioned.remove(host);
                // Repairs a partition, too.
                sim.release(VIEWER, host);
            }
        }
    }
}

impl fmt::Display for NetEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(host) => write!(f, "{host} is cut off"),
            Self::Hold(host) => write!(f, "{host} is held up"),
            Self::Repair(host) => write!(f, "{host} is back"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick { tick, one_way } => write!(
                f,
                "a tick of {tick:?} with a way of {one_way:?}: ticks are whole milliseconds, at \
                 least one and no longer than half of the round trip"
            ),
            Self::HostName(name) => {
                write!(f, "no host can be called {name}: that is taken")
            }
            Self::NoSuchHost(name) => write!(f, "something happens to {name}, which is not there"),
            Self::Simulation(why) => write!(f, "the simulation broke down: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// What the ends of the network know of it beside what goes over it.
struct Wire {
    /// What each host, as URLs have it, is called in the simulation.
    hosts: BTreeMap<String, String>,
    round_trip: Duration,
    /// Hosts that are cut off, as the simulation calls them. turmoil says "refused" at once where nobody would say anything.
    partitioned: RefCell<BTreeSet<String>>,
    /// The viewer's ends of connections that a host has reset. turmoil has no call for that and ends
    /// each in good order, unless something was left unread.
    resets: RefCell<BTreeSet<SocketAddr>>,
}

/// What the host of this index is called in the simulation, where addresses are turmoil's own affair
/// and ports are no part of a name.
fn simulated_name(n: usize, host: &str) -> String {
    match host.contains(':') || host.parse::<IpAddr>().is_ok() {
        true => format!("host-{n}.invalid"),
        false => host.to_owned(),
    }
}

/// Lets the viewer watch until all is watched, and then hang up.
///
/// # Errors
/// When there cannot be such a world.
///
/// # Panics
/// When the origin or the viewer does.
pub fn watch<O: Origin + 'static>(
    world: World,
    origin: O,
    viewer: Viewer<Net>,
) -> Result<Outcome<O>, Error> {
    world.check()?;
    let wire = Rc::new(Wire {
        hosts: (world.hosts.iter().enumerate())
            .map(|(n, host)| (host.clone(), simulated_name(n, host)))
            .collect(),
        round_trip: world.link.round_trip,
        partitioned: RefCell::default(),
        resets: RefCell::default(),
    });
    let hosts = Rc::new(Hosts::new(origin, &world, wire.clone()));
    let viewer = Rc::new(RefCell::new(viewer));
    // For what was sent last, a hang-up among it, to arrive.
    let linger = world.one_way() + 2 * world.tick;
    let mut sim = turmoil::Builder::new()
        .epoch(SystemTime::UNIX_EPOCH)
        .rng_seed(world.seed)
        .tick_duration(world.tick)
        .min_message_latency(world.one_way())
        .max_message_latency(world.one_way())
        .tcp_capacity(world.segments_max())
        .simulation_duration(world.duration_max.saturating_add(linger + 2 * world.tick))
        .build();
    for name in &world.hosts {
        sim.host(wire.hosts[name].as_str(), || hosts.clone().run(name.clone()));
    }
    let end = Instant::ZERO + world.duration_max;
    sim.client(VIEWER, spend(viewer.clone(), Net::new(wire.clone()), end, linger));

    let mut events = world.events.clone();
    events.sort_by_key(|(at, _)| *at);
    let mut events = events.iter().peekable();
    loop {
        let now = Instant::ZERO + sim.elapsed();
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
            event.happen(&sim, &wire);
            viewer.borrow_mut().note(now, &event.to_string());
        }
        match sim.step() {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => match error.downcast::<JoinError>() {
                Ok(join) if join.is_panic() => resume_unwind(join.into_panic()),
                Ok(join) => return Err(Error::Simulation(join.to_string())),
                Err(error) => return Err(Error::Simulation(error.to_string())),
            },
        }
    }
    let elapsed = sim.elapsed();
    drop(sim);
    let hosts = Rc::into_inner(hosts).expect("the hosts are gone with the simulation");
    let viewer = Rc::into_inner(viewer).expect("the viewer's host is gone with the simulation");
    let (origin, exchanges, connections) = hosts.into_parts();
    Ok(Outcome { viewer: viewer.into_inner(), origin, exchanges, connections, elapsed })
}

/// The viewer's evening, until `end` at the latest.
async fn spend(
    viewer: Rc<RefCell<Viewer<Net>>>,
    mut net: Net,
    end: Instant,
    linger: Duration,
) -> turmoil::Result {
    /// Far enough for an alarm, and no more than tokio's clock can take.
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut alarm = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| {
        net.wake(cx.waker());
        loop {
            let (mut viewer, now) = (viewer.borrow_mut(), now());
            let wake = viewer.poll(&mut net, now).min(end);
            if viewer.is_over() || now >= end {
                return Poll::Ready(());
            }
            let nap = wake.since(now).clamp(Duration::from_micros(1), DAY);
            alarm.as_mut().reset(tokio::time::Instant::now() + nap);
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
    viewer.borrow_mut().leave(&mut net, now());
    drop(net);
    sleep(linger).await;
    Ok(())
}

/// The time on the host that is running.
fn now() -> Instant {
    Instant::ZERO + turmoil::sim_elapsed().unwrap_or_default()
}
