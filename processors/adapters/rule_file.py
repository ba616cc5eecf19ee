"""Reads the file of alert rules, and reads it again when somebody has changed it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from processors import alerts, rule_check, rules
from processors.alerts import AlertsState
from processors.folds import Event, Outputs
from processors.partitions import FoldRun, Heard
from processors.registry import Registry
from processors.rules import Rule
from schemas import metrics
from schemas.adapters import text_file
from schemas.base import DeviceId
from schemas.errors import BadConfig

log = logging.getLogger(__name__)


def load(path: Path, registry: Registry | None = None) -> tuple[Rule, ...]:
    """Rules of a file.

    Parameters
    ----------
    path : Path
        The file.
    registry : Registry, optional
        Sites and devices that rules may name; by default any.

    Raises
    ------
    BadConfig
        In one line, if the file cannot be read or is wrong.
    """
    found = rules.parse(text_file.read(path), str(path))
    for mistake in rule_check.unknown(found, str(path), registry) if registry else ():
        raise BadConfig(str(mistake))
    return found


class RuleBook:
    """The rules in force: those of the file as it was when it was last right.

    Parameters
    ----------
    path : Path
        The file; BadConfig if it is wrong now.
    registry : Registry
        Sites and devices that rules may name.
    """

    def __init__(self, path: Path, registry: Registry) -> None:
        self._path = path
        self._registry = registry
        self._seen = text_file.looks(path)
        self._rules = load(path, registry)
        for outcome in ("taken", "refused"):  # from 0, lest a rule misses the first
            metrics.RULE_FILES.labels(outcome)

    def current(self) -> tuple[Rule, ...]:
        """Rules as they are to be gone by from now on; the same object unless they changed."""
        looks = text_file.looks(self._path)
        if looks != self._seen:
            self._seen = looks
            self._read_again()
        return self._rules

    def _read_again(self) -> None:
        found, why = self._rules, ""
        try:
            found = load(self._path, self._registry)
        except BadConfig as bad:
            why = str(bad)
        metrics.RULE_FILES.labels("refused" if why else "taken").inc()
        if why:
            log.error("rules_refused", extra={"why": why, "kept": _versions(self._rules)})
        if found != self._rules:
            self._rules = found
            log.warning("rules_changed", extra={"now": _versions(found)})


def _versions(found: tuple[Rule, ...]) -> Mapping[str, str]:
    return {rule.rule: rule.version for rule in found}


class RuledRun:
    """The alerts of one partition; new rules hold from the first record after a commit."""

    def __init__(self, book: RuleBook, states: Mapping[DeviceId, bytes]) -> None:
        self._book = book
        self._rules = book.current()
        self._run = FoldRun(replace(alerts.fold(()), step=self._step), states)

    def apply(self, payload: bytes) -> tuple[Outputs, Heard]:
        """Take a record."""
        return self._run.apply(payload)

    def settle(self) -> Outputs:
        """Nothing waits."""
        return self._run.settle()

    def changed(self) -> Mapping[DeviceId, bytes]:
        """States to commit: what comes after them is heard under the rules of now."""
        self._rules = self._book.current()
        return self._run.changed()

    def _step(self, state: AlertsState, event: Event) -> tuple[AlertsState, Outputs]:
        return alerts.step(state, event, rules=self._rules)
