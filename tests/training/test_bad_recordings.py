"""What a city's own folder may hold: each mistake is one line that names it, and status 2."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.training.town import RATE_HZ, config_of
from training.__main__ import main


def said(line: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    """One more line in the manifest."""

    def change(town: Path) -> None:
        with (town / "manifest.csv").open("ab") as lines:
            lines.write(f"{line}\r\n".encode(encoding))

    return change


def held(samples: np.ndarray) -> Callable[[Path], None]:
    """Other samples in a recording."""

    def change(town: Path) -> None:
        soundfile.write(town / "7.wav", samples, RATE_HZ, subtype="FLOAT")

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (said("0.wav,Siren,1"), "manifest.csv: line 26: 0.wav: label 'Siren' is none of ours"),
        (said('0.wav,"siren,rain",1'), "line 26: label 'siren,rain': labels have blanks between"),
        (said("0.wav"), "line 26: column 'label' is missing"),
        (said("0.wav,siren,3"), "0.wav: fold: rows differ: 1, 3"),
        (said("bö.wav,rain,1", "latin-1"), "manifest.csv: cannot be read as CSV: 'utf-8'"),
        (said("gone.wav,rain,1"), "no such recordings: "),
        (said("/gone/elsewhere.wav,rain,1"), "no such recordings: /gone/elsewhere.wav"),
        (held(np.zeros(0)), "7.wav: holds no sound"),
        (held(np.zeros(RATE_HZ)), "7.wav: holds nothing but silence"),
        (held(np.full((RATE_HZ, 2), np.nan)), "7.wav: holds nothing but silence"),
        (lambda town: (town / "7.wav").write_bytes(b"text"), "7.wav: not a sound file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    complaint: str,
) -> None:
    path = config_of(tmp_path)
    change(tmp_path / "town")
    monkeypatch.setattr("sys.argv", ["training", "prepare", "--config", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (told,) = (line for line in capsys.readouterr().err.splitlines() if "training: " in line)
    assert complaint in told
