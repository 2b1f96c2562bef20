//! trials.parquet: the trial matrix as a file that any tool can read, and write.

use super::matrix::{AtomSums, MatrixFrame, Trial, TrialMatrix};
use super::sharpe::ShapeSums;
use crate::error::SweepError;
use crate::results::reader::open;
use crate::results::table::{TableFile, fault};
use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::array::{BooleanArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Float64Type, Int64Type, Schema};
use perpx_core::config::Schema as Keys;
use perpx_core::stats::AtomPlan;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Counts in a table that are larger are not meant.
const LARGEST: i64 = 100_000_000;
/// Rows that are written at once.
const BATCH: usize = 1 << 12;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Text,
    Whole,
    Real,
    Flag,
    /// A number an atom.
    Reals,
    Wholes,
}

/// (name, what it holds, unit, whether a table must have it, meaning).
type TrialLayout = [(&'static str, Holds, &'static str, bool, &'static str)];

const LAYOUT: &TrialLayout = &[
    (
        "id",
        Holds::Text,
        "",
        true,
        "Configuration; of those with this ledger one: in a sweep's table the one that ranks first.",
    ),
    ("ledger", Holds::Text, "", false, "Hash of the ledger; rows with the same one are one trial."),
    ("weight", Holds::Whole, "", false, "Configurations that left this ledger; without the column 1."),
    (
        "s1",
        Holds::Reals,
        "1e-12 C0",
        true,
        "By atom, a slice of calendar time that is the same for all rows: sum of the returns per interval, in the base world, \
         flat intervals included.",
    ),
    ("s2", Holds::Reals, "1e-24 C0^2", true, "By atom: sum of the squared returns."),
    ("trades", Holds::Wholes, "", false, "By atom: trades closed; at most 65,535 count."),
    (
        "n",
        Holds::Whole,
        "",
        true,
        "Intervals of the span, the same in all rows; of A atoms the first n mod A are one interval longer than the others.",
    ),
    ("interval_sec", Holds::Real, "s", false, "Length of an interval, the same in all rows; without the column 3,600."),
    (
        "embargo",
        Holds::Whole,
        "",
        false,
        "Memory of the market in intervals, the same in all rows; without the column 0.",
    ),
    (
        "least_trades",
        Holds::Whole,
        "",
        false,
        "Trades that are required over the span, the same in all rows; a part must have its share; without the column 0.",
    ),
    (
        "most_drawdown",
        Holds::Real,
        "1e-12 C0",
        false,
        "The deepest fall of equity that is required, the same in all rows; a part must keep to it as far as the ends of atoms \
         show it; without the column none.",
    ),
    (
        "objective",
        Holds::Real,
        "",
        false,
        "What the row is ranked by, the greatest first; empty: it is never chosen; without the column its Sharpe ratio.",
    ),
    (
        "rank",
        Holds::Whole,
        "",
        false,
        "Place in the ranking, the first 1: its row is the winner; without the column the greatest objective, of equals the \
         lower id.",
    ),
    ("eligible", Holds::Flag, "", false, "Every requirement holds over the span; without the column all do."),
    (
        "ranking_sharpe",
        Holds::Real,
        "",
        false,
        "Sharpe ratio per interval in the world that ranked the row, where that is not the base world.",
    ),
    ("s3", Holds::Real, "1e-36 C0^3", false, "Sum of the cubes of all returns; for the shape of the winner's returns."),
    ("s4", Holds::Real, "1e-48 C0^4", false, "Sum of the fourth powers of all returns."),
    ("lag_product", Holds::Real, "1e-24 C0^2", false, "Sum of the products of neighbouring returns."),
    ("first", Holds::Real, "1e-12 C0", false, "The first return."),
    ("last", Holds::Real, "1e-12 C0", false, "The last return."),
    ("max_drawdown", Holds::Real, "1e-12 C0", false, "Deepest fall of equity at the ends of intervals, money added."),
];

/// The columns as rows of a table in Markdown.
pub fn markdown() -> String {
    let mut out = String::from("| column | type | unit | needed | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (name, holds, unit, is_needed, doc) in LAYOUT {
        let kind = match holds {
            Holds::Text => "text",
            Holds::Whole => "integer",
            Holds::Real => "float",
            Holds::Flag => "boolean",
            Holds::Reals => "list of floats",
            Holds::Wholes => "list of integers",
        };
        let needed = if *is_needed { "yes" } else { "" };
        out += &format!("| `{name}` | {kind} | {unit} | {needed} | {doc} |\n");
    }
    out.trim_end().to_string()
}

// writing

/// Writes a matrix, each number rounded once from its integer.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, matrix: &TrialMatrix) -> Result<(), SweepError> {
    let atoms = matrix.frame.atoms() as i32;
    let field = |(name, holds, unit, _, doc): &(&str, Holds, &str, bool, &str)| {
        let list = |of| DataType::FixedSizeList(Arc::new(Field::new("element", of, false)), atoms);
        let data_type = match holds {
            Holds::Text => DataType::Utf8,
            Holds::Whole => DataType::Int64,
            Holds::Real => DataType::Float64,
            Holds::Flag => DataType::Boolean,
            Holds::Reals => list(DataType::Float64),
            Holds::Wholes => list(DataType::Int64),
        };
        let mut metadata = HashMap::from([("doc".to_string(), doc.to_string())]);
        if !unit.is_empty() {
            metadata.insert("unit".to_string(), unit.to_string());
        }
        Field::new(*name, data_type, true).with_metadata(metadata)
    };
    let knows_trades = matrix.rows() > 0 && matrix.trades(0, 0..0).is_some();
    let is_known = |name: &str| match name {
        "trades" => knows_trades,
        "most_drawdown" => matrix.frame.most_drawdown.is_some(),
        "rank" => matrix.trials().iter().any(|trial| trial.rank.is_some()),
        _ => true,
    };
    let written = LAYOUT.iter().filter(|column| is_known(column.0));
    let schema = Arc::new(Schema::new(written.map(field).collect::<Vec<_>>()));
    let mut file = TableFile::create(path, schema.clone())?;
    for from in (0..matrix.rows()).step_by(BATCH) {
        let rows = from..(from + BATCH).min(matrix.rows());
        let columns = schema.fields().iter().map(|field| column(matrix, rows.clone(), field));
        let batch = RecordBatch::try_new(schema.clone(), columns.collect()).map_err(fault(path))?;
        file.write(&batch)?;
    }
    file.finish()
}

fn column(matrix: &TrialMatrix, rows: Range<usize>, field: &Field) -> ArrayRef {
    let (frame, trials) = (&matrix.frame, &matrix.trials()[rows.clone()]);
    let text =
        |value: fn(&Trial) -> Option<&str>| Arc::new(trials.iter().map(value).collect::<StringArray>()) as ArrayRef;
    let real = |value: &dyn Fn(&Trial) -> Option<f64>| {
        Arc::new(trials.iter().map(value).collect::<Float64Array>()) as ArrayRef
    };
    let whole =
        |value: &dyn Fn(&Trial) -> Option<i64>| Arc::new(trials.iter().map(value).collect::<Int64Array>()) as ArrayRef;
    let list = |values: ArrayRef| match field.data_type() {
        DataType::FixedSizeList(element, atoms) => {
            Arc::new(FixedSizeListArray::new(element.clone(), *atoms, values, None)) as ArrayRef
        }
        _ => values,
    };
    let shape = |value: fn(&ShapeSums) -> f64| real(&|trial| trial.shape.as_ref().map(value));
    match field.name().as_str() {
        "id" => text(|trial| Some(&trial.id)),
        "ledger" => text(|trial| Some(trial.ledger.as_str()).filter(|ledger| !ledger.is_empty())),
        "weight" => whole(&|trial| Some(trial.weight as i64)),
        "s1" => list(Arc::new(rows.flat_map(|row| matrix.s1(row).iter().copied()).collect::<Float64Array>())),
        "s2" => list(Arc::new(rows.flat_map(|row| matrix.s2(row).iter().copied()).collect::<Float64Array>())),
        "trades" => {
            let of_atom = |row, atom: usize| matrix.trades(row, atom..atom + 1).map(i64::from);
            let of_row = |row| (0..frame.atoms()).map(move |atom| of_atom(row, atom));
            list(Arc::new(rows.flat_map(of_row).collect::<Int64Array>()))
        }
        "n" => whole(&|_| Some(i64::from(frame.all_intervals()))),
        "interval_sec" => real(&|_| Some(frame.interval_sec)),
        "embargo" => whole(&|_| Some(i64::from(frame.embargo))),
        "least_trades" => whole(&|_| Some(i64::from(frame.least_trades))),
        "most_drawdown" => real(&|_| frame.most_drawdown),
        "objective" => real(&|trial| trial.objective),
        "rank" => whole(&|trial| trial.rank.map(i64::from)),
        "eligible" => Arc::new(trials.iter().map(|trial| Some(trial.is_eligible)).collect::<BooleanArray>()),
        "ranking_sharpe" => real(&|trial| trial.ranking_sharpe),
        "s3" => shape(|sums| sums.s3),
        "s4" => shape(|sums| sums.s4),
        "lag_product" => shape(|sums| sums.lag_product),
        "first" => shape(|sums| sums.first),
        "last" => shape(|sums| sums.last),
        _ => real(&|trial| trial.max_drawdown),
    }
}

// reading

/// What is wrong with a table, and what would be right.
type Fault = (String, &'static str);

/// Reads a table of trials, whoever wrote it.
///
/// # Errors
/// No table, a column that is needed and missing, or a row that cannot be one of a trial matrix.
pub fn read(path: &Path) -> Result<TrialMatrix, SweepError> {
    let refused = |(what, accepted): Fault| SweepError::Trials { path: path.to_path_buf(), what, accepted };
    let builder = open(path).map_err(|what| refused((what, "a parquet file")))?;
    let rows = builder.metadata().file_metadata().num_rows().max(0) as usize;
    for (name, _, _, is_needed, _) in LAYOUT {
        if *is_needed && builder.schema().field_with_name(name).is_err() {
            return Err(refused((format!("there is no column '{name}'"), "a column each of id, s1, s2 and n")));
        }
    }
    if let Some(wrong) = misspelt(builder.schema()) {
        return Err(refused(wrong));
    }
    let batches = builder.build().map_err(|error| refused((error.to_string(), "a whole parquet file")))?;
    let mut matrix: Option<TrialMatrix> = None;
    for batch in batches {
        let batch = batch.map_err(|error| refused((error.to_string(), "a whole parquet file")))?;
        let first_row = matrix.as_ref().map_or(0, TrialMatrix::rows);
        let columns = TrialColumns::of(&batch, first_row).map_err(refused)?;
        for row in 0..batch.num_rows() {
            let frame = columns.frame(row).map_err(refused)?;
            let known = matrix.get_or_insert_with(|| TrialMatrix::with_capacity(frame.clone(), rows));
            columns.add(known, row, &frame).map_err(refused)?;
        }
    }
    let matrix = matrix.ok_or_else(|| refused(("there is no row".to_string(), "a row a trial")))?;
    matrix.finish().map_err(|error| refused((error.to_string(), "a row a ledger, each with an id of its own")))
}

/// A column that is not known and looks like one that is missing: what it says would be ignored. Names of one or two letters
/// look like too many others.
fn misspelt(schema: &Schema) -> Option<Fault> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let unknown = names().filter(|name| name.len() > 2 && LAYOUT.iter().all(|known| known.0 != *name));
    let slip = |name: &str| {
        let missing = LAYOUT.iter().filter(|known| known.0.len() > 2 && names().all(|name| name != known.0));
        missing.map(|known| known.0).find(|known| Keys::alike(known, name))
    };
    let (name, known) = unknown.filter_map(|name| Some((name, slip(name)?))).next()?;
    let accepted = "the names that docs/evidence.md lists, and others that look like none of them";
    Some((format!("column '{name}' is not known; did you mean '{known}'?"), accepted))
}

/// The columns of some rows, as the types that are read.
struct TrialColumns {
    by_name: HashMap<&'static str, ArrayRef>,
    first_row: usize,
}

impl TrialColumns {
    fn of(batch: &RecordBatch, first_row: usize) -> Result<TrialColumns, Fault> {
        let mut by_name = HashMap::new();
        for (name, holds, ..) in LAYOUT {
            let Some(column) = batch.column_by_name(name) else { continue };
            let found = column.data_type();
            let is_list_of_numbers = matches!(found, DataType::List(of) if of.data_type().is_numeric());
            let list = |of| DataType::List(Arc::new(Field::new("element", of, true)));
            let (wanted, fits, accepted) = match holds {
                Holds::Text => (DataType::Utf8, *found == DataType::Utf8 || found.is_integer(), "a column of text"),
                Holds::Flag => (DataType::Boolean, *found == DataType::Boolean, "a column of booleans"),
                Holds::Whole => (DataType::Int64, found.is_integer(), "a column of integers"),
                Holds::Real => (DataType::Float64, found.is_numeric(), "a column of numbers"),
                Holds::Reals => (list(DataType::Float64), is_list_of_numbers, "lists of numbers, one an atom"),
                Holds::Wholes => (list(DataType::Int64), is_list_of_numbers, "lists of integers, one an atom"),
            };
            let other = || (format!("column '{name}' is {found}"), accepted);
            // a column of nothing but nulls has no type
            if *found == DataType::Null {
                continue;
            }
            if !fits {
                return Err(other());
            }
            by_name.insert(*name, cast(column, &wanted).map_err(|_| other())?);
        }
        Ok(TrialColumns { by_name, first_row })
    }

    fn place(&self, row: usize, what: &str) -> String {
        format!("row {}: {what}", self.first_row + row + 1)
    }

    fn value<T: ArrowPrimitiveType>(&self, name: &str, row: usize) -> Option<T::Native> {
        let column: &PrimitiveArray<T> = self.by_name.get(name)?.as_primitive_opt()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn real(&self, name: &str, row: usize) -> Option<f64> {
        self.value::<Float64Type>(name, row).filter(|value| value.is_finite())
    }

    /// A count; without the column `default`.
    fn whole(&self, name: &str, row: usize, default: u32) -> Result<u32, Fault> {
        let value = match self.by_name.contains_key(name) {
            true => self.value::<Int64Type>(name, row),
            false => Some(i64::from(default)),
        };
        let found = || value.map_or("empty".to_string(), |value| value.to_string());
        let whole = value.filter(|value| (0..=LARGEST).contains(value));
        let wrong = || (self.place(row, &format!("{name} is {}", found())), "an integer from 0 to 100,000,000");
        whole.map(|value| value as u32).ok_or_else(wrong)
    }

    /// The numbers of one row, an atom each.
    fn list<T: ArrowPrimitiveType>(&self, name: &str, row: usize) -> Result<Option<&[T::Native]>, Fault> {
        let Some(column) = self.by_name.get(name).and_then(|column| column.as_list_opt::<i32>()) else {
            return Ok(None);
        };
        let empty = || (self.place(row, &format!("{name} has an empty place")), "a number for every atom");
        if column.is_null(row) {
            return Err(empty());
        }
        let ends = [row, row + 1].map(|at| column.value_offsets()[at] as usize);
        let values: &PrimitiveArray<T> = column.values().as_primitive_opt().ok_or_else(empty)?;
        if (ends[0]..ends[1]).any(|at| values.is_null(at)) {
            return Err(empty());
        }
        Ok(Some(&values.values()[ends[0]..ends[1]]))
    }

    fn frame(&self, row: usize) -> Result<MatrixFrame, Fault> {
        let atoms = self.list::<Float64Type>("s1", row)?.map_or(0, <[f64]>::len) as u32;
        let intervals = self.whole("n", row, 0)?;
        if atoms == 0 || intervals < atoms {
            let what = self.place(row, &format!("{atoms} atoms of {intervals} intervals (s1, n)"));
            return Err((what, "at least one atom, and an interval for each"));
        }
        let is_known = self.by_name.contains_key("interval_sec");
        let interval_sec = if is_known { self.real("interval_sec", row) } else { Some(3_600.0) };
        let Some(interval_sec) = interval_sec.filter(|seconds| *seconds > 0.0) else {
            return Err((self.place(row, "interval_sec is empty, or not above 0"), "seconds above 0"));
        };
        Ok(MatrixFrame {
            lengths: AtomPlan { intervals, atoms }.lengths(),
            interval_sec,
            embargo: self.whole("embargo", row, 0)?,
            least_trades: self.whole("least_trades", row, 0)?,
            most_drawdown: self.real("most_drawdown", row),
        })
    }

    fn add(&self, matrix: &mut TrialMatrix, row: usize, frame: &MatrixFrame) -> Result<(), Fault> {
        if matrix.frame != *frame {
            let what = self.place(
                row,
                "another number of atoms, n, interval_sec, embargo, least_trades or most_drawdown than in row 1",
            );
            return Err((what, "the same in every row"));
        }
        let s1 = self.list::<Float64Type>("s1", row)?.unwrap_or_default();
        let s2 = self.list::<Float64Type>("s2", row)?.unwrap_or_default();
        let trades = self.list::<Int64Type>("trades", row)?;
        let atoms = frame.atoms();
        if s2.len() != atoms || trades.is_some_and(|trades| trades.len() != atoms) {
            return Err((
                self.place(row, "s1, s2 and trades have different lengths"),
                "a number for every atom in each",
            ));
        }
        for (atom, ((s1, s2), n)) in s1.iter().zip(s2).zip(&frame.lengths).enumerate() {
            // no returns have such sums; the last digits are those of rounding
            if !(s1.is_finite() && s2.is_finite() && s1 * s1 <= (1.0 + 1e-9) * f64::from(*n) * s2) {
                let what = self.place(row, &format!("atom {}: s1 = {s1}, s2 = {s2} over {n} intervals", atom + 1));
                return Err((what, "s1^2 of at most intervals * s2: sums of one set of returns and of their squares"));
            }
        }
        let trades: Vec<u16> = trades.unwrap_or_default().iter().map(|n| (*n).clamp(0, 65_535) as u16).collect();
        matrix.push(self.trial(row, whole_sharpe(frame, s1, s2))?, AtomSums { s1, s2, trades: &trades });
        Ok(())
    }

    fn trial(&self, row: usize, sharpe: f64) -> Result<Trial, Fault> {
        let text = |name: &str| {
            let column = self.by_name.get(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_string())
        };
        let id = text("id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| (self.place(row, "there is no id"), "an id of its own for every row"))?;
        let weight = u64::from(self.whole("weight", row, 1)?);
        if weight == 0 {
            return Err((self.place(row, "weight is 0"), "the number of configurations, from 1 on"));
        }
        let objective = match self.by_name.contains_key("objective") {
            true => self.real("objective", row),
            false => Some(sharpe),
        };
        let flag = self.by_name.get("eligible").and_then(|column| column.as_boolean_opt());
        let shape = || {
            Some(ShapeSums {
                s3: self.real("s3", row)?,
                s4: self.real("s4", row)?,
                lag_product: self.real("lag_product", row)?,
                first: self.real("first", row)?,
                last: self.real("last", row)?,
            })
        };
        Ok(Trial {
            id,
            ledger: text("ledger").unwrap_or_default(),
            weight,
            objective: objective.filter(|objective| objective.is_finite()),
            rank: self.value::<Int64Type>("rank", row).and_then(|rank| u32::try_from(rank).ok()),
            is_eligible: flag.is_none_or(|flag| flag.is_valid(row) && flag.value(row)),
            ranking_sharpe: self.real("ranking_sharpe", row),
            shape: shape(),
            max_drawdown: self.real("max_drawdown", row),
        })
    }
}

fn whole_sharpe(frame: &MatrixFrame, s1: &[f64], s2: &[f64]) -> f64 {
    let n = f64::from(frame.all_intervals());
    super::sharpe::Sums { n, s1: s1.iter().sum(), s2: s2.iter().sum() }.sharpe()
}
