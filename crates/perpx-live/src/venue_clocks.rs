//! The venues' clocks beside ours: measured by what keeps the lanes warm, never corrected. An order's expiry is told in its venue's clock;
//! a clock that is far away opens nothing.

use perpx_core::units::{SECOND, TimeDelta};
use perpx_venues::client::Answer;
use perpx_venues::net::lane::Warmed;
use perpx_venues::net::reach::time_told;
use perpx_venues::recorder::wall_state::{Offset, Told};
use perpx_venues::venue::Venue;

/// Beyond it nothing opens, whatever the limits say.
pub const MOST: TimeDelta = SECOND.times(2);

/// How far a clock is away at least, whatever the way there and back was.
pub fn drift(offset: Offset) -> TimeDelta {
    TimeDelta((offset.offset_ns.abs() - offset.bound_ns).max(0))
}

/// In words.
pub fn words(venue: &str, offset: Offset) -> String {
    format!("{venue}'s is {:+.1} s from ours", TimeDelta(offset.offset_ns).as_f64(SECOND))
}

/// What was told, by role.
#[derive(Default)]
pub struct VenueClocks([Told; 2]);

impl VenueClocks {
    /// Takes an answer of venue `v`; how far its clock is from ours, if the answer tells the venue's time. Another one tells nothing.
    pub fn hear(&mut self, venue: Option<Venue>, v: usize, warmed: &Warmed) -> Option<Offset> {
        let Ok(Answer { status: 200, body, .. }) = &warmed.reply else { return None };
        let (said, step) = time_told(venue?, body).ok()?;
        self.0[v].take((warmed.asked.0, warmed.came.0, said, step));
        self.0[v].offset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{MS, Time};

    fn warmed(took_ms: i64, status: u16, body: &str) -> Warmed {
        let answer = Answer { status, body: body.to_owned(), ..Answer::default() };
        let asked = Time::at(1_000_000 * MS);
        Warmed { asked, came: asked.plus(took_ms * MS), reply: Ok(answer) }
    }

    /// 3 s ahead, told in milliseconds by an answer that took 40 ms: 3,000 + 0.5 - 20 from the middle, wrong by at most 20.5. What tells
    /// no time says nothing, and neither does a refusal.
    #[test]
    fn a_clock_is_away_less_what_its_way_may_hide() {
        let mut clocks = VenueClocks::default();
        for (status, body) in [(404, "{\"server_time\":9}"), (200, "{}"), (200, "<html>")] {
            assert_eq!(clocks.hear(Some(Venue::Grvt), 1, &warmed(40, status, body)), None);
        }
        let offset = clocks.hear(Some(Venue::Grvt), 1, &warmed(40, 200, "{\"server_time\":1003000}"));
        let offset = offset.expect("it was told");
        assert_eq!((offset.offset_ns, offset.bound_ns), (2_980_500_000, 20_500_000));
        assert_eq!(drift(offset), 2_960 * MS);
        assert_eq!(words("grvt", offset), "grvt's is +3.0 s from ours");
        let text = "{\"status\":200,\"network_id\":304,\"timestamp\":1000}";
        let offset = clocks.hear(Some(Venue::Lighter), 0, &warmed(2, 200, text)).expect("it was told");
        assert_eq!(drift(offset), TimeDelta::ZERO, "Lighter's is right, to its second");
    }
}
