"""`cityhum rules`: check alert rules before they go live."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from cityhum import environment
from processors import registry, rule_check
from processors import rules as alert_rules
from processors.adapters import text_file
from processors.registry import Registry
from processors.rules import LabelRule, Mistake, Rule
from processors.settings import ProcessorSettings

app = typer.Typer(no_args_is_help=True)

WRONG = 2


class Checked(NamedTuple):
    """A file, its rules and what is wrong with it."""

    file: Path
    rules: Sequence[Rule]
    mistakes: Sequence[Mistake]


@app.callback()
def rules() -> None:
    """Check alert rules."""


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="default: the one in force")] = None,
    *,
    sites: Annotated[Path | None, typer.Option(help="default: the one in force")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Print every rule with its version, and every mistake; status 2 if there is any."""
    settings = environment.read(ProcessorSettings)
    path = sites or settings.sites_file
    devices = registry.parse(text_file.read(path), str(path))
    checked = [_checked(file, devices) for file in files or [settings.alerts_file]]
    if as_json:
        typer.echo(json.dumps([_document(one) for one in checked], indent=2))
    else:
        _say(checked)
    if any(one.mistakes for one in checked):
        raise typer.Exit(WRONG)


def _checked(file: Path, devices: Registry) -> Checked:
    found, mistakes = alert_rules.read(text_file.read(file), str(file))
    return Checked(file, found, [*mistakes, *rule_check.unknown(found, str(file), devices)])


def _say(checked: Sequence[Checked]) -> None:
    for one in checked:
        for rule in one.rules if not one.mistakes else ():
            typer.echo(f"{rule.rule}  {rule.version}  {describe(rule)}")
        for mistake in one.mistakes:
            print(mistake, file=sys.stderr)  # noqa: T201  # the command line's own voice


def _document(checked: Checked) -> dict[str, object]:
    return {
        "file": str(checked.file),
        "rules": [
            {"rule": rule.rule, "version": rule.version, "says": describe(rule)}
            for rule in checked.rules
        ],
        "mistakes": [mistake._asdict() for mistake in checked.mistakes],
    }


def describe(rule: Rule) -> str:
    """Say in words what a rule does."""
    if isinstance(rule, LabelRule):
        on, off = f"{rule.label} at {rule.on_score} per mille", f"{rule.off_score} per mille"
    else:
        above = " above L90 of the last hour" if rule.above else ""
        on, off = f"{rule.level} at {rule.on_db:g} dB{above}", f"{rule.off_db:g} dB{above}"
        on += f" while {' or '.join(rule.labels)}" if rule.labels else ""
    said = [
        f"on: {on} for {rule.on_seconds} of {rule.of_seconds} s",
        f"off: below {off} for {rule.off_seconds} s",
    ]
    if rule.min_duration_s:
        said.append(f"lasting at least {rule.min_duration_s} s")
    if rule.merge_s:
        said.append(f"one event with others within {rule.merge_s} s")
    if rule.hours:
        said.append(f"from {rule.hours.starts} to {rule.hours.ends} {rule.hours.time_zone}")
    if rule.sites or rule.devices:
        said.append(f"at {', '.join((*rule.sites, *rule.devices))}")
    return "; ".join(said)
