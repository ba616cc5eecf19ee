"""What operators say of alerts, and what may be claimed from it. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from schemas.base import DeviceId, Frozen, PerMille, SessionId, SlugId, UtcTime

Opinion = Literal["true", "false", "unsure"]
HOURS_A_WEEK: Final = 168.0
CONFIDENCE: Final = 0.95

_WAITING: Final[Mapping[Opinion | None, int]] = MappingProxyType({None: 0, "unsure": 1})
_NOWHERE: Final = 1001


class JudgedAlert(Frozen):
    """An alert with the newest verdict on it, if there is one."""

    alert_id: UUID
    rule: SlugId
    rule_version: str
    device: DeviceId
    session: SessionId
    onset_at: UtcTime
    raised_at: UtcTime
    ended_at: UtcTime | None
    peak_score: PerMille | None
    active_s: int
    historical: bool
    verdict: Opinion | None = None
    said_by: str | None = None
    said_at: UtcTime | None = None
    note: str | None = None


class FalseAlerts(Frozen):
    """How many of the alerts were false, and what that bounds."""

    rule: str
    alerts: int
    judged: int
    true: int
    false: int
    unsure: int
    precision: float | None
    device_hours: float
    false_per_device_week: float | None
    at_most_per_device_week: float | None


def poisson_upper(count: int, confidence: float = CONFIDENCE) -> float:
    """Exact one-sided upper bound of a Poisson mean: half a chi-square quantile.

    Parameters
    ----------
    count : int, >= 0
        Events seen.
    confidence : float
        Chance that the bound holds, 0 to 1.

    Returns
    -------
    float
        The mean at which so few events or fewer have a chance of `1 - confidence`.

    Examples
    --------
    >>> round(poisson_upper(0), 3), round(poisson_upper(3), 3)
    (2.996, 7.754)
    """
    low, high = float(count), 4.0 * count + 20.0
    for _ in range(80):
        mean = (low + high) / 2
        if _chance_of_at_most(count, mean) > 1 - confidence:
            low = mean
        else:
            high = mean
    return high


def per_device_week(count: float, hours: float) -> float | None:
    """Events a device-week at the rate seen; None without evidence.

    Examples
    --------
    >>> per_device_week(1, 84.0), per_device_week(1, 0.0)
    (2.0, None)
    """
    return count / hours * HOURS_A_WEEK if hours > 0 else None


def counted(rule: str, alerts: Sequence[JudgedAlert], device_hours: float) -> FalseAlerts:
    """Count verdicts of one rule; an alert that nobody has judged may yet be false.

    Parameters
    ----------
    rule : str
        Whose alerts these are.
    alerts : sequence of JudgedAlert
        All of the span, judged or not.
    device_hours : float
        Hours that were heard, all devices together.

    Returns
    -------
    FalseAlerts
        The bound counts those judged unsure and those not judged as false: nothing is claimed
        that a verdict could still refute.
    """
    verdicts = [alert.verdict for alert in alerts]
    true, false, unsure = (verdicts.count(said) for said in ("true", "false", "unsure"))
    not_true = len(alerts) - true
    return FalseAlerts(
        rule=rule,
        alerts=len(alerts),
        judged=true + false + unsure,
        true=true,
        false=false,
        unsure=unsure,
        precision=true / (true + false) if true + false else None,
        device_hours=device_hours,
        false_per_device_week=per_device_week(false, device_hours),
        at_most_per_device_week=per_device_week(poisson_upper(not_true), device_hours),
    )


def most_telling_first(
    alerts: Iterable[JudgedAlert], thresholds: Mapping[str, int]
) -> list[JudgedAlert]:
    """Alerts in the order in which a verdict teaches most.

    Parameters
    ----------
    alerts : iterable of JudgedAlert
        Judged or not.
    thresholds : mapping of str to int
        Per mille from which a second counts, by rule; what has none, levels say, comes last.

    Returns
    -------
    list of JudgedAlert
        Those that nobody has judged first, then unsure ones, then the rest; within each the peak
        nearest the threshold first, then the newest.
    """
    newest_first = sorted(alerts, key=lambda alert: alert.onset_at, reverse=True)
    return sorted(newest_first, key=lambda alert: _telling(alert, thresholds.get(alert.rule)))


def _telling(alert: JudgedAlert, threshold: int | None) -> tuple[int, int]:
    """Kind of alert, and how far its peak is from the threshold."""
    kind = _WAITING.get(alert.verdict, len(_WAITING))
    if threshold is None or alert.peak_score is None:
        return kind, _NOWHERE
    return kind, abs(alert.peak_score - threshold)


def _chance_of_at_most(count: int, mean: float) -> float:
    logs = [n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(count + 1)]
    largest = max(logs)
    return math.exp(largest) * sum(math.exp(one - largest) for one in logs)
