//! Draws the letters ahead of time: the desktop's Inter becomes tables of small pictures, so that
//! the PSP needs neither a font parser nor floating point. The same font gives the same tables on
//! every machine: all of it is IEEE arithmetic in a fixed order.
//!
//! A glyph of small text is drawn several times, each a fraction of a pixel further right: letters
//! that may only start at whole pixels stand unevenly.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use ab_glyph::{Font, FontVec, PxScale, point};
use icu_normalizer::DecomposingNormalizer;

const FONTS: &str = "../../frontends/desktop/fonts";

/// Name, file, size in pixels per em, and how many starts within a pixel each glyph is drawn at.
const FACES: [(&str, &str, u32, u32); 4] = [
    ("BODY", "Inter-Regular.otf", 14, 4),
    ("STRONG", "Inter-SemiBold.otf", 14, 2),
    ("TITLE", "Inter-SemiBold.otf", 18, 2),
    ("LARGE", "Inter-SemiBold.otf", 24, 1),
];

/// Inter's capitals are this high, of 1000 per em (OS/2 sCapHeight: 2048 of 2816).
const CAP_HEIGHT_PERMILLE: u32 = 727;
/// The width of the box that stands for a character without a glyph, of 1000 per em.
const BOX_PERMILLE: u32 = 620;
/// Pairs closer or wider than this many thousandths of an em are kerned: a third of a pixel at 18.
const KERNED_PERMILLE: f32 = 20.0;

/// How much of each pixel is covered, 0 to 15.
struct Mask {
    left: i32,
    top: i32,
    width: u32,
    height: u32,
    coverage: Vec<u8>,
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FONTS}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it"));
    let fonts: BTreeMap<&str, FontVec> =
        FACES.iter().map(|(_, file, _, _)| (*file, font(file))).collect();

    let first = &fonts["Inter-Regular.otf"];
    let mut chars: Vec<char> = first.codepoint_ids().map(|(_, c)| c).collect();
    chars.retain(|c| !c.is_control() && u32::from(*c) < 0x1_0000);
    chars.sort_unstable();
    chars.dedup();

    let mut source = String::new();
    let codes: Vec<u32> = chars.iter().map(|c| u32::from(*c)).collect();
    writeln!(source, "pub static CHARS: [u16; {}] = {codes:?};", codes.len()).unwrap();
    compositions(&mut source, &chars);
    for (file, font) in &fonts {
        kerning(&mut source, file, font, &chars);
    }
    for face in FACES {
        self::face(&mut source, &out, face, &fonts[face.1], &chars);
    }
    fs::write(out.join("faces.rs"), source).unwrap();
    fs::write(out.join("symbols.rs"), symbols()).unwrap();
}

fn font(file: &str) -> FontVec {
    let path = Path::new(FONTS).join(file);
    let bytes = fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    FontVec::try_from_vec(bytes).expect("the font is part of this repository, and is sound")
}

/// Letters with an accent, by letter and accent: names may hold them apart.
fn compositions(source: &mut String, chars: &[char]) {
    let decomposing = DecomposingNormalizer::new_nfd();
    let mut pairs: Vec<(u32, u32, u32)> = Vec::new();
    for c in chars {
        let apart: Vec<char> = decomposing.normalize_iter(std::iter::once(*c)).collect();
        // A letter with two accents comes about in two steps, the first of which has a letter too.
        let (accent, letter) = apart.split_last().expect("nothing decomposes into nothing");
        let letter: String = letter.iter().collect();
        let letter = icu_normalizer::ComposingNormalizer::new_nfc().normalize(&letter).into_owned();
        if let [letter] = letter.chars().collect::<Vec<_>>()[..] {
            pairs.push((u32::from(letter), u32::from(*accent), u32::from(*c)));
        }
    }
    pairs.sort_unstable();
    writeln!(source, "pub static COMPOSED: [(u16, u16, u16); {}] = {pairs:?};", pairs.len())
        .unwrap();
}

/// The pairs of a weight, as indices of characters, and how much they move, in units of the font.
fn kerning(source: &mut String, file: &str, font: &FontVec, chars: &[char]) {
    let units = font.units_per_em().expect("the font says so");
    let mut pairs: Vec<(usize, usize, i32)> = Vec::new();
    for (left, a) in chars.iter().enumerate() {
        for (right, b) in chars.iter().enumerate() {
            let kern = font.kern_unscaled(font.glyph_id(*a), font.glyph_id(*b));
            if kern.abs() * 1000.0 >= KERNED_PERMILLE * units {
                pairs.push((left, right, kern as i32));
            }
        }
    }
    let name = kerning_name(file);
    writeln!(source, "static {name}: [(u16, u16, i16); {}] = {pairs:?};", pairs.len()).unwrap();
}

fn kerning_name(file: &str) -> &'static str {
    if file.contains("Regular") { "KERNING_REGULAR" } else { "KERNING_SEMI_BOLD" }
}

fn face(
    source: &mut String,
    out: &Path,
    (name, file, px, starts): (&str, &str, u32, u32),
    font: &FontVec,
    chars: &[char],
) {
    let units = font.units_per_em().expect("the font says so");
    let mut bits: Vec<u8> = Vec::new();
    let mut glyphs = String::new();
    let mut advances: Vec<u32> = Vec::new();
    let mut count = 0;
    let mut add = |mask: &Mask| {
        writeln!(
            glyphs,
            "    Glyph {{ bits: {}, left: {}, top: {}, width: {}, height: {} }},",
            bits.len(),
            mask.left,
            mask.top,
            mask.width,
            mask.height,
        )
        .unwrap();
        for row in mask.coverage.chunks(mask.width.max(1) as usize) {
            bits.extend(row.chunks(2).map(|two| two[0] << 4 | two.get(1).unwrap_or(&0)));
        }
        count += 1;
    };
    for c in chars {
        let advance = font.h_advance_unscaled(font.glyph_id(*c)) * (px * 64) as f32 / units;
        advances.push(advance.round() as u32);
        for start in 0..starts {
            add(&rasterize(font, *c, px, start as f32 / starts as f32));
        }
    }
    advances.push(px * BOX_PERMILLE * 64 / 1000);
    for _ in 0..starts {
        add(&hollow_box(px));
    }
    fs::write(out.join(format!("{name}.bits")), &bits).unwrap();
    let digits = |c: &char| c.is_ascii_digit();
    let digit = (0..).zip(chars).filter(|(_, c)| digits(c)).map(|(n, _): (usize, _)| advances[n]);
    writeln!(
        source,
        "static {name}_GLYPHS: [Glyph; {count}] = [\n{glyphs}];\n\
         static {name}_ADVANCES: [u16; {}] = {advances:?};\n\
         pub static {name}: Face = Face {{\n    \
             px: {px},\n    starts: {starts},\n    units_per_em: {units},\n    \
             cap_height: {},\n    digit: {},\n    kerning: &{},\n    glyphs: &{name}_GLYPHS,\n    \
             advances: &{name}_ADVANCES,\n    \
             bits: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.bits\")),\n}};",
        advances.len(),
        (px * CAP_HEIGHT_PERMILLE + 500) / 1000,
        digit.max().expect("the font has digits"),
        kerning_name(file),
    )
    .unwrap();
}

fn rasterize(font: &FontVec, c: char, px: u32, start: f32) -> Mask {
    // ab_glyph's scale is the distance from ascent to descent.
    let per_em = font.height_unscaled() / font.units_per_em().expect("the font says so");
    let scale = PxScale::from(px as f32 * per_em);
    let glyph = font.glyph_id(c).with_scale_and_position(scale, point(start, 0.0));
    let Some(outline) = font.outline_glyph(glyph) else {
        return Mask { left: 0, top: 0, width: 0, height: 0, coverage: Vec::new() };
    };
    let bounds = outline.px_bounds();
    let (width, height) = (bounds.width() as u32, bounds.height() as u32);
    let mut coverage = vec![0; (width * height) as usize];
    outline.draw(|x, y, covered| {
        coverage[(y * width + x) as usize] = (covered.clamp(0.0, 1.0) * 15.0).round() as u8;
    });
    Mask { left: bounds.min.x as i32, top: bounds.min.y as i32, width, height, coverage }
}

/// The outline of a box as high as a capital letter.
fn hollow_box(px: u32) -> Mask {
    let (width, height) = (px * BOX_PERMILLE / 1000 - 2, px * CAP_HEIGHT_PERMILLE / 1000);
    let edge = |at: u32, length: u32| at == 0 || at + 1 == length;
    let coverage = (0..width * height)
        .map(|n| if edge(n % width, width) || edge(n / width, height) { 15 } else { 0 })
        .collect();
    Mask { left: 1, top: -(height as i32), width, height, coverage }
}

/// The side of a symbol, in pixels. Even: two pixels go in a byte.
const SYMBOL: u32 = 16;

/// What is on the PSP's buttons, drawn as lines, and a loudspeaker.
fn symbols() -> String {
    let triangle = [(8.0, 2.4), (14.2, 13.2), (1.8, 13.2)];
    let mut source = String::new();
    let mut add = |name: &str, shade: &dyn Fn(f64, f64) -> f64| {
        // 8 × 8 places in each pixel.
        let coverage: Vec<u8> = (0..SYMBOL * SYMBOL)
            .map(|n| {
                let at = |n: u32, place: u32| f64::from(n) + (f64::from(place) + 0.5) / 8.0;
                let places = (0..64).map(|p| shade(at(n % SYMBOL, p % 8), at(n / SYMBOL, p / 8)));
                (places.sum::<f64>() * 15.0 / 64.0).round() as u8
            })
            .collect();
        let bytes: Vec<u8> = coverage.chunks(2).map(|two| two[0] << 4 | two[1]).collect();
        writeln!(source, "pub static {name}: [u8; {}] = {bytes:?};", bytes.len()).unwrap();
    };
    let when = |inside: bool| if inside { 1.0 } else { 0.0 };
    add("CROSS", &|x, y| {
        let strokes = [((3.0, 3.0), (13.0, 13.0)), ((13.0, 3.0), (3.0, 13.0))];
        when(strokes.iter().any(|(a, b)| to_stroke((x, y), *a, *b) <= 1.15))
    });
    add("CIRCLE", &|x, y| when(((x - 8.0).hypot(y - 8.0) - 5.4).abs() <= 1.1));
    add("TRIANGLE", &|x, y| when(to_outline((x, y), &triangle) <= 1.05));
    // The directional buttons, the pair that is meant bright.
    let pad = |along: f64, across: f64| match ((along - 8.0).abs(), (across - 8.0).abs()) {
        (along, across) if across <= 2.6 && (3.1..=7.4).contains(&along) => 1.0,
        (along, across) if along <= 2.6 && across <= 7.4 => 0.33,
        (along, across) if across <= 2.6 && along <= 7.4 => 0.33,
        _ => 0.0,
    };
    add("UP_DOWN", &|x, y| pad(y, x));
    add("LEFT_RIGHT", &|x, y| pad(x, y));
    add("LOUDSPEAKER", &|x, y| {
        let (dx, dy) = (x - 6.5, (y - 8.0).abs());
        let body = (1.0..=4.0).contains(&x) && dy <= 2.2;
        let cone = (4.0..=8.0).contains(&x) && dy <= 2.2 + (x - 4.0) * 0.85;
        let far = dx.hypot(dy);
        let waves = dx > dy && ((far - 4.4).abs() <= 0.7 || (far - 7.2).abs() <= 0.7);
        when(body || cone || waves)
    });
    source
}

type Point = (f64, f64);

fn to_stroke((x, y): Point, (ax, ay): Point, (bx, by): Point) -> f64 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}

fn to_outline(at: Point, corners: &[Point]) -> f64 {
    let ends = corners.iter().skip(1).chain(corners.first());
    let strokes = corners.iter().zip(ends).map(|(a, b)| to_stroke(at, *a, *b));
    strokes.fold(f64::INFINITY, f64::min)
}
