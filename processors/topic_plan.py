"""The topics as `deploy/kafka/topics.yaml` plans them, and how Kafka's differ. Pure."""

from collections.abc import Iterator, Mapping

import yaml
from pydantic import Field, ValidationError, model_validator

from schemas.base import Frozen
from schemas.errors import BadConfig

_DAY_MS = 86_400_000


class PlannedTopic(Frozen):
    """What becomes of old records: dropped after days, or compacted by key."""

    retention_days: int | None = Field(default=None, ge=1, le=3650)
    compact: bool = False
    max_message_bytes: int | None = Field(default=None, ge=1024, le=100 * 1024**2)

    @model_validator(mode="after")
    def _days_or_compact(self) -> "PlannedTopic":
        if (self.retention_days is None) != self.compact:
            msg = "give either retention_days or compact: true"
            raise ValueError(msg)
        return self

    @property
    def configuration(self) -> Mapping[str, str]:
        """Kafka's own words."""
        kept = (
            {"cleanup.policy": "compact"}
            if self.retention_days is None
            else {"cleanup.policy": "delete", "retention.ms": str(self.retention_days * _DAY_MS)}
        )
        if self.max_message_bytes is not None:
            kept["max.message.bytes"] = str(self.max_message_bytes)
        return {"message.timestamp.type": "LogAppendTime", **kept}


class TopicPlan(Frozen):
    """Every topic of the installation."""

    partitions: int = Field(ge=1, le=1000)
    replicas: int = Field(default=1, ge=1, le=10, description="3 where there are three brokers")
    topics: Mapping[str, PlannedTopic]

    def configurations(self) -> dict[str, Mapping[str, str]]:
        """Configuration of each topic."""
        return {name: planned.configuration for name, planned in self.topics.items()}

    def differences(
        self, partitions: Mapping[str, int], configured: Mapping[str, Mapping[str, str]]
    ) -> Iterator[str]:
        """What Kafka has otherwise, a line each.

        Parameters
        ----------
        partitions : mapping of str to int
            The topics that exist.
        configured : mapping of str to mapping
            Their configuration.
        """
        for name, wanted in self.configurations().items():
            if name not in partitions:
                yield f"{name} is missing"
                continue
            if partitions[name] != self.partitions:
                yield f"{name} has {partitions[name]} partitions, planned are {self.partitions}"
            for key, value in wanted.items():
                actual = configured.get(name, {}).get(key)
                if actual != value:
                    yield f"{name}: {key} is {actual}, planned is {value}"


def parse(text: str, source: str = "topics.yaml") -> TopicPlan:
    """Read the plan from a file's text.

    Raises
    ------
    BadConfig
        One line that names `source` and the first mistake.

    Examples
    --------
    >>> parse("{partitions: 12, topics: {status.v1: {compact: true}}}").partitions
    12
    """
    try:
        return TopicPlan.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadConfig(f"{source} is not YAML: {' '.join(str(error).split())[:200]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise BadConfig(f"{source}: {where}: {first['msg']}") from None
