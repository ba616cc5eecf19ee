"""A small authority of one's own, and the certificates that servers show to their clients."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cityhum.secret_files import private_folder, replace_text, write_private
from schemas.errors import BadConfig

SERVERS: Final = ("mosquitto", "kafka", "postgres")
_AUTHORITY_DAYS: Final = 3650
_SERVER_DAYS: Final = 397
_CLOCKS_DIFFER: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Signed:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        """For those who shall believe it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """For the server alone: PKCS#8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


def issue(folder: Path, hosts: list[str], now: datetime) -> dict[str, x509.Certificate]:
    """Write `SERVER.crt`, `SERVER.key` and `SERVER.pem` (key, then certificate) of each server.

    Raises
    ------
    BadConfig
        If the authority's files cannot be read.
    """
    private_folder(folder)
    authority = _authority(folder, now)
    issued = {}
    for server in SERVERS:
        signed = sign(server, hosts, authority, now)
        replace_text(folder / f"{server}.crt", signed.certificate_pem, 0o644)
        write_private(folder / f"{server}.key", signed.key_pem)
        write_private(folder / f"{server}.pem", signed.key_pem + signed.certificate_pem)
        issued[server] = signed.certificate
    return issued


def hosts_of(folder: Path) -> list[str]:
    """Names and addresses that the certificates of a folder are for, as far as they can be read."""
    found: dict[str, None] = {}
    for server in SERVERS:
        with suppress(OSError, ValueError, x509.ExtensionNotFound):
            certificate = x509.load_pem_x509_certificate((folder / f"{server}.crt").read_bytes())
            found |= dict.fromkeys(names(certificate))
    return list(found)


def names(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that a certificate is for."""
    said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(one.value) for one in said]


def sign(name: str, hosts: list[str], authority: Signed, now: datetime) -> Signed:
    """A new key and its certificate, for a server that may also call its own kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, authority.certificate.subject, key, now, _SERVER_DAYS)
    names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    built = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Signed(built, key)


def new_authority(now: datetime) -> Signed:
    """Key and certificate that sign all others."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("cityhum authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    built = (
        _builder("cityhum authority", name, key, now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Signed(built, key)


def _authority(folder: Path, now: datetime) -> Signed:
    certificate, key = folder / "ca.crt", folder / "ca.key"
    if not certificate.exists():
        made = new_authority(now)
        write_private(key, made.key_pem)
        replace_text(certificate, made.certificate_pem, 0o644)
        return made
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        public = x509.load_pem_x509_certificate(certificate.read_bytes())
    except OSError as error:
        raise BadConfig(f"{error.filename}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise BadConfig(f"{folder}: ca.crt or ca.key is damaged") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise BadConfig(f"{key}: not a key that cityhum made")
    return Signed(public, private)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
