"""What a staged benchmark leaves behind."""

import os
from pathlib import Path

import pytest

from benchmarks import stage
from deploy.local import postgres_home


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database lies outside the folder")
def test_the_database_goes_with_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres_home, "_AWAY", tmp_path)
    with stage.scratch() as folder:
        home = postgres_home.home(folder / "postgres")
        (home / "data").mkdir()
        assert home.parent == tmp_path
    assert not folder.exists()
    assert not home.exists()
