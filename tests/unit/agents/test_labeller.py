"""A model that listens along: the shipped one, on a siren of our own making."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from acoustics.sirens import siren
from agents import ear, pipeline
from agents.adapters.labeller import Labeller
from agents.ear import Ear
from agents.labels import Labelled, unpacked
from agents.pipeline import Block, Heard
from agents.reading import Reading
from hearing.adapters.runtime import Model, load
from schemas.base import ACTIVE_SCORE
from tests.builders import SESSION, STARTED_AT, reading


@pytest.fixture(scope="module")
def model() -> Model:
    return load("street8-0.3.0")


def wail(seconds: int, rate_hz: int) -> np.ndarray:
    sound = 0.1 * siren("wail", seconds, rate_hz, np.random.default_rng(3))
    return sound.astype(np.float32)[: seconds * rate_hz]


def heard_by(model: Model, sound: np.ndarray, rate_hz: int) -> list[Labelled]:
    state = pipeline.start(SESSION, STARTED_AT, rate_hz)
    _, seconds = pipeline.hear(state, Block(sound))
    labelled = [unpacked(each.codes) for each in Labeller(model, rate_hz)(seconds)]
    return [each for each in labelled if each is not None]


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_siren_is_heard_and_nothing_but_names_is_kept(model: Model, rate_hz: int) -> None:
    heard = heard_by(model, wail(6, rate_hz), rate_hz)
    assert len(heard) == 6
    assert {each.model for each in heard} == {model.manifest.identity}
    assert all(each.labels.get("siren", 0) >= ACTIVE_SCORE for each in heard[3:])


def test_silence_has_no_label(model: Model) -> None:
    heard = heard_by(model, np.zeros(2 * 16_000, np.float32), 16_000)
    assert [each.labels for each in heard] == [{}, {}]


def test_it_hears_as_the_processors_do(model: Model) -> None:
    """One second at a time, or all at once from the codes: the same scores."""
    state = pipeline.start(SESSION, STARTED_AT, 16_000)
    _, seconds = pipeline.hear(state, Block(wail(5, 16_000)))
    once = Labeller(model, 16_000)(seconds)
    labeller = Labeller(model, 16_000)
    assert [labeller([each])[0] for each in seconds] == once


def second(each: Reading) -> Heard:
    return Heard(each, np.full(4, float(each.seq)))


def test_the_ear_keeps_the_last_seconds() -> None:
    heard = Ear(3)
    for n in range(5):
        at = STARTED_AT + timedelta(seconds=n)
        heard = ear.step(heard, second(reading(n, started_at=at)))
    assert [each.reading.seq for each in heard.recent] == [2, 3, 4]
    assert heard.sound.tolist() == [2.0] * 4 + [3.0] * 4 + [4.0] * 4
    assert [int(row[0]) for row in heard.patch[0][::8]] == [255, 2, 3, 4]


def test_the_ear_forgets_what_came_before_a_gap() -> None:
    before = reading(0, started_at=STARTED_AT)
    after = replace(before, seq=1, started_at=STARTED_AT + timedelta(seconds=1.5))
    heard = ear.step(ear.step(Ear(3), second(before)), second(after))
    assert [each.reading.seq for each in heard.recent] == [1]
