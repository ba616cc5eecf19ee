from pathlib import Path

import pytest

from agents.adapters import mixer as adapter
from agents.mixer import difference, parse, refuse_automatic
from schemas.errors import BadConfig

USB = """Simple mixer control 'Speaker',0
  Capabilities: pvolume pswitch pswitch-joined
  Playback channels: Front Left - Front Right
  Limits: Playback 0 - 37
  Mono:
  Front Left: Playback 20 [54%] [-17.00dB] [on]
  Front Right: Playback 20 [54%] [-17.00dB] [on]
Simple mixer control 'Mic',0
  Capabilities: pvolume pvolume-joined cvolume cvolume-joined pswitch pswitch-joined cswitch
  Playback channels: Mono
  Capture channels: Mono
  Limits: Playback 0 - 31 Capture 0 - 35
  Mono: Playback 23 [74%] [0.00dB] [off] Capture 24 [69%] [14.00dB] [on]
Simple mixer control 'Auto Gain Control',0
  Capabilities: pswitch pswitch-joined
  Playback channels: Mono
  Mono: Playback [on]
"""
ONBOARD = """Simple mixer control 'Capture',1
  Capabilities: cvolume cswitch
  Capture channels: Front Left - Front Right
  Limits: Capture 0 - 63
  Front Left: Capture 39 [62%] [12.00dB] [on]
  Front Right: Capture 40 [63%] [12.75dB] [off]
Simple mixer control 'Front Mic Boost',0
  Capabilities: volume
  Playback channels: Front Left - Front Right
  Capture channels: Front Left - Front Right
  Limits: 0 - 3
  Front Left: 2 [67%] [20.00dB]
  Front Right: 2 [67%] [20.00dB]
Simple mixer control 'Input Source',0
  Capabilities: cenum
  Items: 'Front Mic' 'Rear Mic' 'Line'
  Item0: 'Rear Mic'
"""


def test_of_a_usb_card_the_input_and_its_automatic_gain_are_told() -> None:
    assert parse(USB) == ("Mic: 24 on", "Auto Gain Control: on")


def test_of_an_onboard_card_channels_boost_and_choice_are_told() -> None:
    assert parse(ONBOARD) == (
        "Capture,1 Front Left: 39 on",
        "Capture,1 Front Right: 40 off",
        "Front Mic Boost Front Left: 2",
        "Front Mic Boost Front Right: 2",
        "Input Source: Rear Mic",
    )


def test_a_gain_that_sets_itself_is_refused() -> None:
    with pytest.raises(BadConfig, match="'Auto Gain Control' is on"):
        refuse_automatic(parse(USB))
    refuse_automatic(parse(USB.replace("Playback [on]", "Playback [off]")))
    refuse_automatic(parse(ONBOARD))


def choice(name: str, item: str) -> str:
    return f"Simple mixer control {name!r},0\n  Items: 'Off' 'Stereo'\n  Item0: {item!r}\n"


def switch(name: str, value: str) -> str:
    return f"Simple mixer control {name!r},0\n  Mono: Capture [{value}]\n"


WM8960 = (
    choice("ALC Function", "Stereo")
    + choice("ALC Mode", "ALC")
    + "Simple mixer control 'ALC Target',0\n  Mono: 4 [27%]\n"
)
WM8750 = (
    choice("ALC Capture Function", "Off")
    + switch("ALC Capture ZC", "on")
    + choice("ALC Capture NG Type", "Constant PGA Gain")
    + switch("ALC Capture NG", "on")
)
DA7213 = switch("ALC", "off") + choice("ALC Attack Rate", "44/fs")


def test_a_gain_that_sets_itself_by_choice_is_refused() -> None:
    with pytest.raises(BadConfig, match="'ALC Function' is Stereo"):
        refuse_automatic(parse(WM8960))
    with pytest.raises(BadConfig, match="'ALC Function' is Stereo"):
        refuse_automatic(parse(WM8750 + WM8960))


@pytest.mark.parametrize(
    "told",
    [
        WM8750,
        DA7213,
        *(WM8960.replace("Item0: 'Stereo'", f"Item0: {off!r}") for off in ("Off", "Disabled", "")),
        choice("ALC Function", "None"),
    ],
)
def test_how_a_gain_would_set_itself_is_no_matter_while_it_does_not(told: str) -> None:
    refuse_automatic(parse(told))


def test_what_only_playback_knows_makes_no_difference() -> None:
    louder = USB.replace("Playback 23 [74%]", "Playback 31 [100%]").replace(
        "Playback 20", "Playback 30"
    )
    assert difference(parse(USB), parse(louder)) == ""
    turned = USB.replace("Capture 24", "Capture 18")
    assert difference(parse(USB), parse(turned)) == "'Mic: 24 on', now 'Mic: 18 on'"


async def test_a_card_is_asked_by_its_id(tmp_path: Path) -> None:
    program = tmp_path / "amixer"
    asked = '[ "$*" = "-c Mic scontents" ] || exit 1'
    program.write_text(f"#!/bin/sh\n{asked}\ncat <<E\n{ONBOARD}E\n")
    program.chmod(0o755)
    assert await adapter.gain("Mic", program=str(program)) == parse(ONBOARD)
    assert await adapter.gain("Other", program=str(program)) is None
    assert await adapter.gain("", program=str(program)) is None
    assert await adapter.gain("I2S", program="true") == ()
    assert await adapter.gain("Mic", program="cityhum-no-mixer") is None
