"""How a sound card's inputs are set: reads what `amixer scontents` tells.

A calibration holds at one gain only, and the mixer forgets: what it is set to outlives a power cut
or a replug only if somebody stored it.
"""

import re
from collections.abc import Iterator
from typing import Final

from schemas.errors import BadConfig

Gain = tuple[str, ...]
"""Each setting that may change what is heard, such as `Mic: 24 on`; empty: there is none."""
_CONTROL: Final = re.compile(r"^Simple mixer control '(?P<name>.*)',(?P<index>\d+)$")
_VALUE: Final = re.compile(r"^ +(?P<channel>[A-Z][A-Za-z0-9 ]*):(?P<value>.*)$")
_PLAYBACK: Final = re.compile(r"Playback.*?(?=Capture|$)")
_TOKEN: Final = re.compile(r"(-?\d+)(?= \[\d+%\])|\[(on|off)\]")
_AUTOMATIC: Final = re.compile(r"auto.*gain|\bagc\b|\balc\b", re.IGNORECASE)
_HOW: Final = re.compile(r"\b(zc|ng|noise|mode|type|rate|time|attack|decay|hold)\b", re.IGNORECASE)
"""What such a control does at zero crossings, in noise and so on, if it does anything."""
_IDLE: Final = re.compile(r"(.* )?(off|disabled|none|-?\d+)|", re.IGNORECASE)


def parse(contents: str) -> Gain:
    """What a card's inputs are set to, in its own order.

    Parameters
    ----------
    contents : str
        Standard output of `amixer scontents` in the C locale.

    Returns
    -------
    tuple of str
        Volumes as the card counts them, switches and choices; nothing that only playback knows,
        but an automatic gain control, which some drivers file under playback.

    Examples
    --------
    >>> parse('''Simple mixer control 'Mic',0
    ...   Capabilities: pvolume cvolume cswitch
    ...   Mono: Playback 9 [74%] [0.00dB] Capture 24 [69%] [14.00dB] [on]
    ... Simple mixer control 'Auto Gain Control',0
    ...   Mono: Playback [off]''')
    ('Mic: 24 on', 'Auto Gain Control: off')
    """
    return tuple(_settings(contents))


def refuse_automatic(gain: Gain) -> None:
    """Refuse a card that sets its gain by itself: whatever it measures, no calibration holds.

    Raises
    ------
    BadConfig
        One line.
    """
    for setting in gain:
        name, _, value = setting.rpartition(": ")
        acts = _AUTOMATIC.search(name) and not _HOW.search(name)
        if acts and not _IDLE.fullmatch(value):
            raise BadConfig(f"{name!r} is {value}, no level can be measured: alsamixer, F5")


def difference(before: Gain, now: Gain) -> str:
    """What is set otherwise, in words; empty if nothing is.

    Examples
    --------
    >>> difference(("Mic: 24 on",), ("Mic: 18 on",))
    "'Mic: 24 on', now 'Mic: 18 on'"
    """
    if before == now:
        return ""
    was = ", ".join(setting for setting in before if setting not in now)
    is_now = ", ".join(setting for setting in now if setting not in before)
    return f"{was!r}, now {is_now!r}"


def _settings(contents: str) -> Iterator[str]:
    name = ""
    for line in contents.splitlines():
        if control := _CONTROL.match(line):
            name = control["name"] + (f",{control['index']}" if control["index"] != "0" else "")
        elif found := _VALUE.match(line):
            channel, value = found["channel"], found["value"]
            heard = value if _AUTOMATIC.search(name) else _PLAYBACK.sub("", value)
            tokens = [number or switch for number, switch in _TOKEN.findall(heard)]
            if re.fullmatch(r"Item\d+", channel):
                tokens = [value.strip().strip("'")]
            if tokens:
                of = "" if channel in {"Mono", "Item0"} else f" {channel}"
                yield f"{name}{of}: {' '.join(tokens)}"
