"""`python -m training.account NAME`: the card of a bundled model, with figures and pictures.

Every figure comes from the fold models as they are bundled, each on what it never heard, through
the same code as `cityhum evaluate`. Writes `card.md`, `confusion.svg` and `reliability.svg` beside
the model.
"""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Final

import onnx
import typer
from rich.console import Console
from tqdm import tqdm

from hearing import pictures
from hearing.adapters import runtime
from hearing.judging_sirens import SIREN
from hearing.manifest import Manifest
from schemas.errors import BadConfig, CityhumError
from training import card, config, data, rounding
from training.card import Account, Beside
from training.card_sections import FalseSiren
from training.heldout import FoldModels, HeldOut, apart, by_fold, hear, report_of, side_by_side

HERE: Final = Path(__file__).parent
_TWO: Final = 2
_FALSE_SIRENS: Final = 6

ModelsPath = Annotated[Path, typer.Option(help="folder of models")]
ConfigPath = Annotated[Path, typer.Option("--config", help="which clips, in which folds")]


def app(
    name: Annotated[str, typer.Argument(help="a bundled model: street8-0.3.0")],
    twin: Annotated[str, typer.Option(help="the permissive one, to be set beside it")] = "",
    models: ModelsPath = card.MODELS,
    path: ConfigPath = card.CONFIG,
) -> None:
    """Judge a bundled model by its fold models, and write its card."""
    clips = data.clips(config.read(path).data)
    account = of(name, models, clips, card.command(name, path, models, twin))
    beside = compared(account, of(twin, models, apart(clips), account.command)) if twin else ()
    Console().print(write(models / name, account, beside, _tried(account.manifest)))


def of(name: str, models: Path, clips: Sequence[data.Clip], command: str) -> Account:
    """Judge a bundled model.

    Parameters
    ----------
    name : str
        With its version.
    models : Path
        Holds it, and its fold models in `folds/`.
    clips : sequence of Clip
        Of all data sets and folds.
    command : str
        What asked for it.

    Returns
    -------
    Account

    Raises
    ------
    BadConfig
        If it has no fold models, or no recordings to be told apart: nobody could say what it is
        worth.
    """
    folds = FoldModels(name, models)
    if not folds.folds:
        raise BadConfig(f"{models / 'folds'}: no {name}-fold*, and only they can be judged")
    manifest = runtime.read_manifest(models / name)
    judged = [clip for clip in clips if clip.group in folds.folds and len(clip.heard) <= 1]
    sets = _told_apart(judged)
    if not sets:
        raise BadConfig("no data set that is held out has recordings of two labels, one in each")
    shown = tqdm(judged, desc=name, unit="clip")
    held = [hear(clip, folds.without(clip.group)) for clip in shown]
    return Account(
        manifest=manifest,
        parameters=_parameters(models / name / "model.onnx"),
        folds={dataset: by_fold(_named(held, [dataset]), dataset, manifest) for dataset in sets},
        named=report_of(_named(held, sets), manifest),
        everything=report_of(held, manifest),
        false_sirens=_false_sirens(held, manifest),
        held=tuple(held),
        command=command,
    )


def _told_apart(clips: Sequence[data.Clip]) -> list[str]:
    """Data sets whose recordings have one label each, and not all the same."""
    labels: dict[str, set[frozenset[str]]] = {}
    for clip in filter(_one_label, clips):
        labels.setdefault(clip.dataset, set()).add(clip.heard)
    return [dataset for dataset, several in labels.items() if len(several) >= _TWO]


def _named(held: Sequence[HeldOut], sets: Collection[str]) -> list[HeldOut]:
    return [one for one in held if one.clip.dataset in sets and _one_label(one.clip)]


def _one_label(clip: data.Clip) -> bool:
    """Not so a long recording: it is named for what is heard most."""
    return len(clip.heard) == 1 and clip.span_s is None and not clip.bed


def compared(account: Account, twin: Account) -> tuple[Beside, Beside]:
    """Two models on the same clips and labels: the data sets' for all, and all for sirens."""
    named = side_by_side(_of_sets(account), _of_sets(twin))
    everything = side_by_side((account.manifest, account.held), (twin.manifest, twin.held))
    return (
        Beside(account.manifest, named[0], everything[0]),
        Beside(twin.manifest, named[1], everything[1]),
    )


def _of_sets(account: Account) -> tuple[Manifest, list[HeldOut]]:
    return account.manifest, _named(account.held, account.folds)


def write(folder: Path, account: Account, beside: Sequence[Beside], tried: str) -> Path:
    """Write the card and its pictures.

    Parameters
    ----------
    folder : Path
        Of the model.
    account : Account
        Of the model.
    beside : sequence of Beside
        The model, and the one that may be used commercially, if there is another.
    tried : str
        Markdown: what did not help.

    Returns
    -------
    Path
        The card.
    """
    report = account.named
    title = f"{account.manifest.name}-{account.manifest.version}, clips of models without them"
    (folder / "confusion.svg").write_text(pictures.confusion_svg(report.confusion, title), "utf-8")
    if report.calibration is not None:
        diagram = pictures.reliability_svg(report.calibration, title)
        (folder / "reliability.svg").write_text(diagram, "utf-8")
    path = folder / "card.md"
    path.write_text(card.full_text(account, beside, tried) + _int8(folder), "utf-8")
    return path


def _int8(folder: Path) -> str:
    """What `python -m training quantise` found, if it has been asked."""
    path = folder / rounding.PAGE
    return f"\n{path.read_text('utf-8')}" if path.is_file() else ""


def _tried(manifest: Manifest) -> str:
    path = HERE / f"tried-{manifest.name}.md"
    if not path.is_file():
        return ""
    return path.read_text("utf-8").partition("\n")[2].strip()  # without its heading


def _parameters(weights: Path) -> int:
    graph = onnx.load(str(weights)).graph
    total = 0
    for tensor in graph.initializer:
        count = 1
        for size in tensor.dims:
            count *= size
        total += count
    return total


def _false_sirens(held: Sequence[HeldOut], manifest: Manifest) -> tuple[FalseSiren, ...]:
    """The recordings most taken for a siren; one of each source."""
    n = manifest.labels.index(SIREN)
    worst: dict[str, FalseSiren] = {}
    for one in held:
        if SIREN not in one.heard.labels:
            found = FalseSiren(
                source=one.clip.source,
                label=", ".join(sorted(one.heard.labels)),
                score=round(float(one.heard.scores[:, n].max()), 3),
            )
            before = worst.get(found.source)
            if before is None or found.score > before.score:
                worst[found.source] = found
    ranked = sorted(worst.values(), key=lambda found: (-found.score, found.source))
    return tuple(ranked[:_FALSE_SIRENS])


def main() -> None:
    """Run; a mistake of the user is one line and status 2."""
    try:
        typer.run(app)
    except CityhumError as error:
        print(f"training: {error}", file=sys.stderr)  # noqa: T201  # the command line's own voice
        sys.exit(2)


if __name__ == "__main__":
    main()
