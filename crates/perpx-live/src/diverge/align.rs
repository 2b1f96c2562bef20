//! What was done and what the sweep's replay would have done, side by side: a trade that one of them lacks does not shift the rest.

/// Longer tables are halved first.
const MOST_CELLS: usize = 16 << 20;

/// A place in the first list, one in the second, or both where they are the same.
pub type Pair = (Option<usize>, Option<usize>);

/// Aligns two lists by their longest common subsequence; of lists that are too long for one table by those of their halves, which
/// are cut where `is_before` has them: of the places of both lists, whether the first one comes first.
pub fn align<K: PartialEq>(here: &[K], there: &[K], is_before: &dyn Fn(usize, usize) -> bool) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(here.len().max(there.len()));
    halved((here, 0), (there, 0), is_before, &mut pairs);
    pairs
}

fn halved<K: PartialEq>(
    (here, h): (&[K], usize),
    (there, t): (&[K], usize),
    is_before: &dyn Fn(usize, usize) -> bool,
    pairs: &mut Vec<Pair>,
) {
    let half = here.len() / 2;
    if half == 0 || here.len().saturating_mul(there.len()) <= MOST_CELLS {
        return common((here, h), (there, t), pairs);
    }
    let places: Vec<usize> = (0..there.len()).collect();
    let cut = places.partition_point(|place| !is_before(h + half, t + place));
    let ((first, second), (early, late)) = (here.split_at(half), there.split_at(cut));
    halved((first, h), (early, t), is_before, pairs);
    halved((second, h + half), (late, t + cut), is_before, pairs);
}

fn common<K: PartialEq>((here, h): (&[K], usize), (there, t): (&[K], usize), pairs: &mut Vec<Pair>) {
    let (rows, columns) = (here.len(), there.len());
    let width = columns + 1;
    // of what follows each place of both: how long the longest common subsequence is
    let mut longest = vec![0u32; (rows + 1) * width];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row * width + column] = match here[row] == there[column] {
                true => longest[(row + 1) * width + column + 1] + 1,
                false => longest[(row + 1) * width + column].max(longest[row * width + column + 1]),
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        if row < rows && column < columns && here[row] == there[column] {
            pairs.push((Some(h + row), Some(t + column)));
            (row, column) = (row + 1, column + 1);
        } else if column == columns
            || row < rows && longest[(row + 1) * width + column] >= longest[row * width + column + 1]
        {
            pairs.push((Some(h + row), None));
            row += 1;
        } else {
            pairs.push((None, Some(t + column)));
            column += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(here: &str, there: &str) -> String {
        let (a, b): (Vec<char>, Vec<char>) = (here.chars().collect(), there.chars().collect());
        let pair = |(h, t): Pair| match (h, t) {
            (Some(h), Some(_)) => a[h].to_string(),
            (Some(h), None) => format!("-{}", a[h]),
            (None, t) => t.map_or(String::new(), |t| format!("+{}", b[t])),
        };
        align(&a, &b, &|h, t| h < t).into_iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_missing_trade_does_not_shift_the_rest() {
        assert_eq!(text("abcdef", "abef"), "a b -c -d e f");
        assert_eq!(text("abef", "abcdef"), "a b +c +d e f");
        assert_eq!(text("abc", "xbc"), "-a +x b c");
        assert_eq!(text("", "a"), "+a");
        assert_eq!(text("", ""), "");
    }

    proptest! {
        /// Every place of both lists stands once, in order, and what is paired is the same.
        #[test]
        fn nothing_is_lost(here in "[abc]{0,40}", there in "[abc]{0,40}") {
            let (a, b): (Vec<char>, Vec<char>) = (here.chars().collect(), there.chars().collect());
            let pairs = align(&a, &b, &|h, t| h < t);
            prop_assert!(pairs.iter().filter_map(|pair| pair.0).eq(0..a.len()));
            prop_assert!(pairs.iter().filter_map(|pair| pair.1).eq(0..b.len()));
            prop_assert!(pairs.iter().all(|pair| !matches!(pair, (Some(h), Some(t)) if a[*h] != b[*t])));
        }
    }

    #[test]
    fn long_lists_are_halved() {
        let long: Vec<u32> = (0..6_000).collect();
        let pairs = align(&long, &long, &|h, t| h < t);
        // what is cut apart at the middle is the same on both sides but for the place of the cut
        let paired = pairs.iter().filter(|pair| pair.0.is_some() && pair.0 == pair.1).count();
        assert!(paired >= 5_990, "{paired}");
    }
}
