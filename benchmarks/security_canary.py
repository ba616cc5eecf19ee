"""A made secret, put where secrets are sought: a search that does not find it proves nothing."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, NamedTuple

_VARIABLE: Final = "CITYHUM_CANARY"
AS_US: Final = (
    *("-c", "user.name=canary", "-c", "user.email=canary@example.org"),
    *("-c", "commit.gpgsign=false"),
)


class Canary(NamedTuple):
    """The word, the process that has it, and the repository that had it."""

    word: bytes
    pid: int
    clone: Path


@contextmanager
def planted(root: Path, log: Path, publish: Callable[[bytes], object]) -> Iterator[Canary]:
    """Write it to a log, tell it by `publish`, give it to a process, commit it to a clone.

    Parameters
    ----------
    root : Path
        The repository; only a clone of it is changed.
    log : Path
        Folder of logs.
    publish : callable
        Hands it to whatever else is searched.
    """
    word = token_urlsafe(24)
    log.mkdir(parents=True, exist_ok=True)
    (log / "canary.log").write_text(f'{{"event": "canary", "word": "{word}"}}\n', encoding="utf-8")
    publish(word.encode())
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", word],
        stdin=subprocess.PIPE,
        env={**os.environ, _VARIABLE: word},
    )
    with process, tempfile.TemporaryDirectory() as folder:
        yield Canary(word.encode(), process.pid, _committed(root, Path(folder) / "clone", word))


def _committed(root: Path, clone: Path, word: str) -> Path:
    """A clone with the word in a commit, and another in a file that nobody has added."""
    git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(clone))
    git(clone, "switch", "--quiet", "--orphan", "canary")
    (clone / "canary").write_text(word, encoding="utf-8")
    git(clone, "add", "canary")
    git(clone, *AS_US, "commit", "--quiet", "--no-verify", "--message", "canary")
    return clone


def git(folder: Path, *arguments: str) -> bytes:
    """What git says of this folder's repository, even when a hook of another one runs us."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return done.stdout
