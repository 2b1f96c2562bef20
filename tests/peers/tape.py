"""The recorded tape as arrays, and as the events that hftbacktest reads.

Prices in ticks of 0.1, sizes in integers of 1e-9 coins, times in ns on the venue's clock.
"""

import csv
import gzip
from decimal import Decimal

import numpy as np

# by venue: the lot of perpx's instrument, that of hftbacktest's, 1e-9 coins (see orders.order)
VENUES = {"binance_usdm": (200_000, 1_000_000), "binance_coinm": (1, 1)}
LATENCY_NS = 10_000_000
NANO = 10**9

TRADE, QUOTE = 0, 1
ROW = np.dtype(
    [("time", "i8"), ("kind", "i8"), ("side", "i8"), ("px", "i8"), ("qty", "i8"),
     ("bid", "i8"), ("bid_qty", "i8"), ("ask", "i8"), ("ask_qty", "i8")]
)


def scaled(text, unit):
    value = Decimal(text) * unit
    assert value == int(value), f"{text} is not a multiple of 1/{unit}"
    return int(value)


def rows(folder, venue):
    """Every row of a venue twice: in the order of receipt, and as perpx replays it (at one time trades, then quotes).

    Trades: side (1 = the taker bought), px, qty. Quotes: bid, bid_qty, ask, ask_qty.
    """
    out = []
    with gzip.open(f"{folder}/{venue}_bbo.csv.gz", "rt") as file:
        for r in csv.DictReader(file):
            quote = (scaled(r["bid_px"], 10), scaled(r["bid_sz"], NANO), scaled(r["ask_px"], 10), scaled(r["ask_sz"], NANO))
            out.append((int(r["recv_ts_ns"]), (int(r["ts_ns"]), QUOTE, 0, 0, 0, *quote)))
    with gzip.open(f"{folder}/{venue}_trades.csv.gz", "rt") as file:
        for r in csv.DictReader(file):
            side = 1 if r["side"] == "B" else -1
            trade = (scaled(r["px"], 10), scaled(r["sz"], NANO))
            out.append((int(r["recv_ts_ns"]), (int(r["ts_ns"]), TRADE, side, *trade, 0, 0, 0, 0)))
    out.sort(key=lambda row: row[0])
    received = np.array([row[1] for row in out], dtype=ROW)
    received = received[np.argsort(received["time"], kind="stable")]
    replayed = received[np.lexsort((received["kind"], received["time"]))]
    return received, replayed


def peer_events(received, keep_levels):
    """The rows as updates of single levels, sent when a level changes.

    `keep_levels`: a level that is no longer the best because a better one came stays in the book with its last size (as it
    does at the venue); else the book holds the best level of each side alone.
    """
    import hftbacktest as hbt

    both = hbt.EXCH_EVENT | hbt.LOCAL_EVENT
    trade = {1: both | hbt.TRADE_EVENT | hbt.BUY_EVENT, -1: both | hbt.TRADE_EVENT | hbt.SELL_EVENT}
    depth = {1: both | hbt.DEPTH_EVENT | hbt.BUY_EVENT, -1: both | hbt.DEPTH_EVENT | hbt.SELL_EVENT}
    out = []
    books = {1: {}, -1: {}}

    def level(side, time, px, qty):
        out.append((depth[side], time, time, px / 10, qty / NANO, 0, 0, 0.0))
        if qty:
            books[side][px] = qty
        else:
            del books[side][px]

    for r in received:
        time = int(r["time"])
        if r["kind"] == TRADE:
            out.append((trade[int(r["side"])], time, time, int(r["px"]) / 10, int(r["qty"]) / NANO, 0, 0, 0.0))
            continue
        best = {1: (int(r["bid"]), int(r["bid_qty"])), -1: (int(r["ask"]), int(r["ask_qty"]))}
        # first what is gone: whatever was better than the new best
        for side, (px, _) in best.items():
            for old in [p for p in books[side] if side * p > side * px]:
                level(side, time, old, 0)
        for side, (px, qty) in best.items():
            if books[side].get(px) != qty:
                level(side, time, px, qty)
            if not keep_levels:
                for old in [p for p in books[side] if p != px]:
                    level(side, time, old, 0)
    return np.array(out, dtype=hbt.event_dtype)
