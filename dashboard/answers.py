"""Questions of the pages, put together: what one figure needs."""

from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from dashboard.charts.device import MOST_LABELS, Shown
from dashboard.spans import resolution_s
from dashboard.tables import alert_table, closed, seconds_shared, table, wall
from records import alerts, labels, levels, spectra
from records.devices import Device
from records.reader import Reader
from records.spans import Span

SLICES: Final = 600
"""Of a spectrogram, at most."""

MOST_ALERTS: Final = 100

_BESIDE: Final = timedelta(seconds=30)
_LONGEST: Final = timedelta(minutes=10)


def of_device(reader: Reader, device: Device, span: Span, zone: str) -> Shown:
    """What is known of a device over a span, as finely as it is drawn."""
    step_s = resolution_s(span)
    heard = levels.over_time(reader, [device.device], span, step_s)
    return Shown(
        levels=table(heard, levels.Level, zone).assign(instant=[row.started_at for row in heard]),
        spectra=table(spectra.sampled(reader, device.device, span, SLICES), levels.Spectrum, zone),
        labels=labels_of(reader, device, span, step_s, zone),
        alerts=alerts_of(reader, device, span, zone),
        step_s=step_s,
        spectra_step_s=spectra.slice_s(span, SLICES),
        begin=wall(span.begin, zone),
        end=wall(span.end, zone),
        seconds=span.seconds,
    )


def labels_of(reader: Reader, device: Device, span: Span, step_s: int, zone: str) -> pd.DataFrame:
    """Active labels with the share of each step."""
    if step_s == levels.SECOND:
        return seconds_shared(labels.by_second(reader, device.device, span), zone)
    rows = labels.shares(reader, device.device, span, step_s, MOST_LABELS)
    return table(rows, labels.LabelShare, zone)


def alerts_of(reader: Reader, device: Device, span: Span, zone: str) -> pd.DataFrame:
    """Newest alerts of a device; open ones reach to the end of the span."""
    found = alerts.overlapping(reader, device.device, span, MOST_ALERTS)
    return closed(alert_table(found, zone), wall(span.end, zone))


def around(alert: alerts.Alert, now: datetime) -> Span:
    """Span that shows an alert with what came before and after, ten minutes at most."""
    begin = alert.onset_at - _BESIDE
    end = (alert.ended_at or now) + _BESIDE
    return Span(begin, min(end, begin + _LONGEST))
