"""The files of a model's folder, read with suspicion."""

import hashlib
from pathlib import Path
from typing import Final

from hearing.manifest import Manifest
from hearing.weights import refers_to_files
from schemas.errors import BadConfig

MANIFEST: Final = "manifest.json"


def weights(folder: Path, manifest: Manifest) -> bytes:
    """Read a model's weights, if they are those that its manifest means.

    Parameters
    ----------
    folder : Path
        The model's folder.
    manifest : Manifest
        Its manifest.

    Returns
    -------
    bytes
        ONNX that refers to no other file.

    Raises
    ------
    BadConfig
        The file is missing, damaged, another one, or only part of the model.
    """
    path = folder / manifest.file
    content = read(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise BadConfig(
            f"{folder / MANIFEST}: sha256 {manifest.sha256[:12]}… is not that of "
            f"{manifest.file}, {digest[:12]}…"
        )
    try:
        elsewhere = refers_to_files(content)
    except ValueError as error:
        raise BadConfig(f"{path}: not an ONNX file, or a damaged one: {error}") from error
    if elsewhere:
        # onnxruntime would look for it in whatever folder we were started in
        raise BadConfig(f"{path}: external data: its weights must be in the file itself")
    return content


def read(path: Path) -> bytes:
    """Read a file of a model's folder; a link could lead anywhere.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    BadConfig
        It cannot be read, or is a link.
    """
    if path.is_symlink():
        raise BadConfig(f"{path}: is a link, models are read from files only")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
