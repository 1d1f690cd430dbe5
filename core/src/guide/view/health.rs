//! How the stream is, in lines for the curious.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::guide::status::Health;

/// A line of the overlay.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What: "Buffer".
    pub name: &'static str,
    /// How much: "12.4 s · 3.1 MB".
    pub value: String,
}

/// What matters most comes first: where there is no room, the last lines are left out.
pub(super) fn facts(health: Option<&Health>) -> Vec<Fact> {
    let Some(health) = health else {
        return vec![Fact { name: "Stream", value: "none".to_string() }];
    };
    let seconds = |tenths: u128| format!("{}.{}\u{a0}s", tenths / 10, tenths % 10);
    let unknown = || "–".to_string();
    let buffer = seconds(health.buffer.as_millis() / 100);
    let counts = |count: u64, what: &str| format!("{count} {what}");
    [
        ("Buffer", format!("{buffer} · {}", bytes(health.buffer_bytes))),
        ("Rate", format!("{}/s", bytes(health.bytes_per_second))),
        ("Node", health.node.clone().unwrap_or_else(unknown)),
        (
            "Connections",
            counts(health.connections.into(), &format!("· {} again", health.reconnects)),
        ),
        ("Received", bytes(health.received_bytes)),
        ("Ran dry", counts(health.underruns.into(), "times")),
        ("Dropped", counts(health.dropped_pictures, "pictures")),
        ("Picture", health.picture.clone().unwrap_or_else(unknown)),
        ("Sound", health.sound.clone().unwrap_or_else(unknown)),
    ]
    .into_iter()
    .map(|(name, value)| Fact { name, value })
    .collect()
}

/// "812 B", "512 kB", "3.1 MB", with a space that does not break.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes}\u{a0}B"),
        1000..1_000_000 => format!("{}\u{a0}kB", bytes / 1000),
        1_000_000..1_000_000_000 => {
            format!("{}.{}\u{a0}MB", bytes / 1_000_000, bytes / 100_000 % 10)
        }
        _ => format!("{}.{}\u{a0}GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_in_thousands() {
        let counted = [0, 999, 1000, 999_999, 3_149_999, 11_300_000_000].map(bytes);
        let expected = ["0 B", "999 B", "1 kB", "999 kB", "3.1 MB", "11.3 GB"];
        assert_eq!(counted, expected.map(|text| text.replace(' ', "\u{a0}")));
    }
}
