//! What a live run came to, beside what the sweep came to.

use super::span_text;
use super::strategy_file::StrategyFile;
use perpx_core::replay::RunResult;
use perpx_core::stats::FullRecord;
use perpx_core::stats::metric_table;
use perpx_core::trader::Composite;
use perpx_core::units::{Qty, Time};
use perpx_data::backtest::RUNS;
use serde::Serialize;
use std::fmt;

/// What a mock run came to, beside what the sweep came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The id of the configuration that ran.
    pub configuration: String,
    /// Every run was made to its end, and every ledger is the sweep's.
    pub matches: bool,
    /// Ctrl-C ended it before its end.
    pub stopped: bool,
    /// In their order: in sample, then held out.
    pub runs: Vec<RunReport>,
    /// Ledgers of the sweep, by run.
    #[serde(skip)]
    wanted: Vec<String>,
    /// What the ledgers may differ by.
    #[serde(skip)]
    causes: Vec<String>,
    #[serde(skip)]
    stopped_at: Option<Time>,
}

/// One run of it. Money is in quote units.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// `in-sample` or `held-out`.
    pub run: &'static str,
    /// The first moment, UTC.
    pub from: String,
    /// The end, exclusive, UTC.
    pub to: String,
    /// Trades that were closed.
    pub trades: usize,
    /// What all lines of the ledger come to; a gain is positive.
    pub net_pnl: f64,
    /// A cost is negative.
    pub fees: f64,
    /// What was paid is negative.
    pub funding: f64,
    /// Equity at the end, quote money.
    pub equity: f64,
    /// The hash of its ledger.
    pub ledger: String,
    /// The hash of the sweep's ledger of this run; empty: the sweep had no such run.
    pub sweep_ledger: String,
    /// By role, base coins; what is held after the end.
    pub position: [String; 2],
    #[serde(skip)]
    span: (Time, Time),
}

impl RunReport {
    /// What a run of this name came to; `held`: by role, what is held after the end.
    pub(super) fn new(
        run: &'static str,
        span: (Time, Time),
        (result, record): (&RunResult, &FullRecord),
        held: [Qty; 2],
    ) -> RunReport {
        let table = metric_table::<Composite>();
        let metric = |name: &str| {
            let at = table.iter().position(|info| info.name == name);
            at.and_then(|at| result.metrics.0.get(at).copied().flatten()).unwrap_or(0.0)
        };
        RunReport {
            run,
            from: span.0.to_string(),
            to: span.1.to_string(),
            trades: record.trades.len(),
            net_pnl: metric("net_pnl"),
            fees: metric("fees"),
            funding: metric("funding"),
            equity: record.equity.last().map_or(0.0, |(_, equity)| equity.as_f64()),
            ledger: result.hash.to_string(),
            sweep_ledger: String::new(),
            position: held.map(|qty| qty.to_string()),
            span,
        }
    }

    /// Trades and money in a line.
    pub(super) fn figures(&self) -> String {
        let RunReport { trades, net_pnl, fees, funding, equity, .. } = self;
        format!("{trades} trades, net pnl {net_pnl:+.4} (fees {fees:+.4}, funding {funding:+.4}), equity {equity:.4}")
    }
}

impl Report {
    pub(super) fn new(strategy: &StrategyFile, code: &str) -> Report {
        let [own, swept] = &strategy.ids;
        let mut causes = Vec::new();
        if own != swept {
            causes.push(format!("the configuration is {own}, the sweep's winner was {swept}: the file was changed"));
        }
        if strategy.code != code {
            causes.push(format!("the sweep was made by code {}, this is {code}: sweep again", strategy.code));
        }
        Report {
            configuration: own.clone(),
            matches: false,
            stopped: false,
            runs: Vec::new(),
            wanted: strategy.ledgers.clone(),
            causes,
            stopped_at: None,
        }
    }

    pub(super) fn add(
        &mut self,
        number: usize,
        span: (Time, Time),
        result: &RunResult,
        record: &FullRecord,
        held: [Qty; 2],
    ) {
        let run = RunReport::new(RUNS[number], span, (result, record), held);
        self.runs.push(RunReport { sweep_ledger: self.wanted.get(number).cloned().unwrap_or_default(), ..run });
        let equal = self.runs.iter().all(|run| run.ledger == run.sweep_ledger);
        self.matches = equal && self.runs.len() == self.wanted.len();
    }

    /// The run was asked to stop; `at`: where it did, `None` when the data ended first.
    pub(super) fn stop(&mut self, at: Option<Time>) {
        (self.stopped, self.stopped_at, self.matches) = (true, at, false);
    }

    /// 0 the ledgers are the sweep's, 1 they differ, 130 stopped.
    pub fn exit_code(&self) -> u8 {
        match (self.stopped, self.matches) {
            (true, _) => 130,
            (false, true) => 0,
            (false, false) => 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.runs {
            writeln!(f, "{:<9} {}", run.run, span_text(run.span))?;
            writeln!(f, "          {}", run.figures())?;
        }
        if self.stopped {
            return match (self.stopped_at, self.runs.last()) {
                (Some(at), Some(run)) if run.position.iter().all(|qty| qty == "0") => {
                    write!(f, "stopped   at {}: everything is closed, no position, no order", at.to_second())
                }
                (Some(at), Some(run)) => {
                    let [long, short] = &run.position;
                    write!(f, "stopped   at {}: no order; {long} long and {short} short left as dust", at.to_second())
                }
                _ => write!(f, "stopped   the data ended before everything was closed; the end closed the rest"),
            };
        }
        for run in &self.runs {
            match run.ledger == run.sweep_ledger {
                true => writeln!(f, "ledger    {}: {}, as the sweep's", run.run, run.ledger)?,
                false => writeln!(f, "ledger    {}: {}; the sweep's: {}", run.run, run.ledger, run.sweep_ledger)?,
            }
        }
        if self.matches {
            return write!(f, "matches: the ledger is the sweep's, byte for byte");
        }
        write!(f, "differs: the ledger is not the sweep's")?;
        self.causes.iter().try_for_each(|cause| write!(f, "\n  {cause}"))
    }
}
