"""ccxt's GRVT, over REST and streams, over TLS. Its addresses are set by its own option `urls`; it logs in with the wallet of the main
account, as it does by default."""
import asyncio, contextlib, secrets

import ccxt.pro
from venue import Emulator, main, near, same, until

SUB_ACCOUNT, SYMBOL = 82898496677, "BTC/USDT:USDT"


@contextlib.asynccontextmanager
async def client():
    wallet = "0x" + secrets.token_hex(32)
    with Emulator("--venue", "grvt", "--account", str(SUB_ACCOUNT), "--grvt-signer", ccxt.pro.grvt().eth_get_address_from_private_key(wallet),
                  "--grvt-calls", "1000", tls=True) as venue:
        login, market, trades = (host + "/" for host in venue.hosts)
        stream = lambda host: host.replace("http", "ws") + "ws/full"
        exchange = ccxt.pro.grvt({"privateKey": wallet, "cafile": venue.authority, "urls": {"api": {
            "privateEdge": login, "publicMarket": market, "privateTrading": trades,
            "ws": {"publicMarket": stream(market), "privateTrading": stream(trades)},
        }}})
        try:
            yield exchange
        finally:
            await exchange.close()


async def data():
    async with client() as ex:
        market = (await ex.load_markets())[SYMBOL]
        same((market["id"], market["precision"]["price"], market["precision"]["amount"]), ("BTC_USDT_Perp", 0.1, 0.001), "market")
        same((await ex.fetch_currencies())["USDT"]["code"], "USDT", "currency")
        book = await ex.fetch_order_book(SYMBOL, 10)
        assert len(book["bids"]) == 10 and book["bids"][0][0] < book["asks"][0][0], book
        ticker = await ex.fetch_ticker(SYMBOL)
        assert ticker["low"] <= ticker["last"] <= ticker["high"] and ticker["baseVolume"] > 0, ticker
        trades = await ex.fetch_trades(SYMBOL, limit=50)
        same(len(trades), 50, "trades")
        candles = await ex.fetch_ohlcv(SYMBOL, "1m", limit=60)
        assert len(candles) >= 59 and all(low <= close <= high for _, _, high, low, close, _ in candles), candles[-3:]
        marks = await ex.fetch_ohlcv(SYMBOL, "5m", params={"price": "mark"})
        assert len(marks) > 20, len(marks)
        assert await ex.fetch_funding_rate_history(SYMBOL), "funding"


async def streams():
    async with client() as ex:
        for _ in range(20):
            book = await ex.watch_order_book(SYMBOL)
            assert book["bids"][0][0] < book["asks"][0][0], "a crossed book"
    # a client of its own: it takes two subscriptions with one selector for one
    async with client() as ex:
        ticker = await ex.watch_ticker(SYMBOL)
        assert ticker["bid"] and ticker["last"], ticker
    async with client() as ex:
        assert await ex.watch_trades(SYMBOL), "trades"
        orders = asyncio.ensure_future(ex.watch_orders(SYMBOL))
        fills = asyncio.ensure_future(ex.watch_my_trades(SYMBOL))
        await asyncio.sleep(1)
        await ex.create_order(SYMBOL, "market", "buy", 0.01)
        told = await asyncio.wait_for(orders, 20)
        same(told[0]["symbol"], SYMBOL, "the order is told")
        same((await asyncio.wait_for(fills, 20))[0]["amount"], 0.01, "the fill is told")


async def account():
    async with client() as ex:
        near((await ex.fetch_balance())["USDT"]["total"], 10_000, "balance")
        await ex.set_leverage(20, SYMBOL)
        # the client's own table has no key for a symbol
        leverages = await ex.fetch_leverages()
        assert any(row["longLeverage"] == 20 for row in leverages.values()), leverages
        same(await ex.fetch_positions([SYMBOL]), [], "positions")


async def order_is(ex, number, *states):
    order = await ex.fetch_order(None, SYMBOL, {"clientOrderId": str(number)})
    return order if order["status"] in states else None


async def orders():
    async with client() as ex:
        bid = (await ex.fetch_order_book(SYMBOL, 10))["bids"][0][0]
        await ex.create_order(SYMBOL, "limit", "buy", 0.01, bid * 0.99, {"clientOrderId": "1001", "postOnly": True})
        order = await until("a limit rests", lambda: order_is(ex, 1001, "open"))
        same((order["side"], order["amount"]), ("buy", 0.01), "order")
        same(len(await ex.fetch_open_orders(SYMBOL)), 1, "open orders")
        await ex.cancel_order(order["id"], SYMBOL)
        await until("it is cancelled", lambda: order_is(ex, 1001, "canceled"))
        await ex.create_order(SYMBOL, "limit", "sell", 0.01, bid * 1.01, {"clientOrderId": "1002"})
        await until("another rests", lambda: order_is(ex, 1002, "open"))
        await ex.cancel_all_orders(SYMBOL)
        await until("all are cancelled", lambda: order_is(ex, 1002, "canceled"))


async def held(ex):
    rows = await ex.fetch_positions([SYMBOL])
    return rows[0] if rows else None


async def flat(ex):
    return not await ex.fetch_positions([SYMBOL])


async def position():
    async with client() as ex:
        await ex.create_order(SYMBOL, "market", "buy", 0.01)
        found = await until("a position", lambda: held(ex))
        same((found["side"], found["contracts"]), ("long", 0.01), "position")
        await ex.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
        await until("flat", lambda: flat(ex))
        # a short is a short
        bid = (await ex.fetch_order_book(SYMBOL, 10))["bids"][0][0]
        await ex.create_order(SYMBOL, "limit", "sell", 0.02, bid * 0.995, {"timeInForce": "IOC"})
        found = await until("a short", lambda: held(ex))
        same((found["side"], found["contracts"]), ("short", 0.02), "short")


async def history():
    async with client() as ex:
        await ex.create_order(SYMBOL, "market", "buy", 0.01)
        await until("a position", lambda: held(ex))
        await ex.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
        await until("flat", lambda: flat(ex))
        trades = await ex.fetch_my_trades(SYMBOL)
        same(sorted(trade["side"] for trade in trades), ["buy", "sell"], "my trades")
        rows = await ex.fetch_orders(SYMBOL)
        same([row["status"] for row in rows], ["closed", "closed"], "orders")
        await ex.fetch_funding_history(SYMBOL)


main(globals())
