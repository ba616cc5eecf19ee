"""What a refused message says of itself, for the log: which session, from which seq. Pure."""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, MsgspecError, Struct, json

_Session = Annotated[str, Meta(pattern="^[0-9A-HJKMNP-TV-Z]{26}$")]
_Count = Annotated[int, Meta(ge=0, le=2**53)]


class _Claim(Struct, frozen=True):
    session: _Session
    first_seq: _Count | None = None


_claim: Final = json.Decoder(_Claim)


def claimed(payload: bytes | None) -> Mapping[str, str | int]:
    r"""Session and first seq, as far as they have the right form; never anything else of it.

    >>> claimed(b'{"session":"01JZ0000000000000000000000","first_seq":7,"words":"hello"}')
    {'session': '01JZ0000000000000000000000', 'first_seq': 7}
    >>> claimed(b'{"session":"hello"}')
    {}
    >>> claimed(b'{"session":"01JZ\xcd\xeb"}')
    {}
    """
    try:
        claim = _claim.decode(payload or b"")
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    seq = {} if claim.first_seq is None else {"first_seq": claim.first_seq}
    return {"session": claim.session, **seq}
