//! Tables and prose in a given number of columns.

/// Columns of equal width, numbers to the right, the first row the heading. A table wider than `width` is cut into blocks of
/// columns, each of which repeats the first column.
pub fn table(rows: &[Vec<String>], width: usize) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let wide = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let numbers: Vec<bool> = (0..columns).map(|c| rows.iter().skip(1).all(|row| is_number(&row[c]))).collect();
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut taken = 0;
    for c in 0..columns {
        let needed = 2 + widths[c];
        match blocks.last_mut() {
            Some(block) if taken + needed <= width => block.push(c),
            _ if c == 0 => blocks.push(vec![0]),
            // nothing but the first column stands here yet: there is no narrower way
            Some(block) if block.len() == 1 => block.push(c),
            _ => {
                blocks.push(vec![0, c]);
                taken = widths[0];
            }
        }
        taken += if c == 0 { widths[0] } else { needed };
    }
    let mut out = String::new();
    for (n, block) in blocks.iter().enumerate() {
        out += if n > 0 { "\n" } else { "" };
        for row in rows {
            let cell = |&c: &usize| match numbers[c] {
                true => format!("{:>w$}", row[c], w = widths[c]),
                false => format!("{:<w$}", row[c], w = widths[c]),
            };
            let line: Vec<String> = block.iter().map(cell).collect();
            out += line.join("  ").trim_end();
            out.push('\n');
        }
    }
    out
}

/// A number, perhaps with a sign and a unit behind it, or nothing at all. A date is none.
fn is_number(text: &str) -> bool {
    let first = text.trim_start_matches(['-', '−', '+']).split(' ').next().unwrap_or_default();
    matches!(text, "-" | "–") || first.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.')
}

/// Lines no longer than `width` where words allow it. What follows stands under the beginning of the line's text: behind a
/// bullet, behind a label that is set apart by two spaces, or under the line's own indent.
pub fn wrap(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| wrap_line(line, width)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_string();
    }
    let lead = line.chars().count() - line.trim_start().chars().count();
    let behind = |at: usize| {
        let label = line[..at].chars().count();
        label + line[at..].chars().take_while(|c| *c == ' ').count()
    };
    let indent = match (line.trim_start().starts_with("- "), line[lead..].find("  ")) {
        (true, _) => lead + 2,
        (false, Some(at)) => Some(behind(lead + at)).filter(|indent| *indent <= 16).unwrap_or(lead),
        (false, None) => lead,
    };
    let (mut out, mut column) = (String::new(), 0);
    for (n, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width && length > 0 {
            out = out.trim_end().to_string() + "\n" + &" ".repeat(indent);
            column = indent;
        } else if n > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.lines().map(|line| line.split('|').map(str::to_string).collect()).collect()
    }

    #[test]
    fn a_table_that_fits_is_one_block_with_numbers_to_the_right() {
        let rows = rows("venue|rows|from\nlighter|1,234|2026-01-05\ngrvt|–|2026-01-06");
        let text = table(&rows, 80);
        assert_eq!(text, "venue     rows  from\nlighter  1,234  2026-01-05\ngrvt         –  2026-01-06\n");
        // 26 columns are the widest line
        assert_eq!(table(&rows, 26), text);
    }

    #[test]
    fn a_table_that_does_not_fit_repeats_its_first_column() {
        let rows = rows("venue|rows|from\nlighter|1,234|2026-01-05\ngrvt|5|2026-01-06");
        let text = table(&rows, 25);
        let want = "venue     rows\nlighter  1,234\ngrvt         5\n\nvenue    from\nlighter  2026-01-05\ngrvt     2026-01-06\n";
        assert_eq!(text, want);
        // narrower than any block: still every cell, each where it belongs
        assert_eq!(table(&rows, 5), want);
        assert_eq!(table(&[], 5), "");
    }

    #[test]
    fn prose_is_broken_between_words_and_hangs_under_its_text() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("- one two three\nfour", 8), "- one\n  two\n  three\nfour");
        assert_eq!(wrap("axis     one two", 13), "axis     one\n         two");
        assert_eq!(wrap("  one two", 6), "  one\n  two");
        assert_eq!(wrap("incomprehensibilities of", 6), "incomprehensibilities\nof");
        assert_eq!(wrap("as it is", usize::MAX), "as it is");
    }
}
