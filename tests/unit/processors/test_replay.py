"""What is asked for, from where in the log, and that a replay folds as live workers do."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from processors import packing, partitions, registry, replay, topic_plan
from processors.adapters.replay_job import folds_of
from processors.partitions import Checkpoint, FoldRun
from processors.replay import Oldest, Span
from processors.replay_diff import Found, alerts_compared, with_cooldown
from processors.replay_run import FoldReplay, Heard, PartitionReplay
from processors.rules import parse
from processors.settings import ProcessorSettings
from processors.window_keys import BASE_S, LARGER_S
from schemas.codec import decode, encode
from schemas.envelopes import Dropped, ReadingEnvelope
from schemas.errors import BadConfig, LogGap
from tests.builders import STARTED_AT, labelled, seqs
from tests.streams import KEY, SEEN, alert, envelope

SPAN = Span(STARTED_AT, STARTED_AT + timedelta(hours=1))
RULES = parse(
    "rules: [{rule: siren, label: siren, on_score: 500, off_score: 300, on_seconds: 3,"
    " of_seconds: 5, off_seconds: 6, cooldown_s: 10, max_duration_s: 600, merge_s: 30}]",
    "rules.yaml",
)
TWO_ZONES = """
sites:
  - {site: harbour, time_zone: Europe/Berlin, devices: [{device: pole-01}]}
  - {site: bay, time_zone: Europe/Lisbon, devices: [{device: pole-02}]}
"""


def test_the_log_is_read_from_an_hour_and_the_longest_alert_before_the_span() -> None:
    request = replay.request("one", SPAN, RULES)
    before = SPAN.begin - request.log_begins_at
    assert before == timedelta(seconds=3660 + 600 + 30 + 10) + replay.MARGIN


def test_without_rules_windows_alone_say_how_far_to_look_back() -> None:
    assert replay.look_back_s(()) >= 15 * 60


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a" * 41, "a;drop", "ä"])
def test_a_bad_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(BadConfig, match="small letters"):
        replay.request(name, SPAN, RULES)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadConfig, match="is not before"):
        replay.request("one", Span(SPAN.end, SPAN.begin), RULES)


def test_dates_are_midnights_of_the_devices_site() -> None:
    sites = registry.parse(TWO_ZONES)
    zone = replay.zone_of(sites, ["pole-01"])
    assert replay.instant("2026-07-01", zone) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    with pytest.raises(BadConfig, match="another instant at each site"):
        replay.instant("2026-07-01", replay.zone_of(sites, []))
    with pytest.raises(BadConfig, match="no device is called 'pole-09'"):
        replay.zone_of(sites, ["pole-09"])


@pytest.mark.parametrize(
    ("text", "why"), [("yesterday", "neither"), ("2026-05-04T10:00:00", "no zone"), ("", "neither")]
)
def test_a_time_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadConfig, match=why):
        replay.instant(text, ZoneInfo("UTC"))


def test_a_log_that_begins_later_is_a_gap_only_if_something_was_removed() -> None:
    later = STARTED_AT + timedelta(hours=2)
    replay.check_reaches(STARTED_AT, [Oldest(0, later), Oldest(0, None), Oldest(9, STARTED_AT)])
    with pytest.raises(LogGap, match="after 2026-05-04T12:00:00"):
        replay.check_reaches(STARTED_AT, [Oldest(0, None), Oldest(9, later)])
    with pytest.raises(LogGap, match="every record"):
        replay.check_reaches(STARTED_AT, [Oldest(9, None)])


def test_the_topic_that_carries_ticks_tells_how_far_back_the_others_reach() -> None:
    plan = topic_plan.parse(Path("deploy/kafka/topics.yaml").read_text(encoding="utf-8"))
    ticked = next(packing.tick(STARTED_AT)).topic
    assert replay.TOPICS["features"][0] == ticked
    days = {plan.topics[topic].retention_days for topic in replay.TOPICS["features"]}
    assert len(days) == 1


def test_a_promotion_knows_all_lengths_of_windows() -> None:
    sql = Path("deploy/postgres/migrations/versions/0014_promotions.sql").read_text("utf-8")
    (known,) = re.findall(r"lengths integer\[\] := '\{(.*)\}'", sql)
    assert [int(one) for one in known.split(",")] == [BASE_S, *LARGER_S]


def test_a_log_that_began_anew_is_a_gap_though_it_begins_with_its_first_record() -> None:
    later = STARTED_AT + timedelta(hours=2)
    replay.check_reaches(STARTED_AT, [Oldest(0, STARTED_AT, epoch=1), Oldest(0, later)])
    with pytest.raises(LogGap, match="began anew has left what came after 2026-05-04T12:00:00"):
        replay.check_reaches(STARTED_AT, [Oldest(0, None), Oldest(0, later, epoch=1)])
    with pytest.raises(LogGap, match="every record"):
        replay.check_reaches(STARTED_AT, [Oldest(0, None, epoch=1)])


def test_a_log_that_began_anew_is_another_also_before_the_live_fold_has_looked() -> None:
    live = Checkpoint(7, "kafka", epoch=1)
    there = partitions.Span("kafka", 0, 9)
    assert replay.epoch_of(KEY, live, there) == 1
    assert replay.epoch_of(KEY, live, there._replace(end=6)) == 2
    assert replay.epoch_of(KEY, live, there._replace(cluster_id="new")) == 2
    assert replay.epoch_of(KEY, live, there._replace(begin=8)) == 1  # removed by retention


def test_alerts_that_began_outside_the_span_are_no_output() -> None:
    early = alert(onset_at=SPAN.begin - timedelta(seconds=1))
    assert [SPAN.needs(one) for one in (early, alert(0), alert(60))] == [False, True, False]


def test_alerts_that_differ_name_their_rules_cooldown() -> None:
    one = found("siren")
    lost = alerts_compared([one, found("loud")], [found("loud")])
    assert with_cooldown(lost, RULES) == ("siren",)
    assert with_cooldown(alerts_compared([one], [one]), RULES) == ()
    assert with_cooldown(lost, [rule.model_copy(update={"cooldown_s": 0}) for rule in RULES]) == ()


def test_alerts_that_only_touch_are_two() -> None:
    before, after = found("siren"), found("siren", begin_s=9)
    for live, replayed in ((before, after), (after, before)):
        diff = alerts_compared([live], [replayed])
        assert (diff.lost, diff.gained, diff.moved) == ((live,), (replayed,), ())


def found(rule: str, begin_s: int = 0) -> Found:
    onset_at = STARTED_AT + timedelta(seconds=begin_s)
    ended_at = onset_at + timedelta(seconds=9)
    of = {"alert_id": f"{rule}-{begin_s}", "rule": rule, "device": "pole-07"}
    return Found.model_validate({**of, "onset_at": onset_at, "ended_at": ended_at, "rest": {}})


def test_a_replay_steps_as_a_live_worker_does() -> None:
    mark = Dropped(device="pole-09", ranges=(seqs(3),))
    records = [
        envelope(labelled(0), labelled(0, device="pole-08")),
        encode(ReadingEnvelope(tick=STARTED_AT, dropped=(mark,))),
        envelope(labelled(1, labels=[{"siren": 900}])),
    ]
    live = FoldRun(SEEN, {})
    fold = FoldReplay(SEEN, SPAN, {})
    partition = PartitionReplay([fold], {"seen": 9}, replay.request("one", SPAN, RULES))
    for offset, record in enumerate(records):
        live.apply(record)
        assert partition.apply(Heard(offset, decode(ReadingEnvelope, record)))
    assert fold.states() == live.changed()
    assert (partition.readings, partition.in_span) == (3, 3)


def test_each_program_hears_only_what_it_has_not_heard() -> None:
    fold = FoldReplay(SEEN, SPAN, {}, next_offset=2)
    partition = PartitionReplay([fold], {"seen": 4}, replay.request("one", SPAN, RULES))
    for offset in range(6):
        partition.apply(Heard(offset, decode(ReadingEnvelope, envelope(labelled(offset)))))
    partition.finish()
    assert SEEN.load(fold.states()["pole-07"]) == (2, 3)
    assert fold.next_offset == 4


def test_where_a_fold_stands_moves_on_with_the_rows_that_are_taken() -> None:
    folds = [FoldReplay(SEEN, SPAN, {}, 1), FoldReplay(replace(SEEN, program="b"), SPAN, {}, 5)]
    partition = PartitionReplay(folds, {"seen": 6, "b": 6}, replay.request("one", SPAN, RULES))
    partition.apply(Heard(2, decode(ReadingEnvelope, envelope(labelled(2)))))
    partition.apply(Heard(3, None))
    assert partition.taken() == []
    assert [fold.next_offset for fold in folds] == [4, 5]


def test_only_chosen_devices_are_heard() -> None:
    fold = FoldReplay(SEEN, SPAN, {})
    request = replay.request("one", SPAN, RULES, devices=["pole-08"])
    partition = PartitionReplay([fold], {"seen": 9}, request)
    batches = envelope(labelled(0), labelled(0, device="pole-08"))
    partition.apply(Heard(0, decode(ReadingEnvelope, batches)))
    assert set(fold.states()) == {"pole-08"}


def test_what_nobody_can_read_is_no_reading() -> None:
    partition = PartitionReplay([], {}, replay.request("one", SPAN, RULES))
    assert not partition.apply(Heard(0, None))


def test_a_site_that_the_file_has_no_more_is_refused_but_kept_there_it_has_its_days(
    tmp_path: Path,
) -> None:
    sites = tmp_path / "sites.yaml"
    settings = ProcessorSettings(sites_file=sites)
    request = replay.request("one", SPAN, RULES)
    heard = Heard(0, decode(ReadingEnvelope, envelope(labelled(0))))

    def replayed() -> PartitionReplay:
        folds = [FoldReplay(fold, SPAN, {}) for fold in folds_of(settings, request)]
        partition = PartitionReplay(folds, {fold.program: 9 for fold in folds}, request)
        partition.apply(heard)
        partition.taken()
        return partition

    sites.write_text("sites: [{site: park}]", encoding="utf-8")
    with pytest.raises(BadConfig, match=r"site harbour, .* keep it there, without devices"):
        replayed()
    sites.write_text("sites: [{site: harbour}]", encoding="utf-8")
    assert replayed().readings == 1
