//! `testcard lineup` against an archive on this machine: the program as a person runs it, over real
//! sockets and TLS, with a home of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use testcard_archive::serve::{Options, Server};
use testcard_archive::{About, Archive, Clip, FilmSpec, Layout, Listed, Rule};
use testcard_core::line_up::LineUp;

const PUBLIC_DOMAIN: &str = "http://creativecommons.org/publicdomain/mark/1.0/";
const CC_BY: &str = "http://creativecommons.org/licenses/by/3.0/";

/// A person with a home, and an archive.
struct Home {
    server: Server,
    folder: TempDir,
    /// The targets asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Home {
    fn new(archive: Archive) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        let options = Options {
            on_exchange: Some(Box::new(move |exchange| {
                let agent = exchange.user_agent.as_deref().unwrap_or_default();
                assert!(agent.starts_with("testcard/"), "{agent:?} says who asks");
                notes.lock().unwrap().push(exchange.target.clone());
            })),
            ..Options::default()
        };
        let server = Server::start(archive, options).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        Self { server, folder, asked }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn want(&self, channels: &str) {
        fs::create_dir_all(self.path("config/testcard")).unwrap();
        fs::write(self.path("config/testcard/channels.toml"), channels).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_testcard"))
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .output()
            .unwrap()
    }

    /// A command that asks the archive: its exit code, what it printed, and what it complained of.
    fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        let ca = self.path("ca.pem");
        let there = ["--base-url", self.server.url(), "--extra-ca", ca.to_str().unwrap()];
        let output = self.run(&[arguments, &there].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn refresh(&self) -> (i32, String, String) {
        self.ask(&["lineup", "refresh"])
    }

    fn line_up_path(&self) -> PathBuf {
        self.path("data/testcard/line-up.toml")
    }

    fn line_up(&self) -> LineUp {
        LineUp::parse(&fs::read_to_string(self.line_up_path()).unwrap()).unwrap()
    }

    fn items(&self) -> Vec<String> {
        let line_up = self.line_up();
        line_up.channels[0].programmes.iter().map(|programme| programme.item.clone()).collect()
    }

    /// How many questions there were since the last call.
    fn questions(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }
}

/// Films of ten minutes and so many seconds: `film-0`, `film-1`, …, in the collection `films`.
fn archive(films: usize) -> Archive {
    let mut archive = Archive::new(Clip::test_card(), 1);
    for n in 0..films {
        let id = format!("film-{n}");
        let spec = FilmSpec::new(600_000 + 1000 * n as u64, Layout::MoovFirst);
        let spec = spec.with_bytes(60_000_000);
        archive.add(&id, &format!("Film {n}"), &format!("film {n}.mp4"), spec);
        archive.describe(
            &id,
            About {
                collections: vec!["films".to_owned(), "more".to_owned()],
                creators: vec!["One".to_owned(), "Another".to_owned()],
                year: Some(1920 + n as u16 % 10),
                description: Some(format!("<p>About <b>film {n}</b> &amp; more.</p>")),
                licence: match n % 3 {
                    0 => Some(PUBLIC_DOMAIN.to_owned()),
                    1 => Some(CC_BY.to_owned()),
                    _ => None,
                },
                ..About::default()
            },
        );
    }
    archive
}

const SEARCH: &str = "
[[channel]]
id = \"mine\"
number = 12
name = \"Mine\"
search = \"collection:films AND mediatype:movies\"
sort = \"year asc\"
";

#[test]
fn who_has_no_plan_is_shown_one_that_can_be_used() {
    let home = Home::new(Archive::new(Clip::test_card(), 1));
    let (code, _, complaint) = home.refresh();
    assert_eq!(code, 2);
    let (sentence, example) = complaint.split_once("\n\n").unwrap();
    assert!(sentence.contains("config/testcard/channels.toml is not there"), "{sentence}");
    home.want(example);
    assert_eq!(home.ask(&["lineup", "check"]).0, 0);
}

#[test]
fn a_search_becomes_a_line_up_that_the_set_plays() {
    let home = Home::new(archive(6));
    home.want(SEARCH);
    let (code, said, complaint) = home.refresh();
    assert_eq!(code, 0, "{complaint}");
    assert!(said.contains("channel 12 \"Mine\": 6 new\n"), "{said}");
    assert!(said.contains("1 channel, 6 programmes, 1 hour\n"), "{said}");
    let line_up = home.line_up();
    let programme = &line_up.channels[0].programmes[1];
    assert_eq!(
        (&*programme.title, &*programme.item, &*programme.file, programme.duration_ms),
        ("Film 1", "film-1", "film 1.mp4", 601_000)
    );
    assert_eq!(programme.description.as_deref(), Some("About film 1 & more."));
    assert_eq!(programme.licence.as_deref(), Some("CC BY 3.0"));
    assert_eq!((programme.year, programme.bytes), (Some(1921), Some(60_000_000)));
    let text = fs::read_to_string(home.line_up_path()).unwrap();
    assert!(text.starts_with("# Made by testcard "), "{text}");
    assert!(text.contains("#   12: 50 of collection:films AND mediatype:movies by year asc\n"));

    // The set finds it without being told.
    let now: Value = serde_json::from_slice(&home.run(&["now", "--json"]).stdout).unwrap();
    let channels = now["channels"].as_array().unwrap();
    assert_eq!(channels.len(), 6);
    assert_eq!(channels[5]["name"], "Mine");
    let shown: Value =
        serde_json::from_slice(&home.run(&["lineup", "show", "--json"]).stdout).unwrap();
    assert_eq!(shown[5]["programmes"][0]["item"], "film-0");
    let table = String::from_utf8(home.run(&["lineup", "show"]).stdout).unwrap();
    assert!(table.contains("      0:10:01  Film 1 (1921)  [CC BY 3.0]\n"), "{table}");
    assert!(home.run(&["lineup", "check"]).status.success());
}

#[test]
fn what_was_asked_within_a_day_is_not_asked_again() {
    let home = Home::new(archive(6));
    home.want(SEARCH);
    assert_eq!(home.refresh().0, 0);
    assert_eq!(home.questions(), 7, "one page and six items");
    let first = fs::read_to_string(home.line_up_path()).unwrap();
    let (code, said, _) = home.refresh();
    assert_eq!((code, home.questions()), (0, 0));
    assert!(said.contains("6 kept\n  its schedule stays\n"), "{said}");
    let second = fs::read_to_string(home.line_up_path()).unwrap();
    let below_the_date = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(below_the_date(&first), below_the_date(&second));
    assert_eq!(home.ask(&["lineup", "refresh", "--fresh"]).0, 0);
    assert_eq!(home.questions(), 7);
}

#[test]
fn a_refresh_keeps_the_order_unless_told_to_forget_it() {
    let home = Home::new(archive(6));
    home.want(&SEARCH.replace("year asc", "year desc").replace("sort", "rows = 3\nsort"));
    assert_eq!(home.refresh().0, 0);
    assert_eq!(home.items(), ["film-5", "film-4", "film-3"]);
    home.want(SEARCH);
    let (_, said, _) = home.refresh();
    assert_eq!(home.items(), ["film-5", "film-4", "film-3", "film-0", "film-1", "film-2"]);
    assert!(said.contains("3 kept, 3 new\n"), "{said}");
    assert!(said.contains("its schedule moves"), "{said}");
    assert_eq!(home.ask(&["lineup", "refresh", "--anew"]).0, 0);
    assert_eq!(home.items()[0], "film-0");
}

#[test]
fn licences_missing_and_dark_items_are_heeded() {
    let mut archive = archive(6);
    archive.darken("film-3");
    let home = Home::new(archive);
    home.want(&SEARCH.replace("sort", "licence = [\"publicdomain\"]\nsort"));
    assert_eq!(home.refresh().0, 0);
    assert_eq!(home.items(), ["film-0"]);
    home.want(
        "[[channel]]\nid = \"mine\"\nnumber = 12\nname = \"Mine\"\n\
         items = [\"film-3\", \"film-2\", \"nobody\"]\n",
    );
    let (code, said, _) = home.refresh();
    assert_eq!((code, home.items()), (0, vec!["film-2".to_owned()]));
    assert!(said.contains("  ! film-3: it was taken out of public view\n"), "{said}");
    assert!(said.contains("  ! nobody: there is no such item\n"), "{said}");
    assert!(said.contains("  - Film 0 (film-0)\n"), "{said}");
}

#[test]
fn an_item_of_sound_gives_all_its_pieces_in_the_smallest_good_format() {
    let mut archive = archive(1);
    let piece = |name: &str, format: &str, original: Option<&str>, length: &str| Listed {
        name: name.to_owned(),
        format: format.to_owned(),
        original: original.map(str::to_owned),
        bytes: 4_000_000,
        length: Some(length.to_owned()),
        height: None,
    };
    archive.add("concert", "A Concert", "cover.mp4", FilmSpec::new(5_000, Layout::MoovFirst));
    archive.describe(
        "concert",
        About {
            mediatype: Some("audio".to_owned()),
            listed: vec![
                piece("02 Waltz.flac", "Flac", None, "3:05"),
                piece("02 Waltz.mp3", "VBR MP3", Some("02 Waltz.flac"), "185.2"),
                piece("01 March.flac", "Flac", None, "0:02:00"),
                piece("01 March.mp3", "VBR MP3", Some("01 March.flac"), "2:00"),
            ],
            ..About::default()
        },
    );
    let home = Home::new(archive);
    home.want("[[channel]]\nid = \"r\"\nnumber = 30\nname = \"Radio\"\nitems = [\"concert\"]\n");
    let (code, _, complaint) = home.refresh();
    assert_eq!(code, 0, "{complaint}");
    let line_up = home.line_up();
    let pieces = line_up.channels[0].programmes.iter();
    let pieces: Vec<_> = pieces.map(|p| (p.title.as_str(), &*p.file, p.duration_ms)).collect();
    assert_eq!(
        pieces,
        [
            ("A Concert: 01 March", "01 March.mp3", 120_000),
            ("A Concert: 02 Waltz", "02 Waltz.mp3", 185_200),
        ]
    );
}

fn with_faults(faults: &[&str]) -> Home {
    let mut archive = archive(3);
    let rules = faults.iter().map(|rule| rule.parse::<Rule>().expect(rule));
    archive.set_rules(rules.collect());
    let home = Home::new(archive);
    home.want(SEARCH);
    home
}

#[test]
fn a_busy_archive_is_asked_again_and_given_the_time_it_asks_for() {
    for fault in ["status=500", "status=503,1", "status=429", "backend-error", "close=20", "page"] {
        // The page with status 200 is a fault of nodes alone, so here it changes nothing.
        let home = with_faults(&[&format!("search:0..2:{fault}"), &format!("metadata:1:{fault}")]);
        let (code, _, complaint) = home.refresh();
        assert_eq!((code, home.items().len()), (0, 3), "{fault}: {complaint}");
    }
}

#[test]
fn an_archive_that_stays_busy_leaves_the_line_up_as_it_is() {
    for (fault, said) in [
        ("search:always:status=500", "the server is busy (it answered 500)"),
        ("search:always:status=503,9999", "asks to be asked again in 9999 s"),
        ("search:always:backend-error", "[BACKEND_ERROR] the search is not available"),
        ("metadata:always:status=429", "the server is busy (it answered 429)"),
        ("metadata:always:no-answer", "the connection was cut"),
        ("metadata:always:status=403", "the server answered 403"),
    ] {
        let home = with_faults(&[fault]);
        let mine = "# Made by testcard 0: a line-up.\n";
        let before = format!("{mine}{}", LineUp::built_in().to_toml());
        fs::create_dir_all(home.line_up_path().parent().unwrap()).unwrap();
        fs::write(home.line_up_path(), &before).unwrap();
        let (code, _, complaint) = home.refresh();
        let is_network = !fault.contains("403");
        assert_eq!(code, if is_network { 4 } else { 3 }, "{fault}: {complaint}");
        assert!(complaint.contains("the line-up stays as it is"), "{complaint}");
        assert!(complaint.contains(said), "{fault}: {complaint}");
        assert_eq!(fs::read_to_string(home.line_up_path()).unwrap(), before);
    }
}

#[test]
fn a_search_goes_on_beyond_ten_thousand_results() {
    let mut archive = Archive::new(Clip::test_card(), 1);
    for n in 0..10_150 {
        let id = format!("n-{n:05}");
        archive.add(&id, "A Film", "a.mp4", FilmSpec::new(600_000, Layout::MoovFirst));
        let licence = (n == 10_120).then(|| CC_BY.to_owned());
        archive.describe(&id, About { licence, year: Some(1900), ..About::default() });
    }
    let home = Home::new(archive);
    home.want(
        &SEARCH.replace("collection:films AND ", "").replace("sort", "licence = [\"by\"]\nsort"),
    );
    let (code, _, complaint) = home.refresh();
    assert_eq!((code, home.items()), (0, vec!["n-10120".to_owned()]), "{complaint}");
    let asked = home.asked.lock().unwrap();
    assert!(asked.iter().any(|target| target.starts_with("/services/search/v1/scrape?")));
}

#[test]
fn check_online_finds_what_has_changed_since() {
    let home = Home::new(archive(3));
    home.want(SEARCH);
    assert_eq!(home.refresh().0, 0);
    let (code, said, complaint) = home.ask(&["lineup", "check", "--online"]);
    assert_eq!(code, 0, "{complaint}");
    assert!(said.ends_with("every file is there\n"), "{said}");
    let text = fs::read_to_string(home.line_up_path()).unwrap();
    let text = text.replacen("bytes = 60000000", "bytes = 59999999", 1);
    let text = text.replace("\"film 1.mp4\"", "\"gone.mp4\"").replace("\"film-2\"", "\"nobody\"");
    fs::write(home.line_up_path(), text).unwrap();
    let (code, said, complaint) = home.ask(&["lineup", "check", "--online"]);
    assert_eq!(code, 3, "{said}");
    for trouble in [
        "channel 12, \"Film 0\" (film-0): its file has 60000000 bytes and not 59999999",
        "channel 12, \"Film 1\" (film-1): its item has no file \"gone.mp4\"",
        "channel 12, \"Film 2\" (nobody): there is no such item",
    ] {
        assert!(said.contains(trouble), "{said}");
    }
    assert!(complaint.contains("3 programmes would not be played"), "{complaint}");
}

#[test]
fn a_plan_that_cannot_be_read_is_told_by_its_line() {
    let home = Home::new(archive(1));
    home.want(&SEARCH.replace("number = 12", "number = 1200"));
    for command in [&["lineup", "refresh"][..], &["lineup", "check"]] {
        let (code, _, complaint) = home.ask(command);
        assert_eq!(code, 2);
        assert!(
            complaint.contains("channels.toml cannot be used: line 4, column 10: "),
            "{complaint}"
        );
        assert!(complaint.contains("1200 cannot be a channel's number"), "{complaint}");
    }
    assert_eq!(home.questions(), 0);
}

#[test]
fn a_broken_line_up_of_mine_is_named_and_not_replaced() {
    let home = Home::new(archive(3));
    home.want(SEARCH);
    fs::create_dir_all(home.line_up_path().parent().unwrap()).unwrap();
    let mine = format!("# I wrote this.\n{}", LineUp::built_in().to_toml());
    for (text, said) in [
        ("# Made by testcard 0\nchannel = 5\n", "--anew does without it"),
        (mine.as_str(), "--out"),
    ] {
        fs::write(home.line_up_path(), text).unwrap();
        let (code, _, complaint) = home.refresh();
        assert_eq!(code, 2, "{complaint}");
        assert!(complaint.contains(said), "{complaint}");
        assert_eq!(fs::read_to_string(home.line_up_path()).unwrap(), text);
    }
    fs::write(home.line_up_path(), "channel = 5").unwrap();
    let complaint = home.run(&["now"]);
    assert_eq!(complaint.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&complaint.stderr).contains("line-up.toml cannot be used"));
}
