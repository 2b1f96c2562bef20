//! A history that is read page by page, newest first, until what was asked for is whole.

use perpx_core::units::Time;

/// Rows of a history since a time, while their pages come in. One walk at a time: whoever asks meanwhile gets another after it,
/// since what he asks for may have happened behind the first page.
pub struct Walk<T> {
    since: Option<Time>,
    again: Option<Time>,
    rows: Vec<(Time, T)>,
}

/// What comes after a page.
pub enum After<T> {
    /// The next one, at this cursor.
    Page(String),
    /// All rows since the time, oldest first, and whether another walk is to begin.
    Whole(Vec<T>, Option<Time>),
}

impl<T> Default for Walk<T> {
    fn default() -> Walk<T> {
        Walk { since: None, again: None, rows: Vec::new() }
    }
}

impl<T> Walk<T> {
    /// Rows since `since` are wanted. True: the first page is to be asked for now.
    pub fn begin(&mut self, since: Time) -> bool {
        if self.since.is_some() {
            self.again = Some(self.again.map_or(since, |again| again.min(since)));
            return false;
        }
        self.since = Some(since);
        true
    }

    /// From when rows are wanted, while a walk is under way.
    pub fn since(&self) -> Option<Time> {
        self.since
    }

    /// No page will come.
    pub fn give_up(&mut self) {
        *self = Walk::default();
    }

    /// A page, and where the next one begins.
    pub fn page(&mut self, rows: impl IntoIterator<Item = (Time, T)>, next: Option<&str>) -> After<T> {
        let since = self.since.unwrap_or(Time::MIN);
        let before = self.rows.len();
        self.rows.extend(rows);
        let is_past = self.rows[before..].iter().map(|(at, _)| *at).min().is_none_or(|oldest| oldest < since);
        if let Some(next) = next.filter(|_| !is_past) {
            return After::Page(next.to_owned());
        }
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|(at, _)| *at >= since);
        // newest first as they came: those of one time in the order in which they happened
        rows.reverse();
        rows.sort_by_key(|(at, _)| *at);
        self.since = None;
        After::Whole(rows.into_iter().map(|(_, row)| row).collect(), self.again.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(walk: &mut Walk<i64>, times: &[i64], next: Option<&str>) -> Result<(Vec<i64>, Option<Time>), String> {
        match walk.page(times.iter().map(|at| (Time(*at), *at)), next) {
            After::Page(cursor) => Err(cursor),
            After::Whole(rows, again) => Ok((rows, again)),
        }
    }

    #[test]
    fn pages_are_asked_for_until_one_reaches_back_far_enough() {
        let mut walk = Walk::default();
        assert!(walk.begin(Time(5)));
        assert_eq!(page(&mut walk, &[9, 8], Some("a")), Err("a".to_owned()));
        assert!(!walk.begin(Time(7)) && !walk.begin(Time(6)));
        assert_eq!(page(&mut walk, &[7, 4], Some("b")), Ok((vec![7, 8, 9], Some(Time(6)))));
        // the last page there is, an empty one, and one behind which nothing is
        assert!(walk.begin(Time(1)));
        assert_eq!(page(&mut walk, &[3], None), Ok((vec![3], None)));
        assert!(walk.begin(Time(1)));
        assert_eq!(page(&mut walk, &[], Some("c")), Ok((vec![], None)));
    }
}
