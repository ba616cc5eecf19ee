from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from acoustics import levels
from agents.adapters import calibration_file
from agents.adapters.calibrator import at_microphone
from agents.calibration import (
    SEED_SENSITIVITY_DBFS,
    CalibrationRecord,
    Tone,
    check,
    judged,
    next_name,
    sensitivity_dbfs,
)
from agents.pipeline import Block
from schemas.errors import BadConfig, Unavailable
from schemas.messages import Levels

RATE_HZ = 16_000


def record(**overrides: object) -> CalibrationRecord:
    fields: dict[str, object] = {
        "name": "2026-04-01a",
        "device": "pole-07",
        "microphone": "Umik-1, USB Audio",
        "method": "calibrator",
        "sensitivity_dbfs": -26.02,
        "at": datetime(2026, 4, 1, tzinfo=UTC),
        "u95_db": 0.5,
    }
    return CalibrationRecord.model_validate({**fields, **overrides})


def tone(level_dbfs: float, seconds: int = 5, frequency_hz: float = 1000.0) -> NDArray[np.float64]:
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    return np.asarray(10 ** (level_dbfs / 20) * np.sin(2 * np.pi * frequency_hz * t))


def heard(sound: NDArray[np.float64]) -> tuple[Levels, ...]:
    return levels.step(levels.start(RATE_HZ), sound)[1]


@pytest.mark.parametrize("frequency_hz", [990.0, 1000.0, 1010.0])
@pytest.mark.parametrize(("level_db", "level_dbfs"), [(94.0, -26.0), (114.0, -6.0)])
def test_a_calibrator_gives_the_sensitivity(
    level_db: float, level_dbfs: float, frequency_hz: float
) -> None:
    street = np.random.default_rng(1).normal(0, 10 ** (level_dbfs / 20) / 30, 5 * RATE_HZ)
    found = judged(heard(tone(level_dbfs, frequency_hz=frequency_hz) + street))
    assert isinstance(found, Tone)
    assert sensitivity_dbfs(found, level_db) == pytest.approx(-26.0, abs=0.05)
    assert 0.3 < found.u95_db < 0.8


def swelling() -> NDArray[np.float64]:
    return tone(-26) * np.linspace(1, 1.06, 5 * RATE_HZ)


@pytest.mark.parametrize(
    ("sound", "complaint"),
    [
        (tone(-26, seconds=4), "4 s of sound; 5 s"),
        (tone(-26, frequency_hz=250), "1 kHz holds 0% of the energy"),
        (tone(-26) + np.random.default_rng(1).normal(0, 0.03, 5 * RATE_HZ), "1 kHz holds 59%"),
        (swelling(), "varies by 0.4"),
        (np.clip(2 * tone(0), -1, 1), "overloads"),
        (tone(-100), "own noise"),
        (np.zeros(5 * RATE_HZ), "own noise"),
        (np.full(5 * RATE_HZ, np.nan), "own noise"),
    ],
)
def test_anything_else_is_refused_with_its_reason(
    sound: NDArray[np.float64], complaint: str
) -> None:
    found = judged(heard(sound))
    assert isinstance(found, str)
    assert complaint in found


def test_the_seeds_constants_read_79_89_db_at_full_scale() -> None:
    state = levels.start(RATE_HZ, sensitivity_dbfs_at_94=SEED_SENSITIVITY_DBFS)
    assert levels.step(state, tone(0))[1][2].lzeq_1s_db == pytest.approx(79.89, abs=0.01)


def test_a_day_has_26_names() -> None:
    day = datetime(2026, 4, 1, tzinfo=UTC).date()
    taken: set[str] = set()
    for _ in range(26):
        taken.add(next_name(day, taken))
    assert {"2026-04-01a", "2026-04-01z"} < taken
    with pytest.raises(BadConfig, match="enough"):
        next_name(day, taken)


def test_a_calibration_of_another_microphone_is_refused() -> None:
    complaint = r"is of 'Umik-1, USB Audio', not of 'USB Mic, USB Audio': .*next start"
    with pytest.raises(Unavailable, match=complaint) as error:
        check(record(), "USB Mic, USB Audio", None)
    assert "\n" not in str(error.value)


def test_a_calibration_at_another_gain_is_refused() -> None:
    made = record(gain=("Mic: 24 on", "Auto Gain Control: off"))
    complaint = r"made at 'Mic: 24 on', now 'Mic: 18 on': .*restore, .*next start"
    with pytest.raises(Unavailable, match=complaint):
        check(made, "", ("Mic: 18 on", "Auto Gain Control: off"))
    check(made, "", made.gain)
    check(made, "", None)


def test_a_record_of_an_older_agent_tells_no_gain_and_holds_at_any() -> None:
    older = CalibrationRecord.model_validate_json(record().model_dump_json(exclude={"gain"}))
    check(older, "", ("Mic: 18 on",))


def test_a_calibration_of_this_microphone_is_taken() -> None:
    check(record(), "Umik-1, USB Audio", None)
    check(record(microphone=""), "Umik-1, USB Audio", None)
    check(record(), "", None)


def test_records_are_kept_and_the_newest_is_used(tmp_path: Path) -> None:
    assert calibration_file.load(tmp_path) is None
    first = record(response=((20.0, -1.0), (20_000.0, 1.0)))
    calibration_file.save(tmp_path / "state", first)
    assert calibration_file.load(tmp_path / "state") == first
    second = record(name="2026-04-01b", u95_db=None)
    calibration_file.save(tmp_path / "state", second)
    assert calibration_file.load(tmp_path / "state") == second
    assert calibration_file.names(tmp_path / "state") == {"2026-04-01a", "2026-04-01b"}


def test_a_record_without_a_gain_is_what_agents_before_gains_read(tmp_path: Path) -> None:
    for made in (record(u95_db=None), record(name="2026-04-01b", gain=("Mic: 24 on",))):
        calibration_file.save(tmp_path, made)
    first, second = sorted((tmp_path / calibration_file.HISTORY).iterdir())
    assert '"u95_db": null' in first.read_text()
    assert "gain" not in first.read_text()
    assert "Mic: 24 on" in second.read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no calibration: file: "),
        ("{}", "is no calibration: name: Field required"),
        (record().model_dump_json().replace("-26.02", '"loud"'), "sensitivity_dbfs"),
        (record().model_dump_json().replace('"version":1', '"version":2'), "version"),
    ],
)
def test_a_damaged_record_is_one_clear_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / calibration_file.FILE).write_text(text)
    with pytest.raises(BadConfig, match=complaint) as error:
        calibration_file.load(tmp_path)
    assert "\n" not in str(error.value)


async def blocks(sound: NDArray[np.float64], lost_at: int = -1) -> AsyncIterator[Block]:
    for n, part in enumerate(np.split(sound.astype(np.float32), len(sound) // 2000)):
        yield Block(part, lost_samples=100 if n == lost_at else 0)


async def test_a_tone_at_the_microphone_ends_the_search() -> None:
    rattling = np.random.default_rng(1).normal(0, 0.1, 3 * RATE_HZ)
    found = await at_microphone(blocks(np.concatenate([rattling, tone(-26, 8)])), RATE_HZ)
    assert found.level_dbfs == pytest.approx(-26.0, abs=0.05)


async def test_an_overrun_begins_the_search_anew() -> None:
    with pytest.raises(BadConfig, match="4 s of sound"):
        await at_microphone(blocks(tone(-26, 8), lost_at=4 * 8), RATE_HZ)


async def test_after_a_minute_the_last_reason_is_told() -> None:
    with pytest.raises(BadConfig, match="within 60 s: nothing but"):
        await at_microphone(blocks(np.zeros(65 * RATE_HZ)), RATE_HZ)


def test_an_agent_uses_its_own_record_only(tmp_path: Path) -> None:
    assert calibration_file.in_use(tmp_path, "pole-07") is None
    calibration_file.save(tmp_path, record())
    assert calibration_file.in_use(tmp_path, "pole-07") == record()
    with pytest.raises(BadConfig, match="of device pole-07, not of pole-08"):
        calibration_file.in_use(tmp_path, "pole-08")
