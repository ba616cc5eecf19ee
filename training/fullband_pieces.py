"""Every sound as the band powers that teacher and student are given, computed once and cached.

Both see the same frames, 10 ms apart and centred on the same samples, so that mixing, echo and
colour can be done on the band powers of the two at once, at a fraction of the cost of filtering
sound.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from acoustics import mel
from hearing import taxonomy
from hearing.frontends import mel64, mobilenet
from training import sounds, synthetic
from training.config import Config
from training.data import cache_of, check_folds, clips

FOREGROUND, BED, SIREN, DISTRACTOR = range(4)
TEACHER_BANDS: Final = 104
"""Of 128: those above hold nothing of a sound sampled at 16 kHz."""
BANDS: Final = TEACHER_BANDS + mel64.BANDS
_LEAST: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of sound as band powers.

    Attributes
    ----------
    log_power : ndarray of float16, shape (frames of all pieces, 104 + 64)
        Natural logarithm; the teacher's bands, then the student's.
    start, length : ndarray of int64, shape (pieces,)
        Where a piece lies in `log_power`.
    heard, perhaps : ndarray of bool, shape (pieces, labels)
    group, kind, clip, source : ndarray of int64, shape (pieces,)
        Fold it is held out with, FOREGROUND to DISTRACTOR, the clip it is (-1: another speed, or
        synthetic) and its recording (-1: synthetic).
    """

    log_power: NDArray[np.float16]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    heard: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]
    group: NDArray[np.int64]
    kind: NDArray[np.int64]
    clip: NDArray[np.int64]
    source: NDArray[np.int64]

    def of(self, piece: int) -> NDArray[np.float16]:
        """Frames of one piece, shape (length, 168)."""
        return self.log_power[self.start[piece] : self.start[piece] + self.length[piece]]


@dataclass(frozen=True, eq=False)
class _Piece:
    log_power: NDArray[np.float16]
    heard: frozenset[str]
    perhaps: frozenset[str]
    group: int
    kind: int
    clip: int = -1
    source: int = -1


def prepare(config: Config) -> Path:
    """Compute the pieces of a configuration, unless they are cached.

    Parameters
    ----------
    config : Config
        Which sounds, which versions of them; those of `street8` serve `street` too.

    Returns
    -------
    Path
        A folder with one `.npy` for each field.
    """
    folder = cache_of(config.data) / f"fullband-pieces-seed{config.train.seed}"
    if folder.exists():
        return folder
    check_folds(clips(config.data), config.train.folds)
    pieces = [*_recorded(config), *_synthesised(config)]
    length = np.array([len(piece.log_power) for piece in pieces])
    fields = {
        "start": np.cumsum(length) - length,
        "length": length,
        "heard": np.array([_flags(piece.heard) for piece in pieces]),
        "perhaps": np.array([_flags(piece.perhaps) for piece in pieces]),
        **{
            name: np.array([getattr(piece, name) for piece in pieces])
            for name in ("group", "kind", "clip", "source")
        },
        "log_power": np.concatenate([piece.log_power for piece in pieces]),
    }
    _save(folder, fields)
    return folder


def _save(folder: Path, fields: dict[str, NDArray[Any]]) -> None:
    """In one go: a run killed while saving leaves nothing that would be taken for all of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="partial-", dir=folder.parent) as several:
        partial = Path(several) / folder.name
        partial.mkdir()
        for name, values in fields.items():
            np.save(partial / f"{name}.npy", values)
        partial.rename(folder)


def load(config: Config) -> Pieces:
    """Read the cached pieces, computing them first if need be."""
    folder = prepare(config)
    return Pieces(**{path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")})


def log_power(sound: NDArray[np.float64]) -> NDArray[np.float16]:
    """Band powers of a sound, its end leading into its beginning.

    Parameters
    ----------
    sound : ndarray of float64, shape (n,)
        At 16 kHz; what is shorter than a second is repeated.

    Returns
    -------
    ndarray of float16, shape (n // 160, 168)
        Natural logarithm, at a level of -20 dB re full scale.
    """
    samples = np.resize(sound, max(len(sound), mel.RATE_HZ)).astype(np.float32)
    samples *= np.float32(0.1 / (np.sqrt(np.mean(samples**2)) + 1e-9))
    frames = len(samples) // mel64.HOP
    around = np.pad(samples, mel64.WINDOW // 2, mode="wrap")
    doubled = soxr.resample(samples, mel.RATE_HZ, mobilenet.RATE_HZ)
    of_teacher = np.exp(mobilenet.patches(doubled)[0, 0].T * 5 - 4.5) - 1e-5
    both = (of_teacher[:frames, :TEACHER_BANDS], mel64.power(around)[:frames])
    return np.log(np.maximum(np.concatenate(both, axis=1), _LEAST)).astype(np.float16)


def _flags(labels: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([label in labels for label in taxonomy.LABELS])


def _recorded(config: Config) -> Iterator[_Piece]:
    numbers = {source: n for n, source in enumerate(sorted({c.source for c in clips(config.data)}))}
    for found in sounds.recorded(config.data):
        clip = found.clip
        yield _Piece(
            log_power(found.sound),
            clip.heard,
            clip.perhaps,
            clip.group,
            kind=BED if clip.bed else FOREGROUND,
            clip=found.index if found.speed == 1.0 else -1,
            source=numbers[clip.source],
        )


def _synthesised(config: Config) -> Iterator[_Piece]:
    rng, siren, nothing = (
        np.random.default_rng(config.train.seed),
        frozenset({"siren"}),
        frozenset[str](),
    )
    for _ in tqdm(range(config.data.synthetic_sirens // 2), desc="sirens"):
        sound = synthetic.passing_siren(rng, 8.0)
        yield _Piece(log_power(sound), siren, nothing, 0, SIREN)
    for _ in tqdm(range(config.data.synthetic_distractors // 2), desc="distractors"):
        sound, heard, perhaps = synthetic.distractor(rng)
        yield _Piece(log_power(sound), heard, perhaps, 0, DISTRACTOR)
    for _ in tqdm(range(config.data.synthetic_beds // 2), desc="beds"):
        sound, heard, perhaps = synthetic.bed(rng)
        yield _Piece(log_power(sound), heard, perhaps, 0, BED)
