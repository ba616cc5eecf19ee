from collections.abc import Sequence

import numpy as np
import pytest

from hearing import judging
from hearing.heard import Heard
from hearing.judging import Report
from tests.unit.hearing.manifests import manifest

LABELS = ("siren", "dog_bark", "rain")


def clip(labels: str, *scores: float, group: str = "", seconds: float = 4.0) -> Heard:
    return Heard(frozenset(labels.split()), group, seconds, np.array([scores], np.float32))


def judge(*heard: Heard, labels: Sequence[str] = LABELS) -> Report:
    halves, ones = dict.fromkeys(labels, 0.5), dict.fromkeys(labels, 1.0)
    return judging.judge(heard, manifest(labels=labels, thresholds=halves, temperature=ones))


def test_a_clip_with_two_labels_is_right_by_either_and_counts_against_neither() -> None:
    both = [clip("siren dog_bark", 0.9, 0.8, 0.1)] * 3
    report = judge(*both, *[clip("rain", 0.1, 0.1, 0.9)] * 2)
    assert (report.clips, report.judged, report.accuracy, report.siren_auc) == (5, 5, 1.0, 1.0)
    assert report.classes["dog_bark"].average_precision == 1.0
    assert report.siren is not None
    assert report.siren.at_one_false_alarm_per_hour.recall == 1.0
    assert report.siren.at_shipped_threshold.false_alarms == 0
    assert report.siren.negative_hours == pytest.approx(8 / 3600, abs=1e-4)
    assert report.confusion.counts == ((0, 0, 0), (0, 0, 0), (0, 0, 2))
    assert report.calibration is not None
    assert report.calibration.top.ece < 0.2


def test_false_alarms_do_not_depend_on_how_a_recording_was_cut() -> None:
    scores = np.tile(np.array([0.9, 0, 0], np.float32), (20, 1))
    whole = Heard(frozenset({"rain"}), "", 20.0, scores)
    cut = [
        Heard(frozenset({"rain"}), "", 1.0, scores[n : n + 1], "rain.wav", float(n))
        for n in range(20)
    ]
    siren = clip("siren", 0.8, 0, 0)
    for heard in ([whole], cut):
        report = judge(siren, *heard)
        assert report.siren is not None
        assert report.siren.at_shipped_threshold.false_alarms == 2


def test_the_argmax_is_taken_over_the_labels_present() -> None:
    # rain is loudest, but no clip of this manifest is rain
    report = judge(clip("siren", 0.6, 0.2, 0.9), clip("dog_bark", 0.1, 0.3, 0.9))
    assert report.accuracy == 1.0
    assert report.siren_auc == 1.0
    assert set(report.classes) == {"siren", "dog_bark"}


def test_a_class_reports_what_argmax_and_threshold_make_of_it() -> None:
    report = judge(
        clip("siren", 0.9, 0.1, 0), clip("siren", 0.2, 0.8, 0), clip("dog_bark", 0.7, 0.3, 0)
    )
    siren = report.classes["siren"]
    assert (siren.clips, siren.precision, siren.recall, siren.f1) == (2, 0.5, 0.5, 0.5)
    assert (siren.active_recall, siren.active_false_share) == (0.5, 1.0)
    assert report.classes["dog_bark"].recall == 0.0
    assert report.accuracy == pytest.approx(0.3333)


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    report = judge(
        clip("siren", 0.9, 0.1, 0), clip("siren", 0.2, 0.8, 0), clip("dog_bark", 0, 1, 0)
    )
    assert report.confusion.labels == ("siren", "dog_bark")
    assert report.confusion.counts == ((1, 1), (0, 1))
    assert judging.worst_confusions(report) == [("siren", "dog_bark", 1, 0.5)]


def test_labels_that_the_model_does_not_know_are_negatives_only() -> None:
    report = judge(clip("siren", 0.9, 0.1, 0), clip("café", 0.3, 0.2, 0))
    assert report.unknown_labels == {"café": 1}
    assert (report.clips, report.judged) == (2, 1)
    assert report.accuracy == 1.0
    assert report.siren_auc == 1.0
    assert report.out_of_domain is not None
    assert (report.out_of_domain.told_other, report.out_of_domain.known_told_other) == (1.0, 0.0)


def test_a_model_that_knows_none_of_the_labels_is_judged_on_nothing() -> None:
    report = judge(clip("café", 0.9, 0.1, 0))
    assert (report.accuracy, report.macro_map, report.calibration) == (None, None, None)
    assert report.confusion.counts == ()


def test_groups_have_their_own_accuracy_and_none_is_no_group() -> None:
    clips = [clip("siren", 0.9, 0.1, 0, group="a"), clip("dog_bark", 0.8, 0.2, 0, group="b")]
    assert judge(*clips, clip("siren", 1, 0, 0)).groups == {"a": 1.0, "b": 0.0}


def test_without_a_siren_there_is_no_siren_auc() -> None:
    report = judge(clip("dog_bark", 0.9, 0.1, 0))
    assert (report.siren_auc, report.siren, report.emergency) == (None, None, None)


def test_with_less_than_an_hour_of_negatives_no_false_alarm_is_allowed() -> None:
    sirens = [clip("siren", 0.9, 0, 0, group="a"), clip("siren", 0.6, 0, 0, group="b")]
    few = judge(*sirens, clip("siren", 0.95, 0, 0, group="a"), clip("dog_bark", 0.7, 1, 0))
    assert few.siren is not None
    strict, shipped = few.siren.at_one_false_alarm_per_hour, few.siren.at_shipped_threshold
    assert (strict.false_alarms, strict.recall, strict.recall_by_source) == (0, 0.6667, 0.5)
    assert strict.sources == {"a": 1.0, "b": 0.0}
    assert (shipped.threshold, shipped.recall, shipped.false_alarms) == (0.5, 1.0, 1)
    assert shipped.per_hour == 900
    hours = judge(*sirens, clip("dog_bark", 0.7, 1, 0, seconds=3600))
    assert hours.siren is not None
    assert hours.siren.at_one_false_alarm_per_hour.recall == 1.0


def test_an_emergency_is_a_siren_that_outweighs_every_vehicle() -> None:
    labels = ("siren", "traffic", "engine_idling")
    report = judge(
        clip("siren", 0.6, 0.5, 0.1), clip("siren", 0.3, 0.2, 0.4), clip("traffic", 0.1, 0.2, 0.0),
        clip("engine_idling", 0.4, 0.1, 0.9), labels=labels,
    )  # fmt: skip
    assert report.emergency is not None
    assert (report.emergency.sirens, report.emergency.vehicles) == (2, 2)
    assert (report.emergency.precision, report.emergency.recall) == (1.0, 0.5)
    assert report.emergency.area == 1.0
