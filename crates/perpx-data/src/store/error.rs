//! Everything that can be wrong with a store, a tape or an import: which file, which place, what was found, what is
//! accepted, what to do.

use super::Fault;
use perpx_core::units::Time;
use std::path::PathBuf;
use thiserror::Error;

/// Rows and row groups are counted from 0 in the fields and from 1 in the text.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what happened and what its fields are")]
pub enum TapeError {
    #[error("{path}: cannot {action}: {source}")]
    Io { path: PathBuf, action: &'static str, source: std::io::Error },

    #[error(
        "'{path}' lies on an object store ({scheme}://), which this version cannot read or write; copy it to a local \
         folder and give that folder"
    )]
    ObjectStore { path: String, scheme: String },

    #[error(
        "{path}: the folder is not empty and holds no dataset.json; give a new or empty folder, or that of a store"
    )]
    NotAStore { path: PathBuf },

    #[error(
        "{path}: no such folder; give the folder that holds quotes/, trades/, marks/ and funding/ (a recording has none before its first \
         full hour, or before its recorder has ended)"
    )]
    NoStore { path: PathBuf },

    #[error(
        "{path}: no series of any venue is in this folder; give the folder that holds quotes/, trades/, marks/ and funding/"
    )]
    EmptyStore { path: PathBuf },

    #[error("{path}: dataset.json cannot be read: {what}; make the store again with `perpx-data import` or `synth`")]
    Dataset { path: PathBuf, what: String },

    #[error(
        "{path}: the folder is not empty and holds no recorded store; give a recorder a new or empty folder, or its own"
    )]
    NotRecorded { path: PathBuf },

    #[error("{path}: a recorder writes this store, and it would be replaced; give another folder")]
    IsRecorded { path: PathBuf },

    #[error("{path}: {rows} rows were read back of {want} that were written; the disk is full or failing")]
    NotReadBack { path: PathBuf, rows: u64, want: u64 },

    #[error(
        "{path}: hour {hour} was made of its raw frames again, and is not what the store holds of it; the day's hours are merged: \
         compact the whole day into a new store"
    )]
    MergedOtherwise { path: PathBuf, hour: String },

    #[error(
        "{path}: hour {hour} of {venue} was made of {had} raw frames, and {found} are there now: some are gone; the rows stay as they \
         are; to do: restore the raw file of that hour, or remove it to keep the rows without it"
    )]
    FramesGone { path: PathBuf, venue: String, hour: String, had: u64, found: u64 },

    #[error(
        "{path}: its contents are not those that dataset.json lists; restore the file, or make the store again of its raw frames"
    )]
    ListedOtherwise { path: PathBuf },

    #[error("{path}: not a whole parquet file ({source}); write or copy it again")]
    NotParquet { path: PathBuf, source: parquet::errors::ParquetError },

    #[error("{path}: {what}; write the file again with one of them")]
    Codec { path: PathBuf, what: String },

    #[error("{path}: row group {}, near row {}: {source}; write or copy the file again", group + 1, row + 1)]
    Damaged { path: PathBuf, group: usize, row: u64, source: parquet::errors::ParquetError },

    #[error("{path}: cannot write parquet: {source}")]
    Write { path: PathBuf, source: parquet::errors::ParquetError },

    #[error("{path}: column '{column}' is missing; the file has: {found}; table '{table}' needs: {wanted}")]
    MissingColumn { path: PathBuf, table: &'static str, column: &'static str, found: String, wanted: String },

    #[error("{path}: column '{column}' has type {found}; accepted: {wanted}")]
    ColumnType { path: PathBuf, column: &'static str, found: String, wanted: &'static str },

    #[error("{path}: row group {}, row {}: {fault}; {remedy}", group + 1, row + 1)]
    BadRow { path: PathBuf, group: usize, row: u64, fault: Box<Fault>, remedy: &'static str },

    #[error("{path}: the depth snapshot received {recv} (stamped {exch}): {fault}; {remedy}")]
    BadSnapshot { path: PathBuf, exch: Time, recv: Time, fault: Box<Fault>, remedy: &'static str },

    #[error(
        "{path}: its rows ({first} to {last}) do not belong to partition {partition}; rows go to the partition of \
         their receive time (funding: of their settlement)"
    )]
    WrongPartition { path: PathBuf, partition: String, first: Time, last: Time },

    #[error("{path}: '{name}' is no {key}= partition; accepted: {wanted}")]
    PartitionName { path: PathBuf, name: String, key: &'static str, wanted: &'static str },

    #[error(
        "{path}: dataset.json lists this file, and it is gone; restore the file, import the store again, or delete \
         dataset.json if it is not missed"
    )]
    ListedAndGone { path: PathBuf },

    #[error(
        "{first} and {second} overlap: the first ends {first_end}, the second begins {second_begin}; keep one of them \
         or cut them at a receive time"
    )]
    Overlap { first: PathBuf, second: PathBuf, first_end: Time, second_begin: Time },

    #[error("cannot store {table} of {series}, row {}: {fault}", row + 1)]
    Refused { table: &'static str, series: String, row: usize, fault: Box<Fault> },

    #[error("the tape cannot be opened: {what}")]
    Spec { what: String },

    #[error(
        "{store}: {table} of {series} hold no row between {from} and {to}; {have}; choose a range or a venue that the \
         store covers"
    )]
    NoData { store: PathBuf, table: &'static str, series: String, from: Time, to: Time, have: String },

    #[error(
        "{store}: funding of {series}: {what}; get the rows (`perpx-data backfill --what funding`), or say what to assume: \
         funding.missing = zero (nothing is \
         paid) or carry_last (the last rate repeats)"
    )]
    FundingMissing { store: PathBuf, series: String, what: String },

    #[error("{store}: marks of {series}: {what}; get the rows, or say what to assume: marks.missing = {choices}")]
    MarksMissing { store: PathBuf, series: String, what: String, choices: &'static str },

    #[error("{path}: holds nothing of {wanted}; it has: {}", if found.is_empty() { "nothing" } else { found.as_str() })]
    NoSeries { path: PathBuf, wanted: String, found: String },

    #[error("{path}: {what}")]
    Map { path: PathBuf, what: String },

    #[error("{path}: line {line}: {what}; accepted: {accepted}")]
    MapEntry { path: PathBuf, line: usize, what: String, accepted: String },

    #[error("{path}: cannot be read: {what}")]
    ImportFile { path: PathBuf, what: String },

    #[error("{path}: {place}: {fault}; repair the file or its entry in the map; nothing was imported")]
    ImportRow { path: PathBuf, place: String, fault: Box<Fault> },

    #[error("'{name}' cannot name a {what}: letters, digits, '.', '_' and '-' are accepted")]
    Name { what: &'static str, name: String },
}

impl TapeError {
    /// 2 for what the user gave, 1 for what the machine did.
    pub fn exit_code(&self) -> u8 {
        match self {
            TapeError::Io { source, .. } if source.kind() != std::io::ErrorKind::NotFound => 1,
            TapeError::Write { .. } => 1,
            _ => 2,
        }
    }

    /// An I/O failure at `path`, ready for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(std::io::Error) -> TapeError {
        let path = path.into();
        move |source| TapeError::Io { path, action, source }
    }
}
