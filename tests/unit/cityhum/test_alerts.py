"""`cityhum alerts --follow`: what is printed, and where it goes on."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import pytest

from cityhum import following
from cityhum.main import main
from schemas.codec import encode
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert
from tests.notifying import life

Row = TypeVar("Row")
NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


class Outbox:
    """A database in which each message is of a transaction of its own; away `away` times."""

    def __init__(self, *alerts: Alert, away: int = 0) -> None:
        self.alerts = [*alerts]
        self.away = away

    def rows(self, sql: LiteralString, asked: Mapping[str, Any], of: type[Row]) -> list[Row]:
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        if "pg_current_snapshot" in sql:
            end = 10 + len(self.alerts)
            return [of(at=NOW, snapshot=f"{end}:{end}:", foreign=False)]  # type: ignore[call-arg]
        begin, end = (int(asked[name].split(":")[1]) for name in ("seen", "showing"))
        numbered = enumerate(self.alerts, start=10)
        return [
            self._row(of, id=number, payload=encode(alert).decode())
            for number, alert in numbered
            if begin <= number < end and number > asked["after"]
        ]

    def _row(self, of: Any, **columns: object) -> Any:  # noqa: ANN401  # a NamedTuple of its
        """Columns that no alert of ours fills are null."""
        return of(**{name: columns.get(name) for name in of._fields})


class GaveUpError(Exception):
    """Nothing more comes."""


def never(_: Unavailable | None) -> None:
    raise GaveUpError


@pytest.mark.parametrize("words", ["--json list", "--follow list", "--resume x show 7"])
def test_an_option_before_the_verb_is_refused_rather_than_dropped(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cityhum", "alerts", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "options go behind" in capsys.readouterr().err


def test_events_come_in_order_and_only_those_from_now_on() -> None:
    outbox = Outbox(*life(0))

    def more(_: Unavailable | None) -> None:
        outbox.alerts += life(1)

    events = following.events(outbox, None, more)
    assert list(islice(events, 3)) == life(1)


def test_the_next_run_goes_on_behind_the_last_event_that_was_dealt_with(tmp_path: Path) -> None:
    place = tmp_path / "place"
    outbox = Outbox()
    with pytest.raises(GaveUpError):
        next(following.events(outbox, place, never))
    outbox.alerts += [*life(0), *life(1)]
    first = following.events(outbox, place, never)
    assert list(islice(first, 2)) == life(0)[:2]  # it is cut before it has said that it has the 2nd
    rest = following.events(outbox, place, never)
    assert list(islice(rest, 5)) == [*life(0)[1:], *life(1)]
    with pytest.raises(GaveUpError):
        next(rest)
    with pytest.raises(GaveUpError):
        next(following.events(outbox, place, never))


def test_a_database_that_is_away_is_waited_for() -> None:
    outbox = Outbox(away=2)
    told: list[str] = []

    def more(why: Unavailable | None) -> None:
        told.append(str(why))
        outbox.alerts += life(0) if why is None else []

    assert next(following.events(outbox, None, more)) == life(0)[0]
    assert told == ["away", "away", "None"]


def test_a_place_that_cannot_be_kept_is_the_persons_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file"):
        next(following.events(Outbox(), tmp_path / "none" / "place", never))
