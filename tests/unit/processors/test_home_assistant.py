"""Home Assistant's discovery: only keys that it knows, and states that it understands."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import SandboxedEnvironment

from processors import home_assistant, registry, rules
from processors.adapters.levels_topics import Shown
from processors.home_assistant import Retained
from schemas import topics
from schemas.results import Alert, Window
from tests import channels, standards
from tests.streams import window

ROOT = Path(__file__).parents[3]
SITES = registry.parse((ROOT / "deploy" / "sites.yaml").read_text(encoding="utf-8"))
RULES = rules.parse((ROOT / "deploy" / "alerts.yaml").read_text(encoding="utf-8"), "")
SAMPLES = ROOT / "tests" / "data" / "messages" / "v1"
TOLD = list(home_assistant.discovery(SITES, RULES))
CONFIG: dict[str, Any] = json.loads(TOLD[6].payload)


def test_every_device_has_its_topic() -> None:
    assert [one.topic for one in TOLD][6] == "homeassistant/device/cityhum_pole-07/config"
    assert len({one.topic for one in TOLD}) == len(SITES.site_of)
    assert all(
        re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", one.topic) for one in TOLD
    )


def test_only_keys_that_home_assistant_knows() -> None:
    standards.discovery(CONFIG)


def test_ids_are_unique() -> None:
    configs = [json.loads(one.payload) for one in TOLD]
    ids = [part["unique_id"] for one in configs for part in one["components"].values()]
    assert len(ids) == len(set(ids)) == 3 * len(SITES.site_of)


@pytest.mark.parametrize(
    ("part", "channel", "sample", "changed", "state"),
    [
        ("laeq", "mqtt.levels", "Window", {"laeq_db": 61.25}, "61.25"),
        ("online", "mqtt.status", "Status", {"online": True}, "ON"),
        ("online", "mqtt.status", "Status-last-will", {}, "OFF"),
        ("alert_siren", "mqtt.alerts", "Alert", {"state": "raised"}, "ON"),
        ("alert_siren", "mqtt.alerts", "Alert", {"state": "updated"}, "ON"),
        ("alert_siren", "mqtt.alerts", "Alert", {"state": "cleared"}, "OFF"),
    ],
)
def test_a_published_message_becomes_a_state(
    part: str, channel: str, sample: str, changed: dict[str, object], state: str
) -> None:
    component = CONFIG["components"][part]
    address = channels.address_of(channel).format(site="harbour", device="pole-07", rule="siren")
    assert component["state_topic"] == address
    message = json.loads((SAMPLES / f"{sample}.json").read_bytes()) | changed
    template = SandboxedEnvironment().from_string(component["value_template"])
    assert template.render(value_json=message) == state


class Heard:
    """A target and a board that remember."""

    name = "windows"
    link = None

    def __init__(self) -> None:
        self.delivered: list[Alert | Window] = []
        self.shown: list[Retained] = []

    async def deliver(self, messages: Sequence[Alert | Window]) -> None:
        await asyncio.sleep(0)
        self.delivered += messages

    def show(self, retained: Retained) -> None:
        self.shown.append(retained)


async def test_the_newest_minute_is_shown_and_all_is_delivered() -> None:
    heard = Heard()
    first = window(length_s=60, final=True)
    second = first.model_copy(update={"started_at": first.started_at + timedelta(minutes=1)})
    quarter = window(length_s=900, final=True)
    target = Shown(heard, heard, lambda: first.started_at + timedelta(minutes=3))
    await target.deliver([first, second, quarter])
    await target.deliver([first])
    assert heard.delivered == [first, second, quarter, first]
    assert [one.topic for one in heard.shown] == [topics.levels_topic("harbour", "pole-07")]
    assert json.loads(heard.shown[0].payload)["started_at"] == "2026-05-04T10:01:00Z"


@pytest.mark.parametrize(("ended_s", "times_shown"), [(300, 1), (301, 0), (3 * 3600, 0)])
async def test_a_relay_that_begins_does_not_show_a_minute_of_long_ago_as_the_newest(
    ended_s: float, times_shown: int
) -> None:
    heard, corrected = Heard(), window(length_s=60, final=True)
    now = corrected.started_at + timedelta(seconds=60 + ended_s)
    await Shown(heard, heard, lambda: now).deliver([corrected])
    assert heard.delivered == [corrected]
    assert len(heard.shown) == times_shown
