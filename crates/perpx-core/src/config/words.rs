//! The words of every choice in a strategy file: what each stands for, and what it means to people.
//!
//! There is no second place: the table of [`super::keys`] lists these words, `resolve` reads them back by type, and the
//! key reference prints their meanings. A variant without a word does not compile.

use super::params::{
    Arm, Direction, EntryMode, FundingBasis, FundingSignal, GuardAction, Missing, OnLegLost, OnLockFailure, OnTimeout,
    OutageWhat, Sizing, Style, TimeInForce, Unlock,
};
use crate::market::{FundingPrice, SelfTrade};

/// A word that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub word: &'static str,
    /// What choosing it means, for the key reference.
    pub meaning: &'static str,
}

impl Word {
    /// This word where another key gives it another meaning.
    pub const fn means(self, meaning: &'static str) -> Word {
        Word { meaning, ..self }
    }
}

/// A choice of a strategy file.
pub trait Choice: Copy + PartialEq + 'static {
    /// In the order in which they are offered.
    const WORDS: &'static [Word];
    /// What they stand for, in the same order.
    const VALUES: &'static [Self];

    /// What a word stands for; `None`: it is none of these.
    fn of_word(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|known| known.word == word)?;
        Some(Self::VALUES[at])
    }

    /// The word that stands for this value; empty for a value that is never written.
    fn word(self) -> &'static str {
        let at = Self::VALUES.iter().position(|value| *value == self);
        at.map_or("", |at| Self::WORDS[at].word)
    }
}

/// In parentheses: variants that say that no word was written.
macro_rules! words {
    ($($type:ident { $($variant:ident $word:literal $meaning:literal;)* $(($unwritten:ident);)* })*) => {$(
        impl Choice for $type {
            const WORDS: &'static [Word] = &[$(Word { word: $word, meaning: $meaning }),*];
            const VALUES: &'static [$type] = &[$($type::$variant),*];
        }

        const _: fn($type) = |value| match value {
            $($type::$variant => (),)*
            $($type::$unwritten => (),)*
        };
    )*};
}

words! {
    Sizing {
        Fixed "fixed" "as written";
        Equity "equity" "times equity over initial capital";
    }
    Direction {
        Long "long" "bought on the long venue";
        Short "short" "sold on the short venue";
        Both "both" "whichever gate opens first";
    }
    FundingBasis {
        LongMinusShort "long_minus_short" "high when a long on the long venue pays more than the short receives";
        ShortMinusLong "short_minus_long" "what the pair would earn";
    }
    FundingSignal {
        Predicted "predicted" "the newest published for the next settlement";
        Settled "settled" "the last one paid";
        (Auto);
    }
    EntryMode {
        FirstLeg "first_leg" "one leg; the other one locks it later";
        Pair "pair" "both legs at once: S0 to S2";
    }
    Style {
        Maker "maker" "rest at the own best price until the timeout";
        Taker "taker" "take within the slippage limit";
        MakerThenTaker "maker_then_taker" "rest, then take what is left";
    }
    BandKind {
        Sigma "sigma" "band_sigma standard deviations around the mean";
        Quantile "quantile" "two quantiles of the window";
    }
    OnLockFailure {
        Rollback "rollback" "close everything";
        Retry "retry" "buy back what filled and return to S1";
        Keep "keep" "keep the matched quantity, locked";
    }
    Arm {
        Inside "inside" "once the spread was strictly between the levels";
        Level "level" "at once";
    }
    Unlock {
        CloseShort "close_short" "keep the long leg: S4";
        CloseLong "close_long" "keep the short leg: S5";
        CloseBoth "close_both" "close both legs: S0";
        Hold "hold" "nothing";
    }
    OnTimeout {
        KeepCheaper "keep_cheaper" "keep the leg whose own funding costs less";
        CloseBoth "close_both" "close both legs: S0";
    }
    TimeInForce {
        Ioc "ioc" "fill what can be filled at once, cancel the rest";
        Fok "fok" "fill all at once or nothing";
    }
    GuardAction {
        Cut "cut" "close the leg whose own funding costs more";
        CloseBoth "close_both" "close both legs: S0";
        Reduce "reduce" "halve each leg";
    }
    OnLegLost {
        Flatten "flatten" "close it";
        Keep "keep" "go on with it in S4 or S5";
    }
    Missing {
        Refuse "refuse" "no run without it";
        Zero "zero" "not known";
        CarryLast "carry_last" "the last known value";
        Mid "mid" "the mid of the venue's own quotes";
    }
    SelfTrade {
        CancelMaker "cancel_maker" "the resting one";
        CancelTaker "cancel_taker" "the arriving one";
    }
    FundingPrice {
        Mark "mark" "mark price";
        Index "index" "index price";
    }
    LiquidationKind {
        ZeroPrice "zero_price" "sold within its margin, for a fee at most";
        TakeOver "take_over" "its margin is lost";
    }
    QueueModel {
        RiskAverse "risk_averse" "by trades alone: cancels are behind us";
        Proportional "proportional" "and by cancels, in proportion to what is ahead";
        Power "power" "and by cancels, the further back the more (exponent n)";
        TradesOnly "trades_only" "by trades alone, even where less is displayed";
    }
    OutageWhat {
        Both "both" "orders and feed";
        Orders "orders" "requests vanish, nothing is answered";
        Feed "feed" "nothing is received, orders still match";
        Refuse "refuse" "orders are refused; cancels, queries and the feed live";
        Stale "stale" "the feed repeats what it said last";
        Halt "halt" "nothing is matched and nothing received; requests wait for the end";
    }
}

/// The word of [`super::Band`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandKind {
    Sigma,
    Quantile,
}

/// The word of [`crate::market::LiquidationRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiquidationKind {
    ZeroPrice,
    TakeOver,
}

/// The word of [`super::Queue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueModel {
    RiskAverse,
    Proportional,
    Power,
    TradesOnly,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{FILLS, Kind, TOP, VENUE};

    #[test]
    fn every_word_is_read_back_and_has_a_meaning() {
        for value in Style::VALUES {
            assert_eq!(Style::of_word(value.word()), Some(*value));
        }
        assert_eq!((FundingSignal::Auto.word(), Direction::of_word("up")), ("", None));
        for key in [TOP, VENUE, FILLS].concat() {
            let Kind::Choice(words) = key.kind else { continue };
            for (at, word) in words.iter().enumerate() {
                assert!(!word.word.is_empty() && !word.meaning.is_empty(), "{}: {word:?}", key.path);
                assert!(words[..at].iter().all(|other| other.word != word.word), "{}: {word:?} twice", key.path);
            }
        }
    }
}
