"""The card beside a model: what it is for, what it was fed, what it is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Final, NamedTuple

from hearing.judging import Report, worst_confusions
from hearing.manifest import Manifest
from training import card_tables as tables

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
_MEASURED: Final = (
    "As training measured it; streets are rendered by this project with other seeds than those "
    "trained on, and say that the chain works, not how the model does in a real street:"
)
_SEEDS: Final = (
    "Over the seeds of training, as it measured them; spread is between the worst seed and the "
    "best:"
)
_WIDTH: Final = 100
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
looks. Folds 1 and 2 of UrbanSound8K are whole here and make the figure to be compared; of the
third there is a part.

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


class FalseSiren(NamedTuple):
    """A recording without a siren, and the highest score that its siren got."""

    source: str
    label: str
    score: float


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
    """

    manifest: Manifest
    parameters: int
    folds: Mapping[str, Mapping[int, Report]]
    named: Report
    everything: Report
    false_sirens: tuple[FalseSiren, ...]


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


def full_text(account: Account, twin: Account | None, tried: str) -> str:
    """The card of a model that has been judged.

    Parameters
    ----------
    account, twin : Account
        Of the model, and of the one that may be used commercially, if there is one.
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
        heard=_filled(_heard(account)),
        folds=tables.folds_table(account.folds),
        clips=report.clips,
        others=_others(manifest.metrics),
        classes=tables.classes_table(report),
        calibration=_calibration(report),
        sirens=_sirens(account.everything),
        failures=_failures(account),
        tried=tried or "Not recorded.",
        twin=_twin(account, twin),
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


def _filled(paragraph: str) -> str:
    return fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _others(metrics: Mapping[str, float]) -> str:
    """What training measured itself: over several seeds, and on rendered streets."""
    parts = []
    seeds = tables.over_seeds(metrics)
    if seeds:
        parts.append(f"{_filled(_SEEDS)}\n\n{tables.seeds_table(metrics)}\n")
    if len(metrics) > 2 * len(seeds):
        parts.append(f"{_filled(_MEASURED)}\n\n{tables.metrics_table(metrics)}\n")
    return "\n".join(parts)


def _calibration(report: Report) -> str:
    found = report.calibration
    if found is None:
        return "Not measured."
    return _filled(
        f"Expected calibration error, 15 bins of equal width: {found.labels.ece:.3f} over the "
        f"probabilities of all labels present, {found.top.ece:.3f} over the highest of each clip "
        "(the stricter: most labels of a clip are rightly near 0)."
    )


def _sirens(report: Report) -> str:
    siren, found = report.siren, report.emergency
    if siren is None:
        return "Not measured."
    rules = (
        "By clips, before any alert rule: a clip is caught if one of its looks reaches the "
        f"threshold; {siren.negative_hours:.2f} h of recordings without a siren, at most one false "
        "alarm counted in 10 s of one."
    )
    parts = [tables.alarms_table(siren), _filled(rules)]
    if found is not None:
        against = (
            "Emergency against other vehicles (idling, traffic, horns), the likelier of the two: "
            f"accuracy {found.accuracy:.3f}, recall {found.recall:.3f}, AUC {found.area:.3f} on "
            f"{found.sirens} and {found.vehicles} clips."
        )
        parts.append(_filled(against))
    return "\n\n".join(parts)


def _failures(account: Account) -> str:
    confused = tables.table(
        ["truth", "taken for", "clips", "share"],
        ((a, b, n, f"{share:.0%}") for a, b, n, share in worst_confusions(account.named, 10)),
    )
    parts = [f"Worst confusions:\n\n{confused}"]
    siren = account.everything.siren
    sources = siren.at_shipped_threshold.sources if siren else {}
    missed = sorted(((s, r) for s, r in sources.items() if r < 1), key=lambda one: one[1])
    if missed:
        named = ", ".join(f"{source} ({recall:.0%} caught)" for source, recall in missed)
        parts.append(_filled(f"Siren sources with missed clips (Freesound ids): {named}."))
    if account.false_sirens:
        named = ", ".join(f"{f.source} ({f.label}, {f.score:.2f})" for f in account.false_sirens)
        parts.append(_filled(f"Most like a siren, without being one: {named}."))
    return "\n\n".join(parts)


def _twin(account: Account, twin: Account | None) -> str:
    if twin is None:
        return "There is none yet." if not account.manifest.commercial_use else "This is it."
    table = tables.twin_table(
        [
            (f"{_title(each.manifest)}, {each.manifest.licence}", each.named, each.everything)
            for each in (account, twin)
        ]
    )
    note = "The second is not judged on the few recordings that two data sets share."
    return f"{table}\n\n{note}"
