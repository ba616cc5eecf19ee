"""Which readings contenders of `benchmarks.classify` have told, by their names. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from schemas.messages import Batch


def account(sent: Sequence[Batch], told: Counter[str]) -> dict[str, int]:
    """How many readings were not told, and how often one was told again."""
    expected = {name for batch in sent for name in identities(batch)}
    return {"lost": len(expected - told.keys()), "doubled": told.total() - len(told)}


def identities(batch: Batch) -> list[str]:
    """Session and seq of each reading."""
    return [f"{batch.session}-{batch.first_seq + n}" for n in range(batch.count)]


def told_in(value: bytes) -> list[str]:
    """Which readings an output record tells."""
    record = orjson.loads(value)
    if "batches" not in record:
        return [record["id"]]
    return [
        f"{batch['session']}-{batch['first_seq'] + n}"
        for batch in record["batches"]
        for n in range(len(batch["levels"]))
    ]


def is_clean(result: Mapping[str, Any]) -> bool:
    """Whether ours told every reading once, with every model."""
    runs = [run for part in result.values() if isinstance(part, list) for run in part]
    return all(run["lost"] == run["doubled"] == 0 for run in runs if run["name"] == "cityhum")
