"""A day of a city as `readings.v1` would hold it, written in minutes.

Levels are those of rendered streets, a loop of 80 s for each device, quieter by night; labels are
what truly sounds in them, a siren in every fifteenth round, every other one faint. Everything
follows from the seed. An envelope holds one batch of one reading, as when twenty devices are heard
live.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from agents import batches, light
from agents.light import Loop
from processors.adapters.producer import producer
from processors.registry import Registry
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import digest, encode
from schemas.envelopes import ReadingEnvelope
from schemas.messages import Levels

BEGAN_AT: Final = datetime(2026, 5, 4, tzinfo=UTC)
SEED: Final = 7
MODEL: Final = "street8-0.3.0@0123456789ab"
TICK_S: Final = 5
_HOURS: Final = 24
_SIREN_ROUNDS: Final = 15
_QUIETER_BY_NIGHT_DB: Final = (9, 10, 10, 10, 8, 5, 2, *(0,) * 12, 1, 2, 4, 6, 8)


@dataclass(frozen=True)
class Voice:
    """What one device says: its place in all records, and its loop's levels, by hour and second."""

    partition: int
    place: bytes
    levels: Sequence[Sequence[bytes]]
    labels: Sequence[tuple[bytes, bytes, bytes]]
    shift_s: int

    def record(self, second: int) -> bytes:
        """The record that carries a second of the day."""
        turn, at = divmod(second + self.shift_s, len(self.labels))
        round_, siren = divmod(turn + self.shift_s + self.partition, _SIREN_ROUNDS)
        heard_as = 0 if siren else 1 + round_ % 2
        heard = self.levels[second // 3600 % _HOURS][at]
        began, ended = BEGAN_AT + timedelta(seconds=second), second + 1
        return (
            b'{"version":1,"tick":null,"batches":[{"version":1,%s,"first_seq":%d,"started_at":"%s",'
            b'"clock":"synced","calibration":"simulated","levels":[%s],"received_at":"%s",'
            b'"digest":"%s","model":"%s","labels":[%s]}]}'
        ) % (
            self.place,
            second,
            _said(began),
            heard,
            _said(BEGAN_AT + timedelta(seconds=ended)),
            digest(heard).encode(),
            MODEL.encode(),
            self.labels[at][heard_as],
        )


def voices(registry: Registry, devices: int) -> list[Voice]:
    """Hear the streets of some devices.

    Parameters
    ----------
    registry : Registry
        Its first devices speak.
    devices : int
        How many.
    """
    places = [(device.device, site.site) for site in registry.sites for device in site.devices]
    known = light.loops(SEED, min(light.SCENES, devices))
    return [_voice(index, *places[index], known) for index in range(devices)]


def records(speaking: Sequence[Voice], seconds: int) -> Iterator[tuple[int, bytes]]:
    """Partition and value of every record, in the order in which they were appended."""
    for second in range(seconds):
        for voice in speaking:
            yield voice.partition, voice.record(second)
        if second % TICK_S == TICK_S - 1:
            mark = encode(ReadingEnvelope(tick=BEGAN_AT + timedelta(seconds=second + 1)))
            for partition in range(topics.PARTITIONS):
                yield partition, mark


async def write(settings: ProcessorSettings, speaking: Sequence[Voice], seconds: int) -> int:
    """Append a day to `readings.v1`; how many records."""
    count = 0
    async with producer(settings) as appending:
        filling: dict[int, BatchBuilder] = {}
        for partition, value in records(speaking, seconds):
            count += 1
            batch = filling.setdefault(partition, appending.create_batch())
            if batch.append(key=None, value=value, timestamp=None) is None:
                await _send(appending, batch, partition)
                filling[partition] = appending.create_batch()
                filling[partition].append(key=None, value=value, timestamp=None)
        for partition, batch in filling.items():
            await _send(appending, batch, partition)
    return count


async def _send(appending: AIOKafkaProducer, batch: BatchBuilder, partition: int) -> None:
    batch.close()
    await (await appending.send_batch(batch, topics.READINGS, partition=partition))


def _voice(index: int, device: str, site: str, known: tuple[Loop, ...]) -> Voice:
    loop, shift_s = light.loop_of(index, known)
    session = f"01KQRKWN{index:018d}"
    levels = [batches.rounded(reading.levels) for reading in loop.readings]
    return Voice(
        topics.partition(device),
        f'"site":"{site}","device":"{device}","session":"{session}"'.encode(),
        [[encode(_quieter(one, db)) for one in levels] for db in _QUIETER_BY_NIGHT_DB],
        [_labels(loop, second) for second in range(len(levels))],
        shift_s,
    )


def _quieter(levels: Levels, by_db: int) -> Levels:
    fields = {
        name: round(value - by_db, 2)
        for name, value in levels
        if isinstance(value, float) and name.endswith("_db")
    }
    octaves = tuple(round(level - by_db, 2) for level in levels.third_octaves_db)
    return levels.model_copy(update={**fields, "third_octaves_db": octaves})


def _labels(loop: Loop, second: int) -> tuple[bytes, bytes, bytes]:
    """Labels of a second in a round without sirens, with clear ones, with faint ones, as JSON."""
    heard = {
        event.label: 600 + round(40 * event.onset_s + 31 * second) % 400
        for event in loop.events
        if event.onset_s < second + 1 and event.offset_s > second
    }
    quiet = {label: score for label, score in heard.items() if label != "siren"}
    faint = {label: score - 250 if label == "siren" else score for label, score in heard.items()}
    return _json(quiet), _json(heard), _json(faint)


def _json(scores: dict[str, int]) -> bytes:
    return b"{%s}" % b",".join(
        b'"%s":%d' % (label.encode(), score) for label, score in sorted(scores.items())
    )


def _said(at: datetime) -> bytes:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
