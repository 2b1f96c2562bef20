//! A process that dies where it is told to, for tests of what the next one finds: `PERPX_CRASH_AT=RECORD:POINT`.

use super::record::Record;
use super::thread::Sink;
use std::io;

/// Where in the life of a record the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Nothing of it is written.
    Before,
    /// The first half of its bytes is.
    Half,
    /// All of it is, and may be lost with the machine.
    Written,
    /// It is durable, and whoever waits for that has not heard of it.
    Durable,
}

/// Writes as the one inside does, up to the point.
pub struct Crashing<W> {
    inner: W,
    at: Option<(u64, Point)>,
    /// The record is written; the process dies when it is durable.
    is_near: bool,
}

/// What a record can be cut in.
pub trait Cut: Sink {
    /// Writes the first half of a record.
    ///
    /// # Errors
    /// A disk that fails.
    fn half(&mut self, record: &Record) -> io::Result<()>;
}

impl<W: Cut> Crashing<W> {
    /// As the environment says; what it does not say well is no point.
    pub fn by_environment(inner: W) -> Crashing<W> {
        let said = std::env::var("PERPX_CRASH_AT").ok();
        Crashing { inner, at: said.as_deref().and_then(read), is_near: false }
    }
}

fn read(text: &str) -> Option<(u64, Point)> {
    let (record, point) = text.split_once(':')?;
    let point = match point {
        "before" => Point::Before,
        "half" => Point::Half,
        "written" => Point::Written,
        "durable" => Point::Durable,
        _ => return None,
    };
    Some((record.parse().ok()?, point))
}

impl<W: Cut> Sink for Crashing<W> {
    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let here = self.at.and_then(|(seq, point)| Some((records.iter().position(|record| record.seq == seq)?, point)));
        let Some((place, point)) = here else { return self.inner.append(records) };
        self.inner.append(&records[..place])?;
        match point {
            Point::Before => std::process::abort(),
            Point::Half => {
                self.inner.half(&records[place])?;
                std::process::abort();
            }
            Point::Written | Point::Durable => self.inner.append(&records[place..=place])?,
        }
        if point == Point::Written {
            std::process::abort();
        }
        self.is_near = true;
        self.inner.append(&records[place + 1..])
    }

    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()?;
        if self.is_near {
            std::process::abort();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_is_written() {
        assert_eq!(read("17:half"), Some((17, Point::Half)));
        assert_eq!(read("0:before"), Some((0, Point::Before)));
        for wrong in ["", "17", "17:", "x:half", "17:later"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
