//! Time to row: the rows at equal steps of time, so that a look-up bisects the rows of one step.

/// About one entry for eight rows.
const ROWS_PER_STEP: i64 = 8;

/// Finds the row of a time without a search from the start.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Time of row 1, ns: row 0 is carried in.
    start: i64,
    /// Nanoseconds of one entry of `rows`.
    step: i64,
    /// First row with `time >= start + i * step`.
    rows: Vec<u32>,
}

impl Clock {
    /// `times` is sorted; entry 0 (carried in) is never looked up.
    pub fn new(times: &[i64]) -> Clock {
        let (start, last) = (times.get(1).copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let steps = (times.len() as i64 / ROWS_PER_STEP).max(1);
        let step = ((last - start) / steps).max(1);
        let mut rows = Vec::with_capacity(steps as usize + 2);
        let (mut row, mut at) = (1, start);
        while at <= last {
            while row < times.len() && times[row] < at {
                row += 1;
            }
            rows.push(row as u32);
            at += step;
        }
        Clock { start, step, rows }
    }

    /// First row with a time at or after `t`, row 0 aside; the number of rows when there is none.
    #[inline]
    pub fn row_at(&self, times: &[i64], t: i64) -> usize {
        if t <= self.start {
            return 1;
        }
        let place = ((t - self.start) / self.step) as usize;
        let from = self.rows.get(place).or(self.rows.last()).map_or(1, |&row| row as usize);
        let to = self.rows.get(place + 1).map_or(times.len(), |&row| row as usize);
        from + times[from..to].partition_point(|&time| time < t)
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        4 * self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_finds_its_row() {
        for times in [
            vec![0, 5],
            vec![0, 5, 5, 5],
            vec![-9, 1, 2, 3, 900, 901, 902, 902, 5_000],
            (0..500).map(|i| i * i % 7 + i * 10).collect(),
            vec![3],
        ] {
            let clock = Clock::new(&times);
            for t in -10..times[times.len() - 1] + 10 {
                let want = 1 + times[1..].iter().filter(|&&time| time < t).count();
                assert_eq!(clock.row_at(&times, t), want, "{t} in {times:?}");
            }
        }
    }
}
