"""Reference models through `cityhum evaluate`: they must get the full band that they know."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityhum.main import build
from tests.full_band import FULL_BAND, model_folder, recordings


@pytest.mark.parametrize("name", FULL_BAND)
def test_a_reference_tells_sirens_barks_and_shots(name: str, tmp_path: Path) -> None:
    folder = model_folder(name, tmp_path)
    rows = [
        f"{file},{label},{file.name.split('-')[0]}"
        for label in ("siren", "dog_bark", "gun_shot")
        for file in recordings(label, 8)
    ]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(["file,label,group", *rows]))
    result = CliRunner().invoke(
        build(), ["evaluate", str(manifest), "--model", str(folder), "--json"]
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["clips"] >= 24
    assert report["siren_auc"] >= 0.98
    assert report["accuracy"] >= 0.85
