"""Live is that the loop turns, ready that every part said so a moment ago."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from schemas.adapters.vitals import Vitals
from schemas.errors import Unavailable
from schemas.health import SAID_WITHIN_S, TURNS_WITHIN_S, Answer


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Part:
    """Answers with a word, or with what is wrong."""

    wrong: Exception | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self) -> str:
        self.asked.set()
        if self.wrong:
            raise self.wrong
        return "as ever"


def told(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(answer.body)
    return body


def test_a_process_is_not_ready_before_every_part_has_answered() -> None:
    vitals = Vitals(["kafka", "postgres"])
    vitals.say("kafka", "", ok=True)
    assert vitals.ready().status == 503
    assert told(vitals.ready())["missing"] == ["postgres"]
    vitals.say("postgres", "", ok=True)
    assert vitals.ready().status == 200


def test_an_old_word_counts_for_nothing() -> None:
    clock = Clock()
    vitals = Vitals([], clock)
    vitals.say("kafka", "", ok=True)
    clock.now_s += SAID_WITHIN_S
    assert vitals.ready().status == 200
    clock.now_s += 1
    assert told(vitals.ready())["missing"] == ["kafka"]


async def test_a_loop_that_does_not_turn_is_not_live() -> None:
    clock = Clock()
    async with Vitals([], clock) as vitals:
        assert vitals.live().status == 200
        clock.now_s += TURNS_WITHIN_S + 1  # and nobody has yielded to the loop meanwhile
        assert vitals.live().status == 503
        assert told(vitals.live())["status"] == "stuck"


@pytest.mark.parametrize("wrong", [Unavailable("it is away"), ValueError("a bug of ours")])
async def test_a_part_that_fails_is_named_with_the_reason(wrong: Exception) -> None:
    part = Part(wrong)
    async with Vitals(["postgres"]) as vitals:
        vitals.watch("postgres", part.ask)
        await part.asked.wait()
        assert vitals.ready().status == 503
        assert str(wrong) in told(vitals.ready())["parts"]["postgres"]["detail"]
        assert vitals.live().status == 200


async def test_a_part_that_answers_is_ready() -> None:
    part = Part()
    async with Vitals(["postgres"]) as vitals:
        vitals.watch("postgres", part.ask)
        await part.asked.wait()
        assert vitals.ready().status == 200
        assert told(vitals.ready())["parts"]["postgres"]["detail"] == "as ever"
