"""Whether a message that no class of ours accepts carries finer frames: then it is not kept.

A dead letter keeps its original so that it can be mended. Frames finer than the ceiling must not
stay for 30 days behind another reason: an unknown version, a foreign field, a size. So what is JSON
may hold as much text as the frames of its readings need, and no more. Other bytes are not judged.
"""

from collections.abc import Iterator
from typing import Final

import orjson

from schemas.errors import BadMessage, Reason
from schemas.messages import CONTEXT_FRAMES, FRAMES_PER_READING, MAX_READINGS, MEL_BANDS

_UNREAD: Final[frozenset[Reason]] = frozenset({"malformed", "version", "oversized"})
_ONE_FRAME: Final = 4 * MEL_BANDS // 3
"""Characters of a frame's base64 without its padding; no id or time is as long."""
_LONGEST_LIST: Final = MEL_BANDS - 1
"""Numbers in a row: third octaves, but not a frame."""


def judged(bad: BadMessage, payload: bytes) -> BadMessage:
    """The reason to give: `privacy` for what was not read and carries too much.

    Examples
    --------
    >>> frames = orjson.dumps({"version": 2, "levels": [{}], "mel": {"codes": "A" * 1400}})
    >>> judged(BadMessage("version", "2"), frames).reason
    'privacy'
    >>> judged(BadMessage("version", "2"), b'{"version": 2}').reason
    'version'
    """
    if bad.reason in _UNREAD and _carries_too_much(payload):
        return BadMessage("privacy", f"more than 8 frames a second, and {bad.reason}")
    return bad


def _carries_too_much(payload: bytes) -> bool:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    levels = document.get("levels") if isinstance(document, dict) else None
    readings = max(1, len(levels)) if isinstance(levels, list) else 1
    frames = CONTEXT_FRAMES + FRAMES_PER_READING * min(readings, MAX_READINGS)
    allowed = -(-frames * MEL_BANDS // 3) * 4
    return sum(_sizes(document)) > allowed


def _sizes(document: object) -> Iterator[int]:
    """Characters of each text, and numbers of each list, that could be a frame or more."""
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and len(each) >= _ONE_FRAME:
            yield len(each)
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            numbers = sum(isinstance(item, int | float) for item in each)
            yield numbers if numbers > _LONGEST_LIST else 0
            waiting += each
