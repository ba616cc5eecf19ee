"""How a device logs in at the broker."""

from agents.adapters.link import Login
from agents.settings import AgentSettings
from schemas.errors import BadConfig


def login_of(settings: AgentSettings) -> Login:
    """How the device logs in; its id is its user.

    Raises
    ------
    BadConfig
        The password file cannot be read.
    """
    path, password = settings.mqtt_password_file, None
    if path is not None:
        try:
            password = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadConfig(f"password file {path}: {error.strerror}") from None
    return Login(
        settings.mqtt_host, settings.mqtt_port, settings.device, password, settings.mqtt_ca
    )
