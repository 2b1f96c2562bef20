"""The venue's own client, unmodified, against the emulator: everything that a trader does, and what must be refused.

    python lighter_emulator.py PERPX_DATA

PERPX_DATA is the built command. The keys are drawn here and worthless; nothing leaves this machine.
"""
import asyncio, contextlib, importlib.metadata, json, re, signal, subprocess, sys, threading, time

import lighter, websockets
from lighter.signer_client import SignerClient, create_api_key

MARKET, ACCOUNT, KEY = 1, 7, 5


def same(found, wanted, what):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


class Books:
    """What the client's own stream tells, as it keeps it."""

    def __init__(self, url):
        self.books, self.accounts = [], []
        client = lighter.WsClient(
            ws_url=url, order_book_ids=[MARKET], account_ids=[ACCOUNT],
            on_order_book_update=lambda _, book: self.books.append(json.loads(json.dumps(book))),
            on_account_update=lambda _, account: self.accounts.append(account),
        )
        def run():
            # the socket closes when the venue ends
            with contextlib.suppress(websockets.exceptions.ConnectionClosed):
                client.run()

        threading.Thread(target=run, daemon=True).start()


async def until(what, ask, seconds=10):
    end = time.monotonic() + seconds
    while True:
        found = await ask()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.1)


async def trade(url, private, public):
    client = SignerClient(url, ACCOUNT, {KEY: private}, chain_id=304)
    same(client.check_client(), None, "check_client")
    api = client.api_client
    orders, accounts = lighter.OrderApi(api), lighter.AccountApi(api)

    market = (await orders.order_book_details(market_id=MARKET)).order_book_details[0]
    same((market.symbol, market.size_decimals, market.price_decimals), ("BTC", 5, 1), "market")
    same(len((await orders.order_books()).order_books), 1, "markets")
    book = await orders.order_book_orders(market_id=MARKET, limit=5)
    bid, ask = (int(float(side[0].price) * 10) for side in (book.bids, book.asks))
    assert bid < ask, (bid, ask)
    same((await accounts.apikeys(account_index=ACCOUNT, api_key_index=KEY)).api_keys[0].public_key, public.removeprefix("0x"), "key")
    stream = Books(url.replace("http", "ws") + "/stream")
    token, error = client.create_auth_token_with_expiry(api_key_index=KEY)
    same(error, None, "token")

    async def place(number, amount, price, is_ask, kind=SignerClient.ORDER_TYPE_LIMIT, tif=SignerClient.ORDER_TIME_IN_FORCE_GOOD_TILL_TIME,
                    reduce_only=False, expiry=-1, refused=None):
        _, sent, error = await client.create_order(MARKET, number, amount, price, is_ask, kind, tif, reduce_only, order_expiry=expiry)
        if refused:
            assert error and str(refused) in error, f"order {number}: {error!r} is no {refused}"
        else:
            same(error, None, f"order {number}")
            same(sent.code, 200, f"order {number}")
        return sent

    async def order(number):
        """Where the order stands now, active or not."""
        for ask in (orders.account_active_orders, None):
            rows = (await ask(account_index=ACCOUNT, market_id=MARKET, authorization=token)).orders if ask else \
                (await orders.account_inactive_orders(account_index=ACCOUNT, limit=50, authorization=token)).orders
            for row in rows:
                if row.client_order_index == number:
                    return row

    async def reaches(number, status):
        async def ask():
            row = await order(number)
            return row if row and row.status == status else None
        return await until(f"order {number} {status}", ask)

    async def position():
        return (await accounts.account(by="index", value=str(ACCOUNT))).accounts[0].positions[0]

    gtt, post, ioc = (getattr(SignerClient, f"ORDER_TIME_IN_FORCE_{name}") for name in ("GOOD_TILL_TIME", "POST_ONLY", "IMMEDIATE_OR_CANCEL"))
    far = bid * 98 // 100
    # accepted is not open: a limit that rests, a post-only that rests and one that crosses
    sent = await place(101, 1000, far, False, tif=gtt)
    same((await lighter.TransactionApi(api).tx(by="hash", value=sent.tx_hash)).hash, sent.tx_hash, "tx")
    await reaches(101, "open")
    await place(102, 1000, far, False, tif=post)
    await reaches(102, "open")
    await place(103, 1000, ask * 101 // 100, False, tif=post)
    await reaches(103, "canceled-post-only")
    # refusals, each with its code; a refused transaction does not use its nonce up
    await place(101, 1000, far, False, refused=21728)
    await place(104, 1, far, False, refused=21706)
    await place(104, 1000, ask * 110 // 100, False, refused=21733)
    await place(104, 9_000_000, far, False, refused=21739)
    await place(104, 1000, far, True, reduce_only=True, refused="217")
    await place(105, 1000, bid * 98 // 100, False, expiry=int(time.time() * 1000) + 1000, refused=21711)
    # modify: the same order, other numbers
    row = await order(101)
    _, sent, error = await client.modify_order(MARKET, 101, 2000, far - 10, 0)
    same(error, None, "modify")

    async def changed():
        found = await order(101)
        return found if found.base_price == far - 10 else None
    found = await until("modify", changed)
    same((found.order_index, found.initial_base_amount, found.status), (row.order_index, "0.02000", "open"), "modified")
    # cancel, by the venue's number; cancel what is gone; cancel all
    _, _, error = await client.cancel_order(MARKET, row.order_index)
    same(error, None, "cancel")
    await reaches(101, "canceled")
    _, _, error = await client.cancel_order(MARKET, 999_999)
    assert error and "21600" in error, error
    _, _, error = await client.cancel_all_orders(SignerClient.CANCEL_ALL_TIF_IMMEDIATE, 0)
    same(error, None, "cancel all")
    await reaches(102, "canceled")
    # market, IOC that fills, IOC that finds nothing, reduce-only
    _, sent, error = await client.create_market_order(MARKET, 201, 1000, ask * 101 // 100, False)
    same(error, None, "market order")
    row = await reaches(201, "filled")
    same((row.filled_base_amount, row.type), ("0.01000", "market"), "market order")
    held = await position()
    same((held.sign, held.position), (1, "0.01000"), "position")
    await place(202, 1000, ask * 101 // 100, False, tif=ioc, expiry=0)
    await reaches(202, "filled")
    await place(203, 1000, far, False, tif=ioc, expiry=0)
    row = await until("empty IOC", lambda: order(203))
    assert row.status.startswith("canceled") and row.filled_base_amount == "0.00000", row
    await place(204, 1000, far, False, tif=ioc, expiry=0, reduce_only=True, refused=21740)
    await place(205, 5000, bid * 98 // 100, True, tif=ioc, expiry=0, reduce_only=True)

    async def flat():
        return (await position()).position == "0.00000"
    await until("reduce-only closes no more than there is", flat)
    row = await order(205)
    same(row.filled_base_amount, "0.02000", "reduce-only")
    # fills, as the venue keeps them; money moved
    trades = (await orders.trades(sort_by="timestamp", limit=50, account_index=ACCOUNT, authorization=token)).trades
    assert len(trades) >= 3 and all(ACCOUNT in (row.ask_account_id, row.bid_account_id) for row in trades), trades
    # a nonce that does not follow is refused, and so is another key's signature (the client's signer keeps one key a number)
    _, _, error = await client.cancel_all_orders(SignerClient.CANCEL_ALL_TIF_IMMEDIATE, 0, nonce=1, api_key_index=KEY)
    assert error and "21104" in error, error
    other, _, _ = create_api_key()
    stranger = SignerClient(url, ACCOUNT, {KEY: other}, chain_id=304)
    _, _, error = await stranger.cancel_all_orders(SignerClient.CANCEL_ALL_TIF_IMMEDIATE, 0)
    assert error and "21120" in error, error
    await stranger.close()
    # the stream lived all the while
    assert len(stream.books) > 3 and stream.books[-1]["bids"] and stream.books[-1]["asks"], len(stream.books)
    assert any(float(frame["positions"][str(MARKET)]["position"]) > 0 for frame in stream.accounts), "account frames"
    await client.close()
    print(f"lighter-sdk {importlib.metadata.version('lighter-sdk')} against the emulator: all as it should be, "
          f"{len(stream.books)} books, {len(trades)} trades")


def main():
    private, public, error = create_api_key()
    assert not error, "no key"
    command = [sys.argv[1], "emulate", "--port", "0", "--tier", "plus", "--weight", "120000", "--account", str(ACCOUNT), "--api-key", f"{KEY}={public}"]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://[\d.:]+", venue.stdout.readline()).group()
        asyncio.run(asyncio.wait_for(trade(url, private, public), 120))
    finally:
        venue.send_signal(signal.SIGINT)
        same(venue.wait(10), 0, "the emulator's exit")


main()
