//! The archive inside the program, for a machine without a network: the line-up's films with their
//! true names, sizes and durations, made of a test card, behind real sockets and real TLS on this
//! machine. The set does not know the difference.

use std::io;

use testcard_archive::serve::{Options, Server};
use testcard_archive::{Archive, ArchivedFilm};
use testcard_core::line_up::{Channel, LineUp};

/// Bytes a second that a film takes whose size the line-up does not tell: archive.org's usual
/// derivative, 580 kb/s.
const USUAL_RATE: u64 = 72_500;

/// Starts serving the films of `line_up` on ports of 127.0.0.1.
pub fn start(line_up: &LineUp) -> io::Result<Server> {
    let films =
        line_up.channels.iter().flat_map(Channel::everything).map(|programme| ArchivedFilm {
            item: programme.item.clone(),
            file: programme.file.clone(),
            title: programme.title.clone(),
            bytes: programme.bytes.unwrap_or(programme.duration_ms / 1000 * USUAL_RATE),
            duration_ms: programme.duration_ms,
        });
    Server::start(Archive::with_items(films, 0), Options::default())
}
