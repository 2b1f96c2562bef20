"""The other side: the same orders through hftbacktest. peer.py RECORDING ORDERS.csv QUEUE FILLS.csv

QUEUE: risk_averse, proportional, or `power N`. Exchange model: part fills. IOC orders meet a book of best bid and ask, the
others one whose levels behind the best keep their last size (see tape.peer_events).
"""

import csv
import sys

import hftbacktest as hbt
import numpy as np
from hftbacktest.order import IOC
from numba import njit

from orders import decimal
from tape import LATENCY_NS, NANO, VENUES, peer_events, rows, scaled

SUBMIT, CANCEL = 0, 1
KINDS = {"post_only": hbt.GTX, "limit": hbt.GTC, "ioc": IOC}


@njit
def note(bt, left, fills, count):
    """Writes what has been filled since the last answer of each order; a row: id, venue time, price in ticks, size."""
    values = bt.orders(0).values()
    while values.has_next():
        order = values.get()
        if order.leaves_qty < left[order.order_id] - 1e-12 and order.exec_qty > 0:
            fills[count, 0] = order.order_id
            fills[count, 1] = order.exch_timestamp
            fills[count, 2] = order.exec_price_tick
            fills[count, 3] = np.int64(round((left[order.order_id] - order.leaves_qty) * 1e9))
            fills[count, 4] = 1 if order.arr[0].maker else 0
            left[order.order_id] = order.leaves_qty
            count += 1
    bt.clear_inactive_orders(0)
    return count


@njit
def play(bt, when, what, ids, sides, tifs, prices, sizes, left, fills):
    """Sends what is due and notes every answer; returns the number of fills, or minus the simulator's error code."""
    count, at = 0, 0
    # the first call steps to the first row
    bt.elapse(0)
    while True:
        wait = when[at] - bt.current_timestamp if at < len(when) else 1_000_000_000_000
        if at < len(when) and wait <= 0:
            n = ids[at]
            if what[at] == SUBMIT and sides[n] > 0:
                code = bt.submit_buy_order(0, n, prices[n], sizes[n], tifs[n], hbt.LIMIT, False)
            elif what[at] == SUBMIT:
                code = bt.submit_sell_order(0, n, prices[n], sizes[n], tifs[n], hbt.LIMIT, False)
            else:
                code = 0
                if n in bt.orders(0) and bt.orders(0).get(n).cancellable:
                    code = bt.cancel(0, n, False)
            if code != 0:
                return -code
            at += 1
            continue
        code = bt.wait_next_feed(True, wait)
        if code == 3:
            count = note(bt, left, fills, count)
        elif code == 1:
            return note(bt, left, fills, count)
        elif code != 0 and code != 2:
            return -code


def model(asset, queue):
    if queue == "risk_averse":
        return asset.risk_adverse_queue_model()
    return asset.power_prob_queue_model(1.0 if queue == "proportional" else float(queue.split()[1]))


def run(events, orders, lot, queue):
    asset = (
        model(hbt.BacktestAsset().data(events).linear_asset(1.0), queue)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(0.1)
        .lot_size(lot / NANO)
    )
    bt = hbt.HashMapMarketDepthBacktest([asset])
    size = max(int(o["id"]) for o in orders) + 1
    sides, tifs = np.zeros(size, np.int64), np.zeros(size, np.uint8)
    prices, sizes = np.zeros(size), np.zeros(size)
    steps = []
    for o in orders:
        n = int(o["id"])
        sides[n], tifs[n] = (1 if o["side"] == "buy" else -1), KINDS[o["kind"]]
        prices[n], sizes[n] = scaled(o["price"], 10) / 10, scaled(o["qty"], NANO) / NANO
        steps.append((int(o["sent_ns"]), SUBMIT, n))
        if int(o["cancel_ns"]):
            steps.append((int(o["cancel_ns"]), CANCEL, n))
    when, what, ids = np.array(sorted(steps), np.int64).T.copy()
    fills = np.zeros((64 * size, 5), np.int64)
    count = play(bt, when, what, ids, sides, tifs, prices, sizes, sizes.copy(), fills)
    bt.close()
    if count < 0:
        sys.exit(f"hftbacktest stopped with error {-count}")
    return fills[:count]


def main(folder, path, queue, out):
    with open(path) as file:
        orders = list(csv.DictReader(file))
    fills = []
    for venue, (_, lot) in VENUES.items():
        received, _ = rows(folder, venue)
        for keep in (False, True):
            mine = [o for o in orders if o["venue"] == venue and (o["kind"] != "ioc") == keep]
            fills.extend(run(peer_events(received, keep), mine, lot, queue).tolist())
    fills.sort(key=lambda fill: (fill[0], fill[1]))
    with open(out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "time_ns", "price", "qty", "maker"])
        for n, time, px, qty, maker in fills:
            writer.writerow([n, time, decimal(px, 1), decimal(qty, 9), maker])


if __name__ == "__main__":
    main(*sys.argv[1:])
