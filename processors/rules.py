"""Alert rules: what is in `deploy/alerts.yaml`, checked, each with a version of its own.

A rule looks at one second at a time: does it count for the rule, does it hold what is open, or
neither. What becomes of that over time is the detector's.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, NamedTuple

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from hearing.taxonomy import LABELS
from processors.rule_terms import AGAINST, LEVEL_FIELDS, Hours, Judged, LevelField, Second
from schemas.base import (
    ACTIVE_SCORE,
    Decibels,
    DeviceId,
    Digest,
    Frozen,
    Label,
    PerMille,
    SiteId,
    SlugId,
)
from schemas.codec import digest
from schemas.errors import BadConfig

MAX_SECONDS: Final = 60
Seconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]
HourSeconds = Annotated[int, Field(ge=0, le=3600)]
_LISTED: Final = BeforeValidator(lambda names: tuple(names) if isinstance(names, list) else names)


class _Common(Frozen):
    """Where and when a rule holds, and how its alerts begin and end."""

    rule: SlugId
    on_seconds: Seconds
    of_seconds: Seconds
    off_seconds: Seconds
    cooldown_s: Annotated[int, Field(ge=0, le=86400)]
    max_duration_s: Annotated[int, Field(ge=1, le=86400)]
    min_duration_s: HourSeconds = Field(default=0, description="what is shorter is no alert")
    merge_s: HourSeconds = Field(default=0, description="events closer than this are one")
    update_s: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=10, description="an open alert is told of no more often than this"
    )
    sites: Annotated[tuple[SiteId, ...], _LISTED] = Field(default=(), description="empty: all")
    devices: Annotated[tuple[DeviceId, ...], _LISTED] = Field(default=(), description="empty: all")
    hours: Hours | None = None

    @property
    def version(self) -> Digest:
        """Digest of all that the rule says; another version is another rule.

        What is left out is no part of it, so that a field more in our software changes no rule.
        """
        return digest(self.model_dump_json(exclude_defaults=True).encode())

    @property
    def needs_background(self) -> bool:
        """Whether the rule compares with the background."""
        return False

    def concerns(self, site: str, device: str) -> bool:
        """Whether the rule listens to a device."""
        return (not self.sites or site in self.sites) and (
            not self.devices or device in self.devices
        )

    @model_validator(mode="after")
    def _possible(self) -> "_Common":
        if self.on_seconds > self.of_seconds:
            msg = "on_seconds must not exceed of_seconds: so many never count"
            raise ValueError(msg)
        if self.max_duration_s < self.on_seconds:
            msg = "max_duration_s must be at least on_seconds"
            raise ValueError(msg)
        if self.max_duration_s <= self.min_duration_s:
            msg = "max_duration_s must exceed min_duration_s: nothing would ever be raised"
            raise ValueError(msg)
        return self


class LabelRule(_Common):
    """A sound was heard for n of m seconds."""

    label: str
    on_score: PerMille = Field(ge=1)
    off_score: PerMille = Field(ge=1, description="nothing scores below 0, so 0 would never end")

    @model_validator(mode="after")
    def _consistent(self) -> "LabelRule":
        _check_label(self.label)
        if self.off_score > self.on_score:
            msg = "off_score must not exceed on_score"
            raise ValueError(msg)
        return self

    def judged(self, second: Second, _: float | None) -> Judged:
        """What a second is to this rule."""
        score = second.scores.get(self.label, 0)
        if score < self.off_score or (self.hours and not self.hours.hold(second.start_us)):
            return AGAINST
        return Judged(score >= self.on_score, holds=True, score=score)


class LevelRule(_Common):
    """It was loud for n of m seconds; an overloaded second counts whatever it measured."""

    level: LevelField
    above: Literal["l90_1h"] | None = Field(
        default=None, description="dB count from the background of the last hour, not from zero"
    )
    on_db: Decibels
    off_db: Decibels
    labels: Annotated[tuple[Label, ...], _LISTED] = Field(
        default=(), description="only seconds in which one of these is active"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "LevelRule":
        for label in self.labels:
            _check_label(label)
        if self.off_db > self.on_db:
            msg = "off_db must not exceed on_db"
            raise ValueError(msg)
        return self

    @property
    def needs_background(self) -> bool:
        """Whether the rule compares with the background."""
        return self.above is not None

    def judged(self, second: Second, background_db: float | None) -> Judged:
        """What a second is to this rule; without a background, nothing is above it."""
        if self.labels and not any(
            second.scores.get(label, 0) >= ACTIVE_SCORE for label in self.labels
        ):
            return AGAINST
        if self.hours and not self.hours.hold(second.start_us):
            return AGAINST
        if second.overload:  # louder than the microphone can tell
            return Judged(counts=True, holds=True)
        level_db = second.levels_db[LEVEL_FIELDS.index(self.level)]
        if self.above is not None:
            if background_db is None:
                return AGAINST
            level_db -= background_db
        return Judged(level_db >= self.on_db, level_db >= self.off_db)


Rule = LabelRule | LevelRule


class Mistake(NamedTuple):
    """What is wrong; `rule` and `field` are empty where the mistake lies above them."""

    file: str
    rule: str
    field: str
    what: str

    def __str__(self) -> str:
        rule = f"rule {self.rule}" if self.rule else ""
        return ": ".join(part for part in (self.file, rule, self.field, self.what) if part)


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """Rules of a YAML document.

    Parameters
    ----------
    text : str
        The document.
    source : str
        Name of its file, for messages.

    Raises
    ------
    BadConfig
        In one line: file, rule and field of the first mistake.
    """
    rules, mistakes = read(text, source)
    if mistakes:
        raise BadConfig(str(mistakes[0]))
    return rules


def read(text: str, source: str) -> tuple[tuple[Rule, ...], tuple[Mistake, ...]]:
    """Rules of a document that are right, and all mistakes, in its order."""
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return (), (Mistake(source, "", f"line {line}", f"{error.problem}"),)
    except yaml.YAMLError:
        return (), (Mistake(source, "", "", "not a YAML document"),)
    if not isinstance(document, dict) or list(document) != ["rules"]:
        return (), (Mistake(source, "", "", "must hold one list named 'rules'"),)
    if not isinstance(document["rules"], list):
        return (), (Mistake(source, "", "rules", "must be a list"),)
    rules: list[Rule] = []
    mistakes: list[Mistake] = []
    for number, fields in enumerate(document["rules"], 1):
        rule, wrong = _rule(fields, number, source)
        if rule is not None:
            twice = any(rule.rule == other.rule for other in rules)
            wrong = [*wrong, *([Mistake(source, rule.rule, "", "defined twice")] if twice else [])]
            rules.append(rule)
        mistakes += wrong
    return tuple(rules), tuple(mistakes)


def _rule(fields: object, number: int, source: str) -> tuple[Rule | None, list[Mistake]]:
    if not isinstance(fields, dict):
        return None, [Mistake(source, str(number), "", "must have named fields")]
    name = str(fields.get("rule", number))[:63]
    if "level" not in fields and "label" not in fields:
        what = "needs a label, with on_score and off_score, or a level, with on_db and off_db"
        return None, [Mistake(source, name, "", what)]
    try:
        return _kind(fields).model_validate(fields, strict=True), []
    except ValidationError as error:
        return None, _mistakes(source, name, error)


def _mistakes(source: str, name: str, error: ValidationError) -> list[Mistake]:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [_mistake(source, name, one) for one in errors]


def _mistake(source: str, name: str, error: ErrorDetails) -> Mistake:
    field = ".".join(str(part) for part in error["loc"])
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        near = get_close_matches(field, [*LabelRule.model_fields, *LevelRule.model_fields], 1)
        what = f"unknown field; {f'did you mean {near[0]}?' if near else 'remove it'}"
    elif error["type"] == "missing":
        what = "is missing; add it"
    return Mistake(source, name, field, what)


def stored(rule: Rule) -> dict[str, Any]:
    """Fields of a rule, for a state that must remember what it goes by."""
    return rule.model_dump(mode="json", exclude_defaults=True)


def restored(fields: dict[str, Any]) -> Rule:
    """Inverse of `stored`.

    Raises
    ------
    BadConfig
        In one line, if another version stored what is no rule in this one.
    """
    try:
        return _kind(fields).model_validate(fields)
    except ValidationError as error:
        first, *_ = _mistakes("", fields["rule"], error)
        raise BadConfig(str(first)) from None


def _kind(fields: Mapping[str, Any]) -> type[LabelRule] | type[LevelRule]:
    return LevelRule if "level" in fields else LabelRule


def _check_label(label: str) -> None:
    if label not in LABELS:
        msg = f"label {label!r} is none of {', '.join(LABELS)}"
        raise ValueError(msg)
