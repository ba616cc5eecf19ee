"""Sounds to judge a siren alert by: sirens apart, beds without any, and hours of everything else.

All of them are shared recordings that one of the fold models has never heard; what every model
has trained on is left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustics import mel
from schemas.errors import BadConfig
from training import config, data
from training.data import Clip

CONFIG: Final = Path(__file__).parents[1] / "training" / "street8.yaml"
AT_LEAST_S: Final = 12
AFTERWARDS_S: Final = 20
SIREN: Final = frozenset({"siren"})

DISPUTED: Final = frozenset({"194841-9-0-48", "194841-9-0-164", "194732-9-0-191", "17615-3-0-6"})
"""Clips of UrbanSound8K that are no sirens by their label, but by mn04 (0.64 to 0.73, full band;
all other negatives stay below 0.56): street music and a dog. Counted, and counted apart."""

_VEHICLES: Final = frozenset({"car_horn", "engine_idling", "helicopter", "traffic"})
_VEHICLE_SCAPES: Final = ("train", "airplane")
_SHORTEST_BED_S: Final = 5.0
_HISTORY: Final = 824

Codes = NDArray[np.uint8]
Sound = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """All that is known of one recording, in the order in which it was recorded.

    Attributes
    ----------
    source : str
        The recording.
    group : int
        Fold whose model has not heard it.
    what : str
        Data set and labels, to name it by.
    vehicle : bool
        Something that drives or flies and is no emergency vehicle.
    bed : bool
        A long background to mix into.
    disputed : bool
        Labelled as something else, but a full-band model hears a siren in it.
    codes : ndarray of uint8, shape (8 seconds, 32)
        Whole seconds.
    clips : tuple of Clip
        Where its samples are.
    """

    source: str
    group: int
    what: str
    vehicle: bool
    bed: bool
    disputed: bool
    codes: Codes
    clips: tuple[Clip, ...]

    @property
    def seconds(self) -> int:
        """How long it is."""
        return len(self.codes) // mel.FRAMES_PER_S


@dataclass(frozen=True, eq=False)
class Siren:
    """A recorded siren: its slices in a row for at least 12 s, again from the first if few."""

    source: str
    dataset: str
    group: int
    sound: Sound
    slices: int


@dataclass(frozen=True, eq=False)
class Sounds:
    """What the benchmark listens to; `left_out_s` is what every model has trained on."""

    sirens: tuple[Siren, ...]
    others: tuple[Piece, ...]
    left_out_s: float


def root() -> Path:
    """Folder of the shared data sets."""
    return config.read(CONFIG).data.root


def read(groups: Collection[int]) -> Sounds:
    """Read the shared recordings.

    Parameters
    ----------
    groups : collection of int
        Folds that some model has not heard.

    Returns
    -------
    Sounds
        Sirens of UrbanSound8K and of the long recordings, and all that is no siren.

    Raises
    ------
    BadConfig
        If they are not there.
    """
    if not (root() / "urbansound8k").is_dir():
        raise BadConfig(f"{root().name}: the shared recordings are not here")
    by_source: dict[tuple[str, str, bool], list[Clip]] = defaultdict(list)
    for clip in data.clips(config.read(CONFIG).data):
        by_source[clip.dataset, clip.source, bool(SIREN & clip.heard)].append(clip)
    sirens: list[Siren] = []
    others: list[Piece] = []
    left_out_s = 0.0
    for (dataset, source, is_siren), clips in sorted(by_source.items()):
        ordered = sorted(clips, key=_position)
        if ordered[0].group not in groups:
            left_out_s += sum(len(_sound(clip)) for clip in ordered) / mel.RATE_HZ
        elif is_siren:
            sounds = [_sound(clip) for clip in ordered]
            group, sound = ordered[0].group, joined(sounds)
            sirens.append(Siren(source, dataset, group, sound, len(sounds)))
        else:
            others += _pieces(source, ordered)
    return Sounds(tuple(sirens), tuple(others), left_out_s)


def joined(slices: Sequence[Sound]) -> Sound:
    """Slices in a row, over and over, until there are at least 12 s.

    Parameters
    ----------
    slices : sequence of ndarray of float64
        Samples at 16 kHz.

    Returns
    -------
    ndarray of float64
        Whole slices.

    Examples
    --------
    >>> len(joined([np.zeros(5 * 16_000), np.zeros(4 * 16_000)])) / 16_000
    14.0
    """
    pieces: list[Sound] = []
    for sound in cycle(slices):
        pieces.append(sound)
        if sum(map(len, pieces)) >= AT_LEAST_S * mel.RATE_HZ:
            break
    return np.concatenate(pieces)


def codes_of(sound: Sound) -> Codes:
    """Mel frames of a sound that silence went before, none missing."""
    return mel.frames(mel.MelState(np.zeros(_HISTORY)), sound)[1]


def bed_sound(piece: Piece) -> Sound:
    """Samples of a piece."""
    return np.concatenate([_sound(clip) for clip in piece.clips])


def stream(pieces: Iterable[Piece], rng: np.random.Generator) -> tuple[Codes, list[Piece]]:
    """One after the other, in an order that chance chooses: a device's hours.

    Parameters
    ----------
    pieces : iterable of Piece
        Of one fold.
    rng : numpy.random.Generator
        Chooses the order.

    Returns
    -------
    codes : ndarray of uint8, shape (8 seconds, 32)
    heard : list of Piece
        What each second is from.
    """
    known = list(pieces)
    order = [known[n] for n in rng.permutation(len(known))]
    heard = [piece for piece in order for _ in range(piece.seconds)]
    return np.concatenate([piece.codes for piece in order]), heard


def _pieces(source: str, clips: Sequence[Clip]) -> Iterator[Piece]:
    """A recording of events as one piece; the spans of a long one apart."""
    agreed = [clip for clip in clips if clip.file.stem not in DISPUTED]
    spans = [[clip] for clip in clips] if clips[0].span_s else [agreed]
    for several in [*spans, *([clip] for clip in clips if clip.file.stem in DISPUTED)]:
        if not several:
            continue
        codes = np.concatenate([codes_of(_sound(clip)) for clip in several])
        heard = frozenset[str]().union(*(clip.heard for clip in several))
        whole = len(codes) // mel.FRAMES_PER_S * mel.FRAMES_PER_S
        is_vehicle = bool(heard & _VEHICLES) or source in _VEHICLE_SCAPES
        if whole:
            yield Piece(
                source,
                several[0].group,
                f"{several[0].dataset} {'/'.join(sorted(heard)) or source}",
                is_vehicle,
                several[0].span_s is not None and whole >= _SHORTEST_BED_S * mel.FRAMES_PER_S,
                several[0].file.stem in DISPUTED,
                codes[:whole],
                tuple(several),
            )


def _sound(clip: Clip) -> Sound:
    sound, rate_hz = soundfile.read(clip.file, dtype="float64")
    if clip.span_s is not None:
        sound = sound[int(clip.span_s[0] * rate_hz) : int(clip.span_s[1] * rate_hz)]
    return np.asarray(sound)


def _position(clip: Clip) -> tuple[tuple[int, ...], float]:
    parts = clip.file.stem.split("-")
    numbers = tuple(int(part) for part in parts if part.isdigit())
    return numbers, clip.span_s[0] if clip.span_s else 0.0
