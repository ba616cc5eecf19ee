"""What a reference's features are worth once taught: its embedding under logistic regression."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from acoustics.clips import without_silence
from benchmarks.hearing_references import REFERENCES
from hearing import looks
from hearing.adapters.recordings import read_mono
from hearing.metrics import area_under_curve
from training.datasets import Clip

_REFERENCE: Final = REFERENCES[1]
_LOOSE: Final = 0.01  # 384 features and a thousand clips of a few hundred sources


class Probe(NamedTuple):
    """One data set, means over its tested folds."""

    model: str
    dataset: str
    accuracy: float
    siren_auc: float | None
    clips: int


def probes(clips: Sequence[Clip], shared: Path) -> list[Probe]:
    """Teach MobileNet's embedding each fold's complement, and test it on the fold.

    Parameters
    ----------
    clips : sequence of Clip
        Of all data sets; those with one label of UrbanSound8K or ESC-10 are used.
    shared : Path
        Holds `models/`.

    Returns
    -------
    list of Probe
        One a data set.
    """
    used = [clip for clip in clips if clip.dataset in {"urbansound8k", "esc10"}]
    embedded = np.stack(list(_embeddings(used, shared)))
    labels = np.array([next(iter(clip.heard)) for clip in used])
    groups = np.array([clip.group for clip in used])
    sets = np.array([clip.dataset for clip in used])
    tested = {"urbansound8k": (1, 2), "esc10": tuple(sorted(set(groups[sets == "esc10"])))}
    return [
        _probe(dataset, [(embedded[sets == dataset], labels[sets == dataset],
                          groups[sets == dataset] == fold) for fold in folds])
        for dataset, folds in tested.items()
    ]  # fmt: skip


def _probe(
    dataset: str, splits: Sequence[tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.bool_]]]
) -> Probe:
    right, areas = [], []
    for embedded, labels, test in splits:
        taught = make_pipeline(StandardScaler(), LogisticRegression(C=_LOOSE, max_iter=2000))
        taught.fit(embedded[~test], labels[~test])
        scores = taught.predict_proba(embedded[test])
        names = list(taught.classes_)
        right.append(float((taught.classes_[scores.argmax(axis=1)] == labels[test]).mean()))
        if "siren" in names:
            area = area_under_curve(labels[test] == "siren", scores[:, names.index("siren")])
            areas.append(area or 0.0)
    return Probe(
        model=f"{_REFERENCE.name} probe",
        dataset=dataset,
        accuracy=round(float(np.mean(right)), 4),
        siren_auc=round(float(np.mean(areas)), 4) if areas else None,
        clips=sum(int(test.sum()) for _, _, test in splits),
    )


def _embeddings(clips: Sequence[Clip], shared: Path) -> Iterator[NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = shared / "models" / _REFERENCE.name / _REFERENCE.weights
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    look = looks.of(_REFERENCE.given)
    for clip in tqdm(clips, desc=f"{_REFERENCE.name} embedding", unit="clip"):
        sound = without_silence(read_mono(clip.file, look.rate_hz)).astype(np.float32)
        whole = np.resize(sound, look.samples) if len(sound) < look.samples else sound
        starts = range(0, len(whole) - look.samples + 1, look.rate_hz)
        made = [look.patches(whole[n : n + look.samples]) for n in starts]
        (found,) = session.run(["embedding"], {"mel": np.concatenate(made)})
        yield found.mean(axis=0)
