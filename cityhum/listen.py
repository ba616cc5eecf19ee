"""`cityhum listen`: levels, labels and events of sound files, without any broker."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from acoustics.decibels import leq
from cityhum.options import Shelf
from cityhum.output import AsLines, complain, console, line, tracked
from cityhum.status import Status
from hearing import decide, taxonomy
from hearing.adapters import runtime, shelf, sound_files
from hearing.adapters.recordings import opened
from hearing.clips import Listener
from hearing.decide import Event
from hearing.listening import SHORTEST_S, listened, rates_of
from hearing.origins import ORIGINS
from schemas.base import Frozen
from schemas.errors import BadConfig

EveryS = Annotated[int, typer.Option("--every", min=1, help="shares over time: parts of so many s")]


class Shares(Frozen):
    """A part of a file, from its beginning in s: share of its seconds of each label and origin."""

    start_s: float
    labels: Mapping[str, float]
    origins: Mapping[str, float]


class Report(Frozen):
    """One file: what `--json` prints. Shares are of all its seconds, then of each part of it."""

    file: str
    seconds: float
    laeq_db: float
    lafmax_db: float
    labels: Mapping[str, float]
    origins: Mapping[str, float]
    events: tuple[Event, ...]
    over_time: tuple[Shares, ...]


def app(
    files: Annotated[list[Path], typer.Argument(help="WAV, FLAC, Ogg, MP3; any rate")],
    model: Annotated[str, typer.Option(help="one of the models, or a folder")] = "street8-0.3.0",
    shelf_folder: Shelf = runtime.MODELS,
    every_s: EveryS = 60,
    *,
    as_json: AsLines = False,
) -> None:
    """Levels, labels and events of sound files."""
    listener, refused = runtime.load(shelf.find(model, shelf_folder)), 0
    for file in tracked(files, "Listening"):
        try:
            report = listen(file, listener, every_s)
        except BadConfig as error:
            refused += 1
            complain(str(error))
            continue  # the others are still heard
        if as_json:
            line(report)
        else:
            console().print(_table(report))
    if refused:
        raise typer.Exit(Status.MISTAKE)


def listen(path: Path, model: Listener, every_s: int = 60) -> Report:
    """Hear one file as a device would.

    Parameters
    ----------
    path : Path
        A sound file of any rate and number of channels.
    model : Listener
        Gives the labels; one that hears full band is given the file's own.
    every_s : int
        Length of the parts whose shares are told apart, s.

    Returns
    -------
    Report
        Levels are dB re full scale (0 dB: RMS of a full-scale sine): a file has no calibration.

    Raises
    ------
    BadConfig
        If the file is missing, no sound, or empty.
    """
    with opened(path) as file:
        levels_hz = sound_files.levels_hz(file.samplerate)
        pieces = sound_files.pieces(file, rates_of(model, levels_hz))
        heard = listened((piece.mono for piece in pieces), model, levels_hz)
    if heard.length_s < SHORTEST_S:
        raise BadConfig(f"{path}: holds only {1000 * heard.length_s:.0f} ms of sound")
    measured = heard.measured
    return report_of(
        str(path), heard.length_s,
        [m.laeq_1s_db for m in measured], max(m.lafmax_db for m in measured),
        labels=decide.active(heard.told), silent=heard.silent, every_s=every_s,
    )  # fmt: skip


def report_of(
    file: str,
    seconds: float,
    laeq_1s_db: Sequence[float],
    lafmax_db: float,
    *,
    labels: Sequence[Mapping[str, int]],
    silent: Sequence[bool],
    every_s: int = 60,
) -> Report:
    """Put the seconds of a file together.

    Parameters
    ----------
    file : str
        Its name.
    seconds : float
        Its length, s.
    laeq_1s_db : sequence of float
        LAeq of each second, dB.
    lafmax_db : float
        Highest of all, dB.
    labels : sequence of mapping of str to int
        Active labels of each second, per mille.
    silent : sequence of bool
        Seconds in which there was nothing to hear.
    every_s : int
        Length of the parts whose shares are told apart, s.

    Returns
    -------
    Report
        A second counts for each of its labels and for each of their origins; one without a label
        as "other" or "silence", which have no origin.
    """
    named = decide.named(labels, silent)
    whole, length_s = _shares(0, named), round(seconds, 3)
    return Report(
        file=file,
        seconds=length_s,
        laeq_db=round(leq(laeq_1s_db), 2),
        lafmax_db=lafmax_db,
        labels=whole.labels,
        origins=whole.origins,
        events=tuple(decide.events(labels, length_s=length_s)),
        over_time=tuple(
            _shares(start, named[start : start + every_s])
            for start in range(0, len(named), every_s)
        ),
    )


def _shares(start_s: int, named: Sequence[frozenset[str]]) -> Shares:
    origins = [{taxonomy.origin_of(label) for label in second} for second in named]
    found = sorted({label for second in named for label in second})
    shares = {label: _share(label in second for second in named) for label in found}
    return Shares(
        start_s=start_s,
        labels=dict(sorted(shares.items(), key=lambda item: -item[1])),
        origins={origin: _share(origin in second for second in origins) for origin in ORIGINS},
    )


def _share(seconds: Iterable[bool]) -> float:
    return round(float(np.mean(list(seconds))), 4)


def _table(report: Report) -> Table:
    table = Table(
        title=f"{report.file}: {report.seconds:g} s, LAeq {report.laeq_db:.1f} dB, "
        f"LAFmax {report.lafmax_db:.1f} dB re full scale",
        caption="\n".join(_over_time(report)),
    )
    for column in ("label", "share", "events (onset-offset in s, score)"):
        table.add_column(column, justify="right" if column == "share" else "left")
    for label, share in report.labels.items():
        spans = [
            f"{e.onset_s:g}-{e.offset_s:g} ({e.score:.2f})"
            for e in report.events
            if e.label == label
        ]
        table.add_row(label, f"{share:.0%}", ", ".join(spans))
    return table


def _over_time(report: Report) -> Iterator[str]:
    yield ", ".join(f"{origin} {share:.0%}" for origin, share in report.origins.items())
    if len(report.over_time) > 1:
        for part in report.over_time:
            shares = ", ".join(f"{origin} {share:.0%}" for origin, share in part.origins.items())
            yield f"from {part.start_s:g} s: {shares}"
