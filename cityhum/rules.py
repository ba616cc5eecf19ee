"""`cityhum rules`: check alert rules before they go live."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from cityhum import environment
from cityhum.output import AsJson, answer
from cityhum.status import Status
from processors import registry, rule_check
from processors import rules as alert_rules
from processors.registry import Registry
from processors.rules import LabelRule, Mistake, Rule
from processors.settings import ProcessorSettings
from schemas.adapters import text_file

app = typer.Typer(no_args_is_help=True)


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
    as_json: AsJson = False,
) -> None:
    """Print every rule with its version, and every mistake; status 1 if there is any."""
    settings = environment.read(ProcessorSettings)
    path = sites or settings.sites_file
    devices = registry.parse(text_file.read(path), str(path))
    checked = [_checked(file, devices) for file in files or [settings.alerts_file]]
    answer([_document(one) for one in checked], "\n".join(_words(checked)), as_json=as_json)
    if any(one.mistakes for one in checked):
        raise typer.Exit(Status.PROBLEMS)


def _checked(file: Path, devices: Registry) -> Checked:
    found, mistakes = alert_rules.read(text_file.read(file), str(file))
    return Checked(file, found, [*mistakes, *rule_check.unknown(found, str(file), devices)])


def _words(checked: Sequence[Checked]) -> Iterator[str]:
    for one in checked:
        if one.mistakes:
            yield from map(str, one.mistakes)
        else:
            yield from (f"{rule.rule}  {rule.version}  {describe(rule)}" for rule in one.rules)


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
