//! `warm.bars`: averages that are warm by backfilled bars, and nothing else is. A bar stands for ticks of before a venue's first quote.

use super::LiveError;
use super::stretch::signals_of;
use perpx_core::config::Config;
use perpx_core::market::Role;
use perpx_core::signals::{SignalKey, warmup};
use perpx_core::units::{MINUTE, SECOND, Time, TimeDelta};
use perpx_data::TapeError;
use perpx_data::backtest::{PastBars, past_bars, stored_bars};
use perpx_data::store::{Backfilled, BarKind, BarRow, Dataset, store_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The past of one venue's averages.
pub struct Warm {
    /// Whose.
    pub role: Role,
    /// Of the averages.
    pub bar_length: TimeDelta,
    /// Its closes.
    pub bars: PastBars,
    /// In words.
    pub text: String,
}

/// The bars that a configuration's averages are made of: whose, and how long.
pub fn wanted(config: &Config) -> BTreeSet<(Role, TimeDelta)> {
    let of = |key: &SignalKey| match *key {
        SignalKey::Trend { role, bar_length, .. } => Some((role, bar_length)),
        _ => None,
    };
    signals_of(config).keys().iter().filter_map(of).collect()
}

/// What a store has for the averages of a run from `from` on, both venues named by role.
///
/// # Errors
/// Bars of the strategy that are no whole minutes; a file that cannot be read.
pub fn read(
    config: &Config,
    store: &Path,
    (venues, symbol): (&[String; 2], &str),
    from: Time,
) -> Result<Vec<Warm>, LiveError> {
    let mut all = Vec::new();
    for (role, bar_length) in wanted(config) {
        if bar_length % MINUTE != TimeDelta::ZERO {
            return Err(LiveError::Bars { seconds: bar_length.as_f64(SECOND) });
        }
        let venue = venues[role.ix()].as_str();
        let span = (from.plus(-warmup(signals_of(config).keys())), from);
        if let Some(bars) = past_bars(store, (venue, symbol), bar_length, span)? {
            let made_of = if bars.kind == BarKind::Mid { "the middle of the book" } else { "trades" };
            let count = perpx_data::text::counted(bars.closes.len() as u64, "backfilled bar");
            let text = format!("averages of {venue} by {count} of {made_of}, up to {}", bars.end.to_second());
            all.push(Warm { role, bar_length, bars, text });
        }
    }
    Ok(all)
}

/// Takes bars of other folders into a run's own store, so that a replay has them too; the first folder that has a bar wins, and the
/// run's own before all.
///
/// # Errors
/// What a disk or a store refuses.
pub fn take(
    own: &Path,
    folders: &[PathBuf],
    (venues, symbol): (&[String; 2], &str),
    back: TimeDelta,
) -> Result<(), TapeError> {
    let mut taken: Vec<(&str, Vec<BarRow>)> = Vec::new();
    let mut provenance = Vec::new();
    let always = (Time(0), Time::MAX);
    for venue in venues {
        let mut rows: BTreeMap<(Time, BarKind), BarRow> = BTreeMap::new();
        let mut add = |found: Vec<BarRow>| {
            let before = rows.len();
            for row in found {
                rows.entry((row.close_ts, row.kind)).or_insert(row);
            }
            rows.len() - before
        };
        if own.is_dir() {
            add(stored_bars(own, (venue, symbol), always)?);
        }
        let mut more = 0;
        for folder in folders {
            let mut found = stored_bars(&store_of(folder), (venue, symbol), always)?;
            let newest = found.last().map_or(Time(0), |row| row.close_ts);
            found.retain(|row| row.close_ts >= newest.plus(-back));
            let span = found.first().zip(found.last()).map(|(first, last)| [first.open_ts, last.close_ts]);
            let count = add(found);
            if let Some([from, to]) = span.filter(|_| count > 0) {
                more += count;
                provenance.push(serde_json::json!({
                    "venue": venue, "symbol": symbol, "what": "candles", "endpoint": format!("bars of {}", folder.display()),
                    "from": from.to_string(), "to": to.to_string(), "rows": count,
                }));
            }
        }
        if more > 0 {
            taken.push((venue, rows.into_values().collect()));
        }
    }
    if taken.is_empty() {
        return Ok(());
    }
    let mut store = Backfilled::begin(own)?;
    for (venue, rows) in taken {
        store.bars(venue, symbol, &rows)?;
    }
    let mut all = store.made_by()["backfill"].as_array().cloned().unwrap_or_default();
    all.extend(provenance);
    store.commit(all.into())
}

/// A folder that holds bars of the past, and no recording: nothing of it can be traded on.
pub fn is_past_alone(folder: &Path) -> Result<bool, TapeError> {
    let dataset = Dataset::read(&store_of(folder))?;
    Ok(dataset.is_some_and(|dataset| dataset.rows.contains_key("bars") && !dataset.rows.contains_key("quotes")))
}
