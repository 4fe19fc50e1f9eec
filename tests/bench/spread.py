"""
Medians, quartiles, and ratios pair by pair.

A number of one round says little on a machine that does other things, too. Two numbers
of one round were measured within seconds of each other: their ratio outlives a change
in what else the machine does, and a row's ratio is the median of its rounds' ratios.
"""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple

WIDE = 0.25  # A half of all rounds lies in more than this part of the median.
CROWDED = 0.05  # The part of the time in which a server could have run, and may not.


class Spread(NamedTuple):
    """A median, and the quartiles: half of the rounds lie between the latter two."""

    median: float
    low: float
    high: float

    @property
    def is_wide(self) -> bool:
        """Tell whether the median is not to be relied on."""
        return self.high - self.low > WIDE * self.median


Sample = Mapping[str, float]  # What was measured of one row in one round.


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of what was measured at least once."""
    if len(values) == 1:
        return Spread(*values, *values, *values)
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def ratios(
    mine: Sequence[Sample], base: Sequence[Sample], key: str, *, inverse: bool = False
) -> Spread:
    """
    Return how many times the base mine is, round by round.

    Of a cost, the inverse says how many times cheaper. Rounds that only one of the two
    has are of no use.
    """
    pairs = zip(mine, base, strict=False)
    each = [one[key] / other[key] for one, other in pairs]
    return spread([1 / ratio for ratio in each] if inverse else each)


def is_quiet(samples: Sequence[Sample]) -> bool:
    """Tell whether wall time can be believed: the server ran whenever it could."""
    return median(each.get("waited", 0) for each in samples) < CROWDED
