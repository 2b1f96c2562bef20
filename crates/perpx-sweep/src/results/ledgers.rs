//! trades.parquet, legging.parquet and equity.parquet: what happened to the best configurations, entry by entry. Everything
//! that is needed to add up the final equity again stands in them; amounts are exact decimals.
//!
//! trades.parquet, in the order of (symbol, id, run, seq). `kind`:
//! - `capital`: what a venue's account began with (`amount`), its money grid and its fee rates after the referral's part;
//! - `fill`: `side price qty maker fee`; `funding`: `amount rate price`; `liquidation`: `side price qty fee lost`;
//!   `transfer`: `amount fee`;
//! - `transition`: `state` is left for `to_state`, by `reason` (`also`: a bit for each further reason that held);
//! - `money`: what a trade made on one venue, `pnl`, as the sum of its `pnl_<line>`; trade 0 = what lies outside all trades.
//!   They stand at the end of a run, and all of them add up to its net pnl.
//!
//! `fee` and `amount` are ours when positive; `trade` counts from 1, 0 = outside a trade; `mid` is the venue's own when the
//! entry reached us, `mid_at_match` (of fills) that of the book that the fill met, which slippage is measured from;
//! `equity` that of both accounts after it; `at_end` marks what was closed because the data ended.
//!
//! legging.parquet has a row for each episode of legging, in the same order: from `began` to `ended`, the exposed leg, its
//! largest quantity, quantity times seconds, mid at the beginning and the one furthest against us, how far that was
//! (`worst_bp`) and the deepest loss meanwhile (`worst`), `cost` (negative: a gain) in money and bp of notional, and how it
//! ended.

use crate::error::SweepError;
use crate::results::columns::{Builder, EQUITY, LEGGING, Layout, OWNER, TRADES, columns, schema};
use crate::results::spool::RunRow;
use crate::results::table::{TableFile, fault};
use crate::symbol_run::SymbolRun;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::{EventBody, FeeSchedule, Role, Side};
use perpx_core::stats::LeggingRow;
use perpx_core::stats::{EntryRow, FullRecord, MoneyRow, TransitionRow};
use perpx_core::strategy::{STATES, reason_name, state_name};
use perpx_core::units::{Cash, Time};
use perpx_data::backtest::RUNS;
use std::path::Path;
use std::sync::Arc;

/// Everything that happened to one configuration in one world, as `R` wrote it down.
pub struct Rerun<R = FullRecord> {
    pub id: u64,
    pub world: u32,
    /// By role; what each run began with.
    pub capital: [Cash; 2],
    /// By role: the venue's money grid and the account's fees.
    pub terms: [(Cash, FeeSchedule); 2],
    /// By run; the second is empty without a held-out part.
    pub records: [R; 2],
    pub runs: Vec<RunRow>,
    /// By run: where its money came from.
    pub lines: Vec<Lines>,
}

/// One value of a row.
enum Cell<'a> {
    Word(&'a str),
    Time(Time),
    Count(u32),
    Flag(bool),
    Money(i128),
    Real(f64),
    None,
}

/// Columns of `money` rows: a line each, in the order of [`Line::ALL`], and their sum.
const MONEY: usize = Line::ALL.len() + 1;
/// Columns of trades.parquet.
const WIDTH: usize = OWNER.len() + TRADES.len();
/// Columns before the account's terms, which only `capital` rows have.
const TERMS: usize = WIDTH - MONEY - 3;
/// Columns before `at_end to_state reason also`.
const AT_END: usize = TERMS - 4;

struct Table {
    file: TableFile,
    path: std::path::PathBuf,
    schema: Arc<Schema>,
    columns: Vec<Builder>,
    rows: usize,
}

/// Rows of a batch; fixed, so that the bytes do not depend on how reruns come in.
const BATCH: usize = 1 << 14;

impl Table {
    fn create(path: &Path, layout: &Layout) -> Result<Table, SweepError> {
        let all = columns(layout);
        let schema = schema(&all);
        Ok(Table {
            file: TableFile::create(path, schema.clone())?,
            path: path.to_path_buf(),
            columns: all.iter().map(|column| column.kind.builder()).collect(),
            schema,
            rows: 0,
        })
    }

    fn push(&mut self, cells: &[Cell<'_>]) -> Result<(), SweepError> {
        debug_assert_eq!(cells.len(), self.columns.len());
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (column @ (Builder::Id(_) | Builder::Word(_)), Cell::Word(word)) => column.text(Some(word)),
                (column @ (Builder::Id(_) | Builder::Word(_)), _) => column.text(None),
                (Builder::Time(column), Cell::Time(time)) => column.append_value(time.0),
                (Builder::Time(column), _) => column.append_null(),
                (Builder::Whole(column), Cell::Count(count)) => column.append_value(i64::from(*count)),
                (Builder::Whole(column), _) => column.append_null(),
                (Builder::Flag(column), Cell::Flag(flag)) => column.append_value(*flag),
                (Builder::Flag(column), _) => column.append_null(),
                (Builder::Exact(column, _), Cell::Money(money)) => column.append_value(*money),
                (Builder::Exact(column, _), _) => column.append_null(),
                (Builder::Real(column), Cell::Real(value)) => column.append_value(*value),
                (Builder::Real(column), _) => column.append_null(),
            }
        }
        self.rows += 1;
        if self.rows == BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SweepError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Builder::finish).collect::<Result<_, _>>();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays.map_err(fault(&self.path))?);
        self.file.write(&batch.map_err(fault(&self.path))?)
    }

    fn finish(mut self) -> Result<(), SweepError> {
        self.flush()?;
        self.file.finish()
    }
}

/// The files, written rerun by rerun.
pub struct Ledgers {
    trades: Table,
    legging: Table,
    equity: Table,
}

/// Who a row belongs to.
struct Owner<'a> {
    symbol: &'a str,
    id: String,
    world_id: &'a str,
    venues: [&'a str; 2],
    run: &'static str,
}

impl Owner<'_> {
    /// Its cells, then those of the row.
    fn row<'a>(&'a self, cells: impl IntoIterator<Item = Cell<'a>>) -> Vec<Cell<'a>> {
        let own = [self.symbol, &self.id, self.world_id, self.run].map(Cell::Word);
        own.into_iter().chain(cells).collect()
    }
}

impl Ledgers {
    pub fn create(dir: &Path) -> Result<Ledgers, SweepError> {
        let trades = Table::create(&dir.join("trades.parquet"), TRADES)?;
        let legging = Table::create(&dir.join("legging.parquet"), LEGGING)?;
        Ok(Ledgers { trades, legging, equity: Table::create(&dir.join("equity.parquet"), EQUITY)? })
    }

    pub fn write(&mut self, symbol_run: &SymbolRun, rerun: &Rerun) -> Result<(), SweepError> {
        let feed = symbol_run.data.feeds.first().map(|feed| feed.tape.spec());
        for (number, record) in rerun.records.iter().enumerate().take(rerun.runs.len()) {
            let owner = Owner {
                symbol: &symbol_run.data.symbol,
                id: format!("{:016x}", rerun.id),
                world_id: symbol_run.world_ids.get(rerun.world as usize).map_or("", String::as_str),
                venues: [0, 1].map(|r: usize| feed.map_or("", |spec| spec.venues[r].as_str())),
                run: RUNS[number],
            };
            let span = symbol_run.spans.run(number).unwrap_or((symbol_run.data.from, symbol_run.data.to));
            let money = record.money(&rerun.lines.get(number).copied().unwrap_or_default());
            self.record(&owner, span, rerun, record, &money)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        owner: &Owner<'_>,
        (begin, end): (Time, Time),
        rerun: &Rerun,
        record: &FullRecord,
        money: &[MoneyRow],
    ) -> Result<(), SweepError> {
        let mut seq = 0;
        let mut next = || {
            seq += 1;
            seq
        };
        for role in Role::BOTH {
            let capital = rerun.capital[role.ix()];
            let mut cells = common(owner, next(), begin, begin);
            cells.extend([Cell::Count(0), Cell::Word(STATES[0].name), Cell::Word("capital")]);
            cells.extend([Cell::Word(owner.venues[role.ix()]), Cell::Word(role_name(role))]);
            cells.extend([Cell::None, Cell::None, Cell::None, Cell::None, Cell::None, Cell::None]);
            cells.push(Cell::Money(capital.0));
            let (grid, fees) = &rerun.terms[role.ix()];
            fill_up_to(&mut cells, TERMS);
            cells.extend([grid.0, fees.rate(true).0.into(), fees.rate(false).0.into()].map(Cell::Money));
            fill_up(&mut cells);
            self.trades.push(&cells)?;
        }
        let (mut entries, mut transitions) = (record.entries.iter().peekable(), record.transitions.iter().peekable());
        loop {
            // an answer is judged before the tick of the same time
            let entry_first = match (entries.peek(), transitions.peek()) {
                (Some(entry), Some(transition)) => entry.event.at <= transition.at,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let cells = match entry_first {
                true => entries.next().map(|entry| entry_cells(owner, next(), entry)),
                false => transitions.next().map(|transition| transition_cells(owner, next(), transition)),
            };
            if let Some(cells) = cells {
                self.trades.push(&cells)?;
            }
        }
        for row in money {
            for role in Role::BOTH {
                self.trades.push(&money_cells(owner, next(), end, row, role))?;
            }
        }
        for row in &record.legging {
            self.legging.push(&legging_cells(owner, row))?;
        }
        for (time, equity) in &record.equity {
            self.equity.push(&owner.row([Cell::Time(*time), Cell::Money(equity.digits())]))?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(), SweepError> {
        self.trades.finish()?;
        self.legging.finish()?;
        self.equity.finish()
    }
}

fn common<'a>(owner: &'a Owner<'_>, seq: u32, time: Time, venue_time: Time) -> Vec<Cell<'a>> {
    owner.row([Cell::Count(seq), Cell::Time(time), Cell::Time(venue_time)])
}

fn fill_up(cells: &mut Vec<Cell<'_>>) {
    fill_up_to(cells, WIDTH);
}

fn fill_up_to(cells: &mut Vec<Cell<'_>>, len: usize) {
    while cells.len() < len {
        cells.push(Cell::None);
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Long => "long",
        Role::Short => "short",
    }
}

fn entry_cells<'a>(owner: &'a Owner<'_>, seq: u32, row: &EntryRow) -> Vec<Cell<'a>> {
    let event = &row.event;
    let role = event.venue;
    let money = Cell::Money;
    let side = |side: Side| Cell::Word(side.name());
    let mut cells = common(owner, seq, event.at, event.venue_time);
    let state = state_name(row.state);
    cells.extend([Cell::Count(row.trade), Cell::Word(state)]);
    let venue = [Cell::Word(owner.venues[role.ix()]), Cell::Word(role_name(role))];
    match event.body {
        EventBody::Fill { id, side: way, px, qty, maker, fee } => {
            cells.push(Cell::Word("fill"));
            cells.extend(venue);
            cells.extend([Cell::Count(id.0), side(way), money(px.0.into()), money(qty.0.into())]);
            cells.extend([Cell::Flag(maker), money(fee.0), Cell::None, Cell::None, Cell::None]);
        }
        EventBody::Funding { amount, rate, px } => {
            cells.push(Cell::Word("funding"));
            cells.extend(venue);
            cells.extend([Cell::None, Cell::None, money(px.0.into()), Cell::None, Cell::None, Cell::None]);
            cells.extend([money(amount.0), money(rate.0.into()), Cell::None]);
        }
        EventBody::Liquidated { px, qty, fee, lost } => {
            cells.push(Cell::Word("liquidation"));
            cells.extend(venue);
            cells.extend([Cell::None, side(role.closing()), money(px.0.into()), money(qty.0.into())]);
            cells.extend([Cell::None, money(fee.0), Cell::None, Cell::None, money(lost.0)]);
        }
        EventBody::Transferred { amount, fee } => {
            cells.push(Cell::Word("transfer"));
            cells.extend(venue);
            cells.extend([Cell::None, Cell::None, Cell::None, Cell::None, Cell::None]);
            cells.extend([money(fee.0), money(amount.0), Cell::None, Cell::None]);
        }
        _ => cells.push(Cell::Word("other")),
    }
    if cells.len() + 3 < AT_END {
        fill_up(&mut cells);
        return cells;
    }
    let met = match event.body {
        EventBody::Fill { .. } => money(row.met().digits()),
        _ => Cell::None,
    };
    cells.extend([money(row.mid.digits()), met, money(row.equity.digits()), Cell::Flag(row.end)]);
    fill_up(&mut cells);
    cells
}

fn transition_cells<'a>(owner: &'a Owner<'_>, seq: u32, row: &TransitionRow) -> Vec<Cell<'a>> {
    let mut cells = common(owner, seq, row.at, row.at);
    cells.extend([Cell::None, Cell::Word(state_name(row.transition.from)), Cell::Word("transition")]);
    fill_up_to(&mut cells, AT_END - 1);
    cells.extend([Cell::Money(row.equity.digits()), Cell::Flag(false), Cell::Word(state_name(row.transition.to))]);
    cells.extend([Cell::Word(reason_name(row.transition.reason)), Cell::Count(row.transition.also)]);
    fill_up(&mut cells);
    cells
}

fn money_cells<'a>(owner: &'a Owner<'_>, seq: u32, end: Time, row: &MoneyRow, role: Role) -> Vec<Cell<'a>> {
    let time = row.closed.unwrap_or(end);
    let mut cells = common(owner, seq, time, time);
    cells.extend([Cell::Count(row.trade), Cell::None, Cell::Word("money")]);
    cells.extend([Cell::Word(owner.venues[role.ix()]), Cell::Word(role_name(role))]);
    fill_up_to(&mut cells, AT_END);
    cells.push(Cell::Flag(row.trade > 0 && row.closed.is_none()));
    fill_up_to(&mut cells, WIDTH - MONEY);
    cells.extend(Line::ALL.map(|line| Cell::Money(row.lines.get(role, line).digits())));
    cells.push(Cell::Money(row.lines.of(role).digits()));
    cells
}

fn legging_cells<'a>(owner: &'a Owner<'_>, row: &LeggingRow) -> Vec<Cell<'a>> {
    let state = state_name(row.state);
    owner.row([
        Cell::Count(row.trade),
        Cell::Time(row.from),
        Cell::Time(row.to),
        Cell::Word(state),
        Cell::Word(owner.venues[row.role.ix()]),
        Cell::Word(role_name(row.role)),
        Cell::Word(row.ending.name()),
        Cell::Money(row.peak.0.into()),
        Cell::Money(row.qty_ns),
        Cell::Money(row.mid.digits()),
        Cell::Money(row.worst_mid.digits()),
        Cell::Real(row.worst_bp()),
        Cell::Money((-row.worst).digits()),
        Cell::Real(row.cost_bp()),
        Cell::Money((-row.amount).digits()),
    ])
}
