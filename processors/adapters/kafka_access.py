"""Kafka's access list: read, and brought to what `deploy/access.yaml` says."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from processors.access import Grant, Kind, Operation
from processors.adapters import kafka_login
from processors.settings import ProcessorSettings
from schemas.errors import Unavailable

# numbers of Kafka's protocol (ResourceType, PatternType, AclOperation, AclPermissionType)
_ANY: Final = 1
_KINDS: Final[dict[Kind, int]] = {"topic": 2, "group": 3}
_OPERATIONS: Final[dict[Operation, int]] = {"read": 3, "write": 4}
_LITERAL: Final = 3
_ALLOW: Final = 3
_EVERYWHERE: Final = "*"
_USER: Final = "User:"

Line = tuple[int, str, int, str, str, int, int]
"""Kind, name, pattern, principal, host, operation, permission; as Kafka numbers them."""


class AccessList:
    """Kafka's access list; the user must be allowed to change it."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def read(self) -> frozenset[Line]:
        """Every line there is."""
        everything = DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)
        answer = await self._ask(everything)
        _check(answer.error_code, answer.error_message)
        return frozenset(
            (kind, name, pattern, principal, host, operation, permission)
            for kind, name, pattern, acls in answer.resources
            for principal, host, operation, permission in acls
        )

    async def add(self, line: Line) -> None:
        """Put a line into force."""
        for code, message in (await self._ask(CreateAclsRequest(*line))).creation_responses:
            _check(code, message)

    async def remove(self, line: Line) -> None:
        """Take a line out of force."""
        for code, message, *_ in (await self._ask(DeleteAclsRequest(*line))).filter_responses:
            _check(code, message)

    async def _ask(self, request: object) -> Any:  # noqa: ANN401  # aiokafka's are not typed
        node = self._client.get_random_node()
        return await self._client.send(node, request)


def line_of(grant: Grant) -> Line:
    """What Kafka calls a grant."""
    kind, operation = _KINDS[grant.kind], _OPERATIONS[grant.operation]
    return (kind, grant.name, _LITERAL, _USER + grant.user, _EVERYWHERE, operation, _ALLOW)


async def apply(settings: ProcessorSettings, wanted: Iterable[Grant]) -> tuple[int, int]:
    """Make the access list what is wanted; how many lines were added and removed.

    Raises
    ------
    Unavailable
        If Kafka is away or refuses.
    """
    lines = {line_of(grant) for grant in wanted}
    async with _opened(settings) as there:
        found = await there.read()
        for line in sorted(lines - found):
            await there.add(line)
        for line in sorted(found - lines):
            await there.remove(line)
    return len(lines - found), len(found - lines)


async def differences(settings: ProcessorSettings, wanted: Iterable[Grant]) -> list[str]:
    """What Kafka's access list lacks or has beyond, a line each; empty if all is well."""
    lines = {line_of(grant) for grant in wanted}
    async with _opened(settings) as there:
        found = await there.read()
    return [
        *(f"missing: {_words(line)}" for line in sorted(lines - found)),
        *(f"not planned: {_words(line)}" for line in sorted(found - lines)),
    ]


def _words(line: Line) -> str:
    kind, name, _, principal, host, operation, permission = line
    kinds = {number: word for word, number in _KINDS.items()}
    operations = {number: word for word, number in _OPERATIONS.items()}
    verb = operations.get(operation, f"operation {operation}")
    what = kinds.get(kind, f"resource {kind}")
    may = "may" if permission == _ALLOW else "may not"
    return f"{principal} {may} {verb} {what} {name} from {host}"


@asynccontextmanager
async def _opened(settings: ProcessorSettings) -> AsyncIterator[AccessList]:
    client = AIOKafkaClient(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id="cityhum-access",
        **kafka_login.of_client(settings),
    )
    try:
        await client.bootstrap()
        yield AccessList(client)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {settings.kafka_bootstrap}: {error}") from None
    finally:
        await client.close()


def _check(code: int, message: str | None) -> None:
    if code:
        raise Unavailable(f"Kafka refuses: {message or for_code(code).__name__}")
