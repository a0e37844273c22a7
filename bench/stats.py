"""Medians with their intervals, by order statistics: no assumption about the distribution."""

import math


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def interval(values, confidence=0.95):
    """Two of the values that enclose the median with at least this confidence (David and Nagaraja, Order Statistics,
    7.1: the number of values below the median is binomial with one half). The whole range if there are too few."""
    ordered = sorted(values)
    count = len(ordered)
    below = 0.0  # probability that fewer than `rank` + 1 values are below the median
    rank = 0
    while rank < count // 2:
        below += math.comb(count, rank) / 2**count
        if 2 * below > 1 - confidence:
            break
        rank += 1
    # The pair (rank, count + 1 - rank), counted from one, has confidence 1 - 2 · P(below < rank).
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[count - rank]


def summary(values):
    low, high = interval(values)
    return {"median": median(values), "low": low, "high": high, "rounds": len(values)}


def ratios(ours, theirs):
    """Of the medians of each round; both are lists of rounds."""
    return [median(a) / median(b) for a, b in zip(ours, theirs, strict=True)]


def flat(rounds):
    return [value for values in rounds for value in values]
