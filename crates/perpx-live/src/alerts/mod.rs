//! What is said to people elsewhere: what happened, and what goes wrong for as long as it does. One message for each rule and subject,
//! again every quarter of an hour while it lasts, and one when it is over.
//!
//! | file | noun |
//! | --- | --- |
//! | `rules` | what goes wrong, as a snapshot shows it |
//! | `channel` | a webhook: what it takes, and how often it is tried |

pub mod channel;
pub mod rules;

use crate::monitor::shared::Notice;
use crate::monitor::snapshot::{Identity, Level, Trouble};
use perpx_core::units::{MINUTE, Time, TimeDelta};
use std::collections::BTreeMap;

/// What lasts is said again after so long.
const AGAIN: TimeDelta = MINUTE.times(15);

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Of the wall.
    pub wall: Time,
    /// Which rule says it.
    pub rule: &'static str,
    /// Whose it is.
    pub subject: String,
    /// How grave it is.
    pub level: Level,
    /// In words.
    pub words: String,
    /// It is over.
    pub is_resolved: bool,
}

impl From<&Notice> for Message {
    fn from(notice: &Notice) -> Message {
        let Notice { wall, rule, subject, level, words, .. } = notice.clone();
        Message { wall, rule, subject, level, words, is_resolved: false }
    }
}

/// Something that goes wrong, and was said.
#[derive(Clone, Debug)]
struct Raised {
    level: Level,
    since: Time,
    /// The last time.
    said: Time,
    words: String,
}

/// What goes wrong now.
#[derive(Debug, Default)]
pub struct Standing(BTreeMap<(&'static str, String), Raised>);

impl Standing {
    /// What goes wrong as of now; what is to be said of it. The second of each: it is raised by this, and not said again.
    pub fn look(&mut self, troubles: Vec<Trouble>, now: Time) -> Vec<(Message, bool)> {
        let mut said = Vec::new();
        let mut before = std::mem::take(&mut self.0);
        for Trouble { rule, subject, level, words } in troubles {
            let key = (rule, subject.clone());
            let old = before.remove(&key);
            // what becomes graver is said at once
            let is_due = old.as_ref().is_none_or(|old| level > old.level || now.since(old.said) >= AGAIN);
            if is_due {
                let message = Message { wall: now, rule, subject, level, words: words.clone(), is_resolved: false };
                said.push((message, old.is_none()));
            }
            let (since, last) = old.map_or((now, now), |old| (old.since, if is_due { now } else { old.said }));
            self.0.insert(key, Raised { level, since, said: last, words });
        }
        for ((rule, subject), Raised { level, words, .. }) in before {
            said.push((Message { wall: now, rule, subject, level, words, is_resolved: true }, false));
        }
        said
    }

    /// All of it, the gravest first: since when, what.
    pub fn shown(&self) -> Vec<(Time, Trouble)> {
        let trouble = |((rule, subject), raised): (&(&'static str, String), &Raised)| {
            let Raised { level, since, words, .. } = raised.clone();
            (since, Trouble { rule, subject: subject.clone(), level, words })
        };
        let mut shown: Vec<(Time, Trouble)> = self.0.iter().map(trouble).collect();
        shown.sort_by_key(|(_, trouble)| std::cmp::Reverse(trouble.level));
        shown
    }
}

/// A moment as machines read it.
pub fn stamp(at: Time) -> String {
    format!("{}Z", at.to_milli().replace(' ', "T"))
}

/// Words with the numbers of accounts cut to their last four digits: they leave the machine.
pub fn masked(words: &str, identity: &Identity) -> String {
    let mut words = words.to_owned();
    for account in &identity.accounts {
        if let Some(last) = account.len().checked_sub(4).filter(|cut| *cut > 0).and_then(|cut| account.get(cut..)) {
            words = words.replace(account.as_str(), &format!("…{last}"));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::SECOND;

    fn trouble(level: Level) -> Trouble {
        Trouble { rule: "feed", subject: "grvt market".to_owned(), level, words: "silent".to_owned() }
    }

    /// Once, again after a quarter of an hour, at once when it becomes graver, and once when it is over.
    #[test]
    fn what_lasts_is_not_said_over_and_over() {
        let (mut standing, begun) = (Standing::default(), Time::at(1_000 * SECOND));
        let (mut said, mut raised) = (Vec::new(), 0);
        for second in 0..4_000 {
            let troubles = match second {
                0..2_000 => vec![trouble(Level::Warning)],
                2_000..2_100 => vec![trouble(Level::Critical)],
                _ => Vec::new(),
            };
            for (message, is_new) in standing.look(troubles, begun.plus(second * SECOND)) {
                raised += i32::from(is_new);
                said.push((second, message.level, message.is_resolved));
            }
        }
        let (warning, critical) = (Level::Warning, Level::Critical);
        assert_eq!(
            said,
            [
                (0, warning, false),
                (900, warning, false),
                (1_800, warning, false),
                (2_000, critical, false),
                (2_100, critical, true)
            ]
        );
        assert_eq!((raised, standing.shown().len()), (1, 0));
    }

    #[test]
    fn two_subjects_of_a_rule_are_two() {
        let mut standing = Standing::default();
        let of = |subject: &str| Trouble { subject: subject.to_owned(), ..trouble(Level::Warning) };
        assert_eq!(standing.look(vec![of("a"), of("b")], Time(0)).len(), 2);
        assert_eq!(standing.look(vec![of("b")], Time(1)).len(), 1);
        assert_eq!(standing.shown()[0].1.subject, "b");
    }

    #[test]
    fn account_numbers_stay_at_home() {
        let identity = Identity { accounts: ["7".to_owned(), "8289849667772468".to_owned()], ..Identity::default() };
        assert_eq!(masked("account 8289849667772468 of 7", &identity), "account …2468 of 7");
    }
}
