"""`cityhum agent`: what runs on the device."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from acoustics import response as responses
from agents import calibration, service
from agents.adapters import calibration_file, mixer
from agents.adapters.calibrator import at_microphone, in_recording
from agents.adapters.capture import find, microphone, sound_file
from agents.calibration import CalibrationRecord, Method, Tone
from agents.mixer import Gain, refuse_automatic
from agents.settings import AgentSettings
from cityhum import environment, logs
from cityhum.doctor import doctor
from cityhum.output import AsJson, answer
from cityhum.status import Status
from schemas.errors import BadConfig

app = typer.Typer(no_args_is_help=True)
app.command()(doctor)


@app.command()
def run() -> None:
    """Listen to the microphone, measure and publish until stopped."""
    settings = environment.read(AgentSettings)
    logs.configure(settings.log_level)
    asyncio.run(service.listen(settings))


@app.command()
def play(
    file: Annotated[Path, typer.Argument(help="a sound file, taken for the microphone")],
    speed: Annotated[float, typer.Option(min=1.0, help="times real time")] = 1.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Publish the readings of a recording; status 3 if not all of them were acknowledged."""
    settings = environment.read(AgentSettings)
    logs.configure(settings.log_level)
    played = asyncio.run(service.play(settings, file, speed))
    answer(played, played.sentence(), as_json=as_json)
    if played.remaining:
        raise typer.Exit(Status.AWAY)


@app.command()
def calibrate(
    level: Annotated[int, typer.Option(help="of the calibrator, dB: 94 or 114")] = 94,
    file: Annotated[Path | None, typer.Option(help="a recording of the calibrator")] = None,
    data_sheet: Annotated[
        float | None,
        typer.Option(
            min=-120, max=40, metavar="DBFS", help="no calibrator: level of 94 dB on paper"
        ),
    ] = None,
    response: Annotated[
        Path | None, typer.Option(help="the microphone's frequency response: lines of Hz and dB")
    ] = None,
    *,
    seed: Annotated[bool, typer.Option(help="no calibrator: the constants of the seed")] = False,
    as_json: AsJson = False,
) -> None:
    """Listen for a calibrator's 1 kHz tone, and keep what the microphone makes of it."""
    settings = environment.read(AgentSettings)
    if level not in calibration.CALIBRATORS_DB:
        raise BadConfig(f"--level {level}: calibrators give 94 or 114 dB")
    if (file is not None) + (data_sheet is not None) + seed > 1:
        raise BadConfig("--file, --data-sheet and --seed exclude each other")
    measured = _Measured("", "seed", calibration.SEED_SENSITIVITY_DBFS, None)
    if data_sheet is not None:
        measured = _Measured("", "data-sheet", data_sheet, calibration.DATA_SHEET_U95_DB)
    elif file is not None:
        measured = _measured(_recorded_tone(file), level)
    elif not seed:
        measured = asyncio.run(_heard(settings, level))
    record = _record(settings, measured, response)
    calibration_file.save(settings.state_folder, record)
    lasting = "; sudo alsactl store makes this gain last" if record.gain else ""
    sentence = f"{record.sentence()}; the agent uses it from its next start{lasting}"
    answer(record, sentence, as_json=as_json)


class _Measured(NamedTuple):
    microphone: str
    method: Method
    sensitivity_dbfs: float
    u95_db: float | None
    gain: Gain | None = None


def _measured(tone: Tone, level_db: int) -> _Measured:
    dbfs = calibration.sensitivity_dbfs(tone, level_db)
    return _Measured("", "calibrator", dbfs, tone.u95_db)


async def _heard(settings: AgentSettings, level_db: int) -> _Measured:
    found = await find(settings.microphone)
    async with microphone(found, settings.rate_hz) as blocks:
        tone = await at_microphone(blocks, settings.rate_hz)
    gain = await mixer.gain(found.card)  # after the tone: it may be turned until that fits
    refuse_automatic(gain or ())
    return _measured(tone, level_db)._replace(microphone=found.model, gain=gain)


def _recorded_tone(file: Path) -> Tone:
    with sound_file(file) as recording:
        return in_recording(recording.blocks, recording.rate_hz)


def _record(
    settings: AgentSettings, measured: _Measured, response: Path | None
) -> CalibrationRecord:
    now = datetime.now(tz=UTC)
    taken = calibration_file.names(settings.state_folder)
    return CalibrationRecord(
        name=calibration.next_name(now.date(), taken),
        device=settings.device,
        microphone=measured.microphone,
        method=measured.method,
        sensitivity_dbfs=round(measured.sensitivity_dbfs, 3),
        at=now,
        u95_db=measured.u95_db,
        gain=measured.gain,
        response=() if response is None else responses.parse(calibration_file.text(response)),
    )
