"""Give Java the certificates that SSL_CERT_FILE gives everybody else."""

import base64
import hashlib
import re
import struct
from pathlib import Path

# A truststore holds nothing secret; its password only guards against damage.
STORE_PASSWORD = "changeit"  # noqa: S105
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2


def java_keystore(pem: str) -> bytes:
    """Turn a PEM bundle into a Java keystore (JKS, version 2) of trusted certificates.

    Examples
    --------
    >>> java_keystore("")[:12].hex()
    'feedfeed0000000200000000'
    """
    certificates = [base64.b64decode(found) for found in _CERTIFICATE.findall(pem)]
    body = struct.pack(">III", _MAGIC, _VERSION, len(certificates))
    for number, certificate in enumerate(certificates):
        body += struct.pack(">I", _TRUSTED) + _text(f"ca{number}") + struct.pack(">q", 0)
        body += _text("X.509") + struct.pack(">I", len(certificate)) + certificate
    salted = STORE_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body
    return body + hashlib.sha1(salted, usedforsecurity=False).digest()


def java_options(pem_file: Path, store: Path) -> str:
    """Write the keystore of a PEM bundle and return the options that make Java trust it."""
    store.write_bytes(java_keystore(pem_file.read_text(encoding="utf-8", errors="replace")))
    return " ".join(
        (
            f"-Djavax.net.ssl.trustStore={store}",
            "-Djavax.net.ssl.trustStoreType=JKS",
            f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}",
        )
    )


def _text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()
