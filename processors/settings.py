"""Settings of the server side: the only reader of the processors' variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.base import SiteId


def _names(text: object) -> object:
    return tuple(text.split(",")) if isinstance(text, str) and text else text or ()


Sites = Annotated[tuple[SiteId, ...], NoDecode, BeforeValidator(_names)]
"""Written with commas: `harbour,park`."""


class ProcessorSettings(BaseSettings):
    """One set for every processor; each reads what it needs. Passwords come from files only."""

    model_config = SettingsConfigDict(env_prefix="CITYHUM_", frozen=True, extra="ignore")

    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = Field(default=1883, ge=1, le=65535)
    mqtt_user: str = Field(default="bridge", description="bridge and relay each have their own")
    mqtt_ca: Path | None = Field(
        default=None, description="TLS: whose certificates are believed; none: no TLS"
    )
    mqtt_password_file: Path | None = None
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_ca: Path | None = Field(default=None, description="as mqtt_ca")
    kafka_user: str = Field(default="", description="SCRAM-SHA-512; empty: no login")
    kafka_password_file: Path | None = None
    postgres_host: str = "127.0.0.1"
    postgres_port: int = Field(default=5432, ge=1, le=65535)
    postgres_ca: Path | None = Field(default=None, description="as mqtt_ca")
    postgres_db: str = "cityhum"
    postgres_user: str = Field(
        default="cityhum_reader", description="each program has its own: cityhum_windows, ..."
    )
    postgres_password_file: Path | None = None
    sites_file: Path = Path("deploy/sites.yaml")
    alerts_file: Path = Path("deploy/alerts.yaml")
    notify_file: Path | None = Field(default=None, description="whom `work notify` tells of alerts")
    home_assistant: Literal["on", "off"] = Field(
        default="off", description="the relay tells Home Assistant of devices, and of each minute"
    )
    topics_file: Path = Path("deploy/kafka/topics.yaml")
    models_folder: Path = Path("models")
    model: str = "street8-0.3.0"
    bridge_sites: Sites = Field(default=(), description="empty: all sites")
    device_messages_per_s: float = Field(
        default=20.0, gt=0, description="the bridge hears a device no faster, in the long run"
    )
    rehearsal_rate: float = Field(
        default=1.0, gt=0, le=1000, description="how fast the bridge's clock runs; ticks do not"
    )
    rehearsal_began_at: AwareDatetime | None = Field(
        default=None, description="when, by this host's clock, a recorded past began to be played"
    )
    rehearsal_shows: AwareDatetime | None = Field(
        default=None, description="what the bridge's clock shows then"
    )
    metrics_host: str = Field(default="127.0.0.1", description="where metrics are served")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="0: no metrics endpoint")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
