"""Secrets are found where they are, and a search that could not look says so."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.security_canary import AS_US, git, planted
from benchmarks.security_secrets import Place, history, sought, tree, values

SECRET = b"correct-horse-battery"
WORDS = {SECRET}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit added a secret, the next removed it."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "settings").write_bytes(b"password=" + SECRET)
    git(root, "add", "settings")
    git(root, *AS_US, "commit", "--no-verify", "-m", "add")
    (root / "settings").write_bytes(b"password_file=")
    git(root, *AS_US, "commit", "--no-verify", "-am", "remove")
    return root


def verdicts(place: Place, canary: bytes = b"tweet") -> list[bool]:
    """Whether the search was good, and whether nothing was found."""
    return [trial.right for trial in sought(place, WORDS, canary)]


def test_a_secret_that_was_removed_is_still_in_the_history(repository: Path) -> None:
    assert verdicts(Place("tree", tree(repository), [b"tweet"])) == [True, True]
    assert verdicts(Place("history", [history(repository)], [b"tweet"])) == [True, False]


def test_a_search_that_finds_no_canary_or_reads_nothing_has_failed() -> None:
    assert verdicts(Place("blind", [b"something"])) == [False, True]
    assert verdicts(Place("empty", [], [b"tweet"])) == [False, True]
    assert verdicts(Place("seeing", [b"a tweet"])) == [True, True]


@pytest.mark.parametrize("look", [history, lambda root: list(tree(root))])
def test_what_cannot_be_asked_is_no_clean_place(
    look: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        look(tmp_path)


def test_a_canary_is_where_secrets_are_sought(repository: Path, tmp_path: Path) -> None:
    told: list[bytes] = []
    with planted(repository, tmp_path / "log", told.append) as canary:
        process = Path(f"/proc/{canary.pid}")
        assert told == [canary.word]
        for text in (
            (tmp_path / "log" / "canary.log").read_bytes(),
            (process / "cmdline").read_bytes(),
            (process / "environ").read_bytes(),
            history(canary.clone),
            *tree(canary.clone),
        ):
            assert canary.word in text
        assert SECRET in history(canary.clone)
    assert canary.word not in history(repository)


def test_the_words_are_those_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "mqtt").mkdir()
    (tmp_path / "mqtt" / "bridge").write_bytes(SECRET + b"\n")
    (tmp_path / "users").write_bytes(b"bridge:" + SECRET + b"2\nshort\n")
    assert values(tmp_path) == {SECRET, SECRET + b"2"}
    assert values(tmp_path / "none") == set()
