import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest

from processors.adapters import standstill
from processors.adapters.standstill import standing_still
from processors.partitions import Key
from schemas.errors import Unavailable
from tests.streams import KEY

OTHER = KEY._replace(partition=KEY.partition + 1)


class Ends:
    """A log whose partitions end at 9, but which is away at some looks."""

    def __init__(self, away: Sequence[int] = ()) -> None:
        self.looks = 0
        self._away = away

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        self.looks += 1
        if self.looks in self._away:
            raise Unavailable("away")
        return dict.fromkeys(keys, 9)


@pytest.fixture(autouse=True)
def _never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "LOOK_EVERY_S", 0)


def seconds() -> Iterator[float]:
    """The clock, asked twice a look."""
    return itertools.count(0.0, 2.0)


async def test_a_partition_without_progress_is_named() -> None:
    moving = itertools.count()
    clock = seconds()
    stuck = await standing_still(
        lambda: {KEY: 5, OTHER: next(moving) % 7}, Ends(), lambda: next(clock)
    )
    assert stuck == [KEY]


async def test_while_kafka_is_away_nothing_can_move() -> None:
    ends, clock = Ends(away=range(3, 20)), seconds()
    assert await standing_still(lambda: {KEY: 5}, ends, lambda: next(clock)) == [KEY]
    assert ends.looks > 20


async def test_whose_reason_is_known_is_not_stuck() -> None:
    ends, clock = Ends(), seconds()
    where: Iterator[Mapping[Key, int]] = itertools.chain(
        itertools.repeat({}, 40), itertools.repeat({KEY: 5})
    )
    assert await standing_still(lambda: next(where), ends, lambda: next(clock)) == [KEY]
    assert ends.looks > 20
