"""The bridge's clock: this host's, or a rehearsal's."""

from datetime import UTC, datetime, timedelta

import pytest

from processors.adapters.clock import clock, utc_now
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

SHOWS = datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_without_a_rehearsal_it_is_this_hosts() -> None:
    assert clock(ProcessorSettings()) is utc_now


def test_a_rehearsal_runs_faster_from_its_start() -> None:
    began_at = utc_now() - timedelta(seconds=10)
    now = clock(
        ProcessorSettings(rehearsal_rate=20, rehearsal_began_at=began_at, rehearsal_shows=SHOWS)
    )
    before, shown, after = utc_now(), now(), utc_now()
    assert 20 * (before - began_at) <= shown - SHOWS <= 20 * (after - began_at)


@pytest.mark.parametrize(
    "settings",
    [
        ProcessorSettings(rehearsal_rate=20),
        ProcessorSettings(rehearsal_began_at=SHOWS),
        ProcessorSettings(
            mqtt_host="broker.example", rehearsal_began_at=SHOWS, rehearsal_shows=SHOWS
        ),
    ],
)
def test_half_a_rehearsal_or_one_on_other_hosts_is_refused(settings: ProcessorSettings) -> None:
    with pytest.raises(BadConfig, match="rehearsal_"):
        clock(settings)
