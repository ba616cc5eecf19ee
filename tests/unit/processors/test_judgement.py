from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.judgement import (
    JudgedAlert,
    Opinion,
    counted,
    most_telling_first,
    per_device_week,
    poisson_upper,
)
from tests.builders import SESSION, STARTED_AT


def judged(n: int, peak_score: int | None = 700, verdict: Opinion | None = None) -> JudgedAlert:
    onset_at = STARTED_AT + timedelta(minutes=n)
    return JudgedAlert(
        alert_id=uuid5(UUID(int=0), str(n)),
        rule="siren",
        rule_version="0" * 32,
        device="pole-07",
        session=SESSION,
        onset_at=onset_at,
        raised_at=onset_at + timedelta(seconds=3),
        ended_at=onset_at + timedelta(seconds=20),
        peak_score=peak_score,
        active_s=10,
        historical=False,
        verdict=verdict,
    )


def test_unjudged_alerts_nearest_the_threshold_are_asked_for_first() -> None:
    alerts = [
        judged(1, 505, "true"),
        judged(2, 900),
        judged(3, 510, "unsure"),
        judged(4, 560),
        judged(5, 560),
        judged(6, None),
    ]
    ordered = most_telling_first(alerts, {"siren": 500})
    assert ordered == [alerts[n] for n in (4, 3, 1, 5, 2, 0)]


def test_what_nobody_has_judged_bounds_like_a_false_alert() -> None:
    verdicts: list[Opinion | None] = ["true", "true", "true", "false", "unsure", None]
    found = counted("siren", [judged(n, verdict=v) for n, v in enumerate(verdicts)], 336.0)
    assert (found.judged, found.true, found.false, found.unsure) == (5, 3, 1, 1)
    assert found.precision == 0.75
    assert found.false_per_device_week == 0.5
    assert found.at_most_per_device_week == pytest.approx(poisson_upper(3) / 2)


def test_without_evidence_nothing_is_claimed() -> None:
    found = counted("siren", [], 0.0)
    assert (found.precision, found.at_most_per_device_week) == (None, None)
    hours = 2.2  # no false alarm in them bounds little, and one a week needs 503 h
    assert per_device_week(poisson_upper(0), hours) == pytest.approx(229, abs=1)
    assert poisson_upper(0) * 168 == pytest.approx(503, abs=1)


@given(count=st.integers(0, 300), confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_more_events_and_more_confidence_bound_less_tightly(count: int, confidence: float) -> None:
    bound = poisson_upper(count, confidence)
    assert count < bound < poisson_upper(count + 1, confidence)
    assert bound < poisson_upper(count, confidence + 0.005)
