"""What a window's row says, one second after the other: the simple way, with Python's integers."""

from collections.abc import Mapping, Sequence

from acoustics.decibels import energy_of
from hearing.taxonomy import ORIGINS
from processors import sources
from processors.window_keys import BASE_S
from processors.window_seconds import Heard, Second
from processors.window_sums import GAP_MS, Sounded, Sums, class_of
from schemas.envelopes import LabelledBatch


def energy(level: int) -> int:
    """Energy of a level in hundredths of a dB."""
    return energy_of(level / 100)


def of_seconds(heard: Heard, background: int | None, before: Second | None) -> Sums:
    """Sums of a base window; `before`: the last second of the window before."""
    seconds = heard.each()
    classes: dict[int, int] = {}
    for second in seconds:
        index = class_of(second.laeq)
        classes[index] = classes.get(index, 0) + 1
    return Sums(
        len(seconds),
        (sum(energy(second.laeq) for second in seconds), heard.c_energy, heard.z_energy),
        heard.maxima,
        heard.overload_s,
        heard.floor_s,
        heard.calibration,
        classes,
        _sounded(seconds, background, before),
    )


def _sounded(
    seconds: Sequence[Second], background: int | None, before: Second | None
) -> Mapping[str, Sounded]:
    found: dict[str, list[int]] = {}
    last_ms: dict[str, int] = {}
    if before is not None:
        at_ms = before.at_ms - 1000 * BASE_S
        last_ms = dict.fromkeys((label for label, _ in before.scores), at_ms)
    for at_ms, laeq, scores in seconds:
        whole = energy(laeq)
        given = parts(excess(whole, background), scores) if scores else ()
        for (label, score), own in zip(scores, given, strict=True):
            sums = found.setdefault(label, [0, 0, 0, 0, 0, 0])
            sums[0] += 1
            sums[1] += label not in last_ms or at_ms - last_ms[label] > GAP_MS
            last_ms[label] = at_ms
            sums[2] += score
            sums[3] = max(sums[3], score)
            sums[4] += whole
            sums[5] += own
    return {label: Sounded(*found[label]) for label in sorted(found)}


def excess(level_energy: int, residual: int | None) -> int:
    """Energy of a second that its background does not explain; 0 if that is unknown."""
    return 0 if residual is None or residual >= level_energy else level_energy - residual


def parts(energy: int, scores: Sequence[tuple[str, int]]) -> Sequence[int]:
    """Divide a second's excess among the labels that are active in it.

    Parameters
    ----------
    energy : int, >= 0
        To be divided.
    scores : sequence of (label, per mille), not empty
        Who is active.

    Returns
    -------
    sequence of int
        One for each label, rounded down: never more together than there is.

    Examples
    --------
    >>> parts(1000, [("birds", 600), ("siren", 600)]), parts(1000, [("birds", 500), ("siren", 800)])
    ([500, 500], [200, 799])
    """
    if len(scores) == 1 or not energy:
        return [energy] * len(scores)
    weights = [sources.weight(score) for _, score in scores]
    total = sum(weights)
    return [energy * one // total for one in weights]


def seconds_of(batch: LabelledBatch) -> list[Second]:
    """The seconds of a batch whose readings begin with a base window."""
    scores = batch.labels or ({},) * batch.count
    return [
        Second(
            1000 * n + 500,
            round(100 * levels.laeq_1s_db),
            tuple(sorted((k, s) for k, s in said.items() if s >= 500 and k in ORIGINS)),
        )
        for n, (levels, said) in enumerate(zip(batch.levels, scores, strict=True))
    ]
