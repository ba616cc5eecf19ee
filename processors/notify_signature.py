"""Webhooks that prove who sent them: https://www.standardwebhooks.com, symmetric signatures.

What is signed is `id.timestamp.body`; a receiver that also refuses old timestamps cannot be told
the same again by somebody who has listened.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
_SHORTEST: Final = 24
_LONGEST: Final = 64
_TIMESTAMP_DIGITS: Final = 12
"""More than any time of our calendar has; what is longer no float can hold."""


def key_of(secret: str) -> bytes:
    """Key of a written secret: `whsec_` and base64 of 24 to 64 bytes.

    Raises
    ------
    ValueError
        If it is none; the message does not show it.
    """
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except ValueError:  # binascii.Error is one too
        raise ValueError("the secret is not base64 behind whsec_") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"the secret must have {_SHORTEST} to {_LONGEST} bytes, has {len(key)}")
    return key


def headers(key: bytes, event_id: str, body: bytes, now: datetime) -> Mapping[str, str]:
    """Headers of a webhook.

    Parameters
    ----------
    key : bytes
        The shared secret.
    event_id : str
        The same at every try: by it a receiver drops what comes again.
    body : bytes
        What is posted.
    now : datetime
        When it is posted.
    """
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(key, event_id, timestamp, body)}",
    }


def is_genuine(key: bytes, given: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether a webhook was sent by who knows the key, and lately.

    Parameters
    ----------
    key : bytes
        The shared secret.
    given : mapping of str to str
        The headers, by their names in small letters.
    body : bytes
        What was posted, untouched.
    now : datetime
        When it came.
    """
    timestamp, event_id = given.get("webhook-timestamp", ""), given.get("webhook-id", "")
    if not timestamp.isdecimal() or len(timestamp) > _TIMESTAMP_DIGITS:
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        return False
    expected = f"v1,{_signature(key, event_id, timestamp, body)}".encode()
    signatures = given.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, one.encode()) for one in signatures)


def _signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join([event_id.encode(), timestamp.encode(), body])
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
