"""The example notebook runs, on a small record, cell by cell as Jupyter would run it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from tests import workers
from tests.database import Database, settings_for
from tests.recorded import LOUD, QUIET, fill

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "levels.ipynb"


def cells() -> list[dict[str, Any]]:
    made = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return [cell for cell in made["cells"] if cell["cell_type"] == "code"]


def test_nothing_that_a_run_left_is_kept() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells())


def test_every_cell_runs_and_tells_the_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    reader = settings_for(database.postgres, "cityhum_reader")
    for name, value in workers.environment(reader).items():
        monkeypatch.setenv(name, value)
    told: dict[str, Any] = {"__name__": "__main__"}
    figures = []
    for cell in cells():
        exec("".join(cell["source"]), told)  # noqa: S102  # as Jupyter does
        figures.append(told.get("figure"))
    hour, shares = told["hour"], told["shares"]
    assert isinstance(hour, pd.DataFrame)
    assert list(hour.index) == [LOUD, QUIET]
    assert hour.loc[LOUD, "laeq_db"] == pytest.approx(65.2, abs=0.1)
    assert set(shares.reset_index()["label"]) == {"siren", "birds"}
    drawn = {id(figure): figure for figure in figures if figure is not None}
    assert [type(figure) for figure in drawn.values()] == [go.Figure, go.Figure]
    assert all(figure.data for figure in drawn.values())
