"""Ask a running system again and again, until it is so or far too late."""

import asyncio
from collections.abc import Awaitable, Callable

ASK_EVERY_S = 0.1


async def eventually(question: Callable[[], Awaitable[bool]], within_s: float = 180.0) -> None:
    """Return as soon as the answer is yes; TimeoutError if it never is."""
    async with asyncio.timeout(within_s):
        while not await question():  # noqa: ASYNC110  # other processes raise no event of ours
            await asyncio.sleep(ASK_EVERY_S)
