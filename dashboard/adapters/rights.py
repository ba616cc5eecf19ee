"""The dashboard's settings as those of a processor, whose questions and verdicts it borrows."""

from pathlib import Path

from dashboard.settings import DashboardSettings
from processors.settings import ProcessorSettings


def entering_as(
    settings: DashboardSettings, user: str, password_file: Path | None
) -> ProcessorSettings:
    """Settings that enter the same database with the rights of a role."""
    return ProcessorSettings(
        postgres_host=settings.postgres_host,
        postgres_port=settings.postgres_port,
        postgres_ca=settings.postgres_ca,
        postgres_db=settings.postgres_db,
        postgres_user=user,
        postgres_password_file=password_file,
    )


def reader(settings: DashboardSettings) -> ProcessorSettings:
    """The read-only role."""
    return entering_as(settings, settings.postgres_user, settings.postgres_password_file)


def operator(settings: DashboardSettings) -> ProcessorSettings:
    """The role that may judge alerts."""
    return entering_as(settings, settings.operator_user, settings.operator_password_file)
