from pathlib import Path

import pytest

from schemas.errors import BadConfig
from training import datasets


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_urbansound8k_as_published_is_read_by_its_metadata(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        "metadata/UrbanSound8K.csv",
        "slice_file_name,fsID,start,end,salience,fold,classID,class",
        "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark",
    )
    (clip,) = datasets.urbansound8k(folder)
    assert clip.file == folder / "audio" / "fold5" / "100032-3-0-0.wav"
    assert (clip.source, clip.group) == ("100032", 5)
    assert clip.heard == {"dog_bark"}
    assert "speech" in clip.perhaps
    assert clip.licence == "CC BY-NC 3.0"


def test_esc50_as_published_says_our_labels_or_none(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        "meta/esc50.csv",
        "filename,fold,target,category,esc10,src_file,take",
        "1-100032-A-0.wav,1,0,dog,True,100032,A",
        "2-5000-B-44.wav,2,44,engine,False,5000,B",
        "3-6000-A-4.wav,3,4,frog,False,6000,A",
    )
    dog, engine, frog = datasets.esc(folder)
    assert dog.file == folder / "audio" / "1-100032-A-0.wav"
    assert dog.source == "100032"
    assert dog.heard == {"dog_bark"}
    assert engine.heard == {"engine_idling"}
    assert frog.heard == frozenset()
    assert "birds" in frog.perhaps


def test_a_folder_of_ones_own_needs_a_file_and_a_label(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        "manifest.csv",
        "file,label,perhaps,source,fold,bed",
        "tram.wav,,traffic,monday,2,yes",
        "bark.wav,dog_bark siren,siren wind,,,",
    )
    tram, bark = datasets.labelled(folder)
    assert tram.heard == frozenset()
    assert tram.perhaps == {"traffic"}
    assert (tram.source, tram.group, tram.bed) == ("monday", 2, True)
    assert bark.heard == {"dog_bark", "siren"}
    assert bark.perhaps == {"wind"}
    assert (bark.source, bark.group, bark.bed) == (f"{folder.name}/bark.wav", 0, False)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (("file,what", "a.wav,siren"), "column 'label' is missing"),
        (("file,label,fold", "a.wav,siren,9"), "line 2: fold: '9' is not 0 to 4"),
        (("file,label", "a.wav,siren", "b.wav,Siren"), "line 3: b.wav: label 'Siren' is none of"),
        (("file,label", "a.wav,sirens"), "line 2: a.wav: label 'sirens' is none of ours"),
        (("file,label", 'a.wav,"siren,dog_bark"'), "line 2: label 'siren,dog_bark': labels have"),
        (("file,label,perhaps", "a.wav,siren,Traffic"), "label 'Traffic' is none of ours"),
        (("file,label,fold", "a.wav,siren,1", "a.wav,rain,2"), "a.wav: fold: rows differ: 1, 2"),
    ],
)
def test_a_wrong_manifest_is_refused_by_name(
    tmp_path: Path, lines: tuple[str, ...], complaint: str
) -> None:
    folder = written(tmp_path, "manifest.csv", *lines)
    with pytest.raises(BadConfig, match=complaint):
        list(datasets.labelled(folder))


def test_rows_of_one_recording_are_one_clip(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        "manifest.csv",
        "\ufefffile,label,fold",
        "a.wav,siren,1",
        "a.wav,rain",
        "b.wav,other",
    )
    both, none = datasets.labelled(folder)
    assert both.heard == {"siren", "rain"}
    assert both.group == 1
    assert none.heard == frozenset()


def test_recordings_elsewhere_are_their_own_source(tmp_path: Path) -> None:
    folder = written(tmp_path / "town", "manifest.csv", "file,label", "/elsewhere/a.wav,siren")
    (clip,) = datasets.labelled(folder)
    assert clip.source == str(clip.file) == "/elsewhere/a.wav"


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="no such manifest"):
        list(datasets.labelled(tmp_path))
