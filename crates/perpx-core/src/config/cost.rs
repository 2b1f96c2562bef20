//! The round trip's fees, which the gate asks to be earned.

use super::{Config, EntryMode, Style, Unlock};
use crate::market::Role;
use crate::units::Rate;

/// Fees of opening and closing both legs, as fractions of notional (strategy.md, 1), when `first` is the leg opened first.
///
/// First leg: opened by `entry.style`. Second leg: by `locking.style`, or as taker in pair mode, where it is sold by IOC.
/// Closing: the leg that `locking.on_ub` closes goes by `unlock.style`, the other by `exit.style`; both by `unlock.style`
/// when `on_ub` closes both. A style that may take pays the taker's rate. The stop-loss and other urgent closes are not in
/// it.
pub fn cost(config: &Config, first: Role) -> Rate {
    let strategy = &config.strategy;
    let fee = |role: Role, style: Style| config.world.venues[role.ix()].fees.rate(!style.may_take());
    let second = match strategy.entry.mode {
        EntryMode::FirstLeg => strategy.locking.taking.style,
        EntryMode::Pair => Style::Taker,
    };
    let (unlock, exit) = (strategy.unlock.style, strategy.exit.taking.style);
    let (long_close, short_close) = match strategy.locking.on_ub {
        Unlock::CloseShort | Unlock::Hold => (exit, unlock),
        Unlock::CloseLong => (unlock, exit),
        Unlock::CloseBoth => (unlock, unlock),
    };
    fee(first, strategy.entry.taking.style)
        + fee(first.other(), second)
        + fee(Role::Long, long_close)
        + fee(Role::Short, short_close)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Value};

    #[test]
    fn each_leg_pays_for_its_own_style_on_its_own_venue() {
        let text = crate::EXAMPLE;
        let file = ConfigFile::parse("example.yml", text).expect("the example is legal");
        let key = |path: &str| file.key(path).expect("a known key");
        let word = |path: &str, word: &str| (key(path), Value::Text(word.to_string()));
        let num = |path: &str, text: &str| (key(path), Value::from_word(text));
        let own = [
            num("exchanges.lighter.fees.taker_bps", "1"),
            num("exchanges.lighter.fees.maker_rebate_bps", "-0.1"),
            num("exchanges.grvt.fees.taker_bps", "10"),
            num("exchanges.grvt.fees.maker_rebate_bps", "-2"),
        ];
        let total = |more: &[(crate::config::KeyIx, Value)], first: Role| {
            let over: Vec<_> = own.iter().chain(more).cloned().collect();
            cost(&file.with(&over).expect("legal"), first).0
        };
        let bp = Rate::from_bps(1).0;
        // all four may take: 1 + 10 + 1 + 10 bp
        assert_eq!(total(&[], Role::Long), 22 * bp);
        // the first leg by maker: -0.1 + 10 + 1 + 10, mirrored 1 - 2 + 1 + 10
        assert_eq!(total(&[word("entry.style", "maker")], Role::Long), 209 * bp / 10);
        assert_eq!(total(&[word("entry.style", "maker")], Role::Short), 10 * bp);
        // the lock by maker; in pair mode it is taken whatever its style
        assert_eq!(total(&[word("locking.style", "maker")], Role::Long), 10 * bp);
        assert_eq!(total(&[word("locking.style", "maker"), word("entry.mode", "pair")], Role::Long), 22 * bp);
        // the unlock by maker closes the short by default, the long when on_ub says so
        assert_eq!(total(&[word("unlock.style", "maker")], Role::Long), 10 * bp);
        let swapped = [word("unlock.style", "maker"), word("locking.on_ub", "close_long")];
        assert_eq!(total(&swapped, Role::Long), 209 * bp / 10);
    }
}
