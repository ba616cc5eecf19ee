"""Examples from judged alerts: what is cut out, kept, and mixed in."""

import csv
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import taxonomy
from processors.judgement import Opinion
from schemas.errors import BadConfig
from schemas.messages import NO_FRAME
from tests.builders import OTHER_SESSION, SESSION
from tests.unit.processors.test_judgement import judged
from training import field, field_folder
from training.config import Recipe
from training.field import Example, HeardReading
from training.mixing import Mixer
from training.pools import DISTRACTOR, FOREGROUND, SIREN, Pool

N_LABELS = len(taxonomy.LABELS)


def reading(seq: int, session: str = SESSION, missing: int = 0) -> HeardReading:
    """A reading whose every frame names its place in the session."""
    patch = np.repeat(np.arange(8 * seq, 8 * seq + 32, dtype=np.uint8)[:, None], 32, axis=1)
    patch[:missing] = NO_FRAME
    return HeardReading(session, seq, patch)


def cut(verdict: Opinion, *readings: HeardReading) -> list[Example]:
    return list(field.examples(judged(1, verdict=verdict), "siren", readings))


def shown(several: list[Example]) -> list[object]:
    return [(one.heard, one.own_from, one.own_until, one.codes.tolist()) for one in several]


def test_a_true_alert_teaches_by_its_own_seconds_a_false_one_by_all_that_was_heard() -> None:
    (true,), (false,) = (cut(v, reading(5), reading(6)) for v in ("true", "false"))
    assert true.heard
    assert true.codes[:, 0].tolist() == list(range(64, 80))
    assert not false.heard
    assert false.codes[:, 0].tolist() == list(range(40, 80))


def test_gaps_other_sessions_and_missing_frames_divide_what_was_heard() -> None:
    several = cut("false", reading(1), reading(3), reading(9, OTHER_SESSION, missing=20))
    assert [one.codes[0, 0] for one in several] == [8, 24, 92]
    assert [len(one.codes) for one in several] == [32, 32, 12]
    assert cut("true", reading(0, missing=30)) == []


def test_a_folder_gives_back_what_it_got_and_follows_new_verdicts(tmp_path: Path) -> None:
    several = [*cut("true", reading(5), reading(9)), *cut("false", reading(7))]
    field_folder.write(tmp_path, several)
    found = field_folder.read(tmp_path)
    assert [(one.heard, one.source, one.codes.tolist()) for one in found] == [
        (one.heard, one.source, one.codes.tolist()) for one in several
    ]
    turned = field.renewed(found, [judged(1, verdict="false")])
    assert [one.heard for one in turned] == [False] * 3
    assert field.renewed(found, [judged(1, verdict="unsure")]) == []
    assert field.renewed(found, []) == []  # who deletes an alert deletes what it taught
    assert field.since(found, found[0].day) == found
    assert field.since(found, found[0].day + timedelta(days=1)) == []


@given(
    st.lists(st.builds(reading, st.integers(0, 12), missing=st.integers(0, 32)), max_size=8),
    st.integers(0, 8),
)
def test_a_false_alert_that_was_true_is_cut_like_a_true_one(
    several: list[HeardReading], own: int
) -> None:
    readings = [one._replace(own=n < own) for n, one in enumerate(several)]
    turned = field.renewed(cut("false", *readings), [judged(1, verdict="true")])
    assert shown(turned) == shown(cut("true", *readings))
    again = field.renewed(turned, [judged(1, verdict="false")])
    assert [one.codes.tolist() for one in again] == [one.codes.tolist() for one in turned]


def test_what_the_model_only_remembered_teaches_no_siren(tmp_path: Path) -> None:
    readings = reading(5), reading(6), reading(7)._replace(own=False)
    field_folder.write(tmp_path, cut("false", *readings))
    (false,) = field_folder.read(tmp_path)
    assert false.codes[:, 0].tolist() == list(range(40, 88))
    (turned,) = field.renewed([false], [judged(1, verdict="true")])
    assert turned.codes[:, 0].tolist() == list(range(64, 80))


def test_a_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "field"
    folder.mkdir(mode=0o755)
    (folder / f"partial-{field_folder.FRAMES}").touch(0o644)  # of a killed run
    field_folder.write(folder, cut("true", reading(5)))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    assert modes == {"field": 0o700, field_folder.TABLE: 0o600, field_folder.FRAMES: 0o600}


def test_a_folder_from_before_keeps_its_true_seconds_and_turns_nothing_true(tmp_path: Path) -> None:
    field_folder.write(tmp_path, [*cut("true", reading(5)), *cut("false", reading(7))])
    table = tmp_path / field_folder.TABLE
    with table.open(newline="", encoding="utf-8") as lines:
        rows = [row[:6] for row in csv.reader(lines)]
    with table.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows(rows)
    found = field_folder.read(tmp_path)
    turned = field.renewed(found, [judged(1, verdict="true")])
    assert [one.codes.tolist() for one in turned] == [found[0].codes.tolist()]


def test_a_folder_may_be_empty_or_missing_but_not_half(tmp_path: Path) -> None:
    assert field_folder.read(tmp_path / "nowhere") == []
    field_folder.write(tmp_path, [])
    assert field_folder.read(tmp_path) == []
    field_folder.write(tmp_path, cut("true", reading(5)))
    (tmp_path / field_folder.FRAMES).write_bytes(b"")
    with pytest.raises(BadConfig, match=r"field\.npz"):
        field_folder.read(tmp_path)


def test_a_place_and_a_day_stay_on_one_side_of_every_split() -> None:
    groups = {
        (one.source, one.group)
        for n in range(50)
        for one in field.examples(judged(1000 * n, verdict="true"), "siren", [reading(5)])
    }
    assert len(groups) == len({source for source, _ in groups})
    assert {group for _, group in groups} == {1, 2, 3}


def test_a_mixer_hears_the_field_as_sirens_and_as_what_is_none() -> None:
    several = [*cut("true", reading(5), reading(6)), *cut("false", reading(7))]
    pool = field.with_field(small_pool(), several)
    assert pool.kind.tolist()[-2:] == [SIREN, DISTRACTOR]
    assert pool.codes[pool.start[-1] : pool.start[-1] + pool.length[-1]].tolist() == (
        several[1].codes.tolist()
    )
    siren = taxonomy.LABELS.index("siren")
    assert pool.heard[-2:, siren].tolist() == [True, False]
    assert not pool.perhaps[-2:, siren].any()
    assert pool.perhaps[-2:].sum() == 2 * (N_LABELS - 1)
    assert pool.source[-1] == pool.source[-2] > pool.source[:-2].max()
    assert pool.codes.shape[0] == pool.length.sum()
    held_out = 1 + several[0].group % 3  # another fold may hear it
    batch = Mixer(pool, held_out, seed=1, recipe=Recipe()).batch(64)
    assert batch.codes.shape == (64, 32, 32)
    assert field.with_field(pool, []) is pool


def small_pool() -> Pool:
    """A siren, a distractor, a bed, a dog and a street; the dog alone has a recording."""
    kinds = [FOREGROUND, 1, SIREN, DISTRACTOR, 4]
    length = np.full(len(kinds), 40)
    heard = np.zeros((len(kinds), N_LABELS), np.bool_)
    heard[0, taxonomy.LABELS.index("dog_bark")] = True
    heard[[2, 4], taxonomy.LABELS.index("siren")] = True
    rng = np.random.default_rng(3)
    return Pool(
        codes=rng.integers(60, 200, (int(length.sum()), 32), dtype=np.uint8),
        start=np.cumsum(length) - length,
        length=length,
        heard=heard,
        perhaps=np.zeros_like(heard),
        group=np.zeros(len(kinds), np.int64),
        kind=np.array(kinds),
        clip=np.full(len(kinds), -1),
        source=np.array([0, 1, -1, -1, -1]),
        scene=np.array([-1, -1, -1, -1, 0]),
    )
