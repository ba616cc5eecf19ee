"""The folder of models: what stands there, and how another one gets there."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hearing.adapters import runtime
from hearing.adapters.model_files import MANIFEST
from hearing.manifest import Manifest
from schemas.errors import BadConfig

OPTIONAL: Final = ("card.md", "LICENSE")
"""What a model may bring besides its manifest and its weights; anything else stays behind."""


@dataclass(frozen=True)
class Entry:
    """A model on the shelf, not loaded.

    Attributes
    ----------
    name : str
        What `runtime.load` finds it by.
    manifest : Manifest or str
        What it says of itself, or why that cannot be read.
    size : int
        Of its weights, bytes; 0 if there are none.
    """

    name: str
    manifest: Manifest | str
    size: int


def entries(models: Path) -> list[Entry]:
    """Every model below a folder, readable or not.

    Parameters
    ----------
    models : Path
        Folder of models.

    Returns
    -------
    list of Entry
        By name; fold models behind the models they belong to.

    Raises
    ------
    BadConfig
        There is no such folder.
    """
    if not models.is_dir():
        raise BadConfig(f"{models}: no folder of models")
    found = (path.parent.relative_to(models) for path in models.rglob(MANIFEST))
    shown = (folder for folder in found if folder.parts and not folder.parts[0].startswith("."))
    return [_entry(folder, models) for folder in sorted(shown, key=lambda f: (len(f.parts), f))]


def find(name: str, models: Path) -> str:
    """What `runtime.load` finds a model by: first on this shelf, then as it finds any name."""
    on_shelf = models / name
    return str(on_shelf) if (on_shelf / MANIFEST).is_file() else name


def _entry(folder: Path, models: Path) -> Entry:
    try:
        manifest = runtime.read_manifest(models / folder)
    except BadConfig as error:
        return Entry(folder.as_posix(), str(error), 0)
    weights = models / folder / manifest.file
    return Entry(folder.as_posix(), manifest, weights.stat().st_size if weights.is_file() else 0)


def add(source: Path, models: Path) -> tuple[Path, bool]:
    """Put a model on the shelf, if it can be loaded.

    Parameters
    ----------
    source : Path
        Its folder.
    models : Path
        Folder of models.

    Returns
    -------
    Path, bool
        Where it stands now, and whether it is new there.

    Raises
    ------
    BadConfig
        It is refused, or another model of this name and version stands there.
    """
    said = runtime.load(source).manifest
    target = models / f"{said.name}-{said.version}"
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".adding-") as folder:
        copy = Path(folder) / target.name
        copy.mkdir()
        for name in (MANIFEST, said.file, *OPTIONAL):
            if os.path.lexists(source / name):
                # a link is copied as one, to be refused as one
                shutil.copyfile(source / name, copy / name, follow_symlinks=False)
        # again: the source may have changed since, and this is what will be heard with
        added = runtime.load(copy).manifest
        if not target.exists():
            copy.rename(target)
            return target, True
    if runtime.load(target).manifest != added:
        raise BadConfig(f"{target}: another model of this name and version; it stays")
    return target, False
