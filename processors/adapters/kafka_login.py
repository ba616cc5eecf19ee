"""How every client of Kafka logs in: SCRAM over TLS, or, on loopback, not at all."""

from collections.abc import Mapping
from typing import Any, Final

from processors.adapters.tls import trusting
from processors.settings import ProcessorSettings
from schemas.adapters import text_file
from schemas.errors import BadConfig

MECHANISM: Final = "SCRAM-SHA-512"


def of_client(settings: ProcessorSettings) -> Mapping[str, Any]:
    """Arguments of aiokafka's clients.

    Raises
    ------
    BadConfig
        If a password would travel without TLS, or one of user and password file is missing.
    """
    if settings.kafka_ca is None and not settings.kafka_user:
        return {}
    if settings.kafka_ca is None or settings.kafka_password_file is None:
        raise BadConfig("CITYHUM_KAFKA_USER needs CITYHUM_KAFKA_CA and CITYHUM_KAFKA_PASSWORD_FILE")
    if not settings.kafka_user:
        raise BadConfig("CITYHUM_KAFKA_CA needs CITYHUM_KAFKA_USER")
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": trusting(settings.kafka_ca),
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": text_file.password(settings.kafka_password_file),
    }
