"""Recordings of anybody: folds beyond ours, folders elsewhere, and caches that belong to them."""

from pathlib import Path

import pytest

from schemas.errors import BadConfig
from training.config import DataConfig, DataSet
from training.data import cache_of, check_folds, clips, name_of


def town(folder: Path, *lines: str) -> DataConfig:
    folder.mkdir(exist_ok=True)
    for line in lines:
        (folder / line.partition(",")[0]).write_bytes(b"sound")
    text = "\n".join(["file,label,fold", *lines]) + "\n"
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
    (tmp_path / "town" / "a.wav").write_bytes(b"another sound")
    made_of.add(cache_of(before))
    assert len(made_of) == 5
