"""Message <-> bytes. Whatever is wrong with bytes becomes a `BadMessage`."""

import hashlib
from typing import TypeVar

import orjson
from pydantic import ValidationError

from schemas.base import Frozen
from schemas.errors import BadMessage
from schemas.messages import VERSION

Message = TypeVar("Message", bound=Frozen)
CONTENT_TYPE = "application/json"


def encode(message: Frozen) -> bytes:
    """JSON of a message, UTF-8, without spaces."""
    return message.model_dump_json().encode()


def decode(kind: type[Message], payload: bytes) -> Message:
    """Check bytes against a message class.

    Raises
    ------
    BadMessage
        `version` if the payload names a version that we do not know, else `malformed`; the detail
        names the first wrong field but never its value.
    """
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        raise _bad_message(payload, error) from None
    except RecursionError:
        raise BadMessage("malformed", "nested too deeply") from None


def digest(*parts: bytes) -> str:
    """First half of the SHA-256 of the parts in a row, in hex.

    >>> digest(b"a", b"b") == digest(b"ab")
    True
    """
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()[:32]


def _bad_message(payload: bytes, error: ValidationError) -> BadMessage:
    version = _claimed_version(payload)
    if version is not None and version != VERSION:
        return BadMessage("version", f"schema version {str(version)[:20]}, known is {VERSION}")
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:100] or "payload"
    return BadMessage("malformed", f"{where}: {first['msg'][:120]}")


def _claimed_version(payload: bytes) -> object:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return document.get("version") if isinstance(document, dict) else None
