//! What a file is, by the bytes that it begins with. Never goes by its name: those of the archive say
//! what somebody meant.

use core::fmt;

use serde::Serialize;

/// A kind of file that [`crate::mp4`] does not read, but a [`Reader`](crate::playback::Reader) may.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// An MP4 in fragments (ISO/IEC 14496-12 §8.8): no index, but a little one before each piece.
    FragmentedMp4,
    /// MPEG audio, layer III: frames one after another, perhaps behind an ID3v2 tag.
    Mp3,
    /// Pages of Ogg (RFC 3533), with Vorbis in them or something else.
    Ogg,
    /// FLAC in its own container (RFC 9639).
    Flac,
}

impl Container {
    /// The kind of sound file that begins so; `None` when it is none of them. Four bytes are enough.
    pub fn of_sound(start: &[u8]) -> Option<Self> {
        match *start.first_chunk()? {
            [b'I', b'D', b'3', _] => Some(Self::Mp3),
            [b'O', b'g', b'g', b'S'] => Some(Self::Ogg),
            [b'f', b'L', b'a', b'C'] => Some(Self::Flac),
            // A frame's header (ISO/IEC 11172-3 §2.4.1.3): eleven bits of sync, a version that
            // exists, layer III, a bit rate and a sampling rate that exist.
            [0xff, second, third, _]
                if second & 0xe6 == 0xe2
                    && second & 0x18 != 0x08
                    && third >> 4 != 0xf
                    && third & 0x0c != 0x0c =>
            {
                Some(Self::Mp3)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Container {
    /// A noun with its article.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FragmentedMp4 => "an MP4 in fragments",
            Self::Mp3 => "an MP3",
            Self::Ogg => "an Ogg file",
            Self::Flac => "a FLAC file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_file_is_known_by_its_first_four_bytes() {
        for (start, kind) in [
            (&b"ID3\x03 and a picture of the band"[..], Some(Container::Mp3)),
            (b"\xff\xfb\x90\x64", Some(Container::Mp3)),
            (b"\xff\xf3\x48\xc4", Some(Container::Mp3)),
            (b"\xff\xe3\x48\xc4", Some(Container::Mp3)),
            (b"OggS\0\x02", Some(Container::Ogg)),
            (b"fLaC\0\0\0\x22", Some(Container::Flac)),
            // ADTS; a reserved version; a bit rate and a sampling rate that do not exist.
            (b"\xff\xf1\x50\x80", None),
            (b"\xff\xeb\x90\x64", None),
            (b"\xff\xfb\xf0\x64", None),
            (b"\xff\xfb\x9c\x64", None),
            (b"RIFF", None),
            (b"ID3", None),
            (b"", None),
        ] {
            assert_eq!(Container::of_sound(start), kind, "{start:x?}");
        }
    }
}
