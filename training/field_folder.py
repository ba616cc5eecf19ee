"""The folder of what a live city taught: `field.csv` and `field.npz`, for its owner's eyes only."""

import csv
import os
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from schemas.errors import BadConfig
from schemas.messages import MEL_BANDS
from training.field import Codes, Example

TABLE: Final = "field.csv"
FRAMES: Final = "field.npz"


def write(folder: Path, several: Sequence[Example]) -> None:
    """Keep examples in a folder, in place of what is there.

    Parameters
    ----------
    folder : Path
        Gets `field.csv`, a line an example, and `field.npz`, their frames in the same order. Only
        its owner may look into it.
    several : sequence of Example
        May be empty.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    names = [field.name for field in fields(Example) if field.name != "codes"]
    partial = folder / f"partial-{FRAMES}"  # a killed run leaves the old ones
    codes = [np.empty((0, MEL_BANDS), np.uint8), *(one.codes for one in several)]
    with open(partial, "wb", opener=_private) as file:
        np.savez_compressed(
            file,
            codes=np.concatenate(codes),
            length=np.array([len(one.codes) for one in several], dtype=np.int64),
        )
    table = folder / f"partial-{TABLE}"
    with open(table, "w", newline="", encoding="utf-8", opener=_private) as lines:
        writer = csv.writer(lines)
        writer.writerow([*names, "source", "fold"])
        for one in several:
            writer.writerow([*(getattr(one, name) for name in names), one.source, one.group])
    partial.replace(folder / FRAMES)
    table.replace(folder / TABLE)


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


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read, whatever the umask, and one of a killed run, too."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _example(row: dict[str, str], codes: Codes) -> Example:
    return Example(
        row["alert_id"],
        row["rule"],
        row["label"],
        {"True": True, "False": False}[row["heard"]],
        row["device"],
        date.fromisoformat(row["day"]),
        codes,
        # of folders from before these columns nobody knows: nothing of them is surely its own
        int(row.get("own_from") or 0),
        int(row.get("own_until") or (len(codes) if row["heard"] == "True" else 0)),
    )
