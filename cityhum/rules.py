"""`cityhum rules`: check alert rules before they go live."""

from pathlib import Path
from typing import Annotated

import typer

from processors.adapters import rule_file
from processors.rules import LabelRule, Rule

app = typer.Typer(no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Check alert rules."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="file of rules")] = Path("deploy/alerts.yaml"),
) -> None:
    """Print every rule with its version, or the first mistake."""
    for rule in rule_file.load(file):
        typer.echo(f"{rule.rule}  {rule.version}  {describe(rule)}")


def describe(rule: Rule) -> str:
    """Say in words what a rule does."""
    if isinstance(rule, LabelRule):
        on, off = f"{rule.label} at {rule.on_score} per mille", f"{rule.off_score} per mille"
    else:
        on, off = f"{rule.level} at {rule.on_db:g} dB", f"{rule.off_db:g} dB"
    return (
        f"on: {on} for {rule.on_seconds} of {rule.of_seconds} s; "
        f"off: below {off} for {rule.off_seconds} s"
    )
