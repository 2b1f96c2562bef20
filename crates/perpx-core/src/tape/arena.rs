//! Memory of columns: one mapping for all columns of a timeline, in large pages, and used again by a later tile.
//!
//! Fresh memory comes from the kernel page by page, and a page of 4 KiB costs more to get than to fill: a tile in large
//! pages is built in two thirds of the time.

use crate::tape::tile::Column;
use arrow_buffer::ArrowNativeType;
use arrow_buffer::{Buffer, ScalarBuffer};
use memmap2::MmapMut;
use std::alloc::{Layout, handle_alloc_error};
use std::sync::{Mutex, MutexGuard};

/// Mappings that wait to be used again, at most.
const FREE: usize = 6;

/// A mapping is not used for what needs less than one part in so many of it.
const WASTE: usize = 4;

/// Bytes of a huge page of the processor.
const LARGE_PAGE: usize = 1 << 21;

/// Mappings below a huge page are a multiple of so many bytes.
const SMALLEST: usize = 1 << 16;

/// Columns begin at lines of the processor's cache.
const ALIGNED: usize = 64;

/// Mappings that no column uses, for the next tiles.
static FREED: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// A panic of another thread leaves whole mappings behind the lock.
fn free() -> MutexGuard<'static, Vec<MmapMut>> {
    FREED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Slots of a column that is being filled: each the bytes of a value, in the order of this machine.
pub(super) type Slots<'a, const BYTES: usize> = &'a mut [[u8; BYTES]];

/// Memory of some columns. Its bytes are those of an earlier tile or zero.
pub(super) struct Arena {
    /// Where the columns lie.
    map: PooledMap,
}

/// Comes back to the free ones when the last column is dropped.
struct PooledMap(Option<MmapMut>);

impl Drop for PooledMap {
    fn drop(&mut self) {
        let Some(map) = self.0.take() else { return };
        let mut freed = free();
        freed.push(map);
        if freed.len() > FREE {
            let smallest = (0..freed.len()).min_by_key(|&i| freed[i].len()).unwrap_or(0);
            drop(freed.swap_remove(smallest));
        }
    }
}

impl AsRef<[u8]> for PooledMap {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Bytes of a column of so many values in an arena.
pub(super) fn column_bytes<const BYTES: usize>(values: usize) -> usize {
    (values * BYTES).next_multiple_of(ALIGNED)
}

impl Arena {
    /// Memory for columns of so many bytes in all.
    pub fn new(bytes: usize) -> Arena {
        let mut freed = free();
        let fits = |map: &MmapMut| map.len() >= bytes && map.len() / WASTE <= bytes.max(LARGE_PAGE);
        let best = (0..freed.len()).filter(|&i| fits(&freed[i])).min_by_key(|&i| freed[i].len());
        let found = best.map(|i| freed.swap_remove(i));
        drop(freed);
        Arena { map: PooledMap(Some(found.unwrap_or_else(|| mapped(bytes)))) }
    }

    /// To be split into columns.
    pub fn unfilled(&mut self) -> Unfilled<'_> {
        Unfilled { rest: self.map.0.as_deref_mut().unwrap_or_default() }
    }

    /// The filled columns, to be taken in the order in which they were split off.
    pub fn filled(self) -> Filled {
        Filled { buffer: Buffer::from(bytes::Bytes::from_owner(self.map)), at: 0 }
    }
}

/// A free mapping that fits, or a new one.
fn mapped(bytes: usize) -> MmapMut {
    let is_large = bytes >= LARGE_PAGE;
    // in steps of an eighth, so that the next tile, a little longer, still fits
    let step = if is_large { (bytes.next_power_of_two() / 8).max(LARGE_PAGE) } else { SMALLEST };
    let length = bytes.max(1).next_multiple_of(step);
    let Ok(map) = MmapMut::map_anon(length) else {
        // as every other allocation does
        handle_alloc_error(Layout::from_size_align(length, ALIGNED).unwrap_or(Layout::new::<u64>()))
    };
    #[cfg(target_os = "linux")]
    if is_large {
        // a wish: without large pages it is slower
        let _ = map.advise(memmap2::Advice::HugePage);
    }
    map
}

/// The part of an arena that no column has taken yet.
pub(super) struct Unfilled<'a> {
    /// Behind the columns that were split off.
    rest: &'a mut [u8],
}

impl<'a> Unfilled<'a> {
    /// The next column.
    pub fn column<const BYTES: usize>(&mut self, values: usize) -> Slots<'a, BYTES> {
        let (bytes, rest) = std::mem::take(&mut self.rest).split_at_mut(column_bytes::<BYTES>(values));
        self.rest = rest;
        &mut bytes[..values * BYTES].as_chunks_mut::<BYTES>().0[..values]
    }
}

/// An arena whose columns are full, while they are taken out one by one.
pub(super) struct Filled {
    /// All of it.
    buffer: Buffer,
    /// Where the next column begins, bytes.
    at: usize,
}

impl Filled {
    /// The first `values` of the next column, which was split off with space for `capacity`.
    pub fn column<T: ArrowNativeType>(&mut self, capacity: usize, values: usize) -> Column<T> {
        let column = ScalarBuffer::new(self.buffer.slice(self.at), 0, values.min(capacity));
        self.at += (capacity * size_of::<T>()).next_multiple_of(ALIGNED);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_apart_and_their_memory_is_used_again() {
        let fill = |first: i64| {
            let mut arena = Arena::new(column_bytes::<8>(1_001) + column_bytes::<4>(7));
            let mut unfilled = arena.unfilled();
            let (one, other) = (unfilled.column::<8>(1_001), unfilled.column::<4>(7));
            one.iter_mut().zip(first..).for_each(|(cell, value)| *cell = value.to_ne_bytes());
            other.iter_mut().zip(5u32..).for_each(|(cell, value)| *cell = value.to_ne_bytes());
            let mut filled = arena.filled();
            (filled.column::<i64>(1_001, 1_000), filled.column::<u32>(7, 7))
        };
        for first in [0, 90] {
            let held = [fill(first), fill(-first)];
            for (sign, (one, other)) in [1, -1].into_iter().zip(&held) {
                assert!(one.iter().copied().eq(sign * first..sign * first + 1_000));
                assert_eq!(other[..], [5, 6, 7, 8, 9, 10, 11]);
            }
        }
    }
}
