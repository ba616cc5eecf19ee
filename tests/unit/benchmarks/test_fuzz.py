"""The fuzzer in short, and that it would notice what it looks for."""

import logging

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_ceiling import Witness
from benchmarks.fuzz_mutations import KINDS, story
from schemas.codec import decode
from schemas.errors import BadMessage
from schemas.messages import FeatureBatch

MESSAGES = 500


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "processors")


def test_every_mutated_message_is_accounted_for() -> None:
    tally = fuzz.in_process(MESSAGES, seed=5)
    assert set(tally.sent) == {*KINDS, "honest"}
    assert tally.acknowledged == tally.sent.total() == MESSAGES
    assert tally.passed, fuzz.figures(tally)
    assert tally.fullest == 8


def test_a_bridge_without_a_guard_would_be_noticed() -> None:
    witness = Witness()
    for sent in story(5, "p-00000", MESSAGES):
        try:
            batch = decode(FeatureBatch, sent.payload)
        except BadMessage:
            continue
        witness.hears(batch.model_dump(mode="json"))
    assert witness.most() > 8


def test_a_lost_message_would_be_noticed() -> None:
    tally = fuzz.in_process(64, seed=5)
    tally.forwarded.clear()
    assert tally.missing
    assert not tally.passed


def test_the_same_seed_tells_the_same_story() -> None:
    assert list(story(7, "p-00000", 200)) == list(story(7, "p-00000", 200))
