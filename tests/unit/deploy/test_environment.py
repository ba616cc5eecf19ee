"""`make secrets` writes what Compose is to know into .env, and leaves what somebody has said."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
SCRIPT: Final = ROOT / "deploy/compose/environment.sh"


def written(folder: Path, user: int = 1234) -> str:
    """What .env says after the script; `id` answers as that user."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (programs / "id").chmod(0o755)
    subprocess.run(
        ["sh", SCRIPT],
        cwd=folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "GIT_DIR": str(ROOT / ".git")},
        check=True,
        stderr=subprocess.PIPE,
    )
    return (folder / ".env").read_text()


def values(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_a_newcomer_exports_nothing(tmp_path: Path) -> None:
    found = values(written(tmp_path))
    version = found.pop("CITYHUM_VERSION")
    assert found == {"COMPOSE_PROFILES": "core", "SECRETS_UID": "1234"}
    assert version


def test_what_somebody_has_said_stays(tmp_path: Path) -> None:
    said = "# ours\nCOMPOSE_PROFILES=core,notify,observe\nCITYHUM_VERSION=old\nSECRETS_UID=7"
    (tmp_path / ".env").write_text(said)
    first = written(tmp_path)
    assert first.startswith("# ours\nCOMPOSE_PROFILES=core,notify,observe\nSECRETS_UID=7\n")
    assert "CITYHUM_VERSION=old" not in first
    assert written(tmp_path) == first


@pytest.mark.parametrize("before", ["", "CITYHUM_BACKUPS=/mnt/backups"])
def test_root_has_to_say_whose_they_are(tmp_path: Path, before: str) -> None:
    (tmp_path / ".env").write_text(before)
    assert "SECRETS_UID" not in written(tmp_path, user=0)
    assert before in written(tmp_path, user=0).splitlines() or not before
