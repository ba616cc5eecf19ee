"""The file of keys: read again when somebody has changed it, so a key ends without a restart."""

import logging
from collections.abc import Mapping
from pathlib import Path

from api import keys
from api.keys import Key, KeyFile
from schemas.adapters import text_file
from schemas.errors import BadConfig

log = logging.getLogger(__name__)


class KeyRing:
    """The keys of a file, as it was when it was last right.

    Raises
    ------
    BadConfig
        If the file is missing or wrong now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = text_file.looks(path)
        self._keys = keys.by_digest(read(path))

    def current(self) -> Mapping[str, Key]:
        """Keys of now, by digest."""
        looks = text_file.looks(self._path)
        if looks != self._seen:
            self._seen = looks
            try:
                self._keys = keys.by_digest(read(self._path))
                log.warning("keys_changed", extra={"keys": len(self._keys)})
            except BadConfig as bad:
                log.error("keys_refused", extra={"why": str(bad), "kept": len(self._keys)})  # noqa: TRY400  # no bug of ours
        return self._keys


def read(path: Path) -> KeyFile:
    """Keys of a file.

    Raises
    ------
    BadConfig
        If there is none, or it is wrong.
    """
    if not path.exists():
        raise BadConfig(f"{path}: no such file; make a key: cityhum api key new NAME")
    return keys.parse(text_file.read(path), str(path))
