from pathlib import Path

import pytest

from agents.microphones import Microphone, again, choose, lost_s, parse_listing
from schemas.errors import BadConfig, Unavailable

LISTINGS = Path(__file__).parents[2] / "data" / "arecord"


def listed(name: str) -> tuple[Microphone, ...]:
    return parse_listing((LISTINGS / f"{name}.txt").read_text())


def test_every_capture_device_of_a_listing_is_found() -> None:
    assert [m.pcm for m in listed("several")] == [
        "plughw:CARD=PCH,DEV=0",
        "plughw:CARD=PCH,DEV=2",
        "plughw:CARD=UMIK,DEV=0",
        "plughw:CARD=sndrpii2scard,DEV=0",
    ]


def test_the_only_microphone_needs_no_name() -> None:
    assert choose(listed("usb"), "").pcm == "plughw:CARD=Device,DEV=0"


@pytest.mark.parametrize("wanted", ["UMIK", "umik-1", "Gain: 18dB", "umi"])
def test_a_name_or_a_part_of_it_finds_the_microphone(wanted: str) -> None:
    assert choose(listed("several"), wanted).card == "UMIK"


def test_a_part_of_the_device_name_is_enough() -> None:
    assert choose(listed("several"), "alt analog").device == 2
    assert choose(listed("several"), "rpi_i2s").card == "sndrpii2scard"


def test_an_exact_card_id_wins_over_a_part_of_another_name() -> None:
    cards = parse_listing(
        "card 0: Mic2 [Second], device 0: A [A]\ncard 1: Mic [First], device 0: A [A]"
    )
    assert choose(cards, "mic").card_name == "First"


def test_a_missing_microphone_is_answered_with_those_that_exist() -> None:
    with pytest.raises(Unavailable) as error:
        choose(listed("several"), "rode")
    line = str(error.value)
    assert line.startswith("no microphone 'rode'; there are: PCH (HDA Intel PCH, ")
    assert "UMIK (Umik-1  Gain: 18dB, USB Audio, device 0)" in line
    assert "\n" not in line


def test_an_ambiguous_name_is_answered_with_those_that_fit() -> None:
    with pytest.raises(BadConfig, match=r"'PCH' fits several devices: PCH .*ALC256 Alt") as error:
        choose(listed("several"), "PCH")
    assert "UMIK" not in str(error.value)


def test_no_name_among_several_is_answered_with_all() -> None:
    with pytest.raises(BadConfig, match=r"CITYHUM_MICROPHONE: PCH .*UMIK"):
        choose(listed("several"), "")


@pytest.mark.parametrize("wanted", ["", "UMIK"])
def test_no_capture_device_at_all_is_one_clear_line(wanted: str) -> None:
    with pytest.raises(Unavailable, match="arecord -l lists no capture device"):
        choose(listed("none"), wanted)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("overrun!!! (at least 0.250 ms long)", 0.003),
        ("overrun!!! (at least 1234.567 ms long)", 1.234567),
        ("overrun!!!", 0.003),
        ("underrun!!! (at least 3.0 ms long)", 0.0),
        ("arecord: main:831: audio open error: Device or resource busy", 0.0),
        ("", 0.0),
    ],
)
def test_an_overrun_tells_how_much_was_lost(line: str, seconds: float) -> None:
    assert lost_s(line) == pytest.approx(seconds)


TWINS = """\
card 1: Device [USB PnP Sound Device], device 0: USB Audio [USB Audio]
card 2: Device_1 [USB PnP Sound Device], device 0: USB Audio [USB Audio]
"""
PORTS = """\
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.1, full
 2 [Device_1       ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.2, full
"""


def test_two_of_one_name_are_told_apart_by_where_they_are_plugged_in() -> None:
    twins = parse_listing(TWINS, PORTS)
    assert [m.place for m in twins] == ["usb-0000:01:00.0-1.1", "usb-0000:01:00.0-1.2"]
    assert choose(twins, "usb-0000:01:00.0-1.2").card == "Device_1"
    with pytest.raises(BadConfig, match=r"several devices: Device .*-1\.1\), Device_1 .*-1\.2\)"):
        choose(twins, "USB PnP")


def test_a_replugged_microphone_is_found_although_its_card_id_changed() -> None:
    first = parse_listing(TWINS, PORTS)[0]
    swapped = parse_listing(TWINS, PORTS.replace("-1.1,", "-1.3,").replace("-1.2,", "-1.1,"))
    assert again(swapped, first).card == "Device_1"


def test_another_of_the_same_name_does_not_take_its_place() -> None:
    first, second = parse_listing(TWINS, PORTS)
    with pytest.raises(Unavailable, match=r"-1\.1\) is gone; there are: Device_1"):
        again([second], first)
    with pytest.raises(Unavailable, match="is gone; there are: none"):
        again([], first)


def test_without_places_only_the_only_one_of_its_name_is_taken() -> None:
    first, second = parse_listing(TWINS)
    assert again([second], first) == second
    with pytest.raises(Unavailable, match="one of several"):
        again([first, second], first)
