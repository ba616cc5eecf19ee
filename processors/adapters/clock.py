"""The wall clock of the server, and a faster one for rehearsals."""

from collections.abc import Callable
from datetime import UTC, datetime

from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def utc_now() -> datetime:
    """Time of this host, UTC."""
    return datetime.now(UTC)


def clock(settings: ProcessorSettings) -> Callable[[], datetime]:
    """The bridge's clock: this host's, or one that plays a recorded past at a higher rate.

    Parameters
    ----------
    settings : ProcessorSettings
        `rehearsal_*`: all three, or none.

    Returns
    -------
    callable
        Time of now, UTC.

    Raises
    ------
    BadConfig
        If a rehearsal is half described, or would be let loose on devices of another host.
    """
    began_at, shows = settings.rehearsal_began_at, settings.rehearsal_shows
    if began_at is None and shows is None and settings.rehearsal_rate == 1:
        return utc_now
    if began_at is None or shows is None:
        raise BadConfig("rehearsal_began_at and rehearsal_shows: set both, or no rehearsal_ at all")
    if settings.mqtt_host not in LOOPBACK:
        raise BadConfig("rehearsal_rate: only with an MQTT broker on this host; unset it")
    return lambda: shows + settings.rehearsal_rate * (utc_now() - began_at)
