"""The same clips, heard by ours (each by the model without its source) and by references."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.hearing_references import REFERENCES, load
from hearing.adapters import runtime
from hearing.clips import Listener
from hearing.judging import Report
from hearing.judging_sirens import SIREN, VEHICLES
from hearing.manifest import Manifest
from training import config, data
from training.datasets import Clip
from training.heldout import FoldModels, HeldOut, apart, by_fold, hear, hear_windows, report_of

_NAMED: Final = frozenset({"urbansound8k", "esc10"})
TESTED: Final = (1, 2)
"""Folds of UrbanSound8K that are whole; what is here of the third only trains and calibrates."""


@dataclass(frozen=True, eq=False)
class Listened:
    """What one model made of all clips."""

    manifest: Manifest
    held: Sequence[HeldOut]
    windows: Sequence[HeldOut]


class Row(NamedTuple):
    """One line of the table: means over the tested folds, then all clips together."""

    model: str
    hears: str
    urbansound8k_accuracy: float
    class_mean_recall: float
    macro_map: float
    siren_auc: float
    esc10_accuracy: float | None
    siren_recall_at_1_an_hour: float | None
    ece_labels: float | None
    ece_top: float | None
    clips: int


def held_out_clips(shared: Path, models: Iterable[FoldModels]) -> list[Clip]:
    """Shared clips for which every model of ours has a fold model that never heard them.

    Parameters
    ----------
    shared : Path
        Holds `data/`.
    models : iterable of FoldModels
        Ours.

    Returns
    -------
    list of Clip
        With at most one label each, of sources that only one data set holds.
    """
    chosen = config.read(Path(config.__file__).parent / "street8.yaml")
    rooted = chosen.data.model_copy(update={"root": shared / "data"})
    folds = frozenset.intersection(*(each.folds for each in models))
    clips = apart(data.clips(rooted))
    return [clip for clip in clips if clip.group in folds and len(clip.heard) <= 1]


def everybody(
    names: Sequence[str], models: Path, shared: Path
) -> Iterator[tuple[str, Manifest, Callable[[Clip], Listener]]]:
    """Who takes part: ours, each clip heard by the model without its fold; the references.

    Parameters
    ----------
    names : sequence of str
        Bundled models, each with fold models.
    models, shared : Path
        Folder of ours; folder with `data/` and `models/`.

    Yields
    ------
    str, Manifest, callable
        Name, thresholds, and who listens to a clip.
    """
    for name in names:
        folds = FoldModels(name, models)
        yield name, runtime.read_manifest(models / name), partial(_without, folds)
    for reference in REFERENCES:
        model = load(reference, shared / "models")
        yield reference.name, model.manifest, partial(_always, model)


def _without(folds: FoldModels, clip: Clip) -> Listener:
    return folds.without(clip.group)


def _always(model: Listener, _: Clip) -> Listener:
    return model


def listen(
    clips: Sequence[Clip], name: str, manifest: Manifest, listener_of: Callable[[Clip], Listener]
) -> Listened:
    """Let one model hear all clips, then those of sirens and vehicles in windows of 2 s.

    Parameters
    ----------
    clips : sequence of Clip
        That no listener has heard before.
    name, manifest, listener_of : str, Manifest, callable
        As `everybody` tells them.

    Returns
    -------
    Listened
    """
    held = [hear(clip, listener_of(clip)) for clip in tqdm(clips, desc=name, unit="clip")]
    vehicles = [clip for clip in clips if clip.heard & {SIREN, *VEHICLES}]
    windows = [
        window
        for clip in tqdm(vehicles, desc=f"{name}, 2 s", unit="clip")
        for window in hear_windows(clip, listener_of(clip), length_s=2, hop_s=1)
    ]
    return Listened(manifest, held, windows)


class EmergencyRow(NamedTuple):
    """Sirens against other vehicles in windows of 2 s, one a second."""

    model: str
    sirens: int
    vehicles: int
    accuracy: float
    precision: float | None
    recall: float
    area: float


def emergency_row(name: str, listened: Listened) -> EmergencyRow | None:
    """Tell emergency from other vehicles by the likelier label; None without both."""
    found = report_of(listened.windows, listened.manifest).emergency
    return EmergencyRow(name, **found.model_dump()) if found else None


def row(name: str, listened: Listened) -> Row:
    """Judge what one model heard.

    Parameters
    ----------
    name : str
        Of the model.
    listened : Listened
        All clips.

    Returns
    -------
    Row
    """
    manifest, held = listened.manifest, listened.held
    urban = by_fold(held, "urbansound8k", manifest)
    tested = [urban[fold] for fold in TESTED if fold in urban]
    esc = [found.accuracy for found in by_fold(held, "esc10", manifest).values()]
    everything = report_of(held, manifest)
    named = report_of([one for one in held if one.clip.dataset in _NAMED], manifest)
    calibration = named.calibration
    return Row(
        model=name,
        hears="8 frames/s" if manifest.input.frontend == "mel32x8" else "full band",
        urbansound8k_accuracy=_mean(found.accuracy for found in tested),
        class_mean_recall=_mean(_class_mean_recall(found) for found in tested),
        macro_map=_mean(found.macro_map for found in tested),
        siren_auc=_mean(found.siren_auc for found in tested),
        esc10_accuracy=_mean(esc) if esc else None,
        siren_recall_at_1_an_hour=(
            everything.siren.at_one_false_alarm_per_hour.recall if everything.siren else None
        ),
        ece_labels=calibration.labels.ece if calibration else None,
        ece_top=calibration.top.ece if calibration else None,
        clips=everything.clips,
    )


def _class_mean_recall(report: Report) -> float:
    return float(np.mean([found.recall for found in report.classes.values()]))


def _mean(values: Iterable[float | None]) -> float:
    return round(float(np.mean([value for value in values if value is not None])), 4)


def text(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as one table.

    Parameters
    ----------
    rows : sequence of mapping
        With the same keys, at least one.

    Returns
    -------
    str
        A line each, below their names.
    """
    names = list(rows[0])
    cells = [[_cell(value) for value in each.values()] for each in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (names, *cells)
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
