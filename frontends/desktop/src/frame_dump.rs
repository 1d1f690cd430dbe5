//! Pictures to disk, one PNG file for each, named by its number and presentation time:
//! `000000_40000.png` is the first picture, to be shown 40,000 µs into the film. Colours are
//! converted here in integers, by the picture's own matrix and range, so that a dump is the same on
//! every machine. Never scales: samples that are not square stay so.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::picture::{Colours, Matrix, Picture};

/// Writes pictures into a directory.
pub struct FrameDump {
    directory: PathBuf,
    written: u64,
    rgb: Vec<u8>,
}

impl FrameDump {
    /// Creates the directory, when it is not there.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), written: 0, rgb: Vec::new() })
    }

    /// Writes one picture, and says to which file.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&mut self, picture: &Picture) -> io::Result<PathBuf> {
        let name = format!("{:06}_{}.png", self.written, picture.pts.as_micros());
        let path = self.directory.join(name);
        to_rgb(picture, &mut self.rgb);
        write_png(&path, picture.width, picture.height, &self.rgb)?;
        self.written += 1;
        Ok(path)
    }
}

/// Writes rows of red, green and blue as a PNG file, quickly rather than small.
///
/// # Errors
/// Whatever the file system says, and when `rgb` is not of this size.
pub fn write_png(path: &Path, width: usize, height: usize, rgb: &[u8]) -> io::Result<()> {
    let side = |n: usize| u32::try_from(n).map_err(io::Error::other);
    let out = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(out, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(())
}

/// Converts a picture to rows of red, green and blue, replacing what `rgb` holds. Chroma is repeated,
/// not interpolated.
pub fn to_rgb(picture: &Picture, rgb: &mut Vec<u8>) {
    let weights = Weights::of(picture.colours);
    let chroma_width = picture.chroma_width();
    rgb.clear();
    rgb.reserve_exact(picture.width * picture.height * 3);
    for (row, luma) in picture.y().chunks_exact(picture.width).enumerate() {
        let chroma = row / 2 * chroma_width..(row / 2 + 1) * chroma_width;
        let (u, v) = (&picture.u()[chroma.clone()], &picture.v()[chroma]);
        for (column, y) in luma.iter().enumerate() {
            rgb.extend(weights.rgb(*y, u[column / 2], v[column / 2]));
        }
    }
}

/// Factors in 1/65,536 from Y'CbCr to R'G'B'.
struct Weights {
    black: i32,
    y: i32,
    v_to_r: i32,
    u_to_g: i32,
    v_to_g: i32,
    u_to_b: i32,
}

impl Weights {
    /// ITU-T H.273 §8.3 with the weights of red and blue of each matrix, in 1/10,000.
    fn of(colours: Colours) -> Self {
        let (red, blue) = match colours.matrix {
            Matrix::Bt601 => (2990, 1140),
            Matrix::Bt709 => (2126, 722),
            Matrix::Bt2020 => (2627, 593),
        };
        let green = 10_000 - red - blue;
        let (black, luma_span, chroma_span) =
            if colours.full_range { (0, 255, 255) } else { (16, 219, 224) };
        // 65,536 · 255 / span times a ratio of weights.
        let scale = |numerator: i64, denominator: i64, span: i64| {
            ((65_536 * 255 * numerator * 2 / (denominator * span) + 1) / 2) as i32
        };
        Self {
            black,
            y: scale(1, 1, luma_span),
            v_to_r: scale(2 * (10_000 - red), 10_000, chroma_span),
            u_to_g: scale(2 * (10_000 - blue) * blue, 10_000 * green, chroma_span),
            v_to_g: scale(2 * (10_000 - red) * red, 10_000 * green, chroma_span),
            u_to_b: scale(2 * (10_000 - blue), 10_000, chroma_span),
        }
    }

    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.y + (1 << 15);
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        [y + v * self.v_to_r, y - u * self.u_to_g - v * self.v_to_g, y + u * self.u_to_b]
            .map(|sum| (sum >> 16).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use testcard_core::time::MediaTime;

    use super::*;

    fn flat(colours: Colours, [y, u, v]: [u8; 3]) -> Picture {
        let mut picture = Picture::grey(6, 4, colours, MediaTime::from_millis(40));
        for (plane, value) in picture.planes_mut().into_iter().zip([y, u, v]) {
            plane.fill(value);
        }
        picture
    }

    #[test]
    fn the_bars_of_a_test_card_have_their_colours_in_every_matrix_and_range() {
        // Fully saturated colours by the definition of each matrix, rounded to 8 bits.
        for (matrix, full_range, bars) in [
            (
                Matrix::Bt601,
                false,
                [
                    ([235, 128, 128], [255, 255, 255]),
                    ([81, 90, 240], [255, 0, 0]),
                    ([145, 54, 34], [0, 255, 0]),
                    ([41, 240, 110], [0, 0, 255]),
                    ([16, 128, 128], [0, 0, 0]),
                ],
            ),
            (
                Matrix::Bt709,
                false,
                [
                    ([235, 128, 128], [255, 255, 255]),
                    ([63, 102, 240], [255, 0, 0]),
                    ([173, 42, 26], [0, 255, 0]),
                    ([32, 240, 118], [0, 0, 255]),
                    ([16, 128, 128], [0, 0, 0]),
                ],
            ),
            (
                Matrix::Bt709,
                true,
                [
                    ([255, 128, 128], [255, 255, 255]),
                    ([54, 99, 255], [255, 0, 0]),
                    ([182, 30, 12], [0, 255, 0]),
                    ([18, 255, 116], [0, 0, 255]),
                    ([0, 128, 128], [0, 0, 0]),
                ],
            ),
            (
                Matrix::Bt2020,
                false,
                [
                    ([235, 128, 128], [255, 255, 255]),
                    ([74, 97, 240], [255, 0, 0]),
                    ([164, 47, 25], [0, 255, 0]),
                    ([29, 240, 119], [0, 0, 255]),
                    ([16, 128, 128], [0, 0, 0]),
                ],
            ),
        ] {
            for (samples, colour) in bars {
                let mut rgb = Vec::new();
                to_rgb(&flat(Colours { matrix, full_range }, samples), &mut rgb);
                assert_eq!(rgb.len(), 6 * 4 * 3);
                for (got, wanted) in rgb.iter().zip(colour.iter().cycle()) {
                    assert!(got.abs_diff(*wanted) <= 3, "{matrix:?} {samples:?}: {:?}", &rgb[..3]);
                }
            }
        }
    }

    #[test]
    fn a_dump_is_named_by_number_and_time_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut dump = FrameDump::create(&dir.path().join("a/b")).unwrap();
        let picture = flat(Colours { matrix: Matrix::Bt601, full_range: false }, [81, 90, 240]);
        dump.write(&picture).unwrap();
        let path = dump.write(&picture).unwrap();
        assert_eq!(path, dir.path().join("a/b/000001_40000.png"));

        let file = io::BufReader::new(File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (6, 4));
        let mut rgb = Vec::new();
        to_rgb(&picture, &mut rgb);
        assert_eq!(bytes, rgb);
    }
}
