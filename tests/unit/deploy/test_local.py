"""What the local stack computes by itself: hashes, keystores, addresses, settings."""

import base64
import hashlib
import struct
from pathlib import Path

import pytest

from cityhum.password_book import mosquitto_hash
from deploy.local import secure
from deploy.local.api_keys import keys_file
from deploy.local.kafka import Kafka
from deploy.local.settings import local_settings
from deploy.local.stack import Addresses
from deploy.local.truststore import java_keystore
from schemas.errors import BadConfig

ADDRESSES = Addresses(
    mqtt_host="127.0.0.1",
    mqtt_port=21883,
    kafka_bootstrap="127.0.0.1:29092",
    postgres_host="127.0.0.1",
    postgres_port=25432,
    postgres_db="cityhum",
    secrets=Path("secrets"),
)


def test_a_password_hash_is_one_that_mosquitto_can_check() -> None:
    _, kind, rounds, salt, digest = mosquitto_hash("swordfish").split("$")
    again = hashlib.pbkdf2_hmac("sha512", b"swordfish", base64.b64decode(salt), int(rounds))
    assert kind == "7"
    assert base64.b64decode(digest) == again


def test_two_hashes_of_one_password_differ() -> None:
    assert mosquitto_hash("swordfish") != mosquitto_hash("swordfish")


def test_a_keystore_holds_every_certificate_of_the_bundle() -> None:
    certificates = [b"first", b"second"]
    lines = [
        line
        for one in certificates
        for line in (
            "-----BEGIN CERTIFICATE-----",
            base64.b64encode(one).decode(),
            "-----END CERTIFICATE-----",
        )
    ]
    store = java_keystore("\n".join(lines))
    assert struct.unpack_from(">III", store) == (0xFEEDFEED, 2, 2)
    assert all(struct.pack(">I", len(one)) + one in store for one in certificates)


def test_the_environment_names_files_and_no_passwords() -> None:
    environment = ADDRESSES.environment("relay", "cityhum_reader")
    named = [environment[f"CITYHUM_{server}_PASSWORD_FILE"] for server in ("MQTT", "POSTGRES")]
    assert named == ["secrets/mqtt/relay", "secrets/postgres/cityhum_reader"]
    assert not {"CITYHUM_MQTT_PASSWORD", "CITYHUM_POSTGRES_PASSWORD"} & environment.keys()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("CITYHUM_LOCAL_PORT", "1883", "unknown setting CITYHUM_LOCAL_PORT"),
        ("CITYHUM_LOCAL_MQTT_PORT", "soon", "CITYHUM_LOCAL_MQTT_PORT: Input should be"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfig, match=rf"^{line}[^\n]*$"):
        local_settings()


def test_keys_of_the_api_move_into_the_folder_that_containers_mount(tmp_path: Path) -> None:
    (tmp_path / "api-keys.yaml").write_text("keys: []")
    moved = keys_file(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [moved.parent.name]
    assert keys_file(tmp_path).read_text() == "keys: []"


@pytest.mark.parametrize("kind", [Kafka, secure.Kafka])
def test_kafka_s_settings_are_letters_that_java_reads_anywhere(
    kind: type[Kafka], tmp_path: Path
) -> None:
    text = kind(tmp_path / "Lärm 🎧")._properties()
    assert text.isascii()
    named = [line.partition("=")[2] for line in text.splitlines() if "L\\u00e4rm" in line]
    assert f"{tmp_path}/L\\u00e4rm \\ud83c\\udfa7/kafka/data" in named
    assert len(named) == (1 if kind is Kafka else 3)
