"""How labels are named in the stored form of a window, now and before."""

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

_SCORE: Final = Struct("<HH")


def packed_names(labels: bytes, known: Sequence[str]) -> bytes:
    r"""Places that occur, ascending, each with its name: a taxonomy may change.

    >>> packed_names(bytes([1, 1]), ("birds", "siren"))
    b'\x01\x05siren'
    """
    return b"".join([_named(place, known[place]) for place in sorted(set(labels))])


def renamed(labels: bytes, names: bytes, known: Sequence[str]) -> bytes:
    r"""Labels with the places that they have now.

    >>> list(renamed(bytes([1, 1]), b"\x01\x05siren", ("siren",)))
    [0, 0]
    """
    return labels.translate(_places(names, tuple(known)))


@lru_cache(maxsize=1 << 10)
def _named(place: int, name: str) -> bytes:
    return bytes([place, len(name)]) + name.encode()


@lru_cache(maxsize=1 << 12)
def _places(names: bytes, known: tuple[str, ...]) -> bytes:
    table = bytearray(range(256))
    at = 0
    while at < len(names):
        end = at + 2 + names[at + 1]
        table[names[at]] = known.index(names[at + 2 : end].decode())
        at = end
    return bytes(table)


def old_scores(stored: bytes) -> dict[int, list[tuple[str, int]]]:
    """Labels and scores by second, of the first format: a name, then its seconds with scores."""
    scores: dict[int, list[tuple[str, int]]] = {}
    at = 0
    while at < len(stored):
        begin = at + 1 + stored[at]
        label = stored[at + 1 : begin].decode()
        at = begin + 2 + _SCORE.size * int.from_bytes(stored[begin : begin + 2], "little")
        for n, score in _SCORE.iter_unpack(stored[begin + 2 : at]):
            scores.setdefault(n, []).append((label, score))
    return scores
