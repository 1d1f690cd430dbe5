//! A network that writes down what goes over it. A wrapper over any other, as smoltcp's fault
//! injector wraps a device: it changes nothing, never waits, and never asks for anything itself.

mod arrivals;
mod assembly;
mod recording;
mod secrets;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use testcard_core::net::{ExchangePoll, Network, Request};
use testcard_core::time::Instant;

pub use recording::{Options, Recording};

/// Wraps a network and notes every exchange in a [`Recording`].
pub struct Recorder<N, C> {
    network: N,
    recording: Recording,
    clock: Arc<C>,
}

impl<N, C> Recorder<N, C> {
    /// A network that does what `network` does, at the times that `clock` says.
    pub fn new(network: N, recording: Recording, clock: C) -> Self {
        Self { network, recording, clock: Arc::new(clock) }
    }

    /// The network within.
    pub fn network(&mut self) -> &mut N {
        &mut self.network
    }

    /// Where everything is noted.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }
}

/// One exchange that is being recorded. Dropping it is noted, unless it was over.
pub struct Recorded<E, C: Fn() -> Instant> {
    exchange: E,
    /// Its index in the recording; `None` when that takes no more.
    index: Option<usize>,
    recording: Recording,
    clock: Arc<C>,
    /// When there was something new last, if nobody has looked in vain since.
    looked: Option<Instant>,
}

impl<N: Network, C: Fn() -> Instant> Network for Recorder<N, C> {
    type Exchange = Recorded<N::Exchange, C>;

    fn open(&mut self, request: &Request) -> Self::Exchange {
        let index = self.recording.lock().opened((self.clock)(), request);
        Recorded {
            exchange: self.network.open(request),
            index,
            recording: self.recording.clone(),
            clock: self.clock.clone(),
            looked: None,
        }
    }

    fn poll(&mut self, exchange: &mut Self::Exchange, buf: &mut [u8]) -> ExchangePoll {
        let polled = self.network.poll(&mut exchange.exchange, buf);
        let Some(index) = exchange.index else { return polled };
        if polled == ExchangePoll::Pending {
            exchange.looked = None;
            return polled;
        }
        let now = (self.clock)();
        let mut recording = self.recording.lock();
        if let Some(looked) = exchange.looked.replace(now) {
            recording.paused(index, looked, now);
        }
        match &polled {
            ExchangePoll::Pending => {}
            ExchangePoll::Head(head) => recording.answered(index, now, head),
            ExchangePoll::Body(count) => {
                recording.received(index, now, buf.get(..*count).unwrap_or_default());
            }
            ExchangePoll::End => recording.over(index, now, None),
            ExchangePoll::Failed(error) => recording.over(index, now, Some(*error)),
        }
        polled
    }
}

impl<E, C: Fn() -> Instant> Drop for Recorded<E, C> {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            let (mut recording, now) = (self.recording.lock(), (self.clock)());
            if let Some(looked) = self.looked {
                recording.paused(index, looked, now);
            }
            recording.dropped(index, now);
        }
    }
}
