"""What a load's report makes of what was seen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.load_report import (
    Phases,
    backlog,
    burst,
    connections,
    is_clean,
    paces,
    sirens_alerted,
)
from benchmarks.load_watch import Sample
from deploy.local.report import Run, StoredAlert, TrueEvent

BEGAN_AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
DEVICES = 10


def at(seconds: float) -> datetime:
    return BEGAN_AT + timedelta(seconds=seconds)


def phases(log: Path) -> Phases:
    """60 s steady, 100 s away, 40 s more."""
    return Phases(BEGAN_AT, at(60), at(160), readings_each=200, broker_log=log)


def sample(seconds: float, acknowledged: int, stored: int) -> Sample:
    return Sample(at(seconds), acknowledged, {"archive": stored})


def broker_log(folder: Path, *moments: datetime) -> Path:
    lines = [
        f"{moment:%Y-%m-%dT%H:%M:%S}: New client connected from 127.0.0.1:4 as pole-0000{n} (p5)."
        for n, moment in enumerate(moments)
    ]
    path = folder / "mosquitto.log"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def test_what_waits_is_at_the_devices_or_in_kafka(tmp_path: Path) -> None:
    waiting = backlog(sample(160, 600, 580), DEVICES, phases(tmp_path))
    assert waiting == {"s": 160, "at_devices": 1000, "in_kafka": 20, "not_stored": 1020}
    ended = backlog(sample(900, 2000, 2000), DEVICES, phases(tmp_path))
    assert ended["not_stored"] == 0


def test_a_burst_is_over_when_less_than_five_seconds_of_the_city_wait(tmp_path: Path) -> None:
    seen = [sample(150, 600, 600), sample(161, 650, 600), sample(170, 1660, 900)]
    seen.append(sample(180, 1790, 1780))
    told = burst(seen, DEVICES, phases(broker_log(tmp_path, at(5), at(161), at(163), at(163))))
    assert (told["backlog_readings"], told["safe_after_s"], told["stored_after_s"]) == (960, 10, 20)
    assert told["back"] == {"connections": 3, "last_after_s": 3, "most_in_a_second": 2}


def test_the_pace_is_that_of_the_steady_phase(tmp_path: Path) -> None:
    seen = [sample(2, 0, 0), sample(12, 100, 80), sample(52, 500, 440), sample(70, 9000, 9000)]
    assert paces(seen, phases(tmp_path)) == {"safe_per_s": 10, "stored_per_s": 9}
    assert paces(seen[:2], phases(tmp_path))["safe_per_s"] is None


def test_no_connections_are_none(tmp_path: Path) -> None:
    assert connections(broker_log(tmp_path), BEGAN_AT) == {}


def test_a_siren_is_alerted_once() -> None:
    def siren(device: str, second: int) -> TrueEvent:
        return TrueEvent(
            device=device, label="siren", onset_at=at(second), offset_at=at(second + 10)
        )

    def alert(device: str, second: int) -> StoredAlert:
        return StoredAlert(device, "siren", "ended", at(second), at(second + 2), None)

    run = Run(
        devices=(),
        events=(siren("a", 0), siren("a", 60), siren("b", 0), siren("b", 14), siren("c", 0)),
    )
    alerts = [alert("b", 15), alert("a", 1), alert("b", 1), alert("b", 8), alert("c", 40)]
    told = sirens_alerted(run, alerts)
    assert told == {"sirens": 5, "sirens_not_alerted": 2, "sirens_alerted_twice": 1}


def test_one_thing_lost_or_twice_is_not_clean() -> None:
    clean = {"lost": 0, "twice": 0, "missing_in_windows": 0, "undelivered": 0}
    clean["sirens_alerted_twice"] = 0
    assert is_clean(clean)
    assert not any(is_clean({**clean, name: 1}) for name in clean)
