//! Debian's nginx as archive.org, on a port of this machine: a front, two nodes, and one film. It
//! lives in a folder of its own, needs no rights, and has nothing to do with an nginx that may run
//! as a service.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use testcard_archive::VirtualFilm;
use testcard_core::net::Url;
use testcard_https::{Options, Pin};

/// The names that nginx answers to.
pub const HOSTS: [&str; 3] = ["archive.org", "dn600101.us.archive.org", "dn600102.us.archive.org"];

/// The item and the file, a path as the archive has them: with spaces.
const FILM: &str = "film/A film.mp4";

/// nginx says this when its configuration is fine and it takes requests.
const READY: &str = "start worker process ";

/// Longer than nginx takes to start on any machine.
const START_MAX: Duration = Duration::from_secs(30);

/// What is wrong with the address of a node that the front hands out.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
    /// Its token ran out a minute ago: 410.
    Expired,
    /// Its token was made with another secret: 403.
    Forged,
    /// It has no token: 401.
    Bare,
}

/// How nginx serves.
#[derive(Clone, Copy, Debug)]
pub struct Serving<'a> {
    /// How long an address of a node is good, in seconds.
    pub token_seconds: u64,
    /// Bytes a second of a body.
    pub rate: u64,
    /// What is wrong with the first addresses; later ones are good.
    pub mishaps: &'a [Mishap],
}

/// A running nginx. Ends with the test, and then shows what it had to say if that failed.
pub struct Nginx {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
    ca_pem: String,
    log: Receiver<String>,
    said: Vec<String>,
}

impl Nginx {
    /// Starts it with a film.
    pub fn start(film: &VirtualFilm, serving: Serving) -> Self {
        // nginx takes a port from whoever started it, as it does from an older nginx that it
        // replaces: so the kernel can choose one, and nobody else can take it meanwhile.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
        let address = listener.local_addr().expect("its number");

        let folder = TempDir::new().expect("a folder for temporary files");
        let at = |name: &str| folder.path().join(name);
        write_film(film, &at("node/0/items").join(FILM));
        let (ca_pem, certificate, key) = certificates();
        let words = |mishap: &Mishap| format!("{mishap:?}\n").to_lowercase();
        for (name, text) in [
            ("nginx.conf", configuration(folder.path(), address, serving)),
            ("front.js", include_str!("front.js").to_owned()),
            ("mishaps", serving.mishaps.iter().map(words).collect()),
            ("certificate.pem", certificate),
            ("key.pem", key),
            ("ca.pem", ca_pem.clone()),
        ] {
            fs::write(at(name), text).expect("a file");
        }

        let mut child = command(folder.path())
            .env("NGINX", "0;")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx runs");
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (say, log) = mpsc::channel();
        thread::spawn(move || {
            // Whoever does not listen any more has seen enough.
            errors.lines().map_while(Result::ok).for_each(|line| drop(say.send(line)));
        });
        let mut nginx = Self { folder, child, address, ca_pem, log, said: Vec::new() };
        while !nginx.said.last().is_some_and(|line| line.contains(READY)) {
            let line = nginx.log.recv_timeout(START_MAX).expect("nginx starts");
            nginx.said.push(line);
        }
        nginx
    }

    /// Where the film is asked for.
    pub fn film_url(&self) -> Url {
        let url = format!("https://archive.org/download/{}", FILM.replace(' ', "%20"));
        Url::parse(&url).expect("an address")
    }

    /// How to reach it, for the desktop's network.
    pub fn options(&self) -> Options {
        let pin = |host: &str| Pin { host: host.to_owned(), port: 443, address: self.address };
        Options { extra_ca: self.ca_pem.clone().into_bytes(), pinned: HOSTS.map(pin).into() }
    }

    /// The same on a command line.
    pub fn arguments(&self) -> Vec<String> {
        let ca = self.folder.path().join("ca.pem");
        let ca = ["--extra-ca".to_owned(), ca.to_str().expect("UTF-8").to_owned()];
        let pins = HOSTS
            .iter()
            .flat_map(|host| ["--resolve".to_owned(), format!("{host}:443:{}", self.address)]);
        ca.into_iter().chain(pins).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A signal from us could only be one that leaves nginx no time to end its worker. Whatever
        // goes wrong here, nginx had ended by itself.
        let _ = command(self.folder.path()).args(["-s", "stop"]).output();
        let _ = self.child.wait();
        if thread::panicking() {
            self.said.extend(self.log.iter());
            eprintln!("What nginx said:\n{}", self.said.join("\n"));
            let served = fs::read_to_string(self.folder.path().join("access.log"));
            eprintln!("What it served:\n{}", served.unwrap_or_default());
        }
    }
}

/// nginx with what is in a folder. For Debian it is a command of administrators.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("nginx");
    command
        .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
        .arg(folder)
        .current_dir(folder)
        .env("PATH", format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default()));
    command
}

fn configuration(folder: &Path, address: SocketAddr, serving: Serving) -> String {
    let about = command(folder).arg("-V").output();
    let about = about.expect("nginx runs; `tools/need nginx` installs it").stderr;
    let about = String::from_utf8_lossy(&about);
    let modules = about.split_whitespace().find_map(|word| word.strip_prefix("--modules-path="));
    [
        ("@PORT@", address.port().to_string()),
        ("@MODULES@", modules.expect("nginx says where its modules are").to_owned()),
        ("@SECRET@", "a-secret-of-the-nodes".to_owned()),
        ("@TOKEN_SECONDS@", serving.token_seconds.to_string()),
        ("@RATE@", serving.rate.to_string()),
    ]
    .iter()
    .fold(include_str!("nginx.conf").to_owned(), |text, (name, value)| text.replace(name, value))
}

/// An authority, a certificate for [`HOSTS`], and its key.
fn certificates() -> (String, String, String) {
    let mut ca = CertificateParams::new(Vec::new()).expect("no names are wrong");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().expect("randomness");
    let ca = CertifiedIssuer::self_signed(ca, key).expect("a certificate");

    let leaf = CertificateParams::new(HOSTS.map(str::to_owned)).expect("names of hosts");
    let key = KeyPair::generate().expect("randomness");
    let leaf = leaf.signed_by(&key, &ca).expect("a certificate");
    (ca.pem(), leaf.pem(), key.serialize_pem())
}

fn write_film(film: &VirtualFilm, path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let mut buf = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        let count = film.read_at(offset, &mut buf);
        if count == 0 {
            break;
        }
        file.write_all(&buf[..count]).expect("room for a film");
        offset += count as u64;
    }
    file.flush().expect("room for a film");
}
