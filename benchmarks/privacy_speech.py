"""Speech to attack: sentences of our own, synthesised, and recordings where they are present."""

import csv
import itertools
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustics import mel
from deploy.local.requirements import Requirement, ensure, find_program
from schemas.errors import BadConfig

VOICES: Final = ("slt", "rms")
OTHER_VOICES: Final = ("awb", "kal16")
RECORDINGS: Final = Path(__file__).parents[2] / "shared" / "data" / "speech"
_MARGIN_S: Final = 0.25
_RECORDED_S: Final = (6.0, 8.5)
_FLITE: Final = Requirement("flite", lambda: find_program("flite"), ["flite"])

SENTENCES: Final = (
    "The committee will meet on Wednesday morning to discuss the new budget.",
    "Please close the window before you leave the office.",
    "She bought three loaves of bread and a bottle of milk at the market.",
    "My brother wants to study medicine in another country.",
    "The doctor told him to drink more water and get some sleep.",
    "We walked along the river until the sun went down.",
    "There was a long discussion about the price of oil.",
    "The children played football in the park after school.",
    "Nobody knows how many people were living in the building.",
    "The bus to the hospital leaves every twenty minutes.",
)

_WHO: Final = (
    "the old captain", "my sister", "our neighbour", "a young doctor", "the new teacher",
    "his brother", "the police officer", "a happy child",
)  # fmt: skip
_DID: Final = ("carried", "sold", "found", "painted", "forgot", "opened", "watched", "described")
_WHAT: Final = (
    "a yellow bicycle", "the broken chair", "seven green apples", "a letter from abroad",
    "the heavy box", "two cups of coffee", "a map of the island", "the garden gate",
)  # fmt: skip
_WHEN: Final = (
    "before breakfast", "in the afternoon", "near the river", "without a word",
    "because of the rain", "after the concert", "on a Sunday", "at the station",
)  # fmt: skip


class Clip(NamedTuple):
    """Somebody says something: 16 kHz sound, float64 [n]."""

    speaker: str
    text: str
    sound: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / mel.RATE_HZ


def sentences() -> list[Clip]:
    """Our sentences in both voices that the recogniser understands."""
    return synthesised([(voice, text) for text in SENTENCES for voice in VOICES])


def lessons() -> list[Clip]:
    """Other sentences in other voices, for an attacker to learn from."""
    count = len(_WHO)
    turns = itertools.product(range(count), repeat=2)
    texts = [
        f"{_WHO[i]} {_DID[j]} {_WHAT[(i + j) % count]} {_WHEN[(i + 3 * j) % count]}"
        for i, j in turns
    ]
    return synthesised([(voice, text) for text in texts for voice in OTHER_VOICES])


def recordings(count: int) -> list[Clip]:
    """Read sentences of 6 to 8.5 s with their transcripts; none where they are absent."""
    read = (row for row in _transcripts() if not row["file"].startswith("digits"))
    clips = (_recording(row) for row in read)
    fitting = (clip for clip in clips if _RECORDED_S[0] <= clip.seconds <= _RECORDED_S[1])
    return list(itertools.islice(fitting, count))


def digits() -> list[Clip]:
    """Spoken digits of several speakers; none where the recordings are absent."""
    rows = (row for row in _transcripts() if row["file"].startswith("digits"))
    return [_recording(row) for row in rows]


def synthesised(wanted: Sequence[tuple[str, str]]) -> list[Clip]:
    """Texts spoken by voices of flite, which is installed if apt is there.

    Raises
    ------
    BadConfig
        One line: flite is missing and cannot be installed.
    """
    try:
        ensure([_FLITE])
    except BadConfig:
        raise BadConfig("missing: flite, which speaks; as root: apt-get install flite") from None
    margin = np.zeros(int(_MARGIN_S * mel.RATE_HZ))
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "said.wav"
        for voice, text in wanted:
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(to)], check=True)
            clips.append(Clip(voice, text, np.concatenate([margin, _read(to), margin])))
    return clips


def _transcripts() -> Iterator[dict[str, str]]:
    listing = RECORDINGS / "transcripts.csv"
    if listing.is_file():
        with listing.open(encoding="utf-8") as file:
            yield from csv.DictReader(file)


def _recording(row: dict[str, str]) -> Clip:
    return Clip(row["speaker"], row["transcript"], _read(RECORDINGS / row["file"]))


def _read(path: Path) -> NDArray[np.float64]:
    sound, rate_hz = soundfile.read(path, dtype="float64")
    if rate_hz != mel.RATE_HZ:
        msg = f"{path}: {rate_hz} Hz, not {mel.RATE_HZ}"
        raise ValueError(msg)
    return np.asarray(sound, dtype=np.float64)
