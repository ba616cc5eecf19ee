"""`cityhum work notify`: targets of the file, each with a courier of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from processors import notify, notify_words, registry, rules
from processors.adapters import text_file
from processors.adapters.notify import secrets, waiting
from processors.adapters.notify.courier import Courier, Sender
from processors.adapters.notify.webhook import WebhookSender
from processors.notify import AppriseTarget, Mistake, NotificationRow, Target, WebhookTarget
from processors.notify_words import Words
from processors.registry import Registry
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

_FORGET_AFTER: Final = timedelta(days=90)
_FORGET_EVERY_S: Final = 3600.0
_WAIT_S: Final = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """The targets, since when each is known, and the ways to them."""

    settings: ProcessorSettings
    targets: Sequence[Target]
    since: Mapping[str, datetime]
    senders: Sequence[Sender]

    def rows(self, alert: Alert) -> tuple[NotificationRow, ...]:
        """What an event means."""
        return notify.rows(self.targets, self.since, alert)


def load(settings: ProcessorSettings) -> tuple[Sequence[Target], Registry]:
    """Targets of the file in force, and the sites.

    Raises
    ------
    BadConfig
        In one line, if there is no such file or a mistake in it.
    """
    targets, mistakes = checked(settings)
    for mistake in mistakes:
        raise BadConfig(str(mistake))
    return targets, _sites(settings)


def checked(settings: ProcessorSettings) -> tuple[Sequence[Target], Sequence[Mistake]]:
    """Targets of the file in force, and all that is wrong with them, secrets included."""
    path = settings.notify_file
    if path is None:
        raise BadConfig("set CITYHUM_NOTIFY_FILE, for example to deploy/notify.example.yaml")
    targets, mistakes = notify.read(text_file.read(path), str(path))
    known = rules.parse(text_file.read(settings.alerts_file), str(settings.alerts_file))
    names = [one.rule for one in known]
    unknown = notify.unknown(targets, str(path), names, _sites(settings))
    return targets, [*mistakes, *unknown, *_without_secret(targets, str(path))]


def _sites(settings: ProcessorSettings) -> Registry:
    return registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))


def _without_secret(targets: Iterable[Target], source: str) -> Iterable[Mistake]:
    for one in targets:
        try:
            secrets.check(one)
        except BadConfig as error:
            yield Mistake(source, one.target, str(error))


def sender(target: Target, words: Words) -> AbstractAsyncContextManager[Sender]:
    """The way to a target; BadConfig if its secret is missing or wrong."""
    match target:
        case WebhookTarget():
            return WebhookSender(target, secrets.key_of(target))
        case AppriseTarget():
            from processors.adapters.notify.apprise_sender import (  # noqa: PLC0415  # a second
                AppriseSender,
            )

            return AppriseSender(target, words)


async def planned(settings: ProcessorSettings, stack: AsyncExitStack) -> Plan:
    """Everything that is needed to tell; waits for the database."""
    targets, sites = load(settings)
    words = notify_words.words(sites)
    senders = [await stack.enter_async_context(sender(one, words)) for one in targets]
    while True:
        try:
            since = await waiting.known_since(settings, [one.target for one in targets])
        except Unavailable as error:
            log.warning("waiting", extra={"why": str(error), "again_in_s": _WAIT_S})
            await asyncio.sleep(_WAIT_S)
        else:
            return Plan(settings, targets, since, senders)


async def serve(
    plan: Plan, taking: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Take events from the log and tell every target, until told to stop."""
    tasks = [
        *(
            asyncio.create_task(
                Courier(one, partial(waiting.opened, plan.settings, one.name)).run(), name=one.name
            )
            for one in plan.senders
        ),
        asyncio.create_task(_forget(plan.settings), name="forget"),
    ]
    taken = asyncio.ensure_future(taking(stop))
    done, _ = await asyncio.wait([*tasks, taken], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in tasks:
        task.cancel()
    await asyncio.wait([*tasks, taken])
    for task in done:
        task.result()  # a courier never ends by itself: this raises what has ended it


async def _forget(settings: ProcessorSettings) -> None:
    """Delete what was settled long ago, now and then, for ever."""
    while True:
        try:
            await waiting.forget(settings, _FORGET_AFTER)
        except Unavailable as error:
            log.warning("forget_later", extra={"why": str(error)})
        await asyncio.sleep(_FORGET_EVERY_S)
