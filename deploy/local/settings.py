"""Settings of the local stack: the only reader of its variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.ports import Ports
from schemas.adapters import environment

PREFIX = "CITYHUM_LOCAL_"
_Port = Field(default=0, ge=0, le=65535, description="0: any free one")


class LocalSettings(BaseSettings):
    """Where the private servers keep their data and which ports they take."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    folder: Path = Field(default=Path(".local"), description="data, logs, passwords")
    sites_file: Path = Field(default=Path("deploy/sites.yaml"), description="whose devices log in")
    mqtt_port: int = _Port
    kafka_port: int = _Port
    kafka_controller_port: int = _Port
    postgres_port: int = _Port

    def ports(self) -> Ports:
        """Return the ports, as the stack wants them."""
        return Ports(
            mqtt=self.mqtt_port,
            kafka=self.kafka_port,
            kafka_controller=self.kafka_controller_port,
            postgres=self.postgres_port,
        )


def local_settings() -> LocalSettings:
    """Read the settings; a wrong or unknown one is told in one line."""
    environment.refuse_unknown(PREFIX, environment.variables(LocalSettings))
    return environment.read(LocalSettings)
