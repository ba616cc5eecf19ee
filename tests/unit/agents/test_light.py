from datetime import UTC, datetime, timedelta

import pytest

from agents import batches, light
from agents.batches import Origin
from agents.light import Loop, Repeating
from agents.street import TrueEvent
from cityhum.simulate_sites import sites_file
from processors.bridge import judge
from processors.privacy import Guard
from processors.registry import parse
from processors.verdicts import Arrived, Forward
from schemas import codec
from schemas.messages import FeatureBatch

LOOP_S = 6
BEGAN_AT = datetime(2026, 5, 4, tzinfo=UTC)
SESSION = "01JWZZZZZZZZZZZZZZZZZZZZZZ"
ORIGIN = Origin("harbour", "pole-01")
REGISTRY = parse("sites: [{site: harbour, devices: [{device: pole-01}]}]")


@pytest.fixture(scope="module")
def loops() -> tuple[Loop, ...]:
    return light.loops(seed=7, scenes=2, loop_s=LOOP_S)


def device(loop: Loop, shift_s: int = 2) -> Repeating:
    return Repeating(ORIGIN, SESSION, BEGAN_AT, loop, shift_s)


def test_a_device_goes_round_its_loop(loops: tuple[Loop, ...]) -> None:
    repeating = device(loops[0])
    codes = [repeating.reading(seq).codes for seq in range(2 * LOOP_S)]
    assert codes[:LOOP_S] == codes[LOOP_S:]
    assert codes[0] == loops[0].readings[2].codes
    reading = repeating.reading(9)
    assert (reading.seq, reading.started_at) == (9, BEGAN_AT + timedelta(seconds=9))


def test_the_same_second_is_the_same_message_again(loops: tuple[Loop, ...]) -> None:
    assert device(loops[0]).payload(5) == device(loops[0]).payload(5)
    assert device(loops[0]).payload(5) != device(loops[0], shift_s=3).payload(5)


@pytest.mark.parametrize(("seq", "count"), [(0, 1), (2, 1), (5, 1), (1, 60), (1000, 7)])
def test_a_message_is_what_an_agent_would_send(
    loops: tuple[Loop, ...], seq: int, count: int
) -> None:
    repeating = device(loops[0])
    run = [repeating.reading(n) for n in range(seq, seq + count)]
    before = [repeating.reading(n) for n in range(max(seq - 3, 0), seq)]
    expected = codec.encode(batches.batch(repeating.origin, run, before))
    assert repeating.payload(seq, count) == expected


def test_the_bridge_forwards_every_second_of_it(loops: tuple[Loop, ...]) -> None:
    guard, repeating = Guard(), device(loops[1])
    for seq in range(3 * LOOP_S):
        at = BEGAN_AT + timedelta(seconds=seq + 1.1)
        arrived = Arrived("cityhum/v1/harbour/pole-01/features", repeating.payload(seq), at)
        guard, verdict = judge(guard, arrived, REGISTRY)
        assert isinstance(verdict, Forward)


def test_the_context_of_a_message_is_what_was_sent_before(loops: tuple[Loop, ...]) -> None:
    batch = codec.decode(FeatureBatch, device(loops[0]).payload(7))
    assert batch.mel is not None
    before = b"".join(device(loops[0]).reading(seq).codes for seq in (4, 5, 6, 7))
    assert batch.mel.codes == before


def test_true_events_come_round_with_the_loop(loops: tuple[Loop, ...]) -> None:
    reading = loops[0].readings[0]
    siren = TrueEvent(
        device_index=0, street="busy", label="siren", kind="wail", onset_s=3.0, offset_s=9.0,
        peak_laeq_1s_db=90.0,
    )  # fmt: skip
    loop = Loop((reading,) * LOOP_S, (siren,))
    found = list(device(loop).events(device_index=41, until_s=14))
    assert [(event.onset_s, event.offset_s) for event in found] == [
        (1.0, 4.0),
        (7.0, 10.0),
        (13.0, 16.0),
    ]
    assert {event.device_index for event in found} == {41}


def test_neighbours_of_one_loop_are_in_different_seconds(loops: tuple[Loop, ...]) -> None:
    shifts = [light.loop_of(index, loops)[1] for index in range(0, 160, 2)]
    assert len(set(shifts)) == len(shifts)


def test_the_sites_file_knows_as_many_devices_as_wanted() -> None:
    registry = parse(sites_file(45))
    assert len(registry.site_of) == 45
    assert registry.knows("town-0003", "pole-00045")
