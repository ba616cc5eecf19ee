"""`cityhum api key new`: no key is lost, and a file that cannot be written is one line."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import keys
from api.adapters import key_file
from api.keys import Scope
from cityhum import api
from schemas.errors import BadConfig


def _add(path: Path, name: str) -> None:
    api.add(path, keys.made(name, [Scope.ALERTS], f"cityhum_{name}"))


def test_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    path, names = tmp_path / "keys.yaml", [f"key-{n}" for n in range(16)]
    with ThreadPoolExecutor(8) as makers:
        list(makers.map(lambda name: _add(path, name), names))
    assert {key.name for key in key_file.read(path).keys} == set(names)
    assert [file.name for file in tmp_path.iterdir()] == ["keys.yaml"]


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadConfig, match=f"{folder}.*director"):
        _add(tmp_path / folder / "keys.yaml", "pole")
