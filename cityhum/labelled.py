"""Labelled recordings: a CSV with `file,label[,group]`, as anybody may write it."""

import csv
from pathlib import Path

from schemas.base import Frozen
from schemas.errors import BadConfig


class Clip(Frozen):
    """A row of a manifest."""

    file: Path
    label: str
    group: str


def read_manifest(path: Path) -> list[Clip]:
    """Read `file,label[,group]`; files are relative to the CSV, other columns are ignored.

    Parameters
    ----------
    path : Path
        The CSV, UTF-8, with or without a byte order mark.

    Returns
    -------
    list of Clip
        At least one; a row that says again what another said is left out. A file may have rows
        with several labels.

    Raises
    ------
    BadConfig
        If it cannot be read, lacks a column, or is empty; naming the first line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines, restval="")
            found = [(rows.line_num, row) for row in rows]
            columns = rows.fieldnames or ()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadConfig(f"{path}: cannot be read as CSV: {error}") from error
    if not found:
        raise BadConfig(f"{path}: has no rows")
    for column in ("file", "label"):
        if column not in columns:
            raise BadConfig(f"{path}: column {column!r} is missing")
    clips = [_clip(row, f"{path}: line {line}", path.parent) for line, row in found]
    return list({(clip.file, clip.label): clip for clip in clips}.values())


def _clip(row: dict[str, str], where: str, beside: Path) -> Clip:
    file, label = (row[column].strip() for column in ("file", "label"))
    for column, value in (("file", file), ("label", label)):
        if not value:
            raise BadConfig(f"{where}: column {column!r} is empty")
    if "\x00" in file:
        raise BadConfig(f"{where}: column 'file' holds a NUL")
    return Clip(file=beside / file, label=label, group=row.get("group", "").strip())
