"""The step `quantise`: INT8 of a model and of its fold models, shipped where the verdict allows."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hearing.adapters import runtime
from hearing.adapters.recordings import read_mono
from hearing.clips import Patches, clip_scores, rate_of
from hearing.decide import Scores
from hearing.heard import Heard
from hearing.judging import judge
from hearing.manifest import Manifest
from schemas.errors import BadConfig
from training.data import Clip
from training.quantise import Verdict, losses, quantised, times_ms

PAGE: Final = "int8.md"
"""Beside the model: the verdict, a section of its card."""

_CALIBRATION_CLIPS: Final = 400
_CALIBRATION_PATCHES: Final = 1024
_LONGEST_S: Final = 60
"""Of a long recording, enough to see how large activations get."""
_SEED: Final = 8


_PAGE: Final = """## INT8 against float

The fold models on the {clips} clips that they never heard, all labels against each other: accuracy
{float_accuracy} in float, {int8_accuracy} in INT8. One thread, batches of 64: {float_ms:.3f}
against {int8_ms:.3f} ms a patch. INT8 is shipped if it is faster and no class loses more than a
point of average precision: {conclusion}

| label | clips | average precision lost, points | recall lost, points |
|---|---|---|---|
{losses}
"""


@dataclass(frozen=True, eq=False)
class Rounded:
    """A model's folder, and what it would become."""

    folder: Path
    exact: bytes
    weights: bytes
    patches: Patches
    manifest: Manifest


def quantise(models: Path, name: str, clips: list[Clip]) -> Verdict:
    """Round a model and its fold models; replace all of them if the verdict allows it.

    Parameters
    ----------
    models : Path
        Folder of models; fold models lie in `folds/NAME-foldN`.
    name : str
        `street8-0.3.0`; its weights must be float still.
    clips : list of Clip
        To calibrate with what a model was trained on, and to judge with what it was not.

    Returns
    -------
    Verdict
        Of all folds together.

    Raises
    ------
    BadConfig
        A model is missing or INT8 already, or there is no fold model to judge by.
    """
    folds = {_fold(folder): folder for folder in sorted((models / "folds").glob(f"{name}-fold*"))}
    if not folds:
        raise BadConfig(f"{models / 'folds'}: no {name}-fold*, and only they can be judged")
    judged = {n: _rounded(folder, clips, n) for n, folder in folds.items()}
    verdict = _verdict(judged, clips)
    (models / name / PAGE).write_text(page(verdict), "utf-8")
    if verdict.ships:
        whole = _rounded(models / name, clips, 0)
        for rounded in (*judged.values(), whole):
            _replace(rounded)
    return verdict


def page(verdict: Verdict) -> str:
    """The verdict in words and as a table.

    Parameters
    ----------
    verdict : Verdict
        Of a model's folds.

    Returns
    -------
    str
        Markdown, with its heading.
    """
    losses = "\n".join(
        f"| {label} | {loss.clips} | {100 * loss.average_precision:.1f} | {100 * loss.recall:.1f} |"
        for label, loss in verdict.classes.items()
    )
    return _PAGE.format(
        float_ms=verdict.float_ms,
        int8_ms=verdict.int8_ms,
        float_accuracy=verdict.float_accuracy,
        int8_accuracy=verdict.int8_accuracy,
        clips=sum(loss.clips for loss in verdict.classes.values()),
        conclusion="it is." if verdict.ships else "it is not, the float weights are.",
        losses=losses,
    )


def _fold(folder: Path) -> int:
    found = re.search(r"-fold(\d+)$", folder.name)
    return int(found[1]) if found else 0


def _rounded(folder: Path, clips: list[Clip], fold: int) -> Rounded:
    manifest = runtime.load(folder).manifest
    if manifest.precision == "int8":
        raise BadConfig(f"{folder}: is INT8 already; export it again first")
    exact = (folder / manifest.file).read_bytes()
    patches = _calibration(manifest, clips, fold)
    weights = quantised(exact, patches)
    sha256 = hashlib.sha256(weights).hexdigest()
    changed = manifest.model_copy(update={"sha256": sha256, "precision": "int8"})
    return Rounded(folder, exact, weights, patches, changed)


class _Taker:
    """Listens without an opinion, and keeps the patches that it was given."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.taken: list[Patches] = []

    def scores(self, patches: Patches, /) -> Scores:
        self.taken.append(patches)
        return np.zeros((len(patches), len(self.manifest.labels)), np.float32)


def _calibration(manifest: Manifest, clips: list[Clip], fold: int) -> Patches:
    rng = np.random.default_rng(_SEED)
    allowed = [clip for clip in clips if not fold or clip.group != fold]
    chosen = rng.permutation(len(allowed))[:_CALIBRATION_CLIPS]
    taker = _Taker(manifest)
    for n in tqdm(chosen, desc=f"calibrating without fold {fold}", unit="clip"):
        clip_scores(_sound(allowed[n], manifest), taker)
    taken = cast("Patches", np.concatenate(taker.taken))
    return taken[rng.permutation(len(taken))[:_CALIBRATION_PATCHES]]


def _sound(clip: Clip, manifest: Manifest) -> NDArray[np.float64]:
    rate_hz = rate_of(manifest.input)
    sound = read_mono(clip.file, rate_hz)
    if clip.span_s is None:
        return sound
    first, last = (int(s * rate_hz) for s in clip.span_s)
    return sound[first : min(last, first + _LONGEST_S * rate_hz)]


def _verdict(judged: dict[int, Rounded], clips: list[Clip]) -> Verdict:
    exact: list[Heard] = []
    rounded: list[Heard] = []
    for fold, model in judged.items():
        unheard = [c for c in clips if c.group == fold and not c.bed and len(c.heard) == 1]
        before, after = runtime.load(model.folder), _loaded(model)
        for clip in tqdm(unheard, desc=f"judging fold {fold}", unit="clip"):
            sound = _sound(clip, model.manifest)
            exact.append(_heard(clip, sound, before))
            rounded.append(_heard(clip, sound, after))
    if not exact:
        raise BadConfig("no recording is held out with a fold")
    manifest = next(iter(judged.values())).manifest
    reports = judge(exact, manifest), judge(rounded, manifest)
    times = [times_ms(model.exact, model.weights, model.patches) for model in judged.values()]
    float_ms, int8_ms = np.median(times, axis=0)
    return Verdict(
        float_ms=float(float_ms),
        int8_ms=float(int8_ms),
        float_accuracy=reports[0].accuracy,
        int8_accuracy=reports[1].accuracy,
        classes=losses(*reports),
    )


def _heard(clip: Clip, sound: NDArray[np.float64], model: runtime.Model) -> Heard:
    seconds = len(sound) / rate_of(model.manifest.input)
    return Heard(clip.heard, clip.source, seconds, clip_scores(sound, model))


def _loaded(model: Rounded) -> runtime.Model:
    """The INT8 network, checked as the processors would."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), model)
        return runtime.load(folder)


def _replace(model: Rounded) -> None:
    _write(model.folder, model)


def _write(folder: Path, model: Rounded) -> None:
    (folder / model.manifest.file).write_bytes(model.weights)
    (folder / "manifest.json").write_text(model.manifest.model_dump_json(indent=2) + "\n")
