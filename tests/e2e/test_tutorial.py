"""A newcomer's walk: docs/tutorial.md word by word, in a folder with nothing but the repository."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka_jars import jars_folder, kafka_jars
from tests.servers import JARS

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)

WITHIN_S = 300
SCRIPT = """from cityhum.main import main
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A copy of what git knows, or will know, with the packages and jars that are here already."""
    copy = tmp_path / "cityhum"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    known = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, known.stdout.decode().split("\0")):
        source, target = ROOT / name, copy / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    _install(copy / ".venv")
    cache = copy / ".local" / "kafka"
    cache.mkdir(parents=True)
    jars_folder(cache).symlink_to(kafka_jars(JARS))
    yield copy
    down = [sys.executable, "-m", "deploy.local", "down"]
    subprocess.run(down, cwd=copy, check=False, env=_plain())
    subprocess.run(["make", "clean"], cwd=copy, check=False)  # as root its data lie elsewhere


def _install(venv_folder: Path) -> None:
    """What `make setup` makes, without the network: our packages, but the copy's own code."""
    venv.create(venv_folder, symlinks=True)
    packages = sysconfig.get_path("purelib")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site_packages = venv_folder / "lib" / version / "site-packages"
    (site_packages / "a-copy.pth").write_text(f"{venv_folder.parent}\n", encoding="utf-8")
    (site_packages / "ours.pth").write_text(
        f"import site; site.addsitedir({packages!r})\n", encoding="utf-8"
    )
    script = venv_folder / "bin" / "cityhum"
    python = venv_folder / "bin" / "python"
    script.write_text(f"#!{python}\n{SCRIPT}", encoding="utf-8")
    script.chmod(0o755)
    # newer than everything that make compares it with, and of this folder
    (venv_folder / ".synced").write_text(f"{venv_folder.parent.resolve()}\n", encoding="utf-8")


def _plain() -> dict[str, str]:
    """A newcomer's environment: nothing of ours is set, nor a width of the screen by readline."""
    ours = ("CITYHUM_", "COLUMNS", "LINES")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.mark.timeout(400)
def test_the_tutorial_works_word_by_word(clone: Path) -> None:
    words = BLOCK.findall((clone / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    heard = clone / ".local" / "said"
    with (
        heard.open("w") as out,
        subprocess.Popen(
            ["sh", "-e", "-c", "\n".join(words)],
            cwd=clone,
            env=_plain(),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as shell,
    ):
        try:
            shell.wait(timeout=WITHIN_S)
        finally:
            _end(shell.pid)
    said = heard.read_text(encoding="utf-8")
    assert shell.returncode == 0, said + _logs(clone)
    assert "2 devices, 120 readings published, 0 not acknowledged" in said
    assert re.search(r"│ cleared │ siren │ pole-02 ", said), said + _logs(clone)
    assert re.search(r"[0-9a-f-]{36} true$", said, flags=re.MULTILINE)
    assert re.search(r"pole-02 .* true +│ me ", said), said
    assert re.search(r"mosquitto +stopped", _run(clone, "status")), "nothing is left running"


def _run(clone: Path, command: str) -> str:
    words = [str(clone / ".venv" / "bin" / "python"), "-m", "deploy.local", command]
    done = subprocess.run(
        words, cwd=clone, env=_plain(), capture_output=True, text=True, check=True
    )
    return done.stdout


def _end(group: int) -> None:
    """Whatever the shell has left running."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _logs(clone: Path) -> str:
    logs = sorted((clone / ".local" / "log").glob("*.log"))
    return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-800:]}" for log in logs)
