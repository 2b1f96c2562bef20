//! Keys that stand once a venue.

use super::Default::{Is, Unset};
use super::Kind::{Bool, Brackets, Choice, Outages, Quantiles, Text};
use super::Unit::{Base, Bp, Count, Float, Fraction, Ms, Price, Quote, Ratio, Sec};
use super::keys;
use super::kind::{from, over};
use crate::config::words::{Choice as _, LiquidationKind, QueueModel, Word};
use crate::market::{FundingPrice, SelfTrade};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Names of profiles.
const PROFILES: &[Word] = &[
    Word { word: "lighter", meaning: "what is known of that venue" },
    Word { word: "grvt", meaning: "what is known of that venue" },
    Word { word: "hyperliquid", meaning: "what is known of that venue" },
    Word { word: "binance", meaning: "what is known of its USD-margined perpetuals" },
    Word { word: "generic", meaning: "nothing: the block says all" },
];

keys! {
    /// Names of the keys of [`VENUE`]; `*` is the venue's key under `exchanges`. What is unset comes from the profile.
    V, VENUE:
    Capital "capital.*" Account over(Quote, 0, 1_000_000_000_000), Unset, "initial capital on this venue in quote money";
    Name "exchanges.*.name" Account Text, Unset, "the venue's name in the data store";
    Endpoint "exchanges.*.endpoint" Account Text, Unset, "the venue's address for the live runner";
    Account "exchanges.*.account" Account Text, Unset, "a name for the account, never a key or a secret";
    Profile "exchanges.*.profile" Account Choice(PROFILES), Unset, "the profile that gives what this block does not say";
    Tier "exchanges.*.tier" World Text, Unset, "the account's fee tier on this venue";
    TakerBps "exchanges.*.fees.taker_bps" World from(Bp, -1_000, 1_000), Unset, "the taker's fee on this venue in basis points";
    MakerBps "exchanges.*.fees.maker_rebate_bps" World from(Bp, -1_000, 1_000), Unset, "the maker's whole fee on this venue in basis points, negative = paid to us";
    ReferralBps "exchanges.*.fees.referral_rebate_bps" World from(Bp, -1_000, 0), Unset, "the referral's part in basis points, written negative";
    Symbol "exchanges.*.instrument.symbol" Account Text, Unset, "the venue's own name of the perpetual";
    Tick "exchanges.*.instrument.tick" World over(Price, 0, 1_000_000), Unset, "the smallest price step";
    Lot "exchanges.*.instrument.lot" World over(Base, 0, 1_000_000), Unset, "the smallest quantity step in base coins";
    MinQty "exchanges.*.instrument.min_qty" World from(Base, 0, 1_000_000_000), Unset, "the least order size in base coins";
    MinNotional "exchanges.*.instrument.min_notional" World from(Quote, 0, 1_000_000_000), Unset, "the least order value in quote money";
    MoneyGrid "exchanges.*.instrument.money_grid" World over(Quote, 0, 1), Unset, "the step of the venue's ledger in quote money";
    HasFok "exchanges.*.instrument.has_fok" World Bool, Unset, "whether the venue has fill-or-kill orders";
    SelfTrade "exchanges.*.instrument.self_trade" World Choice(SelfTrade::WORDS), Unset, "which of two orders of ours gives way when they would trade with each other";
    MinBindsTakers "exchanges.*.instrument.min_binds_takers" World Bool, Unset, "whether the least size and value bind orders that only take";
    PriceBand "exchanges.*.instrument.price_band_bp" World over(Bp, 0, 10_000), Unset, "how far from the mark a limit may be, in basis points; null lifts it";
    FundingPrice "exchanges.*.instrument.funding_price" World Choice(FundingPrice::WORDS), Unset, "the price on which funding is paid";
    Maintenance "exchanges.*.margin.maintenance" World over(Fraction, 0, 1), Unset, "the maintenance margin as a fraction of notional";
    MarginBrackets "exchanges.*.margin.brackets" World Brackets, Unset, "maintenance by size of the position, marginal";
    Liquidation "exchanges.*.liquidation.rule" World Choice(LiquidationKind::WORDS), Unset, "what the venue does with a leg below maintenance";
    LiquidationFee "exchanges.*.liquidation.max_fee" World from(Fraction, 0, 1), Unset, "the greatest liquidation fee as a fraction, of rule zero_price";
    TakerMs "exchanges.*.delays.taker_ms" World from(Ms, 0, DAY_MS), Unset, "the venue's delay on orders that may take, in milliseconds";
    MakerMs "exchanges.*.delays.maker_ms" World from(Ms, 0, DAY_MS), Unset, "the venue's delay on post-only orders, in milliseconds";
    CancelMs "exchanges.*.delays.cancel_ms" World from(Ms, 0, DAY_MS), Unset, "the venue's delay on cancels, in milliseconds";
    Requests "exchanges.*.rate_limit.requests" World from(Count, 1, 1_000_000_000), Unset, "requests that the venue takes per window";
    WindowSec "exchanges.*.rate_limit.window_sec" World over(Sec, 0, 86_400), Unset, "the window of the request limit in seconds";
    QuotaStart "exchanges.*.volume_quota.start" World from(Count, 0, 1_000_000_000), Unset, "units of volume quota at the beginning; an order or a change costs one; null lifts the quota";
    QuotaCap "exchanges.*.volume_quota.cap" World from(Count, 1, 4_000_000_000), Is("5000000"), "the most units of volume quota that are kept";
    QuotaValue "exchanges.*.volume_quota.value_per_unit" World over(Quote, 0, 1_000_000), Is("7"), "the traded value that earns a unit in quote money";
    QuotaFreeSec "exchanges.*.volume_quota.free_every_sec" World over(Sec, 0, 86_400), Is("15"), "the seconds after which one request is taken without a unit";
}

keys! {
    /// Names of the keys of [`FILLS`]; `*` is `fills` (both venues) or `fills.<venue>` (that venue alone).
    F, FILLS:
    OrderMedian "*.latency.order.median_ms" World over(Ms, 0, DAY_MS), Is("50"), "the median order latency in milliseconds (log-normal)";
    OrderSigma "*.latency.order.sigma" World from(Float, 0, 10), Is("0.5"), "the spread of the order latency: standard deviation of its logarithm";
    OrderConstant "*.latency.order.constant_ms" World from(Ms, 0, DAY_MS), Unset, "a constant order latency in milliseconds, instead of median_ms and sigma";
    OrderQuantiles "*.latency.order.quantiles_ms" World Quantiles, Unset, "a measured order latency: its quantiles at equal steps from 0 to 1 in milliseconds, instead of median_ms and sigma";
    OrderRecorded "*.latency.order.recorded" World Bool, Unset, "true: as long as the slowest row of the venue's feed took in the second before, instead of median_ms and sigma";
    ResponseMedian "*.latency.response.median_ms" World over(Ms, 0, DAY_MS), Is("50"), "the median response latency in milliseconds (log-normal)";
    ResponseSigma "*.latency.response.sigma" World from(Float, 0, 10), Is("0.5"), "the spread of the response latency: standard deviation of its logarithm";
    ResponseConstant "*.latency.response.constant_ms" World from(Ms, 0, DAY_MS), Unset, "a constant response latency in milliseconds, instead of median_ms and sigma";
    ResponseQuantiles "*.latency.response.quantiles_ms" World Quantiles, Unset, "a measured response latency: its quantiles at equal steps from 0 to 1 in milliseconds, instead of median_ms and sigma";
    ResponseRecorded "*.latency.response.recorded" World Bool, Unset, "true: as long as the slowest row of the venue's feed took in the second before, instead of median_ms and sigma";
    BurstSlope "*.latency.burst.slope" World from(Float, 0, 1_000), Is("0"), "how much longer messages take in a burst: times 1 + slope x (rows of the second before / rows_per_sec - 1)";
    BurstRows "*.latency.burst.rows_per_sec" World from(Count, 1, 1_000_000_000), Is("20"), "the venue's quotes and trades a second above which a burst begins";
    ClockAhead "*.clock_ahead_ms" World from(Ms, -60_000, 60_000), Is("0"), "how far the venue's clock, and so every exch_ts of it, is ahead of ours, in milliseconds";
    FeedConstant "*.latency.feed.constant_ms" World from(Ms, 0, DAY_MS), Is("0"), "feed latency beyond what was recorded, in milliseconds";
    Queue "*.queue.model" World Choice(QueueModel::WORDS), Is("risk_averse"), "how the queue ahead of a resting order shrinks";
    QueueN "*.queue.n" World over(Float, 0, 100), Unset, "the exponent of the power queue";
    QueueAhead "*.queue.ahead_ratio" World from(Ratio, 0, 1_000), Is("1"), "the share of the visible size that is ahead of us on arrival";
    Impact "*.impact_bp" World from(Bp, 0, 10_000), Is("1"), "what each further best-size costs when no depth is known, in basis points";
    AssumeQty "*.assume_qty" World over(Base, 0, 1_000_000_000), Unset, "the size taken for a quote whose size is unknown, in base coins";
    RejectRate "*.reject_rate" World from(Float, 0, 1), Is("0"), "the share of orders that the venue refuses";
    TimeoutRate "*.timeout_rate" World from(Float, 0, 1), Is("0"), "the share of orders that get no answer";
    CancelFailRate "*.cancel_fail_rate" World from(Float, 0, 1), Is("0"), "the share of cancels that fail";
    Outages "*.outages" World Outages, Unset, "outages, fixed or drawn from the seed";
    MaxBookAgeMs "*.max_book_age_ms" World over(Ms, 0, DAY_MS), Is("10000"), "the age above which an order waits for the venue's next book row, in milliseconds";
}
