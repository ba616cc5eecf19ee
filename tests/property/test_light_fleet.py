"""Laws of what thousands of simulated devices share: packets, and the seqs that wait."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents import light_spool, mqtt_packets
from agents.light_spool import Ranges
from agents.mqtt_packets import Heard, Stream

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=50)
messages = st.tuples(text, st.binary(max_size=300), st.integers(1, 0xFFFF))


@given(st.lists(messages, max_size=8), text, st.data())
def test_packets_are_read_however_they_are_cut(
    said: list[tuple[str, bytes, int]], content_type: str, data: st.DataObject
) -> None:
    sent = b"".join(mqtt_packets.publish(*message, content_type) for message in said)
    stream, heard = Stream(), []
    while sent:
        cut = data.draw(st.integers(1, len(sent)))
        heard += [mqtt_packets.heard(packet) for packet in stream.feed(sent[:cut])]
        sent = sent[cut:]
    assert heard == [Heard(*message) for message in said]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=20), st.integers(0, 30))
def test_waiting_seqs_are_those_heard_and_not_let_go(
    acts: list[tuple[int, int]], since: int
) -> None:
    waiting: Ranges = ()
    model, said = set[int](), 0
    for first, count in acts:
        until = said + count
        waiting = light_spool.extended(waiting, until, said)
        model |= set(range(said, until))
        said = until
        waiting = light_spool.without(waiting, first, count)
        model -= set(range(first, first + count))
        assert all(a.stop < b.start for a, b in pairwise(waiting))
    expected = sorted(seq for seq in model if seq >= since)
    assert light_spool.oldest(waiting, since, 10**6) == expected
    assert light_spool.count(waiting, since) == len(expected)
