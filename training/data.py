"""The shared recordings as clips: what is in them, what may be, and whom they may not meet."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hearing import taxonomy
from schemas.errors import BadConfig
from training.config import DataConfig

_BACKGROUND: Final = frozenset({"speech", "birds", "traffic", "wind"})
_MACHINES: Final = frozenset(
    {"jackhammer", "drilling", "engine_idling", "chainsaw", "air_conditioner", "helicopter"}
)
_PEOPLE: Final = frozenset({"speech", "children_playing", "street_music"})

# label of a long recording -> what is surely heard, what may be heard in it as well
_SOUNDSCAPES: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "airplane": (frozenset(), _BACKGROUND | _MACHINES),
    "cafe": (frozenset(), _PEOPLE),
    "car_horn": (frozenset({"car_horn"}), _BACKGROUND),
    "construction": (frozenset(), _BACKGROUND | _MACHINES),
    "crowd": (frozenset(), _PEOPLE),
    "fireworks": (frozenset(), _PEOPLE | {"gun_shot", "fire_crackling"}),
    "night_insects": (frozenset(), _BACKGROUND),
    "night_village_dogs": (frozenset(), _BACKGROUND | {"dog_bark", "rooster"}),
    "park_birds": (frozenset({"birds"}), _BACKGROUND | _PEOPLE | {"dog_bark"}),
    "rain": (frozenset({"rain"}), _BACKGROUND),
    "siren": (frozenset({"siren"}), _BACKGROUND | _PEOPLE | {"engine_idling", "car_horn"}),
    "street": (frozenset({"traffic"}), _BACKGROUND | _PEOPLE | _MACHINES | {"car_horn"}),
    "thunderstorm": (frozenset(), _BACKGROUND | {"rain", "gun_shot"}),
    "traffic": (frozenset({"traffic"}), _BACKGROUND | _MACHINES | {"car_horn"}),
    "train": (frozenset(), _BACKGROUND | _MACHINES),
    "wind": (frozenset({"wind"}), _BACKGROUND),
    "wind_trees": (frozenset({"wind"}), _BACKGROUND),
}


@dataclass(frozen=True)
class Clip:
    """One recording, or a span of one.

    Attributes
    ----------
    source : str
        Recording it was cut from; never on both sides of a split.
    group : int
        Fold 1 to 4 that it is held out with, or 0: always for training.
    heard, perhaps : frozenset of str
        Labels that are surely, or possibly, audible. All others are not.
    bed : bool
        A long background rather than an event.
    """

    file: Path
    dataset: str
    source: str
    group: int
    heard: frozenset[str]
    perhaps: frozenset[str]
    bed: bool
    span_s: tuple[float, float] | None = None


def clips(config: DataConfig) -> list[Clip]:
    """All shared clips.

    Parameters
    ----------
    config : DataConfig
        Where they are and how recordings are grouped.

    Returns
    -------
    list of Clip
        In the order of the manifests.

    Raises
    ------
    BadConfig
        If a manifest is missing.
    """
    return [
        *_urbansound(config.root),
        *_esc(config.root),
        *_speech(config.root),
        *_soundscapes(config),
    ]


def _rows(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise BadConfig(f"{manifest}: no such manifest; set data.root to the folder of data sets")
    with manifest.open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield folder / row["file"], row


def _urbansound(root: Path) -> Iterator[Clip]:
    for file, row in _rows(root / "urbansound8k"):
        source, group = file.name.split("-")[0], int(row["fold"])
        heard = frozenset({row["label"]})
        yield Clip(file, "urbansound8k", source, group, heard, _BACKGROUND, bed=False)


def _esc(root: Path) -> Iterator[Clip]:
    # four clips share a Freesound source with UrbanSound8K: they follow its fold
    folds = {clip.source: clip.group for clip in _urbansound(root)}
    for file, row in _rows(root / "esc10"):
        source = file.name.split("-")[1]
        group = folds.get(source, int(row["fold"]))
        heard, perhaps = frozenset({row["label"]}), frozenset({"wind", "birds"})
        yield Clip(file, "esc10", source, group, heard, perhaps, bed=False)


def _speech(root: Path) -> Iterator[Clip]:
    groups = {"theo": 1, "nicolas": 2, "sentences": 3}
    for file, _ in _rows(root / "speech"):
        speaker = file.parent.name
        heard = frozenset({"speech"})
        yield Clip(file, "speech", speaker, groups.get(speaker, 0), heard, frozenset(), bed=False)


def _soundscapes(config: DataConfig) -> Iterator[Clip]:
    for file, row in _rows(config.root / "soundscapes"):
        heard, perhaps = _SOUNDSCAPES[row["label"]]
        group = config.soundscape_groups[row["file"]]
        bed = row["label"] not in taxonomy.LABELS or row["label"] in {"rain", "wind", "traffic"}
        for span in _settled(float(row["duration_s"]), config.unsettled.get(row["file"])):
            yield Clip(
                file, "soundscapes", file.stem, group, heard, perhaps - heard, bed, span_s=span
            )


def _settled(duration_s: float, unsettled: tuple[float, float] | None) -> list[tuple[float, float]]:
    if unsettled is None:
        return [(0.0, duration_s)]
    return [(0.0, unsettled[0]), (unsettled[1], duration_s)]
