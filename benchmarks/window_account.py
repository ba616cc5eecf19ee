"""What a run of `benchmarks.window_peers` is worth: its pace, and whether it was right. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

OURS: Final = "cityhum"
FAULTS: Final = ("wrong", "missing", "duplicate_outputs")
PASSES: Final = ("undisturbed", "killed twice")


class Work(NamedTuple):
    """What was done, and what it took.

    Attributes
    ----------
    readings : int
        All that there were.
    span_s : float
        In which they were worked off, by what came out.
    cpu_s : float
        CPU time of the worker, and of those before it that were killed, without their imports.
    """

    readings: int
    span_s: float
    cpu_s: float


def span_of_outputs(times_s: Sequence[float]) -> float:
    """How long all outputs took, from the pace of those that came after the first, s."""
    if not times_s:
        return 0.0
    first_s, last_s = min(times_s), max(times_s)
    later = sum(at_s > first_s for at_s in times_s)
    return (last_s - first_s) * len(times_s) / later if later else 0.0


def span_of_points(points: Sequence[tuple[float, int]]) -> float:
    """How long all readings took, from the pace between the first look and the last, s.

    Parameters
    ----------
    points : sequence of (float, int)
        When, s, and how many were done by then.
    """
    if not points:
        return 0.0
    (began_s, begun), *_, (ended_s, ended) = points[0], *points
    return (ended_s - began_s) * ended / (ended - begun) if ended > begun else 0.0


def rates(work: Work) -> dict[str, int]:
    """Readings a second, and a CPU second.

    Who tells all windows in one go, when everything is read, took longer than that: at least the
    time that its CPU was busy.
    """
    cpu_s = max(work.cpu_s, 1e-3)
    return {
        "per_s": round(work.readings / max(work.span_s, cpu_s)),
        "per_cpu_s": round(work.readings / cpu_s),
    }


def told(work: Work, faults: Mapping[str, int], kills: int) -> dict[str, int | None]:
    """Rates and faults of a run; no rates of one that did not tell everything.

    CPU time is none of a run with kills: part of it was spent twice.
    """
    speed: dict[str, int | None] = {"per_s": None, "per_cpu_s": None}
    if not faults["missing"]:
        speed |= rates(work)
    if kills:
        speed["per_cpu_s"] = None
    return {**speed, "kills": kills, **faults}


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether all windows of ours are right, there, and told once, in both passes."""
    runs = [run for name in PASSES for run in result[name] if run["name"] == OURS]
    return all(run[fault] == 0 for run in runs for fault in FAULTS)
