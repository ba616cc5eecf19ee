import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from cityhum.rules import app
from processors import rules
from processors.rules import LabelRule, LevelRule
from schemas.errors import BadConfig

SIREN: dict[str, Any] = {
    "rule": "siren",
    "label": "siren",
    "on_score": 500,
    "off_score": 300,
    "on_seconds": 3,
    "of_seconds": 5,
    "off_seconds": 6,
    "cooldown_s": 10,
    "max_duration_s": 600,
}
LOUD: dict[str, Any] = {
    **{name: SIREN[name] for name in SIREN if name not in ("label", "on_score", "off_score")},
    "rule": "loud",
    "level": "laeq_1s_db",
    "on_db": 85,
    "off_db": 80.0,
}

NIGHT = {"starts": "22:00", "ends": "06:00", "time_zone": "Europe/Berlin"}


def text(*them: dict[str, Any]) -> str:
    return yaml.safe_dump({"rules": list(them)})


def test_rules_on_labels_and_on_levels() -> None:
    siren, loud = rules.parse(text(SIREN, LOUD), "alerts.yaml")
    assert isinstance(siren, LabelRule)
    assert isinstance(loud, LevelRule)
    assert (siren.label, loud.on_db) == ("siren", 85.0)


def test_the_shipped_rules_are_right() -> None:
    shipped = Path("deploy/alerts.yaml")
    assert [rule.rule for rule in rules.parse(shipped.read_text(), shipped.name)] == ["siren"]


def test_the_version_follows_the_meaning_not_the_writing() -> None:
    [siren] = rules.parse(text(SIREN), "a")
    [rewritten] = rules.parse(text(dict(reversed(SIREN.items()))) + "# why\n", "b")
    [stricter] = rules.parse(text({**SIREN, "on_score": 501}), "c")
    assert siren.version == rewritten.version != stricter.version
    assert rules.restored(rules.stored(siren)) == siren


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("rules: [", "alerts.yaml: line 1: "),
        ("[]", "alerts.yaml: must hold one list named 'rules'"),
        ("rules: siren", "alerts.yaml: rules: must be a list"),
        ("rules: [siren]", "alerts.yaml: rule 1: must have named fields"),
        (text(SIREN, SIREN), "alerts.yaml: rule siren: defined twice"),
        (text({**SIREN, "on_score": "high"}), "alerts.yaml: rule siren: on_score: "),
        (text({**SIREN, "colour": 1}), "alerts.yaml: rule siren: colour: "),
        (text({**SIREN, "off_score": 600}), "alerts.yaml: rule siren: off_score must not exceed"),
        (text({**SIREN, "on_seconds": 6}), "alerts.yaml: rule siren: on_seconds must not exceed"),
        (text({**SIREN, "label": "sirene"}), "alerts.yaml: rule siren: label 'sirene' is none of"),
        (text({**LOUD, "level": "laeq"}), "alerts.yaml: rule loud: level: "),
        (text({**LOUD, "off_db": 90}), "alerts.yaml: rule loud: off_db must not exceed"),
        (text({"label": "siren"}), "alerts.yaml: rule 1: rule: is missing; add it"),
        (text({"rule": "any"}), "alerts.yaml: rule any: needs a label, with on_score and"),
        (text({**SIREN, "off_seconds": 3, "on_second": 3}), "alerts.yaml: rule siren: on_second:"),
        (text({**SIREN, "min_duration_s": 600}), "alerts.yaml: rule siren: max_duration_s must ex"),
        (text({**LOUD, "labels": ["sirene"]}), "alerts.yaml: rule loud: label 'sirene' is none of"),
        (text({**LOUD, "hours": {**NIGHT, "ends": "22:00"}}), "alerts.yaml: rule loud: hours: sta"),
        (text({**LOUD, "hours": {**NIGHT, "starts": 22}}), "alerts.yaml: rule loud: hours.starts"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_rule_and_field(document: str, line: str) -> None:
    with pytest.raises(BadConfig) as caught:
        rules.parse(document, "alerts.yaml")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


SITES = """
sites:
  - {site: harbour, devices: [{device: pole-07}, {device: pole-08}]}
  - {site: park, devices: [{device: pole-16}]}
"""


def checked(tmp_path: Path, *rules_: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    file, sites = tmp_path / "alerts.yaml", tmp_path / "sites.yaml"
    file.write_text(text(*rules_))
    sites.write_text(SITES)
    return CliRunner().invoke(app, ["check", str(file), "--sites", str(sites), *options])


def test_the_command_prints_each_rule(tmp_path: Path) -> None:
    loud = {**LOUD, "above": "l90_1h", "on_db": 20, "off_db": 10, "hours": NIGHT, "merge_s": 60}
    result = checked(tmp_path, SIREN, loud)
    assert result.exit_code == 0
    assert "siren at 500 per mille for 3 of 5 s" in result.output
    assert "laeq_1s_db at 20 dB above L90 of the last hour" in result.output
    assert "within 60 s; from 22:00 to 06:00 Europe/Berlin" in result.output


def test_the_command_names_every_mistake_in_a_line_of_its_own(tmp_path: Path) -> None:
    wrong = {**SIREN, "on_seconds": 0, "colour": 1}
    nowhere = {**LOUD, "sites": ["harbor"], "devices": ["pole-17"]}
    nobody = {**LOUD, "rule": "quiet", "sites": ["harbour"], "devices": ["pole-16"]}
    result = checked(tmp_path, wrong, nowhere, nobody)
    assert result.exit_code == 1
    assert [line.split("alerts.yaml: ")[1] for line in result.stdout.splitlines()] == [
        "rule siren: on_seconds: Input should be greater than or equal to 1",
        "rule siren: colour: unknown field; remove it",
        "rule loud: sites: there is no 'harbor'; did you mean harbour?",
        "rule loud: devices: there is no 'pole-17'; did you mean pole-16?",
        "rule quiet: devices: none of its devices stands at its sites: no device is listened to",
    ]


def test_programs_are_told_the_same(tmp_path: Path) -> None:
    result = checked(tmp_path, SIREN, {**LOUD, "sites": ["quay"]}, options=("--json",))
    assert result.exit_code == 1
    [told] = json.loads(result.stdout)
    assert [rule["rule"] for rule in told["rules"]] == ["siren", "loud"]
    assert told["mistakes"][0]["field"] == "sites"


def test_the_command_fails_on_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(tmp_path / "none.yaml")])
    assert isinstance(result.exception, BadConfig)


def test_the_examples_are_right_and_say_what_they_do() -> None:
    result = CliRunner().invoke(app, ["check", "deploy/alerts.examples.yaml"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 4
