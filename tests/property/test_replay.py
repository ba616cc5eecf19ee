"""Laws of comparing alerts."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from processors.replay_diff import Found, alerts_compared
from tests.builders import STARTED_AT


@st.composite
def found(draw: st.DrawFn, side: str) -> list[Found]:
    """Alerts of two devices and two rules; those of one rule and device lie apart."""
    alerts = []
    for device in ("pole-01", "pole-02"):
        for rule in ("siren", "loud"):
            at_s = 0
            for n, (gap_s, length_s) in enumerate(
                draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=4))
            ):
                onset_at = STARTED_AT + timedelta(seconds=at_s + gap_s)
                at_s += gap_s + length_s
                alerts.append(
                    Found(
                        alert_id=f"{side} {device} {rule} {n}",
                        rule=rule,
                        device=device,
                        onset_at=onset_at,
                        ended_at=onset_at + timedelta(seconds=length_s),
                        rest={"active_s": draw(st.integers(1, 2))},
                    )
                )
    return draw(st.permutations(alerts))


@given(found("live"), found("replayed"))
def test_every_alert_is_told_once_on_its_side(live: list[Found], replayed: list[Found]) -> None:
    diff = alerts_compared(live, replayed)
    assert diff.same + len(diff.moved) + len(diff.lost) == len(live)
    assert diff.same + len(diff.moved) + len(diff.gained) == len(replayed)
    for moved in diff.moved:
        assert moved.live.overlap_s(moved.replayed) > 0
        assert (moved.live.rule, moved.live.device) == (moved.replayed.rule, moved.replayed.device)


@given(found("live"), found("replayed"))
def test_the_other_way_round_gained_is_lost(live: list[Found], replayed: list[Found]) -> None:
    one, other = alerts_compared(live, replayed), alerts_compared(replayed, live)
    assert (one.same, len(one.moved)) == (other.same, len(other.moved))
    assert (len(one.gained), len(one.lost)) == (len(other.lost), len(other.gained))


@given(found("live"))
def test_nothing_differs_from_itself(live: list[Found]) -> None:
    diff = alerts_compared(live, list(reversed(live)))
    assert diff.counts() == {"same": len(live), "gained": 0, "lost": 0, "moved": 0}
