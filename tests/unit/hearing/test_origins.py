import numpy as np

from hearing.origins import ORIGINS, origin_scores
from hearing.taxonomy import LABELS
from hearing.taxonomy import ORIGINS as OF_LABEL


def test_every_label_speaks_for_its_origin_alone() -> None:
    found = origin_scores(np.eye(len(LABELS)), LABELS)
    assert [ORIGINS[n] for n in found.argmax(axis=1)] == [OF_LABEL[label] for label in LABELS]
    assert (found.sum(axis=1) == 1).all()


def test_labels_without_an_origin_speak_for_none() -> None:
    assert origin_scores([[0.9]], ["other"]).tolist() == [[0.0, 0.0, 0.0]]
