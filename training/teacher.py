"""What mn04 (full band, 527 classes of AudioSet) makes of every recording, computed once.

It hears what the small models are not given, and knows two million clips that we do not have. Its
answers are learnt from; its weights are in nothing that is shipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from acoustics import mel
from hearing.frontends import mobilenet
from schemas.errors import BadConfig
from training.config import Config, DataConfig
from training.data import cache_of, teacher_mark
from training.sounds import Sound, recorded

EMBEDDING: Final = 384
CLASSES: Final = 527
WHOLE_S: Final = 6.0
"""A piece up to this long is heard in one; of a longer one, every 4 s."""
_SPAN_S: Final = 4.0
_AT_LEAST_S: Final = 1.0
_DOUBLED: Final = mobilenet.RATE_HZ / mel.RATE_HZ


@dataclass(frozen=True, eq=False)
class Taught:
    """One row for each span of each recorded piece, in the order of `sounds.recorded`.

    Attributes
    ----------
    clip : ndarray of int64, shape (n,)
        Place of the clip in `data.clips`.
    speed, start_s, seconds : ndarray of float64, shape (n,)
        Version of the clip; begin and length of the span in that version.
    embedding : ndarray of float32, shape (n, 384)
    scores : ndarray of float32, shape (n, 527)
        Probabilities of AudioSet's classes.
    """

    clip: NDArray[np.int64]
    speed: NDArray[np.float64]
    start_s: NDArray[np.float64]
    seconds: NDArray[np.float64]
    embedding: NDArray[np.float32]
    scores: NDArray[np.float32]


class Teacher:
    """The teacher's network, one thread."""

    def __init__(self, folder: Path | None) -> None:
        """Load `mn04_as.onnx` from a folder of that name."""
        if folder is None:
            raise BadConfig("data.teacher: no teacher is configured")
        path = folder / f"{folder.name}.onnx"
        if not path.is_file():
            raise BadConfig(f"{path}: no such file; set data.teacher to the teacher's folder")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )

    def hear(self, sound: Sound) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embedding and scores of one sound.

        Parameters
        ----------
        sound : ndarray of float64, shape (n,)
            At 16 kHz; what is shorter than a second is repeated.

        Returns
        -------
        embedding : ndarray of float32, shape (384,)
        scores : ndarray of float32, shape (527,)
        """
        enough = np.resize(sound, max(len(sound), int(_AT_LEAST_S * mel.RATE_HZ)))
        doubled = soxr.resample(enough.astype(np.float32), 1, _DOUBLED)
        scores, embedding = self._session.run(
            ["scores", "embedding"], {"mel": mobilenet.patches(doubled)}
        )
        return embedding[0], scores[0]


def distil(config: Config) -> Path:
    """Let the teacher hear every recorded piece, unless that is cached.

    Parameters
    ----------
    config : Config
        Which recordings, at which speeds; where the teacher lies.

    Returns
    -------
    Path
        The cache, `.npz`.
    """
    path = _path(config.data)
    if path.exists():
        return path
    teacher = Teacher(config.data.teacher)
    places, answers = [], []
    for piece in recorded(config.data):
        for start_s, span in spans(piece.sound):
            places.append((piece.index, piece.speed, start_s, len(span) / mel.RATE_HZ))
            answers.append(teacher.hear(span))
    clip, speed, start, seconds = np.array(places).T
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")  # a killed run leaves nothing half done
    np.savez(
        partial,
        clip=clip.astype(np.int64),
        speed=speed,
        start_s=start,
        seconds=seconds,
        embedding=np.stack([embedding for embedding, _ in answers]),
        scores=np.stack([scores for _, scores in answers]),
    )
    partial.replace(path)
    return path


def load(config: Config) -> Taught:
    """What the teacher heard; computed first if need be."""
    with np.load(distil(config)) as arrays:
        return Taught(**arrays)


def spans(sound: Sound) -> Iterator[tuple[float, Sound]]:
    """The spans of a piece that the teacher hears.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,)
        At 16 kHz.

    Yields
    ------
    start_s : float
    span : ndarray of float64
        All of it up to 6 s; else 4 s each, the last one flush with the end.

    Examples
    --------
    >>> [(at, len(span)) for at, span in spans(np.zeros(16_000 * 9))]
    [(0.0, 64000), (4.0, 64000), (5.0, 64000)]
    """
    if len(sound) <= WHOLE_S * mel.RATE_HZ:
        yield 0.0, sound
        return
    n, last = int(_SPAN_S * mel.RATE_HZ), len(sound) - int(_SPAN_S * mel.RATE_HZ)
    for start in [*range(0, last, n), last]:
        yield start / mel.RATE_HZ, sound[start : start + n]


def _path(data: DataConfig) -> Path:
    return cache_of(data) / f"taught-{teacher_mark(data)}.npz"
