//! The guide as other programs read it, read by one that nobody here wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::run::program;

/// Where Debian's xmltv-util, the reader's package, has the DTD.
const DTD: &str = "/usr/share/xmltv/xmltv.dtd";

/// What the reader says of a file. It has to be there: a test that passes without it proves
/// nothing.
fn verdict(file: &Path) -> (bool, String) {
    assert!(Path::new(DTD).exists(), "{DTD} is missing: run tools/need xmltv");
    let output = Command::new("tv_validate_file")
        .args(["--dtd-file", DTD])
        .arg(file)
        .output()
        .expect("tv_validate_file is there: run tools/need xmltv");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn guide(folder: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new(program())
        .arg("guide")
        .args(arguments)
        .env("XDG_DATA_HOME", folder.path())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn xmltv_is_accepted_by_an_independent_reader() {
    let folder = TempDir::new().expect("a folder");
    let awkward = folder.path().join("awkward.toml");
    fs::write(
        &awkward,
        r#"
[[channel]]
id = "a-1"
number = 999
name = "Ψυχαγωγία & <b> \"東京\""
start_on = "half hour"
utc_offset = "-03:30"

[[channel.day_part]]
name = "night"
from = "20:00"
to = "06:00"

[[channel.programme]]
title = "  Häxan & <i>   ]]> "
item = "Haxan"
file = "Häxan #1.mp4"
duration = "1:44:52.9"
part = "night"
description = "\u0007\u0085\uFFFE \uFFFD] é\né"

[[channel.programme]]
title = "\uFFFD"
description = "\u0007"
item = "short"
file = "short.mp3"
duration = "0:01"

[[channel.filler]]
title = "Ident"
item = "ident"
file = "ident.mp4"
duration = "0:30"
"#,
    )
    .expect("a file");
    for arguments in [
        &["--xmltv", "--days", "7"][..],
        &["--xmltv", "--line-up", awkward.to_str().expect("UTF-8"), "--channel", "999"],
        &["--xmltv", "--from", "1969-12-31T23:59:59.5Z"],
    ] {
        let xml = guide(&folder, arguments);
        assert!(xml.matches("<programme ").count() > 10, "{arguments:?}");
        let file = folder.path().join("guide.xml");
        fs::write(&file, &xml).expect("a file");
        let (is_valid, said) = verdict(&file);
        assert!(is_valid && said.contains("Validated ok"), "{arguments:?}: {said}");
        // The reader can tell.
        fs::write(&file, xml.replace("<title>", "<headline>")).expect("a file");
        assert!(!verdict(&file).0, "{arguments:?}");
    }
}

#[test]
fn a_playlist_leads_to_what_now_says_is_on() {
    let folder = TempDir::new().expect("a folder");
    let when = ["--when", "2026-11-20T20:42:00Z"];
    let playlist = guide(&folder, &["--m3u", when[0], when[1]]);
    let addresses: Vec<&str> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
    let schedule = testcard_core::schedule::Schedule::new(
        testcard_core::line_up::LineUp::built_in(),
        testcard_core::schedule::DEFAULT_SEED,
    );
    let at = testcard_core::time::UnixMillis(1_795_207_320_000);
    let expected = schedule.line_up().channels.iter().enumerate().map(|(index, channel)| {
        let airing = schedule.on_air(index, at).expect("something is on");
        format!("https://archive.org{}", airing.of(channel).expect("a film").download_path())
    });
    assert_eq!(addresses, expected.collect::<Vec<_>>());
}
