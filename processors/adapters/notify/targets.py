"""Whom the file in force names, checked as a whole, and the way to each."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from processors import notify, notify_words, registry, rules
from processors.adapters.notify import secrets
from processors.adapters.notify.courier import Sender
from processors.adapters.notify.webhook import WebhookSender
from processors.notify import AppriseTarget, Mistake, Target, WebhookTarget
from processors.notify_words import Words
from processors.registry import Registry
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig


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
    sites = _sites(settings)
    unknown = notify.unknown(targets, str(path), names, sites)
    return targets, [*mistakes, *unknown, *_without_way(targets, str(path), sites)]


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


def _sites(settings: ProcessorSettings) -> Registry:
    return registry.parse(text_file.read(settings.sites_file), str(settings.sites_file))


def _without_way(targets: Iterable[Target], source: str, sites: Registry) -> Iterable[Mistake]:
    words = notify_words.words(sites)
    for one in targets:
        try:
            sender(one, words)
        except BadConfig as error:
            yield Mistake(source, one.target, str(error))
