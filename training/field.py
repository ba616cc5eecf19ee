"""What a live city taught: the features around judged alerts, as a folder and as pieces of a pool.

The features are those that the devices sent, 32 bands 8 times a second: nothing finer exists. A
place and a day are one source, so that they never lie on both sides of a split. Verdicts may
change: a piece keeps the newest one, also after its features have left the log.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hearing import taxonomy
from processors.judgement import JudgedAlert
from schemas.errors import BadConfig
from schemas.messages import CONTEXT_FRAMES, FRAMES_PER_READING, MEL_BANDS, NO_FRAME
from training.pools import DISTRACTOR, SIREN, Pool

TABLE: Final = "field.csv"
FRAMES: Final = "field.npz"
SHORTEST: Final = FRAMES_PER_READING
_SIREN: Final = "siren"
_GROUPS: Final = 3

Codes = NDArray[np.uint8]


class HeardReading(NamedTuple):
    """A reading with its patch, uint8 [32, 32]: its own 8 frames behind the 24 before them."""

    session: str
    seq: int
    patch: Codes


@dataclass(frozen=True, eq=False)
class Example:
    """An unbroken stretch of frames from a judged alert.

    Attributes
    ----------
    alert_id, rule, label : str
        Which alert, and what it claimed to hear.
    heard : bool
        Whether that was right. Of all other labels nobody knows.
    device : str
    day : date
        UTC day of the onset.
    codes : ndarray of uint8, shape (n, 32), n >= 8
    """

    alert_id: str
    rule: str
    label: str
    heard: bool
    device: str
    day: date
    codes: Codes

    @property
    def source(self) -> str:
        """What never lies on both sides of a split."""
        return f"{self.device} {self.day}"

    @property
    def group(self) -> int:
        """Fold 1 to 3 that it is held out with: the same for the same source, for ever."""
        return 1 + crc32(self.source.encode()) % _GROUPS


def examples(alert: JudgedAlert, label: str, readings: Sequence[HeardReading]) -> Iterator[Example]:
    """Stretches of a judged alert that teach.

    Parameters
    ----------
    alert : JudgedAlert
        With a verdict of true or false.
    label : str
        What its rule listens for.
    readings : sequence of HeardReading
        Those that are left of it, in the order of time.

    Yields
    ------
    Example
        One for each unbroken run. A false alert teaches by all that the model heard, what went
        before it included; a true one by the alert's own seconds only.
    """
    heard = alert.verdict == "true"
    for run in _runs(readings):
        context = run[0].patch[:CONTEXT_FRAMES]
        own = [reading.patch[CONTEXT_FRAMES:] for reading in run]
        for codes in _present(np.concatenate(own if heard else [context, *own])):
            day = alert.onset_at.date()
            yield Example(str(alert.alert_id), alert.rule, label, heard, alert.device, day, codes)


def renewed(known: Iterable[Example], alerts: Iterable[JudgedAlert]) -> list[Example]:
    """Examples with the verdicts of today; without those that are no longer surely true or false.

    Parameters
    ----------
    known : iterable of Example
        Of a folder.
    alerts : iterable of JudgedAlert
        What operators say now; an alert that is not among them keeps its verdict.

    Returns
    -------
    list of Example
        In their order.
    """
    said = {str(alert.alert_id): alert.verdict for alert in alerts}
    kept = []
    for one in known:
        verdict = said.get(one.alert_id, "true" if one.heard else "false")
        if verdict in {"true", "false"}:
            kept.append(replace(one, heard=verdict == "true"))
    return kept


def write(folder: Path, several: Sequence[Example]) -> None:
    """Keep examples in a folder, in place of what is there.

    Parameters
    ----------
    folder : Path
        Gets `field.csv`, a line an example, and `field.npz`, their frames in the same order.
    several : sequence of Example
        May be empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in fields(Example) if field.name != "codes"]
    partial = folder / f"partial-{FRAMES}"  # a killed run leaves the old ones
    codes = [np.empty((0, MEL_BANDS), np.uint8), *(one.codes for one in several)]
    np.savez_compressed(
        partial,
        codes=np.concatenate(codes),
        length=np.array([len(one.codes) for one in several], dtype=np.int64),
    )
    with (folder / f"partial-{TABLE}").open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow([*names, "source", "fold"])
        for one in several:
            writer.writerow([*(getattr(one, name) for name in names), one.source, one.group])
    partial.replace(folder / FRAMES)
    (folder / f"partial-{TABLE}").replace(folder / TABLE)


def read(folder: Path | None) -> list[Example]:
    """Examples of a folder; none where there is no folder, or none yet.

    Raises
    ------
    BadConfig
        If table and frames do not belong together.
    """
    if folder is None or not (folder / TABLE).exists():
        return []
    with (folder / TABLE).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    try:
        with np.load(folder / FRAMES) as arrays:
            codes, length = arrays["codes"], arrays["length"]
    except (OSError, EOFError, BadZipFile, KeyError, ValueError) as error:
        raise BadConfig(f"{folder / FRAMES}: {error}") from None
    if len(rows) != len(length) or int(length.sum()) != len(codes):
        raise BadConfig(f"{folder}: {TABLE} and {FRAMES} do not belong together")
    try:
        return [
            _example(row, codes[end - n : end])
            for row, n, end in zip(rows, length, np.cumsum(length), strict=True)
        ]
    except (KeyError, ValueError) as error:
        raise BadConfig(f"{folder / TABLE}: {error}") from None


def with_field(pool: Pool, several: Sequence[Example]) -> Pool:
    """A pool that mixes in what the city taught.

    Parameters
    ----------
    pool : Pool
        As `pools.load` gives it; its pieces stay where they are.
    several : sequence of Example
        Of true ones only sirens are taken: they are mixed in like other sirens. False ones of any
        label are heard as what must not be taken for it.

    Returns
    -------
    Pool
        With one more piece for each.
    """
    taken = [one for one in several if one.label == _SIREN or not one.heard]
    if not taken:
        return pool
    sources = sorted({one.source for one in taken})
    first = int(pool.source.max(initial=-1)) + 1
    length = np.array([len(one.codes) for one in taken])
    return replace(
        pool,
        codes=np.concatenate([pool.codes, *(one.codes for one in taken)]),
        start=np.concatenate([pool.start, len(pool.codes) + np.cumsum(length) - length]),
        length=np.concatenate([pool.length, length]),
        heard=np.concatenate([pool.heard, [_flags(one, claimed=one.heard) for one in taken]]),
        perhaps=np.concatenate([pool.perhaps, [~_flags(one, claimed=True) for one in taken]]),
        group=np.concatenate([pool.group, [one.group for one in taken]]),
        kind=np.concatenate([pool.kind, [SIREN if one.heard else DISTRACTOR for one in taken]]),
        clip=np.concatenate([pool.clip, [-1] * len(taken)]),
        source=np.concatenate([pool.source, [first + sources.index(o.source) for o in taken]]),
        scene=np.concatenate([pool.scene, [-1] * len(taken)]),
    )


def _runs(readings: Sequence[HeardReading]) -> Iterator[list[HeardReading]]:
    """Readings that follow one another in one session."""
    run: list[HeardReading] = []
    for reading in readings:
        if run and (reading.session, reading.seq) != (run[-1].session, run[-1].seq + 1):
            yield run
            run = []
        run.append(reading)
    if run:
        yield run


def _present(codes: Codes) -> Iterator[Codes]:
    """Stretches without a missing frame, a second and longer."""
    there = np.flatnonzero((codes != NO_FRAME).any(axis=1))
    for part in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        if len(part) >= SHORTEST:
            yield codes[part]


def _flags(one: Example, *, claimed: bool) -> NDArray[np.bool_]:
    return np.array([claimed and label == one.label for label in taxonomy.LABELS])


def _example(row: dict[str, str], codes: Codes) -> Example:
    return Example(
        row["alert_id"],
        row["rule"],
        row["label"],
        {"True": True, "False": False}[row["heard"]],
        row["device"],
        date.fromisoformat(row["day"]),
        codes,
    )
