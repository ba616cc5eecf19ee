"""Labelled recordings: a CSV with `file,label`, as anybody may write it.

Training and `cityhum evaluate` read it by this code, so that both understand the same.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from hearing import taxonomy
from schemas.base import Frozen
from schemas.errors import BadConfig

_SEPARATORS: Final = frozenset(",;")


class Row(Frozen):
    """A row of a manifest."""

    file: Path
    labels: frozenset[str]
    where: str
    """The manifest and the line, for complaints."""
    others: Mapping[str, str]
    """All other columns; "" where the row says nothing."""


class Labelled(Frozen):
    """A recording, with what all rows about it say."""

    file: Path
    labels: frozenset[str]
    """Empty: none that anybody looks for is heard."""
    where: str
    others: Mapping[str, tuple[str, ...]]
    """What the other columns say: every value once, those of the first row first."""


def rows(path: Path) -> list[Row]:
    """Read `file,label`; files are relative to the CSV.

    Parameters
    ----------
    path : Path
        The CSV, UTF-8, with or without a byte order mark. Labels have blanks between them; none
        at all, or `other`, says that none of the labels is heard.

    Returns
    -------
    list of Row
        At least one.

    Raises
    ------
    BadConfig
        If it cannot be read, lacks a column, or is empty; naming the first line that is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            found = [(reader.line_num, dict(row)) for row in reader]
            columns = reader.fieldnames or ()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadConfig(f"{path}: cannot be read as CSV: {error}") from error
    if not found:
        raise BadConfig(f"{path}: has no rows")
    for column in ("file", "label"):
        if column not in columns:
            raise BadConfig(f"{path}: column {column!r} is missing")
    return [_row(row, f"{path}: line {line}", path.parent) for line, row in found]


def by_file(several: Iterable[Row]) -> list[Labelled]:
    """Recordings, each once, in the order in which they are named.

    Parameters
    ----------
    several : iterable of Row
        A recording may have several: it has all of their labels.

    Returns
    -------
    list of Labelled
    """
    found: dict[Path, list[Row]] = {}
    for row in several:
        found.setdefault(row.file, []).append(row)
    return [
        Labelled(
            file=file,
            labels=frozenset().union(*(row.labels for row in same)),
            where=same[0].where,
            others={
                column: tuple(dict.fromkeys(said for row in same if (said := row.others[column])))
                for column in same[0].others
            },
        )
        for file, same in found.items()
    ]


def labels_in(text: str) -> frozenset[str]:
    """Labels with blanks between; `other` is none.

    Examples
    --------
    >>> sorted(labels_in(" siren  dog_bark"))
    ['dog_bark', 'siren']
    >>> labels_in("other") == labels_in("") == frozenset()
    True
    """
    return frozenset(text.split()) - {taxonomy.OTHER}


def _row(row: dict[str | None, str | None], where: str, beside: Path) -> Row:
    if any(row.pop(None, None) or ()):  # a comma too many: what it cut off would be lost
        raise BadConfig(
            f"{where}: has more columns than the first line; labels have blanks between"
        )
    if row["label"] is None:
        raise BadConfig(f"{where}: column 'label' is missing")
    others = {str(column): (value or "").strip() for column, value in row.items()}
    file, label = others.pop("file"), others.pop("label")
    if not file:
        raise BadConfig(f"{where}: column 'file' is empty")
    if "\x00" in file:
        raise BadConfig(f"{where}: column 'file' holds a NUL")
    labels = labels_in(label)
    if wrong := sorted(label for label in labels if _SEPARATORS & set(label)):
        raise BadConfig(f"{where}: label {wrong[0]!r}: labels have blanks between")
    return Row(file=beside / file, labels=labels, where=where, others=others)
