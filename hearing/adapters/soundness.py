"""Whether a loaded network is what its manifest says: types, shapes, and scores of silence."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from acoustics import mel
from hearing import looks
from hearing.manifest import Input, Manifest
from hearing.patches import PATCH_FRAMES
from schemas.errors import BadConfig

_AFTER_BATCH: Final = 1
_CODES: Final = (PATCH_FRAMES, mel.BANDS)
_TRIED: Final = 2
"""Patches of the trial: a batch that is not one."""


def check(session: onnxruntime.InferenceSession, manifest: Manifest, source: Path) -> None:
    """Compare a network with its manifest.

    Parameters
    ----------
    session : InferenceSession
        The network.
    manifest : Manifest
        What it should be.
    source : Path
        The manifest's file, for the error.

    Raises
    ------
    BadConfig
        Naming the file and the field that is wrong.
    """
    try:
        _check_input(session.get_inputs(), manifest)
        _check_output(session.get_outputs()[0], manifest)
        _check_silence(session, manifest)
    except BadConfig as error:
        raise BadConfig(f"{source}: {error}") from error


def silence(wanted: Input) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Patches of a sound of zeros, shape (n, ...) as the front end makes them, n >= 2."""
    if wanted.frontend == "mel32x8":
        return np.zeros((_TRIED, *wanted.shape), np.uint8)
    look = looks.of(wanted)
    patches = look.patches(np.zeros(look.samples, np.float32))
    return np.concatenate([patches] * _TRIED)


def _check_input(given: list[onnxruntime.NodeArg], manifest: Manifest) -> None:
    wanted, name = manifest.input, manifest.file
    kind = "uint8" if wanted.frontend == "mel32x8" else "float"
    types = [each.type for each in given]
    if types != [f"tensor({kind})"]:
        raise BadConfig(
            f"input.frontend: {wanted.frontend} gives one tensor({kind}), "
            f"{name} takes {', '.join(types) or 'nothing'}"
        )
    batch, *shape = given[0].shape or [0]
    if not _fits(wanted.shape, shape):
        raise BadConfig(f"input.shape says {wanted.shape}, {name} takes {tuple(shape)}")
    if wanted.frontend == "mel32x8" and (wanted.shape, wanted.rate_hz) != (_CODES, mel.RATE_HZ):
        raise BadConfig(
            f"input.shape: {wanted.shape} at {wanted.rate_hz} Hz, "
            f"but mel32x8 gives {_CODES} at {mel.RATE_HZ} Hz"
        )
    if isinstance(batch, int):
        raise BadConfig(f"input.shape: {name} takes batches of {batch} only, they must be free")


def _check_output(made: onnxruntime.NodeArg, manifest: Manifest) -> None:
    field = "classes" if manifest.classes else "labels"
    count = len(manifest.classes or manifest.labels)
    if made.type != "tensor(float)" or made.shape[_AFTER_BATCH:] != [count]:
        raise BadConfig(
            f"{field}: the manifest has {count} {field}, "
            f"{manifest.file} gives {made.shape[_AFTER_BATCH:]} of {made.type}"
        )


def _check_silence(session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    given = silence(manifest.input)
    try:
        outputs = session.run(None, {session.get_inputs()[0].name: given})[0]
    except Exception as error:  # onnxruntime has a class of its own for every mistake
        reason = str(error).splitlines()[0]
        raise BadConfig(f"file: {manifest.file} fails on silence: {reason}") from error
    if len(outputs) != len(given):
        raise BadConfig(f"file: {manifest.file} gives {len(outputs)} rows for {len(given)} patches")
    if not np.isfinite(outputs).all():
        raise BadConfig(f"file: {manifest.file} gives no finite scores for silence")
    if manifest.activation == "none" and not ((outputs >= 0) & (outputs <= 1)).all():
        raise BadConfig(f"activation: none, but {manifest.file} gives scores beyond 0 and 1")


def _fits(said: tuple[int, ...], shape: list[int | str | None]) -> bool:
    """Whether patches of a shape can be given; a dimension without a number is free."""
    return len(said) == len(shape) and all(
        free == n for n, free in zip(said, shape, strict=True) if isinstance(free, int)
    )
