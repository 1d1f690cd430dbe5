//! A recorded session over real sockets: its hosts are this machine, under their own names, and say
//! what they said, when they said it. Never makes an answer up: what was not recorded is told, and
//! hung up on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use testcard_archive::serve::{Certificate, Options, Server};
use testcard_archive::{CutKind, Origin, Request, Response};
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{Ending, Exchange, Session, Tune};
use testcard_sim::replay::{Playback, loopback};

use super::super::{Failure, Verdict};
use super::Arguments;

pub(super) fn run(dir: &Path, arguments: Arguments) -> Result<Verdict, Failure> {
    let session = super::super::read(dir)?;
    let playback = Playback::new(&session)
        .map_err(|error| Failure(format!("{} cannot be served: {error}", dir.display())))?;
    let certificate =
        Certificate { flaw: arguments.flaw.into(), ..loopback::certificate(&playback) };
    let hosts = Hosts {
        playback: playback.clone(),
        exchanges: session.exchanges.clone(),
        left: session.exchanges.len(),
    };
    let server = Server::start_by_name(
        hosts,
        Options {
            address: arguments.address,
            port: arguments.port,
            certificate,
            rate: arguments.rate,
            round_trip: Duration::from_millis(arguments.rtt),
            speed: arguments.speed,
            on_exchange: arguments.log.then(super::log),
            ..Options::default()
        },
    )
    .map_err(Failure::about(SocketAddr::new(arguments.address, arguments.port)))?;
    let ca = arguments.ca_out.unwrap_or_default();
    super::super::write(&ca, server.ca_pem())?;

    let mut address = server.addresses()[0];
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let resolve = resolve(&playback, address);
    let network: Vec<String> = (resolve.iter())
        .flat_map(|pin| ["--resolve".to_owned(), pin.clone()])
        .chain(["--extra-ca".to_owned(), ca.display().to_string()])
        .collect();
    let tunes = &session.about.viewing.tunes;
    let play: Vec<_> = tunes.iter().map(|tune| [play(tune), network.clone()].concat()).collect();
    let record: Vec<_> = (tunes.iter().enumerate())
        .filter_map(|(n, _)| Some([record(&session, n)?, network.clone()].concat()))
        .collect();

    let line = json!({
        "session": dir,
        "url": format!("https://{address}"),
        "resolve": resolve,
        "play": play,
        "record": record,
    });
    let mut text = format!("{line}\n");
    text.extend(resolve.iter().map(|pin| format!("--resolve {pin}\n")));
    for (program, lines) in [("testcard", &play), ("testcard-sim", &record)] {
        for arguments in lines {
            let words: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
            text.push_str(&format!("{program} {}\n", words.join(" ")));
        }
    }
    super::super::print(&text)?;
    super::serve_on()
}

/// Where the hosts are, as `--resolve` takes it.
fn resolve(playback: &Playback, address: SocketAddr) -> Vec<String> {
    let pins = loopback::pins(playback, address).into_iter();
    pins.map(|pin| format!("{}:{}:{}", pin.host, pin.port, pin.address)).collect()
}

/// Where in the film a programme was joined.
fn start(tune: &Tune) -> MediaTime {
    let position = match tune.aim {
        Aim::At(position) => position,
        Aim::Live { when, position } => position + tune.at.since(when),
    };
    position.max(MediaTime::ZERO)
}

/// What `testcard` takes to watch a programme again.
fn play(tune: &Tune) -> Vec<String> {
    // Both are seconds with six decimals.
    let at = Instant::from_micros(start(tune).as_micros().unsigned_abs()).to_string();
    ["play", tune.url.as_str(), "--at", &at].map(str::to_owned).into()
}

/// What `testcard-sim` takes to watch it again and write that down; it joins at whole seconds only.
fn record(session: &Session, n: usize) -> Option<Vec<String>> {
    let viewing = &session.about.viewing;
    let tune = &viewing.tunes[n];
    let from = start(tune).as_micros().unsigned_abs();
    if !from.is_multiple_of(1_000_000) {
        return None;
    }
    let until = viewing.tunes.get(n + 1).map_or(viewing.end.at, |next| next.at);
    let watched = match viewing.end.position {
        Some(end) if n + 1 == viewing.tunes.len() => {
            u64::try_from(end.as_micros()).unwrap_or(0).saturating_sub(from)
        }
        _ => u64::try_from(until.since(tune.at).as_micros()).unwrap_or(u64::MAX),
    };
    let (at, seconds) = ((from / 1_000_000).to_string(), watched.div_ceil(1_000_000).to_string());
    let words = ["record", tune.url.as_str(), "--at", &at, "--seconds", &seconds, "--out", "again"];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    if viewing.limits.window_bytes != Limits::DESKTOP.window_bytes {
        words.extend(["--window".to_owned(), viewing.limits.window_bytes.to_string()]);
    }
    Some(words)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The session's hosts, which say on standard error where the recording ends.
struct Hosts {
    playback: Playback,
    exchanges: Vec<Exchange>,
    /// Exchanges not yet asked for.
    left: usize,
}

impl Origin for Hosts {
    fn respond(&mut self, request: &Request) -> Response {
        let (x, response) = match self.playback.look_up(request) {
            Ok(found) => found,
            Err(unmatched) => {
                eprintln!("testcard-sim: {unmatched}");
                return Response::unanswered(CutKind::Close);
            }
        };
        if let Some(exchange) = self.exchanges.get(x - 1) {
            tell_end(x, exchange);
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            eprintln!(
                "testcard-sim: exchange {x} was the last one not yet asked for; start again to watch \
                 the session again"
            );
        }
        response
    }
}

/// Says where an exchange ends of which there is less than there was.
fn tell_end(x: usize, exchange: &Exchange) {
    let seconds = |at: Instant| Instant::ZERO + at.since(exchange.opened);
    let bytes = exchange.body.len();
    match exchange.ending {
        Ending::Complete(_) | Ending::Failed(..) => {}
        Ending::Dropped(at) => eprintln!(
            "testcard-sim: exchange {x} was hung up by the viewer after {bytes} bytes and {} s: there \
             is silence then",
            seconds(at)
        ),
        Ending::Open => eprintln!(
            "testcard-sim: exchange {x} was recorded for {bytes} bytes: there is silence then"
        ),
    }
}

#[cfg(test)]
mod tests {
    use testcard_core::net::Url;

    use super::*;

    #[test]
    fn a_word_comes_out_of_a_shell_as_it_was() {
        let out = |word: &str| {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output();
            String::from_utf8(output.expect("a shell").stdout).expect("UTF-8")
        };
        for word in ["plain", "", "a b", "it's", "$HOME", "https://archive.org/x?a=1&b={{token:1}}"]
        {
            assert_eq!(out(word), word);
        }
    }

    #[test]
    fn a_programme_is_joined_again_where_the_schedule_was_when_it_was_tuned_to() {
        let tune = Tune {
            at: Instant::from_micros(5_000_000),
            url: Url::parse("https://archive.org/download/a/b.mp4").unwrap(),
            aim: Aim::Live {
                when: Instant::from_micros(2_000_000),
                position: MediaTime::from_micros(7_500_000),
            },
            duration: None,
        };
        assert_eq!(play(&tune)[2..], ["--at", "10.500000"]);
    }
}
