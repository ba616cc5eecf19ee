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
            "ways": {"copy and upsert (cityhum)": {"rows_per_s": 9}, "unnest": {"rows_per_s": 3}}
        },
    }
}


def test_what_was_recorded_is_told_with_its_source_and_the_rest_left_out() -> None:
    text, pictures = page(KEPT)
    assert "`python -m benchmarks sink --json`, commit abc" in text
    assert "## Bridge" not in text
    assert [*pictures] == ["benchmark-sink.svg"]
    assert "(pictures/benchmark-sink.svg)" in text


def test_bars_are_as_long_as_their_values() -> None:
    drawing = bars_svg("<rows>", "rows/s", [Bar("ours", 400, ours=True), Bar("theirs", 100)])
    bars = ET.fromstring(drawing).findall("{*}rect")[1:]  # noqa: S314  # our own
    ours, theirs = (float(bar.attrib["width"]) for bar in bars)
    assert ours == 4 * theirs
    assert bars[0].attrib["fill"] != bars[1].attrib["fill"]
