"""What adds to the metrics: a fold's transaction, what a model heard, what a target was told."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, get_args

from processors.partitions import Progress
from schemas import metrics
from schemas.base import LabelScores
from schemas.errors import Reason
from schemas.results import Alert, Window

log = logging.getLogger(__name__)

_SECOND: Final = timedelta(seconds=1)
_LOOKED_AT: Final = 256
"""Batches of a transaction, at most."""


def begin(program: str) -> None:
    """Show at 0 what a program counts: an alert rule sees no increase in a first value."""
    metrics.APPLIED_READINGS.labels(program)
    metrics.LOGS_BEGUN_ANEW.labels(program)
    metrics.EXPIRED_RECORDS.labels(program)
    begin_refusals()


def begin_refusals() -> None:
    """Show at 0 the dead letters of each reason."""
    for reason in get_args(Reason):
        metrics.DEAD_LETTERS.labels(reason)


def watch_clock(is_set: Callable[[], bool]) -> None:
    """Show from now on whether the host's clock is set; if it is not, say so once."""
    metrics.CLOCK_SET.set_function(is_set)
    if not is_set():
        log.warning("clock_unset", extra={"why": "no time server has set this computer's clock"})


def begin_telling(target: str) -> None:
    """Show at 0 how the tries to tell a target of alerts end."""
    for outcome in ("delivered", "failed", "dead"):
        metrics.NOTIFIED.labels(target, outcome)


def committed(program: str, partitions: Iterable[Progress], took_s: float, now: datetime) -> None:
    """Count a transaction, and how old the oldest second of each of its batches is by now.

    Of many batches every n-th, since a backlog is stored faster than it could be counted.
    """
    metrics.COMMITS.labels(program).inc()
    metrics.COMMIT_SECONDS.labels(program).observe(took_s)
    delay = metrics.STORED_DELAY_SECONDS.labels(program)
    began_at = [at for one in partitions for at in one.began_at]
    for at in began_at[:: len(began_at) // _LOOKED_AT + 1]:
        delay.observe(max(0.0, (now - at - _SECOND).total_seconds()))


class Hearing:
    """Counts what a model of these labels tells, each label's scores by their hundreds."""

    def __init__(self, labels: Iterable[str]) -> None:
        # from the start at 0, lest a score that is seldom told is missing in a comparison
        self._scores = {
            (label, hundreds): metrics.SCORES.labels(label, hundreds)
            for label in labels
            for hundreds in range(10)
        }
        self._labels = {label for label, _ in self._scores}

    def heard(self, seconds: Sequence[LabelScores]) -> None:
        """Count seconds, with what was told of each."""
        metrics.HEARD_SECONDS.inc(len(seconds))
        told = [(label, min(n // 100, 9)) for scores in seconds for label, n in scores.items()]
        counted = Counter(told)
        for label, times in Counter(label for label, _ in told).items():
            counted[label, 0] -= times
        for label in self._labels:
            counted[label, 0] += len(seconds)
        for key, times in counted.items():
            self._scores[key].inc(times)


def delivered(target: str, messages: Sequence[Alert | Window], now: datetime) -> None:
    """Count what a target has, and how old the sound is that an alert was raised for."""
    metrics.DELIVERED.labels(target).inc(len(messages))
    for message in messages:
        if isinstance(message, Alert) and message.state == "raised":
            late_s = (now - message.raised_at).total_seconds()
            metrics.ALERT_DELAY_SECONDS.labels(target).observe(max(0.0, late_s))
