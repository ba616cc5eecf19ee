"""What a process knows of its own health: the loop's last turn, and what each part said last."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from importlib import metadata
from types import TracebackType
from typing import Final, Never, Self

from schemas import health, metrics
from schemas.adapters.endpoint import Page, served
from schemas.errors import CityhumError
from schemas.health import Answer, Part

BEAT_S: Final = 1.0
ASK_EVERY_S: Final = 3.0
ANSWER_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)

Probe = Callable[[], Awaitable[str]]
"""Asks a part how it is: a word about it, or an error of ours that says why it is not ready."""


@asynccontextmanager
async def observed(host: str, port: int, parts: Iterable[str]) -> AsyncIterator["Vitals"]:
    """Vitals of this process, served until the end where there is a port; 0: nowhere.

    Raises
    ------
    BadConfig
        If the port is taken, or there is no such address here.
    """
    async with Vitals(parts) as vitals:
        with shown(host, port, vitals):
            yield vitals


@contextmanager
def shown(host: str, port: int, vitals: "Vitals") -> Iterator[None]:
    """Serve metrics and vitals where there is a port; see `observed`."""
    metrics.BUILD.labels(metadata.version("cityhum")).set(1)
    with served(host, port, vitals.pages) if port else nullcontext():
        yield


class Vitals:
    """Beats with the event loop and asks the parts; an async context manager.

    Parameters
    ----------
    parts : iterable of str
        All that the process needs: not ready before each has answered.
    clock : callable
        Monotonic time, s.
    """

    def __init__(self, parts: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at_s = clock()
        self._parts: Mapping[str, Part] = {}
        self._tasks: list[asyncio.Task[Never]] = []
        for name in parts:
            self.say(name, health.NOT_YET, ok=False)

    async def __aenter__(self) -> Self:
        self._tasks.append(asyncio.create_task(self._beat(), name="beat"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def pages(self) -> Mapping[str, Page]:
        """What an endpoint serves."""
        return {"/health/live": self.live, "/health/ready": self.ready}

    def live(self) -> Answer:
        """Whether the loop turns; to be asked from another thread."""
        return health.live(self._turned_at_s, self._clock())

    def ready(self) -> Answer:
        """Whether every part is ready; to be asked from any thread."""
        return health.ready(self._parts, self._clock())

    def say(self, name: str, detail: str, *, ok: bool) -> None:
        """Put down what a part says of itself."""
        # a new mapping each time: the endpoint's thread may be reading the last one
        self._parts = {**self._parts, name: Part(ok, detail, self._clock())}
        metrics.PART_READY.labels(name).set(ok)

    def watch(self, name: str, probe: Probe) -> None:
        """Ask a part from now on, every few seconds."""
        self.say(name, health.NOT_YET, ok=False)
        self._tasks.append(asyncio.create_task(self._ask_for_ever(name, probe), name=f"ask {name}"))

    async def _beat(self) -> Never:
        while True:
            self._turned_at_s = self._clock()
            metrics.LOOP_TURNED.set_to_current_time()
            await asyncio.sleep(BEAT_S)
            late_s = self._clock() - self._turned_at_s - BEAT_S
            metrics.LOOP_LATE_SECONDS.observe(max(0.0, late_s))

    async def _ask_for_ever(self, name: str, probe: Probe) -> Never:
        while True:
            await self._ask(name, probe)
            await asyncio.sleep(ASK_EVERY_S)

    async def _ask(self, name: str, probe: Probe) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                detail = await probe()
        except TimeoutError:
            self.say(name, f"no answer within {ANSWER_WITHIN_S:.0f} s", ok=False)
        except CityhumError as error:
            self.say(name, str(error), ok=False)
        except Exception as error:  # who only looks must not end what works
            log.exception("probe_failed", extra={"part": name})
            self.say(name, repr(error), ok=False)
        else:
            self.say(name, detail, ok=True)
