//! Writes a PNG of each screen: `cargo run -p testcard-psp-screen --example screens -- DIRECTORY`.
//! Where a screen is meant to look different, `psp/screen/tests/screens` is the directory, and
//! somebody looks at what has changed.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use testcard_psp_screen::{Canvas, HEIGHT, STRIDE, Screen, WIDTH, draw_panic};

#[path = "../tests/shown/mod.rs"]
mod shown;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    let write = |name: &str, pixels: &[u32]| -> Result<(), Box<dyn std::error::Error>> {
        let file = directory.join(format!("{name}.png"));
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(&file)?), WIDTH, HEIGHT);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Flat colours compress best as they are.
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header()?.write_image_data(&shown::rgb(pixels))?;
        println!("{}", file.display());
        Ok(())
    };
    for (name, view, extra) in shown::screens() {
        let mut pixels = shown::film();
        let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
        Screen::new().draw(&mut canvas, &view, &extra);
        write(name, &pixels)?;
    }
    let mut pixels = shown::film();
    let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
    draw_panic(&mut canvas, shown::PANIC);
    write("panic", &pixels)
}
