"""A deep model of a dozen words, built by hand: every word has its logits, a text the sum of its words'."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.deep.cleaning import CLEANING
from models.deep.model import DeepModel
from training.deep.data.vocabulary import build_vocabulary, vocabulary_of

WORDS = {
    "love": (0, 0, 6),
    "hate": (6, 0, 0),
    "not": (0, 2, 0),
    "gate": (0, 4, 0),
    "the": (0, 0, 0),
    "@user": (0, 0, 0),
}


def tiny_model(**noted: Any) -> DeepModel:
    """It knows `WORDS`."""
    tokenizer = build_vocabulary([*WORDS, *WORDS], 50, 1)
    table = np.array([WORDS.get(word, (0, 0, 0)) for word in vocabulary_of(tokenizer)], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["words"]),
            helper.make_node("ReduceSum", ["words", "axes"], ["logits"], keepdims=0),
        ],
        "tiny",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["n", "width"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(network)
    metadata = {"family": "student", "runtime": "onnx", "cleaning": CLEANING, "longest": 8, **noted}
    return DeepModel(metadata, tokenizer.to_str().encode(), network.SerializeToString())
