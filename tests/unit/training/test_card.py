import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np

from hearing.heard import Heard
from hearing.judging import judge
from hearing.manifest import Manifest
from tests.unit.hearing.manifests import manifest
from training.card import CONFIG, MODELS, Account, Beside, command, full_text, text
from training.card_sections import FalseSiren


def account(**overrides: object) -> Account:
    of: Manifest = manifest(**overrides)
    heard = [
        Heard(frozenset({"siren"}), "1", 4.0, np.array([[0.9, 0.2]], np.float32)),
        Heard(frozenset({"siren"}), "2", 4.0, np.array([[0.3, 0.6]], np.float32)),
        Heard(frozenset({"dog_bark"}), "3", 4.0, np.array([[0.4, 0.8]], np.float32)),
    ]
    report = judge(heard, of)
    folds = {"urbansound8k": {1: report, 2: report, 3: report}}
    worst = (FalseSiren("3", "dog_bark", 0.4),)
    return Account(of, 12_345, folds, named=report, everything=report, false_sirens=worst)


def test_a_card_tells_figures_failures_and_what_did_not_help() -> None:
    metrics = {"accuracy": 0.81, "accuracy_spread": 0.02, "street_sirens": 31.0}
    told = full_text(account(metrics=metrics), (), "- Width.")
    assert "| **urbansound8k, mean** | 1 2 | 6 | 0.667 | 0.750 |" in told
    assert "| accuracy | 0.810 | 0.020 |" in told
    assert "| street sirens | 31 |" in told
    assert "used to choose thresholds" in told
    assert "| siren | dog_bark | 1 | 50% |" in told
    assert "Siren sources with missed clips: 2 (0% caught)." in told
    assert "3 (dog_bark, 0.40)" in told
    assert "- Width." in told
    assert "![Confusion matrix](confusion.svg)" in told
    assert "This is it." in told
    assert "{" not in told


def test_the_permissive_twin_stands_beside_the_shipped_model() -> None:
    both = account(commercial_use=False), account(name="free", licence="MIT")
    beside = [Beside(each.manifest, each.named, each.everything) for each in both]
    told = full_text(both[0], beside, "")
    assert "| free-0.1.0, MIT | 3 | 0.667 |" in told
    assert "Commercial use: no" in told


def test_a_fold_model_is_not_for_use() -> None:
    assert "without fold 2" in text(manifest(), fold=2, parameters=7, judge="")
    assert "not judged" in text(manifest(), fold=0, parameters=7, judge="it is not judged")


def test_the_command_of_a_card_names_all_that_is_not_the_default(tmp_path: Path) -> None:
    asked = command("tiny-0.1.0", tmp_path / "my city.yaml", tmp_path)
    assert shlex.split(asked)[2:] == [
        *("training.account", "tiny-0.1.0"),
        *("--config", f"{tmp_path}/my city.yaml", "--models", str(tmp_path)),
    ]
    bundled = command("street8-0.3.0", CONFIG, MODELS, "street8-free-0.2.0")
    assert bundled == "python -m training.account street8-0.3.0 --twin street8-free-0.2.0"


def test_a_card_of_ones_own_claims_nothing_of_recordings_that_it_never_had() -> None:
    own = account()
    own = replace(own, folds={"town": own.folds["urbansound8k"]})
    told = full_text(own, (), "")
    assert "town together, 3 clips" in told
    assert "UrbanSound8K" not in told
    assert "handful of recordings" not in told
    assert "streets" not in told
