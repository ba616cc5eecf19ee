"""A city's own CSV, as training and `cityhum evaluate` understand it."""

from pathlib import Path

import pytest

from hearing.adapters.labelled import Labelled, by_file, rows
from schemas.errors import BadConfig


def read(folder: Path, text: str) -> list[Labelled]:
    path = folder / "m.csv"
    path.write_text(text, "utf-8")
    return by_file(rows(path))


def test_a_recording_has_the_labels_of_all_its_rows_or_none(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "file,label\na.wav,siren dog_bark\nb.wav,\nc.wav,siren\nc.wav, rain \nd.wav,other\n",
    )
    assert {one.file.name: set(one.labels) for one in found} == {
        "a.wav": {"siren", "dog_bark"},
        "b.wav": set(),
        "c.wav": {"siren", "rain"},
        "d.wav": set(),
    }


def test_files_are_relative_to_the_manifest_and_other_columns_kept(tmp_path: Path) -> None:
    text = "\ufefflabel,file,fold,bed\r\n siren ,a/b.flac,1,\r\nsiren,a/b.flac,2,\r\nrain,c.wav\r\n"
    first, second = read(tmp_path, text)
    assert (first.file, set(first.labels)) == (tmp_path / "a" / "b.flac", {"siren"})
    assert first.others == {"fold": ("1", "2"), "bed": ()}
    assert first.where.endswith("m.csv: line 2")
    assert second.others == {"fold": (), "bed": ()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no rows"),
        ("file,label\n", "has no rows"),
        ("file,name\na.flac,siren\n", "column 'label' is missing"),
        ("file,label\na.flac,siren\n,siren\n", "line 3: column 'file' is empty"),
        ("file,label\na.flac\n", "line 2: column 'label' is missing"),
        ("file,label\na.flac,siren,dog_bark\n", "line 2: has more columns"),
        ('file,label\na.flac,"siren,dog_bark"\n', "line 2: label 'siren,dog_bark': labels have"),
        ("file,label\n\x00.flac,siren\n", "line 2: column 'file' holds a NUL"),
    ],
)
def test_a_bad_manifest_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadConfig, match=reason):
        read(tmp_path, text)


def test_what_is_no_utf8_or_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("file,label\nbö.wav,siren\n".encode("latin-1"))
    with pytest.raises(BadConfig, match=r"latin\.csv: cannot be read as CSV: 'utf-8'"):
        rows(tmp_path / "latin.csv")
    with pytest.raises(BadConfig, match="No such file"):
        rows(tmp_path / "none.csv")
