"""What a model's card says, with gaps for what is particular to a model."""

from typing import Final

CODES: Final = (
    "4 s of `mel32x8` codes (32 frames of 125 ms, 32 mel bands, half decibels; 255 where there was "
    "no frame), no waveform: what a device sends by default. A patch looks back 4 s, so a label "
    "outlives its sound by two or three seconds."
)
FULL_BAND: Final = (
    "`{frontend}` of full-band sound at {rate_hz} Hz, patches of {shape}: it listens on the device "
    "only, and only labels leave it (`docs/results-mode.md`)."
)
HEARD: Final = (
    "Input: {given} Output: one score for each of {labels} labels, {activation}, calibrated by a "
    "temperature a label; a label is active from its own threshold on, and a second below all of "
    'them is "other". {parameters:,} parameters. The recipe is `training/`.'
)
FOLD: Final = """\
# {title}, without fold {fold}

Test material, not for use: trained without the recordings whose source is in fold {fold} of the
shared data, so that tests may play that fold to it. Its thresholds were chosen without that fold,
too. What the recipe is worth is told by the card of `{title}`.

Licence of the weights: {licence}. Commercial use: {commercial}.
"""
CARD: Final = """\
# {title}

Trained on all recordings of the data named below. **Its own figures cannot be measured on them**:
these were measured on the fold models of the same recipe, each on recordings whose source it never
heard, by the code of `cityhum evaluate`:

    {command}

## What it hears

{heard}

## Figures

{folds}

{rules}

{others}
## Every label

{classes}

{together}

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

{limits}

## Data and licence

{data}

Licence of the weights: {licence}. Commercial use: {commercial}. The code that made them is
Apache-2.0.
"""


RULES: Final = (
    "Each data set by itself: the highest label among those that it has. Score of a clip: mean "
    "over its looks."
)
OF_SHARED_FOLDS: Final = (
    " Of the third fold of UrbanSound8K there is a part here, which is not in the mean."
)
TOGETHER: Final = (
    "{sets} together, {clips} clips. Precision and recall: the label with the highest score among "
    'these. Active: the label reaches its own threshold, whatever others do; "active elsewhere" '
    "counts clips of other labels, in which it may really be heard, for nobody annotated the "
    "background."
)
OF_SHARED_SOUNDS: Final = (
    "Birds, wind and traffic rest on a handful of recordings. Few sources of real sirens, hardly "
    "any from outside Europe and North America. Never tested on real microphones outdoors. Numbers "
    "of sources are Freesound ids. "
)
LIMITS: Final = (
    "Clips are seconds long and hold one labelled sound: no false-alarm rate per week follows from "
    "hours of them, and none is claimed."
)
