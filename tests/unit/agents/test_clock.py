import re
from datetime import UTC, datetime, timedelta

import pytest

from agents.adapters.clock import TRUST, SystemClock, new_session
from schemas.adapters.host_clock import has_met_a_time_server
from schemas.errors import BadConfig
from schemas.messages import Status
from schemas.ulid import ulid

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def test_a_session_id_is_one_that_messages_take() -> None:
    session = new_session(NOW)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", session)
    assert Status(site="a", device="b", session=session, online=True).session == session


def test_session_ids_sort_by_time() -> None:
    last, first = b"\xff" * 10, bytes(10)
    assert ulid(NOW, last) < ulid(NOW + timedelta(milliseconds=1), first)


def test_session_ids_of_one_moment_differ() -> None:
    assert new_session(NOW) != new_session(NOW)


def test_too_little_chance_is_refused() -> None:
    with pytest.raises(BadConfig):
        ulid(NOW, b"short")


def test_the_kernel_is_asked_whether_its_clock_is_set() -> None:
    assert SystemClock().is_synced() == has_met_a_time_server()


def test_a_clock_may_be_vouched_for() -> None:
    assert SystemClock(TRUST["trusted"]).is_synced()
