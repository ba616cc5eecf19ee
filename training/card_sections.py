"""Sections of a model's card: reports in, Markdown out."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Final, NamedTuple

from hearing.judging import Report, worst_confusions
from training import card_tables as tables

_SEEDS: Final = (
    "Over the seeds of training, as it measured them; spread is between the worst seed and the "
    "best. What these seeds share, if anything, stands under what was tried:"
)
_MEASURED: Final = "As training measured it:"
_STREETS: Final = (
    "As training measured it; streets are rendered by this project with other seeds than those "
    "trained on or used to choose thresholds, and say that the chain works, not how the model does "
    "in a real street. A siren is caught by 3 of 5 seconds in which it is heard; the delay counts "
    "from when it is as loud as all else:"
)
_WIDTH: Final = 100


class FalseSiren(NamedTuple):
    """A recording without a siren, and the highest score that its siren got."""

    source: str
    label: str
    score: float


def filled(paragraph: str) -> str:
    """A paragraph in lines of at most 100 columns."""
    return fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def measured(metrics: Mapping[str, float]) -> str:
    """What training measured itself: over several seeds, and on rendered streets."""
    parts = []
    seeds = tables.over_seeds(metrics)
    if seeds:
        parts.append(f"{filled(_SEEDS)}\n\n{tables.seeds_table(metrics)}\n")
    if len(metrics) > 2 * len(seeds):
        about = _STREETS if any(name.startswith("street_") for name in metrics) else _MEASURED
        parts.append(f"{filled(about)}\n\n{tables.metrics_table(metrics)}\n")
    return "\n".join(parts)


def calibration(report: Report) -> str:
    """Whether probabilities keep their word."""
    found = report.calibration
    if found is None:
        return "Not measured."
    return filled(
        f"Expected calibration error, 15 bins of equal width: {found.labels.ece:.3f} over the "
        f"probabilities of all labels present, {found.top.ece:.3f} over the highest of each clip "
        "(the stricter: most labels of a clip are rightly near 0)."
    )


def unknown(everything: Report) -> str:
    """Recordings that hold none of the labels: are they told as other."""
    found = everything.out_of_domain
    if found is None:
        return "Not measured."
    return filled(
        f"Of {found.clips} recordings that hold no label of this model for certain, "
        f"{found.told_other:.0%} are told as other, below every threshold; so are "
        f"{found.known_told_other:.0%} of the labelled ones, wrongly."
    )


def sirens(report: Report) -> str:
    """Sirens against everything else, and against vehicles."""
    siren, found = report.siren, report.emergency
    if siren is None:
        return "Not measured."
    rules = (
        "By clips, before any alert rule: a clip is caught if one of its looks reaches the "
        f"threshold; {siren.negative_hours:.2f} h of recordings without a siren, at most one false "
        "alarm counted in 10 s of one."
    )
    parts = [tables.alarms_table(siren), filled(rules)]
    if found is not None:
        against = (
            "Emergency against other vehicles (idling, traffic, horns), the likelier of the two: "
            f"accuracy {found.accuracy:.3f}, recall {found.recall:.3f}, AUC {found.area:.3f} on "
            f"{found.sirens} and {found.vehicles} clips."
        )
        parts.append(filled(against))
    return "\n\n".join(parts)


def failures(named: Report, everything: Report, false_sirens: Sequence[FalseSiren]) -> str:
    """What is taken for what; which sirens are missed, and what is taken for one.

    Parameters
    ----------
    named, everything : Report
        Of the clips with one label, and of all.
    false_sirens : sequence of FalseSiren
        The worst sources.

    Returns
    -------
    str
        Markdown.
    """
    confused = tables.table(
        ["truth", "taken for", "clips", "share"],
        ((a, b, n, f"{share:.0%}") for a, b, n, share in worst_confusions(named, 10)),
    )
    parts = [f"Worst confusions:\n\n{confused}"]
    sources = everything.siren.at_shipped_threshold.sources if everything.siren else {}
    missed = sorted(((s, r) for s, r in sources.items() if r < 1), key=lambda one: one[1])
    if missed:
        told = ", ".join(f"{source} ({recall:.0%} caught)" for source, recall in missed)
        parts.append(filled(f"Siren sources with missed clips: {told}."))
    if false_sirens:
        told = ", ".join(f"{f.source} ({f.label}, {f.score:.2f})" for f in false_sirens)
        parts.append(filled(f"Most like a siren, without being one: {told}."))
    return "\n\n".join(parts)
