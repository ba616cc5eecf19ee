"""Names of series: those that our processes show, and those that an expression names."""

import re
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from schemas import metrics

_ENDINGS: Final = {
    Counter: ("_total",),
    Gauge: ("",),
    Histogram: ("_bucket", "_sum", "_count"),
}
DECLARED: Final = {
    next(iter(one.describe())).name + ending
    for one in vars(metrics).values()
    if isinstance(one, MetricWrapperBase)
    for ending in _ENDINGS[type(one)]
}


def named(expression: str) -> set[str]:
    """Our series in an expression; recorded ones have a colon."""
    return set(re.findall(r"\bcityhum_\w+", expression))


def recorded(expression: str) -> set[str]:
    """Series that rules record."""
    return set(re.findall(r"\bcityhum:[\w:]+", expression))
