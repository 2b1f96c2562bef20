"""The two lists of fills against each other: compare.py RECORDING ORDERS.csv QUEUE OURS.csv THEIRS.csv

Prints Markdown tables. Exit code 1 when an IOC order differs, or when a fill is not what the walk by either rule gives.
"""

import csv
import sys
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np

from tape import LATENCY_NS, NANO, VENUES, rows, scaled
from walk import ALL, CAUSES, IOC, LIMIT, POST_ONLY, ROWS, walk

KINDS = {"post_only": POST_ONLY, "limit": LIMIT, "ioc": IOC}
POWER = {"risk_averse": -1.0, "proportional": 1.0}


def fills_of(path):
    """By order: (time, price in ticks, size) in time order."""
    out = defaultdict(list)
    with open(path) as file:
        for r in csv.DictReader(file):
            out[int(r["id"])].append((int(r["time_ns"]), scaled(r["price"], 10), scaled(r["qty"], NANO)))
    return out


def by_time(fills):
    """What was filled at each time: of several fills of one moment the other simulator tells the last price alone."""
    out = Counter()
    for time, _, qty in fills:
        out[time] += qty
    return sorted(out.items())


def verdict(ours, theirs):
    """Who had more filled at the first moment at which they differ."""
    if ours == theirs:
        return "equal" if ours else "neither fills"
    if not theirs:
        return "only ours"
    if not ours:
        return "only theirs"
    a, b = dict(ours), dict(theirs)
    time = min(t for t in a.keys() | b.keys() if a.get(t, 0) != b.get(t, 0))
    return "ours sooner" if a.get(time, 0) > b.get(time, 0) else "ours later"


class Walker:
    """Walks orders over the tape in both orders of rows."""

    def __init__(self, folder, queue):
        self.power = POWER[queue] if queue in POWER else float(queue.split()[1])
        self.tapes = {venue: rows(folder, venue) for venue in VENUES}
        self.out = np.zeros((100_000, 3), np.int64)

    def fills(self, order, on):
        received, replayed = self.tapes[order["venue"]]
        sign = 1 if order["side"] == "buy" else -1
        arrives = int(order["sent_ns"]) + LATENCY_NS
        ends = int(order["cancel_ns"]) + LATENCY_NS
        limit, qty = sign * scaled(order["price"], 10), scaled(order["qty"], NANO)
        tape, lots = (received if on >> ROWS & 1 else replayed), VENUES[order["venue"]]
        n = walk(tape, sign, KINDS[order["kind"]], limit, qty, lots, arrives, ends, self.power, on, self.out)
        return [tuple(fill) for fill in self.out[:n].tolist()]

    def causes(self, order, theirs):
        """The fewest switches that turn our fills into theirs, as numbers of CAUSES; none when nothing does."""
        for size in range(1, len(CAUSES) + 1):
            for some in combinations(range(len(CAUSES)), size):
                if by_time(self.fills(order, sum(1 << bit for bit in some))) == theirs:
                    return some
        return ()


def table(head, lines):
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for line in lines:
        print("| " + " | ".join(str(cell) for cell in line) + " |")
    print()


def immediate(walker, orders, ours, theirs):
    """IOC orders by what they met; both must be the same to the last digit, and what the book gives. Returns failures."""
    groups = defaultdict(Counter)
    for order in orders:
        n = int(order["id"])
        book = walker.fills(order, 0)
        met = "the price had gone" if not book else "filled whole" if book[0][2] == scaled(order["qty"], NANO) else "part filled"
        same = ours[n] == theirs[n] == book
        groups[met].update(orders=1, same=same)
        if not same:
            print(f"order {n}: ours {ours[n]}, theirs {theirs[n]}, by the book {book}", file=sys.stderr)
    lines = [(met, c["orders"], c["same"]) for met, c in sorted(groups.items())]
    lines.append(("all", len(orders), sum(line[2] for line in lines)))
    table(["IOC orders", "sent", "identical in price and size"], lines)
    return lines[-1][1] - lines[-1][2]


def resting(walker, orders, ours, theirs):
    """Orders that may rest. Returns those that the walk does not reproduce or explain."""
    verdicts, causes, wrong = Counter(), defaultdict(Counter), 0
    sums = Counter()
    for order in orders:
        n = int(order["id"])
        a, b = by_time(ours[n]), by_time(theirs[n])
        sums.update(sent=scaled(order["qty"], NANO), ours=sum(q for _, q in a), theirs=sum(q for _, q in b))
        for name, fills, on in (("perpx", a, 0), ("hftbacktest", b, ALL)):
            walked = by_time(walker.fills(order, on))
            if walked != fills:
                wrong += 1
                print(f"order {n} of {order}: {name} has {fills}, the walk {walked}", file=sys.stderr)
        limit, arrives = scaled(order["price"], 10), int(order["sent_ns"]) + LATENCY_NS
        strange = [fill for fill in ours[n] + theirs[n] if fill[0] > arrives and fill[1] != limit]
        if strange:
            wrong += 1
            print(f"order {n} rested at {limit} and filled {strange}", file=sys.stderr)
        what = verdict(a, b)
        verdicts[what] += 1
        sums["same end"] += a != b and sum(q for _, q in a) == sum(q for _, q in b)
        if a != b:
            some = walker.causes(order, b)
            wrong += not some
            for cause in some:
                causes[cause].update(["alone" if len(some) == 1 else "with others", what])
    names = ["equal", "neither fills", "ours later", "only theirs", "ours sooner", "only ours"]
    total = {name: f"{sums[name] / sums['sent']:.1%}" for name in ("ours", "theirs")}
    table(["orders", *names, "of these four the same size in the end", "filled, ours", "filled, theirs"],
          [(len(orders), *(verdicts[name] for name in names), sums["same end"], total["ours"], total["theirs"])])
    columns = ["alone", "with others", *names[2:]]
    lines = [(CAUSES[cause][0], *(counts[name] for name in columns)) for cause, counts in sorted(causes.items())]
    table(["cause", *columns], lines)
    return wrong


def main(folder, path, queue, our_path, their_path):
    with open(path) as file:
        orders = list(csv.DictReader(file))
    ours, theirs = fills_of(our_path), fills_of(their_path)
    walker = Walker(folder, queue)
    wrong = 0
    print(f"### Queue: {queue}\n")
    takers = [order for order in orders if order["kind"] == "ioc"]
    wrong += immediate(walker, takers, ours, theirs)
    for venue in VENUES:
        print(f"{venue}, orders that may rest\n")
        wrong += resting(walker, [o for o in orders if o["venue"] == venue and o["kind"] != "ioc"], ours, theirs)
    if wrong:
        sys.exit(f"{wrong} fills are not explained")


if __name__ == "__main__":
    main(*sys.argv[1:])
