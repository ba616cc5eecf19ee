from xml.etree import ElementTree as ET

import numpy as np

from hearing.heard import Heard
from hearing.judging import Report, judge
from hearing.pictures import confusion_svg, reliability_svg
from hearing.taxonomy import LABELS
from tests.unit.hearing.manifests import manifest


def report(clips: int) -> Report:
    rng = np.random.default_rng(4)
    halves, ones = dict.fromkeys(LABELS, 0.5), dict.fromkeys(LABELS, 1.0)
    heard = [
        Heard(frozenset({str(label)}), "", 4.0, rng.random((2, len(LABELS)), np.float32))
        for label in rng.choice(LABELS, clips)
    ]
    return judge(heard, manifest(labels=LABELS, thresholds=halves, temperature=ones))


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314  # made by us
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_count_of_the_matrix_is_drawn_under_its_labels() -> None:
    found = report(400)
    drawn = texts(confusion_svg(found.confusion, "a < b & c"))
    assert drawn[0] == "a < b & c"
    counts = [str(n) for row in found.confusion.counts for n in row if n]
    assert [text for text in drawn if text.isdigit()] == counts
    assert drawn.count("air conditioner") == 2


def test_both_diagrams_tell_their_error_and_how_many_they_rest_on() -> None:
    found = report(50)
    assert found.calibration is not None
    drawn = texts(reliability_svg(found.calibration, "t"))
    top = found.calibration.top.ece
    assert f"highest label of each clip: ECE {top:.3f}, n = 50" in drawn


def test_pictures_of_all_labels_stay_small() -> None:
    found = report(2000)
    assert found.calibration is not None
    assert len(confusion_svg(found.confusion, "t")) < 160_000  # every pair confused: the worst
    assert len(reliability_svg(found.calibration, "t")) < 60_000
