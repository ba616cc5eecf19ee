"""onnxruntime, and the checks that a model is what its manifest says."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hearing import decide, taxonomy
from hearing.manifest import Manifest, parse
from schemas.errors import BadConfig

MODELS: Final = Path(__file__).resolve().parents[2] / "models"
_AFTER_BATCH: Final = 1


class Model:
    """A loaded model. Made by `load`, used by one thread at a time."""

    def __init__(self, manifest: Manifest, session: onnxruntime.InferenceSession) -> None:
        self.manifest = manifest
        self._session = session
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name
        self._columns = taxonomy.columns(manifest.classes, manifest.labels)

    def scores(self, patches: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated scores of patches.

        Parameters
        ----------
        patches : ndarray of uint8 or float32, shape (n, ...)
            What the manifest's front end makes: of `mel32x8`, codes [n, 32, 32], 32 frames of 32
            bands, 255 where there was no frame; see `hearing.looks` for those made from sound.

        Returns
        -------
        ndarray of float32, shape (n, labels)
            0 to 1, in the order of `manifest.labels`.
        """
        if len(patches) == 0:
            return np.empty((0, len(self.manifest.labels)), np.float32)
        given = np.ascontiguousarray(patches)
        outputs = self._session.run([self._output], {self._input: given})[0]
        if self.manifest.classes:
            of_labels = [outputs[:, columns].max(axis=1) for columns in self._columns]
            outputs = np.stack(of_labels, axis=1)
        return decide.probabilities(outputs, self.manifest)


def load(name: str | Path) -> Model:
    """Load a bundled model by its name, or any model by its folder.

    Parameters
    ----------
    name : str or Path
        `street8-0.1.0`, or a folder that holds `model.onnx` and `manifest.json`.

    Returns
    -------
    Model
        Checked against its manifest.

    Raises
    ------
    BadConfig
        If there is none, or it is not what the manifest says.
    """
    folder = folder_of(name)
    manifest = read_manifest(folder)
    weights = folder / "model.onnx"
    if not weights.is_file():
        raise BadConfig(f"{weights}: no such file")
    content = weights.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise BadConfig(f"{weights}: sha256 {digest[:12]}… is not {manifest.sha256[:12]}…")
    session = _session(content, weights)
    _check_shapes(session, manifest, weights)
    return Model(manifest, session)


def folder_of(name: str | Path) -> Path:
    """Where a model lies: a folder as it is, a bare name among the bundled ones.

    Parameters
    ----------
    name : str or Path
        Folder or name.

    Returns
    -------
    Path
        An existing folder.

    Raises
    ------
    BadConfig
        Naming the models that exist.
    """
    for folder in (Path(name), MODELS / name):
        if folder.is_dir():
            return folder
    bundled = sorted(str(m.parent.relative_to(MODELS)) for m in MODELS.rglob("manifest.json"))
    raise BadConfig(f"no model {str(name)!r}; there are: {', '.join(bundled) or 'none'}")


def read_manifest(folder: Path) -> Manifest:
    """Read a model's manifest without loading its weights.

    Parameters
    ----------
    folder : Path
        The model's folder.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    BadConfig
        If it is missing, or a field is wrong.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    return parse(text, str(path))


def _session(content: bytes, source: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one process per core: threads would only wait for each other
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for every mistake
        reason = str(error).splitlines()[0]
        raise BadConfig(f"{source}: onnxruntime cannot load it: {reason}") from error


def _check_shapes(session: onnxruntime.InferenceSession, manifest: Manifest, source: Path) -> None:
    given, made = session.get_inputs(), session.get_outputs()
    kind = "uint8" if manifest.input.frontend == "mel32x8" else "float"
    if len(given) != 1 or given[0].type != f"tensor({kind})":
        raise BadConfig(f"{source}: wants {[g.type for g in given]}, not one tensor of {kind}")
    shape = tuple(given[0].shape[_AFTER_BATCH:])
    if not _fits(manifest.input.shape, shape):
        raise BadConfig(f"{source}: patches are {shape}, input.shape says {manifest.input.shape}")
    if isinstance(given[0].shape[0], int):
        raise BadConfig(f"{source}: batches are fixed at {given[0].shape[0]}, they must be free")
    outputs = len(manifest.classes or manifest.labels)
    if made[0].shape[_AFTER_BATCH:] != [outputs]:
        raise BadConfig(
            f"{source}: gives {made[0].shape[1:]} scores, the manifest has "
            f"{outputs} {'classes' if manifest.classes else 'labels'}"
        )


def _fits(said: tuple[int, ...], shape: tuple[int | str | None, ...]) -> bool:
    """Whether patches of a shape can be given; a dimension without a number is free."""
    return len(said) == len(shape) and all(
        free == n for n, free in zip(said, shape, strict=True) if isinstance(free, int)
    )
