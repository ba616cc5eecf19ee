"""Alert rules: of metrics that exist, each with its entry in the runbook and its unit test."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.series import DECLARED, named, recorded

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOK = "docs/runbook.md"


def parsed(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return document


RULES = [rule for group in parsed("rules.yaml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert named(rule["expr"]) <= DECLARED
    assert recorded(rule["expr"]) <= {one["record"] for one in RULES if "record" in one}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_entry_in_the_runbook(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["runbook"] == f"{RUNBOOK}#{alert.lower()}"
    assert ALERTS[alert]["labels"]["severity"] in {"page", "ticket"}


def test_the_runbook_has_one_entry_for_each_alert_and_no_other() -> None:
    text = (ROOT / RUNBOOK).read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == list(ALERTS)
    for entry in text.split("\n## ")[1:]:
        alert = entry.partition("\n")[0]
        severity = ALERTS[alert]["labels"]["severity"]
        assert f"\n\n**{severity.capitalize()}.** " in entry


def test_each_alert_is_tried_out() -> None:
    files = [parsed("rules.test.yaml"), parsed("drift.test.yaml")]
    tried = [one for file in files for one in file["tests"]]
    firing = [
        name
        for one in tried
        for name in set(re.findall(r'alertname="(\w+)"', str(one["promql_expr_test"])))
    ]
    assert sorted(firing) == sorted(ALERTS)  # each by exactly one test; in all others it is silent
    assert named(str([one["input_series"] for one in tried])) <= DECLARED
