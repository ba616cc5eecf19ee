"""What a person is told of an alert."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from processors.registry import Device, Registry, Site
from schemas.results import Alert

Words = Callable[[Alert], tuple[str, str]]
"""Title and text."""

_WHAT = {"raised": "began", "updated": "goes on", "cleared": "ended"}
_WHY = {"signal_lost": "the signal was lost", "max_duration": "it has lasted as long as it may"}


def words(registry: Registry) -> Words:
    """How alerts of these sites are told, in their own time."""
    places: Mapping[str, tuple[Site, Device]] = {
        device.device: (site, device) for site in registry.sites for device in site.devices
    }

    def said(alert: Alert) -> tuple[str, str]:
        site, device = places.get(alert.device, (None, None))
        zone = ZoneInfo(site.time_zone if site else "UTC")
        where = (device.name if device else "") or alert.device
        title = f"{alert.rule} {_WHAT[alert.state]}: {where}"
        return title, "\n".join(_lines(alert, zone, site, device))

    return said


def _lines(alert: Alert, zone: ZoneInfo, site: Site | None, device: Device | None) -> list[str]:
    lines = [
        f"{alert.device}, {site.name if site and site.name else alert.site}",
        f"since {alert.onset_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
    ]
    if alert.ended_at is not None:
        ended = f"until {alert.ended_at.astimezone(zone):%H:%M:%S}, {alert.active_s} s heard"
        why = _WHY.get(alert.end_reason or "")
        lines.append(f"{ended}; {why}" if why else ended)
    lines.append(f"at most {alert.peak_laeq_1s_db:.0f} dB LAeq,1s")
    if device and device.latitude is not None and device.longitude is not None:
        lines.append(f"{device.latitude:.5f}, {device.longitude:.5f}")
    return [*lines, f"alert {alert.alert_id}"]
