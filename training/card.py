"""The card beside a model: what it is for, what it was fed, what it is worth."""

from collections.abc import Mapping
from typing import Final

from hearing.manifest import Manifest

_SHIPPED: Final = """\
Trained on all shared recordings. **Its own figures cannot be measured on them**: the table below
was measured on models of the same recipe that had left the tested fold out, and thresholds and
temperatures were chosen on those models' scores of what they had not heard.
"""
_FOLD: Final = """\
Test material, not for use: trained without the recordings whose Freesound source is in fold {fold}
of UrbanSound8K (and without the ESC-10 and long recordings grouped with it), so that tests may
play that fold to it. Thresholds were chosen without that fold, too.
"""
_TEXT: Final = """\
# {title}

{what}
## What it hears

Input: 4 s of `mel32x8` codes (32 frames of 125 ms, 32 mel bands, half decibels; 255 where there was
no frame), no waveform. Output: one score for each of {labels} labels, sigmoid, calibrated by a
temperature; a label is active from its threshold on. A patch looks back 4 s, so a label outlives
its sound by two or three seconds. The level of the sound does not matter to it, within the range
of the codes.

{parameters} parameters: six 3x3 convolutions, mean and maximum pooled, trained on mixtures made
afresh for every step (`training/mixing.py`), on synthetic sirens and on rendered streets.

## Figures

{figures}

Clip figures are the mean over a clip's patches. Streets are rendered by this project with other
seeds than those trained on or demonstrated: they say that the chain works, not how the model does
in a real street. A siren counts as caught if the rule "3 of 5 seconds" is met; the delay counts
from the first second in which the siren is as loud (A-weighted) as all the rest, and is negative
where it was recognised earlier. No false-alarm rate per week is claimed: the negatives last
minutes, not the 500 hours that such a claim would need.

## Limits

Machines (air conditioner, engine, drill, jackhammer) are confused with each other, street music
with playing children. Birds, wind and traffic rest on a handful of recordings. Few sources of real
sirens (18), hardly any from outside Europe and North America. Never tested on real microphones
outdoors.

## Data and licence

{data}

Licence of the weights: {licence}. Commercial use: {commercial}. The code that made them is
Apache-2.0; UrbanSound8K is CC BY-NC 3.0, so these weights are not for commercial use.
"""


def text(manifest: Manifest, *, fold: int, parameters: int) -> str:
    """The card of a model.

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
    return _TEXT.format(
        title=f"{manifest.name}-{manifest.version}" + (f", without fold {fold}" if fold else ""),
        what=_FOLD.format(fold=fold) if fold else _SHIPPED,
        labels=len(manifest.labels),
        parameters=f"{parameters:,}",
        figures=_figures(manifest.metrics),
        data="\n".join(f"- {line}" for line in manifest.training_data),
        licence=manifest.licence,
        commercial="yes" if manifest.commercial_use else "no",
    )


def _figures(metrics: Mapping[str, float]) -> str:
    rows = [f"| {name.replace('_', ' ')} | {value:g} |" for name, value in metrics.items()]
    return "\n".join(["| figure | value |", "|---|---|", *rows])
