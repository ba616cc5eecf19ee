"""How fast is classify, beside others? `python -m benchmarks classify [--json]`.

The same readings for everybody: ours as the bridge writes them (whole batches in envelopes, levels
and all), the others' as bare codes, one record each. A backlog first, then a steady trickle. Rates
count between the first and the last output record, so that nobody's start counts. The shipped
model, then one of 60 thousand parameters (untrained: `make training` first). Status 1 if a reading
of ours is lost or told twice.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnxruntime
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents import light
from agents.batches import Origin
from agents.light import Repeating
from benchmarks import proc, stage
from benchmarks.classify_account import account, identities, is_clean, told_in
from deploy.local import programs
from deploy.local.stack import LocalStack
from schemas import codec, topics
from schemas.envelopes import FeatureEnvelope, ReceivedFeatures
from schemas.messages import FeatureBatch

SOURCE: Final = "peer-features"
TARGET: Final = "peer-labels"
DEVICES: Final = 24
IN_ENVELOPE: Final = 64
TRICKLE_PER_S: Final = 100
TRICKLE_S: Final = 8
QUIET_MS: Final = 30_000
PEERS: Final = Path(".local/peers/bin/python")
HERE: Final = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Contender:
    """A program with its topics, and how its output is counted."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    source: str
    target: str
    enveloped: bool = False


def contenders(stack: LocalStack, model: Path) -> list[Contender]:
    """Ours and the others."""
    ours = stack.addresses.environment("bridge")
    ours = {**ours, "CITYHUM_MODELS_FOLDER": str(model.parent), "CITYHUM_MODEL": model.name}
    where = [stack.addresses.kafka_bootstrap, str(model / "model.onnx"), SOURCE, TARGET]
    found = [
        Contender(
            "cityhum", [*programs.CITYHUM, "work", "classify"], ours,
            topics.FEATURES, topics.READINGS, enveloped=True,
        ),
        _peer("plain aiokafka loop", stage.python("benchmarks.peers.plain_classify", *where)),
        _peer("faust, one by one", [*_faust(where), "one"]),
        _peer("faust, take(64, 0.05)", [*_faust(where), "take"]),
    ]  # fmt: skip
    if PEERS.exists():
        quix = [str(PEERS), str(HERE / "quix_classify.py"), *where]
        found.append(_peer("quixstreams 3.28.1", quix))
    return found


def _faust(where: Sequence[str]) -> list[str]:
    return [*stage.python("benchmarks.peers.faust_classify"), *where]


def _peer(name: str, command: Sequence[str]) -> Contender:
    return Contender(name, command, {}, SOURCE, TARGET)


def readings(count: int) -> Iterator[FeatureBatch]:
    """Batches of one reading each, of some devices in turn."""
    known = light.loops(1, 4)
    began_at = datetime.now(UTC) - timedelta(days=1)
    devices = [
        Repeating(Origin("harbour", f"pole-{n:02d}"), f"01BENCH{n:019d}", began_at, loop, shift_s)
        for n in range(DEVICES)
        for loop, shift_s in [light.loop_of(n, known)]
    ]
    for number in range(count):
        device = devices[number % DEVICES]
        yield codec.decode(FeatureBatch, device.payload(number // DEVICES))


def ours(batches: Sequence[FeatureBatch], at_once: int) -> Iterator[tuple[int, bytes]]:
    """Records as the bridge writes them: each partition's batches in envelopes."""
    by_partition: dict[int, list[FeatureBatch]] = {}
    for batch in batches:
        waiting = by_partition.setdefault(topics.partition(batch.device), [])
        waiting.append(batch)
        if len(waiting) == at_once:
            yield topics.partition(batch.device), _envelope(waiting)
            waiting.clear()
    for partition, left in by_partition.items():
        if left:
            yield partition, _envelope(left)


def _envelope(batches: Sequence[FeatureBatch]) -> bytes:
    now = datetime.now(UTC)
    received = (
        ReceivedFeatures(received_at=now, digest=codec.digest(batch.session.encode()), batch=batch)
        for batch in batches
    )
    return codec.encode(FeatureEnvelope(batches=tuple(received)))


def theirs(batches: Sequence[FeatureBatch], _at_once: int) -> Iterator[tuple[int, bytes]]:
    """Records of bare codes."""
    for batch in batches:
        assert batch.mel is not None  # noqa: S101  # made above
        record = {
            "id": identities(batch)[0],
            "codes": base64.b64encode(batch.mel.codes).decode(),
        }
        yield topics.partition(batch.device), orjson.dumps(record)


async def measured(
    stack: LocalStack,
    contender: Contender,
    backlog: Sequence[FeatureBatch],
    trickle: Sequence[FeatureBatch],
) -> dict[str, Any]:
    """Let one of them work off a backlog, then answer a trickle."""
    log = stack.addresses.secrets.parent / "peer.log"
    encode = ours if contender.enveloped else theirs
    bootstrap = stack.kafka.bootstrap
    producing = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20)
    async with producing as producer:
        safe = [
            await producer.send(contender.source, value, partition=partition)
            for partition, value in encode(backlog, IN_ENVELOPE)
        ]
        await asyncio.gather(*safe)
        told: Counter[str] = Counter()
        async with (
            stage.log_of(bootstrap, contender.target) as outputs,
            stage.program(contender.command, contender.environment, log) as process,
        ):
            done = await _outputs(outputs, told, 1)
            begun, begun_cpu_s = len(told), proc.cpu_s(process.pid)  # without what starting cost
            done += await _outputs(outputs, told, len(backlog))
            cpu_s, worked = proc.cpu_s(process.pid) - begun_cpu_s, len(told) - begun
            delays = await _trickled(producer, outputs, contender, trickle, told)
    times = sorted(at for at, _ in done)
    counted = sum(count for at, count in done if at > times[0])
    return {
        "name": contender.name,
        "readings": begun + worked,
        "per_s": round(1000 * counted / max(1, times[-1] - times[0])),
        "cpu_us_per_reading": round(1e6 * cpu_s / max(1, worked), 1),
        "trickle_p50_ms": round(stage.percentile(delays, 0.5), 1) if delays else None,
        "trickle_p99_ms": round(stage.percentile(delays, 0.99), 1) if delays else None,
        **account([*backlog, *trickle], told),
    }


async def _outputs(
    outputs: AIOKafkaConsumer, told: Counter[str], count: int
) -> list[tuple[int, int]]:
    """Time, ms, and new readings of each output record, until so many are told."""
    seen: list[tuple[int, int]] = []
    while len(told) < count:
        found = await outputs.getmany(timeout_ms=QUIET_MS)
        if not found:
            break
        for record in chain.from_iterable(found.values()):
            before = len(told)
            told.update(told_in(record.value))
            seen.append((record.timestamp, len(told) - before))
    return seen


async def _trickled(
    producer: AIOKafkaProducer,
    outputs: AIOKafkaConsumer,
    contender: Contender,
    trickle: Sequence[FeatureBatch],
    told: Counter[str],
) -> list[float]:
    """Delay of each reading of a trickle, ms."""
    sent_s: dict[str, float] = {}
    delays: list[float] = []

    async def listen() -> None:
        while len(delays) < len(trickle):
            found = await outputs.getmany(timeout_ms=QUIET_MS)
            if not found:
                return
            now_s = time.monotonic()
            for record in chain.from_iterable(found.values()):
                names = told_in(record.value)
                delays.extend(1000 * (now_s - sent_s[n]) for n in names if told[n] == 0)
                told.update(names)

    listening = asyncio.create_task(listen())
    encode = ours if contender.enveloped else theirs
    for n, (batch, (partition, value)) in enumerate(zip(trickle, encode(trickle, 1), strict=True)):
        sent_s |= dict.fromkeys(identities(batch), time.monotonic())
        await producer.send(contender.source, value, partition=partition)
        await asyncio.sleep(1 / TRICKLE_PER_S if n else 1)
    await listening
    return delays


def bare(model: Path, batches: Sequence[FeatureBatch]) -> dict[str, Any]:
    """The model alone, in calls of 64."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model / "model.onnx", options)
    codes = [np.frombuffer(b.mel.codes, np.uint8) for b in batches if b.mel is not None]
    patches = np.stack(codes).reshape(-1, 32, 32)
    began_s = time.perf_counter()
    for begin in range(0, len(patches), IN_ENVELOPE):
        session.run(None, {"codes": patches[begin : begin + IN_ENVELOPE]})
    spent_s = time.perf_counter() - began_s
    return {"name": "bare onnxruntime", "per_s": round(len(patches) / spent_s)}


async def _create_topics(stack: LocalStack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap)
    await admin.start()
    wanted = [NewTopic(name, topics.PARTITIONS, 1) for name in (SOURCE, TARGET)]
    await admin.create_topics(wanted)
    await admin.close()


def compared(model: Path, count: int) -> list[dict[str, Any]]:
    """All contenders with one model, each with servers of its own."""
    made = list(readings(count + TRICKLE_PER_S * TRICKLE_S))
    backlog, trickle = made[:count], made[count:]
    found = [bare(model, backlog)]
    for number in range(4 + PEERS.exists()):
        with stage.staged() as stack:
            asyncio.run(_create_topics(stack))
            contender = contenders(stack, model.resolve())[number]
            found.append(asyncio.run(measured(stack, contender, backlog, trickle)))
            sys.stderr.write(f"{found[-1]}\n")
    return found


def main() -> None:
    """Compare with both models."""
    parser = argparse.ArgumentParser(description="how fast is classify, beside others?")
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--model", type=Path, default=Path("models/street8-0.3.0"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        from benchmarks.model_files import of_sixty_thousand  # noqa: PLC0415  # torch
    except ModuleNotFoundError as missing:
        sys.exit(f"{missing.name} is not installed: `make training`")
    result = stage.surroundings("faust-streaming", "aiokafka", "onnxruntime", "orjson")
    result[asked.model.name] = compared(asked.model, asked.readings)
    with TemporaryDirectory() as folder:
        small = of_sixty_thousand(Path(folder), asked.model)
        result["60 thousand parameters"] = compared(small, asked.readings)
    sys.stdout.write(json.dumps(result, indent=None if asked.json else 2) + "\n")
    sys.exit(not is_clean(result))


if __name__ == "__main__":
    main()
