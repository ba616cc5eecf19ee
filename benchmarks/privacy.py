"""Can words be got back from what leaves the device? Attacked, measured and judged.

Run: `make privacy`, or `python -m benchmarks.privacy [--json] [--workers N]`. Prints, for
synthesised and, where present, recorded speech, the word error rate (WER), that of the same guesses
against other sentences (luck), and STOI of:

    untouched      the sound itself
    mel64x100      64 mel bands every 10 ms, an ordinary recogniser's features: the control
    mel32x8        the default profile, bytes and all, interpolated
    mel32x8, learned   the same bytes, columns guessed by a regression learned on other voices
    ideal columns  what that regression tries to guess, so the best it could do: its control

Exits 1 if the profile lets words through, or if an attack fails where it must succeed: then it
proves nothing.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final, NamedTuple

from benchmarks import privacy_attack as attack
from benchmarks import privacy_closed, privacy_learned, privacy_speech, privacy_words
from benchmarks.privacy_gate import bound, passes
from benchmarks.privacy_learned import Learned
from benchmarks.privacy_speech import Clip
from benchmarks.privacy_words import Heard
from schemas.errors import BadConfig

_RECORDINGS: Final = 6
_KNOWN: Final = 10  # sentences or digits of a closed set
_AttackedBy = Callable[[Learned, attack.Samples], attack.Samples]


class Row(NamedTuple):
    """One line of the table: features of one kind of speech, and what was understood."""

    speech: str
    features: str
    wer: float
    luck: float
    stoi: float
    passed: bool


def _untouched(_: Learned, sound: attack.Samples) -> attack.Samples:
    return sound


def _control(_: Learned, sound: attack.Samples) -> attack.Samples:
    return attack.sound_of(attack.fine_mel(sound), len(sound))


def _profile(_: Learned, sound: attack.Samples) -> attack.Samples:
    columns = (len(sound) - attack.FFT) // attack.HOP + 1
    codes = attack.profile_codes(sound)
    return attack.sound_of(attack.interpolated(codes, columns), len(sound))


def _learned(learned: Learned, sound: attack.Samples) -> attack.Samples:
    guessed_db = learned.columns_db(attack.profile_codes(sound))
    return privacy_learned.sound_of_columns(guessed_db, len(sound))


def _ideal(_: Learned, sound: attack.Samples) -> attack.Samples:
    return privacy_learned.sound_of_columns(privacy_learned.true_columns_db(sound), len(sound))


_ATTACKS: Final[Mapping[str, _AttackedBy]] = {
    "untouched": _untouched,
    "mel64x100": _control,
    "mel32x8": _profile,
    "mel32x8, learned": _learned,
    "ideal columns": _ideal,
}


def _heard(learned: Learned, clip: Clip) -> dict[str, Heard]:
    """Every attack on one clip."""
    return {
        features: privacy_words.heard(clip.text, clip.sound, attacked_by(learned, clip.sound))
        for features, attacked_by in _ATTACKS.items()
    }


def _rows(speech: str, heard: Sequence[Mapping[str, Heard]]) -> Iterator[Row]:
    for features in _ATTACKS:
        results = [each[features] for each in heard]
        wer = privacy_words.word_error_rate(results)
        stoi = statistics.mean(each.stoi for each in results)
        yield Row(speech, features, wer, privacy_words.chance(results), stoi, passes(features, wer))


def measure(workers: int) -> list[Row]:
    """Attack all speech there is; about three minutes of CPU time.

    Parameters
    ----------
    workers : int, >= 1
        Processes that attack beside each other.

    Returns
    -------
    list of Row
        For each kind of speech one row per attack.
    """
    spoken = {
        "synthesised": privacy_speech.sentences(),
        "recorded": privacy_speech.recordings(_RECORDINGS),
    }
    learned = privacy_learned.learn(clip.sound for clip in privacy_speech.lessons())
    rows: list[Row] = []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for speech, clips in spoken.items():
            if clips:
                rows += _rows(speech, list(pool.map(partial(_heard, learned), clips)))
    return rows


def unprotected() -> dict[str, float]:
    """What is known to get through: shares of a closed set that are named right."""
    shares = {"sentences": privacy_closed.sentence_accuracy(privacy_speech.sentences())}
    if read := privacy_speech.recordings(_KNOWN):
        spoken = privacy_speech.synthesised([(privacy_speech.VOICES[0], c.text) for c in read])
        shares["read sentences"] = privacy_closed.sentence_accuracy([*read, *spoken])
    if digits := privacy_speech.digits():
        shares["digits"] = privacy_closed.digit_accuracy(digits)
    return shares


def _lines(rows: Sequence[Row], shares: Mapping[str, float]) -> Iterator[str]:
    yield f"{'speech':13}{'features':18}{'WER':>6}{'luck':>6}{'STOI':>6}  must be"
    for row in rows:
        figures = f"{row.wer:6.2f}{row.luck:6.2f}{row.stoi:6.2f}"
        failed = "" if row.passed else "FAILED"
        yield f"{row.speech:13}{row.features:18}{figures}  {bound(row.features)} {failed}"
    for what, share in shares.items():
        known = f"which of {_KNOWN} known {what}"
        yield f"not protected: {known}: named right {share:.0%}, luck {1 / _KNOWN:.0%}"
    if all(row.speech != "recorded" for row in rows):
        yield "recorded speech: absent"


def main() -> int:
    """Print table or JSON; 1 if the gate does not hold, 2 if something is missing."""
    parser = argparse.ArgumentParser(description="speech got back from what leaves the device")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    sys.stderr.write("five attacks on each of some thirty sentences: this takes minutes\n")
    try:
        rows, shares = measure(arguments.workers), unprotected()
    except BadConfig as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    passed = all(row.passed for row in rows)
    report = {"passed": passed, "rows": [row._asdict() for row in rows], "unprotected": shares}
    text = json.dumps(report) if arguments.json else "\n".join(_lines(rows, shares))
    sys.stdout.write(text + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
