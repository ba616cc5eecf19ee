"""Which sound card is meant: reads the listing of `arecord -l` and what it complains about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.errors import BadConfig, Unavailable

PCM_PREFIX: Final = "pcm:"
"""Marks a name that goes to ALSA as it is, such as a pcm of a configuration of one's own."""
_LINE: Final = re.compile(
    r"^card (?P<index>\d+): (?P<card>\S+) \[(?P<card_name>.*)\],"
    r" device (?P<device>\d+): (?P<device_id>.*?) \[(?P<device_name>.*)\]$"
)
_PLACE: Final = re.compile(
    r"^ *\d+ \[(?P<card>\S+) *\]: .*\n +(?P<long_name>.*)$", flags=re.MULTILINE
)
_LEAST_LOSS_MS: Final = 3.0
_OVERRUN: Final = re.compile(r"^overrun!!!(?: \(at least (?P<ms>[0-9.]+) ms long\))?")


@dataclass(frozen=True, slots=True)
class Microphone:
    """A capture device of a sound card."""

    card: str
    card_name: str
    device: int
    device_name: str
    place: str = ""
    """Where it is plugged in, such as `usb-0000:01:00.0-1.2`; empty: not known."""

    @property
    def pcm(self) -> str:
        """ALSA's name by card id: indices change with the order of plugging in."""
        if self.card_name.startswith(PCM_PREFIX):
            return self.card_name.removeprefix(PCM_PREFIX)
        return f"plughw:CARD={self.card},DEV={self.device}"

    @property
    def model(self) -> str:
        """Its names, which stay the same wherever it is plugged in."""
        return f"{self.card_name}, {self.device_name}" if self.device_name else self.card_name

    def __str__(self) -> str:
        """One entry of a list for a person."""
        at = f" at {self.place}" if self.place else ""
        return f"{self.card} ({self.card_name}, {self.device_name}, device {self.device}{at})"


def of_pcm(wanted: str) -> Microphone:
    """A pcm of ALSA's configuration, taken as it is."""
    return Microphone(card="", card_name=wanted, device=0, device_name="")


def parse_listing(text: str, cards: str = "") -> tuple[Microphone, ...]:
    """Capture devices in the order of the listing.

    Parameters
    ----------
    text : str
        Standard output of `arecord -l` in the C locale; other lines are passed over.
    cards : str
        `/proc/asound/cards`, which knows where a card is plugged in.

    Returns
    -------
    tuple of Microphone

    Examples
    --------
    >>> [m.pcm for m in parse_listing("card 1: Mic [USB Mic], device 0: USB Audio [USB Audio]")]
    ['plughw:CARD=Mic,DEV=0']
    """
    places = {m["card"]: _place(m["long_name"]) for m in _PLACE.finditer(cards)}
    found = (_LINE.match(line.strip()) for line in text.splitlines())
    return tuple(
        Microphone(
            m["card"],
            m["card_name"],
            int(m["device"]),
            m["device_name"],
            places.get(m["card"], ""),
        )
        for m in found
        if m is not None
    )


def choose(microphones: Sequence[Microphone], wanted: str) -> Microphone:
    """The device that a name or a part of it means; case does not count.

    Parameters
    ----------
    microphones : sequence of Microphone
        What `parse_listing` found.
    wanted : str
        Card id, card or device name, place, or part of one; empty: the only device.

    Returns
    -------
    Microphone

    Raises
    ------
    Unavailable
        None fits, now; the message names the devices that exist.
    BadConfig
        Several fit.
    """
    if not microphones:
        msg = "no microphone: arecord -l lists no capture device"
        raise Unavailable(msg)
    exact = [m for m in microphones if wanted.lower() == m.card.lower()]
    fitting = exact or [m for m in microphones if wanted.lower() in _names(m)]
    if len(fitting) == 1:
        return fitting[0]
    named = ", ".join(str(m) for m in fitting or microphones)
    if not fitting:
        msg = f"no microphone {wanted!r}; there are: {named}"
        raise Unavailable(msg)
    if wanted:
        msg = f"microphone {wanted!r} fits several devices: {named}"
    else:
        msg = f"several microphones, name one in CITYHUM_MICROPHONE: {named}"
    raise BadConfig(msg)


def again(microphones: Sequence[Microphone], before: Microphone) -> Microphone:
    """The same device after it was gone: of the same names, and plugged in at the same place.

    Parameters
    ----------
    microphones : sequence of Microphone
        What `parse_listing` finds now.
    before : Microphone
        The one that was heard.

    Returns
    -------
    Microphone
        Its card id may be another one.

    Raises
    ------
    Unavailable
        It is not there, or two could be it: a calibration belongs to one microphone.
    """
    same = [
        m
        for m in microphones
        if (m.model, m.device) == (before.model, before.device)
        and (m.place == before.place or not before.place)
    ]
    if len(same) == 1:
        return same[0]
    now = ", ".join(map(str, microphones)) or "none"
    msg = f"microphone {before} is {'gone' if not same else 'one of several'}; there are: {now}"
    raise Unavailable(msg)


def lost_s(complaint: str) -> float:
    """Seconds that the sound card lost, by a line of arecord's standard error.

    Parameters
    ----------
    complaint : str
        One line.

    Returns
    -------
    float
        0 if the line is no overrun; else at least 3 ms, which is enough to end a batch.

    Examples
    --------
    >>> lost_s("overrun!!! (at least 1234.500 ms long)"), lost_s("Recording raw data")
    (1.2345, 0.0)
    """
    match = _OVERRUN.match(complaint)
    if match is None:
        return 0.0
    return max(float(match["ms"] or 0.0), _LEAST_LOSS_MS) / 1000


def _names(microphone: Microphone) -> str:
    m = microphone
    return f"{m.card}\n{m.card_name}\n{m.device_name}\n{m.place}".lower()


def _place(long_name: str) -> str:
    """`C-Media USB Audio at usb-0000:01:00.0-1.2, full speed` is at the port in the middle."""
    _, at, place = long_name.rpartition(" at ")
    return place.split(",")[0].strip() if at else ""
