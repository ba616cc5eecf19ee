"""Dashboards: as their few lines say, of metrics that exist, no panel upon another."""

from pathlib import Path

import orjson
import pytest
import yaml

from deploy.grafana.__main__ import FOLDER, path_of, written
from deploy.grafana.dashboards import DASHBOARDS
from deploy.grafana.panels import Dashboard
from tests.series import DECLARED, named, recorded

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"

each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.name)


@each
def test_the_file_is_that_of_the_code(dashboard: Dashboard) -> None:
    assert path_of(dashboard).read_bytes() == written(dashboard), "python -m deploy.grafana"


def test_there_is_no_other_file() -> None:
    assert set(FOLDER.iterdir()) == {path_of(one) for one in DASHBOARDS}


@each
def test_a_panel_names_series_that_exist(dashboard: Dashboard) -> None:
    rules = RULES.read_text(encoding="utf-8")
    kept = {rule.get("record") for g in yaml.safe_load(rules)["groups"] for rule in g["rules"]}
    for panel in dashboard.panels:
        for query in panel.queries:
            assert named(query.expr) <= DECLARED, panel.title
            assert recorded(query.expr) <= kept, panel.title


@each
def test_no_panel_lies_upon_another(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in orjson.loads(written(dashboard))["panels"]:
        at = panel["gridPos"]
        xs, ys = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells = {(x, y) for x in xs for y in ys}
        assert not taken & cells, panel["title"]
        assert xs.stop <= 24
        taken |= cells


def test_every_metric_is_shown_or_watched() -> None:
    """What nobody looks at need not be counted."""
    shown = "".join(path_of(one).read_text(encoding="utf-8") for one in DASHBOARDS)
    seen = named(shown) | named(RULES.read_text(encoding="utf-8"))
    families = {name.removesuffix("_bucket") for name in DECLARED if not name.endswith(_PARTS)}
    unseen = {name for name in families if not any(one.startswith(name) for one in seen)}
    assert unseen == {"cityhum_build"}


_PARTS = ("_sum", "_count")
