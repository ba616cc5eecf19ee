"""Tables -> figures: gaps stay gaps, silence is not a level, alerts are seen, names are words."""

from datetime import datetime, timedelta

import pandas as pd

from dashboard.charts import alerts as alert_charts
from dashboard.charts import city, device, indicators, indices, replays, sounds
from dashboard.charts.device import Shown
from dashboard.charts.gaps import on_grid, with_gaps
from records.levels import Level, Spectrum

NOW = datetime(2026, 5, 4, 12, 15)  # noqa: DTZ001  # figures know no zone


def at(*seconds: float) -> list[datetime]:
    return [NOW + timedelta(seconds=s) for s in seconds]


def levels(*seconds: float, l10_db: float | None = None) -> pd.DataFrame:
    row = Level("pole-01", NOW, 60.0, 64.0, 65.0, l10_db, l10_db, l10_db, 1, 0, "2026-04-01a")
    return pd.DataFrame([row._replace(started_at=time) for time in at(*seconds)])


def labels(*seconds: float, label: str = "siren") -> pd.DataFrame:
    return pd.DataFrame(
        {"started_at": at(*seconds), "label": label, "share": 1.0, "score": 900},
        columns=["started_at", "label", "share", "score"],
    )


def alerts(count: int = 1) -> pd.DataFrame:
    (end,) = at(2)
    return pd.DataFrame(
        {"onset_at": [NOW] * count, "ended_at": [end] * count, "rule": ["siren"] * count}
    )


def shown(**values: object) -> Shown:
    spectra = pd.DataFrame(
        [Spectrum(time, [50.0] * 25) for time in at(0, 1, 4)], columns=Spectrum._fields
    )
    whole = Shown(levels(0, 1, 4), spectra, labels(0, 4), alerts(), 1, 1, NOW, at(600)[0], 600.0)
    return whole._replace(**values)  # type: ignore[arg-type]


def heard(**values: object) -> pd.DataFrame:
    rows = {
        "device": ["pole-01", "pole-02", "pole-03"],
        "name": ["Quay gate", "<b>Fish</b> market", "In a drawer"],
        "latitude": [54.32, 54.33, None],
        "longitude": [10.13, 10.14, None],
        "laeq_10s_db": [61.2, None, 50.0],
        "alerts": [["siren"], None, None],
    }
    return pd.DataFrame({**rows, **values})


def test_a_device_that_is_not_heard_has_a_cross_and_no_level() -> None:
    rings, crosses, discs, _, _ = city.plane(heard()).data
    assert list(crosses.text) == ["&lt;b&gt;Fish&lt;/b&gt; market"]
    assert list(discs.text) == ["61"]
    assert len(rings.x) == 1


def test_a_city_without_places_is_drawn_empty() -> None:
    assert all(not trace.x.size for trace in city.plane(heard(latitude=None)).data)


def test_no_line_crosses_a_gap_and_no_colour_fills_it() -> None:
    figure = device.over_time(shown())
    by_name = {trace.name: trace for trace in figure.data}
    assert pd.isna(by_name["LAeq,1s"].y).tolist() == [False, False, True, False]
    strips = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [pd.isna(strip.z[0]).tolist() for strip in strips] == [
        [False, False, True, True, False],  # heard
        [False, False, True, True, False],  # third octaves
        [False, True, True, True, False],  # siren
    ]


def test_windows_have_a_band_for_each_stretch_between_gaps() -> None:
    figure = device.over_time(shown(levels=levels(0, 10, 90, l10_db=63.0), step_s=10))
    (band,) = (trace for trace in figure.data if trace.name == "L90 to L10")
    assert [point is None for point in band.x].count(True) == 2


def test_a_device_without_labels_spectra_or_alerts_is_drawn() -> None:
    empty = shown(
        spectra=pd.DataFrame(columns=list(Spectrum._fields)), labels=labels(), alerts=alerts(0)
    )
    assert not device.over_time(empty).layout.shapes


def test_many_alerts_are_marked_without_words() -> None:
    assert len(device.over_time(shown()).layout.annotations) == 1
    crowded = device.over_time(shown(alerts=alerts(100))).layout
    assert (len(crowded.shapes), len(crowded.annotations)) == (100, 0)


def test_an_alert_from_before_the_first_second_is_named_there() -> None:
    (before,) = at(-30)
    (word,) = device.over_time(shown(alerts=alerts().assign(onset_at=[before]))).layout.annotations
    assert word.x == NOW


def test_names_of_labels_and_rules_are_words() -> None:
    figure = device.over_time(shown(labels=labels(0, label="<img src=x>")))
    assert figure.data[-1].y == ("&lt;img src=x&gt;",)


def test_the_hour_that_comes_twice_in_autumn_does_not_tear_a_line() -> None:
    rows = levels(7200, 7260, 3660, 3720)
    assert len(with_gaps(rows, 60)) == 4
    assert len(on_grid(labels(7200, 7260, 3660), "label", "share", 60)) == 61


def test_hours_that_were_heard_without_a_label_are_zero_and_others_empty() -> None:
    rhythm = pd.DataFrame(
        {
            "label": ["siren", "siren", "siren", "birds"],
            "weekday": [1, 1, 2, 2],
            "hour": [8, 9, 8, 8],
            "active_s": [360, 0, 0, 5400],
            "coverage_s": [3600, 3600, 10_800, 10_800],
        }
    )
    (monday, *_) = sounds.by_weekday(rhythm, "siren").data[0].z
    assert [monday[8], monday[9]] == [10, 0]
    assert pd.isna(monday[10])
    hours = sounds.by_hour(rhythm).data[0]
    assert list(hours.y) == ["siren", "birds"]
    assert hours.z[0][8] == 2.5  # of all the time that was heard at eight


def test_origins_stack_to_the_whole() -> None:
    shares = pd.DataFrame(
        {"started_at": [NOW] * 2, "origin": ["natural", "background"], "share": [0.25, 0.75]}
    )
    assert sum(y for trace in sounds.origins(shares).data for y in trace.y) == 100


def test_a_source_without_an_own_level_has_no_mark() -> None:
    sources = pd.DataFrame(
        {
            "label": ["siren", "wind"],
            "origin": ["technogenic", "natural"],
            "source_leq_db": [70.0, None],
            "loudest_db": [80.0, None],
        }
    )
    assert list(sounds.loudest(sources).data[0].y) == ["siren"]


def test_days_that_were_hardly_heard_have_hollow_marks() -> None:
    days = pd.DataFrame(
        {
            "date": [NOW.date()] * 2,
            **{name: [60.0, 61.0] for name in ("ld_db", "le_db", "ln_db", "lden_db")},
            "day_coverage": [1.0, 0.5],
            "evening_coverage": [1.0, 1.0],
            "night_coverage": [1.0, 1.0],
        }
    )
    by_name = {trace.name: trace for trace in indicators.levels(days).data}
    assert by_name["Ld, day"].marker.symbol == ("square", "square-open")
    assert by_name["Ln, night"].marker.symbol == ("triangle-down", "triangle-down")


def test_an_alert_is_marked_on_levels_and_scores() -> None:
    figure = alert_charts.around(alerts(), levels(0, 1, 2), labels(0, 1))
    assert len([shape for shape in figure.layout.shapes if shape.type == "rect"]) == 2


def test_indices_and_changes_have_a_place_each() -> None:
    minutes = pd.DataFrame({"started_at": at(0, 60), **dict.fromkeys(indices.NAMES, 1.0)})
    assert len(indices.over_time(minutes, 60).data) == 6
    changed = pd.DataFrame(
        {"change": ["gained"], "rule": ["siren"], "device": ["pole-01"], "onset_at": [NOW]}
    )
    assert [len(trace.x) for trace in replays.changes(changed).data] == [1, 0, 0]
