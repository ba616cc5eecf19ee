"""Who may write, read and join what at Kafka, tried by each user."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

from benchmarks.security_stack import SecureStack
from benchmarks.security_trial import Trial, may_not
from deploy.local.programs import access_table
from processors.access import Topics
from processors.adapters import kafka_access, kafka_login
from schemas import topics
from schemas.errors import Unavailable

_SERVER: Final = "kafka"
_PATIENCE_S: Final = 60.0
_ASK_AGAIN_S: Final = 0.1
_TOPICS: Final = (
    topics.FEATURES,
    topics.RESULTS,
    topics.READINGS,
    topics.INDICES,
    topics.STATUS,
    topics.WINDOWS,
    topics.ALERTS,
    topics.DEAD_LETTERS,
)
_REFUSALS: Final = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
)


async def trials(stack: SecureStack) -> list[Trial]:
    """Try everything, by every user; leaves a record in every topic."""
    rules = access_table().kafka
    async with _producer(stack, "admin") as producer:
        for topic in _TOPICS:
            await producer.send_and_wait(topic, b"{}", b"key", 0)
    groups = [rule.group for rule in rules.values() if rule.group]
    done = await _doors(stack)
    for user, rule in rules.items():
        done += await _topics(stack, user, rule)
        done += await _groups(stack, user, rule, groups)
        done += await _administration(stack, user)
    return done


async def _doors(stack: SecureStack) -> list[Trial]:
    """Who does not get in at all."""
    login = kafka_login.of_client(stack.settings(kafka="bridge"))
    wrong = {**login, "sasl_plain_password": "wrong"}
    nobody = {**login, "sasl_plain_username": "nobody"}
    return [
        may_not(_SERVER, who, "log in", await _enters(stack, login))
        for who, login in (
            ("anonymous, without TLS", {}),
            ("anonymous", {"security_protocol": "SSL", "ssl_context": login["ssl_context"]}),
            ("bridge with a wrong password", wrong),
            ("an unknown user", nobody),
            ("bridge by a plain password", {**login, "sasl_mechanism": "PLAIN"}),
        )
    ]


async def _enters(stack: SecureStack, login: dict[str, Any]) -> bool:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=stack.kafka.bootstrap, request_timeout_ms=3000, **login
    )
    try:
        await admin.start()
        await admin.list_topics()
    except (KafkaError, OSError, TimeoutError):
        return False
    else:
        return True
    finally:
        await admin.close()


async def _topics(stack: SecureStack, user: str, rule: Topics) -> list[Trial]:
    async with _producer(stack, user) as producer:
        done = [
            Trial(
                _SERVER,
                user,
                f"write {topic}",
                topic in rule.write,
                await _allowed(producer.send_and_wait(topic, b"{}", b"key", 0)),
            )
            for topic in _TOPICS
        ]
    async with _admin(stack, user) as admin, _consumer(stack, user) as consumer:
        for topic in _TOPICS:
            got = await _allowed(_read(admin, consumer, topic))
            done.append(Trial(_SERVER, user, f"read {topic}", topic in rule.read, got))
    return done


async def _groups(stack: SecureStack, user: str, rule: Topics, groups: list[str]) -> list[Trial]:
    done = []
    async with _admin(stack, user) as admin:
        for group in groups:
            joined = await _allowed(_asked(admin, group))
            done.append(Trial(_SERVER, user, f"join {group}", group == rule.group, joined))
    return done


async def _administration(stack: SecureStack, user: str) -> list[Trial]:
    async with _admin(stack, user) as admin:
        answer = await admin.create_topics([NewTopic("mine.v1", 1, 1)])
        created = for_code(answer.topic_errors[0][1]) not in _REFUSALS
        answer = await admin.delete_topics([topics.ALERTS])
        deleted = for_code(answer.topic_error_codes[0][1]) not in _REFUSALS
    try:
        await kafka_access.apply(stack.settings(kafka=user), [])
        granted = True
    except Unavailable:
        granted = False
    return [
        may_not(_SERVER, user, "create a topic", created),
        may_not(_SERVER, user, "delete a topic", deleted),
        may_not(_SERVER, user, "change the access list", granted),
    ]


async def _read(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, topic: str) -> None:
    """Read until a record is there; a consumer only waits for a topic that it cannot even see."""
    (seen,) = await admin.describe_topics([topic])
    if seen["error_code"]:
        raise for_code(seen["error_code"])
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    while not await consumer.getmany(partition, timeout_ms=500):
        pass


async def _asked(admin: AIOKafkaAdminClient, group: str) -> None:
    """Ask where a group reads on; the first one that asks lets Kafka make the topic for it."""
    while True:
        try:
            await admin.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            return


async def _allowed(doing: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await doing
    except _REFUSALS:
        return False
    return True


@asynccontextmanager
async def _producer(stack: SecureStack, user: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**_arguments(stack, user))
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(stack: SecureStack, user: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **_arguments(stack, user), group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def _admin(stack: SecureStack, user: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**_arguments(stack, user))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _arguments(stack: SecureStack, user: str) -> dict[str, Any]:
    login = kafka_login.of_client(stack.settings(kafka=user))
    return {"bootstrap_servers": stack.kafka.bootstrap, **login}
