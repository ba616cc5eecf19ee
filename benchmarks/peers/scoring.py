"""What every peer of classify does to a record; needs onnxruntime and nothing of ours."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


class Scorer:
    """The model, on one thread, records of `{"id", "codes"}` in and `{"id", "scores"}` out."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def answers(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Score some records in one call."""
        codes = [np.frombuffer(base64.b64decode(each["codes"]), np.uint8) for each in records]
        logits = self._session.run(None, {"codes": np.stack(codes).reshape(-1, 32, 32)})[0]
        scores = 1 / (1 + np.exp(-logits))
        return [
            {"id": record["id"], "scores": [round(float(score), 3) for score in row]}
            for record, row in zip(records, scores, strict=True)
        ]

    def encoded(self, values: Sequence[bytes]) -> list[bytes]:
        """The same, from JSON to JSON."""
        answers = self.answers([json.loads(value) for value in values])
        return [json.dumps(answer).encode() for answer in answers]
