//! A white sheet with the few marks that the charts need. Positions are pixels from the top left corner.

use crate::report::palette::Rgb;
use crate::report::scale::{Plot, Scale};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Of every picture, in pixels.
pub const WIDTH: u32 = 1600;
pub const HEIGHT: u32 = 900;
pub const INK: Rgb = [20, 23, 28];
pub const QUIET: Rgb = [89, 97, 110];
pub const RULER: Rgb = [226, 229, 234];
/// The ground of the held-out time, and of the embargo before it.
pub const HELD: Rgb = [232, 240, 248];
pub const EMBARGO: Rgb = [225, 226, 229];

/// Sizes of letters.
pub const TITLE: f64 = 34.0;
pub const LABEL: f64 = 24.0;
pub const SMALL: f64 = 20.0;

/// A subset of DejaVu Sans: ASCII, Latin-1, Greek, arrows, signs of comparison (licence beside it).
static FONT: &[u8] = include_bytes!("../assets/dejavu-sans-subset.ttf");

/// Makes letters available to plotters, which knows no system font. May be called again.
pub fn register_font() -> Result<(), String> {
    plotters::style::register_font("sans-serif", FontStyle::Normal, FONT)
        .map_err(|_| "the embedded font cannot be read".to_owned())
}

/// Where a text stands by its position.
#[derive(Clone, Copy)]
pub enum Anchor {
    Left,
    Middle,
    Right,
}

pub struct Paper<'a>(DrawingArea<BitMapBackend<'a>, Shift>);

type Drawn = Result<(), String>;

impl<'a> Paper<'a> {
    /// `path` ends in ".png".
    pub fn new(path: &'a Path) -> Result<Paper<'a>, String> {
        let area = BitMapBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE).map_err(said)?;
        Ok(Paper(area))
    }

    pub fn save(&self) -> Drawn {
        self.0.present().map_err(said)
    }

    pub fn text(&self, text: &str, at: (f64, f64), size: f64, colour: Rgb, anchor: Anchor) -> Drawn {
        self.write(text, at, size, colour, anchor, FontTransform::None)
    }

    /// A text on a ring of white, readable over lines.
    pub fn halo(&self, text: &str, at: (f64, f64), size: f64, colour: Rgb, anchor: Anchor) -> Drawn {
        for (dx, dy) in
            [(-2.0, 0.0), (2.0, 0.0), (0.0, -2.0), (0.0, 2.0), (-1.0, -1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)]
        {
            self.text(text, (at.0 + dx, at.1 + dy), size, [255, 255, 255], anchor)?;
        }
        self.text(text, at, size, colour, anchor)
    }

    /// A text that runs upwards from `at`.
    pub fn upright(&self, text: &str, at: (f64, f64), size: f64, colour: Rgb) -> Drawn {
        self.write(text, at, size, colour, Anchor::Left, FontTransform::Rotate270)
    }

    fn write(&self, text: &str, at: (f64, f64), size: f64, c: Rgb, anchor: Anchor, turn: FontTransform) -> Drawn {
        let across = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        // the middle of the font's box lies above the middle of its figures
        let drop = size * 0.12;
        let at = if matches!(turn, FontTransform::None) { (at.0, at.1 + drop) } else { (at.0 + drop, at.1) };
        let font = ("sans-serif", size).into_font().transform(turn);
        let style = font.color(&colour(c)).pos(Pos::new(across, VPos::Center));
        self.0.draw_text(text, &style, pixel(at)).map_err(said)
    }

    pub fn rect(&self, from: (f64, f64), to: (f64, f64), fill: Rgb) -> Drawn {
        self.0.draw(&Rectangle::new([pixel(from), pixel(to)], colour(fill).filled())).map_err(said)
    }

    /// The outline of a rectangle, `width` pixels inwards.
    pub fn frame(&self, from: (f64, f64), to: (f64, f64), ink: Rgb, width: u32) -> Drawn {
        for i in 0..f64::from(width) as i32 {
            let (a, b) = (pixel(from), pixel(to));
            let corners = [(a.0 + i, a.1 + i), (b.0 - i, b.1 - i)];
            self.0.draw(&Rectangle::new(corners, colour(ink))).map_err(said)?;
        }
        Ok(())
    }

    /// A thick line is drawn as thin ones side by side: plotters' own has spikes at sharp bends, which would show
    /// equity that never was.
    pub fn line(&self, points: impl IntoIterator<Item = (f64, f64)>, ink: Rgb, width: i32) -> Drawn {
        let points: Vec<_> = points.into_iter().map(pixel).collect();
        for (dx, dy) in (0..width).flat_map(|dx| (0..width).map(move |dy| (dx - width / 2, dy - width / 2))) {
            let moved: Vec<_> = points.iter().map(|p| (p.0 + dx, p.1 + dy)).collect();
            self.0.draw(&PathElement::new(moved, colour(ink))).map_err(said)?;
        }
        Ok(())
    }

    pub fn area(&self, points: impl IntoIterator<Item = (f64, f64)>, fill: Rgb) -> Drawn {
        let points: Vec<_> = points.into_iter().map(pixel).collect();
        self.0.draw(&Polygon::new(points, colour(fill).filled())).map_err(said)
    }

    /// A ringed dot.
    pub fn ring(&self, at: (f64, f64), dot: Rgb) -> Drawn {
        for (radius, fill) in [(11, INK), (8, [255, 255, 255]), (5, dot)] {
            self.0.draw(&Circle::new(pixel(at), radius, colour(fill).filled())).map_err(said)?;
        }
        Ok(())
    }

    /// A triangle, a diamond, a dot or a cross, edged in white: 0 to 3.
    pub fn mark(&self, kind: usize, at: (f64, f64), ink: Rgb) -> Drawn {
        let moved = |by: &[(f64, f64)], grow: f64| -> Vec<(f64, f64)> {
            by.iter().map(|p| (at.0 + p.0 * grow, at.1 + p.1 * grow)).collect()
        };
        match kind {
            0 | 1 => {
                let triangle = [(0.0, -8.0), (8.0, 6.0), (-8.0, 6.0)];
                let diamond = [(0.0, -8.0), (8.0, 0.0), (0.0, 8.0), (-8.0, 0.0)];
                let outline: &[(f64, f64)] = if kind == 0 { &triangle } else { &diamond };
                self.area(moved(outline, 1.3), [255, 255, 255])?;
                self.area(moved(outline, 1.0), ink)
            }
            2 => [(8, [255, 255, 255]), (6, ink)].into_iter().try_for_each(|(radius, fill)| {
                self.0.draw(&Circle::new(pixel(at), radius, colour(fill).filled())).map_err(said)
            }),
            _ => {
                self.line(moved(&[(-6.0, -6.0), (6.0, 6.0)], 1.0), ink, 3)?;
                self.line(moved(&[(-6.0, 6.0), (6.0, -6.0)], 1.0), ink, 3)
            }
        }
    }

    /// Horizontal lines with figures on the left.
    pub fn rulers(&self, plot: &Plot, scale: &Scale, size: f64) -> Drawn {
        for tick in &scale.ticks {
            let y = plot.y(scale.place(*tick));
            let ink = if *tick == 0.0 { QUIET } else { RULER };
            self.line([(plot.left, y), (plot.right, y)], ink, 1)?;
            self.text(&scale.label(*tick), (plot.left - 10.0, y), size, QUIET, Anchor::Right)?;
        }
        Ok(())
    }

    /// Figures under the plot with short ticks.
    pub fn foot(&self, plot: &Plot, scale: &Scale, size: f64) -> Drawn {
        for tick in &scale.ticks {
            let x = plot.x(scale.place(*tick));
            self.line([(x, plot.bottom), (x, plot.bottom + 6.0)], QUIET, 1)?;
            self.text(&scale.label(*tick), (x, plot.bottom + 24.0), size, QUIET, Anchor::Middle)?;
        }
        Ok(())
    }

    /// The heading, and what the chart is about under it.
    pub fn title(&self, title: &str, under: &str) -> Drawn {
        self.text(title, (40.0, 40.0), TITLE, INK, Anchor::Left)?;
        self.text(under, (40.0, 80.0), SMALL, QUIET, Anchor::Left)
    }
}

fn colour(rgb: Rgb) -> RGBColor {
    RGBColor(rgb[0], rgb[1], rgb[2])
}

fn pixel(at: (f64, f64)) -> (i32, i32) {
    (at.0.round() as i32, at.1.round() as i32)
}

fn said<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> String {
    error.to_string()
}
