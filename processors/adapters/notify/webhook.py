"""Signed HTTP posts: https://www.standardwebhooks.com, and CloudEvents in binary mode."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Self

import httpx

from processors import notify_signature
from processors.adapters.clock import utc_now
from processors.notify import WebhookTarget
from processors.notify_tries import NotNow, Patience
from schemas import cloud_events
from schemas.codec import encode
from schemas.errors import BadConfig, Unavailable
from schemas.results import Alert

_USER_AGENT: Final = "cityhum"

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses


class WebhookSender:
    """The way to a webhook; an async context manager that closes its connections.

    Parameters
    ----------
    target : WebhookTarget
        Where.
    key : bytes
        What its messages are signed with.
    now : callable, optional
        The clock.

    Raises
    ------
    BadConfig
        If the target's URL is none.
    """

    def __init__(
        self, target: WebhookTarget, key: bytes, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = target.target
        self.patience = Patience(target.tries)
        self._url = _url(target.webhook)
        self._key = key
        self._now = now
        self._timeout_s = target.timeout_s
        self._client = httpx.AsyncClient(
            timeout=target.timeout_s, follow_redirects=False, headers={"user-agent": _USER_AGENT}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, alert: Alert) -> None:
        """Post an event; done when the target has answered 2xx.

        Raises
        ------
        Unavailable
            For any other answer, or none; NotNow if it says when to ask again.
        """
        answer = await self._posted(encode(alert), alert)
        if answer.is_success:
            return
        why = f"HTTP {answer.status_code}"
        after_s = retry_after_s(answer.headers.get("retry-after", ""), self._now())
        raise NotNow(why, after_s) if after_s else Unavailable(why)

    async def _posted(self, body: bytes, alert: Alert) -> httpx.Response:
        named = cloud_events.event_id(alert)
        headers = {
            **cloud_events.http_headers(alert),
            **notify_signature.headers(self._key, named, body, self._now()),
        }
        request = self._client.build_request("POST", self._url, content=body, headers=headers)
        try:
            async with asyncio.timeout(self._timeout_s):  # for all of it, not only for each read
                answer = await self._client.send(request, stream=True)
                await answer.aclose()  # what it says besides is not ours to keep
        except TimeoutError:
            raise Unavailable(f"no answer within {self._timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:200]) from None
        return answer


def _url(written: str) -> httpx.URL:
    try:
        return httpx.URL(written)
    except httpx.InvalidURL as error:
        raise BadConfig(f"webhook: {error}") from None


def retry_after_s(value: str, now: datetime) -> float:
    """Seconds that `Retry-After` asks for, as a number or a date; 0 if it is neither.

    >>> retry_after_s("120", datetime(2026, 5, 4, tzinfo=UTC))
    120.0
    >>> retry_after_s("Mon, 04 May 2026 00:01:00 GMT", datetime(2026, 5, 4, tzinfo=UTC))
    60.0
    """
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or none of our calendar
        return 0.0
    return max(0.0, (at - now).total_seconds())
