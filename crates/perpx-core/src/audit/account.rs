//! One venue's account as the auditor keeps it: cash, one position, its exact cost.

use super::entry::{Entry, Kind, Settled};

/// A fraction of 1, and quote money in 1e-12.
const ONE: i128 = 1_000_000_000_000;

/// A venue's account, added up anew from what was written down.
#[derive(Clone, Debug)]
pub struct Account {
    /// 1e-12.
    pub cash: i128,
    /// 1e-9, not negative.
    pub qty: i128,
    /// 1e-18, of what is held.
    cost: i128,
    /// Opens by buying.
    long: bool,
    /// The step of the venue's money, 1e-12.
    grid: i128,
    /// 1e-12, by maker 1 and taker 0.
    rates: [i128; 2],
    /// (venue time, position after it).
    history: Vec<(i64, i128)>,
    /// (settlement time, rate) of the payments that were booked.
    paid: Vec<(i64, i128)>,
}

/// `value` (1e-18) as money of 1e-12, down to a multiple of `grid`.
fn money(value: i128, grid: i128) -> i128 {
    value.div_euclid(1_000_000 * grid) * grid
}

/// `value` times `rate` (1e-12), down to 1e-18; in two steps so that nothing overflows.
fn times(value: i128, rate: i128) -> i128 {
    value.div_euclid(ONE) * rate + (value.rem_euclid(ONE) * rate).div_euclid(ONE)
}

impl Account {
    /// The account as its `capital` entry says: opening balance, money step, fee rates, the side that opens.
    pub fn new(capital: &Entry) -> Account {
        Account {
            cash: capital.amount,
            qty: 0,
            cost: 0,
            long: capital.role == "long",
            grid: capital.grid,
            rates: [capital.taker_rate, capital.maker_rate],
            history: Vec::new(),
            paid: Vec::new(),
        }
    }

    /// Books the next entry, in the order of the file; the error says what about it does not add up.
    pub fn book(&mut self, entry: &Entry) -> Result<(), String> {
        match entry.kind {
            Kind::Fill => self.fill(entry)?,
            Kind::Funding => self.funding(entry)?,
            Kind::Transfer => self.cash += entry.amount + entry.fee,
            _ => self.liquidated(entry)?,
        }
        self.history.push((entry.venue_time, self.qty));
        Ok(())
    }

    /// Value times rate, rounded once, is the fee; an opening fill adds to the position, a closing one realises its share.
    fn fill(&mut self, entry: &Entry) -> Result<(), String> {
        let value = entry.price * entry.qty;
        let fee = money(times(-value, self.rates[usize::from(entry.maker)]), self.grid);
        if fee != entry.fee {
            return Err(format!("a fee of {} (1e-12) where value times rate, rounded, is {fee}", entry.fee));
        }
        if (entry.side == "buy") == self.long {
            self.qty += entry.qty;
            self.cost += value;
        } else {
            self.close(entry)?;
        }
        self.cash += fee;
        Ok(())
    }

    /// Realises the share of the cost that the closed quantity takes with it; nobody closes more than is held.
    fn close(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.qty > self.qty {
            return Err(format!("closes {} of a position of {} (1e-9)", entry.qty, self.qty));
        }
        // the share of the cost, floored; in two steps so that nothing overflows
        let share = self.cost / self.qty * entry.qty + self.cost % self.qty * entry.qty / self.qty;
        let value = entry.price * entry.qty;
        let gain = if self.long { value - share } else { share - value };
        self.cash += money(gain, self.grid);
        self.cost -= share;
        self.qty -= entry.qty;
        Ok(())
    }

    /// Position times price times rate, rounded once, is the amount: a long pays a positive rate.
    fn funding(&mut self, entry: &Entry) -> Result<(), String> {
        let signed = if self.long { self.qty } else { -self.qty };
        let amount = money(times(-signed * entry.price, entry.rate), self.grid);
        if amount != entry.amount {
            return Err(format!("a funding amount of {} (1e-12) where it is {amount}", entry.amount));
        }
        self.cash += amount;
        self.paid.push((entry.venue_time, entry.rate));
        Ok(())
    }

    /// A liquidation costs its fee and what is lost beyond the price; how much is the venue's rule, not the auditor's.
    fn liquidated(&mut self, entry: &Entry) -> Result<(), String> {
        self.close(entry)?;
        self.cash += entry.fee - entry.lost;
        Ok(())
    }

    /// Every settlement inside `span` that met a position was paid, once, at the rate that the store holds.
    pub fn check_funding(&self, settled: &[Settled], span: (i64, i64)) -> Result<(), String> {
        let held_before = |t: i64| {
            let booked = self.history.partition_point(|(time, _)| *time <= t);
            // passive fills by rows of the settlement's own time count, arrivals at it do not: both are legal here
            let strictly = self.history.partition_point(|(time, _)| *time < t);
            let qty = |n: usize| n.checked_sub(1).map_or(0, |at| self.history[at].1);
            (qty(strictly), qty(booked))
        };
        for row in settled.iter().filter(|row| row.ts >= span.0 && row.ts < span.1) {
            let paid: Vec<i128> = self.paid.iter().filter(|(ts, _)| *ts == row.ts).map(|(_, rate)| *rate).collect();
            match (paid.as_slice(), held_before(row.ts)) {
                ([], (0, _) | (_, 0)) => {}
                ([], (held, _)) => {
                    return Err(format!("the settlement at {} ns met {held} (1e-9) and is missing", row.ts));
                }
                ([rate], _) if *rate == row.rate => {}
                (rates, _) => {
                    return Err(format!(
                        "the settlement at {} ns is {} (1e-12), booked at {rates:?}",
                        row.ts, row.rate
                    ));
                }
            }
        }
        let known = |ts: &i64| settled.iter().any(|row| row.ts == *ts);
        match self.paid.iter().find(|(ts, _)| !settled.is_empty() && !known(ts)) {
            Some((ts, _)) => Err(format!("a payment at {ts} ns has no settlement in the store")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Kind, side: &str, price: i128, qty: i128) -> Entry {
        let (price, qty) = (price * 1_000_000_000, qty * 1_000_000);
        Entry { kind, side: side.to_string(), price, qty, ..Entry::default() }
    }

    fn account() -> Account {
        let capital = Entry {
            kind: Kind::Capital,
            amount: 1_000 * ONE,
            role: "long".into(),
            grid: 1_000_000,
            ..Entry::default()
        };
        Account::new(&Entry { taker_rate: 200_000_000, ..capital })
    }

    /// 0.010 bought at 100,000 with 2 bp: fee 0.2; sold at 101,000: fee 0.202, gain 10.
    #[test]
    fn a_round_trip_by_hand() {
        let mut account = account();
        account
            .book(&Entry { fee: -200_000_000_000, ..entry(Kind::Fill, "buy", 100_000, 10) })
            .expect("the fee is right");
        let mut funding = entry(Kind::Funding, "", 100_000, 0);
        funding.rate = 100_000_000;
        funding.amount = -100_000_000_000; // 1,000 x 1e-4 = 0.1 paid
        account.book(&funding).expect("the payment is right");
        account.book(&Entry { fee: -202_000_000_000, ..entry(Kind::Fill, "sell", 101_000, 10) }).expect("closes");
        assert_eq!((account.qty, account.cash), (0, 1_009_498_000_000_000));
    }

    #[test]
    fn finds_a_wrong_fee_a_wrong_payment_and_a_missing_one() {
        let wrong = account().book(&Entry { fee: -199_999_000_000, ..entry(Kind::Fill, "buy", 100_000, 10) });
        assert!(wrong.expect_err("too cheap").contains("a fee of"));
        let mut account = account();
        let mut buy = entry(Kind::Fill, "buy", 100_000, 10);
        (buy.fee, buy.venue_time) = (-200_000_000_000, 5);
        account.book(&buy).expect("right");
        let mut funding = entry(Kind::Funding, "", 100_000, 0);
        (funding.rate, funding.amount) = (100_000_000, 100_000_000_000);
        assert!(account.book(&funding).expect_err("the sign is wrong").contains("a funding amount of"));
        let settled = [Settled { ts: 10, rate: 100_000_000 }];
        assert!(account.check_funding(&settled, (0, 20)).expect_err("missing").contains("is missing"));
        assert!(account.clone().book(&entry(Kind::Fill, "sell", 100_000, 11)).is_err());
    }
}
