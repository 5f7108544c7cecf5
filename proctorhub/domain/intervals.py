"""How sure a count makes us: intervals for shares and rates, without a table.

Clopper–Pearson (1934) and Garwood (1936) are exact: they hold at least what they promise. Wilson
(1927) is narrower and good for showing. All take events for independent; what happens twice in one
session is not, so few sessions say less than the interval does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

#: Standard normal quantile of a two-sided 95 %.
Z95 = 1.959963984540054
_ALPHA = 0.05
_STEPS = 80


def wilson(count: int, of: int, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval of a share; (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    share, square = count / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def clopper_pearson(count: int, of: int, alpha: float = _ALPHA) -> tuple[float, float]:
    """Return the exact interval of a share; (0, 1) of nothing."""
    low, high = 0.0, 1.0
    if count > 0:
        low = _root(lambda p: _at_least(count, of, p) - alpha / 2, 0.0, 1.0)
    if count < of:
        high = _root(lambda p: alpha / 2 - (1 - _at_least(count + 1, of, p)), 0.0, 1.0)
    return low, high


def poisson_rate(count: int, exposure: float, alpha: float = _ALPHA) -> tuple[float, float]:
    """Return Garwood's exact interval of a rate: `count` events in `exposure` (hours, say).

    Without exposure nothing is known: (0, infinity).
    """
    if exposure <= 0:
        return 0.0, math.inf
    largest = count + 20 * math.sqrt(count + 1) + 20
    low = 0.0
    if count > 0:
        low = _root(lambda mean: 1 - _poisson_up_to(count - 1, mean) - alpha / 2, 0.0, largest)
    high = _root(lambda mean: alpha / 2 - _poisson_up_to(count, mean), 0.0, largest)
    return low / exposure, high / exposure


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is zero, by halving."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_least(count: int, of: int, p: float) -> float:
    """Return the binomial probability of `count` or more."""
    if p <= 0:
        return 0.0 if count > 0 else 1.0
    if p >= 1:
        return 1.0
    terms = (
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(p) + (of - k) * math.log1p(-p)
        for k in range(count, of + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def _poisson_up_to(count: int, mean: float) -> float:
    """Return the Poisson probability of `count` or fewer."""
    if mean <= 0:
        return 1.0
    terms = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return min(1.0, math.fsum(math.exp(term) for term in terms))
