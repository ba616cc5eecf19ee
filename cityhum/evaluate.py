"""`cityhum evaluate`: judge any model on labelled recordings, always by the same rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray

from cityhum.evaluate_table import table
from cityhum.options import Shelf
from cityhum.output import AsJson, answer, complain, tracked
from hearing import clips, judging, pictures
from hearing.adapters import labelled, runtime, shelf
from hearing.adapters.labelled import Labelled
from hearing.adapters.recordings import read_mono
from hearing.clips import Listener
from hearing.decide import Scores
from hearing.heard import Heard
from hearing.judging import Report
from schemas.base import Frozen
from schemas.errors import BadConfig

Pictures = Annotated[
    Path | None, typer.Option("--pictures", help="folder for the matrix and the diagram, SVG")
]
WindowS = Annotated[
    float | None, typer.Option("--windows", min=0.5, help="judge windows of so many seconds")
]
HopS = Annotated[float, typer.Option("--hop", min=0.1, help="from one window to the next, s")]
_NAMED: Final = 10  # files that cannot be heard, before the rest is only counted


class Windows(Frozen):
    """How recordings are cut before they are judged."""

    length_s: float
    hop_s: float


def app(
    manifest: Annotated[Path, typer.Argument(help="CSV with file,label[,group]")],
    model: Annotated[str, typer.Option(help="one of the models, or a folder")] = "street8-0.3.0",
    shelf_folder: Shelf = runtime.MODELS,
    folder: Pictures = None,
    window_s: WindowS = None,
    hop_s: HopS = 1.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Judge a model on labelled recordings."""
    if not (isfinite(window_s or 0) and isfinite(hop_s)):
        raise BadConfig("--windows and --hop: must be finite")
    recordings = labelled.by_file(labelled.rows(manifest))
    listener = runtime.load(shelf.find(model, shelf_folder))
    windows = Windows(length_s=window_s, hop_s=hop_s) if window_s else None
    heard, unheard = hear(recordings, listener, windows)
    _tell(unheard, len(recordings))
    report = judging.judge(heard, listener.manifest)
    if folder is not None:
        draw(report, folder)
    told = {**report.model_dump(mode="json"), "unheard": unheard}
    answer(told, table(report), as_json=as_json)


def hear(
    recordings: Sequence[Labelled], listener: Listener, windows: Windows | None = None
) -> tuple[list[Heard], dict[str, str]]:
    """Listen to every recording; those that cannot be heard are named.

    Parameters
    ----------
    recordings : sequence of Labelled
        What to hear; `group` is the source.
    listener : Listener
        Who listens.
    windows : Windows, optional
        Cut each recording into these, instead of judging it whole.

    Returns
    -------
    heard : list of Heard
        One a recording, or one a window.
    unheard : dict of str to str
        File and reason.

    Raises
    ------
    BadConfig
        If none can be heard.
    """
    unheard: dict[str, str] = {}
    shown = tracked(recordings, "Listening")
    heard = list(_heard(shown, listener, windows, unheard))
    if not heard:
        first = next(iter(unheard.values()))
        raise BadConfig(f"none of {len(unheard)} recordings can be heard; the first: {first}")
    return heard, unheard


def _heard(
    recordings: Iterable[Labelled],
    listener: Listener,
    windows: Windows | None,
    unheard: dict[str, str],
) -> Iterator[Heard]:
    rate_hz = clips.rate_of(listener.manifest.input)
    for recording in recordings:
        file = recording.file
        try:
            sound = read_mono(file, rate_hz)
        except BadConfig as error:
            unheard[str(file)] = str(error)
            continue
        group = next(iter(recording.others.get("group", ())), "")
        for start, part, new in _cut(sound, windows, rate_hz):
            scores = _checked(clips.clip_scores(part, listener), listener, file)
            yield Heard(recording.labels, group, new / rate_hz, scores, str(file), start / rate_hz)


def _checked(scores: Scores, listener: Listener, file: Path) -> Scores:
    if not ((scores >= 0) & (scores <= 1)).all():  # false for what is no number, too
        name = listener.manifest.identity
        raise BadConfig(f"{name}: gives scores of {file} that are not between 0 and 1")
    return scores


def _cut(
    sound: NDArray[np.float64], windows: Windows | None, rate_hz: int
) -> Iterator[tuple[int, NDArray[np.float64], int]]:
    if windows is None:
        return iter([(0, sound, len(sound))])
    return clips.windows(sound, rate_hz, windows.length_s, windows.hop_s)


def draw(report: Report, folder: Path) -> None:
    """Write `confusion.svg` and `reliability.svg`.

    Parameters
    ----------
    report : Report
        Of some clips; nothing is drawn if the model knows none of their labels.
    folder : Path
        Made if it does not exist.

    Raises
    ------
    BadConfig
        If the folder cannot be written.
    """
    calibration = report.calibration
    if calibration is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        matrix = pictures.confusion_svg(report.confusion, report.model)
        (folder / "confusion.svg").write_text(matrix, "utf-8")
        diagram = pictures.reliability_svg(calibration, report.model)
        (folder / "reliability.svg").write_text(diagram, "utf-8")
    except OSError as error:
        raise BadConfig(f"{folder}: {error.strerror}") from error


def _tell(unheard: Mapping[str, str], files: int) -> None:
    if not unheard:
        return
    reasons = list(unheard.values())
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    named = "; ".join(reasons[:_NAMED]) + more
    complain(f"{len(reasons)} of {files} recordings cannot be heard: {named}")
