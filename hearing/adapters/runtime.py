"""onnxruntime, given only what its manifest vouches for."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hearing import decide, taxonomy
from hearing.adapters import model_files, soundness
from hearing.adapters.model_files import MANIFEST
from hearing.manifest import Manifest, parse
from schemas.errors import BadConfig

MODELS: Final = Path(__file__).resolve().parents[2] / "models"


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
        `street8-0.3.0`, or a folder that holds `manifest.json` and what it names.

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
    content = model_files.weights(folder, manifest)
    session = _session(content, folder / manifest.file)
    soundness.check(session, manifest, folder / MANIFEST)
    return Model(manifest, session)


def load_for_codes(name: str | Path) -> Model:
    """Load a model for where only mel codes arrive: a server never has the sound.

    Parameters
    ----------
    name : str or Path
        As for `load`.

    Returns
    -------
    Model
        Of front end `mel32x8`.

    Raises
    ------
    BadConfig
        Also if it wants to hear the sound itself.
    """
    model = load(name)
    if model.manifest.input.frontend != "mel32x8":
        wanted = f"input.frontend: {model.manifest.input.frontend} needs sound"
        raise BadConfig(f"{folder_of(name) / MANIFEST}: {wanted}, only codes of mel32x8 arrive")
    return model


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
    bundled = sorted(str(m.parent.relative_to(MODELS)) for m in MODELS.rglob(MANIFEST))
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
    path = folder / MANIFEST
    return parse(model_files.read(path), str(path))


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
