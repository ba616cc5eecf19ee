"""Who hears each second before its sound is gone, as the settings want it."""

from collections.abc import Callable, Sequence

from agents.pipeline import Heard
from agents.reading import Reading
from agents.settings import AgentSettings

Listener = Callable[[Sequence[Heard]], Sequence[Reading]]
"""The readings to store of some seconds."""


def as_measured(seconds: Sequence[Heard]) -> list[Reading]:
    """Readings with their mel frames, or those of which only the levels will be sent."""
    return [heard.reading for heard in seconds]


def listener_of(settings: AgentSettings, rate_hz: int) -> Listener:
    """Who listens in a profile.

    Raises
    ------
    BadConfig
        The model is missing or not what its manifest says.
    """
    if settings.profile != "labels":
        return as_measured
    # onnxruntime takes 25 MB, which the other profiles need not pay
    from agents.adapters.labeller import Labeller  # noqa: PLC0415
    from hearing.adapters.runtime import load  # noqa: PLC0415

    return Labeller(load(settings.agent_model), rate_hz)
