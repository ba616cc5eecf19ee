"""A sound that is sent is heard in memory and forgotten."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api import problems
from api.access import key_with
from api.keys import Scope
from api.services import Known
from api.sounds import BadSound, Heard

router = APIRouter(prefix="/v1", tags=["sounds"])

MOST_BYTES: Final = 10 * 1024 * 1024
_WITHIN_S: Final = 60.0
_SOUNDS: Final = (
    "audio/wav",
    "audio/flac",
    "audio/ogg",
    "audio/mpeg",
    "application/octet-stream",
)
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _SOUNDS
        },
    }
}


@router.post(
    "/classify",
    dependencies=[key_with(Scope.CLASSIFY)],
    openapi_extra=_BODY,
    responses=problems.documented(408, 413, 415),
)
async def classify(request: Request, services: Known) -> Heard:
    """Hear a sound: its labels, how sure they are, and whether a person should listen.

    The body is the sound file itself: WAV, FLAC, Ogg or MP3, at most 10 MiB and 5 minutes. It is
    held in memory while it is heard, and stored nowhere.
    """
    if services.ears is None:
        raise HTTPException(404, "no sounds are taken here: CITYHUM_API_CLASSIFY")
    if not _is_sound(request):
        raise HTTPException(415, "send the sound itself, with Content-Type: audio/wav")
    if services.sounds.locked():
        raise HTTPException(503, "too many sounds at once", {"Retry-After": "2"})
    async with services.sounds:
        sound = await _received(request)
        try:
            return await run_in_threadpool(services.ears.hear, sound)
        except BadSound as error:
            raise HTTPException(422, str(error)) from None


def _is_sound(request: Request) -> bool:
    sent = request.headers.get("content-type", "")
    return sent.startswith(("audio/", "application/octet-stream"))


async def _received(request: Request) -> bytes:
    """The body, piece by piece, refused as soon as it is too large: announced or not."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MOST_BYTES:
        raise _too_large()
    sound = bytearray()
    try:
        async with asyncio.timeout(_WITHIN_S):
            async for piece in request.stream():
                sound += piece
                if len(sound) > MOST_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise HTTPException(408, f"not all here after {_WITHIN_S:g} s") from None
    return bytes(sound)


def _too_large() -> HTTPException:
    return HTTPException(413, f"larger than {MOST_BYTES // 1024**2} MiB")
