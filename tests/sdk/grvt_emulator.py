"""The venue's own client, unmodified, against the emulator: everything that a trader does, and what must be refused.

    python grvt_emulator.py PERPX_DATA

PERPX_DATA is the built command. The keys are drawn here and worthless; nothing leaves this machine. The client's hosts are
set where it keeps them: in the configuration of a client of the raw interface, and in its table of domains for the other one.
"""
import asyncio, importlib.metadata, logging, random, re, signal, subprocess, sys, time

from eth_account import Account
from pysdk import grvt_ccxt_env, grvt_raw_types as types
from pysdk.grvt_ccxt_env import GrvtEndpointType, GrvtEnv, GrvtWSEndpointType
from pysdk.grvt_ccxt_ws import GrvtCcxtWS
from pysdk.grvt_raw_base import GrvtApiConfig, GrvtError
from pysdk.grvt_raw_env import GrvtEnv as RawEnv
from pysdk.grvt_raw_signing import sign_order
from pysdk.grvt_raw_sync import GrvtRawSync

INSTRUMENT, SUB_ACCOUNT, API_KEY = "BTC_USDT_Perp", 82898496677, "a key of this machine alone"


def same(found, wanted, what):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


def until(what, ask, seconds=10):
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)


class Trader:
    """A client of the raw interface, and orders by their numbers."""

    def __init__(self, hosts, private):
        self.config = GrvtApiConfig(RawEnv.TESTNET, str(SUB_ACCOUNT), private, API_KEY, logging.getLogger("raw"))
        self.api = GrvtRawSync(self.config)
        env = self.api.env
        env.edge.rpc_endpoint, self.api.md_rpc, self.api.td_rpc = hosts
        self.instruments = {row.instrument: row for row in self.answer(self.api.get_all_instruments_v1(
            types.ApiGetAllInstrumentsRequest(is_active=True)))}

    @staticmethod
    def answer(reply):
        assert not isinstance(reply, GrvtError), reply
        return reply.result

    def order(self, number, size, price, buys, tif=types.TimeInForce.GOOD_TILL_TIME, market=False, post_only=False,
              reduce_only=False, ends=3600, signed=None, refused=None):
        order = types.Order(
            sub_account_id=str(SUB_ACCOUNT), time_in_force=tif, is_market=market, post_only=post_only, reduce_only=reduce_only,
            legs=[types.OrderLeg(instrument=INSTRUMENT, size=size, is_buying_asset=buys, limit_price=price)],
            signature=types.Signature("", "", "", 0, str(time.time_ns() + int(ends * 1e9)), random.randint(1, 2**32 - 1)),
            metadata=types.OrderMetadata(client_order_id=str((1 << 63) + number)),
        )
        order = sign_order(order, self.config, self.api.account, self.instruments)
        if signed:
            signed(order)
        reply = self.api.create_order_v1(types.ApiCreateOrderRequest(order=order))
        if refused:
            assert isinstance(reply, GrvtError) and reply.code == refused, f"order {number}: {reply} is no {refused}"
        else:
            sent = self.answer(reply)
            same((sent.order_id, sent.state.status), ("0x00", types.OrderStatus.PENDING), f"order {number}")

    def state(self, number):
        reply = self.api.get_order_v1(types.ApiGetOrderRequest(str(SUB_ACCOUNT), client_order_id=str((1 << 63) + number)))
        return None if isinstance(reply, GrvtError) else reply.result.state

    def reaches(self, number, status, reason="UNSPECIFIED"):
        wanted = (types.OrderStatus(status), types.OrderRejectReason(reason))
        def ask():
            state = self.state(number)
            return state if state and (state.status, state.reject_reason) == wanted else None
        return until(f"order {number} {status} {reason}", ask)

    def cancel(self, number):
        ack = self.answer(self.api.cancel_order_v1(types.ApiCancelOrderRequest(
            str(SUB_ACCOUNT), client_order_id=str((1 << 63) + number))))
        same(ack.ack, True, f"cancel {number}")

    def positions(self):
        return self.answer(self.api.positions_v1(types.ApiPositionsRequest(
            str(SUB_ACCOUNT), kind=[types.Kind.PERPETUAL], base=["BTC"], quote=["USDT"])))


def trade(hosts, private):
    trader = Trader(hosts, private)
    api, ioc, fok = trader.api, types.TimeInForce.IMMEDIATE_OR_CANCEL, types.TimeInForce.FILL_OR_KILL
    answer = trader.answer
    # markets
    row = answer(api.get_instrument_v1(types.ApiGetInstrumentRequest(INSTRUMENT)))
    same((row.tick_size, row.min_size, row.base_decimals), ("0.1", "0.001", 9), "instrument")
    same(len(answer(api.get_filtered_instruments_v1(types.ApiGetFilteredInstrumentsRequest(base=["ETH"])))), 0, "filter")
    same(answer(api.get_currency_v1(types.ApiGetCurrencyRequest()))[0].symbol, "USDT", "currency")
    book = answer(api.orderbook_levels_v1(types.ApiOrderbookLevelsRequest(INSTRUMENT, 10)))
    bid, ask = float(book.bids[0].price), float(book.asks[0].price)
    assert bid < ask and len(book.bids) == 10, (bid, ask)
    ticker = answer(api.ticker_v1(types.ApiTickerRequest(INSTRUMENT)))
    assert abs(float(ticker.mark_price) / bid - 1) < 0.01, ticker
    answer(api.mini_ticker_v1(types.ApiMiniTickerRequest(INSTRUMENT)))
    answer(api.trade_v1(types.ApiTradeRequest(INSTRUMENT, 10)))
    answer(api.funding_rate_v1(types.ApiFundingRateRequest(INSTRUMENT)))
    assert isinstance(api.orderbook_levels_v1(types.ApiOrderbookLevelsRequest("ETH_USDT_Perp", 10)), GrvtError)
    # leverage, account
    assert api.set_initial_leverage_v1(types.ApiSetInitialLeverageRequest(str(SUB_ACCOUNT), INSTRUMENT, "20")).success
    same(api.get_all_initial_leverage_v1(types.ApiGetAllInitialLeverageRequest(str(SUB_ACCOUNT))).results[0].leverage, "20.0", "leverage")
    before = answer(api.sub_account_summary_v1(types.ApiSubAccountSummaryRequest(str(SUB_ACCOUNT))))
    same((before.total_equity, before.positions), ("10000.0", []), "account")
    far, through, under = f"{bid * 0.985:.1f}", f"{ask * 1.005:.1f}", f"{bid * 0.995:.1f}"
    # accepted is not open: a limit that rests, a post-only that rests and one that crosses
    trader.order(1, "0.01", far, True)
    trader.reaches(1, "OPEN")
    trader.order(2, "0.01", far, True, post_only=True)
    trader.reaches(2, "OPEN")
    trader.order(3, "0.01", through, True, post_only=True)
    trader.reaches(3, "REJECTED", "FAIL_POST_ONLY")
    # refusals, each with its code
    trader.order(1, "0.01", far, True, refused=2012)
    trader.order(4, "0.0001", far, True, refused=2062)
    trader.order(4, "0.0105", far, True, refused=2065)
    trader.order(4, "0.01", far + "5", True, refused=2064)
    trader.order(4, "0.001", "50000.0", True, refused=2066)
    trader.order(4, "0.01", f"{ask * 1.05:.1f}", True, refused=7201)
    trader.order(4, "90", far, True, refused=2080)
    trader.order(4, "0.01", far, False, reduce_only=True, refused=2400)
    trader.order(4, "0.01", far, True, ioc, post_only=True, refused=2032)
    trader.order(4, "0.01", far, True, market=True, tif=ioc, refused=2020)
    trader.order(4, "0.01", far, True, ends=-5, refused=2001)
    trader.order(4, "0.01", far, True, ends=31 * 86400, refused=2008)
    def other_size(order): order.legs[0].size = "0.02"
    trader.order(4, "0.01", far, True, signed=other_size, refused=2002)
    def other_v(order): order.signature.v = 29
    trader.order(4, "0.01", far, True, signed=other_v, refused=2005)
    # cancel, cancel what nobody knows, cancel all
    trader.cancel(1)
    trader.reaches(1, "CANCELLED", "CLIENT_CANCEL")
    trader.cancel(999)
    same(len(answer(api.open_orders_v1(types.ApiOpenOrdersRequest(str(SUB_ACCOUNT), kind=[types.Kind.PERPETUAL])))), 1, "open orders")
    same(answer(api.cancel_all_orders_v1(types.ApiCancelAllOrdersRequest(str(SUB_ACCOUNT)))).ack, True, "cancel all")
    trader.reaches(2, "CANCELLED", "CLIENT_BULK_CANCEL")
    # a cancel kills the order that comes just after it
    trader.cancel(5)
    trader.order(5, "0.01", far, True)
    trader.reaches(5, "CANCELLED", "CLIENT_CANCEL")
    # market, IOC that fills, IOC that finds nothing, FOK, reduce-only
    trader.order(10, "0.01", "0", True, ioc, market=True)
    same(trader.reaches(10, "FILLED").traded_size, ["0.01"], "market order")
    held = until("a position", trader.positions)[0]
    same(float(held.size), 0.01, "position")
    trader.order(11, "0.01", through, True, ioc)
    trader.reaches(11, "FILLED")
    trader.order(12, "0.01", far, True, ioc)
    trader.reaches(12, "CANCELLED", "IOC_CANCEL")
    trader.order(13, "0.01", far, True, fok)
    trader.reaches(13, "CANCELLED", "FOK_CANCEL")
    trader.order(14, "0.01", far, True, ioc, reduce_only=True, refused=2401)
    trader.order(14, "0.05", under, False, ioc, reduce_only=True, refused=2402)
    trader.order(15, "0.02", under, False, ioc, reduce_only=True)
    trader.reaches(15, "FILLED")
    until("flat", lambda: not trader.positions())
    # fills and the money that they moved
    fills = answer(api.fill_history_v1(types.ApiFillHistoryRequest(str(SUB_ACCOUNT), limit=50)))
    assert len(fills) >= 3 and all(row.is_taker and float(row.fee) > 0 for row in fills), fills
    moved = sum(float(row.realized_pnl) - float(row.fee) for row in fills)
    after = answer(api.sub_account_summary_v1(types.ApiSubAccountSummaryRequest(str(SUB_ACCOUNT))))
    assert abs(float(after.total_equity) - 10000 - moved) < 1e-5, (after.total_equity, moved)
    answer(api.funding_payment_history_v1(types.ApiFundingPaymentHistoryRequest(str(SUB_ACCOUNT))))
    # the dead man's switch
    trader.order(20, "0.01", far, True)
    trader.reaches(20, "OPEN")
    same(answer(api.cancel_on_disconnect_v1(types.ApiCancelOnDisconnectRequest(str(SUB_ACCOUNT), "2000"))).ack, True, "switch")
    trader.reaches(20, "CANCELLED", "CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED")
    # no session, and a stranger's key
    api._session.cookies.clear()
    api._session.cookies.update({"gravity": "nonsense"})
    trader.order(21, "0.01", far, True, refused=1000)
    api._session.cookies.update({"gravity": api._cookie.gravity})
    api.account = Account.create()
    trader.order(21, "0.01", far, True, refused=2000)
    return len(fills)


async def stream(hosts, private):
    """The client with streams: books and our own orders, and orders over the socket."""
    login, market, trades = hosts
    grvt_ccxt_env.get_grvt_endpoint_domains = lambda _: {
        GrvtEndpointType.EDGE: login, GrvtEndpointType.MARKET_DATA: market, GrvtEndpointType.TRADE_DATA: trades}
    logger = logging.getLogger("stream")
    client = GrvtCcxtWS(GrvtEnv.TESTNET, asyncio.get_running_loop(), logger, {
        "api_key": API_KEY, "trading_account_id": str(SUB_ACCOUNT), "private_key": private})
    full = {GrvtWSEndpointType.MARKET_DATA_RPC_FULL: market, GrvtWSEndpointType.TRADE_DATA_RPC_FULL: trades}
    client.endpoint_types = list(full)
    client.api_url.update({kind: url.replace("http", "ws") + "/ws/full" for kind, url in full.items()})
    await client.initialize()
    frames = {}

    def keep(stream):
        async def take(message):
            frames.setdefault(stream, []).append(message)
        return take

    async def comes(what, ask, seconds=10):
        end = time.monotonic() + seconds
        while not ask():
            assert time.monotonic() < end, f"{what}: not within {seconds} s: {frames.keys()}"
            await asyncio.sleep(0.05)

    await comes("sockets", lambda: client.are_endpoints_connected(list(full)))
    for kind, name, params in [
        (GrvtWSEndpointType.MARKET_DATA_RPC_FULL, "book.d", {"instrument": INSTRUMENT}),
        (GrvtWSEndpointType.MARKET_DATA_RPC_FULL, "ticker.d", {"instrument": INSTRUMENT}),
        (GrvtWSEndpointType.TRADE_DATA_RPC_FULL, "order", {"instrument": INSTRUMENT}),
        (GrvtWSEndpointType.TRADE_DATA_RPC_FULL, "fill", {"instrument": INSTRUMENT}),
        (GrvtWSEndpointType.TRADE_DATA_RPC_FULL, "position", {"instrument": INSTRUMENT}),
    ]:
        await client.subscribe(name, keep(name), kind, params)
    await comes("books", lambda: len(frames.get("book.d", [])) > 5)
    first = frames["book.d"][0]
    same((first["sequence_number"], len(first["feed"]["bids"]) > 5), ("0", True), "snapshot")
    for one, next in zip(frames["book.d"][1:], frames["book.d"][2:]):
        same(next["prev_sequence_number"], one["sequence_number"], "sequence")
    ask = float(first["feed"]["asks"][0]["price"])
    await client.rpc_create_order(INSTRUMENT, "limit", "buy", "0.01", f"{ask * 1.005:.1f}",
                                  {"time_in_force": "IMMEDIATE_OR_CANCEL", "client_order_id": (1 << 63) + 77})
    state = lambda message: message["feed"]["state"]["status"]
    await comes("the order's end", lambda: any(state(message) == "FILLED" for message in frames.get("order", [])))
    await comes("fill and position", lambda: frames.get("fill") and frames.get("position"))
    same(frames["fill"][0]["feed"]["client_order_id"], str((1 << 63) + 77), "fill")
    return {name: len(list) for name, list in frames.items()}


def main():
    logging.disable(logging.CRITICAL)
    # the client's destructor wants an event loop, which has ended by then
    sys.unraisablehook = lambda _: None
    account = Account.create()
    command = [sys.argv[1], "emulate", "--venue", "grvt", "--port", "0", "--account", str(SUB_ACCOUNT), "--grvt-chain-id", "326",
               "--grvt-api-key", API_KEY, "--grvt-signer", account.address, "--grvt-calls", "2000"]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        hosts = re.findall(r"http://[\d.:]+", venue.stdout.readline())
        same(len(hosts), 3, "hosts")
        fills = trade(hosts, account.key.hex())
        frames = asyncio.run(asyncio.wait_for(stream(hosts, account.key.hex()), 60))
        print(f"grvt-pysdk {importlib.metadata.version('grvt-pysdk')} against the emulator: all as it should be, {fills} fills, frames {frames}")
    finally:
        venue.send_signal(signal.SIGINT)
        same(venue.wait(10), 0, "the emulator's exit")


main()
