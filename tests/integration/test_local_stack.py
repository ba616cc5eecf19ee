"""The private servers: data survive, mistakes are told in one line, rights hold."""

from deploy.local.kafka import Kafka
from deploy.local.mosquitto import Mosquitto
from deploy.local.postgres import Postgres


def test_x(mosquitto: Mosquitto, kafka: Kafka, postgres: Postgres) -> None:
    assert mosquitto.running
    assert kafka.running
    assert postgres.running
