"""Prometheus' own program takes our configuration; rules fire when they should, and only then."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.grafana.dashboards import DASHBOARDS

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"


def promtool(*arguments: str) -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool (Debian's package prometheus)")
    done = subprocess.run(
        [found, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_is_valid() -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


def test_every_rule_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", "rules.test.yaml", "drift.test.yaml")


def test_prometheus_understands_what_the_panels_ask(tmp_path: Path) -> None:
    asked = [q.expr for one in DASHBOARDS for panel in one.panels for q in panel.queries]
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", str(file))
