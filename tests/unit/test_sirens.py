"""The benchmark of sirens: rules, mixtures and the choice among rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from benchmarks import sirens_tune as tuning
from benchmarks.sirens_mixes import Source, gain_for, mixes
from benchmarks.sirens_rule import Raised, alerts, first_within
from benchmarks.sirens_sounds import Piece, joined, stream
from benchmarks.sirens_tune import Outcome, Tried
from processors import detector
from processors.detector import Place, Watch
from processors.event_time import SECOND_US
from processors.judgement import poisson_upper
from processors.rule_terms import LEVEL_FIELDS, Second
from processors.rules import LabelRule
from tests.builders import SESSION

RULE = LabelRule(
    rule="siren",
    label="siren",
    on_score=500,
    off_score=300,
    on_seconds=2,
    of_seconds=4,
    off_seconds=3,
    cooldown_s=2,
    max_duration_s=12,
)


@given(
    scores=st.lists(st.sampled_from([0, 200, 300, 499, 500, 900]), max_size=60),
    merge_s=st.sampled_from([0, 6]),
)
def test_seconds_that_are_passed_over_would_have_said_nothing(
    scores: list[int], merge_s: int
) -> None:
    rule = tuning.changed(RULE, merge_s=merge_s)
    watch, raised = Watch(rule), []
    for n, score in enumerate(scores):
        second = Second(
            n * SECOND_US,
            SESSION,
            n,
            (0.0,) * len(LEVEL_FIELDS),
            overload=False,
            scores={"siren": score},
        )
        watch, told = detector.hear(watch, second, Place("harbour", "pole-01"))
        raised += [n for alert in told if alert.state == "raised"]
    assert [one.raised for one in alerts(np.array(scores, dtype=np.int64), rule)] == raised


def test_an_alert_that_was_open_before_is_no_find() -> None:
    assert first_within([Raised(3, 5)], onset_s=4.5, until_s=20) == 1.5
    assert first_within([Raised(1, 3), Raised(6, 8)], onset_s=4.5, until_s=20) is None
    assert first_within([Raised(3, 30)], onset_s=4.5, until_s=20) is None


@given(snr_db=st.floats(-20, 30), seed=st.integers(0, 99))
def test_a_gain_gives_the_wanted_ratio_while_the_siren_sounds(snr_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    siren, bed = rng.random((2, 20, 32)).astype(np.float32)
    siren[:8] = 0
    weights = rng.random(32).astype(np.float32) + 0.1
    gain = gain_for(siren, bed, snr_db, weights)
    ratio = gain * (siren[8:] @ weights).mean() / (bed[8:] @ weights).mean()
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.01)


def test_a_siren_meets_only_beds_that_its_model_has_not_heard() -> None:
    rng = np.random.default_rng(1)
    beds = [piece(f"bed {group}", group, rng) for group in (1, 2, 2, 3)]
    codes = rng.integers(80, 200, (112, 32), dtype=np.uint8)
    recorded = list(mixes([Source("40717", "recorded", 2, codes)], beds, "A"))
    made = list(mixes([Source("wail 0", "wail", 0, codes)], beds, "A"))
    assert {mix.group for mix in recorded} == {2}
    assert len(recorded) == 2 * 6
    assert {mix.group for mix in made} == {1, 2, 3}
    assert all(mix.codes.shape == (240, 32) for mix in recorded)
    assert {mix.end_s - mix.onset_s for mix in recorded} == {14.0}


def test_a_few_slices_go_round_and_a_stream_names_every_second() -> None:
    assert len(joined([np.zeros(16_000)])) == 12 * 16_000
    rng = np.random.default_rng(2)
    codes, heard = stream([piece("a", 1, rng), piece("b", 1, rng)], rng)
    assert len(codes) == 8 * len(heard)
    assert {one.source for one in heard} == {"a", "b"}


def test_the_best_rule_keeps_to_the_limits_on_the_folds_that_chose_it() -> None:
    loud = tried(600, found=(True, True), false=0)
    eager = tried(200, found=(True, True), false=9)
    deaf = tried(900, found=(True, False), false=0)
    assert tuning.best([one.over([1, 2]) for one in (deaf, eager, loud)]).rule == loud.rule
    told = tuning.across_folds([deaf, eager, loud], [1, 2])
    assert {fold: one["rule"] for fold, one in told.items()} == dict.fromkeys("12", "2 of 4 at 600")


@given(count=st.integers(0, 400))
def test_the_bound_is_half_a_chi_square_quantile(count: int) -> None:
    assert poisson_upper(count) == pytest.approx(chi2.ppf(0.95, 2 * (count + 1)) / 2, rel=1e-6)


def piece(source: str, group: int, rng: np.random.Generator) -> Piece:
    codes = rng.integers(60, 160, (40, 32), dtype=np.uint8)
    return Piece(
        source, group, "test", vehicle=False, bed=True, disputed=False, codes=codes, clips=()
    )


def tried(on_score: int, found: tuple[bool, bool], false: int) -> Tried:
    outcome = Outcome(found, (2.0, 2.5), (True,), (false,), hours=1.0)
    return Tried(
        tuning.changed(RULE, on_score=on_score, off_score=100), {1: outcome, 2: outcome}, 1
    )
