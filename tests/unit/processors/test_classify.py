import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from hearing import decide
from hearing.manifest import Manifest
from processors import alerts, classify, partitions
from processors.adapters import standstill
from processors.adapters.classifier import Classifier
from processors.partitions import FoldRun, Key, Span
from processors.rules import LabelRule
from processors.verdicts import Record
from schemas import topics
from schemas.base import Frozen
from schemas.codec import decode, encode
from schemas.envelopes import (
    Dropped,
    FeatureEnvelope,
    ReadingEnvelope,
    ReceivedFeatures,
    ReceivedResults,
    ResultEnvelope,
)
from schemas.errors import BadMessage, NewerMessage
from schemas.messages import FeatureBatch, ResultBatch
from schemas.results import Alert
from tests.batches import RECEIVED_AT, codes, feature_batch, levels_batch, result_batch
from tests.builders import STARTED_AT, seqs
from tests.manifests import manifest
from tests.streams import FakeRecord

MANIFEST = manifest(siren=0.2, wind=0.5)
FEATURES = Key(topics.FEATURES, 8)
RESULTS = Key(topics.RESULTS, 8)
TICK = datetime(2026, 5, 4, 10, 0, 5, tzinfo=UTC)
SIREN = LabelRule(
    rule="siren",
    label="siren",
    on_score=500,
    off_score=300,
    on_seconds=1,
    of_seconds=1,
    off_seconds=3,
    cooldown_s=0,
    max_duration_s=600,
)


@dataclass
class FakeModel:
    """Hears a siren wherever there is a frame, and says how many patches each call had."""

    manifest: Manifest = MANIFEST
    calls: list[int] = field(default_factory=list)

    def scores(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls.append(len(patches))
        return np.tile(np.array([[0.6, 0.01]], np.float32), (len(patches), 1))


@dataclass
class FakeKafka:
    """Takes records; `safe` says that it has them."""

    records: list[Record] = field(default_factory=list)
    held: Mapping[Key, int] = field(default_factory=dict)
    begins: Mapping[Key, int] = field(default_factory=dict)
    sought: list[tuple[Key, int]] = field(default_factory=list)

    async def append(self, record: Record) -> Awaitable[object]:
        self.records.append(record)

        async def safe() -> None: ...

        return safe()

    async def ends(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        return {key: self.held.get(key, 0) for key in keys}

    async def seek(self, key: Key, offset: int) -> None:
        self.sought.append((key, offset))

    async def spans(self, keys: Iterable[Key]) -> Mapping[Key, Span]:
        return {key: Span("cluster", self.begins.get(key, 0), 10_000) for key in keys}


def features(*batches: FeatureBatch) -> FeatureEnvelope:
    received = [
        ReceivedFeatures(received_at=RECEIVED_AT, digest="0" * 32, batch=b) for b in batches
    ]
    return FeatureEnvelope(batches=tuple(received))


def results(*batches: ResultBatch, received_at: datetime = RECEIVED_AT) -> ResultEnvelope:
    bridge = {"received_at": received_at, "digest": "0" * 32}
    received = [ReceivedResults.model_validate({**bridge, "batch": one}) for one in batches]
    return ResultEnvelope(batches=tuple(received))


async def classified(
    envelopes: Iterable[Frozen | bytes], key: Key = FEATURES, model: FakeModel | None = None
) -> tuple[list[FakeRecord], list[Record]]:
    given = [one if isinstance(one, bytes) else encode(one) for one in envelopes]
    records = [FakeRecord(key, n, value) for n, value in enumerate(given)]
    return records, await passed_on(records, model or FakeModel(), FakeKafka())


async def passed_on(
    records: Sequence[FakeRecord], model: FakeModel, kafka: FakeKafka
) -> list[Record]:
    """What becomes of records that are read in this order."""
    async with at_work(kafka, [record.key for record in records], model) as work:
        await work.receive(stream(records))
        await until(lambda: all(record.acked for record in records))
        assert work.positions == {record.key: record.offset + 1 for record in records}
    return kafka.records


@asynccontextmanager
async def at_work(
    kafka: FakeKafka, keys: Iterable[Key], model: FakeModel | None = None
) -> AsyncIterator[Classifier]:
    """A classifier that has these partitions, from their beginning."""
    work = Classifier(model or FakeModel(), log=kafka, offsets=kafka, seek=kafka.seek)
    await work.assign(dict.fromkeys(keys, 0))
    running = asyncio.create_task(work.run())
    yield work
    await work.close()
    assert not running.done(), "nothing but us ends it"
    running.cancel()


async def stream(records: Iterable[FakeRecord]) -> AsyncIterator[FakeRecord]:
    for record in records:
        yield record


async def turns() -> None:
    """Let everybody go on who can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until(there: Callable[[], bool]) -> None:
    while not there():  # noqa: ASYNC110
        await asyncio.sleep(0)


def readings(record: Record) -> ReadingEnvelope:
    assert record.value is not None
    return decode(ReadingEnvelope, record.value)


def test_a_patch_ends_with_its_reading() -> None:
    batch = feature_batch(100, 3)
    heard = classify.patches_of(features(batch))
    frames = np.frombuffer(codes(100, 3), np.uint8).reshape(-1, 32)
    assert heard.shape == (3, 32, 32)
    for n in range(3):
        np.testing.assert_array_equal(heard[n], frames[8 * n : 8 * n + 32])


def test_patches_come_in_the_order_of_batches_and_readings() -> None:
    both = classify.patches_of(features(feature_batch(7), levels_batch(8), feature_batch(9, 2)))
    single = [classify.patches_of(features(feature_batch(seq))) for seq in (7, 9, 10)]
    np.testing.assert_array_equal(both, np.concatenate(single))


def test_scores_share_one_scale() -> None:
    scores = np.array([[0.2, 0.5], [0.04, 0.05], [1.0, 0.0]], np.float32)
    assert decide.per_mille(scores, MANIFEST).tolist() == [[500, 500], [100, 50], [1000, 0]]


def test_faint_labels_and_silence_are_not_told() -> None:
    loud, silent = np.full((1, 32, 32), 150, np.uint8), np.zeros((1, 32, 32), np.uint8)
    scores = np.array([[0.04, 0.05], [1.0, 1.0]], np.float32)
    told = classify.reported(scores, np.concatenate([loud, silent]), MANIFEST)
    assert told == [{"siren": 100}, {}]


def test_too_few_frames_are_a_bad_message() -> None:
    short = feature_batch(0, mel=codes(0)[:-32])
    with pytest.raises(BadMessage, match="malformed"):
        classify.read(topics.FEATURES, encode(features(short)))


async def test_batches_keep_everything_and_gain_labels() -> None:
    batch = feature_batch(100, 2)
    _, (record,) = await classified([features(batch)])
    assert (record.topic, record.partition) == (topics.READINGS, FEATURES.partition)
    (labelled,) = readings(record).batches
    assert labelled.seqs == batch.seqs
    assert labelled.levels == batch.levels
    assert labelled.received_at == RECEIVED_AT
    assert labelled.model == "fake-0.1.0@000000000000"
    assert labelled.labels == ({"siren": 750},) * 2


async def test_levels_pass_without_labels() -> None:
    _, (record,) = await classified([features(levels_batch())])
    (labelled,) = readings(record).batches
    assert (labelled.model, labelled.labels) == (None, ())


async def test_labels_of_devices_are_passed_on() -> None:
    _, (record,) = await classified([results(result_batch())], Key(topics.RESULTS, 2))
    (labelled,) = readings(record).batches
    assert (labelled.model, labelled.labels) == (result_batch().model, ({"siren": 930},))


async def test_ticks_keep_their_place() -> None:
    tick = FeatureEnvelope(tick=TICK)
    _, passed = await classified([features(feature_batch(0)), tick, features(feature_batch(1))])
    assert [readings(one).tick for one in passed] == [None, TICK, None]
    assert [len(readings(one).batches) for one in passed] == [1, 0, 1]


async def test_a_tick_waits_for_results_from_before_it_and_nothing_else_does() -> None:
    tick = FeatureEnvelope(tick=TICK)
    given = [tick, features(feature_batch(0)), tick, features(feature_batch(1))]
    records = [FakeRecord(FEATURES, n, encode(one)) for n, one in enumerate(given)]
    records += [FakeRecord(RESULTS, n, encode(results(result_batch(n)))) for n in range(2)]
    kafka = FakeKafka(held={FEATURES: 4, RESULTS: 2})
    passed = [readings(one) for one in await passed_on(records, FakeModel(), kafka)]
    assert [one.tick for one in passed] == [None, None, None, None, TICK, TICK]


async def test_ticks_that_were_read_first_end_no_alert_of_a_device_that_sends_results() -> None:
    """After classify was down it reads topic by topic; the siren has never stopped."""
    at = [STARTED_AT + timedelta(seconds=second) for second in range(101)]
    heard = [encode(results(result_batch(n), received_at=at[n + 1])) for n in range(100)]
    ticks = [FeatureEnvelope(tick=at[second]) for second in range(10, 100, 5)]
    records = [
        *(FakeRecord(RESULTS, n, heard[n]) for n in range(10)),
        *(FakeRecord(FEATURES, n, encode(tick)) for n, tick in enumerate(ticks)),
        *(FakeRecord(RESULTS, n, heard[n]) for n in range(10, 100)),
    ]
    kafka = FakeKafka(held={FEATURES: len(ticks), RESULTS: 100})
    fold = FoldRun(alerts.fold([SIREN]), {})
    told = [fold.apply(one.value or b"") for one in await passed_on(records, FakeModel(), kafka)]
    found = [alert for outputs, _ in told for alert in outputs.messages if isinstance(alert, Alert)]
    assert len({alert.alert_id for alert in found}) == 1
    assert found[-1].state == "updated"


async def test_marks_of_dropped_readings_are_passed_on() -> None:
    mark = FeatureEnvelope(tick=TICK, dropped=(Dropped(device="pole-07", ranges=(seqs(3, 60),)),))
    _, (record,) = await classified([mark])
    assert readings(record).dropped == mark.dropped


async def test_what_waits_shares_a_call_of_at_most_64_patches() -> None:
    model = FakeModel()
    envelopes = [features(feature_batch(10 * n, 10)) for n in range(9)]
    _, passed = await classified(envelopes, model=model)
    assert model.calls == [60, 30]
    assert [readings(one).batches[0].first_seq for one in passed] == list(range(0, 90, 10))


async def test_a_large_envelope_takes_several_calls() -> None:
    model = FakeModel()
    await classified([features(*[feature_batch(60 * n, 60) for n in range(3)])], model=model)
    assert model.calls == [64, 64, 52]


async def test_an_unreadable_record_is_buried_and_passed() -> None:
    _, passed = await classified([features(feature_batch(0)), b"{}x", features(feature_batch(1))])
    assert [one.topic for one in passed].count(topics.DEAD_LETTERS) == 1
    told = [readings(one).batches[0].first_seq for one in passed if one.topic == topics.READINGS]
    assert told == [0, 1]


async def test_a_record_of_a_version_to_come_is_left_for_a_newer_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its partition waits; others are read on until this program ends."""
    batch = b'"batch":{"version":'
    newer = encode(features(feature_batch(0))).replace(batch + b"1", batch + b"2")
    other = FEATURES._replace(partition=2)
    waits = [FakeRecord(FEATURES, n, value) for n, value in enumerate([newer, b"behind"])]
    goes_on = FakeRecord(other, 0, encode(features(feature_batch(1))))
    kafka = FakeKafka(held={FEATURES: 2, other: 1})
    monkeypatch.setattr(partitions, "STUCK_S", 0)
    monkeypatch.setattr(standstill, "LOOK_EVERY_S", 0)
    async with at_work(kafka, [FEATURES, other]) as work:
        await work.receive(stream([*waits, goes_on]))
        await until(lambda: goes_on.acked)
        with pytest.raises(NewerMessage, match=r"features.v1/8 at 0: schema version 2"):
            await work.watch()
    assert not any(record.acked for record in waits)
    assert [one.partition for one in kafka.records] == [other.partition]


async def test_what_comes_behind_a_held_tick_is_acknowledged_after_it() -> None:
    """Faust commits past a single record that is missing: a kill would lose the tick."""
    given = [features(feature_batch(0)), FeatureEnvelope(tick=TICK), features(feature_batch(1))]
    records = [FakeRecord(FEATURES, n, encode(one)) for n, one in enumerate(given)]
    result = FakeRecord(RESULTS, 0, encode(results(result_batch())))
    kafka = FakeKafka(held={FEATURES: 3, RESULTS: 1})
    async with at_work(kafka, [FEATURES, RESULTS]) as work:
        await work.receive(stream(records))
        await until(lambda: records[0].acked and len(kafka.records) == 2)
        await work.close()  # all that can be done is done
        assert [record.acked for record in records] == [True, False, False]
    kafka.records.clear()
    assert await passed_on([*records, result], FakeModel(), kafka)


async def test_what_was_read_before_the_partitions_went_is_left_to_others() -> None:
    kafka = FakeKafka()
    work = Classifier(FakeModel(), log=kafka, offsets=kafka, seek=kafka.seek)
    before = [FakeRecord(FEATURES, n, encode(features(feature_batch(n)))) for n in range(100)]
    await work.assign({FEATURES: 0})
    receiving = asyncio.create_task(work.receive(stream(before)))
    await asyncio.sleep(0)  # the queue is full now, and one record waits before it
    await work.revoke()
    await work.assign({FEATURES: 200})
    running = asyncio.create_task(work.run())
    after = FakeRecord(FEATURES, 200, encode(features(feature_batch(200))))
    await receiving
    await work.receive(stream([FakeRecord(FEATURES, 207, before[7].value), after]))
    await until(lambda: after.acked)
    await work.close()
    running.cancel()
    assert [readings(one).batches[0].first_seq for one in kafka.records] == [200]
    assert kafka.sought == [(FEATURES, 200)]
    assert not any(record.acked for record in before)


async def test_what_kafka_no_longer_holds_is_said_and_passed() -> None:
    kafka = FakeKafka(begins={RESULTS: 50})
    work = Classifier(FakeModel(), log=kafka, offsets=kafka, seek=kafka.seek)
    assert await work.assign({FEATURES: 7, RESULTS: 40}) == {RESULTS: 50}
    assert work.positions == {FEATURES: 7, RESULTS: 50}


async def test_what_comes_while_it_ends_is_left_to_others() -> None:
    kafka, late = FakeKafka(), FakeRecord(FEATURES, 0, encode(features(feature_batch(0))))
    async with at_work(kafka, [FEATURES]) as work:
        await turns()
        await work.close()
        await work.receive(stream([late]))
        await turns()
    assert not late.acked
