//! Colours. Orange against blue where a metric has a sign, dark blue to yellow where it has none: both can be told apart
//! with any common colour blindness and on a grey print. Mixed in OKLab (B. Ottosson, "A perceptual color space for
//! image processing", 2020), so that equal steps look equal.

use std::fmt::Write;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Steps of each scale; the middle one of the signed scale is zero.
pub const STEPS: usize = 21;

/// Colours of curves, winner first (after M. Okabe and K. Ito's set for all colour vision).
pub const CURVES: [Rgb; 8] = [
    [0, 90, 156],
    [213, 94, 0],
    [0, 140, 102],
    [184, 96, 150],
    [200, 130, 0],
    [66, 150, 200],
    [90, 90, 90],
    [140, 110, 60],
];
/// The same on a dark ground.
const CURVES_DARK: [Rgb; 8] = [
    [110, 180, 255],
    [255, 140, 70],
    [60, 200, 150],
    [226, 150, 200],
    [240, 190, 60],
    [140, 205, 240],
    [175, 175, 175],
    [200, 170, 120],
];
/// S0 to S5.
pub const STATES: [Rgb; 6] =
    [[205, 208, 214], [86, 180, 233], [230, 159, 0], [0, 90, 156], [0, 158, 115], [190, 100, 155]];

pub const GAIN: Rgb = [0, 90, 156];
pub const LOSS: Rgb = [196, 78, 0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ramp {
    /// Orange under zero, blue over it.
    Signed,
    /// Dark blue to yellow.
    Plain,
}

const SIGNED: [Rgb; 5] = [[134, 56, 0], [235, 152, 78], [245, 243, 238], [112, 168, 220], [10, 58, 122]];
const SIGNED_DARK: [Rgb; 5] = [[255, 170, 90], [176, 92, 28], [44, 47, 54], [44, 104, 168], [120, 190, 255]];
const PLAIN: [Rgb; 5] = [[20, 28, 84], [38, 92, 142], [54, 148, 140], [138, 196, 88], [250, 228, 60]];

/// The colour of `step` (0 to `STEPS - 1`) on a light ground or a dark one.
pub fn shade(ramp: Ramp, step: usize, dark: bool) -> Rgb {
    let stops = match (ramp, dark) {
        (Ramp::Signed, false) => &SIGNED,
        (Ramp::Signed, true) => &SIGNED_DARK,
        (Ramp::Plain, _) => &PLAIN,
    };
    let place = step.min(STEPS - 1) as f64 / (STEPS - 1) as f64 * (stops.len() - 1) as f64;
    let left = (place.floor() as usize).min(stops.len() - 2);
    mix(stops[left], stops[left + 1], place - left as f64)
}

/// Black or white, whichever reads better on `ground`.
pub fn ink(ground: Rgb) -> Rgb {
    let light = |c: u8| linear(c);
    let luminance = 0.2126 * light(ground[0]) + 0.7152 * light(ground[1]) + 0.0722 * light(ground[2]);
    if luminance > 0.179 { [0, 0, 0] } else { [255, 255, 255] }
}

pub fn hex(rgb: Rgb) -> String {
    format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2])
}

/// Style rules of a theme: `.s0`.. (signed) and `.p0`.. (plain) with ground and ink, `--c1`.. for curves, `--s0`.. for
/// states, `--gain` and `--loss`.
pub fn rules(scope: &str, dark: bool) -> String {
    let mut out = format!("{scope}{{");
    let curves = if dark { &CURVES_DARK } else { &CURVES };
    for (i, rgb) in curves.iter().enumerate() {
        let _ = write!(out, "--c{}:{};", i + 1, hex(*rgb));
    }
    for (i, rgb) in STATES.iter().enumerate() {
        let shown = if dark && i == 0 { [74, 78, 88] } else { *rgb };
        let _ = write!(out, "--s{i}:{};", hex(shown));
    }
    let (gain, loss) = if dark { (CURVES_DARK[0], CURVES_DARK[1]) } else { (GAIN, LOSS) };
    let _ = writeln!(out, "--gain:{};--loss:{}}}", hex(gain), hex(loss));
    for (letter, ramp) in [('s', Ramp::Signed), ('p', Ramp::Plain)] {
        for step in 0..STEPS {
            let ground = shade(ramp, step, dark);
            let _ =
                write!(out, "{scope} .{letter}{step}{{background-color:{};color:{}}}", hex(ground), hex(ink(ground)));
        }
        out.push('\n');
    }
    out
}

fn linear(c: u8) -> f64 {
    let c = f64::from(c) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { libm::pow((c + 0.055) / 1.055, 2.4) }
}

fn gamma(c: f64) -> u8 {
    let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * libm::pow(c, 1.0 / 2.4) - 0.055 };
    (c.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn mix(a: Rgb, b: Rgb, part: f64) -> Rgb {
    let (a, b) = (to_lab(a), to_lab(b));
    from_lab([0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * part))
}

fn to_lab(rgb: Rgb) -> [f64; 3] {
    let [r, g, b] = rgb.map(linear);
    let l = libm::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    let m = libm::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    let s = libm::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]
}

fn from_lab([l, a, b]: [f64; 3]) -> Rgb {
    let cube = |x: f64| x * x * x;
    let long = cube(l + 0.3963377774 * a + 0.2158037573 * b);
    let medium = cube(l - 0.1055613458 * a - 0.0638541728 * b);
    let short = cube(l - 0.0894841775 * a - 1.2914855480 * b);
    [
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    ]
    .map(gamma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_are_the_stops() {
        assert_eq!(shade(Ramp::Signed, 0, false), SIGNED[0]);
        assert_eq!(shade(Ramp::Signed, STEPS / 2, false), SIGNED[2]);
        assert_eq!(shade(Ramp::Plain, STEPS - 1, true), PLAIN[4]);
        assert_eq!(hex([0, 90, 156]), "#005a9c");
    }

    #[test]
    fn every_ground_has_readable_ink() {
        let luminance = |rgb: Rgb| 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
        for (ramp, dark) in [(Ramp::Signed, false), (Ramp::Signed, true), (Ramp::Plain, false)] {
            for step in 0..STEPS {
                let ground = shade(ramp, step, dark);
                let (a, b) = (luminance(ground), luminance(ink(ground)));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{ramp:?} {step} {ground:?}: {contrast:.1}");
            }
        }
    }
}
