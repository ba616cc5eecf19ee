"""Who outside is told of which alerts: the file of targets, and what an alert means to each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from processors.registry import Registry
from schemas.base import DeviceId, Frozen, SiteId, SlugId, UtcTime
from schemas.codec import encode
from schemas.errors import BadConfig
from schemas.results import Alert, AlertState

MAX_TARGETS: Final = 40
"""Each holds a connection to PostgreSQL."""

_VariableName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class _Common(Frozen):
    """Which alerts a target is told of, and how patiently."""

    target: SlugId
    rules: tuple[SlugId, ...] = Field(default=(), description="none named: all")
    sites: tuple[SiteId, ...] = Field(default=(), description="none named: all")
    devices: tuple[DeviceId, ...] = Field(default=(), description="none named: all")
    events: tuple[AlertState, ...] = Field(default=("raised", "cleared"), min_length=1)
    tries: int = Field(default=18, ge=1, le=50, description="then it is given up")
    timeout_s: float = Field(default=10.0, gt=0, le=60)

    def wants(self, alert: Alert) -> bool:
        """Whether it is told of this event."""
        return (
            not alert.historical
            and alert.state in self.events
            and (not self.rules or alert.rule in self.rules)
            and (not self.sites or alert.site in self.sites)
            and (not self.devices or alert.device in self.devices)
        )


class WebhookTarget(_Common):
    """A signed HTTP POST; the secret is in a file, or in a variable of the environment."""

    webhook: str = Field(pattern=r"^https?://[^\s/]+", max_length=2000)
    secret_file: Path | None = None
    secret_env: _VariableName | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> "WebhookTarget":
        _require_one(self, "secret_file", "secret_env")
        return self


class AppriseTarget(_Common):
    """A notification; Apprise's URL is a secret, so it is in a file or a variable too."""

    apprise_file: Path | None = None
    apprise_env: _VariableName | None = None

    @model_validator(mode="after")
    def _one_url(self) -> "AppriseTarget":
        _require_one(self, "apprise_file", "apprise_env")
        return self


Target = WebhookTarget | AppriseTarget


class NotificationRow(Frozen):
    """A row of `notification`: a target has to be told of an event."""

    target: SlugId
    alert_id: UUID
    revision: int
    payload: str


def rows(
    targets: Iterable[Target], since: Mapping[str, UtcTime | datetime], alert: Alert
) -> tuple[NotificationRow, ...]:
    """What an event means: a row for each target that wants it and was there when it was raised."""
    payload = encode(alert).decode()
    return tuple(
        NotificationRow(
            target=one.target, alert_id=alert.alert_id, revision=alert.revision, payload=payload
        )
        for one in targets
        if one.wants(alert) and alert.raised_at >= since[one.target]
    )


class Mistake(NamedTuple):
    """What is wrong with a file of targets, in one line."""

    file: str
    target: str
    what: str

    def __str__(self) -> str:
        target = f"target {self.target}" if self.target else ""
        return ": ".join(part for part in (self.file, target, self.what) if part)


def parse(text: str, source: str) -> tuple[Target, ...]:
    """Targets of a file.

    Raises
    ------
    BadConfig
        In one line, if there is a mistake.
    """
    targets, mistakes = read(text, source)
    if mistakes:
        raise BadConfig(str(mistakes[0]))
    return targets


def read(text: str, source: str) -> tuple[tuple[Target, ...], tuple[Mistake, ...]]:
    """Targets that are right, and all mistakes."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return (), (Mistake(source, "", f"not YAML: {' '.join(str(error).split())[:200]}"),)
    if not isinstance(document, dict) or list(document) != ["targets"]:
        return (), (Mistake(source, "", "must hold one list named 'targets'"),)
    listed = document["targets"]
    if not isinstance(listed, list) or len(listed) > MAX_TARGETS:
        return (), (Mistake(source, "", f"targets: must be a list of at most {MAX_TARGETS}"),)
    targets: list[Target] = []
    mistakes: list[Mistake] = []
    for number, fields in enumerate(listed, 1):
        name = str(fields.get("target", number))[:63] if isinstance(fields, dict) else str(number)
        try:
            target = _target(fields)
        except (ValueError, ValidationError) as error:
            mistakes += [Mistake(source, name, what) for what in _said(error)]
            continue
        if any(target.target == other.target for other in targets):
            mistakes.append(Mistake(source, name, "defined twice"))
        targets.append(target)
    return tuple(targets), tuple(mistakes)


def unknown(
    targets: Iterable[Target], source: str, rules: Sequence[str], registry: Registry
) -> tuple[Mistake, ...]:
    """Rules, sites and devices that targets name and nobody knows: such a target hears nothing."""
    known = {
        "rules": set(rules),
        "sites": {site.site for site in registry.sites},
        "devices": set(registry.site_of),
    }
    return tuple(
        Mistake(source, one.target, f"{field}: no {field[:-1]} is called {name}")
        for one in targets
        for field, names in known.items()
        for name in getattr(one, field)
        if name not in names
    )


def _target(fields: Any) -> Target:  # noqa: ANN401  # whatever a person has written
    if not isinstance(fields, dict):
        raise ValueError("must have named fields")  # noqa: TRY004  # as pydantic's own are
    if "webhook" in fields:
        return WebhookTarget.model_validate(fields)
    if "apprise_file" in fields or "apprise_env" in fields:
        return AppriseTarget.model_validate(fields)
    raise ValueError("needs a webhook (an URL), or apprise_file or apprise_env")


def _said(error: ValueError) -> Sequence[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [_line(one) for one in errors]


def _line(error: ErrorDetails) -> str:
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = "unknown field; remove it"
    return ": ".join(part for part in (".".join(map(str, error["loc"])), what) if part)


def _require_one(target: _Common, *names: str) -> None:
    if sum(getattr(target, name) is not None for name in names) != 1:
        msg = f"needs one of {' and '.join(names)}"
        raise ValueError(msg)
