"""Stores what operators say of alerts, with the rights of the operator's role."""

from uuid import UUID

from dashboard.adapters import rights
from dashboard.settings import DashboardSettings
from processors.adapters import verdict_tables
from processors.judgement import Opinion


def may_judge(settings: DashboardSettings) -> bool:
    """Whether there is a password of the operator's role."""
    return settings.operator_password_file is not None


def give(
    settings: DashboardSettings, alert_id: UUID, verdict: Opinion, *, said_by: str, note: str
) -> None:
    """Add a verdict; it replaces an earlier one, which is kept.

    Raises
    ------
    BadConfig
        If there is no such alert, or the role may not judge.
    Unavailable
        If the database does not answer.
    """
    operator = rights.operator(settings)
    verdict_tables.give(operator, alert_id, verdict, said_by=said_by, note=note)
