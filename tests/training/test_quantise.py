import numpy as np
import onnx
import onnxruntime
import pytest

from training.equalise import equalised
from training.quantise import ClassLoss, Verdict, quantised

WIDTHS = (2, 8, 8)


def loss(clips: int = 200, average_precision: float = 0.0, recall: float = 0.0) -> ClassLoss:
    return ClassLoss(clips=clips, average_precision=average_precision, recall=recall)


def verdict(*losses: ClassLoss, int8_ms: float = 0.1) -> Verdict:
    return Verdict(
        float_ms=0.3, int8_ms=int8_ms, float_accuracy=0.8, int8_accuracy=0.8,
        classes={str(n): each for n, each in enumerate(losses)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "ships"),
    [
        (verdict(loss(), loss(average_precision=0.01, recall=-0.2)), True),
        (verdict(loss(), loss(average_precision=0.011)), False),
        (verdict(loss(clips=24, average_precision=0.011)), False),
        (verdict(loss(clips=24, recall=1 / 24)), True),
        (verdict(loss(), int8_ms=0.3), False),
    ],
)
def test_int8_ships_if_it_is_faster_and_no_class_loses_more_than_a_point(
    found: Verdict, *, ships: bool
) -> None:
    assert found.ships is ships


def network() -> onnx.ModelProto:
    """Two convolutions with a ReLU between; channels of very unlike size."""
    rng = np.random.default_rng(2)
    scale = np.geomspace(0.01, 10, WIDTHS[1])
    first = rng.normal(0, 1, (WIDTHS[1], WIDTHS[0], 3, 3)) * scale[:, None, None, None]
    second = rng.normal(0, 1, (WIDTHS[2], WIDTHS[1], 3, 3)) / scale[None, :, None, None]
    weights = {"w1": first, "b1": rng.normal(0, 1, WIDTHS[1]) * scale, "w2": second}
    nodes = [
        onnx.helper.make_node("Conv", ["x", "w1", "b1"], ["a"], name="first", pads=[1] * 4),
        onnx.helper.make_node("Relu", ["a"], ["r"]),
        onnx.helper.make_node("Conv", ["r", "w2"], ["y"], name="second", pads=[1] * 4),
    ]
    shapes = [("x", WIDTHS[0]), ("y", WIDTHS[2])]
    given, made = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", channels, 8, 8])
        for name, channels in shapes
    )
    tensors = [
        onnx.numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()
    ]
    graph = onnx.helper.make_graph(nodes, "tiny", [given], [made], tensors)
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def test_equalised_weights_make_the_same_function_of_even_channels() -> None:
    x = np.random.default_rng(3).normal(0, 1, (4, WIDTHS[0], 8, 8)).astype(np.float32)
    even = equalised(network())
    assert run(even.SerializeToString(), x) == pytest.approx(
        run(network().SerializeToString(), x), rel=1e-3, abs=1e-3
    )
    (second,) = (t for t in even.graph.initializer if t.name == "w2")
    largest = np.abs(onnx.numpy_helper.to_array(second)).max(axis=(0, 2, 3))
    assert largest == pytest.approx(largest[0], rel=1e-4)


def test_int8_is_nearly_the_same_function() -> None:
    x = np.random.default_rng(3).normal(0, 1, (100, WIDTHS[0], 8, 8)).astype(np.float32)
    exact = network().SerializeToString()
    rounded = quantised(exact, x)
    assert b"QuantizeLinear" in rounded
    before, after = run(exact, x), run(rounded, x)
    assert np.sqrt(((after - before) ** 2).mean()) < 0.02 * before.std()
