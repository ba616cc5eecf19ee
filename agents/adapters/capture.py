"""Sound from the world: a microphone by ALSA's `arecord`, or a sound file. Never to disk."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from agents.adapters.sound_pipe import SoundPipe
from agents.microphones import PCM_PREFIX, Microphone, again, choose, lost_s, of_pcm, parse_listing
from agents.pipeline import Block
from hearing.adapters.sound_files import StraightRead, levels_hz, pieces
from schemas.errors import BadConfig, Unavailable

_BLOCKS_PER_S: Final = 8
_WIDE: Final = ("S32_LE", np.dtype("<i4"))
"""ALSA widens the samples of smaller cards exactly; 16 bits would cut those of larger ones."""
_NARROW: Final = ("S16_LE", np.dtype("<i2"))
"""For a pcm of one's own that converts nothing, of a card of 16 bits."""
_PERIOD_US: Final = 125_000
_BUFFER_US: Final = 2_000_000
"""So much sound waits at the sound card while the agent is busy; some cards have room for less."""
_SILENT_CARD_S: Final = 10.0
_FAREWELL_S: Final = 2.0
_CARDS: Final = Path("/proc/asound/cards")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A sound file, as a microphone would have heard it."""

    rate_hz: int
    """16000; 48000 if the file's own is above that."""
    blocks: Iterator[Block]
    """Of about 125 ms."""


@contextmanager
def sound_file(path: Path) -> Iterator[Recording]:
    """Open a sound file, to be mixed down to mono.

    Parameters
    ----------
    path : Path
        Any format, rate and number of channels that libsndfile reads.

    Yields
    ------
    Recording

    Raises
    ------
    BadConfig
        Missing, empty, damaged or no sound file.
    """
    if not path.is_file():
        msg = f"{path}: no such sound file"
        raise BadConfig(msg)
    try:
        # TypeError: raw samples, of which libsndfile would have to be told the format
        opened = StraightRead(path)
    except (soundfile.LibsndfileError, TypeError) as e:
        msg = f"{path}: not a sound file"
        raise BadConfig(msg) from e
    with opened:
        if opened.frames == 0:
            msg = f"{path}: holds no sound"
            raise BadConfig(msg)
        rate_hz = levels_hz(opened.samplerate)
        yield Recording(rate_hz, _blocks(opened, path, rate_hz))


def _blocks(opened: StraightRead, path: Path, rate_hz: int) -> Iterator[Block]:
    frames = max(1, opened.samplerate // _BLOCKS_PER_S)
    read, given = 0, 0
    ahead = np.empty(0, np.intp)  # where the sound is clipped that the resampler still holds
    try:
        for piece in pieces(opened, {rate_hz}, frames):
            samples = piece.mono[rate_hz]
            ahead = np.concatenate([ahead, (read + piece.clipped) * rate_hz // opened.samplerate])
            clipped = np.isin(np.arange(given, given + len(samples)), ahead)
            yield Block(samples.astype(np.float32), clipped=clipped)
            read, given = read + piece.frames, given + len(samples)
            ahead = ahead[ahead >= given]
    except soundfile.LibsndfileError as e:
        msg = f"{path}: damaged, cannot be read to its end"
        raise BadConfig(msg) from e


class _FormatRefused(Unavailable):
    """The pcm does not know samples of this kind."""


@dataclass(slots=True)
class _Complaints:
    """What arecord wrote to standard error."""

    last: deque[str] = field(default_factory=lambda: deque(maxlen=8))

    def error(self) -> Exception:
        text = "; ".join(self.last) or "no reason given"
        if "Sample format non available" in text:
            return _FormatRefused(f"microphone: {text}")
        if "Unknown PCM" in text or "rate is not accurate" in text:
            return BadConfig(f"microphone: {text}")
        return Unavailable(f"microphone stopped: {text}")


async def find(wanted: str, *, program: str = "arecord") -> Microphone:
    """The device that is meant.

    Parameters
    ----------
    wanted : str
        Name of the device or part of it; empty: the only one; `pcm:NAME`: ALSA's own name.
    program : str
        The recorder.

    Raises
    ------
    Unavailable
        No such device, now; the message names the devices that exist.
    BadConfig
        Several fit, or there is no arecord.
    """
    if wanted.startswith(PCM_PREFIX):
        return of_pcm(wanted)
    return choose(await _listed(program), wanted)


async def find_again(before: Microphone, *, program: str = "arecord") -> Microphone:
    """The same device after it was gone, wherever ALSA has put it.

    Raises
    ------
    Unavailable
        It is not there yet.
    """
    if not before.card:
        return before
    return again(await _listed(program), before)


@asynccontextmanager
async def microphone(
    wanted: str | Microphone, rate_hz: int, *, program: str = "arecord"
) -> AsyncGenerator[AsyncIterator[Block]]:
    """Blocks of 125 ms from a sound card, as long as it lasts.

    Parameters
    ----------
    wanted : str or Microphone
        As `find` takes it, or what it found.
    rate_hz : int
        16000 or 48000; ALSA's `plughw` converts where the card cannot.
    program : str
        The recorder.

    Yields
    ------
    async iterator of Block
        Raises Unavailable when the card is busy, unplugged or silent for 10 s.

    Raises
    ------
    Unavailable, BadConfig
        As `find` does.
    """
    found = await find(wanted, program=program) if isinstance(wanted, str) else wanted
    async with aclosing(_captured(program, found.pcm, rate_hz)) as blocks:
        yield blocks


async def _listed(program: str) -> tuple[Microphone, ...]:
    process = await _started(program, "-l")
    listing, _ = await process.communicate()  # without any sound card: an error, and no line
    cards = _CARDS.read_text(errors="replace") if _CARDS.exists() else ""
    return parse_listing(listing.decode(errors="replace"), cards)


async def _started(program: str, *arguments: str, stdout: int | FileIO = PIPE) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=DEVNULL,
            stdout=stdout,
            stderr=PIPE,
            env={**os.environ, "LC_ALL": "C"},  # we read its words
        )
    except OSError as e:
        msg = f"cannot start {program} ({e.strerror}); Debian's package is alsa-utils"
        raise BadConfig(msg) from e


async def _listen(process: Process, complaints: _Complaints, pipe: SoundPipe) -> None:
    assert process.stderr is not None  # noqa: S101 (opened as a pipe)
    async for line in process.stderr:
        text = line.decode(errors="replace").strip()
        pipe.lost(lost_s(text))
        complaints.last.append(text)


async def _captured(program: str, pcm: str, rate_hz: int) -> AsyncGenerator[Block]:
    with suppress(_FormatRefused):
        async with aclosing(_recorded(program, pcm, rate_hz, *_WIDE)) as blocks:
            async for block in blocks:
                yield block
    async with aclosing(_recorded(program, pcm, rate_hz, *_NARROW)) as blocks:
        async for block in blocks:
            yield block


async def _recorded(
    program: str, pcm: str, rate_hz: int, name: str, sample: np.dtype[np.signedinteger]
) -> AsyncGenerator[Block]:
    length = sample.itemsize * rate_hz // _BLOCKS_PER_S
    with SoundPipe(length) as pipe:
        process = await _started(
            *(program, "-q", "-D", pcm, "-f", name, "-r", str(rate_hz), "-c", "1"),
            *("-t", "raw", f"--buffer-time={_BUFFER_US}", f"--period-time={_PERIOD_US}"),
            stdout=pipe.writer,
        )
        pipe.writer.close()
        complaints = _Complaints()
        listening = asyncio.create_task(_listen(process, complaints, pipe))
        try:
            while True:
                lost_s, data = await _piece(pipe, length)
                if not data:
                    await listening
                    raise complaints.error()
                yield Block(_floats(data, sample), round(lost_s * rate_hz))
        finally:
            pipe.close()  # a recorder that still writes ends
            await _ended(process, listening)


async def _piece(pipe: SoundPipe, length: int) -> tuple[float, bytes]:
    try:
        async with asyncio.timeout(_SILENT_CARD_S):
            return await pipe.read(length)
    except TimeoutError:
        msg = f"microphone: nothing heard from the sound card for {_SILENT_CARD_S:.0f} s"
        raise Unavailable(msg) from None


def _floats(data: bytes, sample: np.dtype[np.signedinteger]) -> NDArray[np.float32]:
    whole = len(data) // sample.itemsize
    full_scale = np.float32(2 ** (8 * sample.itemsize - 1))
    # float32 holds 24 bits, which is more than any microphone has
    return np.frombuffer(data, sample, whole).astype(np.float32) / full_scale


async def _ended(process: Process, listening: asyncio.Task[None]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await process.wait()
    except TimeoutError:
        process.kill()
    await asyncio.gather(process.wait(), listening)
