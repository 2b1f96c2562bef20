"""One order's fills by a rule with switches: all off is perpx's rule as its documentation states it, all on is hftbacktest's.

The walk shares no code with either simulator. Every difference between the two is put down to the fewest switches that turn
the one's fills into the other's.
"""

import numpy as np
from numba import njit

from tape import TRADE

# name, what perpx does; what hftbacktest does
CAUSES = [
    ("trade through", "fills at most the print's size", "fills the whole order"),
    ("quote crosses", "fills at most the size displayed", "fills the whole order"),
    ("unshown level", "behind an unknown size until the level is shown", "behind the size last seen there, or behind nothing"),
    ("rest of a taker", "the rest of a limit order that takes then rests", "the rest fills at once at the limit"),
    ("order of rows", "at one time trades, then quotes", "rows as received, as it is fed here: a quote before its own print moves the queue twice"),
    ("cut while unshown", "a smaller size on return only bounds the queue", "counts as a reduction, apportioned by the model"),
    ("size behind", "after the trades since the last row", "before them"),
    ("rounding", "whole 1e-9 coins ahead, whole lots down", "fractions ahead, nearest lot (on binance_usdm 0.001, ours 0.0002)"),
]
THROUGH, CROSS, UNSHOWN, REST, ROWS, UNSHOWN_CUT, BEHIND, ROUND = range(len(CAUSES))
ALL = (1 << len(CAUSES)) - 1

UNKNOWN = np.float64(2**62)
POST_ONLY, LIMIT, IOC = 0, 1, 2


@njit
def share_down(cut, ahead, before):
    """cut * ahead / before, rounded down exactly: the float is off by little, the remainder is right modulo 2^64."""
    cut, ahead, before = np.int64(cut), np.int64(ahead), np.int64(before)
    out = np.int64(np.float64(cut) * np.float64(ahead) / np.float64(before))
    rest = cut * ahead - out * before
    while rest < 0:
        out, rest = out - 1, rest + before
    while rest >= before:
        out, rest = out + 1, rest - before
    return np.float64(out)


@njit
def reduced(power, exact, front, back, cut):
    """What of a `cut` was ahead, `front` being ahead and `back` behind; hftbacktest's model, or with `exact` perpx's."""
    if power < 0:
        return 0.0
    if exact:
        if power == 1.0:
            return share_down(cut, front, front + back)
        a, b = front**power, back**power
        part = a / (a + b) if a + b > 0 else 0.0
        return min(max(np.floor(part * cut), 0.0), front)
    a, b = front**power, back**power
    if a + b == 0:
        return np.nan
    behind = b / (a + b)
    return (1.0 - behind) * cut - min(back - behind * cut, 0.0)


@njit
def put(out, count, time, px, qty):
    out[count, 0], out[count, 1], out[count, 2] = time, px, np.int64(round(qty))
    return count + 1


@njit
def walk(rows, sign, kind, limit, qty, lots, arrives, ends, power, on, out):
    """Fills into `out` (time, price, size); returns how many. Sales are walked as purchases at negative prices.

    power: -1 = no reduction is ahead; n = f(x) = x^n. `on`: bits of the switches; `rows` must be in the order that they say.
    """
    exact = not (on >> ROUND) & 1
    lot = lots[0] if exact else lots[1]
    first = np.searchsorted(rows["time"], arrives, side="right")
    book = first - 1
    while book >= 0 and rows["kind"][book] == TRADE:
        book -= 1
    if book < 0:
        return 0
    row = rows[book]
    own, own_qty, opp, opp_qty = row["bid"], row["bid_qty"], row["ask"], row["ask_qty"]
    if sign < 0:
        own, own_qty, opp, opp_qty = -row["ask"], row["ask_qty"], -row["bid"], row["bid_qty"]
    left, count = np.float64(qty), 0
    taken_px, taken_shown, taken = np.int64(0), np.int64(-1), 0.0
    if opp <= limit:
        if kind == POST_ONLY:
            return 0
        got = min(left, np.float64(opp_qty))
        left -= got
        count = put(out, count, arrives, sign * opp, got)
        taken_px, taken_shown, taken = opp, opp_qty, got
        if left > 0 and kind == LIMIT and (on >> REST) & 1:
            return put(out, count, arrives, sign * limit, left)
    if left == 0 or kind == IOC:
        return count

    # the size last seen at our level; what a better best has hidden still stands there, what a worse best passed is gone
    kept = np.int64(0)
    if own == limit:
        kept = own_qty
    elif own > limit:
        for at in range(book, -1, -1):
            if rows["kind"][at] == TRADE:
                continue
            px = rows["bid"][at] if sign > 0 else -rows["ask"][at]
            if px <= limit:
                if px == limit:
                    kept = rows["bid_qty"][at] if sign > 0 else rows["ask_qty"][at]
                break
    ahead, shown, traded = np.float64(kept), kept, 0.0
    if own > limit:
        shown = np.int64(-1)
        if not (on >> UNSHOWN) & 1:
            ahead = UNKNOWN
    at = first
    while at < len(rows) and rows["time"][at] < ends and left > 0:
        row = rows[at]
        time = row["time"]
        at += 1
        reaches = 0.0
        if row["kind"] == TRADE:
            px = sign * row["px"]
            if row["side"] == sign or px > limit:
                continue
            reaches = np.float64(row["qty"])
            if px < limit:
                ahead = 0.0
                if (on >> THROUGH) & 1:
                    reaches = left
            else:
                traded += reaches
                if ahead == UNKNOWN:
                    continue
                ahead -= reaches
                reaches = max(-ahead, 0.0)
                if exact or round(reaches / lot) > 0:
                    ahead = max(ahead, 0.0)
        else:
            own, own_qty, opp, opp_qty = row["bid"], row["bid_qty"], row["ask"], row["ask_qty"]
            if sign < 0:
                own, own_qty, opp, opp_qty = -row["ask"], row["ask_qty"], -row["bid"], row["bid_qty"]
            if opp != taken_px or opp_qty != taken_shown:
                taken_px, taken_shown, taken = opp, opp_qty, 0.0
            if opp <= limit:
                ahead = 0.0
                reaches = left
                if not (on >> CROSS) & 1:
                    reaches = min(left, opp_qty - taken)
                    taken += reaches
            elif own > limit:
                if not (on >> UNSHOWN_CUT) & 1:
                    shown, traded = np.int64(-1), 0.0
                continue
            else:
                size = own_qty if own == limit else np.int64(0)
                if size == kept and ahead != UNKNOWN and (shown >= 0 or (on >> UNSHOWN_CUT) & 1):
                    continue
                if ahead == UNKNOWN:
                    ahead = np.float64(size)
                elif shown >= 0 or (on >> UNSHOWN_CUT) & 1:
                    # what stood there before, of which the trades took their part
                    before = np.float64(kept if (on >> UNSHOWN_CUT) & 1 else shown)
                    rest = max(before - traded, 0.0)
                    cut = rest - size if exact else before - traded - size
                    if cut > 0 and rest > 0:
                        front = min(ahead, rest)
                        back = before - front if (on >> BEHIND) & 1 else rest - front
                        ahead -= reduced(power, exact, front, back, cut)
                    ahead = min(ahead, np.float64(size)) if not np.isnan(ahead) else np.float64(size)
                else:
                    ahead = min(ahead, np.float64(size))
                shown, kept, traded = size, size, 0.0
                continue
        got = min(left, reaches)
        if got < left:
            got = np.floor(got / lot) * lot if exact else min(round(got / lot) * lot, left)
        if got > 0:
            count = put(out, count, time, sign * limit, got)
            left -= got
    return count
