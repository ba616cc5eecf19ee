"""Laws of the pipeline: cutting the sound into blocks changes nothing, losses only the time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.calibration import SIMULATED
from agents.pipeline import Block, start, step
from agents.reading import READING_CODE_BYTES, Reading

SESSION = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
STARTED_AT = datetime(2026, 5, 4, tzinfo=UTC)


def heard(rate_hz: int, blocks: list[Block]) -> list[Reading]:
    state = start(SESSION, STARTED_AT, rate_hz, calibration=SIMULATED)
    readings: list[Reading] = []
    for block in blocks:
        state, done = step(state, block)
        readings.extend(done)
    return readings


@given(
    rate_hz=st.sampled_from([16_000, 48_000]),
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.floats(0, 1), max_size=8),
)
def test_blocks_of_any_size_give_the_same_readings(
    rate_hz: int, seed: int, cuts: list[float]
) -> None:
    sound = np.random.default_rng(seed).normal(0, 0.01, 5 * rate_hz // 2).astype(np.float32)
    edges = [0, *sorted(round(c * len(sound)) for c in cuts), len(sound)]
    blocks = [Block(sound[low:high]) for low, high in pairwise(edges)]
    assert heard(rate_hz, blocks) == heard(rate_hz, [Block(sound)])


@given(
    blocks=st.lists(
        st.tuples(st.integers(0, 40_000), st.just(0) | st.integers(0, 10**7)),
        min_size=1,
        max_size=8,
    )
)
def test_seq_has_no_gaps_and_seconds_never_overlap(blocks: list[tuple[int, int]]) -> None:
    sound = np.full(40_000, 0.01, np.float32)
    readings = heard(16_000, [Block(sound[:n], lost_samples=lost) for n, lost in blocks])
    assert [r.seq for r in readings] == list(range(len(readings)))
    for before, after in pairwise(readings):
        gap = after.started_at - before.started_at - timedelta(seconds=1)
        assert gap >= timedelta(0)
    assert all(len(r.codes) == READING_CODE_BYTES for r in readings)
    passed = sum(n + lost for n, lost in blocks) / 16_000
    if readings:
        assert readings[-1].started_at <= STARTED_AT + timedelta(seconds=passed - 1, microseconds=1)
