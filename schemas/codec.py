"""Message <-> bytes. Whatever is wrong with bytes becomes a `BadMessage`."""

import hashlib
from typing import TypeVar

from pydantic import ValidationError

from schemas.base import Frozen
from schemas.errors import BadMessage, NewerMessage
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
        `version` if the payload, or a message in it, names a version that we do not know (a
        NewerMessage if it is one to come), else `malformed`; the detail names the first wrong field
        but never its value.
    """
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        raise _bad_message(error) from None
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


def _bad_message(error: ValidationError) -> BadMessage:
    wrong = error.errors(include_url=False, include_context=False)
    claimed = [one["input"] for one in wrong if one["loc"][-1:] == ("version",)]
    if claimed and claimed[0] is not None:
        detail = f"schema version {str(claimed[0])[:20]}, known is {VERSION}"
        is_newer = isinstance(claimed[0], int) and claimed[0] > VERSION
        return NewerMessage(detail) if is_newer else BadMessage("version", detail)
    where = ".".join(str(part) for part in wrong[0]["loc"])[:100] or "payload"
    return BadMessage("malformed", f"{where}: {wrong[0]['msg'][:120]}")
