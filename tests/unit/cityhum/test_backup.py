"""`cityhum backup` beside a backup that it cannot read, without a database."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityhum.main import build
from processors.adapters import backup as backups
from processors.backups import Backup
from processors.settings import ProcessorSettings
from schemas.errors import Unavailable

OLD = "20260501T000000Z"
NEW = "20260504T000000Z"


def saved(folder: Path, name: str) -> Backup:
    """A finished backup of that time."""
    (folder / name).mkdir()
    said = Backup(
        made_at=datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        revision="0013",
        sha256="0",
        bytes=1,
        readings=0,
        newest_reading_at=None,
        reached=(),
    )
    (folder / name / backups.SAID).write_text(said.model_dump_json())
    return said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that can be read, one cut off, one of a newer version."""
    saved(tmp_path, OLD)
    newer = saved(tmp_path, "20260503T000000Z").model_dump(mode="json") | {"version": 2}
    (tmp_path / "20260503T000000Z" / backups.SAID).write_text(json.dumps(newer))
    (tmp_path / "20260502T000000Z").mkdir()
    (tmp_path / "20260502T000000Z" / backups.SAID).write_text('{"version": 1, "made')
    (tmp_path / "20260502T000000Z.unfinished").mkdir()
    (tmp_path / "notes.unfinished").mkdir()
    return tmp_path


def test_the_others_are_listed_and_somebody_is_told(folder: Path) -> None:
    done = CliRunner().invoke(build(), ["backup", "list", str(folder)])
    assert done.exit_code == 0
    assert OLD in done.stdout
    assert all(f"{day}T000000Z is damaged" in done.stderr for day in ("20260502", "20260503"))


def test_a_backup_is_noted_and_old_ones_go_beside_some_that_cannot_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[set[str]] = []

    def make(_: ProcessorSettings, where: Path) -> tuple[Path, Backup]:
        return where / NEW, saved(where, NEW)

    def note(_: ProcessorSettings, __: Backup) -> None:
        noted.append({place.name for place in folder.iterdir()})
        raise Unavailable("nobody answers")

    monkeypatch.setattr(backups, "make", make)
    monkeypatch.setattr(backups, "note", note)
    done = CliRunner().invoke(build(), ["backup", "make", str(folder), "--keep", "1"])
    assert done.exit_code == 0, done.output
    assert OLD in noted[0], "noted before anything is removed"
    left = {place.name for place in folder.iterdir()}
    assert left == {NEW, "20260502T000000Z", "20260503T000000Z", "notes.unfinished"}
