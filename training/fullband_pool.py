"""Mixtures with the teacher's answers, in shards: made once, shared by all folds and seeds."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from hearing.frontends import mel64, mobilenet
from schemas.errors import BadConfig
from training.config import Config
from training.data import cache_of, teacher_mark
from training.fullband_config import teacher_of
from training.fullband_mixing import FOLDS, Mixer, Mixture
from training.fullband_pieces import TEACHER_BANDS
from training.fullband_pieces import load as load_pieces

SHARD: Final = 5000
EMBEDDING: Final = 384
_AT_A_TIME: Final = 50
_CACHED: Final = 2  # larger batches leave the processor's cache and take twice as long


@dataclass(frozen=True, eq=False)
class Pool:
    """Mixtures.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n, 196, 64)
        The student's bands, half decibels from -100 dB.
    embedding : ndarray of float16, shape (n, 7, 384)
    scores : ndarray of float16, shape (n, 527)
        The teacher's; the embedding for each of seven spans of time, whose mean is the usual one.
    target, known : ndarray of float16, shape (n, labels)
    barred : ndarray of bool, shape (n, 5)
        Whether something held out with fold 1 to 4 is in it; fold 0 bars nothing.
    """

    codes: NDArray[np.uint8]
    embedding: NDArray[np.float16]
    scores: NDArray[np.float16]
    target: NDArray[np.float16]
    known: NDArray[np.float16]
    barred: NDArray[np.bool_]

    def for_fold(self, held_out: int) -> NDArray[np.int64]:
        """Mixtures that a fold's student may hear."""
        return np.flatnonzero(~self.barred[:, held_out])


class Teacher:
    """mn04 on spectra; its embedding before it is averaged over time."""

    def __init__(self, folder: Path) -> None:
        """Load `mn04_as.onnx` of a folder."""
        path = folder / f"{folder.name}.onnx"
        if not path.is_file():
            raise BadConfig(f"{path}: no such file; set data.teacher to the teacher's folder")
        graph = onnx.load(path)
        self._plane = _pooled_from(graph.graph, "embedding")
        graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(self._plane))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def hear(self, power: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings [n, spans, 384] and scores [n, 527] of band powers [n, frames, 104]."""
        bands = np.zeros((len(power), mobilenet.BANDS, power.shape[1]), np.float32)
        bands[:, :TEACHER_BANDS] = power.transpose(0, 2, 1)
        given = (np.log(bands + np.float32(1e-5)) + np.float32(4.5)) / np.float32(5)
        heard = [
            self._session.run([self._plane, "scores"], {"mel": given[n : n + _CACHED, None]})
            for n in range(0, len(given), _CACHED)
        ]
        planes = np.concatenate([plane for plane, _ in heard])
        return planes.mean(axis=2).transpose(0, 2, 1), np.concatenate([s for _, s in heard])


def _pooled_from(graph: onnx.GraphProto, name: str) -> str:
    """Name of what a pooled output was pooled from."""
    maker = {output: node for node in graph.node for output in node.output}
    while maker[name].op_type != "GlobalAveragePool":
        name = maker[name].input[0]
    return str(maker[name].input[0])


def codes_of(power: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The student's bands in half decibels from -100 dB; any shape."""
    return np.clip(np.rint((mel64.decibels(power) + 100) * 2), 0, 255).astype(np.uint8)


def decibels_of(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Inverse of `codes_of`, but for the rounding."""
    return codes.astype(np.float32) * np.float32(0.5) - np.float32(100)


def prepare(config: Config, mixtures: int) -> list[Path]:
    """Make as many shards as are wanted; those that exist are kept.

    Parameters
    ----------
    config : Config
        Which sounds.
    mixtures : int
        How many; of more than 5000, whole shards.

    Returns
    -------
    list of Path
        The shards, `.npz`.
    """
    size = min(SHARD, mixtures)
    paths = [_shard(config, n, size) for n in range(-(-mixtures // SHARD))]
    missing = [path for path in paths if not path.exists()]
    if missing:
        pieces, teacher = load_pieces(config), Teacher(teacher_of(config.data))
        for path in missing:
            mixer = Mixer(pieces, seed=1000 + paths.index(path))
            made = [
                _taught([mixer.mixture() for _ in range(min(_AT_A_TIME, size - first))], teacher)
                for first in tqdm(range(0, size, _AT_A_TIME), desc=path.stem)
            ]
            partial = path.with_name(f"partial-{path.name}")
            np.savez(partial, allow_pickle=False, **_joined(made))
            partial.replace(path)
    return paths


def load(config: Config, mixtures: int) -> Pool:
    """The pool, made first if need be."""
    shards = []
    for path in prepare(config, mixtures):
        with np.load(path) as arrays:
            shards.append(dict(arrays))
    return Pool(**_joined(shards))


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {f.name: np.concatenate([part[f.name] for part in parts]) for f in fields(Pool)}


def _shard(config: Config, n: int, size: int) -> Path:
    """By all that is in it: seed of the pieces, teacher, place and size."""
    mark = f"seed{config.train.seed}-{teacher_mark(config.data)}"
    folder = cache_of(config.data) / f"fullband-pool-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"shard{n:03}-{size}.npz"


def _taught(mixtures: list[Mixture], teacher: Teacher) -> dict[str, NDArray[Any]]:
    power = np.stack([mixture.power for mixture in mixtures])
    embedding, scores = teacher.hear(power[..., :TEACHER_BANDS])
    barred = np.zeros((len(mixtures), 1 + len(FOLDS)), np.bool_)
    for n, mixture in enumerate(mixtures):
        barred[n, list(mixture.groups)] = True
    return {
        "codes": codes_of(power[..., TEACHER_BANDS:]),
        "embedding": embedding.astype(np.float16),
        "scores": scores.astype(np.float16),
        "target": np.array([m.target for m in mixtures], np.float16),
        "known": np.array([m.known for m in mixtures], np.float16),
        "barred": barred,
    }
