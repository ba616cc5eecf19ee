"""Models of a few bytes, and models that are wrong in one way; no training library needed."""

import hashlib
from pathlib import Path

import numpy as np

from hearing.manifest import Input, Manifest
from tests.manifests import manifest

LABELS = ("siren", "dog_bark")
FLOAT, UINT8 = 1, 2

_INT = 2


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A protobuf message."""
    return b"".join(
        _varint(number << 3) + _varint(value)
        if isinstance(value, int)
        else _varint(number << 3 | 2) + _varint(len(value)) + value
        for number, value in fields
    )


def _varint(value: int) -> bytes:
    head = b""
    while value > 0x7F:
        head, value = head + bytes([value & 0x7F | 0x80]), value >> 7
    return head + bytes([value])


def tensor(name: str, values: np.ndarray) -> bytes:
    """A tensor of float32 in the file itself."""
    dims = [(1, n) for n in values.shape]
    raw = values.astype("<f4").tobytes()
    return message(*dims, (2, FLOAT), (8, name.encode()), (9, raw))


def outside(name: str, shape: tuple[int, ...], file: str) -> bytes:
    """A tensor whose numbers lie in another file."""
    dims = [(1, n) for n in shape]
    location = message((1, b"location"), (2, file.encode()))
    return message(*dims, (2, FLOAT), (8, name.encode()), (13, location), (14, 1))


def node(kind: str, given: list[str], made: str, **attributes: int) -> bytes:
    """An operator."""
    told = [(5, message((1, k.encode()), (3, v), (20, _INT))) for k, v in attributes.items()]
    return message(*((1, g.encode()) for g in given), (2, made.encode()), (4, kind.encode()), *told)


def value(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    """An input or output; a named dimension is free."""
    dims = [(1, message((1, n) if isinstance(n, int) else (2, n.encode()))) for n in shape]
    of_type = message((1, message((1, kind), (2, message(*dims)))))
    return message((1, name.encode()), (2, of_type))


def network(
    *,
    kind: int = UINT8,
    batch: int | str = "n",
    shape: tuple[int, ...] = (32, 32),
    labels: int = len(LABELS),
    weights: bytes | None = None,
    nodes: tuple[bytes, ...] = (),
) -> bytes:
    """ONNX: the logits are weighted sums of all codes."""
    size = int(np.prod(shape))
    given = weights or tensor("weights", np.full((size, labels), 1 / size))
    steps = nodes or (node("Cast", ["codes"], "level", to=FLOAT),)
    graph = message(
        *((1, step) for step in steps),
        (1, node("Flatten", ["level"], "flat", axis=1)),
        (1, node("MatMul", ["flat", "weights"], "logits")),
        (2, b"tiny"),
        (5, given),
        (11, value("codes", kind, (batch, *shape))),
        (12, value("logits", FLOAT, (batch, labels))),
    )
    return message((1, 8), (7, graph), (8, message((1, b""), (2, 17))))


def model_folder(folder: Path, content: bytes | None = None, **overrides: object) -> Path:
    """A model's folder; its manifest vouches for whatever the weights are."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = network() if content is None else content
    (folder / "model.onnx").write_bytes(weights)
    digest = hashlib.sha256(weights).hexdigest()
    said = tiny_manifest(**{"sha256": digest, **overrides})
    (folder / "manifest.json").write_text(said.model_dump_json())
    return folder


def tiny_manifest(**overrides: object) -> Manifest:
    """Of the network above, unchecked where overridden."""
    said = manifest(**dict.fromkeys(LABELS, 0.5)).model_copy(update={"name": "tiny"})
    return said.model_copy(update=overrides)


def shaped(*shape: int, frontend: str = "mel32x8") -> Input:
    """An input of other patches."""
    return Input.model_validate({"frontend": frontend, "rate_hz": 16_000, "shape": shape})
