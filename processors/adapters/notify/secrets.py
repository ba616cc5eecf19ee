"""Secrets of targets: from files, or from variables of the environment."""

import os
from pathlib import Path

from processors import notify_signature
from processors.adapters import text_file
from processors.notify import AppriseTarget, Target, WebhookTarget
from schemas.errors import BadConfig


def key_of(target: WebhookTarget) -> bytes:
    """The key that a webhook is signed with; BadConfig if it is missing or none."""
    try:
        return notify_signature.key_of(_read(target, target.secret_file, target.secret_env))
    except ValueError as error:
        raise BadConfig(f"target {target.target}: {error}") from None


def url_of(target: AppriseTarget) -> str:
    """Apprise's URL; BadConfig if it is missing."""
    return _read(target, target.apprise_file, target.apprise_env)


def _read(target: Target, file: Path | None, variable: str | None) -> str:
    if file is not None:
        secret = text_file.read(file).strip()
    else:
        secret = os.environ.get(variable or "", "").strip()
    if not secret:
        raise BadConfig(f"target {target.target}: {file or variable} is empty or not set")
    return secret
