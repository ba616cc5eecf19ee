"""`make setup`: once for a folder, and again for its copy or under another name."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
MADE: Final = ".venv/made"
PYTHON: Final = f"""#!/bin/sh
case "$*" in
    "-m venv --clear .venv")
        rm -rf .venv
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        printf '#!/bin/sh\\n' > .venv/bin/uv
        chmod +x .venv/bin/uv
        touch {MADE} ;;
    *print*) echo python3-venv ;;
esac
"""
"""As much of one as setup.sh asks for."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a street"
    for name in ("Makefile", "deploy/local/setup.sh", "uv.lock", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text(PYTHON)
    (tmp_path / "bin/python3").chmod(0o755)
    return folder


def sets_up(folder: Path) -> bool:
    """Whether an environment is made."""
    (folder / MADE).unlink(missing_ok=True)
    environment = {"PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(["make", "setup"], cwd=folder, env=environment, check=True, capture_output=True)
    return (folder / MADE).exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_folder_is_set_up_once_and_again_when_it_is_another(checkout: Path) -> None:
    assert sets_up(checkout)
    stamp = checkout / ".venv/.synced"
    before = stamp.stat().st_mtime_ns
    assert not sets_up(checkout)
    assert stamp.stat().st_mtime_ns == before
    copied = checkout.with_name("a copy")
    shutil.copytree(checkout, copied, symlinks=True)
    assert sets_up(copied)
    moved = checkout.rename(checkout.with_name("another street"))
    assert sets_up(moved)
    assert not sets_up(moved)


def test_uv_is_the_same_here_and_in_images() -> None:
    here = (ROOT / "deploy/local/setup.sh").read_text(encoding="utf-8")
    images = (ROOT / "deploy/images/Dockerfile").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"^UV_VERSION=(\S+)$", here, flags=re.MULTILINE)
    assert re.findall(r"\buv==(\S+)", images) == [pinned]
