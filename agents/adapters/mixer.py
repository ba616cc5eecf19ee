"""Asks a sound card how its inputs are set, by ALSA's `amixer`."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE

from agents.mixer import Gain, parse


async def gain(card: str, *, program: str = "amixer") -> Gain | None:
    """How the inputs of a card are set.

    Parameters
    ----------
    card : str
        Its id; empty: not known, as of a pcm of one's own.
    program : str
        The mixer.

    Returns
    -------
    tuple of str or None
        As `agents.mixer.parse` gives it; None if it cannot be told.
    """
    if not card:
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, "-c", card, "scontents"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, "LC_ALL": "C"},  # we read its words
        )
    except OSError:
        return None
    contents, _ = await process.communicate()
    return None if process.returncode else parse(contents.decode(errors="replace"))
