"""Whether a refused message carries finer frames: then it is not kept.

A dead letter keeps its original so that it can be mended. Frames finer than the ceiling must not
stay for 30 days behind another reason: an unknown version, a foreign field, a size, a topic. So
what is JSON may hold what honest messages hold, and besides as much as the frames of its readings
need, however it is cut and wherever it stands. Other bytes are not judged.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from schemas.base import SeqRange
from schemas.errors import BadMessage
from schemas.messages import (
    CONTEXT_FRAMES,
    FRAMES_PER_READING,
    MAX_READINGS,
    MEL_BANDS,
    FeatureBatch,
    Indices,
    Levels,
    Mel,
    ResultBatch,
    Status,
)

_NAMES: Final = frozenset(
    name
    for kind in (FeatureBatch, ResultBatch, Indices, Status, Levels, Mel, SeqRange)
    for name in kind.model_fields
)
_LONGEST_FIELD: Final = 96
"""Codes of 128 characters: no id, time or name of ours is longer."""
_ROOM: Final = MEL_BANDS - 1
"""What a version to come may add: less than a frame."""


class _Honest(NamedTuple):
    """A list of ours: how many entries it has at most, and how many codes of each do not count."""

    entries: int
    codes: int


_LISTS: Final[Mapping[str, _Honest]] = {
    "levels": _Honest(MAX_READINGS, 48),  # 31 third octaves, 8 others, and some to come
    "dropped": _Honest(64, 8),  # of 22: a status has no frames, so the rest has room enough
}


def judged(bad: BadMessage, payload: bytes) -> BadMessage:
    """The reason to give: `privacy` for what carries too much.

    Examples
    --------
    >>> frames = orjson.dumps({"version": 2, "levels": [{}], "mel": {"codes": "A" * 1410}})
    >>> judged(BadMessage("version", "2"), frames).reason
    'privacy'
    >>> judged(BadMessage("version", "2"), b'{"version": 2}').reason
    'version'
    """
    if bad.reason != "privacy" and _carries_too_much(payload):
        return BadMessage("privacy", f"more than 8 frames a second, and {bad.reason}")
    return bad


def _carries_too_much(payload: bytes) -> bool:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    fields = document if isinstance(document, dict) else {"": document}
    levels = fields.get("levels")
    readings = max(1, len(levels)) if isinstance(levels, list) else 1
    frames = CONTEXT_FRAMES + FRAMES_PER_READING * min(readings, MAX_READINGS)
    return sum(_beyond(*field) for field in fields.items()) > frames * MEL_BANDS + _ROOM


def _beyond(name: str, value: object) -> int:
    """Codes that a field has more than an honest one."""
    honest = _LISTS.get(name)
    if honest and isinstance(value, list):
        entries = sum(max(0, _codes(each) - honest.codes) for each in value[: honest.entries])
        return entries + _codes(value[honest.entries :])
    if name in _NAMES and not isinstance(value, dict | list):
        return max(0, _codes(value) - _LONGEST_FIELD)
    return _codes({name: value})


def _codes(document: object) -> int:
    """How many codes all of it could be: one for a number, three for four characters of base64."""
    numbers, characters = 0, 0
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, dict):
            characters += sum(len(name) for name in each.keys() - _NAMES)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif each is not None:
            numbers += 1
    return numbers + 3 * characters // 4
