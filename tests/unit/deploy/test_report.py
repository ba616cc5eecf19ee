"""The demo's report: what it counts as lost, twice, in time and false."""

from datetime import UTC, datetime, timedelta

from deploy.local.report import Run, SentDevice, Stored, StoredAlert, TrueEvent, build

STARTED = datetime(2026, 5, 4, 10, 15, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return STARTED + timedelta(seconds=seconds)


def run(*events: TrueEvent, readings: int = 60) -> Run:
    return Run(
        devices=(
            SentDevice(device="pole-01", session="S1", started_at=STARTED, readings=readings),
        ),
        events=events,
    )


def siren(onset_s: float = 20, offset_s: float = 40) -> TrueEvent:
    return TrueEvent(device="pole-01", label="siren", onset_at=at(onset_s), offset_at=at(offset_s))


def alert(onset_s: float = 20, delivered_s: float | None = 24) -> StoredAlert:
    return StoredAlert(
        device="pole-01",
        rule="siren",
        state="cleared",
        onset_at=at(onset_s),
        raised_at=at(onset_s + 3),
        delivered_at=None if delivered_s is None else at(delivered_s),
    )


def stored(
    *alerts: StoredAlert, rows: int = 60, distinct: int = 60, in_windows: int = 60
) -> Stored:
    return Stored(
        rows=rows,
        distinct=distinct,
        in_windows=in_windows,
        windows=7,
        delays_s=[0.5] * 57 + [4.0] * 3,
        alerts=alerts,
    )


def test_everything_stored_once_is_neither_lost_nor_duplicated() -> None:
    report = build(run(), stored())
    assert (report.sent, report.stored, report.lost, report.duplicated) == (60, 60, 0, 0)


def test_a_missing_reading_is_lost() -> None:
    assert build(run(), stored(rows=58, distinct=58, in_windows=58)).lost == 2


def test_a_second_row_and_a_second_count_in_a_window_are_duplicates() -> None:
    assert build(run(), stored(rows=61)).duplicated == 1
    assert build(run(), stored(in_windows=63)).duplicated == 3


def test_the_share_stored_in_time_is_counted() -> None:
    report = build(run(), stored())
    assert report.stored_within_3_s == 0.95
    assert report.stored_delay_s["p99"] == 4.0


def test_a_siren_alerted_once_and_soon_is_in_time() -> None:
    report = build(run(siren()), stored(alert()))
    assert report.siren_events_alerted_once_in_time == 1
    assert report.alerts[0].delay_s == 4.0
    assert report.false_alerts == 0


def test_a_siren_in_the_last_seconds_is_not_missed_but_cut_short() -> None:
    report = build(run(siren(20), siren(59)), stored(alert()))
    assert (report.siren_events, report.siren_events_cut_short) == (1, 1)
    assert report.siren_events_alerted_once_in_time == 1


def test_two_alerts_on_one_siren_are_not_once() -> None:
    report = build(run(siren()), stored(alert(20), alert(35, 38)))
    assert report.siren_events_alerted_once_in_time == 0


def test_an_alert_that_comes_late_or_never_is_not_in_time() -> None:
    late = build(run(siren()), stored(alert(delivered_s=29)))
    never = build(run(siren()), stored(alert(delivered_s=None)))
    assert late.siren_events_alerted_once_in_time == never.siren_events_alerted_once_in_time == 0


def test_an_alert_without_a_siren_is_false() -> None:
    report = build(run(siren()), stored(alert(55, 58)))
    assert (report.false_alerts, report.siren_events_alerted_once_in_time) == (1, 0)


def test_a_run_without_readings_has_no_shares() -> None:
    nothing = stored(rows=0, distinct=0, in_windows=0)._replace(delays_s=[])
    assert build(run(readings=0), nothing).stored_within_3_s is None


def test_alerts_on_a_recording_are_told_in_its_seconds_and_not_judged() -> None:
    report = build(run(), stored(alert(12)), sound="street.wav")
    assert report.sound is not None
    assert report.sound.device == report.alerts[0].device == "pole-01"
    assert report.alerts[0].onset_s == 12.0
    assert report.alerts[0].true_event is None
    assert report.false_alerts == 0
