"""Secrets of targets: from files, or from variables of the environment."""

import os
from pathlib import Path

from processors import notify_signature
from processors.notify import AppriseTarget, Target, WebhookTarget
from schemas.adapters import text_file
from schemas.errors import BadConfig


def key_of(target: WebhookTarget) -> bytes:
    """The key that a webhook is signed with; BadConfig if it is missing or none."""
    try:
        return notify_signature.key_of(_read(target.secret_file, target.secret_env))
    except ValueError as error:
        raise BadConfig(f"{error}; make one: openssl rand -base64 32") from None


def url_of(target: AppriseTarget) -> str:
    """Apprise's URL; BadConfig if it is missing."""
    return _read(target.apprise_file, target.apprise_env)


def of(target: Target) -> bytes | str:
    """The secret of a target of either kind; BadConfig if it cannot be had."""
    return key_of(target) if isinstance(target, WebhookTarget) else url_of(target)


def _read(file: Path | None, variable: str | None) -> str:
    if file is not None:
        secret = text_file.read(file).strip()
    else:
        secret = os.environ.get(variable or "", "").strip()
    if not secret:
        raise BadConfig(f"{file or variable} is empty or not set")
    return secret
