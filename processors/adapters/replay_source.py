"""Readings of a partition in the order of the log: as they were labelled, or labelled again."""

import heapq
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import numpy as np

from hearing.adapters import runtime
from processors import classify
from processors.adapters.replay_log import Read, ReplayLog, Slice, opened_replay_log
from processors.classify import Envelope, Scorer
from processors.partitions import Key
from processors.replay import TOPICS, Request
from processors.replay_run import Heard
from processors.settings import ProcessorSettings
from schemas import readings
from schemas.errors import BadMessage

_PATCHES: Final = 64
"""In one call of the model, as live."""

log = logging.getLogger(__name__)


Interpret = Callable[[Sequence[Read]], Iterator[Heard]]


def labelled_already(reads: Sequence[Read]) -> Iterator[Heard]:
    """Records of `readings.v1`."""
    for read in reads:
        try:
            yield Heard(read.offset, readings.read(read.value))
        except BadMessage as bad:
            yield _unreadable(read, bad)


class Relabelled:
    """Records of features and results, heard by a model."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def __call__(self, reads: Sequence[Read]) -> Iterator[Heard]:
        """Classify what was read, with full calls of the model."""
        waiting: list[tuple[Read, Envelope, classify.Patches]] = []
        patches = 0
        for read in reads:
            try:
                envelope = classify.read(read.key.topic, read.value)
            except BadMessage as bad:
                yield from self._labelled(waiting)
                waiting, patches = [], 0
                yield _unreadable(read, bad)
                continue
            heard = classify.patches_of(envelope)
            waiting.append((read, envelope, heard))
            patches += len(heard)
            if patches >= _PATCHES:
                yield from self._labelled(waiting)
                waiting, patches = [], 0
        yield from self._labelled(waiting)

    def _labelled(self, some: Sequence[tuple[Read, Envelope, classify.Patches]]) -> Iterator[Heard]:
        if not some:
            return
        manifest = self._scorer.manifest
        heard = np.concatenate([patches for _, _, patches in some])
        labels = iter(classify.reported(self._scorer.scores(heard), heard, manifest))
        for read, envelope, patches in some:
            told = [next(labels) for _ in range(len(patches))]
            yield Heard(read.offset, classify.labelled(envelope, told, manifest.identity))


def interpreter(settings: ProcessorSettings, model: str | None) -> Interpret:
    """How records become readings; BadConfig if there is no such model."""
    if model is None:
        return labelled_already
    return Relabelled(runtime.load_for_codes(settings.models_folder / model))


class Source:
    """Reads partitions, one after the other; a reader of Kafka for each topic."""

    def __init__(self, readers: Mapping[str, ReplayLog], interpret: Interpret) -> None:
        self._readers = readers
        self._interpret = interpret

    async def heard(self, parts: Sequence[tuple[Key, Slice]]) -> AsyncIterator[Iterator[Heard]]:
        """Readings of a partition of one topic or more, in the order of their appending."""
        streams = [self._readers[key.topic].records(key, part) for key, part in parts]
        async for reads in streams[0] if len(streams) == 1 else _merged(streams):
            yield self._interpret(reads)


@asynccontextmanager
async def opened_source(settings: ProcessorSettings, request: Request) -> AsyncIterator[Source]:
    """Connect to Kafka and load the model, if a request names one.

    Raises
    ------
    BadConfig
        If there is no such model.
    """
    interpret = interpreter(settings, request.model)
    async with AsyncExitStack() as stack:
        readers = {
            topic: await stack.enter_async_context(opened_replay_log(settings))
            for topic in TOPICS[request.source]
        }
        yield Source(readers, interpret)


async def _merged(
    streams: Sequence[AsyncIterator[Sequence[Read]]],
) -> AsyncIterator[Sequence[Read]]:
    """Join by append time; of two at once that of the first topic."""
    heads: list[list[Read]] = [[] for _ in streams]
    open_streams = set(range(len(streams)))
    while open_streams:
        for n in sorted(open_streams):
            while n in open_streams and not heads[n]:
                more = await anext(streams[n], None)
                if more is None:
                    open_streams.discard(n)
                else:
                    heads[n] = list(more)
        # up to where every open stream is known
        known_ms = min((heads[n][-1].appended_ms for n in open_streams), default=None)
        ready = [_taken(head, known_ms) for head in heads]
        yield list(heapq.merge(*ready, key=lambda read: read.appended_ms))


def _taken(head: list[Read], until_ms: int | None) -> list[Read]:
    """Take what was appended up to a time; all if there is none."""
    count = len(head)
    if until_ms is not None:
        count = sum(read.appended_ms <= until_ms for read in head)
    taken, head[:] = head[:count], head[count:]
    return taken


def _unreadable(read: Read, bad: BadMessage) -> Heard:
    where = {**read.key._asdict(), "offset": read.offset}
    log.warning("bad_record", extra={**where, "reason": bad.reason, "detail": bad.detail})
    return Heard(read.offset, None)
