//! What the program says about itself on standard error: warnings always, and as much more as
//! `RUST_LOG` asks for. Never says anything that a person must not show to others: addresses are
//! written without their query and without what stands before an `@`.
//!
//! A warning reads like any other sentence of a command, `testcard: …`; with `RUST_LOG` every line
//! has its time, its level and its module, for whoever looks for a fault.

use std::io::Write;

use env_logger::{Builder, Env};
use log::LevelFilter;
use testcard_core::net::Url;
use testcard_core::trace::Event;

/// Warnings of ours, and errors of libraries.
const USUALLY: &str = "error,testcard=warn";

/// Starts. Once per program, before anything else.
pub fn start() {
    let mut builder = Builder::from_env(Env::default().default_filter_or(USUALLY));
    // It would say whole addresses, whatever is in them.
    builder.filter_module("ureq", LevelFilter::Off);
    if std::env::var_os("RUST_LOG").is_none() {
        builder.format(|line, record| writeln!(line, "testcard: {}", record.args()));
    }
    // Where a test has started already, it has its reasons.
    let _ = builder.try_init();
}

/// Says what the core did, in the words of its trace.
pub fn event(event: &Event) {
    match event {
        Event::Tuned { url, target } => {
            log::info!("tuned to {} at {} µs", without_secrets(url), target.as_micros());
        }
        Event::Opened { x, url, range } => match range {
            Some(range) => log::info!("exchange {x}: {} {range}", without_secrets(url)),
            None => log::info!("exchange {x}: {}", without_secrets(url)),
        },
        Event::Answered { x, status } => log::debug!("exchange {x}: answered {status}"),
        Event::Closed { x, received, complete } => {
            let how = if *complete { "complete" } else { "left" };
            log::debug!("exchange {x}: {how} after {received} bytes");
        }
        Event::NodeFailed { x, why, pause } => {
            log::info!("exchange {x}: {why}; trying again in {} ms", pause.as_millis());
        }
        Event::Failed { sentence, .. } => log::info!("programme failed: {sentence}"),
        Event::Starved { at } => log::info!("ran dry at {} µs", at.as_micros()),
        other => log::debug!("{other:?}"),
    }
}

/// An address without its query, and without a name and a password.
pub fn without_secrets(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "an address that is none".to_string() };
    url.set_query(None);
    url.set_fragment(None);
    // Neither can be refused where there is a host, and without one there are none.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_without_its_secrets() {
        assert_eq!(
            without_secrets("https://me:word@ia1.us.archive.org/1/items/x/a%20b.mp4?token=s#f"),
            "https://ia1.us.archive.org/1/items/x/a%20b.mp4"
        );
        assert_eq!(without_secrets("secret"), "an address that is none");
    }
}
