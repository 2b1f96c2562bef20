//! Words of the market: sides, orders, the port's vocabulary, fees, margin, what a venue is (data, not an enum).

mod book;
mod fee;
mod margin;
mod order;
mod port;
mod venue;

pub use book::{Bbo, DepthLevel, DepthView};
pub use fee::{FeeSchedule, liquidation_fee};
pub use margin::{Bracket, LegMargin, LiquidationRule, MarginSchedule};
pub use order::{NewOrder, OrderId, OrderKind, Role, Side};
pub use port::{Class, Command, Event, EventBody, OrderState, Reject};
pub use venue::{Delays, FundingPrice, Instrument, RateLimit, SelfTrade, VolumeQuota};
