import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityhum.models import app
from schemas.errors import BadConfig
from tests.tiny_models import LABELS, model_folder, network


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=True)
    if isinstance(done.exception, BadConfig):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    model_folder(models / "tiny-0.1.0", commercial_use=False, precision="int8")
    model_folder(models / "broken-0.1.0", version="one")
    return models


def test_the_list_says_what_a_model_is_and_may_be_used_for(shelf: Path) -> None:
    status, said = run("list", "--models", shelf, "--json")
    broken, tiny = json.loads(said)
    assert status == 0
    assert "manifest.json: version: " in broken["refused"]
    assert tiny["bytes"] == len(network())
    assert len(tiny.pop("sha256")) == 64
    assert tiny == {
        "model": "tiny-0.1.0", "refused": None, "name": "tiny", "version": "0.1.0",
        "frontend": "mel32x8", "precision": "int8", "labels": list(LABELS), "licence": "none",
        "commercial_use": False, "bytes": len(network()),
    }  # fmt: skip


def test_the_list_for_people_says_it_too(shelf: Path) -> None:
    status, said = run("list", "--models", shelf)
    assert status == 0
    assert all(word in said for word in ("tiny-0.1.0", "mel32x8", "int8", "no commercial use"))


def test_every_model_is_checked_even_behind_one_that_is_refused(shelf: Path) -> None:
    status, said = run("check", "--models", shelf, "--json")
    broken, tiny = json.loads(said)
    assert status == 1
    assert "version" in broken["refused"]
    assert (tiny["labels"], tiny["refused"]) == (2, None)


def test_a_name_is_sought_on_the_shelf_that_is_given(shelf: Path, tmp_path: Path) -> None:
    status, said = run("check", "tiny-0.1.0", "--models", shelf, "--json")
    assert (status, json.loads(said)[0]["identity"][:10]) == (0, "tiny-0.1.0")
    assert run("check", "tiny-0.1.0", "--models", tmp_path, "--json")[0] == 1
    assert "tiny" in run("list", "--models", shelf / "tiny-0.1.0" / "..")[1]
    with pytest.raises(BadConfig, match="nowhere: no folder of models"):
        run("check", "--models", tmp_path / "nowhere")


def test_a_folder_that_is_a_model_is_no_shelf(shelf: Path) -> None:
    assert json.loads(run("list", "--models", shelf / "tiny-0.1.0", "--json")[1]) == []


def test_a_sound_model_is_told_in_words(shelf: Path) -> None:
    status, said = run("check", shelf / "tiny-0.1.0")
    assert (status, "sound, 2 labels" in said) == (0, True)


def test_a_checked_model_is_added_with_nothing_but_its_own_files(tmp_path: Path) -> None:
    source, models = model_folder(tmp_path / "mine"), tmp_path / "models"
    (source / "card.md").write_text("# mine\n")
    (source / "run.sh").write_text("exit 1\n")
    assert run("add", source, "--models", models)[0] == 0
    added = {file.name for file in (models / "tiny-0.1.0").iterdir()}
    assert added == {"manifest.json", "model.onnx", "card.md"}
    assert "was there already" in run("add", source, "--models", models)[1]
    assert [folder.name for folder in models.iterdir()] == ["tiny-0.1.0"]


def test_another_model_of_the_same_name_stays(shelf: Path, tmp_path: Path) -> None:
    other = model_folder(tmp_path / "other", licence="another")
    before = (shelf / "tiny-0.1.0" / "manifest.json").read_bytes()
    with pytest.raises(BadConfig, match="another model of this name"):
        run("add", other, "--models", shelf)
    assert (shelf / "tiny-0.1.0" / "manifest.json").read_bytes() == before


def test_what_is_refused_is_not_added(tmp_path: Path) -> None:
    wrong = model_folder(tmp_path / "wrong", sha256="0" * 64)
    with pytest.raises(BadConfig, match="sha256"):
        run("add", wrong, "--models", tmp_path / "models")
    assert not (tmp_path / "models").exists()
