"""Our levels against published values: IEC 61672-1, IEC 61260-1, 2002/49/EC.

Run: `make conformity`, or `python -m benchmarks.conformity [--json]`. It exits with 1 if a value is
out of its tolerance. Sounds are made here, read by a device with the simulator's sensitivity.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from acoustics import bands, decibels, levels
from acoustics.weighting import FAST_S, SLOW_S, exponential_mean
from agents.calibration import SEED_SENSITIVITY_DBFS
from schemas.messages import Levels

RATES_HZ: Final = (16_000, 48_000)
SENSITIVITY_DBFS: Final = -26.0
TONE_DB: Final = 94.0

# IEC 61672-1, table of the weightings, at the exact frequencies of the nominal ones
A_TABLE: Final = {
    31.62: -39.4,
    63.1: -26.2,
    125.9: -16.1,
    251.2: -8.6,
    501.2: -3.2,
    1000.0: 0.0,
    1995.3: 1.2,
    3981.1: 1.0,
    6309.6: -0.1,
    7943.3: -1.1,
    12589.3: -4.3,
    15848.9: -6.6,
}
C_TABLE: Final = {
    31.62: -3.0,
    63.1: -0.8,
    125.9: -0.2,
    1000.0: 0.0,
    3981.1: -0.8,
    6309.6: -2.0,
    7943.3: -3.0,
    12589.3: -6.2,
    15848.9: -8.5,
}
# table of the 4 kHz tone bursts: seconds, then LAFmax and LASmax less LA of the steady tone
BURSTS: Final = ((1.0, 0.0, -2.0), (0.2, -1.0, -7.4), (0.05, -4.8, -13.1), (0.01, -11.1, None))
# table of the C peaks: LCpeak of one cycle less LC of the steady tone
PEAKS: Final = ((31.5, 2.5), (500.0, 3.5), (8000.0, 3.4))
_HIGHEST: Final = 0.45  # of the sample rate: where our weighting ends

Sound = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One value beside its reference."""

    quantity: str
    sound: str
    rate_hz: int | None
    value: float
    reference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it is within its tolerance."""
        return abs(self.value - self.reference) <= self.tolerance + 1e-9


def cases() -> Iterator[Case]:
    """Every case, in the order of the table."""
    for rate_hz in RATES_HZ:
        yield from _calibrator(rate_hz)
        yield from _seed_constants(rate_hz)
        yield from _weighting(rate_hz)
        yield from _bursts(rate_hz)
        yield from _decay(rate_hz)
        yield from _peaks(rate_hz)
        yield from _third_octaves(rate_hz)
        yield _pink_noise(rate_hz)
    yield from _percentiles()
    yield from _day_evening_night()


def tone(frequency_hz: float, rate_hz: int, seconds: float, level_db: float = TONE_DB) -> Sound:
    """Sine of a level, beginning at zero."""
    amplitude = 10 ** ((level_db - 94.0 + SENSITIVITY_DBFS) / 20)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.asarray(amplitude * np.sin(2 * np.pi * frequency_hz * t))


def _measured(sound: Sound, rate_hz: int) -> tuple[Levels, ...]:
    state = levels.start(rate_hz, sensitivity_dbfs_at_94=SENSITIVITY_DBFS)
    return levels.step(state, sound)[1]


def _steady(frequency_hz: float, rate_hz: int) -> Levels:
    return _measured(tone(frequency_hz, rate_hz, 2), rate_hz)[1]


def _calibrator(rate_hz: int) -> Iterator[Case]:
    for level_db in (94.0, 114.0):
        second = _measured(tone(1000, rate_hz, 2, level_db), rate_hz)[1]
        sound = f"calibrator {level_db:.0f} dB, 1 kHz"
        for name, value in (
            ("LAeq", second.laeq_1s_db),
            ("LCeq", second.lceq_1s_db),
            ("LZeq", second.lzeq_1s_db),
        ):
            yield Case(name, sound, rate_hz, value, level_db, 0.1)


def _seed_constants(rate_hz: int) -> Iterator[Case]:
    # scikit-maad's wav2dBSPL and mean_dB with gain 25, sensitivity -18, Vadc 1.25
    state = levels.start(rate_hz, sensitivity_dbfs_at_94=SEED_SENSITIVITY_DBFS)
    for gain, reference in ((1.0, 79.89), (0.1, 59.89)):
        sine = gain * np.sin(2 * np.pi * 440 * np.arange(2 * rate_hz) / rate_hz)
        value = levels.step(state, sine)[1][1].lzeq_1s_db
        name = f"sine of {gain:g} full scale, seed"
        yield Case("LZeq", name, rate_hz, value, reference, 0.01)


def _weighting(rate_hz: int) -> Iterator[Case]:
    for frequency_hz in A_TABLE:
        if frequency_hz > _HIGHEST * rate_hz:
            continue
        second = _steady(frequency_hz, rate_hz)
        sound = f"tone {frequency_hz:g} Hz"
        a = second.laeq_1s_db - second.lzeq_1s_db
        c = second.lceq_1s_db - second.lzeq_1s_db
        yield Case("A weighting", sound, rate_hz, a, A_TABLE[frequency_hz], 0.5)
        if frequency_hz in C_TABLE:
            yield Case("C weighting", sound, rate_hz, c, C_TABLE[frequency_hz], 0.5)


def _bursts(rate_hz: int) -> Iterator[Case]:
    steady_db = _steady(4000, rate_hz).laeq_1s_db
    for seconds, fast_db, slow_db in BURSTS:
        sound = np.zeros(3 * rate_hz)
        burst = tone(4000, rate_hz, seconds)
        begins = rate_hz - 77  # cut by the edge of a second
        sound[begins : begins + len(burst)] = burst
        heard = _measured(sound, rate_hz)
        name = f"4 kHz burst of {1000 * seconds:.0f} ms"
        fast = max(s.lafmax_db for s in heard) - steady_db
        slow = max(s.lasmax_db for s in heard) - steady_db
        yield Case("LAFmax - LA", name, rate_hz, fast, fast_db, 0.3)
        if slow_db is not None:
            yield Case("LASmax - LA", name, rate_hz, slow, slow_db, 0.3)


def _decay(rate_hz: int) -> Iterator[Case]:
    for name, time_s, per_s in (("F decay, dB/s", FAST_S, 34.7), ("S decay, dB/s", SLOW_S, 4.3)):
        _, mean = exponential_mean(1.0, np.zeros(rate_hz), time_s=time_s, rate_hz=rate_hz)
        fall_db = 10 * float(np.log10(mean[0] / mean[rate_hz // 2])) * 2
        yield Case(name, "sound that stops", rate_hz, fall_db, per_s, 0.1)


def _peaks(rate_hz: int) -> Iterator[Case]:
    for frequency_hz, above_db in PEAKS:
        if frequency_hz > _HIGHEST * rate_hz:
            continue
        steady_db = _steady(frequency_hz, rate_hz).lceq_1s_db
        sound = np.zeros(rate_hz)
        cycle = tone(frequency_hz, rate_hz, 1 / frequency_hz)
        sound[rate_hz // 2 : rate_hz // 2 + len(cycle)] = cycle
        value = _measured(sound, rate_hz)[0].lcpeak_db - steady_db
        yield Case(
            "LCpeak - LC", f"one cycle of {frequency_hz:g} Hz", rate_hz, value, above_db, 0.5
        )


def _third_octaves(rate_hz: int) -> Iterator[Case]:
    centres = bands.centres_hz(rate_hz)
    for band in range(len(centres)):
        t = 2 * np.pi * np.arange(2 * rate_hz) / rate_hz
        centre, edge = np.sin(t * centres[band]), np.sin(t * centres[band] * 10**0.05)
        sound = f"tone at the {{}} of {centres[band]:.0f} Hz"
        value = _band_db(centre, rate_hz, band)
        yield Case("third octave", sound.format("centre"), rate_hz, value, 0.0, 0.3)
        if band < len(centres) - 1:
            value = _band_db(edge, rate_hz, band)
            yield Case("third octave", sound.format("edge"), rate_hz, value, -3.0, 0.3)


def _band_db(two_seconds: Sound, rate_hz: int, band: int) -> float:
    power = bands.third_octave_powers(np.fft.rfft(two_seconds), rate_hz)[band]
    return 10 * float(np.log10(power / 0.5))


def _pink_noise(rate_hz: int) -> Case:
    centres = bands.centres_hz(rate_hz)
    n = 6 * rate_hz
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (f >= centres[0] * 10**-0.05) & (f <= centres[-1] * 10**0.05)
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n))
    pink = np.fft.irfft(spectrum * inside / np.sqrt(np.maximum(f, 1.0)))
    in_bands = total = 0.0
    for before, second in pairwise(np.split(pink, 6)):
        both = np.fft.rfft(np.concatenate([before, second]))
        in_bands += float(bands.third_octave_powers(both, rate_hz).sum())
        total += float(second.var())
    value = 10 * float(np.log10(in_bands / total))
    return Case("sum of bands - LZ", "pink noise, band-limited", rate_hz, value, 0.0, 0.3)


def _percentiles() -> Iterator[Case]:
    counts = decibels.histogram(np.arange(1, 101).tolist())
    for percent, reference in ((10, 91.0), (50, 51.0), (90, 11.0)):
        value = decibels.exceeded(counts, percent)
        yield Case(f"L{percent}", "1, 2, … 100 dB", None, value, reference, 0.0)


def _day_evening_night() -> Iterator[Case]:
    # quarter-hours; the night of the days on which the clocks change is an hour shorter or longer
    for hours, quarters in ((23, 28), (24, 32), (25, 36)):
        steady = _lden([60.0] * 48, [60.0] * 16, [60.0] * quarters)
        yield Case("Lden", f"steady 60 dB, day of {hours} h", None, steady, 66.4, 0.05)
        # by hand: 10 lg((12·10^6.5 + 4·10^6.5 + 8·10^6.5) / 24)
        stepped = _lden([65.0] * 48, [60.0] * 16, [55.0] * quarters)
        yield Case("Lden", f"65, 60, 55 dB, day of {hours} h", None, stepped, 65.0, 0.01)
    exposure = decibels.sel(70.0, 10.0)
    yield Case("LAE", "70 dB for 10 s", None, exposure, 80.0, 0.01)


def _lden(day: list[float], evening: list[float], night: list[float]) -> float:
    return decibels.lden(decibels.leq(day), decibels.leq(evening), decibels.leq(night))


def _table(rows: list[Case]) -> Iterator[str]:
    head = ("quantity", "sound", "rate", "value", "reference", "tolerance", "")
    yield "{:18} {:34} {:>7} {:>8} {:>9} {:>9} {}".format(*head)
    for case in rows:
        rate = f"{case.rate_hz // 1000} kHz" if case.rate_hz else ""
        passed = "pass" if case.passed else "FAIL"
        yield (
            f"{case.quantity:18} {case.sound:34} {rate:>7} {case.value:8.2f}"
            f" {case.reference:9.2f} {'±' + format(case.tolerance, '.2f'):>9} {passed}"
        )
    yield f"{sum(case.passed for case in rows)} of {len(rows)} pass"


def main() -> None:
    """Print the table, or all of it as one JSON list."""
    parser = argparse.ArgumentParser(description="levels against published reference values")
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = list(cases())
    listed = [{**asdict(case), "passed": case.passed} for case in rows]
    sys.stdout.write((json.dumps(listed) if as_json else "\n".join(_table(rows))) + "\n")
    sys.exit(0 if all(case.passed for case in rows) else 1)


if __name__ == "__main__":
    main()
