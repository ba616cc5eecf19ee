"""Natural against human against technogenic: the plain rule, and the reference way.

The rule takes the origin of the label that is highest on the stream's scale, on which every label
is active from 500 per mille on: what label shares count. The reference is logistic regression on
the label probabilities (standardised), five-fold, no source on both sides. The probabilities are
those of models that never heard the clip, so nothing has been taught on what it is tested on.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.hearing_compare import Listened
from hearing import decide
from hearing.origins import ORIGINS, origin_scores
from hearing.taxonomy import origin_of
from schemas.results import Origin
from training.heldout import HeldOut

_SPLITS: Final = 5
_SEED: Final = 8
_QUESTIONS: Final = (("natural", "technogenic"), ORIGINS)


class Row(NamedTuple):
    """One model, one question, one way to answer it."""

    model: str
    question: str
    way: str
    accuracy: float
    balanced_accuracy: float
    clips: int
    sources: int


def rows(name: str, listened: Listened) -> list[Row]:
    """Answer both questions in both ways.

    Parameters
    ----------
    name : str
        Of the model.
    listened : Listened
        What it heard; clips without a label of ours are left out.

    Returns
    -------
    list of Row
        Accuracies are shares of clips.
    """
    named = [one for one in listened.held if _origin(one)]
    votes = np.stack([decide.soft_vote(one.heard.scores) for one in named]).astype(np.float64)
    told = decide.per_mille(votes, listened.manifest) / 1000
    truth = np.array([_origin(one) for one in named])
    source = np.array([one.clip.source for one in named])
    found: list[Row] = []
    for asked in _QUESTIONS:
        kept = np.isin(truth, asked)
        columns = [ORIGINS.index(origin) for origin in asked]
        scores = origin_scores(told[kept], listened.manifest.labels)[:, columns]
        answers = {
            "highest label": np.array(asked)[scores.argmax(axis=1)],
            "logistic regression": _taught(votes[kept], truth[kept], source[kept]),
        }
        for way, answer in answers.items():
            found.append(_row(name, asked, way, answer, truth[kept], source[kept]))
    return found


def _taught(
    votes: NDArray[np.float64], truth: NDArray[np.str_], source: NDArray[np.str_]
) -> NDArray[np.str_]:
    folds = StratifiedGroupKFold(n_splits=_SPLITS, shuffle=True, random_state=_SEED)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    answer = cross_val_predict(model, votes, truth, groups=source, cv=folds)
    return np.asarray(answer)


def _row(
    name: str,
    asked: Sequence[str],
    way: str,
    answer: NDArray[np.str_],
    truth: NDArray[np.str_],
    source: NDArray[np.str_],
) -> Row:
    return Row(
        model=name,
        question=" / ".join(asked),
        way=way,
        accuracy=round(float((answer == truth).mean()), 4),
        balanced_accuracy=round(float(balanced_accuracy_score(truth, answer)), 4),
        clips=len(truth),
        sources=len(np.unique(source)),
    )


def _origin(one: HeldOut) -> Origin | None:
    """Of a clip's label; none where it has several, or one that has none."""
    return origin_of(*one.heard.labels) if len(one.heard.labels) == 1 else None
