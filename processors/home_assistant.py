"""Devices as Home Assistant finds them: https://www.home-assistant.io/integrations/mqtt, discovery.

Of each device one retained message says which topics hold what. They are topics that are there
anyway: status and alerts; and the newest minute, which is published if Home Assistant is served.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from processors.registry import Device, Registry, Site
from processors.rules import Rule
from schemas import topics

PREFIX: Final = "homeassistant"
_ON_OFF: Final = "{{{{ 'ON' if {} else 'OFF' }}}}"
_SILENT_AFTER_S: Final = 300
"""A minute that is older is no longer shown."""


class Retained(NamedTuple):
    """A message that stays on its topic."""

    topic: str
    payload: bytes


def discovery(registry: Registry, rules: Sequence[Rule]) -> Iterator[Retained]:
    """A message for each device, with a sensor for each rule that listens there."""
    for site in registry.sites:
        for device in site.devices:
            heard = [one for one in rules if one.concerns(site.site, device.device)]
            topic = f"{PREFIX}/device/cityhum_{device.device}/config"
            yield Retained(topic, orjson.dumps(_config(site, device, heard)))


def _config(site: Site, device: Device, rules: Sequence[Rule]) -> Mapping[str, Any]:
    status = topics.device_topic(site.site, device.device, "status")
    parts = {"laeq": _laeq(site.site, device.device), "online": _online(status)}
    for rule in rules:
        parts[f"alert_{rule.rule}"] = _alert(site.site, device.device, rule.rule)
    return {
        "device": {
            "identifiers": [f"cityhum_{device.device}"],
            "name": device.name or device.device,
            "manufacturer": "cityhum",
            "model": "sound level device",
            "suggested_area": site.name or site.site,
        },
        "origin": {"name": "cityhum"},
        "components": {
            name: {**part, "unique_id": f"cityhum_{device.device}_{name}"}
            for name, part in parts.items()
        },
        "qos": 1,
    }


def _laeq(site: str, device: str) -> Mapping[str, Any]:
    return {
        "platform": "sensor",
        "name": "LAeq of a minute",
        "device_class": "sound_pressure",
        "state_class": "measurement",
        "unit_of_measurement": "dBA",
        "suggested_display_precision": 1,
        "state_topic": topics.levels_topic(site, device),
        "value_template": "{{ value_json.laeq_db }}",
        "expire_after": _SILENT_AFTER_S,
    }


def _online(status_topic: str) -> Mapping[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": "Online",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": status_topic,
        "value_template": _ON_OFF.format("value_json.online"),
    }


def _alert(site: str, device: str, rule: str) -> Mapping[str, Any]:
    topic = topics.alert_topic(site, device, rule)
    return {
        "platform": "binary_sensor",
        "name": rule.capitalize(),
        "device_class": "sound",
        "state_topic": topic,
        "value_template": _ON_OFF.format("value_json.state != 'cleared'"),
        "json_attributes_topic": topic,
    }
