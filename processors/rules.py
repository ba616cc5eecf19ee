"""Alert rules: what is in `deploy/alerts.yaml`, checked, each with a version of its own."""

from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from hearing.taxonomy import LABELS
from schemas.base import Decibels, Digest, Frozen, PerMille, SlugId
from schemas.codec import digest
from schemas.errors import BadConfig

MAX_SECONDS: Final = 60
Seconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]
LevelField = Literal["laeq_1s_db", "lceq_1s_db", "lzeq_1s_db", "lafmax_db", "lasmax_db"]


class _Timing(Frozen):
    """When a rule begins and ends, in seconds that count."""

    rule: SlugId
    on_seconds: Seconds
    of_seconds: Seconds
    off_seconds: Seconds
    cooldown_s: Annotated[int, Field(ge=0, le=86400)]
    max_duration_s: Annotated[int, Field(ge=1, le=86400)]

    @property
    def version(self) -> Digest:
        """Digest of all that the rule says; another version is another rule."""
        return digest(self.model_dump_json().encode())

    @model_validator(mode="after")
    def _n_of_m(self) -> "_Timing":
        if self.on_seconds > self.of_seconds:
            msg = "on_seconds must not exceed of_seconds"
            raise ValueError(msg)
        return self


class LabelRule(_Timing):
    """A sound was heard for n of m seconds."""

    label: str
    on_score: PerMille = Field(ge=1)
    off_score: PerMille

    @model_validator(mode="after")
    def _consistent(self) -> "LabelRule":
        if self.label not in LABELS:
            msg = f"label {self.label!r} is none of {', '.join(LABELS)}"
            raise ValueError(msg)
        if self.off_score > self.on_score:
            msg = "off_score must not exceed on_score"
            raise ValueError(msg)
        return self


class LevelRule(_Timing):
    """It was loud for n of m seconds; an overloaded second counts whatever it measured."""

    level: LevelField
    on_db: Decibels
    off_db: Decibels

    @model_validator(mode="after")
    def _consistent(self) -> "LevelRule":
        if self.off_db > self.on_db:
            msg = "off_db must not exceed on_db"
            raise ValueError(msg)
        return self


Rule = LabelRule | LevelRule


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
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadConfig(f"{source}: line {line}: {error.problem}") from None
    except yaml.YAMLError:
        raise BadConfig(f"{source}: not a YAML document") from None
    if not isinstance(document, dict) or list(document) != ["rules"]:
        raise BadConfig(f"{source}: must hold one list named 'rules'")
    if not isinstance(document["rules"], list):
        raise BadConfig(f"{source}: rules: must be a list")
    rules = tuple(_rule(fields, n, source) for n, fields in enumerate(document["rules"], 1))
    names = [rule.rule for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadConfig(f"{source}: rule {twice}: defined twice")
    return rules


def stored(rule: Rule) -> dict[str, Any]:
    """Fields of a rule, for a state that must remember what it goes by."""
    return rule.model_dump(mode="json")


def restored(fields: dict[str, Any]) -> Rule:
    """Inverse of `stored`."""
    return _kind(fields).model_validate(fields)


def _kind(fields: dict[str, Any]) -> type[LabelRule] | type[LevelRule]:
    return LevelRule if "level" in fields else LabelRule


def _rule(fields: object, number: int, source: str) -> Rule:
    if not isinstance(fields, dict):
        raise BadConfig(f"{source}: rule {number}: must have named fields")
    name = str(fields.get("rule", number))[:63]
    try:
        return _kind(fields).model_validate(fields, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        field = f"{where}: " if where else ""
        raise BadConfig(f"{source}: rule {name}: {field}{what}") from None
