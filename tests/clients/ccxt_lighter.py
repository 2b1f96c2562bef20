"""ccxt's Lighter, over REST and streams, over TLS. Its addresses are set by its own option `urls`; the key of the account is the wallet's,
from which the client makes itself an API key, as ccxt's manual has it."""
import asyncio, contextlib, glob, os, secrets

import ccxt.pro
from venue import Emulator, main, near, same, until

ACCOUNT, SYMBOL = 7, "BTC/USDC:USDC"


def signer():
    """The venue's own signing library, which ccxt loads from where it is told: out of lighter-sdk, whose code is not run."""
    import importlib.util
    package = importlib.util.find_spec("lighter").submodule_search_locations[0]
    return glob.glob(os.path.join(package, "signers", "*linux-amd64.so"))[0]


@contextlib.asynccontextmanager
async def client():
    wallet = "0x" + secrets.token_hex(32)
    with Emulator("--venue", "lighter", "--tier", "premium", "--weight", "120000", "--account", str(ACCOUNT),
                  "--l1-address", ccxt.pro.grvt().eth_get_address_from_private_key(wallet), tls=True) as venue:
        host = venue.hosts[0]
        exchange = ccxt.pro.lighter({
            "privateKey": wallet, "rateLimit": 50, "cafile": venue.authority, "options": {"libraryPath": signer()},
            "urls": {"api": {"root": host, "public": host, "private": host, "ws": host.replace("http", "ws") + "/stream"}},
        })
        try:
            yield exchange
        finally:
            await exchange.close()


async def data():
    async with client() as ex:
        markets = await ex.load_markets()
        market = markets[SYMBOL]
        same((market["base"], market["precision"]["price"], market["precision"]["amount"]), ("BTC", 0.1, 0.00001), "market")
        same((await ex.fetch_currencies())["USDC"]["code"], "USDC", "currency")
        same((await ex.fetch_status())["status"], "ok", "status")
        assert abs(await ex.fetch_time() - ex.milliseconds()) < 5_000, "time"
        book = await ex.fetch_order_book(SYMBOL, 10)
        assert len(book["bids"]) == 10 and book["bids"][0][0] < book["asks"][0][0], book
        ticker = (await ex.fetch_tickers([SYMBOL]))[SYMBOL]
        assert ticker["low"] <= ticker["last"] <= ticker["high"] and ticker["baseVolume"] > 0, ticker
        same((await ex.fetch_ticker(SYMBOL))["symbol"], SYMBOL, "ticker")
        trades = await ex.fetch_trades(SYMBOL, limit=50)
        same(len(trades), 50, "trades")
        candles = await ex.fetch_ohlcv(SYMBOL, "1m", limit=60)
        assert len(candles) >= 59 and all(low <= close <= high for _, _, high, low, close, _ in candles), candles[-3:]
        rate = (await ex.fetch_funding_rates([SYMBOL]))[SYMBOL]["fundingRate"]
        assert abs(rate) < 0.04, rate


async def streams():
    async with client() as ex:
        for _ in range(20):
            book = await ex.watch_order_book(SYMBOL)
            assert book["bids"][0][0] < book["asks"][0][0], "a crossed book"
        ticker = await ex.watch_ticker(SYMBOL)
        assert ticker["high"] and ticker["markPrice"], ticker
        assert await ex.watch_trades(SYMBOL), "trades"
        assert await ex.un_watch_order_book(SYMBOL), "unsubscribed"
        orders = asyncio.ensure_future(ex.watch_orders(SYMBOL))
        await asyncio.sleep(0.5)
        bid = (await ex.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        sent = await ex.create_order_ws(SYMBOL, "limit", "buy", 0.01, bid * 0.98, {"clientOrderId": 11, "postOnly": True})
        assert sent, "an order over the stream"
        told = await asyncio.wait_for(orders, 20)
        same([str(order["clientOrderId"]) for order in told], ["11"], "the order is told")
        await ex.cancel_all_orders_ws()


async def account():
    async with client() as ex:
        balance = await ex.fetch_balance({"type": "swap"})
        near(balance["USDC"]["total"], 10_000, "balance")
        same((await ex.fetch_accounts())[0]["id"], str(ACCOUNT), "accounts")
        await ex.set_leverage(10, SYMBOL, {"marginMode": "cross"})
        position = await ex.fetch_position(SYMBOL)
        near(position["leverage"], 10, "leverage")


async def open_order(ex, number):
    rows = await ex.fetch_open_orders(SYMBOL)
    return next((row for row in rows if row["clientOrderId"] == str(number)), None)


async def closed_order(ex, number, status):
    rows = await ex.fetch_closed_orders(SYMBOL)
    return next((row for row in rows if row["clientOrderId"] == str(number) and row["status"] == status), None)


async def orders():
    async with client() as ex:
        bid = (await ex.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        await ex.create_order(SYMBOL, "limit", "buy", 0.01, bid * 0.98, {"clientOrderId": 1, "postOnly": True})
        order = await until("a limit rests", lambda: open_order(ex, 1))
        same((order["side"], order["amount"], order["postOnly"]), ("buy", 0.01, True), "order")
        await ex.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, bid * 0.97)

        async def amended():
            found = await open_order(ex, 1)
            return found if found and found["amount"] == 0.02 else None
        await until("it is amended", amended)
        await ex.cancel_order(order["id"], SYMBOL)
        await until("it is cancelled", lambda: closed_order(ex, 1, "canceled"))
        await ex.create_order(SYMBOL, "limit", "buy", 0.01, bid * 0.98, {"clientOrderId": 2})
        await until("another rests", lambda: open_order(ex, 2))
        await ex.cancel_all_orders(SYMBOL)
        await until("all are cancelled", lambda: closed_order(ex, 2, "canceled"))
        # what it asks of the wallet before it trades, and would do without
        same(ex.options.get("approvedBuilderFee"), True, "its integrator is approved")
        await ex.cancel_all_orders_after(400_000)
        await ex.cancel_all_orders_after(0)


async def hold(ex):
    ask = (await ex.fetch_order_book(SYMBOL, 5))["asks"][0][0]
    await ex.create_order(SYMBOL, "market", "buy", 0.01, ask * 1.01, {"clientOrderId": 21})
    async def held():
        position = await ex.fetch_position(SYMBOL)
        return position if position["contracts"] else None
    return await until("a position", held)


async def close(ex):
    bid = (await ex.fetch_order_book(SYMBOL, 5))["bids"][0][0]
    await ex.create_order(SYMBOL, "market", "sell", 0.01, bid * 0.99, {"clientOrderId": 22, "reduceOnly": True})
    async def flat():
        return not (await ex.fetch_position(SYMBOL))["contracts"]
    await until("flat", flat)


async def position():
    async with client() as ex:
        held = await hold(ex)
        same((held["side"], held["contracts"]), ("long", 0.01), "position")
        await close(ex)
        # a short is a short
        bid = (await ex.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        await ex.create_order(SYMBOL, "limit", "sell", 0.02, bid * 0.995, {"timeInForce": "IOC", "clientOrderId": 23})
        async def short():
            found = await ex.fetch_position(SYMBOL)
            return found if found["contracts"] else None
        held = await until("a short", short)
        same((held["side"], held["contracts"]), ("short", 0.02), "short")


async def history():
    async with client() as ex:
        await hold(ex)
        await close(ex)
        trades = await ex.fetch_my_trades(SYMBOL)
        same(sorted(trade["side"] for trade in trades), ["buy", "sell"], "my trades")
        assert all(trade["takerOrMaker"] == "taker" for trade in trades), trades
        await until("closed orders", lambda: closed_order(ex, 22, "closed"))


main(globals())
