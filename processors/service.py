"""The processors at work: each built from settings, running until told to stop."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, NamedTuple

from hearing.adapters import runtime
from processors import archive, home_assistant, registry, windows
from processors.adapters import faust_app, probes, relay, rule_file
from processors.adapters.alert_topics import MqttTarget
from processors.adapters.classifier import Classifier
from processors.adapters.durable import Durable
from processors.adapters.faust_app import App
from processors.adapters.kafka import KafkaLog, opened_log
from processors.adapters.levels_topics import Shown
from processors.adapters.offsets import Offsets, opened_offsets
from processors.adapters.rule_file import RuleBook, RuledRun
from processors.adapters.store import PostgresStore
from processors.folds import GARBAGE, Fold, State
from processors.home_assistant import Retained
from processors.partitions import FoldRun, Key, Open, Program, RowsRun
from processors.registry import Registry
from processors.settings import ProcessorSettings
from processors.verdicts import Record
from schemas import topics
from schemas.adapters import text_file
from schemas.adapters.vitals import Vitals, observed
from schemas.messages import Indices, Status
from schemas.results import Alert, DeadLetter

log = logging.getLogger(__name__)

Running = Callable[[asyncio.Event], Awaitable[None]]
"""A program that is ready: works until the event is set."""


def _windows(settings: ProcessorSettings) -> Program:
    zones = _registry(settings).zones
    return Program("windows", {topics.READINGS: _opened(windows.fold(zones))})


def _alerts(settings: ProcessorSettings) -> Program:
    book = RuleBook(settings.alerts_file, _registry(settings))
    return Program("alerts", {topics.READINGS: partial(RuledRun, book)})


def _archive(_: ProcessorSettings) -> Program:
    return Program(
        "archive",
        {
            topics.READINGS: _opened(archive.FOLD),
            topics.INDICES: lambda _: RowsRun(Indices, lambda one: (archive.indices_row(one),)),
            topics.STATUS: lambda _: RowsRun(Status, lambda one: (archive.status_row(one),)),
            topics.DEAD_LETTERS: lambda _: RowsRun(
                DeadLetter, lambda one: (archive.dead_letter_row(one),)
            ),
        },
    )


def _registry(settings: ProcessorSettings) -> Registry:
    return registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))


def _opened(fold: Fold[State]) -> Open:
    return partial(FoldRun, fold)


FOLDS: Final[Mapping[str, Callable[[ProcessorSettings], Program]]] = {
    "windows": _windows,
    "alerts": _alerts,
    "archive": _archive,
}


class Tools(NamedTuple):
    """What every builder is given: settings, what is closed in the end, who looks after it."""

    settings: ProcessorSettings
    stack: AsyncExitStack
    vitals: Vitals


async def run(name: str, settings: ProcessorSettings, stop: asyncio.Event) -> None:
    """Run one processor until told to stop; waits for its servers, and says so."""
    gc.set_threshold(GARBAGE)
    parts = _PARTS.get(name, probes.FOLD)
    log.info("started", extra={"program": name})
    async with AsyncExitStack() as stack:
        served = observed(settings.metrics_host, settings.metrics_port, parts)
        at_hand = Tools(settings, stack, await stack.enter_async_context(served))
        ready = asyncio.create_task(_BUILDERS.get(name, partial(_fold, name))(at_hand))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            await ready.result()(stop)
        ready.cancel()
        stopped.cancel()
    log.info("stopped", extra={"program": name})


async def _fold(name: str, tools: Tools) -> Running:
    """Windows, alerts or archive."""
    return await _worker(FOLDS[name](tools.settings), tools)


async def _worker(program: Program, tools: Tools) -> Running:
    settings, stack, vitals = tools
    await probes.watch_database(vitals, settings, stack)
    kafka, offsets = await _kafka(stack, settings, (*program.topics, topics.DEAD_LETTERS))
    store = await stack.enter_async_context(PostgresStore(settings))
    clock = asyncio.get_running_loop().time
    bury = partial(_bury, kafka)

    def seek(key: Key, offset: int) -> Awaitable[None]:
        return faust_app.seek(app, key, offset)

    work = Durable(program, store=store, log=offsets, bury=bury, seek=seek, clock=clock)
    probes.watch_partitions(vitals, program.name, list(program.topics), work, offsets)
    app: App = faust_app.application(program.name, list(program.topics), settings, work)
    return partial(faust_app.serve, app)


async def _classify(tools: Tools) -> Running:
    settings, stack, vitals = tools
    model = runtime.load_for_codes(settings.models_folder / settings.model)
    read = (topics.FEATURES, topics.RESULTS)
    kafka, offsets = await _kafka(stack, settings, (*read, topics.READINGS, topics.DEAD_LETTERS))

    def seek(key: Key, offset: int) -> Awaitable[None]:
        return faust_app.seek(app, key, offset)

    work = Classifier(model, log=kafka, offsets=offsets, seek=seek)
    probes.watch_partitions(vitals, "classify", read, work, offsets)
    app: App = faust_app.application("classify", read, settings, work)
    return partial(faust_app.serve, app)


async def _relay(tools: Tools) -> Running:
    """`CITYHUM_MQTT_USER` must be allowed to write the alert topics."""
    settings, stack, vitals = tools
    await probes.watch_database(vitals, settings, stack)
    needed = (topics.ALERTS, topics.WINDOWS)
    kafka = await stack.enter_async_context(opened_log(settings, needed, topics.PARTITIONS))
    sites = _registry(settings)
    windows_target = relay.KafkaTarget("kafka-windows", kafka)
    mqtt = MqttTarget(settings, _standing(settings, sites))
    await stack.enter_async_context(mqtt)
    targets = (
        relay.Placed(relay.KafkaTarget("kafka", kafka), sites),
        relay.Placed(mqtt, sites),
        Shown(windows_target, mqtt) if settings.home_assistant == "on" else windows_target,
    )
    probes.watch_log(vitals, kafka)
    probes.watch_link(vitals, lambda: mqtt.listening)
    relays = [relay.Relay(settings, target) for target in targets]
    for one in relays:
        vitals.watch(f"target {one.name}", one.ask)
    return partial(relay.serve, settings, relays)


def _standing(settings: ProcessorSettings, sites: Registry) -> Sequence[Retained]:
    if settings.home_assistant == "off":
        return ()
    return tuple(home_assistant.discovery(sites, rule_file.load(settings.alerts_file, sites)))


async def _notify(tools: Tools) -> Running:
    """What the log says goes into PostgreSQL, and from there to each target."""
    from processors.adapters.notify import serving  # noqa: PLC0415  # libraries of its own extra

    book = await serving.opened(tools.settings)
    program = Program("notify", {topics.ALERTS: lambda _: RowsRun(Alert, book.rows)})
    taking = await _worker(program, tools)
    return partial(serving.serve, tools.settings, book, taking)


_PARTS: Final = {"classify": probes.CLASSIFY, "relay": probes.RELAY}
_BUILDERS: Final = {"classify": _classify, "relay": _relay, "notify": _notify}


async def _kafka(
    stack: AsyncExitStack, settings: ProcessorSettings, needed: Sequence[str]
) -> tuple[KafkaLog, Offsets]:
    opened = opened_log(settings, needed, topics.PARTITIONS)
    kafka = await stack.enter_async_context(opened)
    return kafka, await stack.enter_async_context(opened_offsets(settings))


async def _bury(kafka: KafkaLog, letter: Record) -> None:
    safe: Awaitable[object] = await kafka.append(letter)
    await safe
