//! Files fetched beside the film, from a server of this test's own on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use testcard_core::net::Url;
use testcard_core::stream::ProgrammeFailure;
use testcard_desktop::errand::{Errand, ErrandError};
use testcard_https::Options;

/// A server that gives these answers, one to each request in turn, and its address. What it was
/// asked for comes through the channel.
fn server(answers: Vec<String>) -> (Url, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/file.srt", listener.local_addr().expect("an address"));
    let (say, asked) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (connection, _) = listener.accept().expect("a connection");
            let path = serve(connection, &answer);
            // A test that has failed listens no more.
            let _ = say.send(path);
        }
    });
    (Url::parse(&url).expect("an address"), asked)
}

fn serve(mut connection: TcpStream, answer: &str) -> String {
    let mut lines = BufReader::new(connection.try_clone().expect("a socket")).lines();
    let request = lines.next().expect("a request").expect("text");
    lines.map_while(Result::ok).find(String::is_empty);
    // Whoever asked may have hung up.
    let _ = connection.write_all(format!("HTTP/1.1 {answer}").as_bytes());
    request.split(' ').nth(1).expect("a path").to_string()
}

fn fetch(url: Url) -> Result<Vec<u8>, ErrandError> {
    let (wake, woken) = mpsc::channel();
    let errand = Errand::start(url, 100, Options::default(), move || {
        wake.send(()).expect("the test listens");
    });
    let errand = errand.expect("no extra authority");
    woken.recv_timeout(Duration::from_secs(60)).expect("an outcome");
    errand.poll().expect("it has come to something")
}

fn ok(body: &str) -> String {
    format!("200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn status(line: &str) -> String {
    format!("{line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn found(location: &str) -> String {
    format!("302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_file_is_fetched_through_redirects() {
    let (url, asked) = server(vec![found("/21/items/file.srt"), ok("1\n00:01 --> 00:02\nHi")]);
    assert_eq!(fetch(url), Ok(b"1\n00:01 --> 00:02\nHi".to_vec()));
    assert_eq!(asked.iter().collect::<Vec<_>>(), ["/file.srt", "/21/items/file.srt"]);
}

#[test]
fn a_server_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let (url, asked) = server(vec![status("503 Busy"), ok("here")]);
    assert_eq!(fetch(url), Ok(b"here".to_vec()));
    assert_eq!(asked.iter().count(), 2);
    let (url, asked) = server(vec![status("404 Not Found")]);
    assert_eq!(fetch(url), Err(ErrandError::Status(404)));
    assert_eq!(asked.iter().count(), 1);
}

#[test]
fn a_file_that_is_too_long_is_not_read_to_its_end() {
    for answer in [
        ok(&"x".repeat(101)),
        // It never says how long it is, and does not end.
        format!("200 OK\r\n\r\n{}", "x".repeat(1_000_000)),
    ] {
        let (url, _asked) = server(vec![answer]);
        assert_eq!(fetch(url), Err(ErrandError::TooLong(100)));
    }
}

#[test]
fn a_redirect_to_strangers_and_one_in_circles_are_not_followed() {
    let (url, _asked) = server(vec![found("https://example.com/file.srt")]);
    let stranger = ProgrammeFailure::ForeignRedirect("example.com".to_string());
    assert_eq!(fetch(url), Err(ErrandError::Redirect(stranger)));
    let (url, asked) = server(vec![found("/again"); 7]);
    assert_eq!(fetch(url), Err(ErrandError::Redirect(ProgrammeFailure::TooManyRedirects)));
    assert_eq!(asked.try_iter().count(), 6);
}
