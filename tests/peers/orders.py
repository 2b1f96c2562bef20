"""A list of orders by seed: orders.py RECORDING SEED OUT.csv

Each order is sent half a millisecond off the venue's grid of times, so that nothing arrives together with a row.
"""

import csv
import random
import sys

import numpy as np

from tape import NANO, QUOTE, VENUES, rows

SECOND = NANO
# how many of each on each venue
COUNTS = {"ioc": 1000, "limit": 200, "at_best": 600, "behind": 400, "inside": 400}


def decimal(value, places):
    text = f"{value / 10**places:.{places}f}"
    return text.rstrip("0").rstrip(".")


def order(rng, what, quote, lot):
    """kind, side, price in ticks, size in 1e-9 coins."""
    side = rng.choice([1, -1])
    own, own_qty = (quote["bid"], quote["bid_qty"]) if side > 0 else (quote["ask"], quote["ask_qty"])
    opposite, opposite_qty = (quote["ask"], quote["ask_qty"]) if side > 0 else (quote["bid"], quote["bid_qty"])
    ticks = rng.randint(1, 3)
    kind, px = {
        "ioc": ("ioc", opposite + side * rng.choice([0, 0, ticks])),
        "limit": ("limit", rng.choice([own, opposite])),
        "at_best": ("post_only", own),
        "behind": ("post_only", own - side * ticks),
        "inside": ("post_only", own + side * rng.randint(1, max(1, abs(opposite - own) - 1))),
    }[what]
    if what in ("ioc", "limit"):
        # from a quarter to three times what is displayed
        qty = int(opposite_qty * 2 ** rng.uniform(-2, 1.6))
    else:
        qty = int(NANO * 2 ** rng.uniform(-6, 2))
    # Sizes of orders that may rest end in three fifths of a lot, so that no part fill is just what is left of one:
    # hftbacktest 2.4.4 keeps such an order in its book and stops with an error at the next trade there.
    qty = max(qty // lot, 1) * lot + (0 if what == "ioc" else 3 * lot // 5)
    return kind, side, int(px), qty


def main(folder, seed, path):
    rng = random.Random(int(seed))
    listed = []
    for venue, (_, lot) in VENUES.items():
        _, replayed = rows(folder, venue)
        quotes = replayed[replayed["kind"] == QUOTE]
        first, last = int(quotes["time"][0]) + SECOND, int(quotes["time"][-1]) - 62 * SECOND
        wide = quotes["time"][(quotes["ask"] - quotes["bid"] > 1) & (quotes["time"] > first) & (quotes["time"] < last)]
        for what, count in COUNTS.items():
            for _ in range(count):
                time = int(rng.choice(wide)) if what == "inside" else rng.randint(first, last)
                sent = time // 1_000_000 * 1_000_000 + 500_000
                quote = quotes[np.searchsorted(quotes["time"], sent) - 1]
                quote = {name: int(quote[name]) for name in ("bid", "bid_qty", "ask", "ask_qty")}
                kind, side, px, qty = order(rng, what, quote, lot)
                life = int(SECOND * 60 ** rng.random()) // 1_000_000 * 1_000_000
                cancel = 0 if kind == "ioc" else sent + life
                listed.append((sent, venue, "buy" if side > 0 else "sell", kind, decimal(px, 1), decimal(qty, 9), cancel))
    listed.sort()
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["id", "venue", "side", "kind", "price", "qty", "sent_ns", "cancel_ns"])
        for n, (sent, venue, side, kind, px, qty, cancel) in enumerate(listed, 1):
            out.writerow([n, venue, side, kind, px, qty, sent, cancel])


if __name__ == "__main__":
    main(*sys.argv[1:])
