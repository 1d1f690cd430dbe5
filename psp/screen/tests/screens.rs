//! Each screen, pixel for pixel, against the pictures in `screens/`. The example of the same name
//! makes them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use testcard_psp_screen::{Canvas, HEIGHT, STRIDE, Screen, WIDTH, draw_panic};

mod shown;

#[test]
fn every_screen_looks_as_it_did_when_somebody_looked_at_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let mut names = BTreeSet::new();
    let mut different = Vec::new();
    let mut compare = |name: &str, pixels: &[u32]| {
        names.insert(format!("{name}.png"));
        if read_png(&directory.join(format!("{name}.png"))) != Some(shown::rgb(pixels)) {
            different.push(name.to_string());
        }
    };
    for (name, view, extra) in shown::screens() {
        let mut pixels = shown::film();
        let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
        Screen::new().draw(&mut canvas, &view, &extra);
        compare(name, &pixels);
    }
    let mut pixels = shown::film();
    draw_panic(&mut Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE), shown::PANIC);
    compare("panic", &pixels);
    assert!(
        different.is_empty(),
        "{different:?} look different. To look at them: \
         cargo run -p testcard-psp-screen --example screens -- psp/screen/tests/screens"
    );

    let kept = std::fs::read_dir(&directory).expect("it holds the pictures");
    let kept = kept.map(|entry| entry.expect("readable").file_name().into_string().unwrap());
    assert_eq!(kept.collect::<BTreeSet<_>>(), names, "no picture is without its screen");
}

fn read_png(file: &Path) -> Option<Vec<u8>> {
    let decoder = png::Decoder::new(BufReader::new(File::open(file).ok()?));
    let mut reader = decoder.read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut pixels).ok()?;
    Some(pixels)
}
