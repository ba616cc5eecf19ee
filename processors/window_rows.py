"""Sums -> the row of a window, which is also the message about it."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydantic import Field

from acoustics.decibels import level_of, percentiles
from hearing.taxonomy import ORIGINS
from processors import sources
from processors.window_keys import Key
from processors.window_sums import Sounded, Sums
from schemas.results import LabelLevel, Window

PERCENTS: Final = (10, 50, 90)


class WindowRow(Window):
    """A window with what the larger windows around it are merged from."""

    sums: bytes | None = Field(default=None, exclude=True, repr=False)
    known: bool = Field(default=True, exclude=True, description="there was a row before")


class Place(NamedTuple):
    """Which window it is, whose, and how its row stands.

    `final`: the watermark has passed it. `known`: there was a row before.
    """

    site: str
    device: str
    key: Key
    final: bool
    known: bool


def row(sums: Sums, place: Place, stored: bytes) -> WindowRow:
    """Row of a window that has heard at least one reading; `stored`: what its sums are kept as."""
    lafmax, lasmax, lcpeak = sums.maxima
    l10, l50, l90 = percentiles(sums.classes, PERCENTS)
    a, c, z = (_level(total, sums.seconds) for total in sums.energies)
    total = sums.energies[0]
    # every value is our own: nothing to check
    return WindowRow.trusted(
        **named(place),
        calibration=sums.calibration,
        laeq_db=a,
        lceq_db=c,
        lzeq_db=z,
        lafmax_db=lafmax / 100,
        lasmax_db=lasmax / 100,
        lcpeak_db=lcpeak / 100,
        l10_db=l10,
        l50_db=l50,
        l90_db=l90,
        # a slewed clock can put the middle of one second more into a window
        coverage_s=min(sums.seconds, place.key.seconds),
        overload_s=sums.overload_s,
        floor_s=sums.floor_s,
        labels=tuple(_label(name, one, total) for name, one in sums.labels.items()),
        final=place.final,
        sums=stored,
        known=place.known,
    )


def named(place: Place) -> dict[str, object]:
    """What a row begins with."""
    return {
        "version": 1,
        "site": place.site,
        "device": place.device,
        "started_at": started_at(place.key),
        "length_s": place.key.length_s,
    }


def started_at(key: Key) -> datetime:
    """First instant of a window."""
    return datetime.fromtimestamp(key.start_s, UTC)


def _level(total: int, seconds: int) -> float:
    return round(level_of(total, seconds), 2)


def _label(label: str, one: Sounded, total: int) -> LabelLevel:
    source_leq_db, upper_db = sources.told(one.own, one.energy, one.active_s)
    return LabelLevel.trusted(
        label=label,
        origin=ORIGINS[label],
        active_s=one.active_s,
        events=one.events,
        mean_score=(2 * one.score_sum + one.active_s) // (2 * one.active_s),
        max_score=one.score_max,
        laeq_active_db=_level(one.energy, one.active_s),
        source_leq_db=source_leq_db,
        source_leq_upper_db=upper_db,
        energy_share=round(one.own / total, 4) if total else 0.0,
    )
