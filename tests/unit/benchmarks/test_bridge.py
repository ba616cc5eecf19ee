"""What the benchmark of the bridge waits for, and what it counts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson

from agents.batches import Origin
from agents.light import Loop, Repeating
from benchmarks.bridge import Sender, is_clean

SESSION = "0" * 26
BEGAN_AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
CLEAN = {"acknowledged_but_lost": 0, "never_acknowledged": 0, "duplicates_in_kafka": 0}


class Silent:
    """A link on which nobody answers."""

    def publish(self, _: object) -> None:
        pass


def told(first_seq: int, count: int) -> bytes:
    return orjson.dumps(
        {"accepted": [{"session": SESSION, "first_seq": first_seq, "count": count}]}
    )


def test_an_acknowledgement_counts_even_after_nobody_waits_for_it() -> None:
    device = Repeating(Origin("harbour", "pole-01"), SESSION, BEGAN_AT, Loop((), ()), 0)
    sender = Sender(device, [b"{}"] * 3, quiet_s=0.0)
    asyncio.run(sender.send(Silent()))  # type: ignore[arg-type]  # all that is used of it
    assert (sender.waiting, sender.acked_s) == (set(), {})
    sender.receive("", told(1, 2))
    assert [*sender.acked_s] == [1, 2]
    assert min(sender.acked_s.values()) > 0


def test_ours_must_lose_nothing_and_answer_everything() -> None:
    assert is_clean(runs())
    assert not any(is_clean(runs(undisturbed={name: 1})) for name in CLEAN)
    assert not is_clean(runs(killed={"acknowledged_but_lost": 1}))
    assert is_clean(runs(killed={"never_acknowledged": 1, "duplicates_in_kafka": 9}))


def runs(
    undisturbed: dict[str, int] | None = None, killed: dict[str, int] | None = None
) -> dict[str, Any]:
    ours = {
        "undisturbed": [CLEAN, CLEAN | (undisturbed or {})],
        "killed_halfway": CLEAN | (killed or {}),
    }
    theirs = {"undisturbed": [], "killed_halfway": dict.fromkeys(CLEAN, 7)}
    return {"runs": {"cityhum": ours, "plain loop, acknowledges early": theirs}}
