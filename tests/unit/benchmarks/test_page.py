"""The page of benchmarks."""

from xml.etree import ElementTree as ET

from benchmarks.bars import Bar, bars_svg
from benchmarks.page import page

KEPT = {
    "sink": {
        "command": "python -m benchmarks sink --json",
        "commit": "abc",
        "at": "2026-05-04 10:00Z",
        "result": {
            "ways": {
                "copy and upsert (cityhum)": {"rows_per_s": 9, "stored": 5},
                "unnest": {"rows_per_s": 3, "stored": 4},
            }
        },
    }
}


def test_what_was_recorded_is_told_with_its_source_and_the_rest_named() -> None:
    text, pictures = page(KEPT)
    assert "`python -m benchmarks sink --json`, commit abc, 2026-05-04 10:00Z\n" in text
    assert "## Bridge" not in text
    assert "Not recorded: model, bridge, classify," in text
    assert [*pictures] == ["benchmark-sink.svg"]
    assert "(pictures/benchmark-sink.svg)" in text
    assert "| unnest | 3 | 4 |" in text


def test_what_is_lost_or_told_twice_stands_beside_the_speed() -> None:
    run = {
        "name": "cityhum",
        "per_s": 8,
        "cpu_us_per_reading": 1.5,
        "trickle_p50_ms": 2.5,
        "trickle_p99_ms": 3.5,
        "lost": 6,
        "doubled": 7,
    }
    result = {"street8": [{"name": "bare onnxruntime", "per_s": 10}, run]}
    text, _ = page({"classify": {**KEPT["sink"], "result": result}})
    assert "| cityhum | 8 | 0.80 | 1.5 | 2.5 | 3.5 | 6 | 7 |" in text


def test_a_machine_that_was_busy_is_told() -> None:
    text, _ = page({"sink": {**KEPT["sink"], "busy_before": 0.4}})
    assert "10:00Z, beside something else (40% of the processors)" in text


def test_bars_are_as_long_as_their_values() -> None:
    drawing = bars_svg("<rows>", "rows/s", [Bar("ours", 400, ours=True), Bar("theirs", 100)])
    bars = ET.fromstring(drawing).findall("{*}rect")[1:]  # noqa: S314  # our own
    ours, theirs = (float(bar.attrib["width"]) for bar in bars)
    assert ours == 4 * theirs
    assert bars[0].attrib["fill"] != bars[1].attrib["fill"]


def test_a_load_is_told_by_phase_and_in_time() -> None:
    steady = {"bridge": {"core_share": 0.25, "memory_mb": 60}}
    use = {"steady": steady, "back": {"bridge": {"core_share": 0.5, "memory_mb": None}}}
    result = {
        "sent": 9,
        "stored": 9,
        "lost": 0,
        "twice": 0,
        "restarts": {},
        "use": use,
        "steady": {"stored_per_s": 3.0},
        "burst": {"stored_after_s": 7},
        "cpu_us_per_reading": {"bridge": 123.4},
        "backlog": [{"s": 0, "at_devices": 2, "in_kafka": 1}],
    }
    text, _ = page({"load": {**KEPT["sink"], "result": result}})
    assert "| bridge | 25%; 60 | 50% | 123.4 |" in text
    assert "| burst: stored after s | 7 |" in text
    assert "| 0 | 2 | 1 |" in text
