"""Looks at a device for its diagnosis: listens, asks the broker, writes to the disk."""

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from agents import doctor
from agents.adapters import calibration_file, mixer
from agents.adapters.capture import find, microphone
from agents.adapters.clock import SystemClock, new_session
from agents.adapters.doctor_broker import ask
from agents.adapters.health import agent_version, health
from agents.adapters.link import Message
from agents.adapters.login import login_of
from agents.doctor import Answer, Diagnosis, Finding, Heard
from agents.settings import AgentSettings
from schemas import codec, topics
from schemas.errors import BadConfig, CityhumError
from schemas.messages import Status


async def diagnose(settings: AgentSettings) -> Diagnosis:
    """Look at everything that the agent needs.

    Parameters
    ----------
    settings : AgentSettings
        Of the agent.

    Returns
    -------
    Diagnosis
        Microphone, rate, level, calibration, clock, broker, credentials, topic, disk.
    """
    heard, answer = await asyncio.gather(
        listened(settings.microphone, settings.rate_hz), asyncio.to_thread(asked, settings)
    )
    where = f"{'mqtts' if settings.mqtt_ca else 'mqtt'}://{settings.mqtt_host}:{settings.mqtt_port}"
    clock = doctor.of_clock(synced=SystemClock().is_synced(), trusted=settings.clock == "trusted")
    folder = settings.state_folder
    return Diagnosis(
        findings=(
            *doctor.of_microphone(heard, settings.rate_hz),
            await calibrated(settings),
            clock,
            *doctor.of_broker(answer, where, settings.device),
            doctor.of_disk(str(folder), free_bytes(folder), settings.spool_max_bytes),
        )
    )


async def listened(wanted: str, rate_hz: int, *, program: str = "arecord") -> Heard | str:
    """Listen for a few seconds; why not if it cannot be done.

    Parameters
    ----------
    wanted, rate_hz, program
        As `capture.microphone` takes them.

    Returns
    -------
    Heard or str
    """
    parts, lost, begun_s = [], 0, 0.0
    try:
        found = await find(wanted, program=program)
        async with microphone(found, rate_hz, program=program) as blocks:
            async for block in blocks:
                if not begun_s:  # a card takes its time to start: the first block is not timed
                    begun_s = time.monotonic()
                    continue
                parts.append(block.samples)
                lost += block.lost_samples
                if sum(map(len, parts)) >= doctor.LISTEN_S * rate_hz:
                    break
    except CityhumError as error:
        return str(error)
    return Heard(found.pcm, np.concatenate(parts), time.monotonic() - begun_s, lost)


async def calibrated(settings: AgentSettings) -> Finding:
    """Compare the calibration in use with the microphone that is there, if one is."""
    try:
        found = await find(settings.microphone)
        model, gain = found.model, await mixer.gain(found.card)
    except CityhumError:  # which the microphone's own finding tells
        model, gain = "", None
    try:
        held = calibration_file.in_use(settings.state_folder, settings.device)
    except BadConfig as error:
        return doctor.failed("calibration", str(error))
    return doctor.of_calibration(held, model, gain)


def asked(settings: AgentSettings) -> Answer:
    """Let the broker say whether this device may log in and write; blocks."""
    try:
        login = login_of(settings)
    except BadConfig as error:
        return Answer(refused=str(error))
    now = SystemClock().utc_now()
    status = Status(  # not retained: what the agent says of itself stays
        site=settings.site,
        device=settings.device,
        session=new_session(now),
        online=False,  # true as soon as this is over, unless an agent runs, which says so itself
        at=now,
        agent_version=agent_version(),
    )
    topic = topics.device_topic(settings.site, settings.device, "status")
    return ask(login, Message(topic, codec.encode(status)))


def free_bytes(folder: Path) -> int | str:
    """Bytes free in a folder that can be written; else why it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"cityhum")
            file.flush()
        return health(folder).disk_free_bytes
    except OSError as error:
        return error.strerror or str(error)
