"""Webhooks and Apprise, to a server on loopback."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processors import notify_words, registry
from processors.adapters.notify import targets
from processors.adapters.notify.courier import Sender
from processors.notify import AppriseTarget, Target, WebhookTarget
from processors.notify_tries import NotNow
from schemas import cloud_events
from schemas.codec import encode
from schemas.errors import BadConfig, Unavailable
from tests.notifying import SECRET, SenderContract
from tests.receivers import LATE, Receiver
from tests.streams import alert

WORDS = notify_words.words(registry.Registry((), {}))
SOON_S = 0.3
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def webhook(at: Receiver, folder: Path) -> WebhookTarget:
    (folder / "secret").write_text(SECRET, encoding="utf-8")
    return WebhookTarget(
        target="desk", webhook=at.url, secret_file=folder / "secret", timeout_s=SOON_S
    )


def apprise(at: Receiver, folder: Path) -> AppriseTarget:
    (folder / "url").write_text(at.url.replace("http://", "json://"), encoding="utf-8")
    return AppriseTarget(target="desk", apprise_file=folder / "url", timeout_s=SOON_S)


class TestWebhook(SenderContract):
    def sender(self, at: Receiver, folder: Path) -> AbstractAsyncContextManager[Sender]:
        return targets.sender(webhook(at, folder), WORDS)


class TestApprise(SenderContract):
    def sender(self, at: Receiver, folder: Path) -> AbstractAsyncContextManager[Sender]:
        return targets.sender(apprise(at, folder), WORDS)


async def test_a_burst_is_told_once_however_long_its_turn_is_in_coming(tmp_path: Path) -> None:
    with Receiver(takes_s=0.3 * SOON_S) as receiver:
        async with targets.sender(apprise(receiver, tmp_path), WORDS) as sender:
            await asyncio.gather(*(sender.send(alert(number)) for number in range(8)))
    assert len({posted.body for posted in receiver.posted}) == len(receiver.posted) == 8


async def test_what_was_taken_too_late_is_not_told_again(tmp_path: Path) -> None:
    with Receiver(answers=[LATE, 204]) as receiver:
        async with targets.sender(apprise(receiver, tmp_path), WORDS) as sender:
            for number in (0, 0, 1):  # while it hangs, nothing else is begun
                with pytest.raises(Unavailable, match="no answer"):
                    await sender.send(alert(number))
            assert len(receiver.posted) == 1
            receiver.let_go()
            await sender.send(alert(1))
            await sender.send(alert(0))
    assert len(receiver.posted) == 2


async def test_a_post_is_the_alert_signed_and_named(tmp_path: Path) -> None:
    with Receiver() as receiver:
        async with targets.sender(webhook(receiver, tmp_path), WORDS) as sender:
            await sender.send(alert())
        [posted] = receiver.posted
    assert posted.path == "/hook"
    assert posted.body == encode(alert())
    assert posted.is_genuine(SECRET, datetime.now(UTC))
    assert posted.headers["webhook-id"] == cloud_events.event_id(alert())
    assert cloud_events.http_headers(alert()).items() <= posted.headers.items()


async def test_a_target_may_say_when(tmp_path: Path) -> None:
    with Receiver(answers=[429], retry_after="7") as receiver:
        async with targets.sender(webhook(receiver, tmp_path), WORDS) as sender:
            with pytest.raises(NotNow) as caught:
                await sender.send(alert())
    assert caught.value.after_s == 7


@pytest.mark.parametrize("kind", [WebhookTarget, AppriseTarget])
def test_a_secret_that_is_missing_is_the_persons_mistake(
    kind: type[Target], tmp_path: Path
) -> None:
    where = {"webhook": "https://x", "secret_env": "NO_SUCH_SECRET"}
    fields = where if kind is WebhookTarget else {"apprise_file": tmp_path / "none"}
    with pytest.raises(BadConfig):
        targets.sender(kind.model_validate({"target": "desk", **fields}), WORDS)


def test_an_url_that_apprise_does_not_know_is_the_persons_mistake(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("nosuch://somewhere", encoding="utf-8")
    target = AppriseTarget(target="desk", apprise_file=tmp_path / "url")
    with pytest.raises(BadConfig, match="does not know"):
        targets.sender(target, WORDS)
