"""The card beside a model: what it is for, what it was fed, what it is worth."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hearing.judging import Report
from hearing.manifest import Manifest
from training import card_sections as sections
from training import card_tables as tables
from training import card_words as words
from training.card_sections import FalseSiren
from training.heldout import HeldOut

CONFIG: Final = Path(__file__).parent / "street8.yaml"
MODELS: Final = CONFIG.parent.parent / "models"

_SHARED: Final = "urbansound8k"
"""Data set of the bundled models, of which alone the remarks on shared recordings are true."""


@dataclass(frozen=True, eq=False)
class Beside:
    """A model on the clips and labels that it shares with another: of data sets, and of all."""

    manifest: Manifest
    named: Report
    everything: Report


@dataclass(frozen=True, eq=False)
class Account:
    """A bundled model judged by its fold models.

    Attributes
    ----------
    parameters : int
        Numbers in its weights.
    folds : mapping of str to mapping of int to Report
        By data set and fold.
    named : Report
        The clips of these data sets together.
    everything : Report
        With speech and long recordings, in which others may be heard than they are named for:
        negatives for sirens.
    false_sirens : tuple of FalseSiren
        The worst sources.
    held : tuple of HeldOut
        All that it was judged on.
    command : str
        What asked for it.
    """

    manifest: Manifest
    parameters: int
    folds: Mapping[str, Mapping[int, Report]]
    named: Report
    everything: Report
    false_sirens: tuple[FalseSiren, ...]
    held: tuple[HeldOut, ...] = ()
    command: str = ""


def command(title: str, path: Path, models: Path, twin: str = "") -> str:
    """What judges a model, as its card names it: with all that is not the default.

    Parameters
    ----------
    title : str
        Name and version.
    path : Path
        Configuration of its recordings.
    models : Path
        Folder of models.
    twin : str
        Name and version of the one that stands beside it, if any.

    Returns
    -------
    str
        For a shell.
    """
    told = ["python", "-m", "training.account", title]
    told += [] if path.resolve() == CONFIG.resolve() else ["--config", str(path)]
    told += [] if models.resolve() == MODELS.resolve() else ["--models", str(models)]
    told += ["--twin", twin] if twin else []
    return shlex.join(told)


def text(manifest: Manifest, *, fold: int, parameters: int, judge: str) -> str:
    """The card of a fold model; for the shipped one, until `training.account` has judged it.

    Parameters
    ----------
    manifest : Manifest
        Labels, licence, data and figures.
    fold : int
        Left out in training; 0 for the shipped model.
    parameters : int
        Trained numbers.
    judge : str
        See `command`.

    Returns
    -------
    str
        Markdown.
    """
    if fold:
        return words.FOLD.format(fold=fold, **_about(manifest))
    about = f"# {_title(manifest)}\n\n{parameters:,} parameters. Not judged yet: "
    return f"{about}`{judge}`.\n"


def full_text(account: Account, beside: Sequence[Beside], tried: str) -> str:
    """The card of a model that has been judged.

    Parameters
    ----------
    account : Account
        Of the model.
    beside : sequence of Beside
        The model, and the one that may be used commercially, if there is another.
    tried : str
        Markdown: what did not help.

    Returns
    -------
    str
        Markdown.
    """
    manifest, report = account.manifest, account.named
    return words.CARD.format(
        **_about(manifest),
        command=account.command,
        heard=sections.filled(_heard(account)),
        folds=tables.folds_table(account.folds),
        **_remarks(account),
        others=sections.measured(manifest.metrics),
        classes=tables.classes_table(report),
        calibration=sections.calibration(report),
        unknown=sections.unknown(account.everything),
        sirens=sections.sirens(account.everything),
        failures=sections.failures(report, account.everything, account.false_sirens),
        tried=tried or "Not recorded.",
        twin=_twin(account, beside),
        data="\n".join(f"- {line}" for line in manifest.training_data),
    )


def _title(manifest: Manifest) -> str:
    return f"{manifest.name}-{manifest.version}"


def _about(manifest: Manifest) -> dict[str, str]:
    return {
        "title": _title(manifest),
        "licence": manifest.licence,
        "commercial": "yes" if manifest.commercial_use else "no",
    }


def _remarks(account: Account) -> dict[str, str]:
    """How its figures came about, and what they leave open."""
    shared = _SHARED in account.folds
    sets = " and ".join(account.folds)
    return {
        "rules": sections.filled(words.RULES + (words.OF_SHARED_FOLDS if shared else "")),
        "together": sections.filled(words.TOGETHER.format(sets=sets, clips=account.named.judged)),
        "limits": sections.filled((words.OF_SHARED_SOUNDS if shared else "") + words.LIMITS),
    }


def _heard(account: Account) -> str:
    wanted, manifest = account.manifest.input, account.manifest
    shape = " x ".join(map(str, wanted.shape))
    full = words.FULL_BAND.format(frontend=wanted.frontend, rate_hz=wanted.rate_hz, shape=shape)
    return words.HEARD.format(
        given=words.CODES if wanted.frontend == "mel32x8" else full,
        labels=len(manifest.labels),
        activation=manifest.activation,
        parameters=account.parameters,
    )


def _twin(account: Account, beside: Sequence[Beside]) -> str:
    if not beside:
        return "There is none yet." if not account.manifest.commercial_use else "This is it."
    table = tables.twin_table(
        (f"{_title(each.manifest)}, {each.manifest.licence}", each.named, each.everything)
        for each in beside
    )
    note = (
        f"Both on the same clips, over the {len(beside[0].named.classes)} labels of them that both "
        "know; sirens at one an hour against all else that neither was trained on."
    )
    return f"{table}\n\n{sections.filled(note)}"
