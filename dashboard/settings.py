"""Settings of the dashboard: the only reader of its variables."""

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.adapters import environment

PREFIX: Final = "CITYHUM_DASHBOARD_"


class DashboardSettings(BaseSettings):
    """Where the database is; the dashboard reads it through the read-only role.

    Verdicts on alerts can be given where there is a password of the operator's role.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    postgres_host: str = "127.0.0.1"
    postgres_port: int = Field(default=5432, ge=1, le=65535)
    postgres_ca: Path | None = Field(
        default=None, description="TLS: whose certificates are believed; none: no TLS"
    )
    postgres_db: str = "cityhum"
    postgres_user: str = "cityhum_reader"
    postgres_password_file: Path | None = None
    operator_user: str = "cityhum_operator"
    operator_password_file: Path | None = None
    refresh_s: float = Field(default=2.0, ge=0.5)


def dashboard_settings() -> DashboardSettings:
    """Read the settings.

    Raises
    ------
    BadConfig
        If one is unknown or wrong.
    """
    environment.refuse_unknown(PREFIX, environment.variables(DashboardSettings))
    return environment.read(DashboardSettings)
