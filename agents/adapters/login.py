"""How a device logs in at the broker."""

from agents.adapters.link import Login
from agents.settings import AgentSettings
from schemas.adapters import text_file


def login_of(settings: AgentSettings) -> Login:
    """How the device logs in; its id is its user.

    Raises
    ------
    BadConfig
        The password file cannot be read.
    """
    password = text_file.password(settings.mqtt_password_file)
    return Login(
        settings.mqtt_host, settings.mqtt_port, settings.device, password, settings.mqtt_ca
    )
