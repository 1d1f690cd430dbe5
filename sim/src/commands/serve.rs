//! `testcard-sim serve`: the archive over real sockets until Ctrl-C. Films are named on the command
//! line; their bytes are computed as they are asked for. Or what a session's hosts said, see
//! [`session`].

mod session;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Failure, Verdict};
use clap::Args;
use serde_json::json;
use testcard_archive::serve::{Certificate, Flaw, OnExchange, Options, Server};
use testcard_archive::{
    Archive, ArchivedFilm, Clip, FilmSpec, FilmSpecError, Layout, Rule, SoundFile, VirtualFilm,
};
use testcard_core::line_up::{Channel, LineUp};

/// The last port after which there are two more for the nodes.
const FRONT_PORT_MAX: u16 = u16::MAX - 2;

/// Serve films as archive.org does, or a recorded session, on this machine
///
/// Prints one line of JSON with every URL, then the same for people: for each film the URL to
/// download it, which redirects to a node, and that of the file itself, which does not. Serves until
/// interrupted.
///
/// With --session it prints where each of the session's hosts is, as --resolve takes it, and the
/// command lines that watch it again.
#[derive(Args)]
pub(super) struct Arguments {
    /// Serve what was recorded, once: all hosts of the session on one port, by name. What was not
    /// recorded is told on standard error, and hung up on
    #[arg(
        long,
        value_name = "DIR",
        requires = "ca_out",
        conflicts_with_all = [
            "host", "tls", "http", "film", "line_up", "token_seconds", "fault", "seed",
            "certificate_name",
        ]
    )]
    session: Option<PathBuf>,
    /// With --session: how many times faster than real
    #[arg(
        long,
        requires = "session",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    speed: u32,
    /// Port of the front; the two nodes get the next two. 0 for any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Host to name in URLs and in the certificate, when it is not the address
    #[arg(long)]
    host: Option<String>,
    /// Name https URLs (the default). Every port takes both all the same
    #[arg(long, conflicts_with = "http")]
    tls: bool,
    /// Name http URLs
    #[arg(long)]
    http: bool,
    /// A film: NAME:SECONDS:BYTES:LAYOUT, several times for several. BYTES may be `min`; LAYOUT is
    /// `first` or `last` (where moov lies), then any of `+co64` (64-bit offsets), `+wide` (mdat
    /// with a 64-bit length), `+to-end` (mdat without a length) and `+480x272` (pictures of that
    /// size, for a PSP); or `mp3`, `ogg`, `flac` or `fragments`, for sound
    #[arg(long, default_value = "testcard:1800:185000000:first")]
    film: Vec<Film>,
    /// Every film of a line-up instead, with its own name, size and duration and the picture of a
    /// test card, as the TV's --offline has them: core/line-up.toml is the one that everybody gets
    #[arg(long, value_name = "FILE", conflicts_with = "film")]
    line_up: Option<PathBuf>,
    /// With --line-up: pictures of 480x272, for a PSP, and as few bytes as they take
    #[arg(long, requires = "line_up")]
    small_pictures: bool,
    /// Bytes a second that all connections together receive
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Milliseconds that a question and its answer spend on the way
    #[arg(long, default_value_t = 0)]
    rtt: u64,
    /// How long a node's URL is good for. 0 for ever
    #[arg(long, default_value_t = 60)]
    token_seconds: u64,
    /// Something that goes wrong, PLACE:WHEN:FAULT, several times for several: PLACE is metadata,
    /// download, node or search; WHEN is always, a request's number (3, 0..2) or a ratio (370/1000); FAULT
    /// is status=503,30 delay=MICROSECONDS pace=BYTES_PER_SECOND no-answer[=reset|=stall]
    /// close=BYTES reset=BYTES stall=BYTES range-ignored range-shifted=BYTES replaced=BYTES page
    /// truncated=BYTES moov-damaged crumbs=BYTES packed odd-headers redirect-body=BYTES
    /// backend-error or redirect=foreign|http|loop|chain|relative|missing
    #[arg(long, value_name = "RULE")]
    fault: Vec<Rule>,
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Name that the certificate is for instead of this machine's, several times for several
    #[arg(long, value_name = "NAME")]
    certificate_name: Vec<String>,
    #[command(flatten)]
    flaw: CertificateFlaw,
    /// Write the certificate to trust to this file, as PEM
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Print a line to standard error for every exchange
    #[arg(long)]
    log: bool,
}

/// What is wrong with the certificate, one thing at most: for testing whether clients notice.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct CertificateFlaw {
    /// Show a certificate that has run out
    #[arg(long)]
    certificate_expired: bool,
    /// Show a certificate that is not valid yet
    #[arg(long)]
    certificate_not_yet_valid: bool,
    /// Show a certificate that no authority has signed
    #[arg(long)]
    certificate_self_signed: bool,
    /// Show a certificate signed with another that is no authority, which the authority has signed
    #[arg(long)]
    certificate_through_leaf: bool,
}

impl From<CertificateFlaw> for Option<Flaw> {
    fn from(flaw: CertificateFlaw) -> Self {
        match flaw {
            CertificateFlaw { certificate_expired: true, .. } => Some(Flaw::Expired),
            CertificateFlaw { certificate_not_yet_valid: true, .. } => Some(Flaw::NotYetValid),
            CertificateFlaw { certificate_self_signed: true, .. } => Some(Flaw::SelfSigned),
            CertificateFlaw { certificate_through_leaf: true, .. } => Some(Flaw::ThroughLeaf),
            _ => None,
        }
    }
}

/// A film as the command line names it.
#[derive(Clone)]
struct Film {
    name: String,
    spec: FilmSpec,
}

impl FromStr for Film {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, spec) = text.split_once(':').ok_or("expected NAME:SECONDS:BYTES:LAYOUT")?;
        let spec: FilmSpec = spec.parse().map_err(|error: FilmSpecError| error.to_string())?;
        VirtualFilm::new(&Clip::test_card(), &spec).map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), spec })
    }
}

pub(super) fn run(mut arguments: Arguments) -> Result<Verdict, Failure> {
    if let Some(dir) = arguments.session.take() {
        return session::run(&dir, arguments);
    }
    if arguments.port > FRONT_PORT_MAX {
        let sentence = "the two nodes get the ports after it, and there are none";
        return Err(Failure(format!(
            "port {}: {sentence}; name one up to {FRONT_PORT_MAX}",
            arguments.port
        )));
    }
    let mut archive = if let Some(file) = &arguments.line_up {
        let films = films_in(file)?;
        match arguments.small_pictures {
            false => Archive::with_items(films, arguments.seed),
            true => with_small_pictures(films, arguments.seed),
        }
    } else {
        let mut archive = Archive::new(Clip::test_card(), arguments.seed);
        for film in &arguments.film {
            archive.add(&film.name, &film.name, &format!("{}.mp4", film.name), film.spec.clone());
        }
        archive
    };
    archive.set_rules(arguments.fault);
    let life_us = arguments.token_seconds.saturating_mul(1_000_000);
    archive.set_token_life((life_us > 0).then_some(life_us));

    let host = arguments.host.unwrap_or_else(|| arguments.address.to_string());
    let mut certificate = Certificate { flaw: arguments.flaw.into(), ..Certificate::default() };
    certificate.names.push(host.clone());
    if !arguments.certificate_name.is_empty() {
        certificate.names = arguments.certificate_name;
    }
    let server = Server::start(
        archive,
        Options {
            address: arguments.address,
            host,
            port: arguments.port,
            tls: arguments.tls || !arguments.http,
            certificate,
            rate: arguments.rate,
            round_trip: Duration::from_millis(arguments.rtt),
            speed: 1,
            on_exchange: arguments.log.then(log),
        },
    )
    .map_err(Failure::about(SocketAddr::new(arguments.address, arguments.port)))?;
    if let Some(file) = arguments.ca_out {
        super::write(&file, server.ca_pem())?;
    }
    announce(&server)?;

    serve_on()
}

/// The films that a line-up names.
fn films_in(file: &Path) -> Result<Vec<ArchivedFilm>, Failure> {
    /// Bytes of a second where the line-up tells no size: archive.org's usual derivative, 580 kb/s.
    const USUAL_RATE: u64 = 72_500;

    let text = fs::read_to_string(file).map_err(Failure::about(file.display()))?;
    let line_up = LineUp::parse(&text).map_err(Failure::about(file.display()))?;
    let programmes = line_up.channels.iter().flat_map(Channel::everything).cloned();
    Ok(programmes
        .map(|programme| ArchivedFilm {
            bytes: programme.bytes.unwrap_or(programme.duration_ms / 1000 * USUAL_RATE),
            duration_ms: programme.duration_ms,
            item: programme.item,
            file: programme.file,
            title: programme.title,
        })
        .collect())
}

/// An archive with these films as a PSP can show them, which is all that is asked of their bytes: as
/// few as the clip needs.
fn with_small_pictures(films: Vec<ArchivedFilm>, seed: u64) -> Archive {
    let mut archive = Archive::new(Clip::small_test_card(), seed);
    for film in films {
        let layout = SoundFile::of_name(&film.file).map_or(Layout::MoovLast, Layout::Sound);
        let spec = FilmSpec::new(film.duration_ms.max(1), layout);
        archive.add(&film.item, &film.title, &film.file, spec);
    }
    archive
}

/// Goes on until a signal ends the process, whose default is the right thing: the kernel closes the
/// sockets, and there is nothing to save.
fn serve_on() -> ! {
    loop {
        std::thread::park();
    }
}

/// Prints exchanges when they are over.
fn log() -> OnExchange {
    Box::new(|exchange| eprintln!("{exchange}"))
}

fn announce(server: &Server) -> Result<(), Failure> {
    let url = server.url();
    let films: Vec<_> = (server.archive().paths())
        .map(|(download, direct)| (format!("{url}{download}"), format!("{url}{direct}")))
        .collect();
    let list: Vec<_> = (films.iter())
        .map(|(download, direct)| json!({ "download": download, "direct": direct }))
        .collect();
    let line = json!({ "url": url, "nodes": server.urls().nodes, "films": list });
    let mut text = format!("{line}\n");
    for (download, direct) in &films {
        text.push_str(&format!("{download}  (redirects to a node)\n{direct}  (the file itself)\n"));
    }
    super::print(&text)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;
    use clap::error::ErrorKind;

    use super::*;

    /// What the command line is refused for, if it is.
    fn refused(arguments: &str) -> Option<ErrorKind> {
        let command = Arguments::augment_args(clap::Command::new("serve"));
        let words = ["serve"].into_iter().chain(arguments.split(' '));
        command.try_get_matches_from(words).err().map(|error| error.kind())
    }

    #[test]
    fn a_session_is_served_with_the_options_that_mean_something_then() {
        let session = "--session dir --ca-out ca.pem";
        let heeded = "--speed 8 --rate 100000 --rtt 80 --port 8443 --log --certificate-expired";
        assert_eq!(refused(&format!("{session} {heeded}")), None);
        for option in [
            "--film a:60:min:first",
            "--line-up line-up.toml",
            "--fault node:always:page",
            "--token-seconds 5",
            "--seed 1",
            "--http",
            "--tls",
            "--host here",
            "--certificate-name here",
        ] {
            let refusal = refused(&format!("{session} {option}"));
            assert_eq!(refusal, Some(ErrorKind::ArgumentConflict), "{option}");
        }
        for incomplete in ["--session dir", "--speed 8", "--small-pictures"] {
            assert_eq!(refused(incomplete), Some(ErrorKind::MissingRequiredArgument));
        }
    }

    #[test]
    fn a_certificate_is_wrong_in_one_way_or_none() {
        let flaw = |words: &str| {
            let command = CertificateFlaw::augment_args(clap::Command::new("serve"));
            let words = ["serve"].into_iter().chain(words.split_whitespace());
            let matches = command.try_get_matches_from(words).ok()?;
            let flaw = CertificateFlaw::from_arg_matches(&matches).ok()?;
            Some(Option::<Flaw>::from(flaw))
        };
        assert_eq!(flaw(""), Some(None));
        for (word, means) in [
            ("--certificate-expired", Flaw::Expired),
            ("--certificate-not-yet-valid", Flaw::NotYetValid),
            ("--certificate-self-signed", Flaw::SelfSigned),
            ("--certificate-through-leaf", Flaw::ThroughLeaf),
        ] {
            assert_eq!(flaw(word), Some(Some(means)), "{word}");
        }
        assert_eq!(flaw("--certificate-expired --certificate-self-signed"), None);
    }

    #[test]
    fn a_film_is_a_name_and_a_description() {
        let film: Film = "a film:1800:185000000:first+to-end".parse().unwrap();
        assert_eq!(film.name, "a film");
        assert_eq!(film.spec.to_string(), "1800:185000000:first+to-end");
        for text in ["x", "x:5:min:middle", "x:0:min:last", "x:5:min:last+to-end"] {
            assert!(text.parse::<Film>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_film_that_is_too_small_names_the_smallest() {
        let error = "x:60:9:last".parse::<Film>().err().unwrap();
        assert!(error.contains("at least"), "{error}");
    }
}
