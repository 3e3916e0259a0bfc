"""MPNet in ONNX, node by node.

tf2onnx copies each of 110 million weights so often that it took more than 15 GB and was killed. The graph is small and
known, and ONNX has layer normalisation as one operator.
"""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.deep.networks.mpnet import distance_buckets

MPNET_NAME: Final = "mpnet"
"""Of the encoder inside a network."""
_FIRST_POSITION: Final = 2
_MASKED: Final = -1e9
_OPSET: Final = 17


def mpnet_to_onnx(network: keras.Model, longest: int) -> bytes:
    """A `transformer` around `mpnet`: int32 ids (n, width), float32 logits (n, 3); width at most `longest`."""
    body = network.get_layer(MPNET_NAME)
    graph = _Graph(body.get_layer("layer_0").heads, float(body.get_layer("embeddings").norm.epsilon))
    words, positions, *norm = body.get_layer("embeddings").get_weights()
    places = positions[_FIRST_POSITION : _FIRST_POSITION + longest]
    longest = len(places)
    there = graph.add(
        "Cast", graph.add("Not", graph.add("Equal", "ids", graph.held(np.int32(0)))), to=TensorProto.FLOAT
    )
    ends = graph.add("Slice", graph.add("Shape", "ids"), graph.ints(1), graph.ints(2))
    x = graph.add("Gather", graph.held(words), "ids")
    x = graph.norm(graph.add("Add", x, graph.slice(graph.held(places), ends, 0)), norm)
    (table,) = body.get_layer("attention_bias").get_weights()
    near = table[distance_buckets(longest, len(table))].transpose(2, 0, 1)[None]
    near = graph.slice(graph.slice(graph.held(near), ends, 2), ends, 3)
    absent = graph.add("Sub", graph.held(np.float32(1)), there)
    absent = graph.add("Mul", graph.add("Unsqueeze", absent, graph.ints(1, 2)), graph.held(np.float32(_MASKED)))
    bias = graph.add("Add", near, absent)
    layers = [one.name for one in body.layers if one.name.startswith("layer_")]
    for name in layers:
        x = graph.layer(name, x, bias, body.get_layer(name).get_weights())
    weight = graph.add("Unsqueeze", there, graph.ints(2))
    axis = graph.ints(1)
    count = graph.add("Max", graph.add("ReduceSum", weight, axis, keepdims=0), graph.held(np.float32(1)))
    pooled = graph.add("Div", graph.add("ReduceSum", graph.add("Mul", x, weight), axis, keepdims=0), count)
    graph.linear("logits", pooled, network.get_layer("logits").get_weights(), out="answer")
    return graph.finished()


class _Graph:
    """Nodes and what they hold; each node's output has its name."""

    def __init__(self, heads: int, epsilon: float) -> None:
        self._heads, self._epsilon = heads, epsilon
        self._nodes: list[Any] = []
        self._held: list[Any] = []

    def held(self, array: Any, name: str | None = None) -> str:
        """A constant."""
        name = name or f"held_{len(self._held)}"
        self._held.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of whole numbers."""
        return self.held(np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, name: str | None = None, **options: Any) -> str:
        """A node; the name of its output."""
        name = name or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **options))
        return name

    def slice(self, x: str, ends: str, axis: int) -> str:
        """The first so many along an axis."""
        return self.add("Slice", x, self.ints(0), ends, self.ints(axis))

    def linear(self, name: str, x: str, weights: list[NDArray[Any]], out: str | None = None) -> str:
        """A dense layer; its product has the name by which `convert.KEPT_FLOAT` knows it."""
        kernel, bias = weights
        product = self.add("MatMul", x, self.held(kernel, f"{name}/kernel"), name=name)
        return self.add("Add", product, self.held(bias), name=out)

    def norm(self, x: str, weights: list[NDArray[Any]]) -> str:
        """Layer normalisation."""
        return self.add("LayerNormalization", x, *map(self.held, weights), axis=-1, epsilon=self._epsilon)

    def layer(self, name: str, x: str, bias: str, weights: list[NDArray[Any]]) -> str:
        """As `EncoderLayer.call`; its weights in the order of its parts."""
        size = len(weights[0])
        each = size // self._heads
        kernel, shift = (part.copy() for part in weights[:2])
        kernel[:, :size] *= each**-0.5  # the logits' scale, once and for all
        shift[:size] *= each**-0.5
        split = self.linear(f"{name}/query_key_value", x, [kernel, shift])
        split = self.add("Reshape", split, self.ints(0, 0, 3, self._heads, each))
        parts = [self.add("Gather", split, self.held(np.int64(part)), axis=2) for part in range(3)]
        query, value = (self.add("Transpose", parts[part], perm=(0, 2, 1, 3)) for part in (0, 2))
        key = self.add("Transpose", parts[1], perm=(0, 2, 3, 1))
        share = self.add("Softmax", self.add("Add", self.add("MatMul", query, key), bias), axis=-1)
        seen = self.add("Transpose", self.add("MatMul", share, value), perm=(0, 2, 1, 3))
        seen = self.add("Reshape", seen, self.ints(0, 0, size))
        seen = self.linear(f"{name}/attention_out", seen, weights[2:4])
        x = self.norm(self.add("Add", x, seen), weights[4:6])
        wide = self.linear(f"{name}/widening", x, weights[6:8])
        error = self.add("Erf", self.add("Div", wide, self.held(np.float32(2**0.5))))
        gelu = self.add(
            "Mul", self.add("Mul", wide, self.add("Add", error, self.held(np.float32(1)))), self.held(np.float32(0.5))
        )
        narrow = self.linear(f"{name}/narrowing", gelu, weights[8:10])
        return self.norm(self.add("Add", x, narrow), weights[10:12])

    def finished(self) -> bytes:
        """The model."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT32, [None, None])
        answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, 3])
        graph = helper.make_graph(self._nodes, "mpnet", [ids], [answer], self._held)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
        return bytes(made.SerializeToString())
