"""A worker that the group gives no partitions is told so: it stands by, and is ready."""

from collections.abc import AsyncIterator, Mapping, Sequence

from faust.types import TP

from processors.adapters import faust_app
from processors.adapters.durable_ports import Received
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas import topics
from tests.streams import Bench, FakeLog


class FakeWork:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Mapping[Key, int]] = []

    async def assign(self, positions: Mapping[Key, int]) -> Mapping[Key, int]:
        self.given.append(positions)
        return positions

    async def revoke(self) -> None: ...

    async def receive(self, records: AsyncIterator[Received]) -> None: ...

    async def run(self) -> None: ...

    async def watch(self) -> Sequence[Key]:
        return []

    async def close(self) -> None: ...


async def test_an_empty_assignment_reaches_the_work() -> None:
    work = FakeWork()
    app = faust_app.application("windows", [topics.READINGS], ProcessorSettings(), work)
    await app.on_partitions_assigned.send({TP(topics.READINGS, 0)})
    assert work.given == []  # that one comes with the seek
    await app.on_partitions_assigned.send(set())
    assert work.given == [{}]


async def test_who_stands_by_owns_nothing_and_knows_it() -> None:
    worker = Bench(FakeLog({})).worker()
    owned = [worker.positions]
    await worker.assign({})
    owned.append(worker.positions)
    await worker.revoke()
    owned.append(worker.positions)
    assert owned == [None, {}, None]
