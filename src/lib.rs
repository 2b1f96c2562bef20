//! perpx: which thresholds of a cross-exchange perpetual strategy are worth deploying.
//!
//! This page is the map of the house. A module is a noun of the field; modules import only from those above them.
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`units`] | time, price, quantity, cash, rates: a newtype each, exact |
//! | [`text`] | what people read: figures, tables, prose; the voice of the commands |
//! | [`market`] | sides, orders, fees, margin, what a venue is; the port's vocabulary: `Command` out, `Event` in |
//! | [`ledger`] | fills, fees, funding, liquidations become cash, position, equity; where the money came from |
//! | [`config`] | the strategy file: one table of keys, profiles of venues, the resolved `Config`; best.yml |
//! | [`tape`] | parquet files to tiles: store, clocks, alignment, cache, import, check |
//! | [`signals`] | averages, volatility, spread bands: fed one bar at a time |
//! | [`watch`] | the closed vocabulary of watches, and `fires`, the one predicate that judges a row |
//! | [`strategy`] | S0 to S5 as conditions; what would wake them |
//! | [`execution`] | intents become orders: entry, lock, pair, close; what is in flight |
//! | [`trader`] | strategy, execution and risk around one state: the one thing that every driver moves |
//! | [`sim`] | the simulated venue: matching, queues, latency, failures, truth |
//! | [`replay`] | the drivers: `scan`, the reference, `walk` and `leap`; the machine they move |
//! | [`stats`] | the metrics of one run |
//! | [`sweep`] | grid, plan, chunks, checkpoint, ranking, result files |
//! | [`venues`] | Lighter and GRVT as they speak: signatures, messages, order books |
//! | [`report`] | the page and the pictures |
//! | [`audit`] | the money added up again, without the ledger |
//! | [`synth`] | synthetic markets with known properties |
//! | [`wall`] | the machine's clock, and a market's that runs beside it |
//! | [`emulate`] | a venue played on this machine, for clients of the real one |
//! | [`live`] | the live runner: the winner moved through time as it comes, on a tape or over sockets |
//!
//! **The one idea.** A threshold strategy is asleep almost all the time. So the state machine never loops over ticks: in
//! each state it says which watches would wake it, and a driver finds the first moment at which one fires. The same strategy,
//! execution and ledger code runs under every driver and leaves the same bytes; [`trader::Trader`] states the contract.
//!
//! **Two clocks.** The trader decides on the time of receipt, the venue matches on exchange time, and only latency connects
//! the two: an order meets the book as the venue had it when the order arrived.
//!
//! **Truth and belief.** The simulated venue keeps the truth; the trader knows what events told it. Both are
//! [`ledger::VenueBook`]s, and they agree whenever nothing is in flight.
//!
//! The core (everything but `tape`'s files, `synth`'s writer, `sweep`, `wall`, `live`, `emulate`, `report` and `audit`) reads no
//! clock, draws no random number of its own and does no input or output.

pub mod audit;
pub mod config;
pub mod emulate;
pub mod execution;
pub mod ledger;
pub mod live;
pub mod market;
pub mod replay;
pub mod report;
pub mod signals;
pub mod sim;
pub mod stats;
pub mod strategy;
pub mod sweep;
pub mod synth;
pub mod tape;
pub mod text;
pub mod trader;
pub mod units;
pub mod venues;
pub mod wall;
pub mod watch;
