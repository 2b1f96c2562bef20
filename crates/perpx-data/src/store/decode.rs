//! Cells of a record batch as the integers of the house.

use super::read::Fault;
use crate::TapeError;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::*;
use perpx_core::units::parse_scaled;
use std::path::Path;

/// One batch being read; collects the cells that are no values.
pub struct Cells<'a> {
    path: &'a Path,
    batch: &'a RecordBatch,
    /// (row in the batch, what is wrong), in no order.
    pub(super) faults: Vec<(usize, Fault)>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(path: &'a Path, batch: &'a RecordBatch) -> Cells<'a> {
        Cells { path, batch, faults: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, name: &'static str) -> Result<&'a ArrayRef, TapeError> {
        // `StoreFile::open` has seen to it that every column is there
        self.batch.column_by_name(name).ok_or_else(|| TapeError::ColumnType {
            path: self.path.to_path_buf(),
            column: name,
            found: "no column".to_string(),
            wanted: "a column of that name",
        })
    }

    fn wrong_type<T>(&self, column: &'static str, array: &dyn Array, wanted: &'static str) -> Result<T, TapeError> {
        let found = array.data_type().to_string();
        Err(TapeError::ColumnType { path: self.path.to_path_buf(), column, found, wanted })
    }

    fn nulls(&mut self, column: &'static str, array: &dyn Array, wanted: &'static str) {
        if array.null_count() > 0 {
            let rows = (0..array.len()).filter(|&i| array.is_null(i));
            self.faults.extend(rows.map(|i| (i, Fault::new(column, "null", wanted).of("null"))));
        }
    }

    /// Nanoseconds since 1970-01-01 UTC.
    pub(super) fn times(&mut self, name: &'static str) -> Result<ScalarBuffer<i64>, TapeError> {
        let array = self.column(name)?;
        self.nulls(name, array, "a time");
        let (values, factor) = match array.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                return Ok(array.as_primitive::<TimestampNanosecondType>().values().clone());
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                (array.as_primitive::<TimestampMicrosecondType>().values(), 1_000)
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                (array.as_primitive::<TimestampMillisecondType>().values(), 1_000_000)
            }
            _ => return self.wrong_type(name, array, "TIMESTAMP in ns, us or ms, UTC"),
        };
        let mut out = Vec::with_capacity(values.len());
        for (i, &value) in values.iter().enumerate() {
            out.push(value.checked_mul(factor).unwrap_or_else(|| {
                self.faults.push((i, Fault::new(name, value, "a time before 2262")));
                0
            }));
        }
        Ok(out.into())
    }

    /// Integers of `10^-scale`; nulls are zero when `nullable`, faults otherwise.
    pub(super) fn decimals(
        &mut self,
        name: &'static str,
        scale: i8,
        nullable: bool,
    ) -> Result<ScalarBuffer<i64>, TapeError> {
        let array = self.column(name)?;
        if !nullable {
            self.nulls(name, array, "a number");
        }
        match array.data_type() {
            DataType::Decimal64(_, s) if *s == scale && (!nullable || array.null_count() == 0) => {
                Ok(array.as_primitive::<Decimal64Type>().values().clone())
            }
            DataType::Decimal64(_, s) => {
                let values = array.as_primitive::<Decimal64Type>().values();
                Ok(self.rescaled(name, array, values.iter().map(|&v| i128::from(v)), *s, scale))
            }
            DataType::Decimal32(_, s) => {
                let values = array.as_primitive::<Decimal32Type>().values();
                Ok(self.rescaled(name, array, values.iter().map(|&v| i128::from(v)), *s, scale))
            }
            DataType::Decimal128(_, s) => {
                let values = array.as_primitive::<Decimal128Type>().values();
                Ok(self.rescaled(name, array, values.iter().copied(), *s, scale))
            }
            DataType::Decimal256(_, s) => {
                // what does not fit an i128 fits no column of ours either
                let values = array.as_primitive::<Decimal256Type>().values();
                let short = |v: &arrow::datatypes::i256| v.to_i128().unwrap_or(i128::MAX);
                Ok(self.rescaled(name, array, values.iter().map(short), *s, scale))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                Ok(self.floats(name, array, values.iter().copied(), scale))
            }
            _ => self.wrong_type(name, array, "DECIMAL(18,9) (rates: 18,12), another exact DECIMAL, or DOUBLE"),
        }
    }

    fn rescaled(
        &mut self,
        name: &'static str,
        array: &ArrayRef,
        values: impl Iterator<Item = i128>,
        from: i8,
        to: i8,
    ) -> ScalarBuffer<i64> {
        let power = 10i128.checked_pow(u32::from(from.abs_diff(to)));
        let exact = |v: i128| match (to >= from, power) {
            _ if v == 0 => Some(0),
            (true, Some(power)) => i64::try_from(v.checked_mul(power)?).ok(),
            (false, Some(power)) if v % power == 0 => i64::try_from(v / power).ok(),
            _ => None,
        };
        self.each(name, array, values, exact, |v| format!("{v}e-{from}"), to)
    }

    fn floats(
        &mut self,
        name: &'static str,
        array: &ArrayRef,
        values: impl Iterator<Item = f64>,
        scale: i8,
    ) -> ScalarBuffer<i64> {
        self.each(name, array, values, |v| float_to_scaled(v, scale as u32), |v| v.to_string(), scale)
    }

    fn each<V: Copy>(
        &mut self,
        name: &'static str,
        array: &ArrayRef,
        values: impl Iterator<Item = V>,
        convert: impl Fn(V) -> Option<i64>,
        show: impl Fn(V) -> String,
        scale: i8,
    ) -> ScalarBuffer<i64> {
        let mut out = Vec::with_capacity(array.len());
        for (i, value) in values.enumerate() {
            if array.is_null(i) {
                out.push(0);
                continue;
            }
            out.push(convert(value).unwrap_or_else(|| {
                let wanted = format!("a number with at most {scale} decimals that fits 18 digits");
                self.faults.push((i, Fault::new(name, show(value), wanted).of("not exact")));
                0
            }));
        }
        out.into()
    }

    /// Whole numbers where there are any: no column, another type and null are all `None`.
    pub(super) fn numbers(&mut self, name: &'static str) -> Vec<Option<i64>> {
        let Some(array) = self.batch.column_by_name(name) else { return vec![None; self.len()] };
        match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
            DataType::Int32 => array.as_primitive::<Int32Type>().iter().map(|i| i.map(i64::from)).collect(),
            DataType::UInt32 => array.as_primitive::<UInt32Type>().iter().map(|i| i.map(i64::from)).collect(),
            // numbers are compared, not counted with: the upper half of them may as well be negative
            DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(|i| i.map(|i| i as i64)).collect(),
            _ => vec![None; self.len()],
        }
    }

    pub(super) fn small_ints(&mut self, name: &'static str) -> Result<Vec<i32>, TapeError> {
        let array = self.column(name)?;
        self.nulls(name, array, "a whole number");
        let wide = |i: i64| i32::try_from(i).unwrap_or(-1);
        Ok(match array.data_type() {
            DataType::Int8 => array.as_primitive::<Int8Type>().values().iter().map(|&i| i.into()).collect(),
            DataType::Int16 => array.as_primitive::<Int16Type>().values().iter().map(|&i| i.into()).collect(),
            DataType::Int32 => array.as_primitive::<Int32Type>().values().to_vec(),
            DataType::Int64 => array.as_primitive::<Int64Type>().values().iter().map(|&i| wide(i)).collect(),
            DataType::UInt8 => array.as_primitive::<UInt8Type>().values().iter().map(|&i| i.into()).collect(),
            DataType::UInt16 => array.as_primitive::<UInt16Type>().values().iter().map(|&i| i.into()).collect(),
            DataType::UInt32 => array.as_primitive::<UInt32Type>().values().iter().map(|&i| wide(i.into())).collect(),
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().values();
                values.iter().map(|&i| i32::try_from(i).unwrap_or(-1)).collect()
            }
            _ => return self.wrong_type(name, array, "INT32 (or another whole number)"),
        })
    }

    pub(super) fn flags(&mut self, name: &'static str) -> Result<Vec<bool>, TapeError> {
        let array = self.column(name)?;
        self.nulls(name, array, "true or false");
        match array.as_boolean_opt() {
            Some(values) => Ok((0..values.len()).map(|i| values.value(i)).collect()),
            None => self.wrong_type(name, array, "BOOLEAN"),
        }
    }

    /// Words of a closed vocabulary; a fault stands as its first word.
    pub(super) fn words<T: Copy, const N: usize>(
        &mut self,
        name: &'static str,
        vocabulary: &[(&'static str, T); N],
        wanted: &'static str,
    ) -> Result<Vec<T>, TapeError> {
        let array = self.column(name)?;
        self.nulls(name, array, wanted);
        let mut out = Vec::with_capacity(array.len());
        let faults = &mut self.faults;
        let mut take = |word: Option<&str>| {
            let found = word.and_then(|word| vocabulary.iter().find(|known| known.0 == word));
            if let (Some(word), None) = (word, found) {
                faults.push((out.len(), Fault::new(name, format!("'{word}'"), wanted).of("unknown word")));
            }
            out.push(found.unwrap_or(&vocabulary[0]).1);
        };
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().for_each(&mut take),
            DataType::LargeUtf8 => array.as_string::<i64>().iter().for_each(&mut take),
            DataType::Utf8View => array.as_string_view().iter().for_each(&mut take),
            _ => return self.wrong_type(name, array, "UTF8 text"),
        }
        Ok(out)
    }
}

/// The integer of `10^-scale` whose nearest double is `value`; `None` when the value has more decimals than that.
pub(crate) fn float_to_scaled(value: f64, scale: u32) -> Option<i64> {
    let power = 10f64.powi(scale as i32);
    let near = (value * power).round();
    if near.abs() < 9.0e15 {
        return (near / power == value).then_some(near as i64);
    }
    // above 2^53 the product is rounded itself: take the shortest decimal that reads back as this double
    i64::try_from(parse_scaled(&value.to_string(), scale)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_taken_when_they_are_nine_decimals() {
        assert_eq!(float_to_scaled(61804.7, 9), Some(61_804_700_000_000));
        assert_eq!(float_to_scaled(0.056629997, 9), Some(56_629_997));
        assert_eq!(float_to_scaled(99_999_999.125, 9), Some(99_999_999_125_000_000));
        assert_eq!(float_to_scaled(1.0 / 3.0, 9), None);
        assert_eq!(float_to_scaled(f64::NAN, 9), None);
        assert_eq!(float_to_scaled(f64::INFINITY, 9), None);
    }
}
