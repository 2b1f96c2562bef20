//! A seeded two-venue market with known properties: bursty quotes and prints, a basis that comes back, stochastic
//! volatility, funding on each venue's own calendar. The same knobs give the same bytes on every machine.
//!
//! # How it works
//! Latent prices move in steps of 100 ms ([`Market`]): an efficient price (`price`: log-normal volatility with a median of
//! 0.3 a year and a 99 % hour near 1, fat tails, jumps), trailed by each venue with its lag and parted by the basis
//! (`basis`: noise of half a second, a fast and a slow layer, a standing premium over the index). Venues (`venue`) speak at
//! self-exciting times whose rate follows volatility (`arrivals`); a quote is also moved when the fair price has run away
//! from it, or after a long silence. Takers (`taker`) sweep one to five prints, keep their side, and pick off stale quotes,
//! so that resting orders suffer; a quote that shows what they left follows within 1 ms. Some prints of the second venue
//! never touch the book. Rows are received in order, 15 to 100 ms later (`feed`). Marks and funding (`funding`) follow the
//! premium of each venue's mid over the index.
//!
//! Memory is that of one day, whatever the range. Figures follow STYLISED-FACTS, sections 1 to 6; exchange and receive
//! times are whole milliseconds.
//!
//! # What can be earned
//! | edge | basis, bp (std; half-life) | swings | who earns |
//! | --- | --- | --- | --- |
//! | `none` | 0.3; 2 min and 0.4; 45 min | none | nobody on average: a round trip costs four fills (8 bp at 2 bp taker) and a pair in and out at three standard deviations gains 3 bp |
//! | `calibrated` | 1.5; 2.5 min and 2.5; 45 min | none | not promised: a pair opened at one end of the basis and closed at the other may pay for makers |
//! | `planted` | 11; 10 min and 2.5; 45 min, all of it on the second venue | 110 bp; 8 h | see below |
//! | null ([`SynthSpec::null`]) | none | none | nobody, before fees: both venues show one martingale at the same exchange times |
//!
//! ## The planted region
//! Two things are planted. **Swings**: the efficient price is a martingale plus a noisy pendulum (110 bp, period about
//! 8 h, so up to 86 bp an hour for an hour or two). The default trend signal (21 and 55 bars of 60 s) sees them: a first
//! leg opened at `min_diff` 0.0008 to 0.0024 gains 13 to 20 bp before fees at `g_pct` 0.005 and 25 to 35 bp at 0.01, where
//! a martingale gains nothing. A lock at 0.0025 cuts the swing short and gains 2 to 9 bp, about what it costs.
//! **A wide basis**: its band of 0.8 sigma is about 9 bp each way and is crossed every few minutes. The second venue
//! carries all of it, so at the upper band the short leg is cheap to close while the long leg stands at a fair price.
//!
//! With four taker fills at 2 bp (8 bp a round trip), the default stop and the rule "stale opens nothing", per round trip:
//! * **earns**: `g_pct >= 0.005`, `min_diff` 0.0008 to 0.0024, `on_ub: close_short` or `close_both`, `on_lb: hold`:
//!   15 to 50 bp, in nearly every week;
//! * **earns**: the same with `on_ub: close_both`, `on_lb: close_both` in place of hold: 5 to 25 bp;
//! * **about nothing**: the scaffold's own rules (`on_ub: close_short`, `on_lb: close_long`) at `g_pct` 0.005,
//!   `min_diff` 0.0008, `band_sigma` 0.8: the hour of the kept short leg gives the swing back;
//! * **loses**: `g_pct` 0.0025 with `band_sigma` 2 and both legs closed at both bands: fees eat it.
//!
//! The figures are means over 20 seeds of a week each, measured with the little trader of `trial` (taker fills, 250 ms
//! late); `trial` checks the first and the last on every test run.

mod arrivals;
mod basis;
mod chance;

mod edge;
mod feed;
mod funding;
mod market;
mod ou;
mod price;
mod quote;
mod spec;
mod taker;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
mod venue;

pub use edge::{Edge, EdgeShape, Layer, Swing};
pub use market::{Market, SynthDay};
pub use spec::{FundingMode, SpecError, SynthSpec, VenueSpec};
