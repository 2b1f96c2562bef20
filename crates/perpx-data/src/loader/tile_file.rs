//! A tile as a file: one Arrow IPC record batch of one row, each column a list; read back by memory map without a copy.
//! A trailer of length and checksum follows, so that a torn or altered file is seen.

use crate::loader::load::both;
use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, PrimitiveArray, RecordBatch};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Field, Int8Type, Int64Type, Schema, UInt32Type};
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use perpx_core::market::{DepthLevel, Role};
use perpx_core::tape::NEVER;
use perpx_core::tape::rows::FundingKind;
use perpx_core::tape::*;
use perpx_core::tape::{FeedLoad, Second};
use perpx_core::units::{Price, Qty, Rate, Time, TimeDelta};
use std::path::Path;
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"perpxT02";
/// Length, checksum, magic.
const TRAILER: usize = 24;
/// Bytes of a file that two threads read.
const LONG_FILE: usize = 1 << 21;

/// The bytes of a tile's file; `None` when Arrow cannot write it.
pub(crate) fn encode(tile: &Tile) -> Option<Vec<u8>> {
    let mut sheet = Sheet::default();
    sheet.put_tile(tile);
    let batch = sheet.batch()?;
    let mut bytes = Vec::with_capacity(batch.get_array_memory_size() + 65_536);
    let mut writer = FileWriter::try_new(&mut bytes, &batch.schema()).ok()?;
    writer.write(&batch).ok()?;
    writer.finish().ok()?;
    drop(writer);
    let (length, sum) = (bytes.len() as u64, checksum(&bytes));
    bytes.extend(length.to_le_bytes());
    bytes.extend(sum.to_le_bytes());
    bytes.extend(MAGIC);
    Some(bytes)
}

/// Bytes of a tile's file at least.
pub(crate) fn least_size(tile: &Tile) -> u64 {
    let levels = |depth: &DepthCols| 16 * depth.time.len() + 16 * depth.levels.len();
    let venue = |v: &VenueRows| {
        40 * v.quotes.time.len() + 26 * v.trades.time.len() + 24 * v.marks.time.len() + levels(&v.depth)
    };
    let local = 128 * tile.local.len() + tile.local.depth.iter().map(levels).sum::<usize>();
    (local + tile.venues.iter().map(venue).sum::<usize>()) as u64
}

/// The tile of a file; `None` when it is not whole.
pub(crate) fn read(path: &Path) -> Option<Tile> {
    let file = std::fs::File::open(path).ok()?;
    // SAFETY: the map must not change under its readers. Cache files are written under another name and renamed, never
    // written again; removal leaves the mapped pages. Whoever truncates one by hand may crash the run, not corrupt it
    // unseen: the checksum is taken before the map is used. It reads every page, so that all are mapped at once.
    #[allow(unsafe_code)]
    let map = unsafe { memmap2::MmapOptions::new().populate().map(&file) }.ok()?;
    decode(Buffer::from(bytes::Bytes::from_owner(map)))
}

pub(crate) fn decode(buffer: Buffer) -> Option<Tile> {
    let body = buffer.len().checked_sub(TRAILER)?;
    let word = |at: usize| Some(u64::from_le_bytes(buffer.get(at..at + 8)?.try_into().ok()?));
    let whole = buffer.get(body + 16..)? == MAGIC && word(body)? == body as u64;
    if !whole || word(body + 8)? != checksum(&buffer[..body]) {
        return None;
    }
    let buffer = buffer.slice_with_length(0, body);
    let tail = body.checked_sub(10)?;
    let footer_length = read_footer_length(buffer.get(tail..)?.try_into().ok()?).ok()?;
    let footer = root_as_footer(buffer.get(tail.checked_sub(footer_length)?..tail)?).ok()?;
    let schema = try_fb_to_schema(footer.schema()?).ok()?;
    let decoder = FileDecoder::new(Arc::new(schema), footer.version()).with_require_alignment(true);
    let block = footer.recordBatches()?.get(0);
    let length = usize::try_from(block.bodyLength()).ok()? + usize::try_from(block.metaDataLength()).ok()?;
    let offset = usize::try_from(block.offset()).ok()?;
    let batch = decoder.read_record_batch(block, &buffer.slice_with_length(offset, length)).ok()??;
    Pages { columns: batch.columns().iter() }.tile()
}

/// Catches torn and altered files at the speed of memory. No defence against an adversary, who could as well write the cache
/// himself. The halves of a file are summed at once.
fn checksum(bytes: &[u8]) -> u64 {
    let (one, two) = bytes.split_at(bytes.len() / 2);
    let (one, two) = both(bytes.len() >= LONG_FILE, || running(one), || running(two));
    (one ^ two.rotate_left(32)).wrapping_mul(PRIME).rotate_left(29)
}

const PRIME: u64 = 0x9E37_79B1_85EB_CA87;

/// Eight running products over eight-byte words.
fn running(bytes: &[u8]) -> u64 {
    let mut lanes = [1u64, 2, 3, 4, 5, 6, 7, 8];
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        let words = block.as_chunks::<8>().0;
        for lane in 0..8 {
            lanes[lane] = (lanes[lane] ^ u64::from_le_bytes(words[lane])).wrapping_mul(PRIME).rotate_left(29);
        }
    }
    let mut sum = bytes.len() as u64;
    for lane in lanes {
        sum = (sum ^ lane).wrapping_mul(PRIME).rotate_left(29);
    }
    rest.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(PRIME).rotate_left(29))
}

/// Columns being written, in the order in which `Pages` reads them.
#[derive(Default)]
struct Sheet {
    columns: Vec<ArrayRef>,
}

impl Sheet {
    fn put<T: ArrowPrimitiveType>(&mut self, values: &ScalarBuffer<T::Native>) {
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let field = Arc::new(Field::new("item", T::DATA_TYPE, false));
        let values = PrimitiveArray::<T>::new(values.clone(), None);
        self.columns.push(Arc::new(LargeListArray::new(field, offsets, Arc::new(values), None)));
    }

    fn ints(&mut self, values: Vec<i64>) {
        self.put::<Int64Type>(&values.into());
    }

    fn put_tile(&mut self, tile: &Tile) {
        self.ints(vec![tile.start.0, tile.end.0]);
        let l = &tile.local;
        self.put::<Int64Type>(&l.time);
        self.put::<Int64Type>(&l.record);
        for column in l.bid.iter().chain(&l.ask).chain(&l.seen) {
            self.put::<Int64Type>(column);
        }
        self.put::<UInt32Type>(&l.funding_at);
        self.put::<UInt32Type>(&l.mark_at);
        self.ints(l.fundings.iter().flat_map(funding_ints).collect());
        self.ints(l.marks.iter().flat_map(|m| [m.mark[0].0, m.mark[1].0, m.index[0].0, m.index[1].0]).collect());
        for depth in &l.depth {
            self.put_depth(depth);
        }
        for v in &tile.venues {
            self.put_venue(v);
        }
    }

    fn put_venue(&mut self, v: &VenueRows) {
        let (q, t, m) = (&v.quotes, &v.trades, &v.marks);
        for column in [&q.time, &q.bid, &q.bid_qty, &q.ask, &q.ask_qty, &t.time, &t.px, &t.qty] {
            self.put::<Int64Type>(column);
        }
        self.put::<Int8Type>(&t.taker);
        self.put::<Int8Type>(&t.consumed_book);
        for column in [&m.time, &m.mark, &m.index] {
            self.put::<Int64Type>(column);
        }
        self.put_depth(&v.depth);
        self.ints(v.settlements.iter().flat_map(|s| [s.ts.0, s.rate.0]).collect());
        // a tile without a load has not even an empty one
        let seconds = v.load.as_ref().map_or(&[][..], |load| &load.0);
        let mut load = vec![i64::from(v.load.is_some())];
        load.extend(seconds.iter().flat_map(|s| [s.second, i64::from(s.rows), s.delay.0]));
        self.ints(load);
    }

    fn put_depth(&mut self, depth: &DepthCols) {
        self.ints(depth.time.clone());
        self.put::<UInt32Type>(&depth.first.iter().flatten().copied().collect());
        self.ints(depth.levels.iter().flat_map(|l| [l.px.0, l.qty.0]).collect());
    }

    fn batch(self) -> Option<RecordBatch> {
        let name = |(i, c): (usize, &ArrayRef)| Field::new(format!("c{i}"), c.data_type().clone(), false);
        let fields: Vec<Field> = self.columns.iter().enumerate().map(name).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), self.columns).ok()
    }
}

/// Columns being read.
struct Pages<'a> {
    columns: std::slice::Iter<'a, ArrayRef>,
}

impl Pages<'_> {
    fn take<T: ArrowPrimitiveType>(&mut self) -> Option<ScalarBuffer<T::Native>> {
        let list = self.columns.next()?.as_list_opt::<i64>()?;
        let [low, high] = [list.offsets().first(), list.offsets().last()].map(usize::try_from);
        let (low, high) = (low.ok()?, high.ok()?);
        let values = list.values().as_primitive_opt::<T>()?;
        Some(values.values().slice(low, high.checked_sub(low)?))
    }

    fn ints(&mut self) -> Option<ScalarBuffer<i64>> {
        self.take::<Int64Type>()
    }

    fn pair(&mut self) -> Option<[ScalarBuffer<i64>; 2]> {
        Some([self.ints()?, self.ints()?])
    }

    fn tile(mut self) -> Option<Tile> {
        let bounds = self.ints()?;
        let local = self.local()?;
        let venues = [self.venue()?, self.venue()?];
        Some(Tile { start: Time(*bounds.first()?), end: Time(*bounds.get(1)?), local, venues })
    }

    fn local(&mut self) -> Option<Local> {
        let (time, record) = (self.ints()?, self.ints()?);
        let (bid, ask, seen) = (self.pair()?, self.pair()?, self.pair()?);
        let (funding_at, mark_at) = (self.take::<UInt32Type>()?, self.take::<UInt32Type>()?);
        let fundings = self.ints()?.as_chunks::<FUNDING_INTS>().0.iter().map(ints_funding).collect();
        let marks = self.ints()?;
        let mark = |m: &[i64; 4]| MarkState { mark: [Price(m[0]), Price(m[1])], index: [Price(m[2]), Price(m[3])] };
        let marks = marks.as_chunks::<4>().0.iter().map(mark).collect();
        let depth = [self.depth()?, self.depth()?];
        Some(Local { time, record, bid, ask, seen, funding_at, mark_at, fundings, marks, depth })
    }

    fn venue(&mut self) -> Option<VenueRows> {
        let quotes = QuoteCols {
            time: self.ints()?,
            bid: self.ints()?,
            bid_qty: self.ints()?,
            ask: self.ints()?,
            ask_qty: self.ints()?,
        };
        let trades = TradeCols {
            time: self.ints()?,
            px: self.ints()?,
            qty: self.ints()?,
            taker: self.take::<Int8Type>()?,
            consumed_book: self.take::<Int8Type>()?,
        };
        let marks = MarkCols { time: self.ints()?, mark: self.ints()?, index: self.ints()? };
        let depth = self.depth()?;
        let settlements = self.ints()?;
        let settlements =
            settlements.as_chunks::<2>().0.iter().map(|s| Settlement { ts: Time(s[0]), rate: Rate(s[1]) }).collect();
        let load = self.ints()?;
        let (kept, seconds) = load.split_first()?;
        let second = |s: &[i64; 3]| Second { second: s[0], rows: s[1] as u32, delay: TimeDelta(s[2]) };
        let load = (*kept == 1).then(|| FeedLoad(seconds.as_chunks::<3>().0.iter().map(second).collect()));
        Some(VenueRows { quotes, trades, depth, marks, settlements, load })
    }

    fn depth(&mut self) -> Option<DepthCols> {
        let time = self.ints()?.to_vec();
        let first = self.take::<UInt32Type>()?.as_chunks::<2>().0.to_vec();
        let levels = self.ints()?;
        let levels = levels.as_chunks::<2>().0.iter().map(|l| DepthLevel { px: Price(l[0]), qty: Qty(l[1]) }).collect();
        Some(DepthCols { time, first, levels })
    }
}

/// Four numbers for each role and kind; an interval of zero hours means that nothing is known.
const FUNDING_INTS: usize = 4 * FUNDING_ORDER.len();
const FUNDING_ORDER: [(Role, FundingKind); 4] = [
    (Role::Long, FundingKind::Settled),
    (Role::Long, FundingKind::Predicted),
    (Role::Short, FundingKind::Settled),
    (Role::Short, FundingKind::Predicted),
];

fn funding_ints(state: &FundingState) -> Vec<i64> {
    let four = |(role, kind)| {
        let rate: Option<&FundingRate> = state.get(role, kind);
        rate.map_or([NEVER, NEVER, 0, 0], |r| [r.ts.0, r.recv.0, r.rate.0, i64::from(r.interval_hours)])
    };
    FUNDING_ORDER.into_iter().flat_map(four).collect()
}

fn ints_funding(ints: &[i64; FUNDING_INTS]) -> FundingState {
    let mut state = FundingState::default();
    for ((role, kind), four) in FUNDING_ORDER.into_iter().zip(ints.as_chunks::<4>().0) {
        let [ts, recv, rate, hours] = *four;
        let interval_hours = u32::try_from(hours).unwrap_or(0);
        if interval_hours > 0 {
            state.set(role, kind, FundingRate { ts: Time(ts), recv: Time(recv), rate: Rate(rate), interval_hours });
        }
    }
    state
}
