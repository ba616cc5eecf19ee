"""Adapters: data sets as they are published, a folder with a CSV of one's own, as clips.

Each reads one manifest. A clip knows its recording, so that no recording is on both sides of a
split, and what of it is surely heard and what perhaps: nobody annotated the background.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hearing import taxonomy
from hearing.adapters import labelled as manifests
from schemas.errors import BadConfig

BACKGROUND: Final = frozenset({"speech", "birds", "traffic", "wind"})
Row = Mapping[str, str]

# names of ESC-50 (and, in folders, of ESC-10) that are not ours
_ESC_NAMES: Final = {
    "dog": "dog_bark",
    "crying_baby": "baby_cry",
    "crackling_fire": "fire_crackling",
    "sneezing": "person_sneeze",
    "engine": "engine_idling",
    "chirping_birds": "birds",
}
_ESC_PERHAPS: Final = frozenset({"wind", "birds"})


@dataclass(frozen=True)
class Clip:
    """One recording, or a span of one.

    Attributes
    ----------
    source : str
        Recording it was cut from; never on both sides of a split.
    group : int
        Fold 1 to 4 that it is held out with, or 0: always for training.
    heard, perhaps : frozenset of str
        Labels that are surely, or possibly, audible. All others are not.
    bed : bool
        A long background rather than an event.
    """

    file: Path
    dataset: str
    source: str
    group: int
    heard: frozenset[str]
    perhaps: frozenset[str]
    bed: bool
    span_s: tuple[float, float] | None = None
    licence: str = ""


def urbansound8k(folder: Path) -> Iterator[Clip]:
    """UrbanSound8K as published (`metadata/UrbanSound8K.csv`), or a part with a `manifest.csv`.

    Parameters
    ----------
    folder : Path
        Holds either.

    Yields
    ------
    Clip
        Of the fold it is published in; the recording is its Freesound id.
    """
    for file, row in _published(folder, "metadata/UrbanSound8K.csv", _urbansound_file):
        source = file.name.split("-")[0]
        heard = frozenset({row.get("class") or row["label"]})
        licence = row.get("licence", "CC BY-NC 3.0")
        fold = int(row["fold"])
        yield Clip(
            file, "urbansound8k", source, fold, heard, BACKGROUND, bed=False, licence=licence
        )


def esc(folder: Path) -> Iterator[Clip]:
    """ESC-50 as published (`meta/esc50.csv`), or a part with a `manifest.csv`.

    Parameters
    ----------
    folder : Path
        Holds either.

    Yields
    ------
    Clip
        Classes without a label of ours are heard as none of them; the recording is its Freesound
        id.
    """
    for file, row in _published(folder, "meta/esc50.csv", _esc_file):
        name = row.get("category") or row["label"]
        label = _ESC_NAMES.get(name, name)
        heard = frozenset({label}) & frozenset(taxonomy.LABELS)
        source, group = file.name.split("-")[1], int(row["fold"])
        licence = row.get("licence", "CC BY-NC 3.0")
        perhaps = _ESC_PERHAPS - heard
        yield Clip(file, folder.name, source, group, heard, perhaps, bed=False, licence=licence)


def labelled(folder: Path) -> Iterator[Clip]:
    """A folder of one's own: `manifest.csv` with the columns `file` and `label`.

    Several labels are separated by blanks; `other`, or none at all, says that none of ours is
    heard. Rows of one file count together. Optional columns: `perhaps` (labels), `source` (the
    recording; default: the file), `fold` (1 to 4, held out together; default 0), `bed` (anything: a
    long background), `licence`.

    Parameters
    ----------
    folder : Path
        Holds `manifest.csv` and the files it names.

    Yields
    ------
    Clip

    Raises
    ------
    BadConfig
        If the manifest is wrong somewhere: a label that is none of ours would be a sound that
        surely is not heard.
    """
    manifest = _there(folder / "manifest.csv")
    found = manifests.rows(manifest)
    for row in found:
        _check_labels(row)
    for one in manifests.by_file(found):
        perhaps = manifests.labels_in(" ".join(one.others.get("perhaps", ())))
        yield Clip(
            one.file,
            folder.name,
            source=_only(one, "source") or _path_of(one.file, folder),
            group=_fold(_only(one, "fold") or "0", one.where),
            heard=one.labels,
            perhaps=perhaps - one.labels,
            bed=bool(one.others.get("bed")),
            licence=_only(one, "licence"),
        )


def _check_labels(row: manifests.Row) -> None:
    said = row.labels | manifests.labels_in(row.others.get("perhaps", ""))
    if wrong := sorted(said.difference(taxonomy.LABELS)):
        raise BadConfig(
            f"{row.where}: {row.file.name}: label {wrong[0]!r} is none of ours; what has none is "
            f"{taxonomy.OTHER!r}; ours: {', '.join(taxonomy.LABELS)}"
        )


def _only(one: manifests.Labelled, column: str) -> str:
    said = one.others.get(column, ())
    if len(said) > 1:
        raise BadConfig(f"{one.where}: {one.file.name}: {column}: rows differ: {', '.join(said)}")
    return "".join(said)


def _path_of(file: Path, folder: Path) -> str:
    """With the folder: `1.wav` of another one is another recording."""
    return f"{folder.name}/{file.relative_to(folder)}" if file.is_relative_to(folder) else str(file)


def rows(folder: Path) -> Iterator[tuple[Path, Row]]:
    """Lines of a folder's `manifest.csv`, each with its file.

    Parameters
    ----------
    folder : Path
        Holds `manifest.csv`, with at least `file` and `label`.

    Yields
    ------
    file : Path
    row : mapping of str to str

    Raises
    ------
    BadConfig
        If the manifest is missing or lacks a column.
    """
    yield from _lines(folder / "manifest.csv", ("file", "label"), lambda row: row["file"])


def _published(
    folder: Path, metadata: str, file_of: Callable[[Row], str]
) -> Iterator[tuple[Path, Row]]:
    if (folder / metadata).is_file():
        for file, row in _lines(folder / metadata, ("fold",), file_of):
            yield folder / file.relative_to((folder / metadata).parent), row
    else:
        yield from rows(folder)


def _urbansound_file(row: Row) -> str:
    return f"audio/fold{row['fold']}/{row['slice_file_name']}"


def _esc_file(row: Row) -> str:
    return f"audio/{row['filename']}"


def _lines(
    manifest: Path, columns: tuple[str, ...], file_of: Callable[[Row], str]
) -> Iterator[tuple[Path, Row]]:
    with _there(manifest).open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                raise BadConfig(f"{manifest}: no column {column}")
        for row in reader:
            yield manifest.parent / file_of(row), row


def _there(manifest: Path) -> Path:
    if not manifest.is_file():
        raise BadConfig(f"{manifest}: no such manifest; set data.root to the folder of data sets")
    return manifest


def _fold(text: str, where: str) -> int:
    if text not in {"0", "1", "2", "3", "4"}:
        raise BadConfig(f"{where}: fold: {text!r} is not 0 to 4")
    return int(text)
