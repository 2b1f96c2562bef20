//! Bars of the past, as a venue tells them: no ticks, and never read as such.

use super::decode::Cells;
use super::read::Fault;
use super::table::{StoredRow, Table, decimal_field, decimals, price_fault, size_fault, time_field, times, words};
use crate::TapeError;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use perpx_core::units::{Price, Qty, Time};

/// What a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BarKind {
    /// Trades.
    Trade,
    /// Mark prices.
    Mark,
    /// Index prices.
    Index,
    /// The middle of the best bid and ask.
    Mid,
}

impl BarKind {
    /// In the order in which bars of one time stand.
    pub const ALL: [BarKind; 4] = [BarKind::Trade, BarKind::Mark, BarKind::Index, BarKind::Mid];

    /// As the column says it.
    pub fn word(self) -> &'static str {
        match self {
            BarKind::Trade => "trade",
            BarKind::Mark => "mark",
            BarKind::Index => "index",
            BarKind::Mid => "mid",
        }
    }
}

/// First, highest, lowest and last price of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarRow {
    /// Where it begins.
    pub open_ts: Time,
    /// Where it ends: nobody knew it before.
    pub close_ts: Time,
    /// What it is made of.
    pub kind: BarKind,
    /// The first price.
    pub open: Price,
    /// The highest.
    pub high: Price,
    /// The lowest.
    pub low: Price,
    /// The last.
    pub close: Price,
    /// Base coins that were traded; 0 but for trades.
    pub volume: Qty,
}

impl StoredRow for BarRow {
    const TABLE: Table = Table::Bars;

    fn fields() -> Vec<Field> {
        let mut fields = vec![time_field("open_ts"), time_field("recv_ts"), Field::new("kind", DataType::Utf8, false)];
        let numbers = ["open_px", "high_px", "low_px", "close_px", "volume"];
        fields.extend(numbers.map(|name| decimal_field(name, 9, false)));
        fields
    }

    fn columns(rows: &[BarRow]) -> Vec<ArrayRef> {
        vec![
            times(rows, |r| r.open_ts),
            times(rows, |r| r.close_ts),
            words(rows, |r| r.kind.word()),
            decimals(rows, 9, |r| r.open.0),
            decimals(rows, 9, |r| r.high.0),
            decimals(rows, 9, |r| r.low.0),
            decimals(rows, 9, |r| r.close.0),
            decimals(rows, 9, |r| r.volume.0),
        ]
    }

    fn add_rows(cells: &mut Cells<'_>, out: &mut Vec<BarRow>) -> Result<(), TapeError> {
        let (open_ts, close_ts) = (cells.times("open_ts")?, cells.times("recv_ts")?);
        let kind = cells.words("kind", &BarKind::ALL.map(|kind| (kind.word(), kind)), "trade, mark, index or mid")?;
        let (open, high) = (cells.decimals("open_px", 9, false)?, cells.decimals("high_px", 9, false)?);
        let (low, close) = (cells.decimals("low_px", 9, false)?, cells.decimals("close_px", 9, false)?);
        let volume = cells.decimals("volume", 9, false)?;
        out.extend((0..cells.len()).map(|i| BarRow {
            open_ts: Time(open_ts[i]),
            close_ts: Time(close_ts[i]),
            kind: kind[i],
            open: Price(open[i]),
            high: Price(high[i]),
            low: Price(low[i]),
            close: Price(close[i]),
            volume: Qty(volume[i]),
        }));
        Ok(())
    }

    fn exch(&self) -> Time {
        self.close_ts
    }

    fn recv(&self) -> Time {
        self.close_ts
    }

    fn set_times(&mut self, _exch: Time, recv: Time) {
        self.close_ts = recv;
    }

    fn fault(&self) -> Option<Fault> {
        let ends = (self.open_ts.0 <= 0 || self.close_ts <= self.open_ts)
            .then(|| Fault::new("recv_ts", self.close_ts, format!("later than its open_ts {}", self.open_ts)));
        let prices = [("open_px", self.open), ("high_px", self.high), ("low_px", self.low), ("close_px", self.close)];
        let priced = || prices.into_iter().find_map(|(column, price)| price_fault(column, price));
        let within = || {
            let outside = [self.open, self.close].into_iter().find(|px| *px < self.low || *px > self.high);
            outside.map(|px| Fault::new("close_px", px, format!("from low_px {} to high_px {}", self.low, self.high)))
        };
        ends.or_else(priced).or_else(within).or_else(|| size_fault("volume", self.volume))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_prices_between_its_ends() {
        let (open, high, low, close) = (Price(5), Price(7), Price(4), Price(6));
        let (open_ts, close_ts, kind, volume) = (Time(1), Time(2), BarKind::Mark, Qty(0));
        let bar = BarRow { open_ts, close_ts, kind, open, high, low, close, volume };
        assert_eq!(bar.fault(), None);
        for wrong in [
            BarRow { close_ts: open_ts, ..bar },
            BarRow { open_ts: Time(0), ..bar },
            BarRow { low: Price(0), ..bar },
            BarRow { close: Price(8), ..bar },
            BarRow { open: Price(3), ..bar },
            BarRow { volume: Qty(-1), ..bar },
        ] {
            assert!(wrong.fault().is_some(), "{wrong:?}");
        }
    }
}
