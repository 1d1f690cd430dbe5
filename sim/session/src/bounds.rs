//! How large a session may be. Whoever reads one never allocates more than these say, whatever the
//! files claim; whoever writes one beyond them is refused.

/// The schema that this crate reads and writes, see docs/session-format.md.
pub const SCHEMA: u32 = 1;

/// The most exchanges: an evening of zapping, or a bad network for hours.
pub const EXCHANGES_MAX: usize = 4096;
/// The most segments of all bodies together: two for each of the most exchanges.
pub const SEGMENTS_MAX: usize = 8192;
/// The most arrivals of all bodies together: ten hours of one every 40 ms.
pub const ARRIVALS_MAX: usize = 1_000_000;
/// The most bytes kept literally, each blob counted once: twice the largest index that a set holds.
pub const LITERAL_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The most lines of a trace.
pub const TRACE_LINES_MAX: usize = 200_000;
/// The most programmes.
pub const TUNES_MAX: usize = 4096;
/// The most placeholders. Further secrets share the last one.
pub const TOKENS_MAX: usize = 4096;
/// The most films that bodies are taken from.
pub const FIXTURES_MAX: usize = 64;
/// The largest of them: a hundred times the largest film that the archive was seen to have.
pub const FIXTURE_BYTES_MAX: u64 = 1 << 40;
/// The largest number for a time in microseconds, an offset or a length: JSON's readers agree on
/// integers up to here (RFC 8259 §6). 285 years.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// `session.toml` in bytes.
pub(crate) const SESSION_TOML_MAX: u64 = 8 * 1024 * 1024;
/// `bodies.toml` in bytes.
pub(crate) const BODIES_TOML_MAX: u64 = 4 * 1024 * 1024;
/// `timeline.jsonl` in bytes: some 100 for an arrival.
pub(crate) const TIMELINE_MAX: u64 = 128 * 1024 * 1024;
/// `trace.jsonl` in bytes.
pub(crate) const TRACE_MAX: u64 = 64 * 1024 * 1024;
/// A line of either in bytes. A URL may be as long as a head.
pub(crate) const LINE_MAX: usize = 256 * 1024;
/// A file in `exchanges/`: two heads of the longest, and what placeholders add.
pub(crate) const HTTP_MAX: u64 = 512 * 1024;
/// A blob as it is packed: what does not get smaller gets a little larger.
pub(crate) const PACKED_MAX: u64 = LITERAL_BYTES_MAX + LITERAL_BYTES_MAX / 1024 + 1024;
/// A title, or another sentence, in bytes.
pub(crate) const SENTENCE_MAX: usize = 4096;
/// A URL in bytes.
pub(crate) const URL_MAX: usize = 128 * 1024;
