from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents import doctor
from agents.adapters.doctor import asked
from agents.calibration import CalibrationRecord
from agents.doctor import Answer, Diagnosis, Finding, Heard
from agents.mixer import Gain
from agents.settings import AgentSettings
from agents.street_levels import Samples

RATE_HZ = 16_000
STREET = np.random.default_rng(1).normal(0, 0.003, 3 * RATE_HZ).astype(np.float32)


def heard(samples: Samples = STREET, span_s: float = 3.0, lost: int = 0) -> Heard:
    return Heard("plughw:CARD=USB,DEV=0", samples, span_s, lost)


def verdicts(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.check: finding.verdict for finding in findings}


def test_a_street_in_its_time_is_well() -> None:
    found = doctor.of_microphone(heard(), RATE_HZ)
    assert verdicts(found) == {"microphone": "ok", "rate": "ok", "level": "ok"}


def test_without_a_microphone_rate_and_level_are_not_told() -> None:
    found = doctor.of_microphone("no microphone; there are: none", RATE_HZ)
    assert verdicts(found) == {"microphone": "failed", "rate": "skipped", "level": "skipped"}
    assert not Diagnosis(findings=found).fit


def test_a_busy_microphone_is_the_agents() -> None:
    (found, *_) = doctor.of_microphone("audio open error: Device or resource busy", RATE_HZ)
    assert "systemctl stop cityhum-agent" in found.detail


@pytest.mark.parametrize("told", [heard(span_s=3.2), heard(span_s=2.7), heard(lost=160)])
def test_a_wrong_rate_is_found(told: Heard) -> None:
    assert verdicts(doctor.of_microphone(told, RATE_HZ))["rate"] == "failed"


@pytest.mark.parametrize(
    ("samples", "advice"),
    [
        (np.zeros(RATE_HZ), "muted"),
        (np.full(RATE_HZ, 0.3) + STREET[:RATE_HZ], "direct current"),
        (STREET[:RATE_HZ] * 1e-4, "raise its gain"),
        (np.sign(STREET[:RATE_HZ]), "lower its gain"),
    ],
)
def test_a_level_that_no_street_has_says_what_to_do(samples: Samples, advice: str) -> None:
    found = doctor.of_level(samples.astype(np.float32))
    assert found.verdict == "failed"
    assert advice in found.detail


HELD = CalibrationRecord(
    name="2026-04-01a",
    device="pole-07",
    microphone="USB Mic, USB Audio",
    method="calibrator",
    sensitivity_dbfs=-26.0,
    at=datetime(2026, 4, 1, tzinfo=UTC),
    u95_db=0.5,
    gain=("Mic: 24 on",),
)


@pytest.mark.parametrize(
    ("held", "gain", "verdict", "said"),
    [
        (HELD, ("Mic: 24 on",), "ok", "2026-04-01a"),
        (HELD, None, "ok", "cannot be told"),
        (HELD.model_copy(update={"gain": None}), ("Mic: 9 on",), "ok", "cannot be told"),
        (None, ("Mic: 24 on",), "ok", "relative"),
        (HELD, ("Mic: 18 on",), "failed", "alsactl restore"),
        (HELD.model_copy(update={"microphone": "Umik-1"}), None, "failed", "not of 'USB Mic,"),
        (None, ("Mic: 24 on", "Auto Gain Control: on"), "failed", "'Auto Gain Control' is on"),
    ],
)
def test_a_calibration_must_be_of_this_microphone_and_its_gain(
    held: CalibrationRecord | None, gain: Gain | None, verdict: str, said: str
) -> None:
    found = doctor.of_calibration(held, "USB Mic, USB Audio", gain)
    assert found.verdict == verdict
    assert said in found.detail


def test_the_clock_is_right_by_a_server_or_by_somebodys_word() -> None:
    cases = [(True, False), (False, True), (False, False)]
    found = [doctor.of_clock(synced=synced, trusted=trusted).verdict for synced, trusted in cases]
    assert found == ["ok", "ok", "failed"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(), ["ok", "ok", "ok"]),
        (Answer(unreachable="Connection refused"), ["failed", "skipped", "skipped"]),
        (
            Answer(untrusted="CA file ca.pem: no certificate in it"),
            ["failed", "skipped", "skipped"],
        ),
        (Answer(refused="Not authorized"), ["ok", "failed", "skipped"]),
        (Answer(topic_refused="Not authorized"), ["ok", "ok", "failed"]),
    ],
)
def test_what_the_broker_says_is_told_once(answer: Answer, expected: list[str]) -> None:
    found = doctor.of_broker(answer, "mqtt://broker:1883", "pole-01")
    assert [finding.verdict for finding in found] == expected


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), ("words", "no certificate in it")]
)
def test_an_authority_that_cannot_be_read_is_a_finding(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    authority = tmp_path / "ca.pem"
    if content is not None:
        authority.write_text(content)
    answer = asked(AgentSettings(mqtt_ca=authority))
    (found, *_) = doctor.of_broker(answer, "mqtts://broker:8883", "pole-01")
    assert found.check == "broker"
    assert f"{authority}: {reason}" in found.detail


def test_a_host_that_cannot_be_a_name_is_a_finding() -> None:
    assert "idna" in str(asked(AgentSettings(mqtt_host="mqtt..example")).unreachable)


def test_a_broker_without_a_name_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="mqtt_host"):
        AgentSettings(mqtt_host="")


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(10**10, "ok"), (10**9, "ok"), (10**8, "failed"), ("Read-only file system", "failed")],
)
def test_the_disk_must_have_room(free: int | str, verdict: str) -> None:
    assert doctor.of_disk("/var/lib/cityhum", free, 2 * 1024**3).verdict == verdict


@given(st.text(min_size=1))
def test_every_failure_is_one_line(reason: str) -> None:
    found = doctor.of_broker(Answer(refused=reason), "mqtt://broker:1883", "pole-01")
    assert all(len(finding.line().splitlines()) == 1 for finding in found)
