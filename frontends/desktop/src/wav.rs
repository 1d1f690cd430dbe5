//! Sound to disk as a WAV file that can be read at any moment, also when whoever writes it was
//! killed: its header at first says "to the end of the file", in the way that streams do, and
//! [`WavWriter::finish`] writes the true sizes. Never resamples.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Samples in a frame: left and right.
const CHANNELS: u16 = 2;
const BYTES_PER_FRAME: u16 = CHANNELS * 2;
/// RIFF, `fmt ` and the head of `data`.
const HEADER_BYTES: u32 = 44;

/// Writes interleaved 16-bit stereo.
pub struct WavWriter<W: Write + Seek> {
    out: W,
    sample_rate: u32,
    data_bytes: u64,
}

impl WavWriter<BufWriter<File>> {
    /// Creates or replaces a file.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(path: &Path, sample_rate: u32) -> io::Result<Self> {
        Self::new(BufWriter::new(File::create(path)?), sample_rate)
    }
}

impl<W: Write + Seek> WavWriter<W> {
    /// Starts a WAV file in `out`, which is at its start.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, sample_rate: u32) -> io::Result<Self> {
        out.write_all(&header(sample_rate, u32::MAX))?;
        Ok(Self { out, sample_rate, data_bytes: 0 })
    }

    /// Appends samples, left and right in turn.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        for sample in samples {
            self.out.write_all(&sample.to_le_bytes())?;
        }
        self.data_bytes += size_of_val(samples) as u64;
        Ok(())
    }

    /// Writes the sizes into the header and everything to disk. A file too long for its header
    /// (6 hours at 48 kHz) stays one "to the end of the file".
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        if let Ok(bytes) = u32::try_from(self.data_bytes)
            && bytes <= u32::MAX - HEADER_BYTES
        {
            self.out.seek(SeekFrom::Start(0))?;
            self.out.write_all(&header(self.sample_rate, bytes))?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A RIFF header for PCM (IBM and Microsoft, Multimedia Programming Interface 1.0, 1991); `u32::MAX`
/// bytes of data are as many as there turn out to be.
fn header(sample_rate: u32, data_bytes: u32) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let mut fields = header.chunks_exact_mut(4);
    let mut put = |bytes: [u8; 4]| {
        if let Some(field) = fields.next() {
            field.copy_from_slice(&bytes);
        }
    };
    put(*b"RIFF");
    put(data_bytes.saturating_add(HEADER_BYTES - 8).to_le_bytes());
    put(*b"WAVE");
    put(*b"fmt ");
    put(16u32.to_le_bytes());
    put((u32::from(CHANNELS) << 16 | 1).to_le_bytes());
    put(sample_rate.to_le_bytes());
    put((sample_rate * u32::from(BYTES_PER_FRAME)).to_le_bytes());
    put((16 << 16 | u32::from(BYTES_PER_FRAME)).to_le_bytes());
    put(*b"data");
    put(data_bytes.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_finished_file_says_exactly_what_it_holds() {
        let mut wav = WavWriter::new(Cursor::new(Vec::new()), 44_100).unwrap();
        wav.write(&[1, -2]).unwrap();
        wav.write(&[0x1234, 4]).unwrap();
        let bytes = wav.finish().unwrap().into_inner();
        let expected = [
            &b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0"[..],
            &44_100u32.to_le_bytes(),
            &176_400u32.to_le_bytes(),
            b"\x04\0\x10\0data\x08\0\0\0",
            &[1, 0, 0xfe, 0xff, 0x34, 0x12, 4, 0],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_file_whose_writer_was_killed_reads_to_its_end() {
        let mut wav = WavWriter::new(Cursor::new(Vec::new()), 48_000).unwrap();
        wav.write(&[1, 2]).unwrap();
        let bytes = wav.out.into_inner();
        assert_eq!(bytes[4..8], [0xff; 4]);
        assert_eq!(bytes[40..44], [0xff; 4]);
        assert_eq!(bytes[44..], [1, 0, 2, 0]);
    }
}
