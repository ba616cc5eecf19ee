"""Settings of the API: the only reader of its variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from records.address import Address


class ApiSettings(BaseSettings):
    """Where it listens, what it reads, who may ask. Passwords and keys come from files only."""

    model_config = SettingsConfigDict(env_prefix="CITYHUM_API_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535, description="0: any free one")
    keys_file: Path = Field(
        default=Path("api-keys.yaml"), description="made by `cityhum api key new`"
    )
    postgres_host: str = "127.0.0.1"
    postgres_port: int = Field(default=5432, ge=1, le=65535)
    postgres_ca: Path | None = Field(default=None, description="verify the server; none: loopback")
    postgres_db: str = "cityhum"
    postgres_user: str = "cityhum_reader"
    postgres_password_file: Path | None = None
    classify: bool = Field(default=False, description="take sounds at POST /v1/classify")
    model: str = Field(default="street8-0.3.0", description="who hears them")
    streams_at_once: int = Field(default=64, ge=1, description="listeners of live alerts")
    metrics_host: str = Field(default="127.0.0.1", description="where metrics are served")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="0: no metrics endpoint")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def database(self) -> Address:
        """The database, and the role that reads it."""
        return Address(
            self.postgres_host,
            self.postgres_port,
            self.postgres_db,
            self.postgres_user,
            self.postgres_password_file,
            self.postgres_ca,
        )
