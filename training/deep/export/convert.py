"""A trained network in the formats that serve: ONNX and LiteRT, each also with weights of one byte."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf

from training.deep.export.mpnet_onnx import MPNET_NAME, mpnet_to_onnx
from training.deep.networks.transformer import MPNET
from training.deep.runs.work_folder import Finished, built

FORMATS: Final = ("onnx", "onnx-int8", "litert", "litert-int8")
"""What `converted` makes of a network; `native` is TensorFlow's own."""
_OPSET: Final = 17
_QUANTIZED: Final = ("MatMul", "Gather", "LSTM")
"""Convolutions stay in float32: few weights, and onnxruntime is eight times slower with theirs in one byte."""

KEPT_FLOAT: Final = {MPNET: re.compile(r"layer_(?:0|6|7|8|9|10)/narrowing")}
"""Matrix products that stay in float32, by member. What goes into these of MPNet has values up to 100 beside many below
1: one scale for both loses the small ones, and 3 to 7 points of accuracy with them."""


def converted(finished: Finished, form: str) -> bytes:
    """The network in one of `FORMATS`: int32 ids (n, width) in, float32 logits (n, 3) out."""
    if form.startswith("onnx"):
        content = to_onnx(finished.network, finished.longest)
        return quantized_onnx(content, KEPT_FLOAT.get(finished.member)) if form == "onnx-int8" else content
    network = finished.network
    if finished.member in ("bilstm", "bigru"):
        # LiteRT has no lists of tensors: the recurrence is written out for the longest text.
        network = built(finished.family, finished.params, finished.tokenizer, width=finished.longest)
        network.set_weights(finished.network.get_weights())
    return to_litert(network, quantized=form == "litert-int8")


def runtime_of(form: str) -> str:
    """What runs that format."""
    return form.split("-")[0]


def to_onnx(network: keras.Model, longest: int = 512) -> bytes:
    """ONNX in float32; batch and width stay open.

    Args:
        longest: most tokens of a text, which bounds an MPNet's tables.
    """
    if any(layer.name == MPNET_NAME for layer in network.layers):
        return mpnet_to_onnx(network, longest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx and the protobuf it brings
        import tf2onnx

        made, _ = tf2onnx.convert.from_function(
            _function(network), input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")], opset=_OPSET
        )
    return bytes(made.SerializeToString())


def quantized_onnx(content: bytes, kept: re.Pattern[str] | None = None) -> bytes:
    """Weights of matrix products and embeddings in one byte, a scale per column; activations are scaled as they come.

    Dynamic quantization: no calibration set, and texts of any length.

    Args:
        kept: matrix products whose name it is found in stay in float32.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as scratch:
        before, after = Path(scratch) / "before.onnx", Path(scratch) / "after.onnx"
        network = onnx.load_from_string(content)
        onnx.save(network, str(before))
        products = [node.name for node in network.graph.node if node.op_type == "MatMul"]
        logging.disable(logging.WARNING)  # it advises a preparation that changes nothing here
        try:
            quantize_dynamic(
                before,
                after,
                per_channel=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=list(_QUANTIZED),
                nodes_to_exclude=[name for name in products if kept is not None and kept.search(name)],
            )
        finally:
            logging.disable(logging.NOTSET)
        return after.read_bytes()


def to_litert(network: keras.Model, *, quantized: bool) -> bytes:
    """LiteRT; quantized: weights in one byte (dynamic range), sums in float32."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    width = network.input_shape[1]  # None but for an unrolled recurrent net
    signature = _function(network).get_concrete_function(tf.TensorSpec((None, width), tf.int32, name="ids"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own deprecations
        # Frozen first: the converter loses the variables of Keras 3 otherwise.
        frozen = convert_variables_to_constants_v2(signature)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
        if quantized:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return bytes(converter.convert())


def _function(network: keras.Model) -> Any:
    return tf.function(lambda ids: network(ids, training=False), autograph=False)
