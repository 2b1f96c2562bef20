//! A chart as shapes over two axes, for the page and for pictures alike.

use super::scale::Scale;

/// Across, places are 0 to 1; up, values are those of `scale`.
pub struct Chart {
    /// What it shows, in a few words.
    pub title: String,
    /// Name of its picture.
    pub file: &'static str,
    /// Over the figures on the left.
    pub unit: String,
    /// Under the plot.
    pub across: String,
    pub scale: Scale,
    /// Words under the plot, by place.
    pub ticks: Vec<(f64, String)>,
    /// Drawn in this order.
    pub shapes: Vec<ChartShape>,
    /// What lines of the first colour, of the second, .. are.
    pub legend: Vec<String>,
}

impl Chart {
    /// Places of its upright lines.
    pub fn marks(&self) -> impl Iterator<Item = f64> {
        self.shapes.iter().filter_map(|shape| match shape {
            ChartShape::Mark { at, .. } => Some(*at),
            _ => None,
        })
    }
}

pub enum ChartShape {
    /// Over all the height, behind what comes later.
    Shade { from: f64, to: f64 },
    /// From zero to `value`, and what it says when pointed at.
    Bar { from: f64, to: f64, value: f64, note: String },
    /// A standard error both ways.
    Whisker { at: f64, low: f64, high: f64 },
    /// Broken where a value is missing.
    Line { points: Vec<(f64, Option<f64>)>, tone: usize },
    /// A dot with a word beside it, ringed where there is one, and what it says when pointed at.
    Dot { at: f64, value: f64, word: String, note: String },
    /// An upright line over all the height with a word beside it, so many lines down.
    Mark { at: f64, word: String, line: usize },
}

/// Bars side by side, of equal width, each with one standard error where there is one: label, value, error, note.
pub fn bars(of: Vec<(String, f64, f64, String)>) -> (Scale, Vec<(f64, String)>, Vec<ChartShape>) {
    let known = |error: f64| if error.is_finite() { error } else { 0.0 };
    let ends = of.iter().flat_map(|(_, value, error, _)| [value - known(*error), value + known(*error)]);
    let scale = Scale::over(ends.chain([0.0]), 4);
    let width = 1.0 / of.len().max(1) as f64;
    let (mut ticks, mut shapes) = (Vec::new(), Vec::new());
    for (i, (label, value, error, note)) in of.into_iter().enumerate() {
        let (from, at) = (width * i as f64, width * (i as f64 + 0.5));
        ticks.push((at, label));
        shapes.push(ChartShape::Bar { from: from + 0.12 * width, to: from + 0.88 * width, value, note });
        if error.is_finite() {
            shapes.push(ChartShape::Whisker { at, low: value - error, high: value + error });
        }
    }
    (scale, ticks, shapes)
}

/// Where a word of this width has room beside an upright line at `x`: to the right, unless another line stands so close there that
/// the word might be its own, or the plot ends.
pub fn is_right(x: f64, width: f64, others: impl IntoIterator<Item = f64>, end: f64) -> bool {
    x + width <= end && others.into_iter().all(|other| other <= x || other > x + 1.6 * width)
}

/// As many of the ticks as have room, at `letter` a letter over `width`.
pub fn fitting(ticks: &[(f64, String)], width: f64, letter: f64) -> impl Iterator<Item = &(f64, String)> {
    let longest = ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1) as f64;
    let every = ((longest * letter + letter) * ticks.len() as f64 / width).ceil().max(1.0) as usize;
    ticks.iter().step_by(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_side_by_side_with_their_errors() {
        let (scale, ticks, shapes) =
            bars(vec![("a".to_owned(), 3.0, 1.0, String::new()), ("b".to_owned(), -2.0, f64::NAN, String::new())]);
        assert_eq!((scale.lo, scale.hi), (-2.0, 4.0));
        assert_eq!(ticks.iter().map(|tick| tick.0).collect::<Vec<_>>(), [0.25, 0.75]);
        assert_eq!(shapes.len(), 3, "two bars, and an error of one of them");
        assert!(matches!(shapes[1], ChartShape::Whisker { at: 0.25, low: 2.0, high: 4.0 }));
        let many: Vec<(f64, String)> = (0..24).map(|i| (i as f64 / 24.0, format!("{i:02}"))).collect();
        assert_eq!(fitting(&many, 240.0, 7.0).count(), 8);
        assert_eq!(fitting(&many, 1_000.0, 7.0).count(), 24);
    }

    #[test]
    fn a_word_stands_on_the_side_of_its_own_line() {
        assert!(is_right(10.0, 50.0, [10.0, 200.0], 300.0));
        assert!(!is_right(10.0, 50.0, [10.0, 80.0], 300.0), "another line is as near to it");
        assert!(is_right(80.0, 50.0, [10.0, 80.0], 300.0), "what lies before does not matter");
        assert!(!is_right(280.0, 50.0, [280.0], 300.0), "the plot ends");
    }
}
