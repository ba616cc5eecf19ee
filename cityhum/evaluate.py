"""`cityhum evaluate`: judge any model on labelled recordings, always by the same rules."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import orjson
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acoustics import mel
from acoustics.clips import looped_codes, without_silence
from hearing import decide
from hearing.adapters import runtime
from hearing.adapters.recordings import read_mono
from hearing.metrics import area_under_curve, average_precision
from hearing.patches import of_clip
from schemas.base import Frozen
from schemas.errors import BadConfig

SIREN = "siren"


class Clip(Frozen):
    """A row of a manifest."""

    file: Path
    label: str
    group: str


class ClassReport(Frozen):
    """One label, argmax against truth."""

    clips: int
    precision: float | None
    recall: float
    average_precision: float | None


class Report(Frozen):
    """What `--json` prints."""

    model: str
    clips: int
    accuracy: float | None
    siren_auc: float | None
    macro_map: float | None
    classes: dict[str, ClassReport]
    groups: dict[str, float]
    unknown_labels: dict[str, int]


def app(
    manifest: Annotated[Path, typer.Argument(help="CSV with file,label[,group]")],
    model: Annotated[str, typer.Option(help="a bundled model, or a folder")] = "street8-0.1.0",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,  # noqa: FBT002
) -> None:
    """Judge a model on labelled recordings."""
    report = evaluate(read_manifest(manifest), runtime.load(model))
    if as_json:
        typer.echo(orjson.dumps(report.model_dump(), option=orjson.OPT_INDENT_2))
    else:
        Console().print(_table(report))


def read_manifest(path: Path) -> list[Clip]:
    """Read `file,label[,group]`; files are relative to the CSV, other columns are ignored.

    Parameters
    ----------
    path : Path
        The CSV.

    Returns
    -------
    list of Clip
        At least one.

    Raises
    ------
    BadConfig
        If it cannot be read, lacks a column, or is empty.
    """
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadConfig(f"{path}: cannot be read as CSV: {error}") from error
    if not rows:
        raise BadConfig(f"{path}: has no rows")
    for column in ("file", "label"):
        if not all(row.get(column) for row in rows):
            raise BadConfig(f"{path}: column {column!r} is missing or empty somewhere")
    return [
        Clip(file=path.parent / row["file"], label=row["label"], group=row.get("group") or "")
        for row in rows
    ]


def evaluate(clips: Iterable[Clip], model: runtime.Model) -> Report:
    """Score every clip and compare with its label.

    Parameters
    ----------
    clips : iterable of Clip
        What to hear.
    model : Model
        Who listens.

    Returns
    -------
    Report
        Accuracy is the argmax of each clip's soft vote, over the labels present.
    """
    heard, console = list(clips), Console(stderr=True)
    shown = track(
        heard, "Listening", console=console, transient=True, disable=not console.is_terminal
    )
    scores = np.stack([decide.soft_vote(model.scores(clip_patches(clip.file))) for clip in shown])
    return judge(heard, scores, model.manifest.labels, model.manifest.identity)


def clip_patches(file: Path) -> NDArray[np.uint8]:
    """Patches of a recording without its padding; a short one is played over and over."""
    sound = without_silence(read_mono(file, mel.RATE_HZ))
    return of_clip(looped_codes(sound))


def judge(
    clips: list[Clip], scores: NDArray[np.float32], labels: tuple[str, ...], model: str
) -> Report:
    """Compare scores with labels.

    Parameters
    ----------
    clips : list of Clip, n of them
        Truth.
    scores : ndarray of float32, shape (n, labels)
        One row for each clip.
    labels : tuple of str
        What the columns mean.
    model : str
        Whose scores they are.

    Returns
    -------
    Report
        Clips of labels that the model does not know count only as negatives.
    """
    truth = np.array([clip.label for clip in clips])
    present = [label for label in labels if label in set(truth)]
    columns = scores[:, [labels.index(label) for label in present]]
    known = np.isin(truth, present)
    chosen = np.array(present)[columns.argmax(axis=1)] if present else np.full(len(truth), "")
    right = chosen == truth
    classes = {
        label: _class_report(truth == label, (chosen == label) & known, columns[:, n])
        for n, label in enumerate(present)
    }
    precisions = [c.average_precision for c in classes.values() if c.average_precision is not None]
    groups = sorted({clip.group for clip in clips} - {""})
    group_of = np.array([clip.group for clip in clips])
    unknown = sorted(set(truth[~known]))
    return Report(
        model=model,
        clips=len(clips),
        accuracy=_rounded(right[known].mean()) if known.any() else None,
        siren_auc=_siren_auc(truth, scores, labels),
        macro_map=_rounded(np.mean(precisions)) if precisions else None,
        classes=classes,
        groups={g: _rounded(right[known & (group_of == g)].mean()) for g in groups
                if (known & (group_of == g)).any()},
        unknown_labels={label: int((truth == label).sum()) for label in unknown},
    )  # fmt: skip


def _siren_auc(
    truth: NDArray[np.str_], scores: NDArray[np.float32], labels: tuple[str, ...]
) -> float | None:
    if SIREN not in labels:
        return None
    area = area_under_curve(truth == SIREN, scores[:, labels.index(SIREN)])
    return None if area is None else _rounded(area)


def _class_report(
    true: NDArray[np.bool_], chosen: NDArray[np.bool_], scores: NDArray[np.float32]
) -> ClassReport:
    hits = int((true & chosen).sum())
    precision = average_precision(true, scores)
    return ClassReport(
        clips=int(true.sum()),
        precision=_rounded(hits / chosen.sum()) if chosen.any() else None,
        recall=_rounded(hits / true.sum()),
        average_precision=None if precision is None else _rounded(precision),
    )


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)


def _table(report: Report) -> Table:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    table = Table(
        title=f"{report.model} on {report.clips} clips: accuracy {shown(report.accuracy)}, "
        f"siren AUC {shown(report.siren_auc)}, macro mAP {shown(report.macro_map)}"
    )
    for column in ("label", "clips", "precision", "recall", "average precision"):
        table.add_column(column, justify="left" if column == "label" else "right")
    for label, found in report.classes.items():
        table.add_row(
            label, str(found.clips), shown(found.precision), shown(found.recall),
            shown(found.average_precision),
        )  # fmt: skip
    return table
