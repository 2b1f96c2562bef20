//! Points that another program asks for, a JSON object a line: it asks on our standard input, we reply on our standard output.
//!
//! What it asked is kept in a journal before it runs, so that a run that was killed goes on: the other program begins again
//! with the same seed, asks the same, and is given what is known.

use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::grid::{Axis, Compare, Grid, Require};
use crate::results::ranking::{Ranker, Verdict};
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::config::{Num, Value};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Lines, StdinLock, Write};
use std::path::PathBuf;

/// The protocol's name and version.
const PROTOCOL: &str = "ask-tell/1";
/// Trials of one line at most.
const MOST_ASKED: usize = 4_096;
/// The violation of a requirement on what has no value.
const NO_VALUE: f64 = 1e9;
/// The violation of a strict requirement whose bound is just met.
const AT_BOUND: f64 = 1e-9;

/// One trial that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The other program's own, given back.
    pub number: u64,
    /// By axis.
    pub params: Map<String, Json>,
    /// In the lattice.
    pub at: u64,
}

/// A line of the other program.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Trials to run.
    Ask(Vec<Asked>),
    /// It has no more to ask.
    Done,
}

/// What a point came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Over its worlds.
    pub verdict: Verdict,
    /// By requirement, at most 0 where it holds.
    pub constraints: Vec<f64>,
    /// In the base world.
    pub ledger: String,
}

impl Answer {
    /// By objective.
    fn values(&self) -> impl Iterator<Item = Option<f64>> {
        std::iter::once(self.verdict.objective).chain(self.verdict.beside.iter().copied())
    }

    /// Of a point's rows.
    pub fn of(ranker: &Ranker, require: &[Require], rows: &[Row], columns: &[usize]) -> Answer {
        let verdict = ranker.verdict(rows);
        let row = &rows[verdict.world];
        let violations =
            require.iter().zip(columns).map(|(require, column)| violation(require, row.runs[0].get(*column)));
        // whether it holds is decided over all worlds
        let signed = violations.zip(ranker.failed(rows)).map(|(violation, fails)| match fails {
            true => violation.max(AT_BOUND),
            false => violation.min(0.0),
        });
        Answer { constraints: signed.collect(), ledger: rows[0].runs[0].hash.to_string(), verdict }
    }
}

/// How far a value is from what is required, above 0 where it is not met.
fn violation(require: &Require, value: Option<f64>) -> f64 {
    let Some(value) = value else { return NO_VALUE };
    let short = match require.compare {
        Compare::Greater | Compare::GreaterEqual => require.value - value,
        Compare::Less | Compare::LessEqual => value - require.value,
        Compare::Equal => (value - require.value).abs(),
        Compare::Unequal => AT_BOUND - (value - require.value).abs(),
    };
    if short == 0.0 && !require.holds(value) { AT_BOUND } else { short }
}

/// The axes as a sampler sees them.
pub fn space(grid: &Grid) -> Json {
    let axes = grid.strategy_axes().iter().enumerate().map(|(number, axis)| {
        let mut entry = match axis.is_ordered() && axis.values.len() > 1 {
            true => ordered(axis),
            false => json!({ "kind": "categorical", "choices": axis.values.iter().map(json_of).collect::<Vec<_>>() }),
        };
        entry["name"] = json!(axis.path);
        if let Some(when) = grid.when(number) {
            entry["when"] = json!(when);
        }
        entry
    });
    axes.collect()
}

fn ordered(axis: &Axis) -> Json {
    let mut nums: Vec<Num> = axis.values.iter().filter_map(Value::num).collect();
    nums.sort_unstable_by_key(|num| num.0);
    let (low, high) = (nums[0], nums[nums.len() - 1]);
    let is_whole = nums.iter().all(|num| num.is_whole());
    let step = nums[1].0 - nums[0].0;
    let is_even = nums.windows(2).all(|pair| pair[1].0 - pair[0].0 == step);
    let kind = if is_whole { "int" } else { "float" };
    let [low, high] = [low, high].map(|num| json_of(&Value::Num(num)));
    let step = (is_even && !axis.is_log).then(|| json_of(&Value::Num(Num(step))));
    json!({ "kind": kind, "low": low, "high": high, "step": step, "log": axis.is_log })
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Num(num) => num.as_i64().filter(|_| num.is_whole()).map_or(json!(num.as_f64()), Json::from),
        other => json!(other.to_string()),
    }
}

/// The first line: what may be asked, and what is known of the reference sample.
pub fn header(grid: &Grid, hash: &str, directions: &[bool], reference: &[(u64, &Answer)]) -> Json {
    let objectives = grid.objective.metrics().zip(directions);
    let objectives = objectives.map(|(metric, higher_is_better)| {
        json!({ "metric": metric, "direction": if *higher_is_better { "maximize" } else { "minimize" } })
    });
    let known: Vec<Json> = reference
        .iter()
        .map(|(at, answer)| {
            let params = params(grid, *at);
            let mut entry = reply(None, answer, &worst(reference.iter().map(|(_, known)| *known), directions));
            entry["params"] = Json::Object(params);
            entry
        })
        .collect();
    json!({
        "perpx": PROTOCOL,
        "study": hash,
        "space": space(grid),
        "objectives": objectives.collect::<Vec<Json>>(),
        "constraints": grid.objective.require.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "reference": known,
        "budget": grid.search.points,
        "told": reference.len(),
    })
}

/// The values of a point on its active axes.
fn params(grid: &Grid, at: u64) -> Map<String, Json> {
    let axes = grid.strategy_axes().iter().zip(grid.values(at));
    axes.filter_map(|(axis, value)| Some((axis.path.clone(), json_of(value?)))).collect()
}

/// One result; without a value of an objective it has the one of `worst`.
pub fn reply(number: Option<u64>, answer: &Answer, worst: &[f64]) -> Json {
    let values = answer.values().zip(worst).map(|(value, worst)| value.unwrap_or(*worst));
    let mut entry = json!({
        "state": "complete",
        "values": values.collect::<Vec<f64>>(),
        "constraints": answer.constraints,
        "id": format!("{:016x}", answer.verdict.id),
        "ledger": answer.ledger,
    });
    if let Some(number) = number {
        entry["number"] = json!(number);
    }
    entry
}

/// By objective a value that is a whole spread worse than the worst that is known: what has none is not left out, which samplers
/// would ignore. `directions`: more is better.
pub fn worst<'t>(answers: impl Iterator<Item = &'t Answer>, directions: &[bool]) -> Vec<f64> {
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); directions.len()];
    for answer in answers {
        for ((low, high), value) in ranges.iter_mut().zip(answer.values()) {
            if let Some(value) = value {
                (*low, *high) = (low.min(value), high.max(value));
            }
        }
    }
    let worst = |((low, high), higher_is_better): ((f64, f64), &bool)| match (low <= high, higher_is_better) {
        (false, true) => -1.0,
        (false, false) => 1.0,
        (true, true) => low - (high - low).max(1.0),
        (true, false) => high + (high - low).max(1.0),
    };
    ranges.into_iter().zip(directions).map(worst).collect()
}

/// Reads a line; `room`: how many more may be asked; `numbers`: those that were.
///
/// # Errors
/// What is wrong with it.
pub fn read(grid: &Grid, text: &str, room: u64, numbers: &BTreeSet<u64>) -> Result<Line, String> {
    let accepted = "accepted: {\"ask\": [{\"number\": N, \"params\": {..}}, ..]} or {\"done\": true}";
    let line: Json = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}; {accepted}"))?;
    if line.get("done") == Some(&json!(true)) {
        return Ok(Line::Done);
    }
    let Some(list) = line.get("ask").and_then(Json::as_array).filter(|list| !list.is_empty()) else {
        return Err(format!("found {}; {accepted}", text.trim().chars().take(80).collect::<String>()));
    };
    if list.len() > MOST_ASKED || list.len() as u64 > room {
        let most = room.min(MOST_ASKED as u64);
        return Err(format!("{} trials are asked for; accepted: at most {most} now (search.points)", list.len()));
    }
    let (mut asked, mut seen) = (Vec::new(), numbers.clone());
    for entry in list {
        let number = entry.get("number").and_then(Json::as_u64).ok_or("a trial has no number")?;
        if !seen.insert(number) {
            return Err(format!("trial {number} was asked for before; accepted: each number once"));
        }
        let params = entry.get("params").and_then(Json::as_object).ok_or(format!("trial {number} has no params"))?;
        let at = point(grid, params).map_err(|what| format!("trial {number}: {what}"))?;
        asked.push(Asked { number, params: params.clone(), at });
    }
    Ok(Line::Ask(asked))
}

/// The point of the lattice that lies nearest.
fn point(grid: &Grid, params: &Map<String, Json>) -> Result<u64, String> {
    let axes = grid.strategy_axes();
    if let Some(name) = params.keys().find(|name| axes.iter().all(|axis| axis.path != **name)) {
        let known: Vec<&str> = axes.iter().map(|axis| axis.path.as_str()).collect();
        return Err(format!("'{name}' is no axis; accepted: {}", known.join(", ")));
    }
    let mut digits = vec![0; axes.len()];
    for (digit, axis) in digits.iter_mut().zip(axes) {
        if let Some(value) = params.get(&axis.path) {
            *digit = nearest(axis, value)?;
        }
    }
    let at = grid.effective(grid.point_at(&digits));
    let values = grid.values(at);
    match axes.iter().zip(values).find(|(axis, value)| value.is_some() && !params.contains_key(&axis.path)) {
        Some((axis, _)) => Err(format!("there is no value of {}", axis.path)),
        None => Ok(at),
    }
}

fn nearest(axis: &Axis, value: &Json) -> Result<usize, String> {
    let wrong = || {
        let ends =
            [axis.values.first(), axis.values.last()].map(|end| end.map(ToString::to_string).unwrap_or_default());
        let listed: Vec<String> = axis.values.iter().take(20).map(ToString::to_string).collect();
        let accepted = match axis.is_ordered() {
            true => format!("from {} to {}", ends[0], ends[1]),
            false => listed.join(", "),
        };
        format!("{} is {value}; accepted: {accepted}", axis.path)
    };
    if let (true, Some(value)) = (axis.is_ordered(), value.as_f64()) {
        let nums = || axis.values.iter().filter_map(Value::num).map(|num| num.as_f64());
        let (low, high) = nums().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), num| (a.min(num), b.max(num)));
        // the last digits of a float may be those of its way through text
        let slack = 1e-9 * (high - low).max(low.abs());
        if value < low - slack || value > high + slack {
            return Err(wrong());
        }
        let distance = |num: f64| (num - value).abs();
        let place = nums().enumerate().reduce(|a, b| if distance(b.1) < distance(a.1) { b } else { a });
        return place.map(|(place, _)| place).ok_or_else(wrong);
    }
    axis.values.iter().position(|known| json_of(known) == *value).ok_or_else(wrong)
}

/// The conversation with the other program.
pub struct Dialogue {
    input: Lines<StdinLock<'static>>,
    /// What is to be answered, with why it was not run.
    pending: Vec<(Asked, Option<String>)>,
    numbers: BTreeSet<u64>,
    journal: PathBuf,
    /// What was asked in this run before it was interrupted.
    before: Vec<String>,
    /// Lines that were asked so far.
    asked: usize,
}

/// Where the lines that were asked wait for the end of a run.
const JOURNAL: &str = "checkpoint.search.jsonl";

impl Dialogue {
    /// Says what may be asked.
    ///
    /// # Errors
    /// A journal that cannot be read; nobody listens.
    pub fn begin(sweep: &Sweep<'_>, reference: &BTreeMap<u64, Answer>) -> Result<Dialogue, SweepError> {
        let journal = sweep.dir.join(JOURNAL);
        let before = match std::fs::read_to_string(&journal) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.map_err(SweepError::io(&journal, "read the file"))?,
        };
        let known: Vec<(u64, &Answer)> = reference.iter().map(|(at, answer)| (*at, answer)).collect();
        let directions: Vec<bool> = sweep.ranker.directions().collect();
        send(&header(&sweep.grid, &sweep.grid_hash, &directions, &known))?;
        Ok(Dialogue {
            input: std::io::stdin().lines(),
            pending: Vec::new(),
            numbers: BTreeSet::new(),
            journal,
            before: before.lines().map(str::to_string).collect(),
            asked: 0,
        })
    }

    /// Tells what became of the last trials that were asked for.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn reply(&mut self, sweep: &Sweep<'_>, answers: &BTreeMap<u64, Answer>) -> Result<(), SweepError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let worst = worst(answers.values(), &sweep.ranker.directions().collect::<Vec<bool>>());
        let line = |(asked, failed): &(Asked, Option<String>)| match (failed, answers.get(&asked.at)) {
            (Some(error), _) => json!({ "number": asked.number, "state": "fail", "error": error }),
            (None, Some(known)) => reply(Some(asked.number), known, &worst),
            (None, None) => json!({ "number": asked.number, "state": "fail", "error": "it was not run" }),
        };
        let replies: Vec<Json> = self.pending.iter().map(line).collect();
        self.pending.clear();
        send(&json!({ "tell": replies }))
    }

    /// The points of the next line that can run; none after the last.
    ///
    /// # Errors
    /// A line that is none of the protocol, or another one than before the interruption; the other program is gone.
    pub fn ask(
        &mut self,
        sweep: &Sweep<'_>,
        symbol_run: &SymbolRun,
        room: u64,
    ) -> Result<Option<Vec<u64>>, SweepError> {
        let wrong = |what: String| SweepError::Asked { what };
        let Some(line) = self.input.next() else { return Err(SweepError::Interrupted) };
        let line = line.map_err(|error| wrong(error.to_string()))?;
        let grid = &sweep.grid;
        let asked = match read(grid, &line, room, &self.numbers).map_err(wrong)? {
            Line::Done => return Ok(None),
            Line::Ask(asked) => asked,
        };
        let plain: Vec<Json> = asked.iter().map(|asked| json!([asked.number, asked.params])).collect();
        let plain = Json::Array(plain).to_string();
        match self.before.get(self.asked) {
            Some(before) if *before == plain => {}
            Some(_) => {
                let what = format!("line {} asks for other trials than before the run was interrupted", self.asked + 1);
                return Err(wrong(format!("{what}; accepted: the same seed and sampler; to do: --fresh")));
            }
            None => self.keep(&plain)?,
        }
        self.asked += 1;
        let fails = |asked: &Asked| {
            let strategy = match grid.strategy_point(asked.at) {
                Some(strategy) => strategy,
                None => return Some("skipped by [where]".to_string()),
            };
            let resolve = |world| grid.resolve(&symbol_run.data.symbol, &strategy, world).err();
            symbol_run.worlds.iter().find_map(|world| resolve(world)).map(|error| error.to_string())
        };
        self.numbers.extend(asked.iter().map(|asked| asked.number));
        self.pending = asked.into_iter().map(|asked| (asked.clone(), fails(&asked))).collect();
        let runs = self.pending.iter().filter(|(_, failed)| failed.is_none());
        Ok(Some(runs.map(|(asked, _)| asked.at).collect()))
    }

    /// Before it runs.
    fn keep(&self, line: &str) -> Result<(), SweepError> {
        let file = std::fs::File::options().create(true).append(true).open(&self.journal);
        let written = file.and_then(|mut file| {
            writeln!(file, "{line}")?;
            file.sync_data()
        });
        written.map_err(SweepError::io(&self.journal, "write the file"))
    }
}

fn send(line: &Json) -> Result<(), SweepError> {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    // who does not listen has gone
    said.map_err(|_| SweepError::Interrupted)
}
