"""Settings: `.env.example` is complete, and mistakes are one line."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from agents.settings import AgentSettings
from api.settings import ApiSettings
from cityhum import environment
from dashboard.settings import DashboardSettings
from deploy.local.settings import LocalSettings
from processors.settings import ProcessorSettings
from schemas.errors import BadConfig

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def example() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def text_of(default: object) -> str:
    return "" if default in (None, ()) else str(default)


KINDS: dict[type[BaseSettings], str] = {
    AgentSettings: environment.PREFIX,
    ProcessorSettings: environment.PREFIX,
    ApiSettings: "CITYHUM_API_",
    DashboardSettings: "CITYHUM_DASHBOARD_",
    LocalSettings: "CITYHUM_LOCAL_",
}


def defaults_of(kind: type[BaseSettings]) -> dict[str, str]:
    fields = kind.model_fields.items()
    return {KINDS[kind] + name.upper(): text_of(field.get_default()) for name, field in fields}


def test_the_example_names_every_variable() -> None:
    assert set(example()) == {name for kind in KINDS for name in defaults_of(kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_gives_every_default(kind: type[BaseSettings]) -> None:
    defaults = defaults_of(kind)
    assert {name: value for name, value in example().items() if name in defaults} == defaults


def test_sites_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYHUM_BRIDGE_SITES", "harbour,park")
    assert environment.read(ProcessorSettings).bridge_sites == ("harbour", "park")
    monkeypatch.setenv("CITYHUM_BRIDGE_SITES", "")
    assert environment.read(ProcessorSettings).bridge_sites == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CITYHUM_COLOUR", "red"),
        ("cityhum_colour", "red"),
        ("CITYHUM_MQTT_PORT", "0"),
        ("CITYHUM_LOG_LEVEL", "LOUD"),
        ("CITYHUM_BRIDGE_SITES", "Harbour"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig) as caught:
        environment.read(ProcessorSettings)
    assert name.upper() in str(caught.value)
    assert "\n" not in str(caught.value)
