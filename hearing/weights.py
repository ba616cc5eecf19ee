"""What an ONNX file refers to, read without a runtime: only the bones of its protobuf."""

from collections.abc import Iterator, Mapping
from typing import Final

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_FIXED: Final = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_LONGEST_VARINT: Final = 10
_EXTERNAL_DATA: Final = 13

# message -> field number -> the message it holds, as far as tensors can lie below it
_BELOW: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


def refers_to_files(content: bytes) -> bool:
    """Whether some tensor's numbers lie in another file.

    Parameters
    ----------
    content : bytes
        An ONNX model.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If it is none: cut off, or no protobuf.

    Examples
    --------
    >>> refers_to_files(b"")
    False
    >>> refers_to_files(bytes.fromhex("3a042a026a00"))  # graph, initializer, external data
    True
    """
    return _refers(memoryview(content), "model")


def _refers(content: memoryview, message: str) -> bool:
    below = _BELOW[message]
    for number, part in _fields(content):
        if message == "tensor" and number == _EXTERNAL_DATA:
            return True
        if part is not None and number in below and _refers(part, below[number]):
            return True
    return False


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Number of each field, and its bytes if it has a length."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        part = None
        if kind == _VARINT:
            _, at = _varint(content, at)
        elif kind == _BYTES:
            length, at = _varint(content, at)
            part = content[at : at + length]
            at += length
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError("no protobuf")
        if at > len(content):
            raise ValueError("ends too early")
        yield number, part


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for n in range(_LONGEST_VARINT):
        if at + n >= len(content):
            raise ValueError("ends too early")
        value |= (content[at + n] & 0x7F) << (7 * n)
        if content[at + n] < 0x80:  # noqa: PLR2004  # the last byte of a number
            return value, at + n + 1
    raise ValueError("no protobuf")
