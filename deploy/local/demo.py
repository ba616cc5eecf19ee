"""`make demo`: the whole city on this machine, heard, measured, alerted on and stored.

Starts the private servers, all processors, dashboard, API and simulator; shows what every device
hears; stops everything at Ctrl-C or after `--seconds`, and then writes `report.json`.
"""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from agents.adapters.capture import sound_file
from cityhum import logs
from cityhum.ending import end_with
from cityhum.status import Status
from deploy.local import api_keys, programs, report, watch
from deploy.local.kafka_jars import jars_folder
from deploy.local.ports import HOST, free_port, is_free, require_free, settled
from deploy.local.programs import Faces
from deploy.local.requirements import install_for
from deploy.local.results import Results
from deploy.local.settings import local_settings
from deploy.local.stack import Addresses, LocalStack
from deploy.local.supervise import Program, Supervisor
from processors import registry
from schemas.errors import Unavailable

DASHBOARD_PORT = 8501
API_PORT = 8600
FOLDS = ("windows", "alerts", "archive")
READY_WITHIN_S = 120.0
STORED_WITHIN_S = 30.0
ASK_EVERY_S = 0.25
SIMULATOR_GRACE_S = 30.0
"""It waits for outstanding acknowledgements before it ends."""

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
console = Console()


@dataclass(frozen=True)
class Place:
    """Where a demo keeps what it leaves, and the recording that it plays."""

    folder: Path
    sound: Path | None

    @property
    def log(self) -> Path:
        """Logs of all programs."""
        return self.folder / "log"

    @property
    def events(self) -> Path:
        """The simulator's truth."""
        return self.folder / "events.json"

    @property
    def report(self) -> Path:
        """What came of it."""
        return self.folder / "report.json"


@app.command()
def demo(
    seconds: Annotated[int | None, typer.Option(min=1, help="default: until Ctrl-C")] = None,
    devices: Annotated[int, typer.Option(min=1)] = 20,
    seed: int = 7,
    sound: Annotated[Path | None, typer.Option(help="a recording for the first device")] = None,
    dashboard_port: Annotated[
        int | None, typer.Option(help="default: 8501, or a free one where that is taken")
    ] = None,
    api_port: Annotated[
        int | None, typer.Option(help="default: 8600, or a free one where that is taken")
    ] = None,
) -> None:
    """Run the demo and write its report."""
    settings = local_settings()
    faces = Faces(
        _settled(dashboard_port, DASHBOARD_PORT, "the dashboard"),
        _settled(api_port, API_PORT, "the API"),
    )
    if sound is not None:
        with sound_file(sound) as recording:  # rather now than when everything has started
            next(recording.blocks)
    simulate = ["simulate", "--devices", str(devices), "--seed", str(seed)]
    simulate += ["--seconds", str(seconds)] if seconds else []
    simulate += ["--sound", str(sound.resolve())] if sound else []
    sites = registry.parse(
        settings.sites_file.read_text(encoding="utf-8"), settings.sites_file.name
    )
    install_for(jars_folder(settings.folder / "kafka"))
    stack = LocalStack(settings.folder, settings.ports(), devices=sites.site_of)
    with console.status("starting Mosquitto, Kafka and PostgreSQL"):
        stack.start()
    with closing(_Stopping(stack)):
        written = asyncio.run(_run(stack.addresses, Place(settings.folder, sound), simulate, faces))
    if written.lost or written.duplicated:
        raise typer.Exit(Status.PROBLEMS)


async def _run(
    addresses: Addresses, place: Place, simulate: list[str], faces: Faces
) -> report.Report:
    with console.status("preparing database and topics"):
        await programs.prepare(addresses)
    started = datetime.now(UTC)
    supervisor = Supervisor(programs.server_side(addresses, faces), place.log)
    with closing(Results(addresses)) as results:
        async with supervisor:
            broken = asyncio.create_task(supervisor.watch())
            with console.status("starting the processors"):
                await _until_ready(results, started, broken)
            _say_addresses(addresses, faces)
            await _simulate(addresses, place, simulate, results)
            written = await _report(results, place)
            broken.cancel()
    console.print_json(written.model_dump_json(exclude={"alerts"}))
    console.print(watch.alerts(written))
    console.print(f"report: {place.report}")
    if supervisor.restarts:
        console.print(f"restarted: {dict(supervisor.restarts)}, see {place.log}")
    return written


async def _until_ready(results: Results, since: datetime, broken: asyncio.Task[None]) -> None:
    """Wait until ticks of the bridge have come through every fold into PostgreSQL."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not results.ready(FOLDS, since):
                done, _ = await asyncio.wait({broken}, timeout=ASK_EVERY_S)
                if done:
                    broken.result()
    except TimeoutError:
        raise Unavailable(f"no tick came through in {READY_WITHIN_S:.0f} s: see the logs") from None


async def _simulate(
    addresses: Addresses, place: Place, command: list[str], results: Results
) -> None:
    """Run the simulator to its end or to Ctrl-C, and show what the city hears meanwhile."""
    place.events.unlink(missing_ok=True)
    command = [*programs.CITYHUM, *command, "--events", str(place.events)]
    command += ["--state", str(place.folder / "simulate")]
    environment = addresses.device_environment()
    simulator = Program("simulate", command, environment)
    async with simulator.started(place.log, SIMULATOR_GRACE_S) as process:
        live = Live(console=console, auto_refresh=False, transient=True)
        with _handed_on(process), live:
            while process.returncode is None:
                with suppress(Unavailable):  # then the table stays as it was
                    live.update(watch.city(results.city()), refresh=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), timeout=1.0)
    if process.returncode not in (Status.DONE, Status.AWAY):  # these the report counts as lost
        raise Unavailable(f"the simulator ended early: {simulator.last_words(place.log)}")


@contextmanager
def _handed_on(process: Process) -> Iterator[None]:
    """Let Ctrl-C end the simulator, and us only when it has finished."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, process.terminate)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _report(results: Results, place: Place) -> report.Report:
    """Wait until everything sent is stored, or for long enough, and compare with the truth."""
    run = report.Run.model_validate_json(place.events.read_text(encoding="utf-8"))
    sent = sum(device.readings for device in run.devices)
    with console.status("waiting for the last readings"), suppress(TimeoutError):
        async with asyncio.timeout(STORED_WITHIN_S):
            while (  # noqa: ASYNC110
                results.stored_readings(run) < sent
                or results.behind(FOLDS)  # one that was killed may have alerts to come
                or results.undelivered()
            ):
                await asyncio.sleep(ASK_EVERY_S)
    sound = None if place.sound is None else str(place.sound)
    written = report.build(run, results.stored(run), sound)
    place.report.write_text(written.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return written


def _settled(asked: int | None, usual: int, server: str) -> int:
    if asked is None:
        return usual if is_free(usual) else free_port()
    require_free(asked, server)
    return settled(asked)


def _say_addresses(addresses: Addresses, faces: Faces) -> None:
    console.print(f"dashboard   http://{HOST}:{faces.dashboard}")
    console.print(f"API         http://{HOST}:{faces.api}/openapi.json")
    console.print(f"API key     {api_keys.secret_file(addresses.secrets)}")
    for server, where in addresses.by_server().items():
        console.print(f"{server:<11} {where}")


class _Stopping:
    """Lets `closing` stop the servers, whatever happened."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    def close(self) -> None:
        """Stop them and say so."""
        with console.status("stopping"):
            self._stack.stop()


def main() -> None:
    """Run the demo; it ends as every command does."""
    logs.configure("WARNING")
    end_with(lambda: app(standalone_mode=False))


if __name__ == "__main__":
    main()
