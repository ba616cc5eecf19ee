"""The compose file: valid by the real program, and made of the files that the local stack uses."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILES = ("core", "simulate")
COMPOSE = shutil.which("docker-compose")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    if COMPOSE is None:
        pytest.skip("needs docker-compose (Debian's package of that name)")
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    printed = subprocess.run(
        [COMPOSE, *profiles, "config"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    document: dict[str, Any] = yaml.safe_load(printed.stdout)
    return document


def test_every_mounted_file_exists(compose: dict[str, Any]) -> None:
    for path in _mounted(compose):
        assert path.exists(), path


def test_servers_read_the_configuration_of_the_local_stack(compose: dict[str, Any]) -> None:
    mounted = {path.relative_to(ROOT).as_posix() for path in _mounted(compose)}
    assert {
        "deploy/mosquitto/mosquitto.conf",
        "deploy/mosquitto/acl",
        "deploy/kafka/server.properties",
        "deploy/postgres/roles.sql",
    } <= mounted


def test_only_loopback_is_published(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or name.endswith(("_FILE", "_FOLDER")), value


def test_every_program_of_the_demo_is_a_service(compose: dict[str, Any]) -> None:
    wanted = {"bridge", "classify", "windows", "alerts", "archive", "relay", "dashboard", "api"}
    assert wanted <= set(compose["services"])


def _mounted(compose: dict[str, Any]) -> list[Path]:
    sources = [
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("/")
    ]
    return [Path(source) for source in sources if ".local" not in source]
