"""The command line as a shell and a terminal see it."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

BIN = Path(sys.executable).parent


def environment(**others: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
    return {**plain, "PATH": f"{BIN}:{plain['PATH']}", "TERM": "xterm-256color", **others}


def on_a_terminal(command: list[str], **others: str) -> bytes:
    """What a person sees who types this."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**others)
    ) as process:
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
        assert process.wait() == 0, seen
    os.close(ours)
    return seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side has closed
        return b""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    noise = np.random.default_rng(1).normal(0, 0.01, 32_000)
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    return tmp_path / "noise.wav"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("si", {"simulate", "simulate-sites"}),
        ("agent do", {"doctor"}),
        ("verdicts give --", {"--by", "--note", "--json", "--help"}),
        ("work al", {"alerts"}),
        ("models check --js", {"--json"}),
    ],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_verbs_options_and_values(typed: str, offered: set[str]) -> None:
    words = f"cityhum {typed}"
    script = f"""
        eval "$(cityhum --show-completion bash)"
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $(complete -p cityhum | sed 's/.*-F \\([^ ]*\\).*/\\1/') cityhum
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shown = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(shown.stdout.split()) == offered, shown.stderr


def test_the_agent_does_not_pay_for_the_servers() -> None:
    code = "import sys; from cityhum.main import loaded; loaded('agent'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = set(done.stdout.split())
    assert not here & {"faust", "aiokafka", "psycopg", "streamlit", "fastapi"}


def test_a_terminal_gets_a_bar_and_colours_and_a_file_gets_neither(sound: Path) -> None:
    command = ["cityhum", "listen", *[str(sound)] * 3]
    seen = on_a_terminal(command)
    assert b"Listening" in seen
    assert b"\x1b[" in seen
    piped = subprocess.run(command, env=environment(), capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout
    assert piped.stderr == b""


def test_a_bar_takes_nothing_away_from_a_file(sound: Path, tmp_path: Path) -> None:
    there = tmp_path / "said.txt"
    command = ["sh", "-c", f"cityhum listen {sound} {sound} > {there}"]
    assert b"Listening" in on_a_terminal(command)
    assert there.read_text(encoding="utf-8").count("LAeq") == 2


def test_no_color_is_honoured_on_a_terminal() -> None:
    assert b"\x1b[1m" in on_a_terminal(["cityhum", "--help"])
    coloured = on_a_terminal(["cityhum", "--help"])
    plain = on_a_terminal(["cityhum", "--help"], NO_COLOR="1")
    assert b"\x1b[36m" in coloured or b"\x1b[1;36m" in coloured
    assert not any(b"\x1b[%dm" % n in plain or b";%dm" % n in plain for n in range(30, 38))


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = "set -o pipefail; cityhum simulate-sites --devices 20000 | head -n 1"
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_database_that_is_away_is_status_3() -> None:
    away = environment(CITYHUM_POSTGRES_HOST="127.0.0.1", CITYHUM_POSTGRES_PORT="1")
    done = subprocess.run(
        ["cityhum", "verdicts", "list"], env=away, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
