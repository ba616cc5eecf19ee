"""The endpoint over real HTTP: it answers when the loop does not."""

import asyncio
import socket
import threading
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from cityhum.main import build
from deploy.local.ports import HOST
from schemas.adapters.endpoint import served
from schemas.adapters.vitals import Vitals
from schemas.errors import BadConfig
from schemas.health import TURNS_WITHIN_S


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answered:  # noqa: S310  # of our own
            return int(answered.status)
    except HTTPError as error:
        with error:
            return error.code


def test_a_stuck_loop_is_told_while_it_is_stuck() -> None:
    clock, stuck, release = Clock(), threading.Event(), threading.Event()
    vitals = Vitals(["work"], clock)

    async def working() -> None:
        async with vitals:
            vitals.say("work", "", ok=True)
            stuck.set()
            release.wait(30)  # blocks the loop, as no task may
            await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(working(),))
    with served(HOST, 0, vitals.pages) as port:
        thread.start()
        assert stuck.wait(30)
        assert status(f"http://{HOST}:{port}/health/live") == 200
        clock.now_s += TURNS_WITHIN_S + 1
        assert status(f"http://{HOST}:{port}/health/live") == 503
        release.set()
        thread.join(30)


def test_the_pages_and_no_other() -> None:
    vitals = Vitals(["kafka"])
    with served(HOST, 0, vitals.pages) as port:
        base = f"http://{HOST}:{port}"
        assert status(f"{base}/metrics") == 200
        assert status(f"{base}/health/ready?now") == 503
        assert status(f"{base}/secrets") == 404


def test_the_command_line_asks_it() -> None:
    vitals = Vitals(["kafka"])
    with served(HOST, 0, vitals.pages) as port:
        asked = ["health", f"http://{HOST}:{port}"]
        said = CliRunner().invoke(build(), asked)
        assert said.exit_code == 1
        assert "kafka: not ready, has not answered yet" in said.output
        vitals.say("kafka", "", ok=True)
        assert CliRunner().invoke(build(), asked).exit_code == 0
        assert CliRunner().invoke(build(), [*asked, "--live", "--json"]).exit_code == 0


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.create_server((HOST, 0)) as squatter:
        port = squatter.getsockname()[1]
        taken = pytest.raises(BadConfig, match=rf"port {port}: Address already in use")
        with taken, served(HOST, port, {}):
            pass
