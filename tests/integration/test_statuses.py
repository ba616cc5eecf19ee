"""How commands end: the same status for the same kind of end, whichever command it is."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from cityhum import main as command_line
from cityhum.main import COMMANDS, loaded
from cityhum.status import Status
from schemas.errors import BadConfig, LogGap, Unavailable

AWAY = {
    "CITYHUM_POSTGRES_PORT": "1",
    "CITYHUM_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "CITYHUM_MQTT_PORT": "1",
}
NAMES = [name for names in COMMANDS.values() for name in names]


def ended(words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["cityhum", *words.split()])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    return int(end.value.code or 0)


def verbs() -> list[str]:
    found = []
    for name in NAMES:
        inner = getattr(loaded(name), "commands", {})
        found += [f"{name} {verb}" for verb in inner] or [name]
    return found


@pytest.mark.parametrize("words", verbs())
def test_an_unknown_option_is_a_mistake_told_in_one_line(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(f"{words} --colour", monkeypatch) == Status.MISTAKE
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("cityhum: ")


@pytest.mark.parametrize("words", verbs())
def test_help_is_no_mistake(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(f"{words} --help", monkeypatch) == Status.DONE
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "access check",
        "alerts list",
        "migrate",
        "notify dead list",
        "replay list",
        "topics check",
        "topics create",
        "verdicts report",
    ],
)
def test_a_server_that_is_away_is_told_in_one_line(
    words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in AWAY.items():
        monkeypatch.setenv(name, value)
    assert ended(words, monkeypatch) == Status.AWAY
    *logged, last = capfd.readouterr().err.splitlines()
    assert last.startswith("cityhum: ")
    assert all(line.startswith("{") for line in logged), "only logs are beside it"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (None, Status.DONE),
        (typer.Exit(Status.PROBLEMS), Status.PROBLEMS),
        (BadConfig("no such file"), Status.MISTAKE),
        (LogGap("gone"), Status.MISTAKE),
        (Unavailable("Kafka"), Status.AWAY),
        (RuntimeError("a bug"), Status.BUG),
        (KeyboardInterrupt(), Status.INTERRUPTED),
        (typer.Abort(), Status.INTERRUPTED),
    ],
    ids=repr,
)
def test_every_end_has_its_status(
    end: BaseException | None, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    def app() -> None:
        """End in one way."""
        if end is not None:
            raise end

    monkeypatch.setitem(sys.modules, "cityhum.ending", SimpleNamespace(app=app))
    monkeypatch.setattr(command_line, "COMMANDS", {"Tests": {"ending": "End in one way."}})
    assert ended("ending", monkeypatch) == status


def test_a_package_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "cityhum.bridge", raising=False)
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert ended("bridge", monkeypatch) == Status.MISTAKE
    assert "bridge needs uvloop" in capsys.readouterr().err


def local(words: str, folder: Path, path: Path) -> tuple[int, list[str]]:
    """Status and last words of a program of `deploy.local` that finds programs in `path` first."""
    environment = {
        **os.environ,
        "CITYHUM_LOCAL_FOLDER": str(folder),
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", *words.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("words", ["deploy.local.demo", "deploy.local install"])
def test_a_package_registry_that_is_away_is_away(words: str, tmp_path: Path) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho '[ERROR] unknown host'\nexit 1\n", encoding="utf-8")
    maven.chmod(0o755)
    status, told = local(words, tmp_path / "local", maven.parent)
    assert status == Status.AWAY
    assert told == ["cityhum: Maven could not bring Kafka's jars: [ERROR] unknown host"]


def test_a_port_that_was_asked_for_and_is_taken_is_a_mistake(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = f"deploy.local.demo --dashboard-port {port}"
        status, told = local(words, tmp_path, tmp_path)
    assert status == Status.MISTAKE
    assert told == [
        f"cityhum: port {port}, meant for the dashboard, is taken: free it or set another"
    ]
