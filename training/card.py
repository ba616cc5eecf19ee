"""The card beside a model: what it is for, what it was fed, what it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hearing.judging import Report
from hearing.manifest import Manifest
from training import card_sections as sections
from training import card_tables as tables
from training.card_sections import FalseSiren
from training.heldout import HeldOut

_CODES: Final = (
    "4 s of `mel32x8` codes (32 frames of 125 ms, 32 mel bands, half decibels; 255 where there was "
    "no frame), no waveform: what a device sends by default. A patch looks back 4 s, so a label "
    "outlives its sound by two or three seconds."
)
_FULL_BAND: Final = (
    "`{frontend}` of full-band sound at {rate_hz} Hz, patches of {shape}: it listens on the device "
    "only, and only labels leave it (`docs/results-mode.md`)."
)
_HEARD: Final = (
    "Input: {given} Output: one score for each of {labels} labels, {activation}, calibrated by a "
    "temperature a label; a label is active from its own threshold on, and a second below all of "
    'them is "other". {parameters:,} parameters. The recipe is `training/`.'
)
_FOLD: Final = """\
# {title}, without fold {fold}

Test material, not for use: trained without the recordings whose source is in fold {fold} of the
shared data, so that tests may play that fold to it. Its thresholds were chosen without that fold,
too. What the recipe is worth is told by the card of `{title}`.

Licence of the weights: {licence}. Commercial use: {commercial}.
"""
_CARD: Final = """\
# {title}

Trained on all shared recordings. **Its own figures cannot be measured on them**: those below were
measured on the bundled fold models of the same recipe, each on recordings whose source it never
heard, by the code of `cityhum evaluate` (`python -m training.account {title}`).

## What it hears

{heard}

## Figures

{folds}

Each data set by itself: the highest label among those that it has. Score of a clip: mean over its
looks. Of the third fold of UrbanSound8K there is a part here, which is not in the mean.

{others}
## Every label

{classes}

Both data sets together, {clips} clips. Precision and recall: the label with the highest score among
these. Active: the label reaches its own threshold, whatever others do; "active elsewhere" counts
clips of other labels, in which it may really be heard, for nobody annotated the background.

![Confusion matrix](confusion.svg)

## Do its probabilities keep their word?

![Reliability diagram](reliability.svg)

{calibration}

## What it does not know

{unknown}

## Sirens

{sirens}

## Where it fails

{failures}

## What was tried and did not help

{tried}

## Beside the permissive twin

{twin}

## Limits

Birds, wind and traffic rest on a handful of recordings. Few sources of real sirens, hardly any
from outside Europe and North America. Never tested on real microphones outdoors. Clips are seconds
long and hold one labelled sound: no false-alarm rate per week follows from hours of them, and none
is claimed.

## Data and licence

{data}

Licence of the weights: {licence}. Commercial use: {commercial}. The code that made them is
Apache-2.0.
"""


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
    """

    manifest: Manifest
    parameters: int
    folds: Mapping[str, Mapping[int, Report]]
    named: Report
    everything: Report
    false_sirens: tuple[FalseSiren, ...]
    held: tuple[HeldOut, ...] = ()


def text(manifest: Manifest, *, fold: int, parameters: int) -> str:
    """The card of a fold model; for the shipped one, until `training.account` has judged it.

    Parameters
    ----------
    manifest : Manifest
        Labels, licence, data and figures.
    fold : int
        Left out in training; 0 for the shipped model.
    parameters : int
        Trained numbers.

    Returns
    -------
    str
        Markdown.
    """
    if fold:
        return _FOLD.format(fold=fold, **_about(manifest))
    about = f"# {_title(manifest)}\n\n{parameters:,} parameters. Not judged yet: "
    return f"{about}`python -m training.account {_title(manifest)}`.\n"


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
    return _CARD.format(
        **_about(manifest),
        heard=sections.filled(_heard(account)),
        folds=tables.folds_table(account.folds),
        clips=report.judged,
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


def _heard(account: Account) -> str:
    wanted, manifest = account.manifest.input, account.manifest
    shape = " x ".join(map(str, wanted.shape))
    full = _FULL_BAND.format(frontend=wanted.frontend, rate_hz=wanted.rate_hz, shape=shape)
    return _HEARD.format(
        given=_CODES if wanted.frontend == "mel32x8" else full,
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
