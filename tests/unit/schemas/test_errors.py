"""The error tree says what the caller does next."""

import pytest

from schemas.errors import BadConfig, BadMessage, BadQuestion, CityhumError, LogGap, Unavailable


@pytest.mark.parametrize("kind", [Unavailable, BadConfig, BadQuestion, LogGap])
def test_every_error_of_ours_has_one_root(kind: type[CityhumError]) -> None:
    assert issubclass(kind, CityhumError)
    assert str(kind("why")) == "why"


def test_a_bad_message_names_its_reason_first() -> None:
    error = BadMessage("clock", "older than 30 days")
    assert isinstance(error, CityhumError)
    assert str(error) == "clock: older than 30 days"
    assert (error.reason, error.detail) == ("clock", "older than 30 days")
