//! What the venues' documents leave open, as an emulator has it: as it is assumed, or drawn by a seed. Whoever asks an emulator by
//! `perpx-live probe` does not see which.

use perpx_core::market::{Delays, SelfTrade};
use perpx_core::units::{MS, Rate, SECOND, TimeDelta};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a second scheduled cancel-all does while one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondSchedule {
    /// It is refused.
    Refused,
    /// It counts, and the first no longer.
    Replaces,
    /// It is taken, and the first counts on.
    Ignored,
}

/// Channels of an account of which it is not known whether they want a token.
pub const DOUBTFUL_CHANNELS: [&str; 4] = ["account_all", "account_all_positions", "account_all_trades", "user_stats"];

/// Of an emulated Lighter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LighterHabits {
    /// L1.
    pub second_schedule: SecondSchedule,
    /// L2: how far a price may lie from the mark; `None`: as the options say.
    pub price_band: Option<Rate>,
    /// L2: what lies further is taken, and cancelled afterwards; `None`: as the options say.
    pub band_is_late: Option<bool>,
    /// L2: prices too far on the own side are refused as well.
    pub band_binds_both: bool,
    /// L2: the band is for those who want protection: `price_protection=false` lifts it.
    pub protection_lifts: bool,
    /// L4.
    pub resting_takes_margin: bool,
    /// L5: a transaction that was taken and then failed has used up its nonce.
    pub failed_uses_nonce: bool,
    /// L5: so has one that was refused.
    pub refused_uses_nonce: bool,
    /// L7, by [`DOUBTFUL_CHANNELS`].
    pub wants_token: [bool; 4],
    /// L8: an answer over the socket has the `id` of its question.
    pub echoes_id: bool,
    /// L8.
    pub most_in_batch: usize,
    /// L9: the market's margin mode is 1, and no cross margin is taken.
    pub isolated_alone: bool,
    /// L10.
    pub cancel_all_costs: bool,
    /// L11; `None`: the tier's.
    pub delays: Option<Delays>,
    /// L12: else it is the time from now.
    pub predicts_time_of_day: bool,
    /// L14.
    pub created_in_seconds: bool,
    /// L15: a second transaction of a nonce is carried out like the first.
    pub same_nonce_twice: bool,
}

impl Default for LighterHabits {
    fn default() -> LighterHabits {
        LighterHabits {
            second_schedule: SecondSchedule::Refused,
            price_band: None,
            band_is_late: None,
            band_binds_both: false,
            protection_lifts: false,
            resting_takes_margin: false,
            failed_uses_nonce: true,
            refused_uses_nonce: false,
            wants_token: [false; 4],
            echoes_id: true,
            most_in_batch: 50,
            isolated_alone: false,
            cancel_all_costs: true,
            delays: None,
            predicts_time_of_day: true,
            created_in_seconds: false,
            same_nonce_twice: false,
        }
    }
}

/// Of an emulated GRVT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrvtHabits {
    /// G1: a close of the whole position is held to the least value too.
    pub binds_last_close: bool,
    /// G3: an order of a number that is alive is refused.
    pub refuses_alive_number: bool,
    /// G3: so is one of a number whose order has ended.
    pub refuses_ended_number: bool,
    /// G3: an order can be asked for so long after it was taken.
    pub known_after: TimeDelta,
    /// G4: orders end with the stream that their account's owner listened on.
    pub cut_cancels: bool,
    /// G4: `v1.order` begins with the orders that are open.
    pub shows_orders: bool,
    /// G4: `v1.position` begins with the position.
    pub shows_position: bool,
    /// G5; `None`: as the options say.
    pub session: Option<TimeDelta>,
    /// G5: a login ends the sessions of before.
    pub one_session: bool,
    /// G6; `None`: as the options say.
    pub most_open_orders: Option<usize>,
    /// G8; `None`: the tier's.
    pub delays: Option<Delays>,
    /// G10; `None`: the profile's.
    pub self_trade: Option<SelfTrade>,
    /// G13: the initial margin is never below this share of the value.
    pub least_initial: Rate,
    /// G17: what is left of an order that only takes is told as open before it is told as cancelled.
    pub remainder_opens: bool,
}

impl Default for GrvtHabits {
    fn default() -> GrvtHabits {
        GrvtHabits {
            binds_last_close: true,
            refuses_alive_number: true,
            refuses_ended_number: false,
            known_after: TimeDelta::ZERO,
            cut_cancels: false,
            shows_orders: false,
            shows_position: true,
            session: None,
            one_session: false,
            most_open_orders: None,
            delays: None,
            self_trade: None,
            least_initial: Rate::ZERO,
            remainder_opens: false,
        }
    }
}

/// Delays that differ by enough to be told apart over a busy loopback.
fn delays(drawn: &mut ChaCha8Rng, taker_ms: &[i64]) -> Option<Delays> {
    let mut pick = |among: &[i64]| among.choose(drawn).copied().unwrap_or_default() * MS;
    Some(Delays { taker: pick(taker_ms), maker: pick(&[0, 100, 200]), cancel: pick(&[0, 100, 200]) })
}

impl LighterHabits {
    /// By a seed.
    pub fn drawn(seed: u64) -> LighterHabits {
        let mut drawn = ChaCha8Rng::seed_from_u64(seed ^ 0x4c69_6768);
        let schedules = [SecondSchedule::Refused, SecondSchedule::Replaces, SecondSchedule::Ignored];
        LighterHabits {
            second_schedule: schedules.choose(&mut drawn).copied().unwrap_or(SecondSchedule::Refused),
            price_band: [100, 200, 500].choose(&mut drawn).map(|bp| Rate::from_bps(*bp)),
            band_is_late: Some(drawn.random()),
            band_binds_both: drawn.random(),
            protection_lifts: drawn.random(),
            resting_takes_margin: drawn.random(),
            failed_uses_nonce: drawn.random(),
            refused_uses_nonce: drawn.random(),
            wants_token: [drawn.random(), drawn.random(), drawn.random(), drawn.random()],
            echoes_id: drawn.random(),
            most_in_batch: if drawn.random() { 15 } else { 50 },
            isolated_alone: drawn.random(),
            cancel_all_costs: drawn.random(),
            delays: delays(&mut drawn, &[200, 300, 400]),
            predicts_time_of_day: drawn.random(),
            created_in_seconds: drawn.random(),
            same_nonce_twice: drawn.random(),
        }
    }
}

impl GrvtHabits {
    /// By a seed.
    pub fn drawn(seed: u64) -> GrvtHabits {
        let mut drawn = ChaCha8Rng::seed_from_u64(seed ^ 0x4772_7674);
        GrvtHabits {
            binds_last_close: drawn.random(),
            refuses_alive_number: drawn.random(),
            refuses_ended_number: drawn.random(),
            known_after: if drawn.random() { 400 * MS } else { TimeDelta::ZERO },
            cut_cancels: drawn.random(),
            shows_orders: drawn.random(),
            shows_position: drawn.random(),
            session: [3_600, 43_200, 86_400].choose(&mut drawn).map(|seconds| *seconds * SECOND),
            one_session: drawn.random(),
            most_open_orders: [5, 10, 20].choose(&mut drawn).copied(),
            delays: delays(&mut drawn, &[25, 100, 200]),
            self_trade: Some(if drawn.random() { SelfTrade::CancelMaker } else { SelfTrade::CancelTaker }),
            least_initial: if drawn.random() { Rate(Rate::ONE / 5) } else { Rate::ZERO },
            remainder_opens: drawn.random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is assumed is one of what can be drawn, and seeds differ.
    #[test]
    fn seeds_draw_all_of_it() {
        let lighter: Vec<LighterHabits> = (0..512).map(LighterHabits::drawn).collect();
        let grvt: Vec<GrvtHabits> = (0..512).map(GrvtHabits::drawn).collect();
        assert_eq!(LighterHabits::drawn(7), LighterHabits::drawn(7));
        let of = |texts: Vec<String>| texts.into_iter().collect::<BTreeSet<_>>().len();
        assert_eq!(of(lighter.iter().map(|one| format!("{:?}", one.second_schedule)).collect()), 3);
        assert_eq!(of(lighter.iter().map(|one| format!("{:?}", one.delays)).collect::<Vec<_>>()), 27);
        assert_eq!(of(grvt.iter().map(|one| format!("{:?}", one.session)).collect()), 3);
        for channel in 0..4 {
            assert_eq!(of(lighter.iter().map(|one| one.wants_token[channel].to_string()).collect()), 2);
        }
    }
}
