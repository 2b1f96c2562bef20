//! Where the money came from, added up again: each trade's lines on each venue against the entries that made them.
//!
//! Slippage, fees, rebates, funding, liquidation and transfer follow from an entry each. What the market did (price, spread
//! and legging together) is the quantity held between two entries of a venue times the move of its mid, and the quantity of
//! a fill times the move between its match and our hearing of it. Where a trade begins
//! and ends flat on a venue, all its lines are the change of that venue's cash, which leaves rounding no room.

use super::entry::{Entry, Kind, LINES};
use std::collections::BTreeMap;

/// Places in [`LINES`].
const PRICE: usize = 0;
const LEGGING: usize = 2;
const SLIPPAGE: usize = 3;
const FEES: usize = 4;
const REBATES: usize = 5;
const FUNDING: usize = 6;
const LIQUIDATION: usize = 7;
const TRANSFER: usize = 8;

/// 1e-12 to 1e-19.
const CASH: i128 = 10_000_000;

/// What the entries of one trade on one venue come to, 1e-19.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Those that follow from single entries, from slippage to transfer.
    lines: [i128; LINES.len()],
    /// What the mids' moves made of the position between entries.
    market: i128,
    /// What the entries changed the balance by.
    cash: i128,
    /// The leg was open when the trade began, or after its last entry.
    ragged: bool,
}

/// The newest entry of a venue.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// The trade that it belongs to.
    trade: u32,
    /// 1e-10.
    mid: i128,
}

/// Position (1e-9) and cash (1e-12) of an account.
pub type Stand = (i128, i128);

/// The sums of one run, by role and trade.
#[derive(Debug, Default)]
pub struct Money {
    /// By role and trade.
    sums: BTreeMap<(String, u32), Sums>,
    /// By role.
    last: BTreeMap<String, Last>,
}

impl Money {
    /// An entry that led from one stand of its venue's account to another.
    pub fn book(&mut self, entry: &Entry, before: Stand, after: Stand) {
        let sums = self.sums.entry((entry.role.clone(), entry.trade)).or_default();
        let lines = &mut sums.lines;
        // the quantity that was held ran with the mid up to here; a transfer tells no mid
        let away = |mid: i128, sign: i128| (mid - 10 * entry.price) * entry.qty * sign;
        match entry.kind {
            Kind::Fill => {
                let sign = if entry.side == "buy" { 1 } else { -1 };
                lines[SLIPPAGE] += away(entry.met, sign);
                // it ran from its match on
                sums.market += (entry.mid - entry.met) * entry.qty * sign;
                lines[if entry.fee > 0 { REBATES } else { FEES }] += entry.fee * CASH;
            }
            Kind::Funding => lines[FUNDING] += entry.amount * CASH,
            Kind::Transfer => lines[TRANSFER] += entry.fee * CASH,
            _ => {
                let closing = if entry.role == "long" { -1 } else { 1 };
                lines[LIQUIDATION] += away(entry.mid, closing) + (entry.fee - entry.lost) * CASH;
            }
        }
        let moved = if entry.kind == Kind::Transfer { entry.amount } else { 0 };
        sums.cash += (after.1 - before.1 - moved) * CASH;
        if entry.kind == Kind::Transfer {
            return;
        }
        let signed = if entry.role == "long" { before.0 } else { -before.0 };
        if let Some(last) = self.last.get(&entry.role) {
            sums.market += signed * (entry.mid - last.mid);
            if last.trade != entry.trade && before.0 != 0 {
                // between the two lies a moment whose mid is not written down
                sums.ragged = true;
                let other = (entry.role.clone(), last.trade);
                self.sums.entry(other).or_default().ragged = true;
            }
        }
        self.last.insert(entry.role.clone(), Last { trade: entry.trade, mid: entry.mid });
    }

    /// Holds the `money` rows of the run against the sums; `legging`: what each trade's episodes cost. Returns the run's
    /// lines.
    pub fn check(&self, rows: &[&Entry], legging: &BTreeMap<u32, i128>) -> Result<[i128; LINES.len()], (u32, String)> {
        let mut all = [0; LINES.len()];
        let mut by_role: BTreeMap<&str, [i128; 2]> = BTreeMap::new();
        let mut legged: BTreeMap<u32, i128> = legging.clone();
        let mut written: BTreeMap<(String, u32), u32> = BTreeMap::new();
        for row in rows {
            let trade = row.trade;
            let wrong = |what: String| Err((row.seq, format!("trade {trade}, {} leg: {what}", row.role)));
            if written.insert((row.role.clone(), trade), row.seq).is_some() {
                return wrong("its money stands there twice".to_string());
            }
            let total: i128 = row.lines.iter().sum();
            if total != row.pnl {
                return wrong(format!("its lines add up to {total} (1e-19), its pnl is {}", row.pnl));
            }
            let sums = self.sums.get(&(row.role.clone(), trade)).copied().unwrap_or_default();
            let followed =
                LINES.iter().zip(row.lines.iter().zip(sums.lines)).skip(SLIPPAGE).take(TRANSFER + 1 - SLIPPAGE);
            for (name, (said, is)) in followed {
                if *said != is {
                    return wrong(format!("{name} is {said} (1e-19), its entries add up to {is}"));
                }
            }
            let market: i128 = row.lines[PRICE..=LEGGING].iter().sum();
            if trade > 0 && !sums.ragged && (market, total) != (sums.market, sums.cash) {
                return wrong(format!(
                    "price, spread and legging are {market}, of {total} in all (1e-19); its mids say {}, its cash {}",
                    sums.market, sums.cash
                ));
            }
            all.iter_mut().zip(row.lines).for_each(|(all, line)| *all += line);
            let role = by_role.entry(&row.role).or_default();
            (role[0], role[1]) = (role[0] + market, role[1] + total);
            *legged.entry(trade).or_default() += row.lines[LEGGING];
        }
        let last = rows.last().map_or(0, |row| row.seq);
        if let Some((role, trade)) = self.sums.keys().find(|key| !written.contains_key(key)) {
            return Err((last, format!("trade {trade}, {role} leg: it has entries, and its money is not written")));
        }
        for (role, [market, total]) in by_role {
            let of_role = || self.sums.iter().filter(|((of, _), _)| of == role).map(|(_, sums)| sums);
            let (moved, cash): (i128, i128) = (of_role().map(|s| s.market).sum(), of_role().map(|s| s.cash).sum());
            if (market, total) != (moved, cash) {
                return Err((
                    last,
                    format!(
                        "{role} leg: all price, spread and legging are {market}, all money is {total} (1e-19); the mids \
                         say {moved}, the cash {cash}"
                    ),
                ));
            }
        }
        match legged.iter().find(|(_, left)| **left != 0) {
            Some((trade, left)) => {
                let cost = legging.get(trade).copied().unwrap_or(0);
                let what = format!(
                    "trade {trade}: legging.parquet says that legging cost {cost} (1e-19), its line says {}",
                    cost - left
                );
                Err((last, what))
            }
            None => Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A coin of 1e-9 bought at 100 with the mid at 101, heard of at 102, sold at 103 with the mid at 105, heard of at 106;
    /// fees 2 and 3 (1e-12).
    fn run() -> (Money, Vec<Entry>) {
        let fill = |side: &str, price: i128, mid: i128, fee: i128| Entry {
            kind: Kind::Fill,
            trade: 1,
            role: "long".into(),
            side: side.into(),
            price,
            mid: 10 * (mid + 1),
            met: 10 * mid,
            qty: 1,
            fee,
            ..Entry::default()
        };
        let mut money = Money::default();
        // the gain of 3e-18 is below the grid, and lost
        money.book(&fill("buy", 100, 101, -2), (0, 0), (1, -2));
        money.book(&fill("sell", 103, 105, -3), (1, -2), (0, -5));
        let row = |role: &str, trade, lines: [i128; 10]| Entry {
            kind: Kind::Money,
            trade,
            role: role.into(),
            lines,
            pnl: lines.iter().sum(),
            ..Entry::default()
        };
        let lines = [30, 0, 10, 10 - 20, -5 * CASH, 0, 0, 0, 0, -30];
        (money, vec![row("long", 1, lines), row("short", 1, [0; 10]), row("long", 0, [0; 10])])
    }

    fn check(money: &Money, rows: &[Entry], cost: i128) -> Result<[i128; 10], (u32, String)> {
        money.check(&rows.iter().collect::<Vec<_>>(), &BTreeMap::from([(1, cost)]))
    }

    #[test]
    fn a_trade_by_hand() {
        let (money, rows) = run();
        assert_eq!(check(&money, &rows, -10), Ok(rows[0].lines));
    }

    #[test]
    fn a_line_that_is_dropped_or_counted_twice_is_found() {
        let (money, rows) = run();
        for line in [0, 2, 3, 4, 9] {
            for times in [0, 2] {
                let mut rows = rows.clone();
                rows[0].lines[line] *= times;
                assert!(check(&money, &rows, -10).is_err(), "{} without its sum", LINES[line]);
                rows[0].pnl = rows[0].lines.iter().sum();
                assert!(check(&money, &rows, -10).is_err(), "{} {times} times", LINES[line]);
            }
        }
        assert!(check(&money, &rows[1..], -10).is_err(), "the trade's money is not written");
        assert!(check(&money, &rows, 0).is_err(), "an episode is missing");
        let twice: Vec<Entry> = rows.iter().chain(&rows[1..2]).cloned().collect();
        assert!(check(&money, &twice, -10).is_err(), "a row twice");
        let mut moved = rows;
        // from one trade to outside: each sum of the run stays as it was
        (moved[2].lines, moved[2].pnl) = (moved[0].lines, moved[0].pnl);
        (moved[0].lines, moved[0].pnl) = ([0; 10], 0);
        assert!(check(&money, &moved, 0).is_err(), "the money of another trade");
    }
}
