import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from inference import quantisation
from inference.conversion import convert
from inference.encoder import bundled_model


def product(weights: np.ndarray, *, transposed: bool, name: str = "dense") -> openvino.Model:
    """A model of one product with constant weights."""
    rows = weights.shape[1] if transposed else weights.shape[0]
    given = ops.parameter([-1, rows], np.float32)
    made = ops.matmul(given, ops.constant(weights), False, transposed)
    made.set_friendly_name(name)
    return openvino.Model([made], [given])


def run(model: openvino.Model, values: np.ndarray) -> np.ndarray:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(values)[0])


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("length", [64, 128, 50])
def test_products_stay_within_a_hundredth(length: int, *, transposed: bool) -> None:
    random = np.random.default_rng(7)
    weights = random.normal(size=(96, length)).astype(np.float32)
    values = random.normal(size=(5, length)).astype(np.float32)
    exact = values @ weights.T
    model = product(weights if transposed else weights.T.copy(), transposed=transposed)
    assert quantisation.quantise(model) == 1
    found = run(model, values)
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.01


def test_rows_of_zeros_stay_zeros() -> None:
    model = product(np.zeros((4, 64), np.float32), transposed=True)
    quantisation.quantise(model)
    assert not run(model, np.ones((1, 64), np.float32)).any()


def test_value_projections_stay_exact() -> None:
    model = product(np.ones((4, 64), np.float32), transposed=True, name="layer.0.attention.self.value/linear")
    assert quantisation.quantise(model) == 0


def test_every_layer_of_the_encoder_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("model") / "encoder"
    convert(bundled_model(), folder)
    model = openvino.Core().read_model(folder / "model.xml")
    assert quantisation.quantise(model) == 30  # six layers of query, key, output and two of the feed-forward
