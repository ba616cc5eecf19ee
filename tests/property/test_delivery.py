"""Laws of the lanes, whatever the bridge does."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from agents import delivery
from agents.delivery import (
    CATCH_UP,
    MAX_BACKLOG_BATCHES,
    MAX_PATIENCE_S,
    PATIENCE_S,
    Delivery,
    Run,
    Stored,
)
from schemas.base import SeqRange
from tests.builders import SESSION, reading, seqs


@dataclass
class Device:
    """A device with a spool in a list, and a bridge that hears what the test lets it hear."""

    now_s: float = 0.0
    heard: int = 0
    waiting: dict[int, Stored] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)
    sent: list[tuple[str, Run]] = field(default_factory=list)

    def hear(self, count: int) -> None:
        for _ in range(count):
            self.heard += 1
            self.waiting[self.heard] = Stored(self.heard, reading(self.heard))
        self.pump()

    def connect(self) -> None:
        self.delivery = Delivery()
        self.pump()

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.pump()

    def acknowledge(self, last: int) -> None:
        for _, run in self.sent[-last:]:
            self._safe(seqs(run[0].seq, len(run)))
        self.pump()

    def _safe(self, done: SeqRange) -> None:
        for seq in range(done.first_seq, done.first_seq + done.count):
            self.waiting.pop(seq, None)
        self.delivery = delivery.acknowledged(self.delivery, [done])

    def pump(self) -> None:
        self.delivery = delivery.lapsed(self.delivery, self.now_s)
        stored = list(self.waiting.values())
        if self.delivery.wants_live:
            new = [each for each in stored if each.position > self.delivery.live_after]
            if len(new) > CATCH_UP:
                self.delivery, new = delivery.overtaken(self.delivery, self.heard), []
            self.delivery, runs = delivery.sent_live(self.delivery, new, self.now_s, 0.5)
            self.sent += [("live", run) for run in runs]
        if self.delivery.wants_backlog:
            self.delivery, runs = delivery.sent_backlog(self.delivery, stored, self.now_s, 0.5)
            self.sent += [("backlog", run) for run in runs]


def _call(
    name: str, arguments: st.SearchStrategy[float]
) -> st.SearchStrategy[Callable[[Device], None]]:
    return arguments.map(lambda value: lambda device: getattr(device, name)(value))


actions: st.SearchStrategy[list[Callable[[Device], None]]] = st.lists(
    st.one_of(
        _call("hear", st.integers(1, 70)),
        _call("wait", st.floats(0.1, 400)),
        _call("acknowledge", st.integers(1, 4)),
        st.just(Device.connect),
    ),
    max_size=40,
)


@given(actions)
def test_no_reading_is_on_its_way_twice(steps: list[Callable[[Device], None]]) -> None:
    device = Device()
    for step in steps:
        step(device)
        on_the_way = [
            seq for sent in (*device.delivery.live, *device.delivery.backlog) for seq in sent.seqs
        ]
        assert len(on_the_way) == len(set(on_the_way))
        assert set(on_the_way) <= set(device.waiting)
        assert len(device.delivery.backlog) <= MAX_BACKLOG_BATCHES


@given(actions)
def test_what_waits_is_on_its_way_or_queued_behind_the_backlog(
    steps: list[Callable[[Device], None]],
) -> None:
    device = Device()
    for step in steps:
        step(device)
    on_the_way = {
        seq for sent in (*device.delivery.live, *device.delivery.backlog) for seq in sent.seqs
    }
    idle = set(device.waiting) - on_the_way
    assert not idle or not device.delivery.wants_backlog or not device.delivery.wants_live


@given(actions)
def test_live_readings_arrive_in_order_while_the_lane_keeps_up(
    steps: list[Callable[[Device], None]],
) -> None:
    device, arrived = Device(), [0]
    for step in steps:
        before = len(device.sent)
        step(device)
        if device.delivery.live_before and any(lane == "backlog" for lane, _ in device.sent):
            return  # it has fallen behind
        arrived += [run[0].seq for lane, run in device.sent[before:] if lane == "live"]
        answered = [seq for seq in arrived if seq not in device.waiting]
        assert answered == sorted(answered)


@given(actions)
def test_a_bridge_that_answers_gets_everything(steps: list[Callable[[Device], None]]) -> None:
    device = Device()
    for step in steps:
        step(device)
    rounds = 0
    while device.waiting:
        before = len(device.sent)
        device.wait(2 * MAX_PATIENCE_S)
        device.acknowledge(max(1, len(device.sent) - before))
        rounds += 1
        assert rounds < 200
    assert {each.seq for _, run in device.sent for each in run} == set(range(1, device.heard + 1))


def test_live_readings_go_out_beside_a_long_backlog() -> None:
    device = Device(heard=0)
    device.waiting = {n: Stored(n, reading(n)) for n in range(1, 1001)}
    device.heard = 1000
    device.connect()
    assert [(lane, len(run)) for lane, run in device.sent] == [("backlog", 60), ("backlog", 60)]
    assert device.sent[0][1][0].seq == 1
    device.hear(1)
    assert device.sent[-1] == ("live", (reading(1001),))
    device.acknowledge(3)
    assert [run[0].seq for lane, run in device.sent[3:]] == [121, 181]


def test_patience_doubles_to_five_minutes_and_an_answer_restores_it() -> None:
    state = Delivery(live_after=1)
    now_s = 0.0
    waits = []
    for _ in range(7):
        state, _ = delivery.sent_backlog(state, [Stored(1, reading(1))], now_s, jitter=0.0)
        due_s = state.next_due_s
        assert due_s is not None
        waits.append(due_s - now_s)
        now_s = due_s
        state = delivery.lapsed(state, now_s)
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert delivery.acknowledged(state, [seqs(1)]).patience_s == PATIENCE_S


def test_a_partial_answer_leaves_the_rest_on_its_way() -> None:
    state = Delivery(live_after=9)
    stored = [Stored(n, reading(n)) for n in range(10)]
    state, _ = delivery.sent_backlog(state, stored, 0.0, jitter=0.0)
    left = delivery.acknowledged(state, [seqs(2, 3), seqs(0, 9, session="0" * 26)]).backlog
    assert left == (replace(state.backlog[0], seqs=frozenset({0, 1, 5, 6, 7, 8, 9})),)
    assert left[0].session == SESSION
