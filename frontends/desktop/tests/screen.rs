//! The window on SDL's dummy display with the software renderer: what is set is what can be read
//! back.
//!
//! One test to a process: SDL belongs to the thread that starts it.

use testcard_core::mp4::{Orientation, Rotation};
use testcard_core::time::MediaTime;
use testcard_desktop::frame_dump;
use testcard_desktop::picture::{Colours, Matrix, Picture};
use testcard_desktop::screen::{Area, OverlayPixels, Screen};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
const WHOLE: Area = Area { x: 0, y: 0, width: WIDTH, height: HEIGHT };
const SD: Colours = Colours { matrix: Matrix::Bt601, full_range: false };

#[test]
fn the_screen_shows_what_it_is_given() {
    // SAFETY: this process has no other thread yet that might read the environment.
    unsafe { std::env::set_var("SDL_VIDEODRIVER", "dummy") };
    let sdl = sdl2::init().unwrap();
    let video = sdl.video().unwrap();
    let mut screen = Screen::open(&video, "Testcard", WIDTH, HEIGHT).unwrap();
    assert_eq!(screen.size(), Ok((WIDTH, HEIGHT)));

    nothing_is_black(&mut screen);
    colours_are_right_in_every_matrix_and_range(&mut screen);
    a_wide_picture_is_letterboxed(&mut screen);
    a_picture_is_turned_and_mirrored(&mut screen);
    an_overlay_lies_over_the_picture_as_long_as_it_is_set(&mut screen);
    only_the_parts_named_of_an_overlay_are_shown(&mut screen);
    of_an_overlay_only_what_has_changed_is_uploaded(&mut screen);
    a_picture_keeps_its_shape_in_the_area_given(&mut screen);
    an_overlay_of_the_wrong_size_is_an_error(&mut screen);
    a_resized_window_shows_the_same_picture_in_its_new_size(&mut screen);
    screen.present().unwrap();
}

fn nothing_is_black(screen: &mut Screen) {
    assert!(screen.read_back().unwrap().iter().all(|channel| *channel == 0));
}

fn colours_are_right_in_every_matrix_and_range(screen: &mut Screen) {
    for matrix in [Matrix::Bt601, Matrix::Bt709] {
        for full_range in [false, true] {
            let mut picture = bars(Colours { matrix, full_range });
            screen.set_picture(Some((&picture, Orientation::default()))).unwrap();
            let shown = screen.read_back().unwrap();
            let mut expected = Vec::new();
            frame_dump::to_rgb(&picture, &mut expected);
            for bar in 0..8 {
                let at = (HEIGHT / 2 * WIDTH + bar * 40 + 20) as usize * 3;
                for channel in at..at + 3 {
                    assert!(
                        shown[channel].abs_diff(expected[channel]) <= 5,
                        "{matrix:?} full {full_range} bar {bar}: {:?}, not {:?}",
                        &shown[at..at + 3],
                        &expected[at..at + 3],
                    );
                }
            }
            // And the matrix makes a difference, or this test could not fail.
            picture.colours.matrix =
                if matrix == Matrix::Bt601 { Matrix::Bt709 } else { Matrix::Bt601 };
            let mut wrong = Vec::new();
            frame_dump::to_rgb(&picture, &mut wrong);
            let off = |at: usize| wrong[at].abs_diff(expected[at]);
            assert!((0..wrong.len()).map(off).max() > Some(20));
        }
    }
}

fn a_wide_picture_is_letterboxed(screen: &mut Screen) {
    let mut picture = flat(64, 48, SD, [235, 128, 128]);
    picture.sample_aspect = (4, 3);
    screen.set_picture(Some((&picture, Orientation::default()))).unwrap();
    // 16:9 in 320 x 240: 180 rows, 30 of black above and below.
    let shown = screen.read_back().unwrap();
    assert_eq!([(160, 28), (160, 211)].map(|at| pixel(&shown, at)), [[0; 3]; 2]);
    for at in [(2, 32), (160, 120), (317, 207)] {
        assert!(pixel(&shown, at).iter().all(|channel| *channel > 250), "{at:?}");
    }
}

fn a_picture_is_turned_and_mirrored(screen: &mut Screen) {
    // White in its top left quarter, black elsewhere.
    let mut picture = flat(240, 240, SD, [16, 128, 128]);
    let [luma, _, _] = picture.planes_mut();
    for row in luma.chunks_mut(240).take(120) {
        row[..120].fill(235);
    }
    let corners = [(60, 20), (260, 20), (60, 220), (260, 220)];
    for (rotation, mirrored, white) in [
        (Rotation::None, false, 0),
        (Rotation::Quarter, false, 1),
        (Rotation::Half, false, 3),
        (Rotation::ThreeQuarters, false, 2),
        (Rotation::None, true, 1),
        (Rotation::Quarter, true, 0),
        (Rotation::ThreeQuarters, true, 3),
    ] {
        screen.set_picture(Some((&picture, Orientation { rotation, mirrored }))).unwrap();
        let shown = screen.read_back().unwrap();
        let lit = corners.map(|at| pixel(&shown, at)[0] > 128);
        let expected = [0, 1, 2, 3].map(|corner| corner == white);
        assert_eq!(lit, expected, "{rotation:?}, mirrored {mirrored}");
    }
}

fn an_overlay_lies_over_the_picture_as_long_as_it_is_set(screen: &mut Screen) {
    let picture = flat(64, 48, SD, [235, 128, 128]);
    screen.set_picture(Some((&picture, Orientation::default()))).unwrap();
    // Clear on the left, half-transparent blue on the right.
    let row = [[9, 9, 9, 0].repeat(160), [0, 0, 255, 128].repeat(160)].concat();
    let rgba = row.repeat(HEIGHT as usize);
    let overlay = || OverlayPixels { width: WIDTH, height: HEIGHT, rgba: &rgba };
    screen.set_overlay(overlay(), [WHOLE], [WHOLE]).unwrap();
    let shown = screen.read_back().unwrap();
    let near = |at, colour: [u8; 3]| {
        pixel(&shown, at).iter().zip(colour).all(|(got, wanted)| got.abs_diff(wanted) <= 5)
    };
    assert!(near((40, 120), [255; 3]) && near((280, 120), [127, 127, 255]));

    screen.set_overlay(overlay(), [], []).unwrap();
    let shown = screen.read_back().unwrap();
    assert!(pixel(&shown, (280, 120)).iter().all(|channel| *channel > 250));
}

fn an_overlay_of_the_wrong_size_is_an_error(screen: &mut Screen) {
    let overlay = OverlayPixels { width: WIDTH, height: HEIGHT, rgba: &[0; 16] };
    assert!(screen.set_overlay(overlay, [WHOLE], [WHOLE]).is_err());
}

fn only_the_parts_named_of_an_overlay_are_shown(screen: &mut Screen) {
    screen.set_picture(Some((&flat(64, 48, SD, [16, 128, 128]), Orientation::default()))).unwrap();
    let rgba = [255; 4].repeat((WIDTH * HEIGHT) as usize);
    let overlay = || OverlayPixels { width: WIDTH, height: HEIGHT, rgba: &rgba };
    let beyond = Area { x: 300, y: 200, width: 1000, height: 1000 };
    let outside = Area { x: 5000, y: 0, width: 10, height: 10 };
    let part = Area { x: 10, y: 10, width: 20, height: 20 };
    let parts = [part, beyond, outside];
    screen.set_overlay(overlay(), parts, parts).unwrap();
    let shown = screen.read_back().unwrap();
    let lit = [(9, 9), (10, 10), (29, 29), (30, 30), (299, 199), (300, 200), (319, 239)];
    let lit = lit.map(|at| pixel(&shown, at)[0] > 128);
    assert_eq!(lit, [false, true, true, false, false, true, true]);
    screen.set_overlay(overlay(), [], []).unwrap();
}

fn of_an_overlay_only_what_has_changed_is_uploaded(screen: &mut Screen) {
    screen.set_picture(None).unwrap();
    let [white, red] = [[255; 4], [255, 0, 0, 255]].map(|c| c.repeat((WIDTH * HEIGHT) as usize));
    let overlay = |rgba| OverlayPixels { width: WIDTH, height: HEIGHT, rgba };
    screen.set_overlay(overlay(&white), [WHOLE], [WHOLE]).unwrap();
    let changed = Area { x: 10, y: 10, width: 20, height: 20 };
    screen.set_overlay(overlay(&red), [WHOLE], [changed]).unwrap();
    let shown = screen.read_back().unwrap();
    let is_red = [(9, 9), (10, 10), (29, 29), (30, 30)].map(|at| pixel(&shown, at)[1] < 128);
    assert_eq!(is_red, [false, true, true, false]);
    screen.set_overlay(overlay(&red), [], []).unwrap();
}

fn a_picture_keeps_its_shape_in_the_area_given(screen: &mut Screen) {
    screen.set_picture(Some((&flat(64, 64, SD, [235, 128, 128]), Orientation::default()))).unwrap();
    screen.set_picture_area(Some(Area { x: 100, y: 50, width: 80, height: 40 }));
    let shown = screen.read_back().unwrap();
    let lit = [(119, 70), (121, 70), (158, 70), (161, 70), (140, 49), (140, 91)];
    let lit = lit.map(|at| pixel(&shown, at)[0] > 128);
    assert_eq!(lit, [false, true, true, false, false, false]);
    screen.set_picture_area(None);
}

fn a_resized_window_shows_the_same_picture_in_its_new_size(screen: &mut Screen) {
    let picture = flat(64, 48, SD, [235, 128, 128]);
    screen.set_picture(Some((&picture, Orientation::default()))).unwrap();
    screen.window_mut().set_size(400, 100).unwrap();
    assert_eq!(screen.size(), Ok((400, 100)));
    let shown = screen.read_back().unwrap();
    assert_eq!(shown.len(), 400 * 100 * 3);
    let row = &shown[50 * 400 * 3..51 * 400 * 3];
    let lit = row.chunks(3).filter(|pixel| pixel[0] > 250).count();
    assert!(lit.abs_diff(133) <= 1, "4:3 of 100 rows, not {lit}");
}

/// The eight bars of a test card at three quarters of full colour, 40 columns each.
fn bars(colours: Colours) -> Picture {
    let mut picture = flat(WIDTH as usize, HEIGHT as usize, colours, [128; 3]);
    let [luma, u, v] = picture.planes_mut();
    let samples: [[u8; 3]; 8] = [
        [180, 128, 128],
        [162, 44, 142],
        [131, 156, 44],
        [112, 72, 58],
        [84, 184, 198],
        [65, 100, 212],
        [35, 212, 114],
        [40, 128, 128],
    ];
    let columns = |plane: &mut [u8], width: usize, channel: usize| {
        for (i, sample) in plane.iter_mut().enumerate() {
            *sample = samples[i % width * 8 / width][channel];
        }
    };
    columns(luma, WIDTH as usize, 0);
    columns(u, WIDTH as usize / 2, 1);
    columns(v, WIDTH as usize / 2, 2);
    picture
}

fn flat(width: usize, height: usize, colours: Colours, samples: [u8; 3]) -> Picture {
    let mut picture = Picture::grey(width, height, colours, MediaTime::ZERO);
    for (plane, sample) in picture.planes_mut().into_iter().zip(samples) {
        plane.fill(sample);
    }
    picture
}

fn pixel(shown: &[u8], (x, y): (u32, u32)) -> [u8; 3] {
    let at = (y * WIDTH + x) as usize * 3;
    [shown[at], shown[at + 1], shown[at + 2]]
}
