"""Recordings of anybody: folds beyond ours, folders elsewhere, and caches that belong to them."""

import os
from pathlib import Path

import pytest

from schemas.errors import BadConfig
from training.config import DataConfig, DataSet
from training.data import cache_of, check_folds, clips, name_of


def town(folder: Path, *lines: str) -> DataConfig:
    folder.mkdir(exist_ok=True)
    for line in lines:
        file = folder / line.partition(",")[0]
        file.write_bytes(b"sound")
        os.utime(file, ns=(0, 0))
    text = "\n".join(["file,label,fold,source", *lines]) + "\n"
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    nothing = dict.fromkeys(("sirens", "two_horns", "distractors", "beds"), 0)
    return DataConfig(
        root=folder.parent / "data",
        sets=(DataSet(kind="folder", folder=folder),),
        cache=folder.parent / "cache",
        speeds=(1.0,),
        rendered_cities=0,
        judged_cities=0,
        first_city=1,
        **{f"synthetic_{name}": count for name, count in nothing.items()},
    )


def test_folds_beyond_the_fourth_are_always_for_training(tmp_path: Path) -> None:
    metadata = tmp_path / "metadata" / "UrbanSound8K.csv"
    metadata.parent.mkdir()
    metadata.write_text(
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
        "1-8-0-0.wav,1,0.0,4.0,1,2,8,siren\n"
        "2-8-0-0.wav,2,0.0,4.0,1,10,8,siren\n"
    )
    published = (DataSet(kind="urbansound8k", folder=tmp_path),)
    found = clips(town(tmp_path / "town").model_copy(update={"sets": published}))
    assert [clip.group for clip in found] == [2, 0]
    check_folds(found, [2])
    with pytest.raises(BadConfig, match=r"train\.folds: no recording is in fold 3"):
        check_folds(found, [2, 3])


def test_what_has_the_same_name_in_two_folders_are_two_recordings(tmp_path: Path) -> None:
    north, south = (
        town(tmp_path / "north", "1.wav,siren,1"),
        town(tmp_path / "south", "1.wav,rain,2"),
    )
    both = north.model_copy(update={"sets": (*north.sets, *south.sets)})
    assert [(clip.source, clip.group) for clip in clips(both)] == [
        ("north/1.wav", 1),
        ("south/1.wav", 2),
    ]


def test_a_source_in_two_folds_is_refused(tmp_path: Path) -> None:
    north = town(tmp_path / "north", "1.wav,siren,1,monday")
    south = town(tmp_path / "south", "2.wav,rain,2,monday")
    both = north.model_copy(update={"sets": (*north.sets, *south.sets)})
    with pytest.raises(
        BadConfig, match=r"south/2\.wav: fold 2, but its source 'monday' is in fold 1"
    ):
        clips(both)


def test_recordings_that_are_missing_are_named(tmp_path: Path) -> None:
    config = town(tmp_path / "town", "a.wav,siren,1", "b.wav,rain,2")
    (tmp_path / "town" / "b.wav").unlink()
    with pytest.raises(BadConfig, match=r"no such recordings: \S*/b\.wav$"):
        cache_of(config)


def test_a_recording_outside_the_data_is_named_by_its_path(tmp_path: Path) -> None:
    config = town(tmp_path / "town", "a.wav,siren,1")
    (clip,) = clips(config)
    assert name_of(clip, config) == str(tmp_path / "town" / "a.wav")
    assert name_of(clip, config.model_copy(update={"root": tmp_path})) == "town/a.wav"


def test_what_was_made_of_other_recordings_is_not_taken_over(tmp_path: Path) -> None:
    before = town(tmp_path / "town", "a.wav,siren,1", "b.wav,rain,2")
    made_of = {cache_of(before)}
    made_of.add(cache_of(town(tmp_path / "town", "a.wav,siren,1", "b.wav,rain,2")))
    assert len(made_of) == 1
    made_of.add(cache_of(town(tmp_path / "town", "b.wav,rain,2", "a.wav,siren,1")))
    made_of.add(cache_of(town(tmp_path / "town", "a.wav,siren,1", "b.wav,wind,2")))
    made_of.add(cache_of(before.model_copy(update={"speeds": (1.0, 1.1)})))
    (tmp_path / "town" / "a.wav").write_bytes(b"other")  # of the same length
    made_of.add(cache_of(before))
    assert len(made_of) == 5
