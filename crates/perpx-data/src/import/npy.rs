//! Structured arrays of numpy (.npy, and .npz: a zip of them): a short text of columns and types, then rows of fixed width.

use std::io::Read;

/// Column, place in the row, and kind and width of the number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    at: usize,
    kind: char,
    width: usize,
}

/// A column that is asked for: a field, or some of its bits (`ev&0xff`).
struct ArrayColumn {
    field: Field,
    mask: Option<u64>,
}

/// The rows of an array.
pub struct Array {
    reader: Box<dyn Read>,
    wanted: Vec<ArrayColumn>,
    row: Vec<u8>,
    left: u64,
    place: u64,
}

impl Array {
    /// Reads the head and finds the columns.
    pub fn open(mut reader: Box<dyn Read>, columns: &[&str]) -> Result<Array, String> {
        let head = head(&mut reader)?;
        let (fields, width) = fields(&head)?;
        let names = || fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
        let find = |column: &&str| {
            let (name, bits) = column.split_once('&').map_or((*column, None), |(name, bits)| (name, Some(bits)));
            let mask = bits.map(|bits| u64::from_str_radix(bits.trim_start_matches("0x"), 16));
            let mask = mask.transpose().map_err(|_| format!("'{column}': wanted bits such as {name}&0xff"))?;
            let field = fields.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| format!("there is no column '{name}'; it has: {}", names()))?.clone();
            match mask.is_some() && field.kind == 'f' {
                true => Err(format!("'{column}': a number with a fraction has no bits to choose")),
                false => Ok(ArrayColumn { field, mask }),
            }
        };
        let wanted = columns.iter().map(find).collect::<Result<_, String>>()?;
        Ok(Array { reader, wanted, row: vec![0; width], left: count(&head)?, place: 0 })
    }

    /// Puts the next row's cells as texts into `cells`; its place from 1, `None` at the end.
    pub fn next(&mut self, mut put: impl FnMut(String)) -> Result<Option<u64>, String> {
        if self.left == 0 {
            return Ok(None);
        }
        let cut = |e: std::io::Error| format!("row {}: {e}; {} rows are missing", self.place + 1, self.left);
        self.reader.read_exact(&mut self.row).map_err(cut)?;
        (self.left, self.place) = (self.left - 1, self.place + 1);
        for ArrayColumn { field, mask } in &self.wanted {
            let mut bytes = [0u8; 8];
            bytes[..field.width].copy_from_slice(&self.row[field.at..field.at + field.width]);
            let bits = u64::from_le_bytes(bytes);
            put(match (field.kind, field.width, mask) {
                (_, _, Some(mask)) => (bits & mask).to_string(),
                ('f', 4, _) => f32::from_bits(bits as u32).to_string(),
                ('f', ..) => f64::from_bits(bits).to_string(),
                ('i', width, _) => ((bits << (64 - 8 * width)) as i64 >> (64 - 8 * width)).to_string(),
                _ => bits.to_string(),
            });
        }
        Ok(Some(self.place))
    }
}

/// The dictionary before the rows, as numpy writes it.
fn head(reader: &mut dyn Read) -> Result<String, String> {
    let no_array = |e: std::io::Error| format!("no array of numpy: {e}");
    let mut start = [0u8; 8];
    reader.read_exact(&mut start).map_err(no_array)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err("no array of numpy: it does not begin with its mark".to_string());
    }
    let mut length = [0u8; 4];
    let wide = if start[6] == 1 { 2 } else { 4 };
    reader.read_exact(&mut length[..wide]).map_err(no_array)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > 1 << 20 {
        return Err(format!("no array of numpy: its head has {length} bytes"));
    }
    let mut head = vec![0u8; length];
    reader.read_exact(&mut head).map_err(no_array)?;
    String::from_utf8(head).map_err(|_| "no array of numpy: its head is no text".to_string())
}

/// What stands after a key of the head.
fn after<'a>(head: &'a str, key: &str) -> Result<&'a str, String> {
    let found = head.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
    found.ok_or_else(|| format!("its head says no {key}: {head}"))
}

/// The fields of the array's rows, and the bytes of a row.
fn fields(head: &str) -> Result<(Vec<Field>, usize), String> {
    let rest = after(head, "descr")?;
    let Some((list, _)) = rest.strip_prefix('[').and_then(|list| list.split_once(']')) else {
        return Err(format!("its rows have no named columns (a structured array is wanted), but {}", rest.trim_end()));
    };
    let (mut fields, mut at) = (Vec::new(), 0);
    for entry in list.split('(').skip(1) {
        let texts: Vec<&str> = entry.split('\'').collect();
        let (Some(name), Some(kind)) = (texts.get(1), texts.get(3)) else {
            return Err(format!("its head has a column that is not understood: ({entry}"));
        };
        let width = kind.get(2..).and_then(|width| width.parse::<usize>().ok());
        let (order, letter) = (kind.chars().next().unwrap_or(' '), kind.chars().nth(1).unwrap_or(' '));
        match (order, letter, width) {
            ('<' | '|', 'u' | 'i' | 'f' | 'b', Some(width @ (1 | 2 | 4 | 8))) => {
                fields.push(Field { name: name.to_string(), at, kind: letter, width });
                at += width;
            }
            // room between aligned columns
            ('|', 'V', Some(width)) => at += width,
            _ => return Err(format!("column '{name}' has type {kind}, which an import cannot read")),
        }
    }
    Ok((fields, at))
}

/// Rows of the array.
fn count(head: &str) -> Result<u64, String> {
    let shape = after(head, "shape")?;
    let inside = shape.strip_prefix('(').and_then(|shape| shape.split_once(')')).map(|(inside, _)| inside);
    let number = inside.and_then(|inside| inside.trim_end_matches(',').trim().parse().ok());
    number.ok_or_else(|| format!("its shape is no single number of rows: {}", shape.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array as numpy's version 1.0 writes it.
    fn array(head: &str, rows: &[u8]) -> Box<dyn Read> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(rows);
        Box::new(std::io::Cursor::new(bytes))
    }

    #[test]
    fn rows_of_every_width_are_read_and_others_refused() {
        let head = "{'descr': [('ev', '<u8'), ('n', '<i2'), ('', '|V2'), ('f', '<f4'), ('px', '<f8')], 'fortran_order': False, \
                    'shape': (2,), }\n";
        let mut rows = Vec::new();
        for (ev, n, f, px) in [(0x4000_0001_u64, -5_i16, 0.5_f32, 61_804.7_f64), (3, 7, -1.25, 1e-9)] {
            rows.extend(ev.to_le_bytes());
            rows.extend(n.to_le_bytes());
            rows.extend([0, 0]);
            rows.extend(f.to_le_bytes());
            rows.extend(px.to_le_bytes());
        }
        let mut found =
            Array::open(array(head, &rows), &["px", "n", "f", "ev&0xff", "ev&0x40000000"]).expect("an array");
        let mut row = || {
            let mut cells = Vec::new();
            let place = found.next(|cell| cells.push(cell)).expect("a row");
            (place, cells.join(" "))
        };
        assert_eq!(row(), (Some(1), "61804.7 -5 0.5 1 1073741824".to_string()));
        assert_eq!(row(), (Some(2), "0.000000001 7 -1.25 3 0".to_string()));
        assert_eq!(row(), (None, String::new()));
        let refused = |reader, columns: &[&str]| Array::open(reader, columns).err().expect("a refusal");
        assert_eq!(refused(array(head, &rows), &["qty"]), "there is no column 'qty'; it has: ev, n, f, px");
        assert!(refused(array(head, &rows), &["px&0xff"]).contains("no bits"));
        assert!(
            refused(array("{'descr': '<f8', 'fortran_order': False, 'shape': (9, 6), }", &[]), &[])
                .contains("no named columns")
        );
        assert!(refused(array(&head.replace("<f4", ">f4"), &[]), &[]).contains("'f' has type >f4"));
        assert!(refused(Box::new(&b"PK\x03\x04 nothing"[..]), &[]).contains("does not begin with its mark"));
        let mut short = Array::open(array(head, &rows[..30]), &["n"]).expect("an array");
        assert!(short.next(|_| ()).is_ok());
        assert!(short.next(|_| ()).expect_err("cut").contains("1 rows are missing"));
    }
}
