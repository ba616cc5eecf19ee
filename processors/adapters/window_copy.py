"""Rows of windows -> PostgreSQL's binary COPY, in columns: numpy packs all numbers of a commit.

A line is its numbers, which are as wide as in any other, and then its texts.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hearing.taxonomy import ORIGINS
from processors.event_time import SECOND_US, microseconds
from processors.window_row_columns import COUNTS, LABEL_COUNTS, LEVELS, LabelRows, RowColumns
from processors.window_seconds import LABELS

LEVEL_COLUMNS: Final = (
    *("length_s", "started_at", *LEVELS, *COUNTS, "final"),
    *("device", "site", "calibration", "sums"),
)
LABEL_COLUMNS: Final = (
    *("length_s", "started_at", *LABEL_COUNTS, "laeq_active_db", "energy_share"),
    *("source_leq_db", "source_leq_upper_db", "device", "label", "origin"),
)
_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH_US: Final = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
_KEY: Final = (("length_s", ">i4"), ("started_at", ">i8"))
_LEVEL_NUMBERS: Final = (
    *_KEY,
    *((name, ">f4") for name in LEVELS),
    *((name, ">i4") for name in COUNTS),
    ("final", "u1"),
)
_LABEL_NUMBERS: Final = (
    *_KEY,
    *zip(LABEL_COUNTS, (">i4", ">i4", ">i2", ">i2"), strict=True),
    *(("laeq_active_db", ">f4"), ("energy_share", ">f4")),
)


class Copied(NamedTuple):
    """Lines of `level_window` and of `label_window`, as COPY takes them."""

    levels: bytes
    labels: bytes


def copied(pages: Iterable[RowColumns]) -> Copied:
    """Lines of windows, at least one, and of their labels."""
    levels, labels = zip(*map(_both, pages), strict=True)
    return Copied(b"".join((_BEGIN, *levels, _END)), b"".join((_BEGIN, *labels, _END)))


def _both(rows: RowColumns) -> tuple[bytes, bytes]:
    keys = {
        "length_s": np.array([place.key.length_s for place in rows.places], np.int64),
        "started_at": np.array([place.key.start_s for place in rows.places], np.int64) * SECOND_US
        - _EPOCH_US,
    }
    numbers = {
        **keys,
        **dict(zip(LEVELS, rows.levels.T, strict=True)),
        **dict(zip(COUNTS, rows.counts.T, strict=True)),
        "final": np.array([place.final for place in rows.places], np.int64),
    }
    owners = [
        _text(place.device) + _owner(place.site, calibration)
        for place, calibration in zip(rows.places, rows.calibrations, strict=True)
    ]
    sums = map(_bytes, rows.stored)
    levels = _lines(len(LEVEL_COLUMNS), _LEVEL_NUMBERS, numbers, owners, sums)
    return levels, _of_labels(rows, keys)


def _of_labels(rows: RowColumns, keys: dict[str, NDArray[Any]]) -> bytes:
    labels = rows.labels
    numbers = {
        **{name: column[labels.window] for name, column in keys.items()},
        **dict(zip(LABEL_COUNTS, labels.counts.T, strict=True)),
        "laeq_active_db": labels.laeq_active_db,
        "energy_share": labels.energy_share,
    }
    devices = [_text(rows.places[n].device) for n in labels.window.tolist()]
    names = [_LABEL_TEXTS[place] for place in labels.label.tolist()]
    return _lines(len(LABEL_COLUMNS), _LABEL_NUMBERS, numbers, _sources(labels), devices, names)


def _sources(labels: LabelRows) -> list[bytes]:
    """`source_leq_db` and `source_leq_upper_db`, one of them null."""
    told = np.zeros(len(labels.own), np.dtype([("a", "V4"), ("b", "V4"), ("c", "V4")]))
    size, null = np.array([4, -1], ">i4").view("V4")
    value = labels.source_db.astype(">f4").view("V4")
    told["a"] = np.where(labels.own, size, null)
    told["b"] = np.where(labels.own, value, size)
    told["c"] = np.where(labels.own, null, value)
    found: list[bytes] = told.view("V12").tolist()
    return found


def _lines(
    fields: int,
    kinds: Sequence[tuple[str, str]],
    numbers: dict[str, NDArray[Any]],
    *texts: Iterable[bytes],
) -> bytes:
    """Lines that begin with these numbers, each behind its size."""
    sized = [(f"{name} size", ">i4") for name, _ in kinds]
    pairs = chain.from_iterable(zip(sized, kinds, strict=True))
    lines = np.empty(len(next(iter(numbers.values()))), np.dtype([("fields", ">i2"), *pairs]))
    lines["fields"] = fields
    for name, kind in kinds:
        lines[f"{name} size"] = np.dtype(kind).itemsize
        lines[name] = numbers[name]
    begins: list[bytes] = lines.view(f"V{lines.itemsize}").tolist()
    return b"".join(chain.from_iterable(zip(begins, *texts, strict=True)))


def _bytes(value: bytes | None) -> bytes:
    if value is None:
        return _NULL
    return len(value).to_bytes(4, "big") + value


@lru_cache(maxsize=1 << 14)
def _text(value: str) -> bytes:
    return _bytes(value.encode())


@lru_cache(maxsize=1 << 10)
def _owner(site: str, calibration: str | None) -> bytes:
    return _text(site) + _bytes(None if calibration is None else calibration.encode())


_LABEL_TEXTS: Final = [_text(label) + _text(ORIGINS[label]) for label in LABELS]
