"""What a run of windows beside others is worth."""

from typing import Any

import pytest

from benchmarks.window_account import (
    FAULTS,
    Work,
    is_clean,
    rates,
    span_of_outputs,
    span_of_points,
    told,
)

RIGHT = dict.fromkeys(FAULTS, 0)


def test_who_tells_all_in_one_go_is_no_faster_than_its_cpu() -> None:
    assert rates(Work(240_000, span_s=0.7, cpu_s=2.0)) == {"per_s": 120_000, "per_cpu_s": 120_000}
    assert rates(Work(240_000, span_s=0.0, cpu_s=2.0))["per_s"] == 120_000
    assert rates(Work(240_000, span_s=4.0, cpu_s=2.0)) == {"per_s": 60_000, "per_cpu_s": 120_000}


def test_who_does_not_tell_all_has_no_rate() -> None:
    partly = told(Work(240_000, 9.0, 9.0), RIGHT | {"missing": 1}, kills=0)
    assert (partly["per_s"], partly["per_cpu_s"]) == (None, None)
    killed = told(Work(240_000, 9.0, 9.0), RIGHT, kills=2)
    assert (killed["per_s"], killed["per_cpu_s"], killed["kills"]) == (26_667, None, 2)


def test_what_came_out_first_was_worked_off_before_the_clock_started() -> None:
    assert span_of_outputs([5.0, 5.0, 6.0, 7.0]) == pytest.approx(2.0 * 4 / 2)
    assert span_of_outputs([5.0, 5.0]) == span_of_outputs([]) == 0.0
    assert span_of_points([(1.0, 200), (2.0, 300), (3.0, 400)]) == pytest.approx(2.0 * 400 / 200)
    assert span_of_points([(1.0, 400)]) == span_of_points([]) == 0.0


def test_only_windows_of_ours_must_all_be_right() -> None:
    theirs = {"name": "faust", **dict.fromkeys(FAULTS, 9)}

    def result(ours: dict[str, int]) -> dict[str, Any]:
        return {"undisturbed": [theirs], "killed twice": [theirs, {"name": "cityhum", **ours}]}

    assert is_clean(result(RIGHT))
    assert not any(is_clean(result(RIGHT | {fault: 1})) for fault in FAULTS)
