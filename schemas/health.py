"""Whether a process lives and is ready: what its parts said last, as an answer over HTTP. Pure.

Live: its event loop turns. Ready: each of its parts (the servers it needs, the work it owns) said
so a moment ago; a part that has been silent for too long is not ready, whatever it said before.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

TURNS_WITHIN_S: Final = 20.0
"""A loop that has not turned for so long is stuck; the longest honest turn is a large commit."""

SAID_WITHIN_S: Final = 20.0
NOT_YET: Final = "has not answered yet"
_WELL: Final = 200
_UNWELL: Final = 503


class Part(NamedTuple):
    """What a part said: whether it is ready, a word about it, and when by a monotonic clock, s."""

    ok: bool
    detail: str
    said_at_s: float

    def is_ready(self, now_s: float) -> bool:
        """Whether it said so a moment ago."""
        return self.ok and now_s - self.said_at_s <= SAID_WITHIN_S


class Answer(NamedTuple):
    """Status and JSON body."""

    status: int
    body: bytes


def live(turned_at_s: float, now_s: float) -> Answer:
    """Whether the event loop turns.

    >>> live(100.0, 101.5).body
    b'{"status":"live","turned_s_ago":1.5}'
    >>> live(100.0, 130.0).status
    503
    """
    ago_s = now_s - turned_at_s
    turns = ago_s <= TURNS_WITHIN_S
    return _answer(turns, {"status": "live" if turns else "stuck", "turned_s_ago": round(ago_s, 1)})


def ready(parts: Mapping[str, Part], now_s: float) -> Answer:
    """Whether every part is ready, and which are not.

    >>> ready({"kafka": Part(True, "", 99.0), "work": Part(False, "no partitions", 99.0)}, 100.0)
    Answer(status=503, body=b'{"status":"not ready","missing":["work"],"parts":{"kafka":{"ready":true,"detail":"","said_s_ago":1.0},"work":{"ready":false,"detail":"no partitions","said_s_ago":1.0}}}')
    """  # noqa: E501
    missing = [name for name, part in parts.items() if not part.is_ready(now_s)]
    said = {name: _said(part, now_s) for name, part in parts.items()}
    status = "not ready" if missing else "ready"
    return _answer(not missing, {"status": status, "missing": missing, "parts": said})


def _said(part: Part, now_s: float) -> Mapping[str, object]:
    ago_s = round(now_s - part.said_at_s, 1)
    return {"ready": part.is_ready(now_s), "detail": part.detail, "said_s_ago": ago_s}


def _answer(well: bool, body: Mapping[str, object]) -> Answer:  # noqa: FBT001
    return Answer(_WELL if well else _UNWELL, orjson.dumps(body))
