"""Every request is counted, by its route and status, with the time until its answer began."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas import metrics


class Counted:
    """Counts what an application answers; what has no route is `none`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count when the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                metrics.REQUESTS.labels(route, message["status"]).inc()
                metrics.REQUEST_SECONDS.labels(route).observe(time.monotonic() - began_s)
            await send(message)

        await self._app(scope, receive, counting)
