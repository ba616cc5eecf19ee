"""INT8 weights and activations: a third of the time, shipped only if no class suffers."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from hearing.clips import Patches
from hearing.judging import Report
from schemas.base import Frozen
from training.equalise import equalised

TOLERANCE: Final = 0.01
"""What a class may lose of average precision: one point."""

_ROUNDED: Final = 1e-4
"""To how much reports round their figures."""
_PER_RUN: Final = 64
_KEPT: Final = 99.99
"""Percent of the activations that are within the scale: one outlier would coarsen all others."""
_ROUNDS: Final = 15
_WARM_UP: Final = 2


class ClassLoss(Frozen):
    """One class, float minus INT8: what it loses."""

    clips: int
    average_precision: float
    recall: float

    @property
    def bearable(self) -> bool:
        """At most one point of average precision, however few clips the class has."""
        return self.average_precision <= TOLERANCE + _ROUNDED / 2


class Verdict(Frozen):
    """INT8 against float, on recordings that the model never heard."""

    float_ms: float
    int8_ms: float
    float_accuracy: float | None
    int8_accuracy: float | None
    classes: Mapping[str, ClassLoss]

    @property
    def ships(self) -> bool:
        """Whether INT8 is to be shipped: faster, and every class bears it."""
        bearable = all(loss.bearable for loss in self.classes.values())
        return self.int8_ms < self.float_ms and bearable


def quantised(weights: bytes, patches: Patches) -> bytes:
    """The same network with its convolutions in INT8.

    Static, with scales per channel of the weights. The first convolution stays as it is: it sees
    the whole range of the input, and costs least.

    Parameters
    ----------
    weights : bytes
        ONNX, one input.
    patches : ndarray of uint8 or float32, shape (n, ...), n >= 1
        Of the training recordings, to see how large activations get; a thousand will do.

    Returns
    -------
    bytes
        ONNX of the same input and output, with QDQ nodes around the convolutions.
    """
    # onnxruntime prints how it calibrates
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        prepared, target = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        # batch normalisation goes into the convolutions before anything is rounded
        model = onnx.load_from_string(weights)
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        network = equalised(onnx.load(prepared))
        convolutions = [node.name for node in network.graph.node if node.op_type == "Conv"]
        quantization.quantize_static(
            network,
            target,
            _Calibration(network.graph.input[0].name, patches),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=convolutions[:1],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            # a run at a time: the activations of all of them would take gigabytes
            extra_options={"CalibPercentile": _KEPT, "CalibStridedMinMax": 1},
        )
        return target.read_bytes()


class _Calibration(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Patches in runs, as onnxruntime asks for them: a stride of them, then the next."""

    def __init__(self, name: str, patches: Patches) -> None:
        self._name = name
        runs = -(-len(patches) // _PER_RUN)
        filled = np.resize(patches, (runs * _PER_RUN, *patches.shape[1:]))  # all runs of one size
        self._runs: Sequence[Patches] = np.split(filled, runs)
        self._left: Iterator[Patches] = iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = iter(self._runs[start_index:end_index])

    def get_next(self) -> dict[str, Patches] | None:
        run = next(self._left, None)
        return None if run is None else {self._name: run}


def losses(exact: Report, rounded: Report) -> dict[str, ClassLoss]:
    """What each class loses from one report to another.

    Parameters
    ----------
    exact, rounded : Report
        Of the float and of the INT8 network, on the same clips.

    Returns
    -------
    dict of str to ClassLoss
        Of the labels that occur.
    """
    return {
        label: ClassLoss(
            clips=before.clips,
            average_precision=_lost(before.average_precision, after.average_precision),
            recall=_lost(before.recall, after.recall),
        )
        for (label, before), after in zip(
            exact.classes.items(), rounded.classes.values(), strict=True
        )
    }


def _lost(before: float | None, after: float | None) -> float:
    return round((before or 0.0) - (after or 0.0), 4)


def times_ms(exact: bytes, rounded: bytes, patches: Patches) -> tuple[float, float]:
    """What a patch costs either network in batches of 64, one thread, taking turns.

    Parameters
    ----------
    exact, rounded : bytes
        ONNX.
    patches : ndarray of uint8 or float32, shape (n, ...), n >= 1
        What to give them.

    Returns
    -------
    tuple of float
        Median CPU time of a patch, ms.
    """
    batch = np.resize(patches, (_PER_RUN, *patches.shape[1:]))
    sessions = [_session(exact), _session(rounded)]
    spent = [[_run_s(session, batch) for session in sessions] for _ in range(_WARM_UP + _ROUNDS)]
    exact_s, rounded_s = np.median(spent[_WARM_UP:], axis=0) / _PER_RUN
    return round(1000 * float(exact_s), 4), round(1000 * float(rounded_s), 4)


def _run_s(session: onnxruntime.InferenceSession, batch: Patches) -> float:
    before = time.process_time()
    session.run(None, {session.get_inputs()[0].name: batch})
    return time.process_time() - before


def _session(weights: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
