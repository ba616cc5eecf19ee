"""Verdicts on a real database, and what they teach while a real Kafka keeps the features."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
import psycopg
import pytest

from cityhum.main import main
from deploy.local.kafka import Kafka
from processors import archive
from processors.adapters import verdict_tables
from processors.adapters.clock import utc_now
from processors.adapters.store import PostgresStore
from processors.judgement import Opinion
from processors.partitions import Checkpoint, Commit, Key
from processors.settings import ProcessorSettings
from schemas import topics
from schemas.codec import encode
from schemas.envelopes import FeatureEnvelope, ReceivedFeatures
from schemas.errors import BadConfig
from schemas.results import Alert
from tests import batches, workers
from tests.builders import labelled
from tests.conftest import TRAINING_INSTALLED
from tests.database import Database, settings_for
from tests.streams import KEY, alert

SECONDS = 40
ONSET = 12
ENDED = 20


@pytest.fixture
def began_at() -> datetime:
    """When the recorded minute began: lately, as Kafka stamps records with the present."""
    return utc_now().replace(microsecond=0) - timedelta(seconds=60)


@pytest.fixture
def operator(database: Database) -> ProcessorSettings:
    database.query("TRUNCATE verdict RESTART IDENTITY")
    return settings_for(database.postgres, "cityhum_operator")


async def stored(database: Database, began_at: datetime, *alerts: Alert) -> None:
    """Readings of the minute, and alerts, as the folds would have written them."""
    times = [began_at + timedelta(seconds=n) for n in range(SECONDS)]
    readings = [
        archive.reading_row(labelled(n, labels=({"siren": 700},), started_at=at), n)
        for n, at in enumerate(times)
    ]
    async with PostgresStore(database.settings) as store:
        before = await store.claim("test", KEY, Checkpoint(0, "c"))
        after = replace(before, next_offset=1, version=before.version + 1)
        await store.commit("test", [Commit(KEY, before, after, {}, (*readings, *alerts), ())])


def siren(number: int, began_at: datetime, **overrides: object) -> Alert:
    onset_at = began_at + timedelta(seconds=ONSET)
    fields: dict[str, object] = {
        "state": "cleared",
        "onset_at": onset_at,
        "raised_at": onset_at + timedelta(seconds=3),
        "ended_at": began_at + timedelta(seconds=ENDED),
        "end_reason": "cleared",
    }
    return alert(number, **(fields | overrides))


def judge(settings: ProcessorSettings, alert_id: UUID, verdict: Opinion) -> None:
    verdict_tables.give(settings, alert_id, verdict, said_by="Ada", note="")


async def test_the_newest_verdict_counts_and_the_others_stay(
    database: Database, operator: ProcessorSettings, began_at: datetime
) -> None:
    one, other = siren(1, began_at), siren(2, began_at)
    await stored(database, began_at, one, other)
    judge(operator, one.alert_id, "unsure")
    judge(operator, one.alert_id, "false")
    found = verdict_tables.judged_alerts(operator, began_at)
    assert {a.alert_id: a.verdict for a in found} == {one.alert_id: "false", other.alert_id: None}
    history = verdict_tables.history(operator, one.alert_id)
    assert [each["verdict"] for each in history] == ["unsure", "false"]
    assert verdict_tables.heard_hours(operator, began_at) == pytest.approx(SECONDS / 3600)


async def test_who_makes_alerts_cannot_judge_and_who_judges_can_make_none(
    database: Database, operator: ProcessorSettings, began_at: datetime
) -> None:
    one = siren(1, began_at)
    await stored(database, began_at, one)
    with pytest.raises(BadConfig, match="cityhum_alerts may not judge"):
        judge(settings_for(database.postgres, "cityhum_alerts"), one.alert_id, "true")
    with pytest.raises(BadConfig, match="no alert"):
        judge(operator, UUID(int=1), "true")
    judge(operator, one.alert_id, "true")
    for statement in ("DELETE FROM verdict", "UPDATE verdict SET said_by = 'Eve'",
                      "UPDATE alert SET active_s = 1"):  # fmt: skip
        with (
            psycopg.connect(database.postgres.conninfo("cityhum_operator")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


async def test_the_command_line_asks_for_the_most_telling_and_counts_what_is_said(
    database: Database,
    operator: ProcessorSettings,
    began_at: datetime,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clear, close = siren(1, began_at, peak_score=990), siren(2, began_at, peak_score=700)
    await stored(database, began_at, clear, close)
    say = commands(operator, monkeypatch, capsys)
    assert [one["alert_id"] for one in orjson.loads(say("next --json"))] == [str(close.alert_id)]
    assert "true" in say(f"give {close.alert_id} true --by Ada --note horn")
    assert [one["alert_id"] for one in orjson.loads(say("next --json"))] == [str(clear.alert_id)]
    say(f"give {clear.alert_id} false --by Ada")
    assert "horn" in say("list --json")
    (rule,) = (one for one in orjson.loads(say("report --json")) if one["rule"] == "siren")
    assert (rule["true"], rule["false"], rule["precision"]) == (1, 1, 0.5)
    assert rule["at_most_per_device_week"] > 168 * 3600 / SECONDS
    assert "siren" in say("report")


@pytest.mark.skipif(not TRAINING_INSTALLED, reason="training/ needs its own packages")
async def test_what_operators_said_becomes_examples_until_the_features_are_gone(
    kafka: Kafka, database: Database, operator: ProcessorSettings, began_at: datetime
) -> None:
    from training import field_log  # noqa: PLC0415

    settings = operator.model_copy(update={"kafka_bootstrap": kafka.bootstrap})
    elsewhere = began_at - timedelta(hours=1)  # of which Kafka has nothing
    alerts = [
        siren(1, began_at),
        siren(2, began_at, rule="never-defined"),
        siren(3, elsewhere),
        siren(4, began_at, ended_at=None, end_reason=None),
        siren(5, began_at),
    ]
    await stored(database, began_at, *alerts)
    verdicts: list[Opinion] = ["true", "true", "false", "true", "unsure"]
    for judged, said in zip(alerts, verdicts, strict=True):
        judge(operator, judged.alert_id, said)
    await workers.planned_topics(settings)
    await workers.append(settings, features(began_at))
    found = await field_log.collect(settings, elsewhere, [])
    (one,) = found.examples
    # from the onset to the end, less what the patch remembers of what is over
    first, last = 8 * ONSET, 8 * (ENDED - 2)
    assert one.heard
    assert one.codes.tobytes() == b"".join(batches.frame(n) for n in range(first, last))
    assert found.gone == [str(alerts[2].alert_id)]
    assert set(found.other) == {str(alerts[1].alert_id), str(alerts[3].alert_id)}
    judge(operator, alerts[0].alert_id, "false")
    again = await field_log.collect(settings, elsewhere, found.examples)
    assert (again.known, [e.heard for e in again.examples]) == (1, [False])
    judge(operator, alerts[0].alert_id, "true")
    late = await field_log.collect(settings, began_at + timedelta(days=8), again.examples)
    assert [(e.alert_id, e.heard) for e in late.examples] == [(one.alert_id, True)]
    judge(operator, alerts[0].alert_id, "false")
    whole = await field_log.collect(settings, elsewhere, [])
    # all that the model heard, what went before and the last seconds included
    assert [len(e.codes) for e in whole.examples] == [8 * (ENDED - ONSET) + 24]
    judge(operator, alerts[0].alert_id, "true")
    turned = await field_log.collect(settings, elsewhere, whole.examples)
    assert [e.codes.tobytes() for e in turned.examples] == [one.codes.tobytes()]
    database.query("DELETE FROM verdict WHERE alert_id = %s", one.alert_id)
    database.query("DELETE FROM alert WHERE alert_id = %s", one.alert_id)
    gone = await field_log.collect(settings, elsewhere, turned.examples)
    assert (gone.examples, gone.forgotten) == ([], 1)


def features(began_at: datetime) -> list[tuple[Key, bytes]]:
    """The minute in `features.v1`: batches of five readings, among others' and a bad record."""
    key = Key(topics.FEATURES, topics.partition("pole-07"))
    records = [(key, b"junk")]
    for device in ("pole-07", "pole-08"):
        for n in range(0, SECONDS, 5):
            at = began_at + timedelta(seconds=n)
            batch = batches.feature_batch(n, 5, started_at=at, device=device)
            received = ReceivedFeatures(received_at=at, digest="0" * 32, batch=batch)
            records.append((key, encode(FeatureEnvelope(batches=(received,)))))
    return records


def commands(
    settings: ProcessorSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], str]:
    """Run `cityhum verdicts` with these settings; what it prints."""
    for name, value in workers.environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CITYHUM_ALERTS_FILE", str(Path(workers.ROOT, "deploy", "alerts.yaml")))

    def say(words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["cityhum", "verdicts", *words.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return say
