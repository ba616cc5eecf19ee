"""Seek passwords and keys where they should not be."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.security_canary import Canary, git
from benchmarks.security_stack import ROOT, SecureStack
from benchmarks.security_trial import Trial, may, may_not
from deploy.local.settings import local_settings

_SERVER: Final = "secrets"
_SHORTEST: Final = 12
_PATTERNS: Final = re.compile(
    rb"-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*\n[A-Za-z0-9+/=]{20}"
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # a cloud's access key
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    rb"|\bhf_[A-Za-z0-9]{34}\b"
    rb"|\bxox[abpr]-[0-9A-Za-z-]{20,}"
    rb"|\$[67]\$[0-9]+\$[A-Za-z0-9+/=]{12,}\$[A-Za-z0-9+/=]{40,}"  # Mosquitto's hashes
)
_IMAGES: Final = re.compile(
    rb"^\s*(?:ENV|ARG|-?\s*[A-Z_]*)\s*\"?[A-Z_]*(?:PASSWORD|SECRET|TOKEN|API_KEY)\"?\s*[=:]\s*"
    rb"[\"']?[^\s\"'$/.{\[]",
    re.MULTILINE,
)


def values(folder: Path) -> set[bytes]:
    """Every secret below a folder; none if there is no folder."""
    found: set[bytes] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in {".crt", ".lock"}:
            for line in path.read_bytes().splitlines():
                word = line.rpartition(b":")[2].strip()
                if len(word) >= _SHORTEST and b"-----" not in word:
                    found.add(word)
    return found


class Place(NamedTuple):
    """Texts that others can read; where nothing can be planted, others of the same kind besides."""

    name: str
    texts: Iterable[bytes]
    planted: Iterable[bytes] = ()


def trials(
    stack: SecureStack, payloads: Iterable[bytes], pids: Sequence[int], canary: Canary
) -> Iterator[Trial]:
    """Seek every secret in what others can read. `pids` are our programs, still running.

    Beside the secrets of the stack, a minute old, those that this checkout has had for longer.
    """
    words = {*values(stack.secrets), *values(local_settings().folder / "secrets")}
    texts = history(ROOT)
    for place in (
        Place("logs", _files(stack.folder / "log")),
        Place("command lines (ps)", _processes("cmdline")),
        Place("environment of our programs", _environments([*pids, canary.pid])),
        Place("MQTT payloads and Kafka records", payloads),
        Place("the working tree", tree(ROOT), tree(canary.clone)),
        Place("history of git", [texts], [history(canary.clone)]),
    ):
        yield from sought(place, words, canary.word)
    shaped = bool(_PATTERNS.search(texts))
    yield may_not(_SERVER, "what looks like a key or hash", "history of git", shaped)
    written = any(_IMAGES.search(text) for text in _images())
    yield may_not(_SERVER, "what looks like a password", "images and compose", written)
    rights = any(_open_to_others(path) for path in stack.secrets.rglob("*"))
    yield may_not(_SERVER, "other users", "read secret files", rights)


def sought(place: Place, words: Collection[bytes], canary: bytes) -> Iterator[Trial]:
    """Whether a place was read and what was planted is found; whether any of the words is."""
    pattern = re.compile(b"|".join(re.escape(word) for word in sorted(words)))
    size, told, leaked = 0, any(canary in text for text in place.planted), False
    for text in place.texts:
        size += len(text)
        told = told or canary in text
        leaked = leaked or bool(pattern.search(text))
    finds = bool(words) and size > 0 and told
    yield may(_SERVER, "the search", f"finds what was planted: {place.name}", finds)
    yield may_not(_SERVER, "a password or key", place.name, leaked)


def _files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _processes(what: str) -> Iterator[bytes]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            yield _readable(folder / what)


def _environments(pids: Sequence[int]) -> Iterator[bytes]:
    for pid in pids:
        yield _readable(Path(f"/proc/{pid}/environ"))


def _readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone, or another user's
        return b""


def tree(root: Path) -> Iterator[bytes]:
    """Every file that is in a repository, or could be added to it."""
    listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in listed.split(b"\0"):
        path = root / os.fsdecode(name)
        if path.is_file():
            yield path.read_bytes()


def history(root: Path) -> bytes:
    """Every text that was ever added; this file's own patterns are not keys."""
    return git(root, "log", "-p", "--all", "--no-textconv", "--no-color", "--unified=0")


def _images() -> Iterator[bytes]:
    for path in (ROOT / "deploy").rglob("*"):
        if path.is_file() and ("Dockerfile" in path.name or path.name.startswith("container")):
            yield path.read_bytes()
    for path in (ROOT / "docker-compose.yml", *(ROOT / "deploy" / "compose").glob("*.yml")):
        yield path.read_bytes()


def _open_to_others(path: Path) -> bool:
    return path.is_file() and path.suffix != ".crt" and bool(path.stat().st_mode & 0o077)
