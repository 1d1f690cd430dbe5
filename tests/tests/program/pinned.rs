//! archive.org's own addresses, answered by this machine.

use std::process::Command;

use testcard_archive::serve::{Certificate, Options};
use testcard_archive::{Archive, Layout};

use crate::run::{Stage, archive_with, half_hour, program};

/// An archive that calls itself archive.org, and what a command line needs to find its front and its
/// nodes here.
pub fn archive_org(archive: Archive) -> (Stage, Vec<String>) {
    let certificate =
        Certificate { names: vec!["archive.org".to_string()], ..Certificate::default() };
    let options = Options { host: "archive.org".to_string(), certificate, ..Options::default() };
    let stage = Stage::with_options(archive, options);
    let urls = stage.server.urls();
    let pins = urls.nodes.iter().chain([&urls.front]).flat_map(|url| {
        let host_and_port = url.strip_prefix("https://").expect("the archive speaks TLS");
        ["--resolve".to_string(), format!("{host_and_port}:127.0.0.1")]
    });
    let pins = pins.collect();
    (stage, pins)
}

#[test]
fn a_film_of_archive_org_plays_from_this_machine_under_its_own_address() {
    let (stage, pins) = archive_org(archive_with(half_hour(Layout::MoovLast), &[]));
    let pins: Vec<&str> = pins.iter().map(String::as_str).collect();
    let url = stage.film_url();
    for how in [&["--headless"][..], &[]] {
        let run = stage.run(&[&["play", &url, "--frames", "1"], how, &pins].concat());
        assert_eq!(run.code(), Some(0), "{}", run.sentence());
        assert_eq!(run.events("picture").len(), 1);
        assert_eq!(run.events("opened")[0]["url"], url);
        for opened in run.events("opened") {
            let url = opened["url"].as_str().expect("an address");
            assert!(url.starts_with("https://archive.org:"), "{url}");
        }
    }
}

#[test]
fn the_set_and_probe_find_a_pinned_host_too() {
    let (stage, pins) = archive_org(archive_with(half_hour(Layout::MoovLast), &[]));
    let probed = Command::new(program())
        .args(["probe", &stage.film_url(), "--extra-ca"])
        .arg(stage.path("ca.pem"))
        .args(&pins)
        .output()
        .expect("the program runs");
    assert_eq!(probed.status.code(), Some(0), "{}", String::from_utf8_lossy(&probed.stderr));

    // It is asked for a film that it does not have, and says so.
    let mut arguments = vec!["--base-url", stage.server.url()];
    arguments.extend(pins.iter().map(String::as_str));
    let mut set = stage.start(&arguments);
    set.wait_for("an answer", |trace| trace.iter().any(|event| event["status"] == 404));
}
