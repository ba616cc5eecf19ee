"""Every sound as a sequence of mel frames, computed once and cached.

Mixing, distance, echo and colour are done later on these band powers, so that each training
step hears mixtures nobody has heard before.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from acoustics import mel
from acoustics.clips import looped_codes
from hearing import taxonomy
from training import streets, synthetic
from training.config import Config, DataConfig
from training.data import cache_of, check_folds, clips
from training.sounds import recorded

FOREGROUND, BED, SIREN, DISTRACTOR, STREET = range(5)


@dataclass(frozen=True, eq=False)
class Pool:
    """Pieces of sound as mel codes.

    Attributes
    ----------
    codes : ndarray of uint8, shape (frames of all pieces, 32)
    start, length : ndarray of int64, shape (pieces,)
        Where a piece lies in `codes`.
    heard, perhaps : ndarray of bool, shape (pieces, labels)
    group, kind, clip : ndarray of int64, shape (pieces,)
        Fold it is held out with, FOREGROUND to STREET, and the clip it came from (-1: synthetic).
    source : ndarray of int64, shape (pieces,)
        The recording, numbered; a clip's versions share it. Synthetic: -1.
    scene : ndarray of int64, shape (pieces,)
        The rendered street whose pieces sound together; -1 for all others.
    """

    codes: NDArray[np.uint8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    heard: NDArray[np.bool_]
    perhaps: NDArray[np.bool_]
    group: NDArray[np.int64]
    kind: NDArray[np.int64]
    clip: NDArray[np.int64]
    source: NDArray[np.int64]
    scene: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Piece:
    codes: NDArray[np.uint8]
    heard: frozenset[str]
    perhaps: frozenset[str]
    group: int
    kind: int
    clip: int = -1
    source: int = -1
    scene: int = -1


def prepare(config: Config) -> Path:
    """Compute the pool of a configuration, unless it is cached.

    Parameters
    ----------
    config : Config
        Which sounds, which versions of them.

    Returns
    -------
    Path
        The cached pool, `.npz`.
    """
    check_folds(clips(config.data), config.train.folds)
    path = pool_path(config)
    if not path.exists():
        _save(path, _joined(_packed(_recorded(config.data)), _made(config)))
    return path


def _made(config: Config) -> Pool:
    """What is made here, cached for all models that are trained with as much of it."""
    data = config.data
    wanted = (
        config.train.seed,
        data.synthetic_sirens,
        data.synthetic_two_horns,
        data.synthetic_distractors,
        data.synthetic_beds,
        data.rendered_cities,
        data.first_city,
    )
    path = data.cache / f"made-{'-'.join(map(str, wanted))}.npz"
    if not path.exists():
        synthesised = _synthesised(data, config.train.seed)
        two_horns = _two_horns(data, config.train.seed + 1)
        _save(path, _packed([*synthesised, *_rendered(data), *two_horns]))
    return _read(path)


def _packed(pieces: list[_Piece]) -> Pool:
    length = np.array([len(piece.codes) for piece in pieces], np.int64)
    labels = len(taxonomy.LABELS)
    return Pool(
        codes=np.concatenate([np.empty((0, mel.BANDS), np.uint8), *(p.codes for p in pieces)]),
        start=np.cumsum(length) - length,
        length=length,
        heard=np.array([_flags(p.heard) for p in pieces], np.bool_).reshape(-1, labels),
        perhaps=np.array([_flags(p.perhaps) for p in pieces], np.bool_).reshape(-1, labels),
        group=np.array([piece.group for piece in pieces], np.int64),
        kind=np.array([piece.kind for piece in pieces], np.int64),
        clip=np.array([piece.clip for piece in pieces], np.int64),
        source=np.array([piece.source for piece in pieces], np.int64),
        scene=np.array([piece.scene for piece in pieces], np.int64),
    )


def _joined(first: Pool, second: Pool) -> Pool:
    arrays = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(Pool)
    }
    length = arrays["length"]
    return Pool(**{**arrays, "start": np.cumsum(length) - length})


def _save(path: Path, pool: Pool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")  # a killed run leaves nothing half done
    arrays: dict[str, Any] = {field.name: getattr(pool, field.name) for field in fields(Pool)}
    np.savez(partial, **arrays)
    partial.replace(path)


def _read(path: Path) -> Pool:
    with np.load(path) as arrays:
        return Pool(**arrays)


def pool_path(config: Config) -> Path:
    """Where the pool of a configuration is cached."""
    name = f"{config.name}-{config.version}-pool-seed{config.train.seed}.npz"
    return cache_of(config.data) / name


def load(config: Config) -> Pool:
    """Read the cached pool, computing it first if need be."""
    return _read(prepare(config))


def _flags(labels: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([label in labels for label in taxonomy.LABELS])


def _recorded(config: DataConfig) -> list[_Piece]:
    numbers = {source: n for n, source in enumerate(sorted({c.source for c in clips(config)}))}
    return [
        _Piece(
            codes=looped_codes(piece.sound),
            heard=piece.clip.heard,
            perhaps=piece.clip.perhaps,
            group=piece.clip.group,
            kind=BED if piece.clip.bed else FOREGROUND,
            clip=piece.index if piece.speed == 1.0 else -1,
            source=numbers[piece.clip.source],
        )
        for piece in recorded(config)
    ]


def _synthesised(config: DataConfig, seed: int) -> list[_Piece]:
    rng = np.random.default_rng(seed)
    siren = frozenset({"siren"})
    made = [
        *(
            (SIREN, (synthetic.passing_siren(rng), siren, frozenset[str]()))
            for _ in tqdm(range(config.synthetic_sirens), desc="sirens")
        ),
        *(
            (DISTRACTOR, synthetic.distractor(rng))
            for _ in tqdm(range(config.synthetic_distractors), desc="distractors")
        ),
        *((BED, synthetic.bed(rng)) for _ in tqdm(range(config.synthetic_beds), desc="beds")),
    ]
    return [
        _Piece(looped_codes(sound), heard, perhaps, group=0, kind=kind)
        for kind, (sound, heard, perhaps) in made
    ]


def _two_horns(config: DataConfig, seed: int) -> list[_Piece]:
    rng, siren = np.random.default_rng(seed), frozenset({"siren"})
    return [
        _Piece(looped_codes(synthetic.two_horns(rng)), siren, frozenset(), group=0, kind=SIREN)
        for _ in tqdm(range(config.synthetic_two_horns), desc="two horns")
    ]


def _rendered(config: DataConfig) -> list[_Piece]:
    """Streets, sound by sound; those that have no label here may be taken for noises."""
    noises = frozenset({"rain", "sea_waves", "wind"})
    pieces = []
    seeds = range(config.first_city, config.first_city + config.rendered_cities)
    for n, seed in enumerate(tqdm(seeds, desc="streets", unit="city")):
        for device, stems in enumerate(streets.stems(seed)):
            for label, codes in stems.items():
                known = label in taxonomy.LABELS
                heard = frozenset({label}) if known else frozenset[str]()
                perhaps = frozenset[str]() if known else noises
                scene = n * streets.DEVICES + device
                pieces.append(_Piece(codes, heard, perhaps, 0, STREET, scene=scene))
    return pieces
