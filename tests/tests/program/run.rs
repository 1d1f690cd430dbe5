//! Runs the program and reads what it leaves behind.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant as Monotonic};

use serde_json::Value;
use tempfile::TempDir;
use testcard_archive::serve::{Options, Server};
use testcard_archive::{Archive, Clip, FilmSpec, Layout, Rule};
pub use testcard_tests::{program, sim};

use crate::display::Display;

/// A server with one film, `film.mp4` of the item `film`, in 640 × 480.
pub fn archive_with(spec: FilmSpec, rules: &[&str]) -> Archive {
    let mut archive = Archive::new(Clip::test_card(), 1);
    archive.add("film", "A film", "film.mp4", spec);
    archive.set_rules(rules.iter().map(|rule| rule.parse::<Rule>().expect(rule)).collect());
    archive
}

/// A film of half an hour in 185 MB, as the archive's usual derivative has it.
pub fn half_hour(layout: Layout) -> FilmSpec {
    FilmSpec::new(1_800_000, layout).with_bytes(185_000_000)
}

/// A server on this machine, and a folder for what a run leaves behind.
pub struct Stage {
    pub server: Server,
    pub folder: TempDir,
}

impl Stage {
    pub fn new(archive: Archive) -> Self {
        Self::with_options(archive, Options::default())
    }

    pub fn with_options(archive: Archive, options: Options) -> Self {
        let server = Server::start(archive, options).expect("ports of this machine");
        let folder = TempDir::new().expect("a folder for temporary files");
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).expect("a file");
        Self { server, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn film_url(&self) -> String {
        format!("{}/download/film/film.mp4", self.server.url())
    }

    /// The program with the server's authority trusted, its trace going to a file, and devices of
    /// files.
    fn command(&self, arguments: &[&str], trace: &Path) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .arg("--extra-ca")
            .arg(self.path("ca.pem"))
            .arg("--trace")
            .arg(trace)
            // What this person's set remembers is none of a test's business.
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("RUST_LOG")
            .env("SDL_VIDEODRIVER", "dummy")
            .env("SDL_AUDIODRIVER", "disk")
            .env("SDL_DISKAUDIOFILE", self.path("speaker.raw"));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// Runs the program to its end in another environment.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
        let path = self.path("trace.jsonl");
        let mut command = self.command(arguments, &path);
        command.envs(environment.iter().copied());
        let output = command.output().expect("the program runs");
        let text = fs::read_to_string(path).unwrap_or_default();
        let trace = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        Run { output, trace }
    }

    /// Runs the program without window and speaker to its end.
    pub fn play(&self, url: &str, more: &[&str]) -> Run {
        self.run(&[&["play", url, "--headless"], more].concat())
    }

    /// Starts the program, whose trace can be watched as it grows.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, |_| ())
    }

    /// Starts the program in a window on a display.
    pub fn start_on(&self, display: &Display, arguments: &[&str]) -> Running {
        self.start_with(arguments, |command| {
            command.env("SDL_VIDEODRIVER", "x11").env("DISPLAY", display.name());
        })
    }

    fn start_with(&self, arguments: &[&str], prepare: impl Fn(&mut Command)) -> Running {
        let mut command = self.command(arguments, Path::new("/dev/stdout"));
        prepare(&mut command);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (say, news) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Whoever does not listen any more has seen enough.
                let _ = say.send(serde_json::from_str(&line).expect("a line of JSON"));
            }
        });
        Running { child, news, trace: Vec::new() }
    }
}

/// A run that is over.
pub struct Run {
    pub output: Output,
    pub trace: Vec<Value>,
}

impl Run {
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub fn sentence(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn events(&self, kind: &str) -> Vec<&Value> {
        self.trace.iter().filter(|event| event["ev"] == kind).collect()
    }
}

/// A run under way. Ends with the test.
pub struct Running {
    child: Child,
    news: Receiver<Value>,
    /// What has happened so far.
    pub trace: Vec<Value>,
}

impl Running {
    /// Waits until the trace satisfies `wanted`, for longer than anything here takes on any machine.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&[Value]) -> bool) {
        let deadline = Monotonic::now() + Duration::from_secs(60);
        while !wanted(&self.trace) {
            match self.news.recv_timeout(deadline.saturating_duration_since(Monotonic::now())) {
                Ok(event) => self.trace.push(event),
                Err(_) => {
                    let told = self.trace.iter().filter(|event| event["ev"] != "picture");
                    panic!("{what} never came: {:#?}", told.collect::<Vec<_>>());
                }
            }
        }
    }
}

impl Running {
    /// Sends it a signal by its name: INT, TERM.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(kill.success());
    }

    /// Waits for its end: the exit code, and all that has happened.
    pub fn end(mut self) -> (Option<i32>, Vec<Value>) {
        // The trace ends with the program.
        while let Ok(event) = self.news.recv_timeout(Duration::from_secs(60)) {
            self.trace.push(event);
        }
        let status = self.child.wait().expect("a child");
        (status.code(), std::mem::take(&mut self.trace))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A dumped picture.
pub struct Frame {
    /// Its presentation time in µs, from its file's name.
    pub pts_us: i64,
    rgb: Vec<u8>,
    width: usize,
}

impl Frame {
    /// The pictures in a folder, in the order in which they were shown. Only those at or after
    /// `from_us` are decoded.
    pub fn all(folder: &Path, from_us: i64) -> Vec<Self> {
        let mut paths: Vec<_> = fs::read_dir(folder)
            .expect("a dump")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        paths.iter().filter_map(|path| Self::read(path, from_us)).collect()
    }

    fn read(path: &Path, from_us: i64) -> Option<Self> {
        let name = path.file_stem()?.to_str()?;
        let pts_us = name.split_once('_')?.1.parse().ok().filter(|pts| *pts >= from_us)?;
        let file = BufReader::new(File::open(path).expect("a picture"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG file");
        let mut rgb = vec![0; reader.output_buffer_size().expect("a small picture")];
        let info = reader.next_frame(&mut rgb).expect("a whole picture");
        Some(Self { pts_us, rgb, width: info.width as usize })
    }

    fn is_lit(&self, x: usize, y: usize) -> bool {
        self.rgb[(y * self.width + x) * 3] > 128
    }

    /// The picture's number within the clip, from the row of blocks under it (see
    /// recorded-sessions/clips).
    pub fn number(&self) -> u64 {
        let block = |n: usize| self.is_lit(44 + 40 * n + 16, 424 + 16);
        assert!(block(0) && !block(1), "the reference blocks are white and black");
        (2..14).fold(0, |number, n| number << 1 | u64::from(block(n)))
    }

    /// Whether the flash is lit, which it is at the start of every second.
    pub fn flashes(&self) -> bool {
        self.is_lit(520 + 48, 24 + 48)
    }
}

/// Pictures a second of the clip, and pictures in it.
pub const RATE: u64 = 30;
pub const CLIP: u64 = 3600;

/// Where tones begin in interleaved 16-bit stereo, in frames: at the first sample that is loud after
/// a twentieth of a second of silence.
pub fn beeps(samples: &[i16]) -> Vec<u64> {
    let (mut beeps, mut quiet) = (Vec::new(), 2400);
    for (frame, pair) in samples.chunks_exact(2).enumerate() {
        if pair[0].unsigned_abs() > 1000 {
            if quiet >= 2400 {
                beeps.push(frame as u64);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    beeps
}

/// The samples of a raw file, or of a WAV file without its header.
pub fn samples(path: &Path, header: usize) -> Vec<i16> {
    let bytes = fs::read(path).expect("sound");
    let (pairs, _) = bytes[header..].as_chunks::<2>();
    pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}
