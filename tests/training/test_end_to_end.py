"""A tiny model, from sounds made here to labels: what a city does with its own recordings."""

import json
import shlex
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cityhum.evaluate import hear
from hearing import judging
from hearing.adapters import labelled, runtime
from schemas.errors import BadConfig
from tests.training.town import LABELS, config_of, recorded
from training import account, config, pools, train
from training.__main__ import app
from training.config import Run
from training.pupil import Pupil

NAME = "tiny-0.0.1"


def step(*words: str | Path) -> str:
    """What `python -m training` prints of a step."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a town, its sounds prepared."""
    path = config_of(tmp_path_factory.mktemp("city"))
    step("prepare", "--config", path)
    return path


@pytest.fixture(scope="module")
def models(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town's own model with its fold models, as the steps leave them."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("train", "evaluate"):
        step(name, "--config", tiny)
    step("export", "--config", tiny, "--models", folder)
    return folder


def test_sounds_that_were_held_aside_are_told_apart(models: Path, tmp_path: Path) -> None:
    manifest = recorded(tmp_path / "unheard", LABELS * 8, seed=6)
    model = runtime.load(models / NAME)
    heard, unheard = hear(labelled.by_file(labelled.rows(manifest)), model)
    report = judging.judge(heard, model.manifest)
    assert not unheard
    assert report.accuracy is not None
    assert report.accuracy >= 0.8  # a third would be chance
    assert report.siren_auc is not None
    assert report.siren_auc >= 0.95


def test_the_model_tells_its_licence_its_figures_and_its_card(models: Path) -> None:
    said = runtime.load(models / NAME).manifest
    assert (said.licence, said.commercial_use) == ("CC0-1.0", True)
    assert said.metrics["town_accuracy"] > 0.8
    assert NAME.split("-", maxsplit=1)[0] in (models / NAME / "card.md").read_text()


def test_the_command_that_a_card_names_fills_the_card(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = models / NAME / "card.md"
    _, asked, _ = card.read_text().split("`")
    monkeypatch.setattr("sys.argv", shlex.split(asked)[2:])
    with pytest.raises(SystemExit) as ended:
        account.main()
    assert not ended.value.code
    told = card.read_text()
    assert "| **town, mean** | 1 2 3 4 | 24 |" in told
    assert asked in told


def test_what_has_no_recordings_of_two_labels_cannot_be_judged(models: Path) -> None:
    with pytest.raises(BadConfig, match="two labels"):
        account.of(NAME, models, [], "")


def test_int8_takes_its_place_only_if_the_verdict_says_so(tiny: Path, models: Path) -> None:
    verdict = json.loads(step("quantise", "--config", tiny, "--models", models))
    folders = [models / NAME, *(models / "folds").iterdir()]
    kinds = {runtime.load(folder).manifest.precision for folder in folders}
    assert kinds == {"int8" if verdict["ships"] else "float32"}
    assert set(verdict["classes"]) == set(LABELS)
    told = "precision: it is." if verdict["ships"] else "precision: it is not"
    assert told in (models / NAME / "int8.md").read_text()
    step("export", "--config", tiny, "--models", models)
    # other weights, of which nobody has said anything yet
    assert runtime.load(models / NAME).manifest.precision == "float32"
    assert not (models / NAME / "int8.md").exists()


def test_a_killed_run_goes_on_where_it_stopped(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = config.read(tiny)
    pool, run = pools.load(chosen), Run(1, 2)
    undisturbed = torch.load(train.train(chosen, pool, run), weights_only=True)
    train.weights_path(chosen, run).unlink()
    steps = 0

    class Killed(Exception):
        pass

    def dying(pupil: Pupil) -> None:
        nonlocal steps
        if steps == 27:  # of the refinement, which begins with what is kept of the first part
            raise Killed
        steps += 1
        learn(pupil)

    learn = Pupil.learn
    with monkeypatch.context() as patch:
        patch.setattr(Pupil, "learn", dying)
        with pytest.raises(Killed):
            train.train(chosen, pool, run)
    again = torch.load(train.train(chosen, pool, run), weights_only=True)
    assert all(torch.allclose(again[name], undisturbed[name], atol=1e-4) for name in undisturbed)


def test_what_has_changed_since_is_trained_anew_and_never_taken_for_the_old(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = config.read(tiny)
    few = plain.train.model_copy(update={"steps": 2, "refine": None})
    few_steps = plain.model_copy(update={"train": few})
    taught = plain.data.model_copy(update={"field": tiny.parent / "field"})
    pool, run = pools.load(plain), Run(2, 9)
    first = train.train(few_steps, pool, run)
    left = first.with_name(f"{first.name}.part")
    left.touch()  # as of a run that was killed
    assert train.train(few_steps, pool, run) == first
    assert capsys.readouterr().err.count("trained anew") == 0
    changes: list[dict[str, object]] = [
        {"train": few.model_copy(update={"width": 6})},
        {"train": few.model_copy(update={"steps": 3})},
        {"data": taught},
    ]
    made = {first}
    (tiny.parent / "field").mkdir()
    (tiny.parent / "field" / "field.csv").write_text("what operators said")
    for change in changes:
        changed = few_steps.model_copy(update=change)
        with pytest.raises(BadConfig, match="settings, teacher or field have changed"):
            train.load(changed, run)
        made.add(train.train(changed, pool, run))
        assert not left.exists()
        said = capsys.readouterr().err
        assert said.count("fold2-seed9: settings, teacher or field have changed: trained anew") == 1
        assert train.load(changed, run) is not None
    assert len(made) == 4
    assert pools.pool_path(plain) != pools.pool_path(
        plain.model_copy(update={"train": few.model_copy(update={"seed": 5})})
    )
