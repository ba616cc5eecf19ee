"""Devices and alerts as GeoJSON (RFC 7946): a point each, longitude first. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from records.alerts import Alert
from records.devices import Device

Feature = Mapping[str, Any]


def of_devices(devices: Iterable[Device]) -> Feature:
    """A feature for each device."""
    return _collection([_feature(one.device, _point(one), one._asdict()) for one in devices])


def of_alerts(alerts: Iterable[Alert], devices: Iterable[Device]) -> Feature:
    """A feature for each alert, where its device stands."""
    points = {one.device: _point(one) for one in devices}
    return _collection(
        [_feature(str(one.alert_id), points.get(one.device), one._asdict()) for one in alerts]
    )


def _collection(features: Sequence[Feature]) -> Feature:
    return {"type": "FeatureCollection", "features": features}


def _feature(name: str, geometry: Feature | None, properties: Feature) -> Feature:
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}


def _point(device: Device) -> Feature | None:
    """Where a device stands; nothing if nobody said."""
    if device.longitude is None or device.latitude is None:
        return None
    return {"type": "Point", "coordinates": [device.longitude, device.latitude]}
