"""Models from a hub of models (huggingface.co, or what HF_ENDPOINT names); nothing is executed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hearing.adapters import runtime, shelf
from hearing.adapters.model_files import MANIFEST
from schemas.errors import BadConfig, Unavailable

LARGEST_MANIFEST: Final = 1_000_000
"""Bytes of a manifest or of a card."""


def fetch(repo: str, revision: str, folder: Path, largest: int, endpoint: str | None = None) -> str:
    """Fetch a model's manifest, and of the other files those that a model consists of.

    Parameters
    ----------
    repo : str
        `owner/name`.
    revision : str
        Branch, tag or commit.
    folder : Path
        An empty folder; nothing in it has been checked afterwards.
    largest : int
        Weights of more bytes are refused before they are fetched.
    endpoint : str, optional
        Address of the hub; by default what HF_ENDPOINT says, else huggingface.co.

    Returns
    -------
    str
        The commit that all files are of.

    Raises
    ------
    BadConfig
        No such repository, revision or model, or it is too large.
    Unavailable
        The hub does not answer.
    """
    with _told(repo):
        hub = _hub(endpoint)
        info = hub.model_info(repo, revision=revision)
        there = {each.rfilename for each in info.siblings or ()}
        _fetch(hub, repo, info.sha, MANIFEST, folder, LARGEST_MANIFEST)
        _fetch(hub, repo, info.sha, runtime.read_manifest(folder).file, folder, largest)
        for name in sorted(there & set(shelf.OPTIONAL)):
            _fetch(hub, repo, info.sha, name, folder, LARGEST_MANIFEST)
    return str(info.sha)


def _hub(endpoint: str | None) -> Any:  # noqa: ANN401  # it comes without types
    try:
        hub: Any = import_module("huggingface_hub")  # only `pull` needs it
    except ImportError:
        raise BadConfig("models from a hub need huggingface-hub (extra: hub)") from None
    if not sys.stderr.isatty():
        import_module("huggingface_hub.utils").disable_progress_bars()
    return hub.HfApi(endpoint, library_name="cityhum")


def _fetch(hub: Any, repo: str, commit: str, name: str, folder: Path, largest: int) -> None:  # noqa: ANN401
    where = {"filename": name, "revision": commit, "local_dir": folder}
    size = hub.hf_hub_download(repo, **where, dry_run=True).file_size
    if size > largest:
        raise BadConfig(f"{repo}: {name} has {size} bytes, more than {largest}")
    hub.hf_hub_download(repo, **where)


@contextmanager
def _told(repo: str) -> Iterator[None]:
    """One line for whatever goes wrong between us and the hub."""
    try:
        yield
    except (BadConfig, Unavailable):
        raise
    except Exception as error:
        # its errors have several roots, and a class for whatever the hub may answer
        names = [each.__name__ for each in type(error).__mro__]
        reason = str(error).splitlines()[0] if str(error) else names[0]
        if "LocalEntryNotFoundError" not in names and _MISTAKES.intersection(names):
            raise BadConfig(f"{repo}: {reason}") from error
        if "OSError" in names or type(error).__module__.startswith(("httpx", "httpcore")):
            raise Unavailable(f"{repo}: the hub does not answer: {reason}") from error
        raise


_MISTAKES: Final = frozenset(
    {
        "EntryNotFoundError",
        "HFValidationError",
        "RepositoryNotFoundError",
        "RevisionNotFoundError",
    }
)
"""Of whoever gave the name, not of the network."""
