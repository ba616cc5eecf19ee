"""Laws of the bridge: nothing disappears, honest devices pass, nobody gets finer frames through."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from processors import packing
from processors.bridge import judge
from processors.privacy import Guard, admit
from processors.verdicts import Arrived, Forward, Refuse, Verdict
from schemas import topics
from schemas.codec import decode, encode
from schemas.envelopes import FeatureEnvelope
from schemas.errors import BadMessage
from schemas.messages import CONTEXT_FRAMES, MEL_BANDS, NO_FRAME, FeatureBatch
from tests.batches import RECEIVED_AT, REGISTRY, Bouncer, codes, feature_batch
from tests.builders import STARTED_AT

FRAME_BYTES = MEL_BANDS


@dataclass(frozen=True)
class Session:
    """What a device heard without a break of its clock; `times_s[seq]` is event time."""

    name: str
    times_s: tuple[float, ...]
    silent_context: bool
    """Whether the context after an overrun is left empty, as after a start."""

    def batch(self, first_seq: int, count: int) -> FeatureBatch:
        """Readings of it, as the agent would send them."""
        mel = codes(first_seq, count, session=self.name)
        if self.silent_context and self.overran_before(first_seq):
            mel = bytes([NO_FRAME]) * CONTEXT_FRAMES * FRAME_BYTES + mel[24 * FRAME_BYTES :]
        started_at = STARTED_AT + timedelta(seconds=self.times_s[first_seq])
        return feature_batch(first_seq, count, session=self.name, started_at=started_at, mel=mel)

    def overran_before(self, seq: int) -> bool:
        """Whether sound was lost before this reading."""
        return seq > 0 and self.times_s[seq] - self.times_s[seq - 1] > 1.01


@st.composite
def sessions(draw: st.DrawFn) -> list[Session]:
    """Sessions of one device, one after the other, with overruns and a slewed clock."""
    made, now_s = [], 0.0
    for number in range(draw(st.integers(1, 3))):
        pace_s = 1 + draw(st.sampled_from([-500e-6, 0.0, 500e-6]))
        times_s = []
        for _ in range(draw(st.integers(1, 20))):
            times_s.append(now_s)
            now_s += pace_s
            now_s += draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.05, 2.5]))
        made.append(Session(f"{number:026d}", tuple(times_s), draw(st.booleans())))
        now_s += draw(st.sampled_from([0.0, 0.3, 7.0]))
    return made


class Sent(NamedTuple):
    """A message that a device may send, short enough to be printed."""

    session: Session
    first_seq: int
    readings: int

    def batch(self) -> FeatureBatch:
        """The message itself."""
        return self.session.batch(self.first_seq, self.readings)


@st.composite
def cut(draw: st.DrawFn, session: Session) -> list[Sent]:
    """A session cut into batches, none over an overrun."""
    pieces, seq = [], 0
    while seq < len(session.times_s):
        count, most = 1, draw(st.integers(1, 8))
        while count < most and seq + count < len(session.times_s):
            if session.overran_before(seq + count):
                break
            count += 1
        pieces.append(Sent(session, seq, count))
        seq += count
    return pieces


@st.composite
def honest(draw: st.DrawFn) -> list[Sent]:
    """What an honest device may send: every reading at least once, in any order, cut anyhow."""
    sent = [
        each
        for session in draw(sessions())
        for pieces in draw(st.lists(cut(session), min_size=1, max_size=2))
        for each in pieces
    ]
    return draw(st.permutations(sent))


@given(sent=honest(), restart_after=st.sets(st.integers(0, 60), max_size=3))
def test_an_honest_device_is_never_refused(sent: list[Sent], restart_after: set[int]) -> None:
    bouncer = Bouncer()
    for n, each in enumerate(sent):
        bouncer.admit(each.batch())
        if n in restart_after:
            bouncer.guard = Guard()


@given(sent=honest(), restart_after=st.sets(st.integers(0, 60), max_size=3))
def test_an_honest_device_without_frames_is_never_refused(
    sent: list[Sent], restart_after: set[int]
) -> None:
    guard = Guard()
    for n, each in enumerate(sent):
        batch = each.batch().model_copy(update={"profile": "levels", "mel": None})
        guard = admit(guard, batch, RECEIVED_AT)
        if n in restart_after:
            guard = Guard()


@given(
    pace_s=st.sampled_from([1 - 500e-6, 1 + 500e-6]),
    cuts=st.lists(st.tuples(st.integers(0, 90), st.sampled_from([1, 3, 60])), max_size=4),
    bare=st.booleans(),
)
def test_a_slewed_clock_is_never_refused_however_its_readings_are_cut(
    pace_s: float, cuts: list[tuple[int, int]], *, bare: bool
) -> None:
    session = Session("0" * 26, tuple(pace_s * seq for seq in range(200)), silent_context=False)
    guard = Guard()
    for first_seq, count in [*cuts, (0, 60), (60, 1), (30, 60), (90, 3)]:
        batch = session.batch(first_seq, count)
        if bare:
            batch = batch.model_copy(update={"profile": "levels", "mel": None})
        guard = admit(guard, batch, RECEIVED_AT)


@given(sent=honest(), data=st.data())
def test_no_frame_gets_a_second_value(sent: list[Sent], data: st.DataObject) -> None:
    bouncer = Bouncer()
    bouncer.admit(*(each.batch() for each in sent))
    batch = data.draw(st.sampled_from(sent)).batch()
    assert batch.mel is not None
    places = range(0, len(batch.mel.codes), FRAME_BYTES)
    heard = [at for at in places if batch.mel.codes[at] != NO_FRAME]
    assume(heard)
    at = data.draw(st.sampled_from(heard)) + data.draw(st.integers(0, FRAME_BYTES - 1))
    changed = bytearray(batch.mel.codes)
    changed[at] = (changed[at] + data.draw(st.integers(1, 254))) % NO_FRAME
    mel = batch.mel.model_copy(update={"codes": bytes(changed)})
    with pytest.raises(BadMessage, match="privacy"):
        admit(bouncer.guard, batch.model_copy(update={"mel": mel}), RECEIVED_AT)


@given(sent=honest(), data=st.data())
def test_no_other_session_gets_into_time_that_is_taken(
    sent: list[Sent], data: st.DataObject
) -> None:
    bouncer = Bouncer()
    bouncer.admit(*(each.batch() for each in sent))
    victim = data.draw(st.sampled_from(sent)).batch()
    shift_s = data.draw(st.floats(-0.9, victim.count - 0.1))
    started_at = victim.started_at + timedelta(seconds=shift_s)
    with pytest.raises(BadMessage, match="privacy"):
        bouncer.admit(feature_batch(0, session="Z" * 26, started_at=started_at))


def distinct_frames(batches: list[FeatureBatch]) -> set[bytes]:
    """What an eavesdropper learns."""
    whole = [batch.mel.codes for batch in batches if batch.mel is not None]
    found = {w[at : at + FRAME_BYTES] for w in whole for at in range(0, len(w), FRAME_BYTES)}
    return found - {bytes([NO_FRAME]) * FRAME_BYTES}


def time_taken_s(guard: Guard) -> float:
    """How much event time all runs take together, s."""
    taken_s, until_s = 0.0, 0.0
    for starts_s, ends_s in sorted((run.starts_s or 0.0, run.ends_s or 0.0) for run in guard.runs):
        taken_s += max(0.0, ends_s - max(starts_s, until_s))
        until_s = max(until_s, ends_s)
    return taken_s


@given(
    attack=st.lists(
        st.tuples(st.integers(0, 2), st.integers(3, 12), st.integers(0, 80), st.binary(max_size=2)),
        max_size=25,
    )
)
def test_whatever_is_sent_8_frames_a_second_get_through(
    attack: list[tuple[int, int, int, bytes]],
) -> None:
    bouncer = Bouncer()
    admitted: list[FeatureBatch] = []
    for session, seq, eighths, twist in attack:
        mel = codes(seq, session=f"{session:026d}")
        batch = feature_batch(
            seq,
            session=f"{session:026d}",
            started_at=STARTED_AT + timedelta(seconds=eighths / 8),
            mel=twist + mel[len(twist) :],
        )
        try:
            bouncer.admit(batch)
        except BadMessage:
            continue
        admitted.append(batch)
    # a tolerance of 20 ms for each message, since each may be slewed
    allowed_s = time_taken_s(bouncer.guard) + 0.03 * len(admitted)
    assert len(distinct_frames(admitted)) <= 8 * allowed_s


arrivals = st.builds(
    Arrived,
    st.sampled_from([f"cityhum/v1/harbour/{d}/{s}" for d in ("pole-07", "x", "X") for s in "a"])
    | st.sampled_from([topics.device_topic("harbour", "pole-07", "features")])
    | st.text(max_size=60),
    st.integers(0, 500).map(lambda seq: encode(feature_batch(seq))) | st.binary(max_size=200),
    st.just(RECEIVED_AT),
)


@given(messages=st.lists(arrivals, max_size=30))
def test_forwarded_and_dead_letters_are_all_that_was_received(messages: list[Arrived]) -> None:
    guard, verdicts = Guard(), []
    for message in messages:
        guard, verdict = judge(guard, message, REGISTRY)
        verdicts.append(verdict)
    records = list(packing.records(verdicts))
    kept = [record.value for record in records if record.topic == topics.DEAD_LETTERS]
    refused = [m.payload for m, v in zip(messages, verdicts, strict=True) if isinstance(v, Refuse)]
    assert sorted(value or b"" for value in kept) == sorted(refused)
    values = [record.value for record in records if record.topic == topics.FEATURES]
    inside = [each.batch for v in values if v for each in decode(FeatureEnvelope, v).batches]
    forwarded = [m.payload for m, v in zip(messages, verdicts, strict=True) if _forwarded(v)]
    assert [encode(batch) for batch in inside] == forwarded


@given(messages=st.lists(arrivals, max_size=30))
def test_every_device_hears_of_each_of_its_messages(messages: list[Arrived]) -> None:
    verdicts = [judge(Guard(), message, REGISTRY)[1] for message in messages]
    acks = packing.answers(verdicts).values()
    accepted = sum(seqs.count for ack in acks for seqs in ack.accepted)
    rejected = sum(len(ack.rejected) for ack in acks)
    assert accepted == sum(_forwarded(verdict) for verdict in verdicts)
    assert rejected == sum(isinstance(v, Refuse) and v.answered is not None for v in verdicts)


def _forwarded(verdict: Verdict) -> bool:
    return isinstance(verdict, Forward)
