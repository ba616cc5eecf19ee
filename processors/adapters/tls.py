"""TLS to our servers: certificates must be signed by the authority that we were given."""

import ssl
from pathlib import Path

from schemas.errors import BadConfig


def trusting(authority: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer, name and signature checked.

    Raises
    ------
    BadConfig
        If the file holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(authority))
    except ssl.SSLError:
        raise BadConfig(f"CA file {authority}: no certificate in it") from None
    except OSError as error:
        raise BadConfig(f"CA file {authority}: {error.strerror}") from None
