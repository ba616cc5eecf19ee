"""The shared recordings as clips: what is in them, what may be, and whom they may not meet."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from hearing import taxonomy
from schemas.errors import BadConfig
from training.config import DataConfig, DataSet
from training.datasets import BACKGROUND, Clip, esc, labelled, rows, urbansound8k

__all__ = ["Clip", "cache_of", "check_folds", "clips", "name_of", "teacher_mark"]

FOLDS: Final = (1, 2, 3, 4)
"""Held out in turn; other folds of a data set are always for training."""
_NAMED: Final = 10  # recordings that are missing, before the rest is only counted

_MACHINES: Final = frozenset(
    {"jackhammer", "drilling", "engine_idling", "chainsaw", "air_conditioner", "helicopter"}
)
_PEOPLE: Final = frozenset({"speech", "children_playing", "street_music"})

# label of a long recording -> what is surely heard, what may be heard in it as well
_SOUNDSCAPES: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "airplane": (frozenset(), BACKGROUND | _MACHINES),
    "cafe": (frozenset(), _PEOPLE),
    "car_horn": (frozenset({"car_horn"}), BACKGROUND),
    "construction": (frozenset(), BACKGROUND | _MACHINES),
    "crowd": (frozenset(), _PEOPLE),
    "fireworks": (frozenset(), _PEOPLE | {"gun_shot", "fire_crackling"}),
    "night_insects": (frozenset(), BACKGROUND),
    "night_village_dogs": (frozenset(), BACKGROUND | {"dog_bark", "rooster"}),
    "park_birds": (frozenset({"birds"}), BACKGROUND | _PEOPLE | {"dog_bark"}),
    "rain": (frozenset({"rain"}), BACKGROUND),
    "siren": (frozenset({"siren"}), BACKGROUND | _PEOPLE | {"engine_idling", "car_horn"}),
    "street": (frozenset({"traffic"}), BACKGROUND | _PEOPLE | _MACHINES | {"car_horn"}),
    "thunderstorm": (frozenset(), BACKGROUND | {"rain", "gun_shot"}),
    "traffic": (frozenset({"traffic"}), BACKGROUND | _MACHINES | {"car_horn"}),
    "train": (frozenset(), BACKGROUND | _MACHINES),
    "wind": (frozenset({"wind"}), BACKGROUND),
    "wind_trees": (frozenset({"wind"}), BACKGROUND),
}


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
        If a manifest is missing or wrong, or puts a recording into two folds.
    """
    folds: dict[str, int] = {}
    found = []
    for wanted in config.sets:
        for clip in _of(wanted, config):
            mine = clip.group if clip.group in FOLDS else 0
            # published sets follow the first: four clips of ESC-10 are UrbanSound8K's
            fold = folds.setdefault(clip.source, mine)
            if wanted.kind == "folder" and mine != fold:
                raise BadConfig(
                    f"{clip.file}: fold {mine}, but its source {clip.source!r} is in fold {fold}"
                )
            found.append(replace(clip, group=fold))
    return [clip for clip in found if not config.licences or clip.licence in config.licences]


def cache_of(config: DataConfig) -> Path:
    """Where all is kept that was made of these recordings: of others it would be wrong.

    Parameters
    ----------
    config : DataConfig
        Which recordings, and what else is made.

    Returns
    -------
    Path
        A folder of its own for everything that may differ; it need not exist yet.

    Raises
    ------
    BadConfig
        If recordings are missing.
    """
    found = clips(config)
    if missing := sorted({str(clip.file) for clip in found if not clip.file.is_file()}):
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise BadConfig(f"no such recordings: {', '.join(missing[:_NAMED])}{more}")
    heard = [
        (
            *(name_of(clip, config), *_stamp(clip.file), clip.source, clip.group),
            *(sorted(clip.heard), sorted(clip.perhaps), clip.bed, clip.span_s, clip.licence),
        )
        for clip in found
    ]
    asked = config.model_dump_json(exclude={"root", "cache", "teacher", "field"})
    return config.cache / sha256(repr((heard, asked)).encode()).hexdigest()[:12]


def teacher_mark(config: DataConfig) -> str:
    """Name of the teacher and a hash of its weights: what another one said is not taken over."""
    if config.teacher is None:
        return "nobody"
    weights = config.teacher / f"{config.teacher.name}.onnx"
    if not weights.is_file():
        raise BadConfig(f"{weights}: no such file; set data.teacher to the teacher's folder")
    return f"{config.teacher.name}-{sha256(weights.read_bytes()).hexdigest()[:8]}"


def _stamp(file: Path) -> tuple[int, int]:
    """Size and time: to read thousands of recordings for each command would take too long."""
    about = file.stat()
    return about.st_size, about.st_mtime_ns


def check_folds(found: Collection[Clip], folds: Collection[int]) -> None:
    """Raise BadConfig if nothing could be held out with one of these folds."""
    for fold in folds:
        if not any(clip.group == fold for clip in found):
            raise BadConfig(f"train.folds: no recording is in fold {fold}")


def name_of(clip: Clip, config: DataConfig) -> str:
    """A clip's file, relative to all data where it lies among them."""
    inside = clip.file.is_relative_to(config.root)
    return str(clip.file.relative_to(config.root) if inside else clip.file)


def _of(wanted: DataSet, config: DataConfig) -> Iterator[Clip]:
    folder = config.root / wanted.folder
    match wanted.kind:
        case "urbansound8k":
            yield from urbansound8k(folder)
        case "esc":
            yield from esc(folder)
        case "folder":
            yield from labelled(folder)
        case "speech":
            yield from _speech(folder)
        case "soundscapes":
            yield from _soundscapes(folder, config)


def _speech(folder: Path) -> Iterator[Clip]:
    groups = {"theo": 1, "nicolas": 2, "sentences": 3}
    for file, row in rows(folder):
        speaker, heard = file.parent.name, frozenset({"speech"})
        group, licence = groups.get(speaker, 0), row["licence"]
        yield Clip(file, "speech", speaker, group, heard, frozenset(), bed=False, licence=licence)


def _soundscapes(folder: Path, config: DataConfig) -> Iterator[Clip]:
    for file, row in rows(folder):
        heard, perhaps = _SOUNDSCAPES[row["label"]]
        group = config.soundscape_groups.get(row["file"], 0)
        bed = row["label"] not in taxonomy.LABELS or row["label"] in {"rain", "wind", "traffic"}
        for span in _settled(float(row["duration_s"]), config.unsettled.get(row["file"])):
            yield Clip(
                file,
                "soundscapes",
                file.stem,
                group,
                heard,
                perhaps - heard,
                bed,
                span,
                row["licence"],
            )


def _settled(duration_s: float, unsettled: tuple[float, float] | None) -> list[tuple[float, float]]:
    if unsettled is None:
        return [(0.0, duration_s)]
    return [(0.0, unsettled[0]), (unsettled[1], duration_s)]
