"""Eight-bit weights for processors that have fast integer products and no fast half-precision ones."""

from __future__ import annotations

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

_GROUP = 64  # weights that share a scale; one scale for a whole row costs twice the error
_ACTIVATION_GROUP = 32  # activations that share a scale, taken anew in every pass
_LARGEST = 127
# An attention's value projections are a twelfth of the work and carry a third of the error (measured by
# leaving out one product at a time): they stay exact, whatever a BERT-like model calls its layers.
_EXACT = ".self.value/"

# OpenVINO's name for how many activations share a scale; it takes effect for eight-bit weights only.
RUNTIME_OPTIONS = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": _ACTIVATION_GROUP}


def pays(core: openvino.Core) -> bool:
    """Whether eight-bit products are the fastest this processor has.

    With AMX it computes in bfloat16 anyway, which is as fast and more exact.
    """
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "INT8" in capabilities and "BF16" not in capabilities


def quantise(model: openvino.Model) -> int:
    """Give every product with constant weights eight-bit ones, in place; returns how many there were.

    Vectors keep a cosine above 0.999 to the exact ones (``make bench`` prints the least).
    """
    products = [node for node in model.get_ordered_ops() if _can_shrink(node)]
    for node in products:
        attributes = node.get_attributes()
        weights = np.asarray(node.input_value(1).get_node().data, dtype=np.float32)
        rows = weights if attributes["transpose_b"] else weights.T
        product = ops.matmul(node.input_value(0), _stored(rows), attributes["transpose_a"], True)
        product.set_friendly_name(node.get_friendly_name())
        for reader in node.output(0).get_target_inputs():
            reader.replace_source_output(product.output(0))
    model.validate_nodes_and_infer_types()
    return len(products)


def _can_shrink(node: openvino.Node) -> bool:
    if node.get_type_name() != "MatMul":
        return False
    if _EXACT in node.get_friendly_name():
        return False
    weights = node.input_value(1).get_node()
    return bool(weights.get_type_name() == "Constant" and weights.data.ndim == 2)


def _stored(rows: NDArray[np.float32]) -> openvino.Node:
    """The subgraph by which OpenVINO knows compressed weights: integers, converted, times their scale."""
    number, length = rows.shape
    group = _GROUP if length % _GROUP == 0 else length
    grouped = rows.reshape(number, length // group, group)
    scale = np.maximum(np.abs(grouped).max(axis=2, keepdims=True) / _LARGEST, np.finfo(np.float32).tiny)
    integers = ops.constant(np.rint(grouped / scale).astype(np.int8))
    exact = ops.multiply(ops.convert(integers, "f32"), ops.constant(scale.astype(np.float32)))
    return ops.reshape(exact, ops.constant(np.array([number, length], dtype=np.int64)), special_zero=False)
