//! The private half: orders, their states, fills, positions, accounts. Prices in quote money, sizes in base coins, times in
//! nanoseconds, fees in quote money with the venue's sign (positive = paid).

use crate::wire::{Dec, Num, Quoted, message, words};
use perpx_core::units::Rate;

words! {
    TimeInForce {
        GoodTillTime = "GOOD_TILL_TIME",
        /// Block trades alone.
        AllOrNone = "ALL_OR_NONE",
        ImmediateOrCancel = "IMMEDIATE_OR_CANCEL",
        FillOrKill = "FILL_OR_KILL",
        RetailPriceImprovement = "RETAIL_PRICE_IMPROVEMENT",
    }

    OrderStatus {
        Unspecified = "UNSPECIFIED",
        Pending = "PENDING",
        Open = "OPEN",
        Filled = "FILLED",
        Rejected = "REJECTED",
        Cancelled = "CANCELLED",
    }

    /// Why an order was rejected or cancelled.
    RejectReason {
        Unspecified = "UNSPECIFIED",
        ClientCancel = "CLIENT_CANCEL",
        ClientBulkCancel = "CLIENT_BULK_CANCEL",
        ClientReplace = "CLIENT_REPLACE",
        ClientSessionEnd = "CLIENT_SESSION_END",
        /// The dead man's switch ran out.
        CountdownRanOut = "CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED",
        MarketCancel = "MARKET_CANCEL",
        IocCancel = "IOC_CANCEL",
        FokCancel = "FOK_CANCEL",
        AonCancel = "AON_CANCEL",
        /// At the expiry of its signature.
        Expired = "EXPIRED",
        FailPostOnly = "FAIL_POST_ONLY",
        FailReduceOnly = "FAIL_REDUCE_ONLY",
        ReduceOnlyLimit = "REDUCE_ONLY_LIMIT",
        SelfTradeProtection = "SELF_TRADE_PROTECTION",
        SelfMatchedSubaccount = "SELF_MATCHED_SUBACCOUNT",
        OverlappingClientOrderId = "OVERLAPPING_CLIENT_ORDER_ID",
        BelowMargin = "BELOW_MARGIN",
        Liquidation = "LIQUIDATION",
        InstrumentDeactivated = "INSTRUMENT_DEACTIVATED",
        SystemFailover = "SYSTEM_FAILOVER",
        ExceedMaxPositionSize = "EXCEED_MAX_POSITION_SIZE",
        ExceedMaxSignatureExpiration = "EXCEED_MAX_SIGNATURE_EXPIRATION",
        TooManyMakerOrders = "TOO_MANY_MAKER_ORDERS",
    }

    MarginType {
        Isolated = "ISOLATED",
        Cross = "CROSS",
    }

    TradeVenue {
        OrderBook = "ORDERBOOK",
        /// A block trade: it took nothing from the visible book.
        Rfq = "RFQ",
    }
}

message! {
    /// The signature of an order or of another request: the key's address, r and s as 0x and 64 digits, v 27 or 28.
    Signature {
        signer: String,
        r: String,
        s: String,
        v: Num<u8>,
        /// Nanoseconds, at most 30 days ahead; of a good-till-time order also its end.
        expiration: Quoted<i64>,
        nonce: Num<u32>,
        /// 0 or missing: the venue's own.
        chain_id: Option<Quoted<u64>>,
    }

    Leg {
        instrument: String,
        size: Dec,
        /// Missing or 0 for a market order.
        limit_price: Option<Dec>,
        is_buying_asset: bool,
    }

    Metadata {
        /// Ours, 2^63 to 2^64 - 1.
        client_order_id: Quoted<u64>,
        create_time: Option<Quoted<i64>>,
        broker: Option<String>,
        /// Greatest distance from the mark in basis points, of an immediate-or-cancel limit.
        slippage_bps: Option<Num<u32>>,
    }

    /// Arrays are parallel to the legs.
    OrderState {
        status: OrderStatus,
        reject_reason: RejectReason,
        /// Left open.
        book_size: Option<Vec<Dec>>,
        /// Filled so far.
        traded_size: Option<Vec<Dec>>,
        update_time: Quoted<i64>,
        avg_fill_price: Option<Vec<Dec>>,
    }

    Order {
        /// 0x00 in the answer to a new order: only the stream knows the real one.
        order_id: Option<String>,
        sub_account_id: Quoted<u64>,
        is_market: Option<bool>,
        time_in_force: TimeInForce,
        post_only: Option<bool>,
        reduce_only: Option<bool>,
        legs: Vec<Leg>,
        signature: Signature,
        metadata: Metadata,
        state: Option<OrderState>,
        /// An address; changes what is signed. Left out by this program.
        builder: Option<String>,
        /// Percent.
        builder_fee: Option<Dec>,
    }

    CreateOrder { order: Order, }

    CancelOrder {
        sub_account_id: Quoted<u64>,
        order_id: Option<String>,
        client_order_id: Option<Quoted<u64>>,
        /// An order of this client id that comes within this time is killed too.
        time_to_live_ms: Option<Quoted<u32>>,
    }

    CancelAllOrders {
        sub_account_id: Quoted<u64>,
        kind: Option<Vec<String>>,
        base: Option<Vec<String>>,
        quote: Option<Vec<String>>,
    }

    /// Arms (1001 to 300000 ms) or disarms (0 to 1000) the dead man's switch.
    CancelOnDisconnect {
        sub_account_id: Quoted<u64>,
        countdown_time: Quoted<u32>,
    }

    /// At most 100 of either; client ids or the venue's, not both. The venue spells them so.
    BulkOrders {
        sub_account_id: Quoted<u64>,
        orders: Option<Vec<Order>>,
        order_i_ds: Option<Vec<String>>,
        client_order_i_ds: Option<Vec<Quoted<u64>>>,
        time_to_live_ms: Option<Quoted<u32>>,
    }

    BulkReply {
        orders: Option<Vec<Order>>,
        cancel_acks: Option<Vec<Ack>>,
    }

    /// Says that the request came, not that an order is gone.
    Ack { ack: bool, }

    Success { success: bool, }

    OrderQuery {
        sub_account_id: Quoted<u64>,
        order_id: Option<String>,
        client_order_id: Option<Quoted<u64>>,
    }

    /// Of orders, fills, positions and their histories. Times in nanoseconds, both inclusive.
    HistoryQuery {
        sub_account_id: Quoted<u64>,
        kind: Option<Vec<String>>,
        base: Option<Vec<String>>,
        quote: Option<Vec<String>>,
        instrument: Option<String>,
        start_time: Option<Quoted<i64>>,
        end_time: Option<Quoted<i64>>,
        limit: Option<Num<u32>>,
        cursor: Option<String>,
    }

    /// Of money that came to an account of ours or left it. Times in nanoseconds, both inclusive.
    TransferQuery {
        currency: Option<Vec<String>>,
        start_time: Option<Quoted<i64>>,
        end_time: Option<Quoted<i64>>,
        limit: Option<Num<u32>>,
        cursor: Option<String>,
    }

    /// A sub-account of 0: the funding account.
    TransferRow {
        tx_id: Quoted<u64>,
        from_sub_account_id: Quoted<u64>,
        to_sub_account_id: Quoted<u64>,
        currency: String,
        num_tokens: Dec,
        event_time: Quoted<i64>,
    }

    AccountQuery { sub_account_id: Quoted<u64>, }

    /// Lets a builder take fees, in percent, of the orders that name it.
    AuthorizeBuilder {
        main_account_id: String,
        builder_account_id: String,
        max_futures_fee_rate: Dec,
        max_spot_fee_rate: Dec,
        signature: Signature,
    }

    SetPositionConfig {
        sub_account_id: Quoted<u64>,
        instrument: String,
        margin_type: MarginType,
        leverage: Dec,
        signature: Signature,
    }

    AddPositionMargin {
        sub_account_id: Quoted<u64>,
        instrument: String,
        /// Negative takes out.
        amount: Dec,
        signature: Signature,
    }

    SetDeriskRatio {
        sub_account_id: Quoted<u64>,
        ratio: Dec,
        signature: Signature,
    }

    Leverage {
        instrument: String,
        leverage: Dec,
        min_leverage: Option<Dec>,
        max_leverage: Option<Dec>,
        margin_type: Option<MarginType>,
    }

    Leverages { results: Vec<Leverage>, }

    /// One fill is named by its trade and its order together.
    Fill {
        event_time: Quoted<i64>,
        sub_account_id: Quoted<u64>,
        instrument: String,
        is_buyer: bool,
        is_taker: bool,
        size: Dec,
        price: Dec,
        mark_price: Option<Dec>,
        index_price: Option<Dec>,
        realized_pnl: Option<Dec>,
        /// Quote money, positive = paid by us.
        fee: Dec,
        /// Of unknown unit: take `fee` over size and price.
        fee_rate: Option<Dec>,
        trade_id: String,
        order_id: String,
        venue: Option<TradeVenue>,
        is_liquidation: Option<bool>,
        client_order_id: Option<Quoted<u64>>,
        is_rpi: Option<bool>,
        fee_currency: Option<String>,
    }

    Position {
        event_time: Quoted<i64>,
        sub_account_id: Quoted<u64>,
        instrument: String,
        /// Negative = short.
        size: Dec,
        notional: Option<Dec>,
        entry_price: Dec,
        exit_price: Option<Dec>,
        mark_price: Option<Dec>,
        unrealized_pnl: Option<Dec>,
        realized_pnl: Option<Dec>,
        total_pnl: Option<Dec>,
        quote_index_price: Option<Dec>,
        est_liquidation_price: Option<Dec>,
        leverage: Option<Dec>,
        cumulative_fee: Option<Dec>,
        /// Positive = paid by us.
        cumulative_realized_funding_payment: Option<Dec>,
        margin_type: Option<MarginType>,
        isolated_balance: Option<Dec>,
        isolated_im: Option<Dec>,
        isolated_mm: Option<Dec>,
    }

    FundingPayment {
        event_time: Quoted<i64>,
        sub_account_id: Quoted<u64>,
        instrument: String,
        currency: String,
        /// Quote money, positive = paid by us.
        amount: Dec,
        tx_id: Quoted<u64>,
    }

    SpotBalance {
        currency: String,
        balance: Dec,
        index_price: Option<Dec>,
        available_to_transfer: Option<Dec>,
    }

    SubAccount {
        event_time: Option<Quoted<i64>>,
        sub_account_id: Quoted<u64>,
        margin_type: Option<String>,
        settle_currency: Option<String>,
        unrealized_pnl: Option<Dec>,
        total_equity: Dec,
        initial_margin: Option<Dec>,
        maintenance_margin: Option<Dec>,
        available_balance: Option<Dec>,
        margin_balance: Option<Dec>,
        total_cross_equity: Option<Dec>,
        spot_balances: Option<Vec<SpotBalance>>,
        positions: Option<Vec<Position>>,
        sub_account_mode: Option<String>,
    }

    /// Fee rates in 1e-6 of the notional; negative is a rebate.
    ClientTier {
        tier: Num<u32>,
        futures_taker_fee: Num<i64>,
        futures_maker_fee: Num<i64>,
    }

    FundingAccount { tier: ClientTier, }

    /// The `v1.state` feed.
    OrderStateFeed {
        order_id: String,
        client_order_id: Quoted<u64>,
        order_state: OrderState,
    }

    /// What became of a cancel with a time to live.
    CancelStatus {
        sub_account_id: Option<Quoted<u64>>,
        client_order_id: Option<Quoted<u64>>,
        order_id: Option<String>,
        reason: Option<String>,
        update_time: Option<Quoted<i64>>,
        cancel_status: Option<String>,
    }

    SubAccounts { sub_account_ids: Vec<Quoted<u64>>, }

    MarginLimits {
        instrument: String,
        max_addable_amount: Dec,
        max_removable_amount: Dec,
    }
}

impl ClientTier {
    /// Maker and taker fee.
    pub fn fees(&self) -> (Rate, Rate) {
        let rate = |millionths: i64| Rate(millionths.saturating_mul(Rate::ONE / 1_000_000));
        (rate(self.futures_maker_fee.0), rate(self.futures_taker_fee.0))
    }
}
