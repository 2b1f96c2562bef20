"""Nautilus' adapter of Lighter, as its wheel has it: a live node with its data and execution clients, pointed at the emulator by
`base_url_http` and `base_url_ws`, and a strategy that does what the stage asks for."""
import contextlib, json, os, sys, threading

from nautilus_trader.core import nautilus_pyo3 as nt
from venue import Emulator, main

ACCOUNT, KEY, INSTRUMENT = 7, 5, "BTC-PERP.LIGHTER"
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "lighter_signatures.json")


class Told:
    """What came to the strategy, by kind."""

    def __init__(self):
        self.seen = {}

    def note(self, kind, what=None):
        self.seen.setdefault(kind, []).append(what)

    def has(self, *kinds):
        return all(self.seen.get(kind) for kind in kinds)


class Trader(nt.Strategy):
    told, steps, on_begin = None, None, None

    def on_start(self):
        type(self).on_begin(self)

    def on_instrument(self, instrument):
        self.told.note("instrument", instrument)

    def on_quote(self, quote):
        self.told.note("quote", quote)
        # the market's pulse: what comes next is tried at each quote
        while self.steps and self.steps[0][1](self):
            del self.steps[0]
        if not self.steps and not self.told.has("end"):
            self.told.note("end")
            self.shutdown_system("the stage is done")

    def on_trade(self, trade):
        self.told.note("trade", trade)

    def on_book_deltas(self, deltas):
        self.told.note("book", deltas)

    def on_mark_price(self, update):
        self.told.note("mark", update)

    def on_index_price(self, update):
        self.told.note("index", update)

    def on_funding_rate(self, update):
        self.told.note("funding", update)

    def on_bar(self, bar):
        self.told.note("bar", bar)

    def on_historical_bars(self, bars):
        self.told.note("bars", bars)

    def on_historical_trades(self, trades):
        self.told.note("trades", trades)

    def on_order_accepted(self, event):
        self.told.note("accepted", event)

    def on_order_rejected(self, event):
        self.told.note("rejected", event)

    def on_order_denied(self, event):
        self.told.note("denied", event)

    def on_order_updated(self, event):
        self.told.note("updated", event)

    def on_order_canceled(self, event):
        self.told.note("canceled", event)

    def on_order_filled(self, event):
        self.told.note("filled", event)

    def on_position_opened(self, event):
        self.told.note("opened", event)

    def on_position_closed(self, event):
        self.told.note("closed", event)


def keys():
    """A throw-away pair of the fixtures."""
    return json.load(open(FIXTURE))["keys"]["alpha"]


@contextlib.contextmanager
def venue():
    _, public = keys()
    with Emulator("--venue", "lighter", "--tier", "premium", "--weight", "1000000", "--account", str(ACCOUNT),
                  "--api-key", f"{KEY}={public.removeprefix('0x')}") as emulator:
        yield emulator.hosts[0]


def run(host, begin, *steps, seconds=60):
    """A node whose strategy begins with `begin`; then `steps`, a name and a question each, asked until it is answered."""
    stream = host.replace("http", "ws") + "/stream"
    trader_id, account_id = nt.TraderId("TESTER-001"), nt.AccountId("LIGHTER-001")
    of_key = dict(account_index=ACCOUNT, api_key_index=KEY, private_key=keys()[0])
    Trader.told, Trader.steps, Trader.on_begin = Told(), list(steps), staticmethod(begin)
    node = (
        nt.LiveNode.builder("LIGHTER-TESTER", trader_id, nt.Environment.LIVE)
        .with_reconciliation(True)
        .add_data_client(None, nt.LighterDataClientFactory(), nt.LighterDataClientConfig(
            base_url_http=host, base_url_ws=stream, **of_key))
        .add_exec_client(None, nt.LighterExecutionClientFactory(), nt.LighterExecClientConfig(
            trader_id, account_id, base_url_http=host, base_url_ws=stream, **of_key))
        .build()
    )
    node.add_strategy(Trader(nt.StrategyConfig(strategy_id=nt.StrategyId("TESTER-001"), order_id_tag="001")))

    def late():
        told = [(kind, len(list)) for kind, list in Trader.told.seen.items()]
        sys.stderr.write(f"{Trader.steps[0][0] if Trader.steps else 'end'}: not within {seconds} s; told {told}\n")
        os._exit(1)
    watch = threading.Timer(seconds, late)
    watch.start()
    node.run()
    watch.cancel()
    refused = Trader.told.seen.get("rejected") or Trader.told.seen.get("denied")
    assert not refused and not Trader.steps, (refused, Trader.steps)


def comes(*kinds):
    """Steps that wait for what is told."""
    return [(kind, lambda strategy, kind=kind: strategy.told.has(kind)) for kind in kinds]


def quoted(strategy):
    strategy.subscribe_quotes(ID)


def once(act):
    """A step that does something when there is a quote."""
    done = []

    def step(strategy):
        quotes = strategy.told.seen.get("quote")
        if quotes and not done:
            done.append(True)
            act(strategy, float(quotes[-1].bid_price), float(quotes[-1].ask_price))
        return bool(done)
    return step


def limit(side, price, size="0.01000", **more):
    return lambda strategy: strategy.submit_order(strategy.order_factory.limit(
        ID, side, nt.Quantity.from_str(size), nt.Price.from_str(f"{price:.1f}"), **more))


def market(side, size="0.01000", **more):
    def act(strategy, _bid, _ask):
        strategy.submit_order(strategy.order_factory.market(ID, side, nt.Quantity.from_str(size), **more))
    return once(act)


ID = nt.InstrumentId.from_str(INSTRUMENT)
BUY, SELL = nt.OrderSide.BUY, nt.OrderSide.SELL


async def data():
    def begin(strategy):
        strategy.subscribe_quotes(ID)
        strategy.subscribe_mark_prices(ID)
        strategy.subscribe_index_prices(ID)
        strategy.subscribe_funding_rates(ID)
        strategy.request_trades(ID)
        strategy.request_bars(nt.BarType.from_str(f"{INSTRUMENT}-1-MINUTE-LAST-EXTERNAL"))
    with venue() as host:
        run(host, begin, *comes("quote", "mark", "index", "funding", "trades", "bars"))


async def streams():
    def begin(strategy):
        strategy.subscribe_book_deltas(ID, nt.BookType.L2_MBP)
        strategy.subscribe_trades(ID)
        strategy.subscribe_quotes(ID)
    with venue() as host:
        run(host, begin, *comes("trade", "quote"), ("books", lambda strategy: len(strategy.told.seen.get("book", [])) > 20))


async def account():
    def known(strategy):
        found = strategy.cache.account_for_venue(nt.Venue("LIGHTER"))
        return found and found.balance_total(nt.Currency.from_str("USDC")).as_double() == 10_000
    with venue() as host:
        run(host, quoted, ("balance", known))


async def orders():
    def amend(strategy, bid, _ask):
        order = strategy.cache.orders_open()[0]
        strategy.modify_order(order.client_order_id, nt.Quantity.from_str("0.02000"), nt.Price.from_str(f"{bid * 0.97:.1f}"))

    def cancel(strategy, _bid, _ask):
        strategy.cancel_order(strategy.cache.orders_open()[0].client_order_id)
    with venue() as host:
        run(
            host, quoted,
            ("place", once(lambda strategy, bid, _: limit(BUY, bid * 0.985, post_only=True)(strategy))), *comes("accepted"),
            ("amend", once(amend)), *comes("updated"), ("cancel", once(cancel)), *comes("canceled"),
            ("place another", once(lambda strategy, bid, _: limit(BUY, bid * 0.985)(strategy))),
            ("it rests", lambda strategy: len(strategy.told.seen["accepted"]) == 2),
            ("cancel all", once(lambda strategy, *_: strategy.cancel_all_orders(ID))),
            ("none rests", lambda strategy: len(strategy.told.seen["canceled"]) == 2),
        )


async def position():
    def held(size):
        return lambda strategy: float(strategy.portfolio.net_position(ID)) == size
    with venue() as host:
        run(
            host, quoted, ("buy", market(BUY)), *comes("filled", "opened"), ("long", held(0.01)),
            ("close", once(lambda strategy, *_: strategy.close_all_positions(ID))), *comes("closed"), ("flat", held(0)),
            ("sell", market(SELL, "0.02000")), ("short", held(-0.02)),
        )


async def history():
    """A node that comes later learns from the venue what was before."""
    with venue() as host:
        run(host, quoted, ("sell", market(SELL)), *comes("filled", "opened"))
        run(host, quoted, ("the short is found", lambda strategy: float(strategy.portfolio.net_position(ID)) == -0.01),
            ("its order is found", lambda strategy: len(strategy.cache.orders_closed()) >= 1))


main(globals())
