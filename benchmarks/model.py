"""What hearing costs: our models beside YAMNet and MobileNet, one thread, taking turns.

Run: `python -m benchmarks model [--json] [--rounds N] [--model NAME …] [--references FOLDER]`.

Every model is timed in every round, one after the other, so that whatever else the machine does
strikes all alike; figures are medians over the rounds of CPU time. A patch costs what
`Model.scores` takes for it, alone and among 64. A second of sound costs one look, since programs
of ours look once a second: the front end of a look, then its patches. Looks differ in length
(`look_s`), so the cost for sound that is looked at only once is told too.

Also: how far scores of a patch differ between batches of 64 and alone; more than one per mille
is a failure (status 1).
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from acoustics import mel
from benchmarks import hearing_references
from hearing import looks
from hearing.adapters import runtime, shelf
from hearing.clips import Patches

BATCH: Final = 64
WORST_PER_MILLE: Final = 1.0
Figures = Mapping[str, Mapping[str, float]]

_SEED: Final = 3
_LEAST_S: Final = 0.02
"""A timing shorter than this would count the clock's own steps."""
_REFERENCES: Final = Path(__file__).parents[2] / "shared" / "models"
_CODES_LOOK_S: Final = 4.0


@dataclass(frozen=True, eq=False)
class Subject:
    """A model, what it is given, and how that is made.

    Attributes
    ----------
    patches : ndarray, shape (64, ...)
        A batch.
    per_look : int
        Patches of one look.
    look_s : float
        Sound that a look covers, s.
    front_end : callable
        Makes what a new second of sound needs.
    """

    model: runtime.Model
    patches: Patches
    per_look: int
    look_s: float
    front_end: Callable[[], object]


def subject(model: runtime.Model) -> Subject:
    """A model with a batch of patches of noise that swells and fades."""
    wanted = model.manifest.input
    if wanted.frontend == "mel32x8":
        state, codes = mel.frames(mel.MelState(), _noise(mel.RATE_HZ, BATCH + 3))
        windows = np.lib.stride_tricks.sliding_window_view(codes, wanted.shape[0], axis=0)
        patches = np.ascontiguousarray(windows[:: mel.FRAMES_PER_S].transpose(0, 2, 1)[:BATCH])
        second = _noise(mel.RATE_HZ, 1)
        return Subject(model, patches, 1, _CODES_LOOK_S, lambda: mel.frames(state, second))
    look = looks.of(wanted)
    sound = _noise(look.rate_hz, BATCH + 10).astype(np.float32)
    heard = sound[: look.samples]
    per_look = len(look.patches(heard))
    starts = [n * look.rate_hz for n in range(-(-BATCH // per_look))]
    patches = np.concatenate([look.patches(sound[n : n + look.samples]) for n in starts])[:BATCH]
    return Subject(
        model, patches, per_look, look.samples / look.rate_hz, lambda: look.patches(heard)
    )


def _noise(rate_hz: int, seconds: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(_SEED)
    swell = 0.1 + 0.1 * np.sin(np.arange(rate_hz * seconds) / rate_hz)
    return np.asarray(swell * rng.normal(0.0, 0.3, rate_hz * seconds), np.float64)


def measure(subjects: Mapping[str, Subject], rounds: int) -> dict[str, dict[str, float]]:
    """Time every part of every model, in turns.

    Parameters
    ----------
    subjects : mapping of str to Subject
        By name.
    rounds : int, >= 1
        How many times each figure is taken.

    Returns
    -------
    dict of str to dict of str to float
        Figures of each model.
    """
    parts = {name: _parts(each) for name, each in subjects.items()}
    repeats = {(n, p): _repeats(work) for n, found in parts.items() for p, work in found.items()}
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in repeats}
    for _ in range(rounds):
        for (name, part), count in repeats.items():
            taken[name, part].append(_ms(parts[name][part], count))
    middle = {key: statistics.median(times) for key, times in taken.items()}
    return {
        name: _figures(each, {part: middle[name, part] for part in parts[name]})
        for name, each in subjects.items()
    }


def _parts(each: Subject) -> dict[str, Callable[[], object]]:
    scores, patches = each.model.scores, each.patches
    return {
        "single": lambda: scores(patches[:1]),
        "batch": lambda: scores(patches),
        "look": lambda: scores(patches[: each.per_look]),
        "front": each.front_end,
    }


def _repeats(work: Callable[[], object]) -> int:
    work()
    return max(1, int(1000 * _LEAST_S / max(1e-3, _ms(work, 1))))


def _ms(work: Callable[[], object], count: int) -> float:
    before = time.process_time()
    for _ in range(count):
        work()
    return 1000 * (time.process_time() - before) / count


def _figures(each: Subject, ms: Mapping[str, float]) -> dict[str, float]:
    both = ms["look"] + ms["front"]
    # frames of codes are made once, whatever looks at them
    fresh = each.look_s if each.model.manifest.input.frontend == "mel32x8" else 1.0
    return {
        "patch_ms_alone": round(ms["single"], 4),
        "patch_ms_of_64": round(ms["batch"] / BATCH, 4),
        "patches_per_s_alone": round(1000 / ms["single"], 1),
        "patches_per_s_of_64": round(1000 * BATCH / ms["batch"], 1),
        "look_s": round(each.look_s, 3),
        "second_model_ms": round(ms["look"], 4),
        "second_front_end_ms": round(ms["front"], 4),
        "second_ms": round(both, 4),
        "second_looked_at_once_ms": round((ms["look"] + ms["front"] * fresh) / each.look_s, 4),
        "batch_differs_per_mille": _differs(each),
    }


def _differs(each: Subject) -> float:
    together = each.model.scores(each.patches)
    alone = np.concatenate([each.model.scores(each.patches[n : n + 1]) for n in range(BATCH)])
    return round(1000 * float(np.abs(together - alone).max()), 4)


def ratios(figures: Figures, references: Sequence[str]) -> dict[str, float]:
    """How many times faster than a reference each other model hears a second of sound."""
    return {
        f"{name} against {reference}, front end {told}": round(
            figures[reference][key] / figures[name][key], 2
        )
        for name in figures
        for reference in references
        if name not in references
        for key, told in (("second_ms", "included"), ("second_model_ms", "excluded"))
    }


def settings(rounds: int) -> dict[str, str | int]:
    """What the figures depend on."""
    return {
        "cpu": next(_cpu(), platform.processor() or platform.machine()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        "threads": 1,
        "rounds": rounds,
        "clock": "CPU time of the process, median of the rounds, models in turn",
    }


def _cpu() -> Iterator[str]:
    told = Path("/proc/cpuinfo")
    for line in told.read_text().splitlines() if told.is_file() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            yield value.strip()


def main() -> None:
    """Print the figures; status 1 if a batch changes scores by more than one per mille."""
    parser = argparse.ArgumentParser(description="what hearing costs, ours beside others")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--model", action="append", help="name or folder; default: all bundled")
    parser.add_argument("--references", type=Path, default=_REFERENCES, help="YAMNet, MobileNet")
    arguments = parser.parse_args()
    bundled = [entry.name for entry in shelf.entries(runtime.MODELS) if "/" not in entry.name]
    models = {name: runtime.load(name) for name in arguments.model or bundled}
    there = [r for r in hearing_references.REFERENCES if (arguments.references / r.name).is_dir()]
    missing = [r.name for r in hearing_references.REFERENCES if r not in there]
    for name in missing:
        print(f"skipped: {name}, which is not in {arguments.references}", file=sys.stderr)  # noqa: T201
    models |= {r.name: hearing_references.load(r, arguments.references) for r in there}
    figures = measure({name: subject(m) for name, m in models.items()}, arguments.rounds)
    told = settings(arguments.rounds)
    faster = ratios(figures, [r.name for r in there])
    if arguments.json:
        report = {"settings": told, "models": figures, "times_faster": faster, "skipped": missing}
        print(json.dumps(report))  # noqa: T201
    else:
        print("\n".join(lines(told, figures, faster)))  # noqa: T201
    if any(each["batch_differs_per_mille"] > WORST_PER_MILLE for each in figures.values()):
        sys.exit(1)


def lines(
    told: Mapping[str, str | int], figures: Figures, faster: Mapping[str, float]
) -> Iterator[str]:
    """The report for people: settings, a column for each model, and how they compare."""
    yield from (f"{name}: {value}" for name, value in told.items())
    yield " " * 26 + "".join(f"{name:>18}" for name in figures)
    for key in next(iter(figures.values()), {}):
        yield f"{key:26}" + "".join(f"{found[key]:18.4g}" for found in figures.values())
    yield from (f"{pair}: {times:g} times" for pair, times in faster.items())


if __name__ == "__main__":
    main()
