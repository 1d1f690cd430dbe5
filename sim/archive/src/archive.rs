//! The archive itself, without sockets or clocks: a [`Request`] in, a [`Response`] out. One front
//! that knows the items and sends downloads on to a node, and nodes that serve bytes by range to
//! whoever brings a fresh token.
//!
//! What it says is what archive.org was seen to say, as far as anybody published it: the 302's
//! headers (captured 2023-08-03 and 2026-10-01, with their mixed case), its chunked body, two nodes
//! in turn, 401 without `WWW-Authenticate` for a stale node URL, 404 for a space that is not
//! encoded, metadata whose values are strings, `{}` for an item that does not exist, and `audio/mpeg`
//! for an MP3. Synthetic are: the types of other sound files, the form of the token, the full headers of a node's 206 and 416, entity tags of media, and the
//! pages of a dark item.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::clip::Clip;
use crate::fault::{Detour, Fault, Place, Rule, When};
use crate::film::{FilmError, FilmSpec, Layout, VirtualFilm};
use crate::metadata;
use crate::range::{Asked, parse_range};
use crate::replies::{content_type, html, instead, json, page, redirect, respond_with};
use crate::response::{Framing, Response, Segment};
use crate::search;
use crate::sound::SoundFile;

/// archive.org's side of every exchange. Deterministic: the same seed and the same requests give
/// the same responses.
#[derive(Debug)]
pub struct Archive {
    clip: Arc<Clip>,
    items: BTreeMap<String, Item>,
    addresses: Addresses,
    token_life_us: Option<u64>,
    tokens: VecDeque<Token>,
    token_source: ChaCha12Rng,
    rules: Vec<Rule>,
    rule_source: ChaCha12Rng,
    /// Requests so far to each [`Place`].
    requests: [u64; 4],
    /// What the latest request met, and where.
    met: Option<(Place, Vec<Fault>)>,
}

/// Where the archive's hosts are to be found: scheme, host and port, without a slash at the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// The front.
    pub front: String,
    /// The nodes, at least one.
    pub nodes: Vec<String>,
    /// A host that is not the archive's, for [`Detour::ForeignHost`].
    pub foreign: String,
    /// The first node by plain http, for [`Detour::PlainHttp`].
    pub plain_node: String,
}

impl Default for Addresses {
    /// archive.org and two nodes of the two shapes that redirects led to in 2026.
    fn default() -> Self {
        Self {
            front: "https://archive.org".to_owned(),
            nodes: vec![
                "https://dn600101.us.archive.org".to_owned(),
                "https://dn711006.ca.archive.org".to_owned(),
            ],
            foreign: "https://elsewhere.example".to_owned(),
            plain_node: "http://dn600101.us.archive.org".to_owned(),
        }
    }
}

/// A film that the archive has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArchivedFilm {
    /// The item's identifier.
    pub item: String,
    /// The file's path within the item, not percent-encoded.
    pub file: String,
    /// The item's title.
    pub title: String,
    /// Bytes of the file. As many as the clip needs if these are too few.
    pub bytes: u64,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// A request as the archive sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET` or `HEAD`; everything else is refused.
    pub method: &'a str,
    /// Path and query as they were sent.
    pub target: &'a str,
    /// Whom it reached: host, and port unless it is the scheme's own, as in the URL.
    pub host: &'a str,
    /// The value of `Range`, if there was one.
    pub range: Option<&'a str>,
    /// Microseconds since a point of the transport's choosing; never less than before.
    pub now_us: u64,
}

/// Whoever answers requests: the archive, or a session played back.
pub trait Origin {
    /// Answers a request.
    fn respond(&mut self, request: &Request) -> Response;
}

/// Which of the archive's hosts.
#[derive(Clone, Copy)]
enum Role {
    Front,
    /// The node of this index in [`Addresses::nodes`].
    Node(usize),
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) title: String,
    pub(crate) dark: bool,
    pub(crate) files: Vec<(String, FilmSpec)>,
    pub(crate) about: About,
}

/// What the catalogue says of an item, and the files that it lists and does not serve.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct About {
    /// `movies` unless it says something else.
    pub mediatype: Option<String>,
    /// One is written as a string, several as an array.
    pub creators: Vec<String>,
    /// The same.
    pub collections: Vec<String>,
    /// The year it was made.
    pub year: Option<u16>,
    /// HTML, as people type it.
    pub description: Option<String>,
    /// The licence's address.
    pub licence: Option<String>,
    /// Files besides those that are served.
    pub listed: Vec<Listed>,
}

/// A file that is listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listed {
    /// Its path within the item.
    pub name: String,
    /// archive.org's word for what it is.
    pub format: String,
    /// The file that it was derived from.
    pub original: Option<String>,
    /// Its length in bytes.
    pub bytes: u64,
    /// How long it plays, in whichever form.
    pub length: Option<String>,
    /// Lines of its picture.
    pub height: Option<u32>,
}

impl About {
    pub(crate) fn mediatype(&self) -> &str {
        self.mediatype.as_deref().unwrap_or("movies")
    }
}

/// Leave to read one file from one node until a moment.
#[derive(Debug)]
struct Token {
    text: String,
    node: usize,
    item: String,
    file: String,
    valid_until_us: u64,
}

impl Archive {
    /// How long a token is good for unless told otherwise.
    pub const TOKEN_LIFE_US: u64 = 60_000_000;
    /// The most tokens remembered. Older ones count as stale.
    const TOKENS_MAX: usize = 1024;

    /// An archive without items, whose films repeat this clip.
    pub fn new(clip: Arc<Clip>, seed: u64) -> Self {
        let source = |purpose| {
            let mut source = ChaCha12Rng::seed_from_u64(seed);
            source.set_stream(purpose);
            source
        };
        Self {
            clip,
            items: BTreeMap::new(),
            addresses: Addresses::default(),
            token_life_us: Some(Self::TOKEN_LIFE_US),
            tokens: VecDeque::new(),
            token_source: source(0),
            rules: Vec::new(),
            rule_source: source(1),
            requests: [0; 4],
            met: None,
        }
    }

    /// An archive with these films made from the [test card](Clip::test_card), in turn with moov
    /// first and moov last. What is a sound file by its name is one, and as small as it can be.
    pub fn with_items(films: impl IntoIterator<Item = ArchivedFilm>, seed: u64) -> Self {
        let mut archive = Self::new(Clip::test_card(), seed);
        for (film, layout) in
            films.into_iter().zip([Layout::MoovFirst, Layout::MoovLast].iter().cycle())
        {
            let duration_ms = film.duration_ms.max(1);
            if let Some(kind) = SoundFile::of_name(&film.file) {
                let spec = FilmSpec::new(duration_ms, Layout::Sound(kind));
                archive.add(&film.item, &film.title, &film.file, spec);
                continue;
            }
            let spec = FilmSpec::new(duration_ms, *layout);
            let spec = match VirtualFilm::new(&archive.clip, &spec.clone().with_bytes(film.bytes)) {
                Err(FilmError::TooFewBytes { .. }) => spec,
                _ => spec.with_bytes(film.bytes),
            };
            archive.add(&film.item, &film.title, &film.file, spec);
        }
        archive
    }

    /// Adds a file to an item, or replaces it. What it is like is found out when it is asked for: an
    /// impossible film is a 500.
    pub fn add(&mut self, item: &str, title: &str, file: &str, spec: FilmSpec) {
        let item = self.items.entry(item.to_owned()).or_insert_with(|| Item {
            title: title.to_owned(),
            dark: false,
            files: Vec::new(),
            about: About::default(),
        });
        item.files.retain(|(name, _)| name != file);
        item.files.push((file.to_owned(), spec));
    }

    /// Says what the catalogue says of an item that is there already.
    pub fn describe(&mut self, item: &str, about: About) {
        if let Some(item) = self.items.get_mut(item) {
            item.about = about;
        }
    }

    /// Takes an item out of public view: its metadata says `is_dark` and lists no files.
    pub fn darken(&mut self, item: &str) {
        if let Some(item) = self.items.get_mut(item) {
            item.dark = true;
        }
    }

    /// Says where the hosts are.
    pub fn set_addresses(&mut self, addresses: Addresses) {
        assert!(!addresses.nodes.is_empty(), "an archive has at least one node");
        self.addresses = addresses;
    }

    /// How many microseconds a node URL is good for; absent for node URLs without a token, the only
    /// kind seen in public.
    pub fn set_token_life(&mut self, micros: Option<u64>) {
        self.token_life_us = micros;
    }

    /// What goes wrong from now on. Request numbers count from here.
    pub fn set_rules(&mut self, rules: Vec<Rule>) {
        self.rules = rules;
        self.requests = [0; 4];
    }

    /// What the latest request met, and where; absent when it met nothing.
    pub fn met(&self) -> Option<&(Place, Vec<Fault>)> {
        self.met.as_ref()
    }

    /// Paths at the front of every file: through `/download`, and directly.
    pub fn paths(&self) -> impl Iterator<Item = (String, String)> {
        self.items.iter().flat_map(|(id, item)| {
            item.files.iter().map(move |(file, _)| {
                let file = percent_encode(file);
                (format!("/download/{}/{file}", percent_encode(id)), format!("/files/{file}"))
            })
        })
    }

    fn route(&mut self, request: &Request) -> Response {
        if !matches!(request.method, "GET" | "HEAD") {
            return page(405);
        }
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        if path.contains(' ') {
            return page(404);
        }
        let mut segments = path.trim_start_matches('/').splitn(2, '/');
        let (first, rest) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
        let Some(role) = self.role(request.host) else { return page(404) };
        match (role, first) {
            (Role::Front, "metadata") => self.metadata(rest),
            (Role::Front, "advancedsearch.php") if rest.is_empty() => {
                self.search(query, search::advanced)
            }
            (Role::Front, "services") if rest == "search/v1/scrape" => {
                self.search(query, search::scrape)
            }
            (Role::Front, "download") => self.download(path, rest, query, request.now_us),
            (Role::Front, "files") => self.direct(rest, request.range),
            (Role::Front, "") => html(200, "<!DOCTYPE html><title>Test archive</title>".to_owned()),
            (Role::Front, _) => page(404),
            // The first segment is the number of a disk.
            (Role::Node(node), _) => self.node(node, rest, query, request),
        }
    }

    fn role(&self, host: &str) -> Option<Role> {
        let is_at = |url: &str| url.split_once("://").is_some_and(|(_, its)| its == host);
        if is_at(&self.addresses.front) {
            return Some(Role::Front);
        }
        self.addresses.nodes.iter().position(|url| is_at(url)).map(Role::Node)
    }

    fn metadata(&mut self, rest: &str) -> Response {
        let faults = self.faults(Place::Metadata);
        if let Some(response) = instead(&faults) {
            return response;
        }
        let (id, only_files) = match rest.trim_end_matches('/').split_once('/') {
            Some((id, "files")) => (id, true),
            Some(_) => return json("{}".to_owned(), &faults),
            None => (rest.trim_end_matches('/'), false),
        };
        let id = decode(id);
        let Some((id, item)) = id.and_then(|id| self.items.get_key_value(id.as_str())) else {
            return json("{}".to_owned(), &faults);
        };
        let body = if only_files {
            metadata::files(item, &self.clip)
        } else {
            let node = &self.addresses.nodes[0];
            let host = node.split_once("://").map_or(node.as_str(), |(_, host)| host);
            metadata::item(id, item, &self.clip, host)
        };
        json(body, &faults)
    }

    fn search(
        &mut self,
        query: &str,
        find: impl FnOnce(&BTreeMap<String, Item>, &str) -> String,
    ) -> Response {
        let faults = self.faults(Place::Search);
        if let Some(response) = instead(&faults) {
            return response;
        }
        json(find(&self.items, query), &faults)
    }

    fn download(&mut self, path: &str, rest: &str, query: &str, now_us: u64) -> Response {
        let count = self.requests[Place::Download as usize];
        let faults = self.faults(Place::Download);
        if let Some(response) = instead(&faults) {
            return response;
        }
        let (id, file) = rest.split_once('/').unwrap_or((rest, ""));
        let (Some(item_id), Some(file_name)) = (decode(id), decode(file)) else {
            return page(404);
        };
        match self.items.get(&item_id) {
            Some(item) if item.dark => return page(403),
            Some(item) if item.files.iter().any(|(name, _)| *name == file_name) => {}
            _ => return page(404),
        }

        // Two requests for one item went to two nodes within one run of a script.
        let node = (count % self.addresses.nodes.len() as u64) as usize;
        let mut node_path = format!("/{node}/items/{id}/{file}");
        if let Some(life_us) = self.token_life_us {
            let text = format!(
                "{:016x}{:016x}",
                self.token_source.next_u64(),
                self.token_source.next_u64()
            );
            node_path = format!("{node_path}?t={text}");
            if self.tokens.len() == Self::TOKENS_MAX {
                self.tokens.pop_front();
            }
            let valid_until_us = now_us.saturating_add(life_us);
            self.tokens.push_back(Token {
                text,
                node,
                item: item_id,
                file: file_name.clone(),
                valid_until_us,
            });
        }

        let detour = faults.iter().find_map(|fault| match fault {
            Fault::Redirect(detour) => Some(*detour),
            _ => None,
        });
        let location = match detour {
            None => Some(format!("{}{node_path}", self.addresses.nodes[node])),
            Some(Detour::ForeignHost) => Some(format!("{}{node_path}", self.addresses.foreign)),
            Some(Detour::PlainHttp) => Some(format!("{}{node_path}", self.addresses.plain_node)),
            Some(Detour::Loop) => Some(format!("{}{path}", self.addresses.front)),
            Some(Detour::Chain) => match query.strip_prefix("hop=").unwrap_or("0") {
                "0" => Some(format!("{}{path}?hop=1", self.addresses.front)),
                "1" => Some(format!("{path}?hop=2")),
                "2" => Some(format!("{}{path}?hop=3", self.addresses.front)),
                _ => Some(format!("{}{node_path}", self.addresses.nodes[node])),
            },
            Some(Detour::Relative) => Some(format!("/files/{file}")),
            Some(Detour::Missing) => None,
        };
        redirect(location, content_type(&file_name), &faults)
    }

    fn direct(&mut self, rest: &str, range: Option<&str>) -> Response {
        let faults = self.faults(Place::Node);
        if let Some(response) = instead(&faults) {
            return response;
        }
        let name = decode(rest);
        let files = self.items.values().flat_map(|item| &item.files);
        match files.clone().find(|(file, _)| Some(file) == name.as_ref()) {
            Some((name, spec)) => self.file(name, spec, range, &faults),
            None => page(404),
        }
    }

    fn node(&mut self, node: usize, rest: &str, query: &str, request: &Request) -> Response {
        let faults = self.faults(Place::Node);
        if let Some(response) = instead(&faults) {
            return response;
        }
        let Some((id, file)) = rest.strip_prefix("items/").and_then(|rest| rest.split_once('/'))
        else {
            return page(404);
        };
        let (Some(id), Some(file)) = (decode(id), decode(file)) else {
            return page(404);
        };
        if self.token_life_us.is_some() {
            let text = query.strip_prefix("t=").unwrap_or(query);
            let valid = self.tokens.iter().any(|token| {
                token.text == text
                    && (token.node, &token.item, &token.file) == (node, &id, &file)
                    && request.now_us <= token.valid_until_us
            });
            if !valid {
                return page(401);
            }
        }
        let item = self.items.get(&id);
        match item.and_then(|item| item.files.iter().find(|(name, _)| *name == file)) {
            Some((name, spec)) => self.file(name, spec, request.range, &faults),
            None => page(404),
        }
    }

    /// The bytes of a file, or those asked for.
    fn file(&self, name: &str, spec: &FilmSpec, range: Option<&str>, faults: &[Fault]) -> Response {
        let mut spec = spec.clone();
        let mut mtime = metadata::mtime(name);
        let (mut shift, mut ignored, mut damaged) = (0, false, false);
        let (mut end, mut crumb, mut packed) = (u64::MAX, u64::MAX, false);
        for fault in faults {
            match fault {
                Fault::Page => {
                    return html(
                        200,
                        "<!DOCTYPE html><title>Sorry</title><p>Come back later.".into(),
                    );
                }
                Fault::Replaced(more) => {
                    let bytes = VirtualFilm::new(&self.clip, &spec).map_or(0, |film| film.len());
                    spec.bytes = Some(bytes.saturating_add(*more));
                    mtime += 1;
                }
                Fault::RangeShifted(by) => shift = *by,
                Fault::RangeIgnored => ignored = true,
                Fault::MoovDamaged => damaged = true,
                Fault::Truncated(bytes) => end = *bytes,
                Fault::Crumbs(bytes) => crumb = *bytes,
                Fault::Packed => packed = true,
                _ => {}
            }
        }
        let Ok(mut film) = VirtualFilm::new(&self.clip, &spec) else {
            return page(500);
        };
        if damaged {
            // The name of the first track's box, and bytes all over the tables.
            let moov = film.moov();
            let first_child = moov.start + 8;
            let tables = (0..64).map(|n| moov.start + (moov.end - moov.start) * n / 64);
            film = film.damaged_at(tables.skip(1).chain([first_child + 4]).collect());
        }
        let len = film.len().min(end);
        let asked = range.filter(|_| !ignored).map_or(Asked::All, |range| parse_range(range, len));

        let mut headers =
            vec![("Server", "nginx".to_owned()), ("Content-Type", content_type(name).to_owned())];
        let (status, range) = match asked {
            Asked::All => (200, 0..len),
            Asked::Nothing => {
                let mut response = page(416);
                response.headers.push(("Content-Range".to_owned(), format!("bytes */{len}")));
                return response;
            }
            Asked::Bytes { first, last } => {
                let first = first.saturating_add(shift).min(last);
                let last = last.min(first.saturating_add(crumb - 1));
                headers.push(("Content-Range", format!("bytes {first}-{last}/{len}")));
                (206, first..last + 1)
            }
        };
        headers.push(("Content-Length", (range.end - range.start).to_string()));
        headers.extend(packed.then(|| ("Content-Encoding", "gzip".to_owned())));
        headers.push(("Connection", "keep-alive".to_owned()));
        headers.push(("ETag", format!("\"{mtime:x}-{len:x}\"")));
        headers.push(("Accept-Ranges", "bytes".to_owned()));
        headers.push(("access-control-allow-origin", "*".to_owned()));
        headers.push(("access-control-allow-headers", "Accept-Encoding,Range".to_owned()));
        // Headers that came twice were seen.
        headers.push(("Accept-Ranges", "bytes".to_owned()));
        let body = vec![Segment::Film { film: Arc::new(film), range }];
        respond_with(status, headers, Framing::Length, body, faults)
    }

    /// The faults that the next request to a place meets.
    fn faults(&mut self, place: Place) -> Vec<Fault> {
        let number = self.requests[place as usize];
        self.requests[place as usize] += 1;
        let mut faults = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.place == place) {
            let met = match &rule.when {
                When::Always => true,
                When::Requests(numbers) => numbers.contains(&number),
                When::PerMille(ratio) => self.rule_source.next_u32() % 1000 < u32::from(*ratio),
            };
            if met {
                faults.push(rule.fault.clone());
            }
        }
        self.met = (!faults.is_empty()).then(|| (place, faults.clone()));
        faults
    }
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(String::from)
}

/// As browsers and archive.org's own pages encode a path; slashes stay.
fn percent_encode(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(path, KEPT).to_string()
}

impl Origin for Archive {
    fn respond(&mut self, request: &Request) -> Response {
        self.met = None;
        let mut response = self.route(request);
        if request.method == "HEAD" {
            response.framing = Framing::Empty;
            response.body.clear();
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Cut, CutKind};

    const FILE: &str = "Safety Last!.mp4";
    const DOWNLOAD: &str = "/download/silent-safety-last/Safety%20Last%21.mp4";

    fn archive() -> Archive {
        Archive::with_items(
            [
                ArchivedFilm {
                    item: "silent-safety-last".to_owned(),
                    file: FILE.to_owned(),
                    title: "Safety Last!".to_owned(),
                    bytes: 385_048_953,
                    duration_ms: 4_432_700,
                },
                ArchivedFilm {
                    item: "tiny".to_owned(),
                    file: "sub/tiny.mp4".to_owned(),
                    title: "Tiny".to_owned(),
                    bytes: 5,
                    duration_ms: 10_000,
                },
            ],
            1,
        )
    }

    fn front<'a>(target: &'a str, now_us: u64) -> Request<'a> {
        Request { method: "GET", host: "archive.org", target, range: None, now_us }
    }

    fn body(response: &Response) -> Vec<u8> {
        let mut body = vec![0; response.body_len() as usize];
        assert_eq!(response.read_body(0, &mut body), body.len());
        body
    }

    /// Asks the front, then the node it names.
    fn follow(archive: &mut Archive, range: Option<&str>, wait_us: u64) -> Response {
        let redirect = archive.respond(&front(DOWNLOAD, 0));
        assert_eq!(redirect.status, 302);
        let location = redirect.header("location").unwrap().to_owned();
        let (node, rest) = location.strip_prefix("https://").unwrap().split_once('/').unwrap();
        archive.respond(&Request {
            method: "GET",
            target: &format!("/{rest}"),
            host: node,
            range,
            now_us: wait_us,
        })
    }

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn a_download_is_a_redirect_to_a_node_with_a_chunked_page() {
        let mut archive = archive();
        let redirect = archive.respond(&front(DOWNLOAD, 0));
        assert_eq!((redirect.status, redirect.framing), (302, Framing::Chunked));
        assert!(redirect.body_len() > 0);
        assert_eq!(redirect.header("content-length"), None);
        let head = String::from_utf8(redirect.head()).unwrap();
        assert!(head.starts_with("HTTP/1.1 302 Found\r\nServer: nginx/1.25.1\r\n"), "{head}");
        let location = redirect.header("Location").unwrap();
        assert!(location.starts_with(
            "https://dn600101.us.archive.org/0/items/silent-safety-last/Safety%20Last%21.mp4?t="
        ));
        let second = archive.respond(&front(DOWNLOAD, 0));
        assert!(second.header("location").unwrap().starts_with("https://dn711006.ca.archive.org/"));
    }

    #[test]
    fn a_node_serves_ranges_to_the_byte() {
        let len = 385_048_953;
        for (range, status, content_range, first, count) in [
            (None, 200, None, 0, len),
            (Some("bytes=0-"), 206, Some("bytes 0-385048952/385048953"), 0, len),
            (Some("bytes=100-199"), 206, Some("bytes 100-199/385048953"), 100, 100),
            (
                Some("bytes=385048952-"),
                206,
                Some("bytes 385048952-385048952/385048953"),
                len - 1,
                1,
            ),
            (Some("bytes=-10"), 206, Some("bytes 385048943-385048952/385048953"), len - 10, 10),
            (Some("bytes=9-8"), 200, None, 0, len),
            (Some("bytes=0-1,5-6"), 200, None, 0, len),
        ] {
            let response = follow(&mut archive(), range, 1);
            assert_eq!(response.status, status, "{range:?}");
            assert_eq!(response.header("content-range"), content_range);
            assert_eq!(response.header("content-length"), Some(count.to_string().as_str()));
            let [Segment::Film { range, .. }] = &response.body[..] else { panic!("one segment") };
            assert_eq!(*range, first..first + count);
        }
        let response = follow(&mut archive(), Some("bytes=385048953-"), 1);
        assert_eq!(response.status, 416);
        assert_eq!(response.header("content-range"), Some("bytes */385048953"));
    }

    #[test]
    fn a_node_url_goes_stale_and_a_fresh_one_is_good() {
        let mut archive = archive();
        assert_eq!(follow(&mut archive, None, Archive::TOKEN_LIFE_US).status, 200);
        let stale = follow(&mut archive, None, Archive::TOKEN_LIFE_US + 1);
        assert_eq!(stale.status, 401);
        assert_eq!(stale.header("www-authenticate"), None);
        assert_eq!(follow(&mut archive, None, 1).status, 200);
    }

    #[test]
    fn a_node_url_is_good_for_one_node_and_one_file_only() {
        let mut archive = archive();
        let redirect = archive.respond(&front(DOWNLOAD, 0));
        let (_, query) = redirect.header("location").unwrap().split_once('?').unwrap();
        for (host, path) in [
            ("dn711006.ca.archive.org", "/0/items/silent-safety-last/Safety%20Last%21.mp4"),
            ("dn600101.us.archive.org", "/0/items/tiny/sub/tiny.mp4"),
        ] {
            let target = format!("{path}?{query}");
            let request = Request { method: "GET", host, target: &target, range: None, now_us: 0 };
            assert_eq!(archive.respond(&request).status, 401);
        }
    }

    #[test]
    fn a_space_that_is_not_encoded_is_not_found() {
        let mut archive = archive();
        let target = "/download/silent-safety-last/Safety Last!.mp4";
        assert_eq!(archive.respond(&front(target, 0)).status, 404);
        for target in ["/download/silent-safety-last/other.mp4", "/download/nobody/x.mp4", "/%ff"] {
            assert_eq!(archive.respond(&front(target, 0)).status, 404, "{target}");
        }
    }

    #[test]
    fn metadata_gives_numbers_as_strings() {
        let mut archive = archive();
        let response = archive.respond(&front("/metadata/silent-safety-last", 0));
        let json: serde_json::Value = serde_json::from_slice(&body(&response)).unwrap();
        let file = &json["files"][0];
        assert_eq!(file["name"], FILE);
        assert_eq!(file["size"], "385048953");
        assert_eq!(file["length"], "4432.70");
        assert_eq!(file["format"], "h.264");
        let response = archive.respond(&front("/metadata/tiny/files", 0));
        let json: serde_json::Value = serde_json::from_slice(&body(&response)).unwrap();
        assert_eq!(json["result"][0]["name"], "sub/tiny.mp4");
    }

    #[test]
    fn a_missing_item_is_an_empty_object_and_a_dark_one_has_no_files() {
        let mut archive = archive();
        let missing = archive.respond(&front("/metadata/nobody", 0));
        assert_eq!((missing.status, body(&missing)), (200, b"{}".to_vec()));
        archive.darken("tiny");
        let dark = archive.respond(&front("/metadata/tiny", 0));
        let json: serde_json::Value = serde_json::from_slice(&body(&dark)).unwrap();
        assert_eq!(json["is_dark"], true);
        assert_eq!(json.get("files"), None);
        assert_eq!(archive.respond(&front("/download/tiny/sub/tiny.mp4", 0)).status, 403);
    }

    #[test]
    fn a_file_too_small_for_its_sound_and_picture_gets_what_it_needs() {
        let mut archive = archive();
        let response = archive.respond(&front("/files/sub/tiny.mp4", 0));
        assert_eq!(response.status, 200);
        assert!(response.body_len() > 100_000);
    }

    #[test]
    fn a_500_has_the_170_bytes_that_were_seen() {
        let mut archive = archive();
        archive.set_rules(vec![rule("download:0..1:status=500")]);
        let response = archive.respond(&front(DOWNLOAD, 0));
        assert_eq!((response.status, response.body_len()), (500, 170));
        assert_eq!(archive.respond(&front(DOWNLOAD, 0)).status, 302);
    }

    #[test]
    fn a_ratio_of_faults_follows_the_seed() {
        let statuses = |seed| {
            let mut archive = Archive::with_items([], seed);
            archive.set_rules(vec![rule("metadata:400/1000:status=500")]);
            (0..1000).map(|_| archive.respond(&front("/metadata/x", 0)).status).collect::<Vec<_>>()
        };
        let failed = statuses(7).iter().filter(|status| **status == 500).count();
        assert!((340..460).contains(&failed), "{failed}");
        assert_eq!(statuses(7), statuses(7));
        assert_ne!(statuses(7), statuses(8));
    }

    #[test]
    fn each_fault_shows_in_the_plan() {
        let with = |text: &str| {
            let mut archive = archive();
            archive.set_rules(vec![rule(text)]);
            follow(&mut archive, Some("bytes=1000-"), 1)
        };
        let unavailable = with("node:always:status=503,30");
        assert_eq!((unavailable.status, unavailable.header("retry-after")), (503, Some("30")));
        assert_eq!(with("node:always:delay=500").delay_us, 500);
        assert_eq!(with("node:always:pace=500").pace.rate(), Some(500));
        let cut = |after, how| Some(Cut { after, how });
        assert_eq!(with("node:always:close=9").cut, cut(Some(9), CutKind::Close));
        assert_eq!(with("node:always:reset=9").cut, cut(Some(9), CutKind::Reset));
        assert_eq!(with("node:always:stall=9").cut, cut(Some(9), CutKind::Stall));
        assert_eq!(with("node:always:no-answer").cut, cut(None, CutKind::Close));
        let ignored = with("node:always:range-ignored");
        assert_eq!((ignored.status, ignored.body_len()), (200, 385_048_953));
        let shifted = with("node:always:range-shifted=24");
        assert_eq!(shifted.header("content-range"), Some("bytes 1024-385048952/385048953"));
        let page = with("node:always:page");
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=UTF-8"))
        );
        let short = with("node:always:truncated=5000");
        assert_eq!(short.header("content-range"), Some("bytes 1000-4999/5000"));

        let (good, replaced) = (follow(&mut archive(), None, 1), with("node:always:replaced=100"));
        assert_eq!(replaced.header("content-range"), Some("bytes 1000-385049052/385049053"));
        assert_ne!(good.header("etag"), replaced.header("etag"));

        let damaged = with("node:always:moov-damaged");
        let mut differ = 0;
        for offset in (0..3_000_000).step_by(10_000) {
            let (mut a, mut b) = (vec![0; 10_000], vec![0; 10_000]);
            good.read_body(offset + 1000, &mut a);
            damaged.read_body(offset, &mut b);
            differ += a.iter().zip(&b).filter(|(a, b)| a != b).count();
        }
        assert!((1..=64).contains(&differ), "{differ}");
    }

    #[test]
    fn a_redirect_can_lead_astray() {
        let location = |text: &str| {
            let mut archive = archive();
            archive.set_rules(vec![rule(text)]);
            let response = archive.respond(&front(DOWNLOAD, 0));
            assert_eq!(response.status, 302);
            response.header("location").map(str::to_owned)
        };
        let starts = |text, start| location(text).unwrap().starts_with(start);
        assert!(starts("download:always:redirect=foreign", "https://elsewhere.example/0/items/"));
        assert!(starts("download:always:redirect=http", "http://dn600101.us.archive.org/0/items/"));
        assert_eq!(
            location("download:always:redirect=loop").unwrap(),
            format!("https://archive.org{DOWNLOAD}")
        );
        let relative = location("download:always:redirect=relative").unwrap();
        assert_eq!(archive().respond(&front(&relative, 0)).status, 200);
        assert_eq!(location("download:always:redirect=missing"), None);
    }

    #[test]
    fn a_head_request_gets_the_head_alone() {
        let mut archive = archive();
        let request = Request { method: "HEAD", ..front("/files/sub/tiny.mp4", 0) };
        let response = archive.respond(&request);
        assert_eq!((response.status, response.body_len()), (200, 0));
        assert!(response.header("content-length").is_some_and(|len| len != "0"));
        let request = Request { method: "POST", ..front("/files/sub/tiny.mp4", 0) };
        assert_eq!(archive.respond(&request).status, 405);
    }

    #[test]
    fn the_same_seed_and_requests_give_the_same_answers() {
        let heads = || {
            let mut archive = archive();
            (0..5).map(|now| archive.respond(&front(DOWNLOAD, now)).head()).collect::<Vec<_>>()
        };
        assert_eq!(heads(), heads());
    }
}
