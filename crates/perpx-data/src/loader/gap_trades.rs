//! Trades of a recorder's gaps, where a grid asks for them. They were received too late to be heard of in time, so that the trader
//! never hears of them; at the venue they happened when they happened, and fill what rested there.

use crate::TapeError;
use crate::loader::spec::TapeSpec;
use crate::store::{NumberedTrade, StoreFile, StorePath, Table};
use perpx_core::tape::rows::{TradeRow, VenueTables};
use perpx_core::units::Time;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// Those of one venue over a range; cheap to hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct GapTrades {
    pub files: Arc<[StoreFile]>,
    /// By exchange time.
    rows: Arc<[TradeRow]>,
}

impl GapTrades {
    /// None, unless `spec` asks for them.
    pub fn load(store: &StorePath, spec: &TapeSpec, v: usize) -> Result<GapTrades, TapeError> {
        if !spec.gap_trades {
            return Ok(GapTrades::default());
        }
        let (mut files, mut trades, mut backfilled) =
            (Vec::new(), Vec::<NumberedTrade>::new(), Vec::<NumberedTrade>::new());
        for (_, path, rows) in store.files_until(Table::GapTrades, &spec.venues[v], &spec.symbol, Some(spec.to))? {
            let file = StoreFile::open::<NumberedTrade>(&path)?.first_rows(rows)?;
            let to = if store.is_backfilled(&path) { &mut backfilled } else { &mut trades };
            file.each_batch::<NumberedTrade>(0..file.groups().len(), |batch| to.extend(batch))?;
            files.push(file);
        }
        // recorded ones win over backfilled ones
        let known: HashSet<i64> = trades.iter().filter_map(|trade| trade.id).collect();
        trades.extend(backfilled.into_iter().filter(|trade| trade.id.is_none_or(|id| !known.contains(&id))));
        let mut trades: Vec<TradeRow> = trades.into_iter().map(|trade| trade.row).collect();
        for row in &mut trades {
            row.exch = row.exch.plus(-spec.clock_ahead[v]);
        }
        trades.retain(|row| row.exch >= spec.warm_from && row.exch < spec.to);
        trades.sort_by_key(|row| row.exch);
        Ok(GapTrades { files: files.into(), rows: trades.into() })
    }

    /// A venue's rows with those that happened there within `[start, end)`.
    pub fn among<'a>(&self, tables: &'a VenueTables, start: Time, end: Time) -> Cow<'a, VenueTables> {
        let from = self.rows.partition_point(|row| row.exch < start);
        let to = self.rows.partition_point(|row| row.exch < end);
        if from == to {
            return Cow::Borrowed(tables);
        }
        let mut with = tables.clone();
        with.trades.extend_from_slice(&self.rows[from..to]);
        with.trades.sort_by_key(|row| row.exch);
        Cow::Owned(with)
    }
}
