"""Comparisons fail where ours loses or doubles anything."""

from collections import Counter

import orjson

from benchmarks import classify_account, end_to_end, sink, windows
from benchmarks.classify_account import account, identities, told_in
from tests.builders import labelled


def test_a_reading_told_twice_hides_no_lost_one() -> None:
    sent = [labelled(first_seq=seq) for seq in range(3)]
    first, second, _ = (identities(batch)[0] for batch in sent)
    assert account(sent, Counter([first, first, second])) == {"lost": 1, "doubled": 1}


def test_readings_have_one_name_whoever_tells_them() -> None:
    batch = labelled(first_seq=7)
    ours = orjson.dumps({"batches": [orjson.loads(batch.model_dump_json())]})
    theirs = orjson.dumps({"id": identities(batch)[0], "scores": []})
    assert told_in(ours)[: batch.count] == identities(batch)
    assert told_in(theirs) == identities(batch)[:1]


def test_a_loss_of_ours_is_not_clean_that_of_others_is() -> None:
    ours = {"name": "cityhum", "lost": 0, "doubled": 0}
    theirs = {"name": "faust, one by one", "lost": 5, "doubled": 5}
    assert classify_account.is_clean({"cores": 2, "street8": [theirs, ours]})
    assert not classify_account.is_clean({"street8": [ours], "small": [ours | {"doubled": 1}]})
    right = {"name": "cityhum", "missing": 0, "wrong": 0}
    assert windows.is_clean({"results": [right, {"name": "fold alone"}]})
    assert not windows.is_clean({"results": [right, right | {"wrong": 10}]})
    assert end_to_end.is_clean({"runs": [{"lost": 0, "duplicated": 0}]})
    assert not end_to_end.is_clean({"runs": [{"lost": 0, "duplicated": 1}]})
    ways = {sink.OURS: {"stored": 8}, "unnest": {"stored": 7}}
    assert sink.is_clean({"rows": 8, "ways": ways})
    assert not sink.is_clean({"rows": 9, "ways": ways})
