"""Headers of `dead-letters.v1` <-> what they say. Pure."""

from collections.abc import Iterable

from pydantic import ValidationError

from schemas.codec import encode
from schemas.results import DeadLetter

Headers = tuple[tuple[str, bytes], ...]


def headers(letter: DeadLetter) -> Headers:
    """A header for each field, as text."""
    fields = letter.model_dump(mode="json")
    return tuple((name, str(value).encode()) for name, value in fields.items())


def letter(found: Iterable[tuple[str, bytes]]) -> DeadLetter:
    """Invert `headers`; of headers that others added, nothing is taken.

    Raises
    ------
    pydantic.ValidationError
        If they are not those of a dead letter.
    """
    texts = {name: value.decode() for name, value in found if name in DeadLetter.model_fields}
    numbers = {name: int(texts[name]) for name in ("version", "size_bytes") if name in texts}
    return DeadLetter.model_validate({**texts, **numbers})


def told(found: Iterable[tuple[str, bytes]]) -> bytes:
    """What headers say, encoded as a message; empty if they are not those of a dead letter."""
    try:
        return encode(letter(found))
    except (ValidationError, ValueError):
        return b""
