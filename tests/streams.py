"""A log, a store and a fold in memory, for what runs over partitions."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid5

import orjson

from processors.adapters.durable import Durable
from processors.adapters.durable_ports import Stored, TakenOver
from processors.folds import NOTHING, Event, Fold, Outputs, Tick
from processors.partitions import Checkpoint, Commit, FoldRun, Key, Program, Span
from processors.verdicts import Record
from processors.window_questions import Touched
from processors.window_rows import WindowRow
from schemas import topics
from schemas.base import DeviceId, Frozen
from schemas.codec import encode
from schemas.envelopes import LabelledBatch, ReadingEnvelope
from schemas.errors import Unavailable
from schemas.results import Alert, LabelLevel, Window
from tests.builders import SESSION, STARTED_AT

CONFLICT = "c" * 32
KEY = Key(topics.READINGS, topics.partition("pole-07"))


def window(laeq_db: float = 61.2, **overrides: object) -> WindowRow:
    """Ten seconds with a siren."""
    names = ("lceq", "lzeq", "lafmax", "lasmax", "lcpeak", "l10", "l50", "l90")
    siren = LabelLevel(
        label="siren",
        origin="technogenic",
        active_s=4,
        mean_score=700,
        max_score=900,
        laeq_active_db=laeq_db + 3,
    )
    fields: dict[str, object] = {
        "site": "harbour",
        "device": "pole-07",
        "started_at": STARTED_AT,
        "length_s": 10,
        "calibration": "simulated",
        "laeq_db": laeq_db,
        **{f"{name}_db": laeq_db + n for n, name in enumerate(names)},
        "coverage_s": 10,
        "overload_s": 0,
        "floor_s": 0,
        "labels": (siren,),
        "final": False,
    }
    return WindowRow.model_validate({**fields, **overrides})


def alert(number: int = 0, **overrides: object) -> Alert:
    """A siren that was raised."""
    fields: dict[str, object] = {
        "alert_id": uuid5(UUID(int=0), str(number)),
        "revision": 0,
        "state": "raised",
        "rule": "siren",
        "rule_version": "0" * 32,
        "site": "harbour",
        "device": "pole-07",
        "session": SESSION,
        "onset_at": STARTED_AT + timedelta(seconds=60 * number),
        "raised_at": STARTED_AT + timedelta(seconds=60 * number + 3),
        "peak_laeq_1s_db": 78.5,
        "peak_score": 930,
        "active_s": 3,
        "historical": False,
    }
    return Alert.model_validate({**fields, **overrides})


def envelope(*batches: LabelledBatch) -> bytes:
    """A record of `readings.v1`."""
    return encode(ReadingEnvelope(batches=batches))


def _step(state: tuple[int, ...], event: Event) -> tuple[tuple[int, ...], Outputs]:
    if isinstance(event, Tick):
        return state, NOTHING
    row = window(started_at=event.started_at)
    heard = [alert(event.first_seq) for labels in event.labels if "siren" in labels]
    again = (event,) if event.digest == CONFLICT else ()
    return (*state, event.first_seq), Outputs((row,), (row, *heard), again)


SEEN: Fold[tuple[int, ...]] = Fold(
    program="seen",
    empty=lambda _: (),
    step=_step,
    dump=orjson.dumps,
    load=lambda stored: tuple(orjson.loads(stored)),
)
"""Remembers the first seq of every batch, in order, with no ledger: a repeat would show.

A siren is an alert, and `CONFLICT` the digest of a batch that came before with other content.
"""


@dataclass
class FakeStore:
    """A store that can be cut off, before or after it has done what it was asked."""

    checkpoints: dict[tuple[str, Key], Checkpoint] = field(default_factory=dict)
    states: dict[tuple[str, Key], dict[DeviceId, bytes]] = field(default_factory=dict)
    rows: list[Frozen] = field(default_factory=list)
    messages: list[Alert | Window | Touched] = field(default_factory=list)
    fail_before: int = 0
    fail_after: int = 0

    async def load(self, program: str, keys: Iterable[Key]) -> Stored:
        return {
            key: (
                self.checkpoints.get((program, key)),
                dict(self.states.get((program, key), {})),
            )
            for key in keys
        }

    async def claim(self, program: str, key: Key, checkpoint: Checkpoint) -> Checkpoint:
        known = self.checkpoints.get((program, key))
        if (known.version if known else 0) != checkpoint.version:
            raise TakenOver(str(key))
        claimed = replace(checkpoint, version=checkpoint.version + 1)
        self.checkpoints[program, key] = claimed
        return claimed

    async def commit(self, program: str, commits: Sequence[Commit]) -> None:
        if self.fail_before:
            self.fail_before -= 1
            raise Unavailable("cut off before")
        held = [self.checkpoints.get((program, commit.key)) for commit in commits]
        if held == [commit.after for commit in commits]:
            return
        if held != [commit.before for commit in commits]:
            raise TakenOver(program)
        for commit in commits:
            self.checkpoints[program, commit.key] = commit.after
            self.states.setdefault((program, commit.key), {}).update(commit.states)
            self.rows += commit.rows
            self.messages += [
                m for m in commit.messages if not (isinstance(m, Alert) and m.historical)
            ]
        if self.fail_after:
            self.fail_after -= 1
            raise Unavailable("cut off after")


@dataclass
class FakeRecord:
    """A record that remembers whether it was acknowledged."""

    key: Key
    offset: int
    value: bytes
    acked: bool = False

    def ack(self) -> None:
        self.acked = True


@dataclass
class FakeLog:
    """Partitions in memory; `begins` is what retention has left."""

    partitions: dict[Key, list[bytes]]
    cluster_id: str = "first"
    begins: dict[Key, int] = field(default_factory=dict)

    async def spans(self, keys: Iterable[Key]) -> Mapping[Key, Span]:
        return {
            key: Span(self.cluster_id, self.begins.get(key, 0), len(self.partitions[key]))
            for key in keys
        }

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        return {key: len(self.partitions[key]) for key in keys}

    def records(self, key: Key, offsets: Iterable[int]) -> list[FakeRecord]:
        return [FakeRecord(key, n, self.partitions[key][n]) for n in offsets]


@dataclass
class Bench:
    """A durable fold with everything around it in memory."""

    log: FakeLog
    store: FakeStore = field(default_factory=FakeStore)
    fold: Fold[tuple[int, ...]] = SEEN
    buried: list[Record] = field(default_factory=list)
    sought: list[tuple[Key, int]] = field(default_factory=list)
    now_s: float = 0.0

    def worker(self) -> Durable:
        """A fresh process, for which no time passes but what `now_s` says."""
        program = Program("seen", dict.fromkeys(self._topics(), self._open))
        return Durable(
            program,
            store=self.store,
            log=self.log,
            bury=self._bury,
            seek=self._seek,
            clock=lambda: self.now_s,
        )

    async def feed(self, worker: Durable, records: Sequence[FakeRecord]) -> None:
        """Let a worker take records, as many as there are."""

        async def stream() -> AsyncIterator[FakeRecord]:
            for record in records:
                yield record

        await worker.receive(stream())
        if records:
            await worker.work()

    def seen(self, device: DeviceId = "pole-07", key: Key = KEY) -> Sequence[int]:
        """What the stored state of a device has seen."""
        stored = self.store.states.get(("seen", key), {}).get(device)
        return SEEN.load(stored) if stored else ()

    def _topics(self) -> set[str]:
        return {key.topic for key in self.log.partitions}

    def _open(self, states: Mapping[DeviceId, bytes]) -> FoldRun:
        return FoldRun(self.fold, states)

    async def _bury(self, record: Record) -> None:
        await asyncio.sleep(0)
        self.buried.append(record)

    async def _seek(self, key: Key, offset: int) -> None:
        self.sought.append((key, offset))
