"""Messages that no honest device sends, made of those that one does. Pure: seeded, so repeatable.

Each kind of mutation takes what an honest device would say at a moment and spoils it: bytes, single
fields, their structure, every text, the topic, the whole. Some stay good messages; most do not.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from benchmarks.ceiling import moments
from benchmarks.privacy_mutations import (
    DEVICE,
    MUTATIONS,
    SITE,
    STARTED_AT,
    Moment,
    honest,
)
from schemas import topics
from schemas.messages import MAX_BATCH_BYTES

TEXTS: Final = (
    "'; DROP TABLE reading; --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "\x00\x1b[31m\r\n",
    "\u202e\ufeff\U0001f6a8",
    "%s%n",
    "+/#",
    "A" * 5000,
    "",
)
_ODD: Final[tuple[Any, ...]] = (
    *TEXTS,
    None,
    True,
    -1,
    0,
    2**53,
    2**63,
    1e308,
    -0.0,
    5e-324,
    [],
    {},
    [[[]]],
    "NaN",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "2026-05-04T10:00:00+23:59",
    "2026-02-30T00:00:00Z",
)
_WHOLES: Final = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"',
    b"NaN",
    b"\x00",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b'{"version": 1e999}',
    b'{"version": 1' + b"0" * 4000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b" " * MAX_BATCH_BYTES,
    b"A" * (MAX_BATCH_BYTES + 1),
    b'{"version": 1, "version": 2}',
)
_TOPICS: Final = (
    "cityhum/v1/+/{device}/features",
    "cityhum/v1/{site}/#",
    "cityhum/v1/{site}/+/features",
    "cityhum/v1/{site}/{device}/features/",
    "cityhum/v1//{device}/features",
    "cityhum/v2/{site}/{device}/features",
    "cityhum/v1/{site}/unknown/features",
    "cityhum/v1/park/{device}/features",
    "cityhum/v1/{site}/{device}/ack",
    "cityhum/v1/{site}/{device}/'; DROP TABLE reading; --",
    "cityhum/v1/{site}/{device}\n/features",
    "$SYS/broker",
    "/",
    "\U0001f6a8" * 100,
    "A" * 60_000,
)
_STREAMS: Final[tuple[topics.DeviceStream, ...]] = (
    *("features", "features"),
    *("results", "indices", "status"),
)
_LOUDNESS: Final = {"aci": 1.0, "adi": 2.0, "aei": 0.5, "bi": 3.0, "h": 0.5, "ndsi": None}

Document = dict[str, Any]


class Sent(NamedTuple):
    """A message as it is sent; `kind` says how it was made."""

    kind: str
    topic: str
    payload: bytes
    at_s: float
    """Event time of the moment, s after `STARTED_AT`, and how long it lasts."""
    seconds: int


def story(seed: int, device: str, length: int) -> Iterator[Sent]:
    """What one device sends, of which most is spoilt.

    Parameters
    ----------
    seed : int
        The same seed, the same story.
    device : str
        As long as `DEVICE`, which it replaces.
    length : int
        How many messages.
    """
    chance = Random(seed)  # noqa: S311  # nothing here is secret
    frames = np.random.default_rng(seed)
    told = 0
    for moment in moments(frames):
        for kind in (*chance.choices(list(KINDS), k=9), "honest"):
            if told == length:
                return
            if kind == "ceiling" and not moment.next_seq:
                continue
            stream, payload = _seed(chance, moment)
            if kind in {"ceiling", "honest"}:
                stream = "features"
                spoilt = honest(moment)
                if kind == "ceiling":
                    spoilt = MUTATIONS[chance.choice(list(MUTATIONS))](frames, moment)
            else:
                spoilt = KINDS[kind](chance, payload)
            topic = topics.device_topic(SITE, device, stream)
            if kind == "topic":
                topic = chance.choice(_TOPICS).format(site=SITE, device=device)
            ours = spoilt.replace(DEVICE.encode(), device.encode())
            yield Sent(kind, topic, ours, moment.at_s, moment.count)
            told += 1


def _seed(chance: Random, moment: Moment) -> tuple[topics.DeviceStream, bytes]:
    """Something honest to spoil."""
    stream: topics.DeviceStream = chance.choice(
        ("features", "features", "results", "indices", "status")
    )
    if stream == "features":
        return stream, honest(moment)
    at = (STARTED_AT + timedelta(seconds=moment.at_s)).isoformat(timespec="microseconds")
    signed = {"version": 1, "site": SITE, "device": DEVICE, "session": moment.session.name}
    ranges = [{"session": moment.session.name, "first_seq": moment.next_seq, "count": 1}]
    if stream == "results":
        batch = orjson.loads(honest(moment))
        del batch["mel"]
        model = {"profile": "labels", "model": "street8-0.3.0@0123"}
        return stream, orjson.dumps(batch | model | {"labels": [{"siren": 900}] * moment.count})
    if stream == "indices":
        minute = {"first_seq": moment.next_seq, "started_at": at}
        return stream, orjson.dumps(signed | minute | _LOUDNESS)
    words = {"agent_version": "0.1.0", "calibration": "a", "profile": "mel32x8", "clock": "synced"}
    return stream, orjson.dumps(signed | words | {"online": True, "at": at, "dropped": ranges})


def _field(chance: Random, payload: bytes) -> bytes:
    """One value, wherever it is, becomes an odd one."""
    document = orjson.loads(payload)
    holder, key = chance.choice(list(_places(document)))
    holder[key] = chance.choice(_ODD)
    return _dumps(document)


def _structure(chance: Random, payload: bytes) -> bytes:
    """A key is dropped, doubled, added or renamed, or a list grows or shrinks."""
    document: Document = orjson.loads(payload)
    key = chance.choice(list(document))
    way = chance.choice(("drop", "double", "rename", "repeat", "wrap"))
    if way == "double":
        return payload[:-1] + b"," + orjson.dumps({key: document[key]})[1:]
    if way == "wrap":
        return orjson.dumps([document])
    if way == "repeat":
        document[key] = [document[key]] * chance.choice((1, 2, 61, 1000))
    else:
        value = document.pop(key)
        if way == "rename":
            document[chance.choice(TEXTS)] = value
    return _dumps(document)


def _text(chance: Random, payload: bytes) -> bytes:
    """Every text becomes SQL, HTML or worse; ids are left in half of the cases."""
    document = orjson.loads(payload)
    word = chance.choice(TEXTS)
    spare = {"site", "device", "session"} if chance.randrange(2) else set()
    for holder, key in list(_places(document)):
        if isinstance(holder[key], str) and key not in spare:
            holder[key] = word
    return _dumps(document)


def _bytes(chance: Random, payload: bytes) -> bytes:
    """Bytes are flipped, cut, doubled, put in."""
    spoilt = bytearray(payload)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(spoilt) + 1)
        some = chance.choice((1, 16, 4096))
        way = chance.choice(("flip", "cut", "double", "put in"))
        if way == "flip" and at < len(spoilt):
            spoilt[at] ^= 1 << chance.randrange(8)
        elif way == "cut":
            del spoilt[at : at + some]
        else:
            spoilt[at:at] = spoilt[at : at + some] if way == "double" else chance.randbytes(4)
    return bytes(spoilt)


def _time(chance: Random, payload: bytes) -> bytes:
    """Time or count steps, a little or far."""
    document: Document = orjson.loads(payload)
    step = timedelta(seconds=chance.choice((0.03, -0.06, 1, -1, 60, -3600, 3e6, -3e6, 3e8)))
    for key in ("started_at", "at"):
        if key in document:
            document[key] = (STARTED_AT + step).isoformat()
    if "first_seq" in document:
        document["first_seq"] = max(0, document["first_seq"] + chance.choice((-1, 1, 100, 2**52)))
    return _dumps(document)


def _whole(chance: Random, _payload: bytes) -> bytes:
    return chance.choice(_WHOLES)


def _same(_chance: Random, payload: bytes) -> bytes:
    return payload


KINDS: Final[Mapping[str, Callable[[Random, bytes], bytes]]] = {
    "bytes": _bytes,
    "field": _field,
    "structure": _structure,
    "text": _text,
    "time": _time,
    "whole": _whole,
    "topic": _same,
    "ceiling": _same,  # benchmarks.privacy_mutations makes these
}


def _places(document: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  # JSON
    """Every place of a document where a value stands, with what holds it."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(pairs):
        yield document, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _dumps(document: Any) -> bytes:  # noqa: ANN401
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
