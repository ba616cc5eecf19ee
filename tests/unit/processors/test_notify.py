"""Who is told of which alert, how patiently, and how it is signed."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import notify, notify_signature, notify_words, registry
from processors.adapters.notify.courier import Courier
from processors.adapters.notify.webhook import WebhookSender, retry_after_s
from processors.notify import WebhookTarget
from processors.notify_tries import Patience
from schemas.errors import BadConfig
from schemas.results import Alert
from tests.notifying import FakeQueue, FakeSender, FillableQueue, QueueContract, life, row
from tests.streams import alert

ROOT = Path(__file__).parents[3]
SITES = registry.parse((ROOT / "deploy" / "sites.yaml").read_text(encoding="utf-8"))
DESK = "target: desk, webhook: 'https://desk.example.org/', secret_env: DESK"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def targets_of(*written: str) -> tuple[notify.Target, ...]:
    return notify.parse(f"targets: [{', '.join(f'{{{one}}}' for one in written)}]", "notify.yaml")


# --- whom ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("also", "told"),
    [
        ("", ["raised", "cleared"]),
        ("events: [raised, updated, cleared]", ["raised", "updated", "cleared"]),
        ("events: [raised]", ["raised"]),
        ("rules: [siren], sites: [harbour], devices: [pole-07]", ["raised", "cleared"]),
        ("rules: [loud]", []),
        ("sites: [park]", []),
        ("devices: [pole-01]", []),
    ],
)
def test_a_target_is_told_of_what_it_wants(also: str, told: list[str]) -> None:
    targets = targets_of(", ".join(part for part in (DESK, also) if part))
    rows = [one for event in life() for one in notify.rows(targets, {"desk": LONG_AGO}, event)]
    assert [life()[one.revision].state for one in rows] == told


def test_what_was_raised_before_a_target_was_known_is_not_told() -> None:
    since = {"desk": alert().raised_at + timedelta(seconds=1)}
    assert [notify.rows(targets_of(DESK), since, event) for event in life()] == [(), (), ()]
    assert notify.rows(targets_of(DESK), {"desk": LONG_AGO}, alert(historical=True)) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not YAML"),
        ("desks: []", "one list named 'targets'"),
        ("targets: {}", "must be a list"),
        ("targets: [desk]", "target 1: must have named fields"),
        ("targets: [{target: desk}]", "target desk: needs a webhook"),
        (f"targets: [{{{DESK}, colour: red}}]", "target desk: colour: unknown field"),
        (f"targets: [{{{DESK}, tries: 0}}]", "target desk: tries: "),
        (f"targets: [{{{DESK}, events: [rang]}}]", "target desk: events.0: "),
        (f"targets: [{{{DESK}, secret_file: desk}}]", "needs one of secret_file and secret_env"),
        ("targets: [{target: desk, webhook: 'ftp://x', secret_env: A}]", "target desk: webhook: "),
        (f"targets: [{{{DESK}}}, {{{DESK}}}]", "target desk: defined twice"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_target(text: str, said: str) -> None:
    with pytest.raises(BadConfig) as caught:
        notify.parse(text, "notify.yaml")
    assert str(caught.value).startswith("notify.yaml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_nobody_knows_are_mistakes() -> None:
    targets = targets_of(f"{DESK}, rules: [sirene], sites: [harbour], devices: [pole-99]")
    mistakes = notify.unknown(targets, "notify.yaml", ["siren"], SITES)
    assert [one.what for one in mistakes] == [
        "rules: no rule is called sirene",
        "devices: no device is called pole-99",
    ]


def test_the_example_is_right() -> None:
    text = (ROOT / "deploy" / "notify.example.yaml").read_text(encoding="utf-8")
    targets = notify.parse(text, "notify.example.yaml")
    assert notify.unknown(targets, "", ["siren"], SITES) == ()


# --- how patiently -------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1e6))
def test_waits_double_up_to_an_hour_and_end(
    tries: int, attempt: int, jitter: float, asked_s: float
) -> None:
    wait_s = Patience(tries).wait_s(attempt, jitter, asked_s)
    if attempt >= tries:
        assert wait_s is None
    else:
        assert wait_s is not None
        bare_s = min(2.0 ** (attempt - 1), 3600)
        assert max(bare_s / 2, min(asked_s, 3600)) <= wait_s <= max(bare_s, min(asked_s, 3600))


class TestFakeQueue(QueueContract):
    @pytest.fixture
    def queue(self) -> FillableQueue:
        return FakeQueue()


async def worked(sender: FakeSender, events: list[Alert]) -> FakeQueue:
    """Tell everything until all is settled."""
    queue = FakeQueue()
    await queue.add([row(event) for event in events])
    courier = Courier(sender, lambda: pytest.fail("opened"), jitter=lambda: 1.0)
    while "waiting" in queue.states():
        await courier.work(queue)
    return queue


@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_what_fails_is_told_later_and_in_order(failures: int) -> None:
    sender = FakeSender(failures)
    queue = await worked(sender, [*life(0), *life(1)])
    assert set(queue.states()) == {"delivered"}
    for number in (0, 1):
        mine = [one for one in sender.heard if one.alert_id == alert(number).alert_id]
        assert mine == life(number)


async def test_after_the_last_try_it_is_dead() -> None:
    sender = FakeSender(failures=4)
    queue = await worked(sender, [alert()])
    assert queue.states() == ["dead"]
    assert len(sender.tried) == 4
    assert sender.heard == []


class Broken(FakeSender):
    """A way with a mistake in it."""

    async def send(self, event: Alert) -> None:
        self.tried.append(event)
        raise RuntimeError(event.device)


async def test_a_mistake_on_the_way_is_a_try_in_vain_and_ends_nothing() -> None:
    broken, good = Broken(), FakeSender()
    queue, _ = await asyncio.gather(worked(broken, life()), worked(good, life()))
    assert queue.states() == ["dead"] * len(life())
    assert {one.why for one in queue.kept.values()} == {"RuntimeError"}
    assert good.heard == life()


@pytest.mark.parametrize("value", ["", "soon", "Fri, 31 Dec 9999 23:59:59 -0100", "9" * 400])
def test_whatever_a_target_asks_for_there_is_a_next_try(value: str) -> None:
    asked_s = retry_after_s(value, NOW)
    assert Patience(tries=2).wait_s(1, 1.0, asked_s) is not None


@pytest.mark.parametrize("url", ["https://[::1", "https://xn--ä/", "https://a:b/"])
def test_a_webhook_that_is_no_url_is_the_persons_mistake(url: str) -> None:
    written = {"target": "desk", "webhook": url, "secret_env": "DESK"}
    with pytest.raises(BadConfig, match="webhook"):
        WebhookSender(WebhookTarget.model_validate(written), KEY)


async def test_a_target_that_names_a_time_is_given_it() -> None:
    queue = FakeQueue()
    await queue.add([row(alert())])
    courier = Courier(FakeSender(1, after_s=90.0), lambda: pytest.fail("opened"), lambda: 1.0)
    await courier.work(queue)
    assert [one.wait_s for one in queue.kept.values()] == [90.0]


# --- signatures ----------------------------------------------------------------------------------

PUBLISHED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = notify_signature.key_of(PUBLISHED)
NOW = datetime.fromtimestamp(1614265330, UTC)


def test_the_signature_is_the_published_one() -> None:
    body = b'{"test": 2432232314}'
    headers = notify_signature.headers(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, NOW)
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.binary(max_size=50), event=st.uuids().map(str))
def test_only_the_untouched_message_is_genuine(body: bytes, event: str) -> None:
    headers = {**notify_signature.headers(KEY, event, body, NOW)}
    assert notify_signature.is_genuine(KEY, headers, body, NOW + timedelta(seconds=299))
    assert not notify_signature.is_genuine(KEY, headers, body, NOW + timedelta(seconds=301))
    assert not notify_signature.is_genuine(KEY, headers, body + b" ", NOW)
    assert not notify_signature.is_genuine(KEY, {**headers, "webhook-id": "other"}, body, NOW)
    assert not notify_signature.is_genuine(b"x" * 24, headers, body, NOW)
    assert not notify_signature.is_genuine(KEY, {}, body, NOW)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "²", "9" * 13, "9" * 400, "9" * 5_000])
def test_a_time_that_is_none_is_not_genuine(timestamp: str) -> None:
    headers = {**notify_signature.headers(KEY, "event", b"", NOW), "webhook-timestamp": timestamp}
    assert not notify_signature.is_genuine(KEY, headers, b"", NOW)


@pytest.mark.parametrize("secret", ["", "whsec_c2hvcnQ=", "whsec_ß", "whsec_" + "A" * 200])
def test_a_secret_that_is_none_is_told_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match="the secret") as caught:
        notify_signature.key_of(secret)
    assert secret == "" or secret not in str(caught.value)


def test_what_the_documentation_shows_verifies() -> None:
    page = (ROOT / "docs" / "subscribe.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], shown)  # noqa: S102  # our own page
    headers = dict(notify_signature.headers(KEY, "event", b"body", datetime.now(UTC)))
    assert shown["is_genuine"](PUBLISHED, headers, b"body")
    assert not shown["is_genuine"](PUBLISHED, headers, b"bodies")
    late = {**headers, "webhook-timestamp": "1614265330"}
    assert not shown["is_genuine"](PUBLISHED, late, b"body")


# --- words ---------------------------------------------------------------------------------------


def test_people_are_told_in_their_own_time() -> None:
    title, text = notify_words.words(SITES)(life()[2])
    assert title == "siren ended: Mill bridge"
    assert text.splitlines()[:3] == [
        "pole-07, Harbour quarter",
        "since 2026-05-04 12:00:00 CEST",
        "until 12:00:03, 12 s heard",
    ]


def test_a_device_that_nobody_knows_is_told_by_its_id() -> None:
    title, text = notify_words.words(registry.Registry((), {}))(alert())
    assert title == "siren began: pole-07"
    assert "2026-05-04 10:00:00 UTC" in text
