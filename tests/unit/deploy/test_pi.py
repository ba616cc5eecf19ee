"""The installer and the unit, as far as they can be judged without a device."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import deploy

DEPLOY = Path(deploy.__file__).parent
INSTALL = DEPLOY / "pi" / "install.sh"
UNIT = DEPLOY / "systemd" / "cityhum-agent.service"
TOLD = ("--site", "harbour", "--device", "pole-07", "--broker", "mqtt.example.org:8883")


def install(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(INSTALL), "--dry-run", *arguments], capture_output=True, text=True, check=False
    )


def test_a_dry_run_says_what_would_be_done() -> None:
    done = install(*TOLD)
    assert done.returncode == 0
    assert "--only-binary :all:" in done.stdout
    assert "would write: /etc/cityhum/agent.env (0640, root:cityhum)" in done.stdout
    assert "would write: /etc/cityhum/mqtt-password (0600, cityhum:cityhum)" in done.stdout
    assert done.stdout.splitlines()[-1] == "nothing was changed"


def test_a_city_s_broker_is_believed_by_its_certificate(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    done = install(*TOLD, "--ca", str(authority))
    assert "would write: /etc/cityhum/ca.crt (0644, root:root)" in done.stdout
    assert "ca.crt" not in install(*TOLD).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--site is needed"),
        (TOLD[:4], "--broker is needed"),
        ((*TOLD, "--site", "Harbour Town"), "small letters"),
        ((*TOLD, "--broker", "host:port"), "a port is a number"),
        ((*TOLD, "--microphone", 'a"b'), "no quotes"),
        ((*TOLD, "--from", "/nowhere"), "neither a wheel nor a clone"),
        ((*TOLD, "--ca", "/nowhere"), "no certificate"),
        ((*TOLD, "--loud"), "unknown argument"),
        ((*TOLD, "--site"), "needs a value"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], said: str) -> None:
    done = install(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("architecture", "status"), [("armhf", 2), ("i386", 2), ("arm64", 0), ("amd64", 0)]
)
def test_a_system_of_32_bits_is_refused_whatever_its_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, status: int
) -> None:
    (tmp_path / "dpkg").write_text(f"#!/bin/sh\necho {architecture}\n")
    (tmp_path / "dpkg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = install(*TOLD)
    assert done.returncode == status
    if status:
        assert done.stderr.splitlines() == [
            f"install: a 64-bit system is needed: there are no wheels for {architecture}"
        ]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_the_installer_is_a_clean_script() -> None:
    subprocess.run(["shellcheck", str(INSTALL)], check=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit_and_finds_it_well_guarded(tmp_path: Path) -> None:
    """`verify` wants the program to exist, so the unit is tried with one that does."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/cityhum/venv/bin/cityhum", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert complaints == []
    subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30", str(unit)],
        capture_output=True,
        check=True,
    )


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify", "Restart=always", "ProtectSystem=strict", "ReadWritePaths=/var/lib/cityhum",
        "LimitCORE=0", "MemorySwapMax=0", "NoNewPrivileges=yes", "PrivateTmp=yes",
        "DeviceAllow=char-alsa rw",
    ],
)  # fmt: skip
def test_the_unit_promises(line: str) -> None:
    assert line in UNIT.read_text().splitlines()


def test_the_unit_lets_the_agent_ask_whether_the_clock_is_set() -> None:
    text = UNIT.read_text()
    assert "adjtimex clock_adjtime" in text
    assert "ProtectClock=yes" not in text.splitlines()
