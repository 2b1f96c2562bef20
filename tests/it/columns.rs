//! The tables of a run as another reader meets them: names, types, meanings.

use crate::sweep::{Case, GRID, run};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeSet;
use std::fs;

fn schema(path: &std::path::Path) -> Schema {
    let file = fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").schema().as_ref().clone()
}

#[test]
fn names_are_unique_types_are_few_and_every_column_has_a_meaning() {
    let case = Case::new(GRID);
    run(&case.options("run")).expect("sweeps");
    let dir = case.out("run");
    for table in ["results", "trades", "legging", "equity"] {
        let schema = schema(&dir.join(format!("{table}.parquet")));
        let mut names = BTreeSet::new();
        for field in schema.fields() {
            let place = format!("{table}.{}", field.name());
            assert!(names.insert(field.name().to_lowercase()), "{place} is there twice");
            assert!(field.metadata().get("doc").is_some_and(|doc| doc.ends_with('.')), "{place} has no meaning");
            let known = match field.data_type() {
                DataType::Dictionary(key, value) => {
                    (key.as_ref(), value.as_ref()) == (&DataType::Int32, &DataType::Utf8)
                }
                DataType::Utf8 => field.name().ends_with("id") || field.name().ends_with("ledger"),
                DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) => zone.as_ref() == "UTC",
                DataType::Int64 | DataType::Float64 | DataType::Boolean | DataType::Decimal128(38, _) => true,
                _ => false,
            };
            assert!(known, "{place} is {}", field.data_type());
        }
    }
    let results = schema(&dir.join("results.parquet"));
    let kind = |name: &str| results.field_with_name(name).expect(name).data_type().clone();
    for whole in ["trades", "oos_trades", "rejects", "rejects_heard", "n_gate"] {
        assert_eq!(kind(whole), DataType::Int64, "{whole}");
    }
    assert_eq!(kind("net_pnl"), DataType::Float64);
    let board = fs::read_to_string(dir.join("leaderboard.csv")).expect("a board");
    let head: Vec<&str> = board.lines().next().expect("a head").split(',').collect();
    assert_eq!(head.iter().collect::<BTreeSet<_>>().len(), head.len(), "{head:?}");
    for field in results.fields() {
        assert!(head.contains(&field.name().as_str()), "leaderboard.csv lacks {}", field.name());
    }
}
