"""Laws of spans and pages: bounded cost, nothing twice, nothing lost."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from records.pages import cursor_of, page, position
from records.spans import LENGTHS_S, MOST_POINTS, affordable, covered, finest, last
from schemas.errors import BadQuestion

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    seconds=st.floats(0.001, 1e9), points=st.integers(1, MOST_POINTS), devices=st.integers(1, 50)
)
def test_the_finest_answer_is_bounded_and_none_finer_would_be(
    seconds: float, points: int, devices: int
) -> None:
    span = last(seconds, NOW)
    try:
        length_s = finest(span, points, devices)
    except BadQuestion:
        assert devices * span.seconds > points * LENGTHS_S[-1]
        return
    assert devices * span.seconds <= points * length_s
    assert affordable(span, length_s, devices) == length_s
    for finer_s in LENGTHS_S[: LENGTHS_S.index(length_s)]:
        assert devices * span.seconds > points * finer_s


@given(begin=TIMES, seconds=st.integers(1, 10**8), length_s=st.sampled_from(LENGTHS_S))
def test_coverage_is_a_share(begin: datetime, seconds: int, length_s: int) -> None:
    span = last(seconds, begin + timedelta(seconds=seconds))
    assert covered(span, length_s, heard_s=0) == 0
    assert 0 <= covered(span, length_s, heard_s=seconds) <= 1


@given(
    keys=st.sets(st.tuples(TIMES, st.sampled_from(["pole-01", "pole-02"]))),
    limit=st.integers(1, 5),
)
def test_pages_hold_every_row_once(keys: set[tuple[datetime, str]], limit: int) -> None:
    seen: list[tuple[datetime, str]] = []
    behind = None
    while True:
        rest = sorted(key for key in keys if behind is None or key > behind)
        found = page(rest[: limit + 1], limit, lambda key: key)
        seen += found.items
        if found.next is None:
            break
        behind = position(found.next)
    assert seen == sorted(keys)


@given(at=TIMES, name=st.text())
def test_a_cursor_is_read_as_it_was_written(at: datetime, name: str) -> None:
    assert position(cursor_of(at, name)) == (at, name)


@given(text=st.text())
def test_any_other_text_is_a_bad_question(text: str) -> None:
    try:
        position(text)
    except BadQuestion:
        return
    raise AssertionError(text)
