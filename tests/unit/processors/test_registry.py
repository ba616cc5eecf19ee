"""Sites and devices of an installation."""

from pathlib import Path

import pytest

from processors.registry import parse
from schemas.errors import BadConfig

SITES = Path(__file__).parents[3] / "deploy" / "sites.yaml"


def test_the_example_names_twenty_devices() -> None:
    registry = parse(SITES.read_text(encoding="utf-8"))
    assert len(registry.site_of) == 20
    assert registry.knows("harbour", "pole-07")
    assert registry.sites[0].time_zone == "Europe/Berlin"


def test_a_device_is_known_at_its_own_site_only() -> None:
    registry = parse("sites: [{site: a, devices: [{device: x}]}, {site: b}]")
    assert registry.knows("a", "x")
    assert not registry.knows("b", "x")
    assert not registry.knows("a", "y")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sites: [", "YAML"),
        ("", "file"),
        ("- a", "file"),
        ("sites: [{site: Harbour}]", "sites.0.site"),
        ("sites: [{site: a, colour: red}]", "sites.0.colour"),
        ("sites: [{site: a, time_zone: Europe/Atlantis}]", "time_zone"),
        ("sites: [{site: a, time_zone: ../etc}]", "time_zone"),
        ("sites: [{site: a, night_starts: '25:00'}]", "night_starts"),
        ("sites: [{site: a, devices: [{device: x, latitude: 91}]}]", "latitude"),
        ("sites: [{site: a}, {site: a}]", "site a"),
        ("sites: [{site: a, devices: [{device: x}]}, {site: b, devices: [{device: x}]}]", "x"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_place(text: str, word: str) -> None:
    with pytest.raises(BadConfig) as caught:
        parse(text, "my-sites.yaml")
    line = str(caught.value)
    assert "my-sites.yaml" in line
    assert word in line
    assert "\n" not in line
