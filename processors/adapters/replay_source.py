"""Readings of a partition in the order of the log: as they were labelled, or labelled again."""

import heapq
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import numpy as np

from hearing.adapters import runtime
from processors import classify
from processors.adapters.replay_log import Read, Slice, opened_replay_log
from processors.classify import Envelope, Scorer
from processors.partitions import Key
from processors.settings import ProcessorSettings
from schemas.codec import decode
from schemas.envelopes import ReadingEnvelope
from schemas.errors import BadMessage

_PATCHES: Final = 64
"""In one call of the model, as live."""

log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """One record's readings; none if nobody can read it, which live found too."""

    offset: int
    envelope: ReadingEnvelope | None


Interpret = Callable[[Sequence[Read]], Iterator[Heard]]


def labelled_already(reads: Sequence[Read]) -> Iterator[Heard]:
    """Records of `readings.v1`."""
    for read in reads:
        try:
            yield Heard(read.offset, decode(ReadingEnvelope, read.value))
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
    return Relabelled(runtime.load(settings.models_folder / model))


async def records(
    settings: ProcessorSettings, parts: Sequence[tuple[Key, Slice]]
) -> AsyncIterator[Sequence[Read]]:
    """Read a partition of one topic or more, in the order in which records were appended."""
    async with AsyncExitStack() as stack:
        streams = []
        for key, part in parts:
            reader = await stack.enter_async_context(opened_replay_log(settings))
            streams.append(reader.records(key, part))
        if len(streams) == 1:
            async for reads in streams[0]:
                yield reads
            return
        async for reads in _merged(streams):
            yield reads


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
