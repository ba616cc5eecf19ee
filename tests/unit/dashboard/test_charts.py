"""Rows -> figures: gaps stay gaps, silence is not a level, alerts are seen."""

import pandas as pd

from dashboard import charts

NOW = pd.Timestamp("2026-05-04T10:15:00Z")


def city() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "device": ["pole-01", "pole-02"],
            "name": ["Quay gate", "Fish market"],
            "latitude": [54.32, 54.33],
            "longitude": [10.13, 10.14],
            "laeq_10s_db": [61.2, None],
            "alerts": ["siren", None],
        }
    )


def levels(seconds: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "started_at": [NOW + pd.Timedelta(seconds=s) for s in seconds],
            "laeq_1s_db": [60.0] * len(seconds),
            "lafmax_db": [65.0] * len(seconds),
        }
    )


def alerts(*ends: pd.Timestamp | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "onset_at": [NOW] * len(ends),
            "ended_at": pd.Series(list(ends), dtype="datetime64[ns, UTC]"),
            "rule": ["siren"] * len(ends),
        }
    )


def test_a_device_that_is_not_heard_shows_no_level() -> None:
    ringed, silent, heard = charts.city_plane(city()).data
    assert list(silent.text) == ["Fish market"]
    assert list(heard.text) == ["61"]
    assert len(ringed.x) == 1


def test_no_line_crosses_a_gap() -> None:
    line = charts.level_lines(levels([0, 1, 9]), alerts()).data[1]
    assert pd.isna(line.y).tolist() == [False, False, True, False]


def test_an_open_alert_reaches_to_the_newest_reading() -> None:
    (shade,) = charts.level_lines(levels([0, 1, 2]), alerts(None)).layout.shapes
    assert pd.Timestamp(shade.x1) == NOW + pd.Timedelta(seconds=2)


def test_figures_of_one_device_share_their_time_axis() -> None:
    rows = levels([0, 1, 2])
    figures = [charts.level_lines(rows, alerts()), charts.label_timeline(_labels())]
    charts.same_span(figures, rows)
    assert figures[0].layout.xaxis.range == figures[1].layout.xaxis.range


def test_windows_lie_within_their_percentiles() -> None:
    rows = pd.DataFrame(
        {
            "started_at": [NOW],
            "length_s": [60],
            "laeq_db": [60.0],
            "l10_db": [63.0],
            "l90_db": [55.0],
        }
    )
    assert [trace.name for trace in charts.window_band(rows, alerts()).data] == [
        "L10",
        "L90",
        "LAeq",
    ]


def _labels() -> pd.DataFrame:
    return pd.DataFrame({"started_at": [NOW], "label": ["siren"], "score": [900]})
