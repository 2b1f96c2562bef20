//! What a run is, for people and for machines that watch it: plain values, made by the thread that decides once a second and read by
//! all others.

use perpx_core::units::Time;
use serde::Serialize;

/// Who runs: it does not change while the process lives.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Identity {
    /// The name of its folder.
    pub run: String,
    /// emulated, paper or live.
    pub mode: &'static str,
    /// Where the venues are: mainnet, testnet, an emulator's address.
    pub network: String,
    /// The symbol.
    pub symbol: String,
    /// The id of the configuration.
    pub configuration: String,
    /// The code.
    pub code: String,
    /// By role: the venue's name.
    pub venues: [String; 2],
    /// By role: the account's number there.
    pub accounts: [String; 2],
    /// Market seconds a second.
    pub speed: f64,
}

/// The run at a moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// Of the wall, ns since 1970.
    pub wall: Time,
    /// Of the market.
    pub at: Time,
    /// What the process is doing.
    pub phase: Phase,
    /// 0 to 5.
    pub state: u8,
    /// Since when, of the market.
    pub since: Time,
    /// Why it was entered.
    pub reason: &'static str,
    /// For how long a leg has stood alone where it should not, seconds.
    pub alone: Option<f64>,
    /// A hedge is held for a venue that does not answer.
    pub is_hedging: bool,
    /// The verbs in force: pause, park, flatten, kill.
    pub verbs: Vec<String>,
    /// Why nothing may be opened; empty: it may.
    pub shut_by: Vec<String>,
    /// Money.
    pub money: Money,
    /// By role.
    pub legs: [Leg; 2],
    /// Orders that are not known to be over.
    pub orders: Vec<OpenOrder>,
    /// By direction of the gate.
    pub gates: Vec<Gate>,
    /// The spread and the band's levels, bp; what is not known is missing.
    pub spread: [Option<f64>; 3],
    /// By role and number.
    pub streams: Vec<Stream>,
    /// By role.
    pub latency: [Latency; 2],
    /// By role: the venue's clock less ours, and how wrong that may be, seconds; `None`: it was not told yet.
    pub clocks: [Option<(f64, f64)>; 2],
    /// Seconds that the slower venue's lanes of orders take.
    pub lane: Option<f64>,
    /// By role: how many orders the venue takes now.
    pub orders_left: [Option<i64>; 2],
    /// The journal; a run without one has none.
    pub journal: Option<JournalHealth>,
    /// What the venues said of both accounts the last time.
    pub reconciled: Option<Reconciled>,
    /// What went wrong within the last minute.
    pub troubles: Vec<Trouble>,
    /// Trades that were closed.
    pub trades: usize,
    /// Counts since the start.
    pub counts: Counts,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It connects, and trades nothing yet.
    #[default]
    Starting,
    /// It trades.
    Running,
    /// It was asked to end, and closes what is open.
    Closing,
    /// It has ended.
    Ended,
}

/// Quote money.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Money {
    /// Cash and legs at the last mids.
    pub equity: f64,
    /// What the run began with.
    pub initial: f64,
    /// The gain of the market's day, UTC, from its first sample in this process.
    pub day: f64,
    /// The largest loss of a day that is allowed.
    pub day_limit: Option<f64>,
    /// Both legs at mids: what moves with the price.
    pub net_exposure: f64,
    /// Of the balance, what nothing explains.
    pub unexplained: Option<f64>,
}

/// One account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Leg {
    /// Base coins as believed; a short is negative.
    pub position: f64,
    /// Base coins as the venue said the last time.
    pub venue_position: Option<f64>,
    /// Cash as believed.
    pub cash: f64,
    /// Cash as the venue said the last time.
    pub venue_cash: Option<f64>,
    /// Entry price of the leg.
    pub entry: Option<f64>,
    /// Best prices.
    pub bid: Option<f64>,
    /// Best prices.
    pub ask: Option<f64>,
    /// As the venue says it.
    pub mark: Option<f64>,
    /// Posted for the leg.
    pub margin: f64,
    /// The price at which the venue takes the leg, and how far the mark is from it, as a fraction of the mark.
    pub liquidation: Option<(f64, f64)>,
    /// Since the venue's newest row, market seconds; `None`: nothing came yet.
    pub quote_age: Option<f64>,
    /// bp over 8 hours, the newest predicted rate, else the settled one.
    pub funding_8h: Option<f64>,
    /// The next settlement.
    pub settles: Option<Time>,
}

/// An order.
#[derive(Clone, Debug, Serialize)]
pub struct OpenOrder {
    /// The trader's number.
    pub id: u32,
    /// By role.
    pub venue: usize,
    /// buy or sell.
    pub side: &'static str,
    /// How it may trade.
    pub kind: String,
    /// Base coins.
    pub qty: f64,
    /// Of it, as far as we heard.
    pub filled: f64,
    /// Its limit.
    pub limit: f64,
    /// It may only shrink the position.
    pub reduce_only: bool,
    /// It rests.
    pub is_resting: bool,
    /// Wall seconds since it was sent.
    pub age: f64,
    /// Wall seconds since nobody knows whether it lives.
    pub in_doubt: Option<f64>,
}

/// What opens a position.
#[derive(Clone, Debug, Serialize)]
pub struct Gate {
    /// The leg that is opened first.
    pub first: &'static str,
    /// Of the conditions that vote, so many must hold.
    pub needed: u8,
    /// In the order of judgement.
    pub conditions: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug, Serialize)]
pub struct Condition {
    /// What is looked at.
    pub name: String,
    /// Its value; `None`: not known.
    pub value: Option<f64>,
    /// How it must stand to the level.
    pub op: &'static str,
    /// The level.
    pub level: Option<f64>,
    /// Of both.
    pub unit: &'static str,
    /// It votes; else it must hold.
    pub is_vote: bool,
    /// It holds.
    pub holds: bool,
}

/// A stream.
#[derive(Clone, Debug, Serialize)]
pub struct Stream {
    /// By role.
    pub venue: usize,
    /// What it carries.
    pub name: String,
    /// It is open.
    pub is_open: bool,
    /// Wall seconds since its newest text; `None`: nothing came yet.
    pub age: Option<f64>,
    /// Texts a second, over the last second.
    pub rate: f64,
    /// Texts since the start.
    pub frames: u64,
    /// How often it was opened again.
    pub reconnects: u64,
}

/// Seconds, of the newest few hundred: half and 99 of 100 are below.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// From a command to the answer of its request.
    pub ack: Option<(f64, f64)>,
    /// From a command to its first fill.
    pub fill: Option<(f64, f64)>,
    /// From the venue's stamp of a quote to ours.
    pub feed: Option<(f64, f64)>,
}

/// How the journal is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct JournalHealth {
    /// Seconds for which the oldest record has waited to be durable.
    pub waits: f64,
    /// Closes and cancels that left before they were written.
    pub unwritten: u64,
    /// Openings that were refused because the disk was late.
    pub refused: u64,
    /// Why nothing can be written any more.
    pub lost: Option<String>,
}

/// A comparison with the venues.
#[derive(Clone, Debug, Serialize)]
pub struct Reconciled {
    /// When the older of both answers came, of the wall.
    pub wall: Time,
    /// By role: position, base coins, and cash: the venue's less ours. `None`: something was booked since the venue said it, so that
    /// both cannot be compared.
    pub differences: [Option<(f64, f64)>; 2],
    /// By role: orders that the venue has open.
    pub open_orders: [usize; 2],
}

/// Something that goes wrong, and may go on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// Which rule says it.
    pub rule: &'static str,
    /// Whose it is: a venue, an order.
    pub subject: String,
    /// How grave it is.
    pub level: Level,
    /// In words.
    pub words: String,
}

/// How grave something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For those who look for it.
    Debug,
    /// To be known.
    #[default]
    Info,
    /// To be looked at.
    Warning,
    /// Money is at risk now.
    Critical,
}

impl Level {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Commands that left.
    pub commands: u64,
    /// Orders that a venue refused.
    pub rejects: u64,
    /// Requests that placed or cancelled and whose outcome nobody knows.
    pub unknown: u64,
    /// Answers that said: too much was asked.
    pub limited: u64,
    /// Of the last 20 orders that ended or rested, the share that was refused; `None`: there are not so many yet.
    pub reject_rate: Option<f64>,
}
