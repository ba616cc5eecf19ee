"""Settings of the device: the only reader of the agent's variables."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.uploads import Upload
from schemas.base import DeviceId, SiteId
from schemas.messages import Profile


class AgentSettings(BaseSettings):
    """One agent. The device id is also its user at the broker."""

    model_config = SettingsConfigDict(env_prefix="CITYHUM_", frozen=True, extra="ignore")

    site: SiteId = "harbour"
    device: DeviceId = "pole-01"
    profile: Profile = "mel32x8"
    agent_model: str = Field(
        default="street8-0.3.0", description="profile labels: name or folder of the model"
    )
    indices: Literal["on", "off"] = Field(
        default="on", description="acoustic indices of each minute"
    )
    microphone: str = Field(default="", description="name or part of it; empty: the only one")
    rate_hz: int = Field(default=48_000, description="16000 or 48000")
    clock: Literal["auto", "trusted"] = Field(
        default="auto", description="trusted: the time is right although no time server was met"
    )
    mqtt_host: str = Field(default="127.0.0.1", min_length=1)
    mqtt_port: int = Field(default=1883, ge=1, le=65535)
    mqtt_ca: Path | None = Field(
        default=None, description="TLS: whose certificates are believed; none: no TLS"
    )
    mqtt_password_file: Path | None = None
    mqtt_passwords_folder: Path | None = Field(
        default=None, description="simulator only: one file per device id"
    )
    state_folder: Path = Field(default=Path(".local/agent"), description="spool lives here")
    spool_max_bytes: int = Field(default=2 * 1024**3, ge=1024**2)
    spool_max_days: int = Field(default=30, ge=1, le=30, description="the bridge takes no older")
    upload: Upload = Field(
        default="live",
        description="live: each second; batched: every upload_interval_s; scheduled: connect"
        " every upload_every_s, send, disconnect",
    )
    upload_interval_s: int = Field(default=60, ge=1, le=60)
    upload_every_s: int = Field(default=3600, ge=60)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
