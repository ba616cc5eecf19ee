"""A configuration is checked before hours are spent on it."""

from pathlib import Path

import pytest

from schemas.errors import BadConfig
from training import config, fullband_config

HERE = Path(config.__file__).parent


@pytest.mark.parametrize("folds", ["[]", "[3]", "[2, 2]"])
def test_one_fold_alone_cannot_decide_its_own_thresholds(tmp_path: Path, folds: str) -> None:
    text = (HERE / "street8.yaml").read_text()
    alone = tmp_path / "alone.yaml"
    alone.write_text(text.replace("train:\n", f"train:\n  folds: {folds}\n"))
    with pytest.raises(BadConfig, match=r"alone\.yaml: train\.folds: .*two different folds"):
        config.read(alone)
    text = (HERE / "street.yaml").read_text()
    alone.write_text(text.replace("folds: [1, 2]\n  width", f"folds: {folds}\n  width"))
    with pytest.raises(BadConfig, match=r"alone\.yaml: train\.folds: .*two different folds"):
        fullband_config.read(alone)
