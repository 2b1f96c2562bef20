"""What both connectors of Hummingbot share: the application's clock loop in small, and the stages, which are those of any of its
connectors. Its addresses have no option: they are constants, set here before the connector is made."""
import asyncio, contextlib, time
from decimal import Decimal

from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent
from venue import near, same, until

SIZE = Decimal("0.01")


class Told:
    def __init__(self, connector):
        self.seen, self.listeners = {}, []
        for event in MarketEvent:
            listener = EventForwarder(lambda what, event=event: self.seen.setdefault(event, []).append(what))
            self.listeners.append(listener)
            connector.add_listener(event, listener)

    def of(self, event, order):
        return next((what for what in self.seen.get(event, []) if what.order_id == order), None)


@contextlib.asynccontextmanager
async def running(connector):
    """The connector as the application runs it: its network started, its clock ticking."""
    told = Told(connector)
    await connector.start_network()

    async def tick():
        while True:
            connector.tick(time.time())
            await asyncio.sleep(0.25)
    ticking = asyncio.ensure_future(tick())
    try:
        async def ready():
            return connector.ready
        try:
            await until("ready", ready, 60)
        except AssertionError as late:
            raise AssertionError(f"{late}: {connector.status_dict}")
        yield told
    finally:
        ticking.cancel()
        await connector.stop_network()


async def asked(told, event, order, seconds=30):
    async def come():
        return told.of(event, order)
    return await until(f"{event.name} of {order}", come, seconds)


def stages(client, pair):
    """`client`: a context of a connector; `pair`: its market."""

    async def data():
        async with client() as connector:
            rule = connector.trading_rules[pair] if connector.trading_rules else None
            if rule is None:
                await connector._update_trading_rules()
                rule = connector.trading_rules[pair]
            assert rule.min_price_increment == Decimal("0.1"), rule
            same((await connector.check_network()).name, "CONNECTED", "network")
            async with running(connector):
                book = connector.get_order_book(pair)
                assert book.get_price(False) < book.get_price(True), "a crossed book"
                info = connector.get_funding_info(pair)
                assert info.mark_price > 0 and info.index_price > 0 and abs(info.rate) < Decimal("0.04"), info

    async def streams():
        async with client() as connector, running(connector):
            book = connector.get_order_book(pair)
            first = book.last_diff_uid

            async def goes_on():
                return book.last_diff_uid > first and book.get_price(False) < book.get_price(True)
            await until("the book goes on", goes_on)

            async def traded():
                return book.last_trade_price > 0
            await until("a trade", traded)

    async def account():
        async with client() as connector, running(connector):
            near(connector.get_balance(connector.get_sell_collateral_token(pair)), 10_000, "balance")
            connector.set_leverage(pair, 10)
            same(connector.account_positions, {}, "positions")

    def bid(connector):
        return Decimal(str(connector.get_price(pair, False)))

    def place(connector, way, price=None, kind=OrderType.LIMIT, action=PositionAction.OPEN, size=SIZE):
        act = connector.buy if way is TradeType.BUY else connector.sell
        return act(pair, size, kind, price if price is not None else Decimal("NaN"), position_action=action)

    async def orders():
        async with client() as connector, running(connector) as told:
            order = place(connector, TradeType.BUY, bid(connector) * Decimal("0.99"), OrderType.LIMIT_MAKER)
            await asked(told, MarketEvent.BuyOrderCreated, order)
            await asyncio.sleep(1)
            connector.cancel(pair, order)
            await asked(told, MarketEvent.OrderCancelled, order)
            other = place(connector, TradeType.SELL, bid(connector) * Decimal("1.01"))
            await asked(told, MarketEvent.SellOrderCreated, other)
            # created is what the venue acknowledged; the order rests after the tier's delay, and is not found before
            await asyncio.sleep(1)
            results = await connector.cancel_all(20)
            assert [result.success for result in results] == [True], results

    async def held(connector, size):
        async def is_held():
            await connector._update_positions()
            found = sum((position.amount for position in connector.account_positions.values()), Decimal(0))
            return found == size or None
        await until(f"a position of {size}", is_held, 30, every=1)

    async def position():
        async with client() as connector, running(connector) as told:
            order = place(connector, TradeType.BUY, kind=OrderType.MARKET)
            await asked(told, MarketEvent.BuyOrderCompleted, order)
            await held(connector, SIZE)
            order = place(connector, TradeType.SELL, kind=OrderType.MARKET, action=PositionAction.CLOSE)
            await asked(told, MarketEvent.SellOrderCompleted, order)
            await held(connector, Decimal(0))
            order = place(connector, TradeType.SELL, bid(connector) * Decimal("0.995"))
            await asked(told, MarketEvent.SellOrderCompleted, order)
            await held(connector, -SIZE)

    async def history():
        async with client() as connector, running(connector) as told:
            order = place(connector, TradeType.BUY, kind=OrderType.MARKET)
            fill = await asked(told, MarketEvent.OrderFilled, order)
            same(fill.amount, SIZE, "fill")
            done = connector._order_tracker.fetch_order(order)
            same((await connector._request_order_status(done)).new_state.name, "FILLED", "its end")
            # of Lighter the connector asks for its trades of all orders, and takes none in twice
            await connector._update_trade_history() if hasattr(connector, "_update_trade_history") else None
            updates = await connector._all_trade_updates_for_order(done)
            assert sum(update.fill_base_amount for update in updates) in (0, SIZE), updates
            await connector._fetch_last_fee_payment(pair)

    return {stage.__name__: stage for stage in (data, streams, account, orders, position, history)}
