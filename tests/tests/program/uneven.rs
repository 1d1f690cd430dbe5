//! Films of which one part is over before the other.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use testcard_archive::{FilmSpec, Layout};

use crate::run::{Run, Stage, archive_with};

/// Plays a fixture from a position on, served by as little of a server as will do.
fn play(name: &str, at: &str) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let film = std::fs::read(path).expect("a fixture");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/{name}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let lines = BufReader::new(&connection).lines().map_while(Result::ok);
            let range = lines.take_while(|line| !line.is_empty()).find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned)
            });
            let from =
                range.and_then(|range| range.trim_end_matches('-').parse().ok()).unwrap_or(0);
            let rest = film.get(from..).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\n\
                 Content-Range: bytes {from}-{}/{}\r\nConnection: close\r\n\r\n",
                rest.len(),
                film.len() - 1,
                film.len()
            );
            // Whoever asked may have hung up.
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(rest));
        }
    });
    let stage = Stage::new(archive_with(FilmSpec::new(10_000, Layout::MoovFirst), &[]));
    stage.play(&url, &["--at", at])
}

#[test]
fn the_picture_goes_on_when_the_sound_is_over() {
    let run = play("short-sound.mp4", "0");
    assert_eq!((run.code(), run.events("picture").len()), (Some(0), 60), "{}", run.sentence());
}

#[test]
fn a_film_is_joined_where_its_sound_is_over_already() {
    let run = play("short-sound.mp4", "4");
    assert_eq!((run.code(), run.events("picture").len()), (Some(0), 20), "{}", run.sentence());
}

#[test]
fn a_film_is_joined_where_its_picture_is_over_already() {
    let run = play("short-picture.mp4", "4");
    assert_eq!((run.code(), run.events("picture").len()), (Some(0), 0), "{}", run.sentence());
    assert_eq!(run.events("ended").len(), 1);
}

#[test]
fn a_film_joined_behind_its_end_is_over() {
    let run = play("short-sound.mp4", "60");
    assert_eq!((run.code(), run.events("picture").len()), (Some(0), 0), "{}", run.sentence());
    assert_eq!(run.events("ended").len(), 1);
}
