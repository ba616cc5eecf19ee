"""Alert events as they come, from a place that a file remembers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from cityhum.output import complain
from records import live
from records.live import Changes
from records.reader import Reader
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

LOOK_EVERY_S: Final = 1.0

Answer = TypeVar("Answer")
Wait = Callable[[Unavailable | None], None]
"""Wait a while, for more or for a database that is away."""


def events(reader: Reader, place: Path | None, wait: Wait) -> Iterator[Alert]:
    """Every revision of every alert, in the order of writing; for ever.

    Parameters
    ----------
    reader : Reader
        The database.
    place : Path, optional
        Goes on behind the last event whose successor was asked for; so one event may come twice
        after a crash, and none is left out.
    wait : callable
        What to do in between.
    """
    cursor = _stored(place) or _asked(lambda: live.now(reader), wait)
    _store(place, cursor)
    while True:
        changes = _asked(_since(reader, cursor), wait)
        if changes.lost_since is not None:
            complain(f"events since {changes.lost_since:%Y-%m-%d %H:%M:%S}Z may be missing")
        for told in changes.told:
            yield told.alert
            _store(place, told.cursor)
        cursor = changes.cursor
        _store(place, cursor)
        if not changes.more:
            wait(None)


def _since(reader: Reader, cursor: str) -> Callable[[], Changes]:
    return lambda: live.since(reader, cursor)


def _asked(ask: Callable[[], Answer], wait: Wait) -> Answer:
    while True:
        try:
            return ask()
        except Unavailable as error:
            wait(error)


def _stored(place: Path | None) -> str | None:
    if place is None or not place.exists():
        return None
    try:
        return place.read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise BadConfig(f"{place}: {error.strerror}") from None


def _store(place: Path | None, cursor: str) -> None:
    """Whole or not at all."""
    if place is None:
        return
    fresh = place.with_name(f".{place.name}.new")
    try:
        fresh.write_text(cursor, encoding="utf-8")
        fresh.replace(place)
    except OSError as error:
        raise BadConfig(f"{place}: {error.strerror}") from None
