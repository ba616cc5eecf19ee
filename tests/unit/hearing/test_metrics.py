import pytest

from hearing.metrics import area_under_curve, average_precision


def test_a_perfect_ranking_scores_one() -> None:
    truth, scores = [False, True, False, True], [0.1, 0.9, 0.2, 0.8]
    assert area_under_curve(truth, scores) == 1.0
    assert average_precision(truth, scores) == 1.0


def test_equal_scores_are_chance() -> None:
    truth = [True, False, True, False, False]
    assert area_under_curve(truth, [0.5] * 5) == 0.5
    assert average_precision(truth, [0.5] * 5) == pytest.approx(2 / 5)


def test_ranking_by_hand() -> None:
    truth, scores = [True, False, True, False], [0.9, 0.8, 0.7, 0.6]
    assert area_under_curve(truth, scores) == 0.75
    assert average_precision(truth, scores) == pytest.approx((1 + 2 / 3) / 2)


def test_one_class_alone_has_no_area() -> None:
    assert area_under_curve([True, True], [0.1, 0.2]) is None
    assert average_precision([False, False], [0.1, 0.2]) is None
