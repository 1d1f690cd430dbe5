//! The window: one picture, letterboxed, and one overlay on top of it.
//!
//! The picture is a streaming texture of the planes as they were decoded; SDL's renderer turns them
//! into colours, scales and turns them. Textures are made anew only when a size changes. Nothing is
//! uploaded unless the caller says that it is new. This module never decides what to show.
//!
//! # Colours
//!
//! SDL converts BT.601 in both ranges and BT.709 in limited range. BT.709 in full range is first
//! squeezed into limited range here, which costs less than one step of 256. BT.2020, which no
//! 8-bit film on archive.org is known to use, is shown with BT.709's weights: greens and reds are a
//! little off.

use std::fmt;
use std::io::Cursor;

use sdl2::VideoSubsystem;
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{BlendMode, Canvas, ScaleMode, Texture};
use sdl2::surface::Surface;
use sdl2::sys::{SDL_SetYUVConversionMode, SDL_YUV_CONVERSION_MODE};
use sdl2::video::{FullscreenType, Window};
use testcard_core::mp4::{Orientation, Rotation};

use crate::picture::{Colours, Matrix, Picture};

/// The window could not be opened, or something not be shown in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScreenError(String);

impl ScreenError {
    fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for ScreenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the window failed: {}", self.0)
    }
}

impl std::error::Error for ScreenError {}

/// What is drawn over the picture: rows of red, green, blue and straight alpha, from the top left,
/// without gaps.
#[derive(Clone, Copy, Debug)]
pub struct OverlayPixels<'a> {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Four bytes for each pixel.
    pub rgba: &'a [u8],
}

/// A window.
pub struct Screen {
    canvas: Canvas<Window>,
    picture: Option<Shown>,
    /// Kept while nothing is shown, for the next picture of its size.
    picture_texture: Option<(Texture, u32, u32)>,
    overlay: Option<(Texture, u32, u32)>,
    /// The parts of the overlay that anything is drawn in.
    overlay_parts: Vec<Area>,
    /// Where the picture goes; `None`: the whole screen.
    picture_area: Option<Area>,
    /// Planes squeezed into limited range.
    squeezed: [Vec<u8>; 3],
}

/// How to show what is in the picture texture.
#[derive(Clone, Copy)]
struct Shown {
    frame: Frame,
    orientation: Orientation,
    colours: Colours,
}

impl Screen {
    /// Opens a window of this size in points, which is less than in [pixels](Screen::size) on a
    /// high-density display. It can be resized, and waits for the display's vertical blank where the
    /// system allows.
    ///
    /// # Errors
    /// When there is no display, or no renderer for it.
    pub fn open(
        video: &VideoSubsystem,
        title: &str,
        width: u32,
        height: u32,
    ) -> Result<Self, ScreenError> {
        if !has_graphics_card() {
            // OpenGL would be emulated then: slower than SDL's own drawing, for 90 MB of memory.
            sdl2::hint::set("SDL_RENDER_DRIVER", "software");
            sdl2::hint::set("SDL_FRAMEBUFFER_ACCELERATION", "0");
        }
        let mut window = video
            .window(title, width, height)
            .position_centered()
            .resizable()
            .allow_highdpi()
            .build()
            .map_err(ScreenError::new)?;
        // A window without an icon is a window.
        if let Err(error) = set_icon(&mut window) {
            log::debug!("no icon: {error}");
        }
        let canvas = window.into_canvas().present_vsync().build().map_err(ScreenError::new)?;
        Ok(Self {
            canvas,
            picture: None,
            picture_texture: None,
            overlay: None,
            overlay_parts: Vec::new(),
            picture_area: None,
            squeezed: Default::default(),
        })
    }

    /// Width and height of what can be drawn on, in pixels. An overlay of this size is shown pixel by
    /// pixel.
    ///
    /// # Errors
    /// When the renderer is gone.
    pub fn size(&self) -> Result<(u32, u32), ScreenError> {
        self.canvas.output_size().map_err(ScreenError::new)
    }

    /// Pixels for each point of the window's coordinates, which the mouse is told in: 1.0, or more on
    /// a high-density display.
    pub fn pixels_per_point(&self) -> f32 {
        let points = self.canvas.window().size().0.max(1);
        self.canvas.output_size().map_or(1.0, |(pixels, _)| pixels as f32 / points as f32)
    }

    /// The window, for its title and the like.
    pub fn window_mut(&mut self) -> &mut Window {
        self.canvas.window_mut()
    }

    /// Whether the window fills the display.
    pub fn is_full_screen(&self) -> bool {
        self.canvas.window().fullscreen_state() != FullscreenType::Off
    }

    /// Fills the display, or goes back to being a window. The display keeps its mode.
    ///
    /// # Errors
    /// When the window system refuses.
    pub fn set_full_screen(&mut self, full_screen: bool) -> Result<(), ScreenError> {
        let state = if full_screen { FullscreenType::Desktop } else { FullscreenType::Off };
        self.canvas.window_mut().set_fullscreen(state).map_err(ScreenError::new)
    }

    /// The picture to show from the next [`Screen::present`] on; none is black. Say so only when it
    /// is another one: this uploads it.
    ///
    /// # Errors
    /// When the picture is larger than the renderer's textures can be.
    pub fn set_picture(
        &mut self,
        picture: Option<(&Picture, Orientation)>,
    ) -> Result<(), ScreenError> {
        let Some((picture, orientation)) = picture else {
            self.picture = None;
            return Ok(());
        };
        let side = |n: usize| u32::try_from(n).map_err(ScreenError::new);
        let (width, height) = (side(picture.width)?, side(picture.height)?);
        let colours = picture.colours;
        use_conversion(colours);
        let texture = texture_of(
            &self.canvas,
            &mut self.picture_texture,
            PixelFormatEnum::IYUV,
            (width, height),
        )?;
        let mut planes = [picture.y(), picture.u(), picture.v()];
        if is_squeezed(colours) {
            let [y, u, v] = &mut self.squeezed;
            squeeze(planes[0], 0, 219, y);
            squeeze(planes[1], 128, 224, u);
            squeeze(planes[2], 128, 224, v);
            planes = [y, u, v];
        }
        let chroma = picture.chroma_width();
        texture
            .update_yuv(None, planes[0], picture.width, planes[1], chroma, planes[2], chroma)
            .map_err(ScreenError::new)?;
        let frame = Frame { width, height, sample_aspect: picture.sample_aspect };
        self.picture = Some(Shown { frame, orientation, colours });
        Ok(())
    }

    /// Where the picture goes from the next [`Screen::present`] on, in pixels; `None`: the whole
    /// screen.
    pub fn set_picture_area(&mut self, area: Option<Area>) {
        self.picture_area = area;
    }

    /// The overlay to show from the next [`Screen::present`] on, pixel by pixel from the top left,
    /// of which something is drawn in `parts` only, and of which `changed` is other than the last
    /// time. Say so only when it has changed: this uploads that much, and without a graphics card
    /// every pixel of the parts costs time with every picture.
    ///
    /// # Errors
    /// When there are not four bytes for each pixel, or the renderer has no room for it.
    pub fn set_overlay(
        &mut self,
        overlay: OverlayPixels<'_>,
        parts: impl IntoIterator<Item = Area>,
        changed: impl IntoIterator<Item = Area>,
    ) -> Result<(), ScreenError> {
        let OverlayPixels { width, height, rgba } = overlay;
        self.overlay_parts.clear();
        let pitch = width as usize * 4;
        if rgba.len() != pitch * height as usize {
            return Err(ScreenError::new("an overlay of another size than it says"));
        }
        self.overlay_parts.extend(parts.into_iter().filter_map(|part| part.within(width, height)));
        let has_texture =
            self.overlay.as_ref().is_some_and(|(_, w, h)| (*w, *h) == (width, height));
        if self.overlay_parts.is_empty() && !has_texture {
            return Ok(());
        }
        let stale: Vec<Area> = match has_texture {
            true => changed.into_iter().collect(),
            false => self.overlay_parts.clone(),
        };
        let texture =
            texture_of(&self.canvas, &mut self.overlay, PixelFormatEnum::RGBA32, (width, height))?;
        texture.set_blend_mode(BlendMode::Blend);
        for part in stale.iter().filter_map(|part| part.within(width, height)) {
            // Within the overlay, so its first byte and its last are.
            let first = part.y as usize * pitch + part.x as usize * 4;
            texture.update(part.rect(), &rgba[first..], pitch).map_err(ScreenError::new)?;
        }
        Ok(())
    }

    /// Draws everything and shows it, at the display's next vertical blank.
    ///
    /// # Errors
    /// When the renderer is gone.
    pub fn present(&mut self) -> Result<(), ScreenError> {
        self.draw()?;
        self.canvas.present();
        Ok(())
    }

    /// Draws everything and reads it back without showing it: rows of red, green and blue from the
    /// top left, of [`Screen::size`]. Slow; for screenshots.
    ///
    /// # Errors
    /// When the renderer cannot read.
    pub fn read_back(&mut self) -> Result<Vec<u8>, ScreenError> {
        self.draw()?;
        self.canvas.read_pixels(None, PixelFormatEnum::RGB24).map_err(ScreenError::new)
    }

    fn draw(&mut self) -> Result<(), ScreenError> {
        let size = self.size()?;
        self.canvas.set_draw_color(Color::BLACK);
        self.canvas.clear();
        if let (Some(shown), Some((texture, _, _))) = (self.picture, &self.picture_texture) {
            use_conversion(shown.colours);
            let whole = Area { x: 0, y: 0, width: size.0, height: size.1 };
            let into = self.picture_area.unwrap_or(whole);
            let fitting = (into.width, into.height);
            let mut area = letterbox(shown.frame, shown.orientation.rotation, fitting);
            (area.x, area.y) = (area.x + into.x, area.y + into.y);
            let turn = Turn::of(shown.orientation, area);
            let to = turn.to.rect();
            // Without a graphics card, turning a picture costs several times as much as showing it,
            // even by nothing.
            match turn.is_none() {
                true => self.canvas.copy(texture, None, to),
                false => {
                    self.canvas.copy_ex(texture, None, to, turn.degrees, None, turn.mirrored, false)
                }
            }
            .map_err(ScreenError::new)?;
        }
        if let Some((texture, _, _)) = &self.overlay {
            for part in &self.overlay_parts {
                let part = part.rect();
                self.canvas.copy(texture, part, part).map_err(ScreenError::new)?;
            }
        }
        Ok(())
    }
}

/// Gives the window the icon that the desktop entry has too. Desktops that find that entry do not
/// ask the window.
fn set_icon(window: &mut Window) -> Result<(), String> {
    const PNG: &[u8] = include_bytes!("../share/testcard-64.png");
    let mut reader = png::Decoder::new(Cursor::new(PNG)).read_info().map_err(|e| e.to_string())?;
    let mut rgba = vec![0; reader.output_buffer_size().ok_or("the icon is too large")?];
    let info = reader.next_frame(&mut rgba).map_err(|error| error.to_string())?;
    let (width, height) = (info.width, info.height);
    let icon = Surface::from_data(&mut rgba, width, height, width * 4, PixelFormatEnum::RGBA32)?;
    window.set_icon(icon);
    Ok(())
}

/// Whether the machine has anything to draw with. Only Linux says so cheaply; elsewhere a graphics
/// card is taken for granted. A person's own `SDL_RENDER_DRIVER` goes before.
fn has_graphics_card() -> bool {
    let Ok(entries) = std::fs::read_dir("/dev/dri") else { return !cfg!(target_os = "linux") };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}

/// The texture in `slot`, made anew if it is not of this size.
fn texture_of<'a>(
    canvas: &Canvas<Window>,
    slot: &'a mut Option<(Texture, u32, u32)>,
    format: PixelFormatEnum,
    (width, height): (u32, u32),
) -> Result<&'a mut Texture, ScreenError> {
    if slot.as_ref().is_some_and(|(_, w, h)| (*w, *h) != (width, height))
        && let Some((texture, _, _)) = slot.take()
    {
        // SAFETY: the canvas that made it is alive, and nobody else has it. Textures that are never
        // destroyed here go with the renderer.
        unsafe { texture.destroy() };
    }
    if slot.is_none() {
        let mut texture =
            canvas.create_texture_streaming(format, width, height).map_err(ScreenError::new)?;
        texture.set_scale_mode(ScaleMode::Linear);
        *slot = Some((texture, width, height));
    }
    match slot {
        Some((texture, _, _)) => Ok(texture),
        None => Err(ScreenError::new("no texture")),
    }
}

/// Tells SDL how to convert. Its setting is global, and read both when planes are uploaded (by the
/// software renderer) and when they are drawn (by the others).
fn use_conversion(colours: Colours) {
    let mode = match (colours.matrix, colours.full_range) {
        (Matrix::Bt601, true) => SDL_YUV_CONVERSION_MODE::SDL_YUV_CONVERSION_JPEG,
        (Matrix::Bt601, false) => SDL_YUV_CONVERSION_MODE::SDL_YUV_CONVERSION_BT601,
        (Matrix::Bt709 | Matrix::Bt2020, _) => SDL_YUV_CONVERSION_MODE::SDL_YUV_CONVERSION_BT709,
    };
    // SAFETY: it assigns to a variable that only this thread, SDL's own, uses.
    unsafe { SDL_SetYUVConversionMode(mode) };
}

/// Whether SDL has no conversion for this in full range.
fn is_squeezed(colours: Colours) -> bool {
    colours.full_range && colours.matrix != Matrix::Bt601
}

/// Moves samples from full to limited range: `span` of 255 steps around `centre`, above 16 for luma
/// (ITU-T H.273 §8.3, equations 20 to 31).
fn squeeze(from: &[u8], centre: i32, span: i32, to: &mut Vec<u8>) {
    let black = if centre == 0 { 16 } else { centre };
    to.clear();
    to.extend(from.iter().map(|sample| {
        let scaled = (i32::from(*sample) - centre) * span;
        let rounded = (scaled + if scaled < 0 { -127 } else { 127 }) / 255;
        (black + rounded) as u8
    }));
}

/// The size and shape of a picture before it is turned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame {
    /// In samples.
    pub width: u32,
    /// In samples.
    pub height: u32,
    /// Width and height of a sample.
    pub sample_aspect: (u32, u32),
}

/// A part of the window, in pixels from the top left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// To the right.
    pub width: u32,
    /// Downwards.
    pub height: u32,
}

impl Area {
    fn rect(self) -> Rect {
        Rect::new(self.x, self.y, self.width, self.height)
    }

    /// What of it lies within a canvas of this size; `None`: nothing.
    fn within(self, width: u32, height: u32) -> Option<Self> {
        let both = Rect::new(0, 0, width, height).intersection(self.rect())?;
        let (x, y) = (both.x(), both.y());
        Some(Self { x, y, width: both.width(), height: both.height() })
    }
}

/// The largest part in the middle of a window of size `into` that has a picture's shape after it was
/// turned. At least one pixel each way; all of the window when the picture has no shape.
pub fn letterbox(frame: Frame, rotation: Rotation, into: (u32, u32)) -> Area {
    // Products of three 32-bit numbers.
    let (into_width, into_height) = (u128::from(into.0), u128::from(into.1));
    let mut shape_width = u128::from(frame.width) * u128::from(frame.sample_aspect.0);
    let mut shape_height = u128::from(frame.height) * u128::from(frame.sample_aspect.1);
    if matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters) {
        (shape_width, shape_height) = (shape_height, shape_width);
    }
    if shape_width == 0 || shape_height == 0 {
        return Area { x: 0, y: 0, width: into.0, height: into.1 };
    }
    let rounded =
        |numerator: u128, denominator: u128| ((numerator + denominator / 2) / denominator).max(1);
    let (width, height) = if into_width * shape_height <= into_height * shape_width {
        (into_width, rounded(into_width * shape_height, shape_width).min(into_height))
    } else {
        (rounded(into_height * shape_width, shape_height).min(into_width), into_height)
    };
    Area {
        x: ((into_width - width) / 2) as i32,
        y: ((into_height - height) / 2) as i32,
        width: width as u32,
        height: height as u32,
    }
}

/// How to call SDL so that a turned picture ends up in an area: SDL mirrors first, then turns around
/// the middle of where the picture would be unturned.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Turn {
    to: Area,
    degrees: f64,
    mirrored: bool,
}

impl Turn {
    fn is_none(&self) -> bool {
        self.degrees == 0.0 && !self.mirrored
    }

    fn of(orientation: Orientation, area: Area) -> Self {
        let Orientation { rotation, mirrored } = orientation;
        let sideways = matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters);
        let (width, height) =
            if sideways { (area.height, area.width) } else { (area.width, area.height) };
        let to = Area {
            x: area.x + (area.width as i32 - width as i32) / 2,
            y: area.y + (area.height as i32 - height as i32) / 2,
            width,
            height,
        };
        // Turning, then mirroring is mirroring, then turning the other way.
        let degrees = f64::from(rotation.degrees());
        Self { to, degrees: if mirrored { -degrees } else { degrees }, mirrored }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, sample_aspect: (u32, u32)) -> Frame {
        Frame { width, height, sample_aspect }
    }

    fn area(x: i32, y: i32, width: u32, height: u32) -> Area {
        Area { x, y, width, height }
    }

    #[test]
    fn a_picture_keeps_its_shape_in_any_window() {
        let square = (1, 1);
        for (frame, rotation, into, expected) in [
            (frame(640, 480, square), Rotation::None, (640, 480), area(0, 0, 640, 480)),
            (frame(640, 480, square), Rotation::None, (1920, 1080), area(240, 0, 1440, 1080)),
            (frame(1920, 1080, square), Rotation::None, (640, 480), area(0, 60, 640, 360)),
            // A DVD's 720 x 480 at 4:3 and at 16:9.
            (frame(720, 480, (8, 9)), Rotation::None, (640, 480), area(0, 0, 640, 480)),
            (frame(720, 480, (32, 27)), Rotation::None, (640, 480), area(0, 60, 640, 360)),
            (frame(640, 480, square), Rotation::Quarter, (640, 480), area(140, 0, 360, 480)),
            (frame(640, 480, square), Rotation::ThreeQuarters, (480, 640), area(0, 0, 480, 640)),
            (frame(640, 480, square), Rotation::Half, (480, 480), area(0, 60, 480, 360)),
        ] {
            assert_eq!(letterbox(frame, rotation, into), expected, "{frame:?} into {into:?}");
        }
    }

    #[test]
    fn a_picture_of_any_shape_stays_within_the_window() {
        let sides = [1, 2, 3, 63, 480, 1921, 16_384];
        let aspects = [(1, 1), (u32::MAX, 1), (1, u32::MAX), (160, 99), (0, 1)];
        for width in sides {
            for height in sides {
                for sample_aspect in aspects {
                    for into in [(1, 1), (7, 5000), (3840, 2160)] {
                        for rotation in [Rotation::None, Rotation::Quarter] {
                            let at = letterbox(frame(width, height, sample_aspect), rotation, into);
                            assert!(at.width >= 1 && at.height >= 1);
                            assert!(at.width == into.0 || at.height == into.1);
                            assert!(at.x as u32 + at.width <= into.0);
                            assert!(at.y as u32 + at.height <= into.1);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_turned_picture_is_handed_over_unturned_around_the_same_middle() {
        let orientation = Orientation { rotation: Rotation::Quarter, mirrored: false };
        let turn = Turn::of(orientation, area(140, 0, 360, 480));
        assert_eq!(turn, Turn { to: area(80, 60, 480, 360), degrees: 90.0, mirrored: false });
        let orientation = Orientation { mirrored: true, ..orientation };
        let turn = Turn::of(orientation, area(140, 0, 360, 480));
        assert_eq!(turn, Turn { to: area(80, 60, 480, 360), degrees: -90.0, mirrored: true });
    }

    #[test]
    fn squeezing_maps_the_ends_of_full_range_to_those_of_limited_range() {
        let mut out = Vec::new();
        squeeze(&[0, 128, 255], 0, 219, &mut out);
        assert_eq!(out, [16, 126, 235]);
        squeeze(&[0, 1, 128, 255], 128, 224, &mut out);
        assert_eq!(out, [16, 16, 128, 240]);
    }
}
