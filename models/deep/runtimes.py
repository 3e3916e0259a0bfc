"""What runs a network: onnxruntime or LiteRT, imported when a model of that format is opened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.extras import what_to_install


class Network(Protocol):
    """Token ids in, logits out."""

    def logits(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, width) token ids, 0 for none, to (n, 3)."""
        ...


class OnnxNetwork:
    """A network in ONNX: one input of int32 ids, one output of logits."""

    def __init__(self, content: bytes, threads: int = 1) -> None:
        """Open it.

        Args:
            threads: one, since the worker, the API and the cascade bring threads of their own.

        Raises:
            ArtefactError: onnxruntime is not installed or refuses the network.
        """
        try:
            import onnxruntime
        except ImportError:
            raise ArtefactError(f"a model in ONNX cannot be opened: {what_to_install('onnxruntime')}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise ArtefactError(f"onnxruntime refuses the network: {str(error).splitlines()[0]}") from None
        self._input = self._session.get_inputs()[0].name

    def logits(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, width) token ids, 0 for none, to (n, 3)."""
        answer: NDArray[np.float32] = self._session.run(None, {self._input: ids})[0]
        return answer


class LiteRtNetwork:
    """A network in LiteRT (TFLite): resized to each batch, so that one thread at a time uses it."""

    def __init__(self, content: bytes, threads: int = 1) -> None:
        """Open it.

        Raises:
            ArtefactError: ai-edge-litert is not installed or refuses the network.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ArtefactError(f"a model in LiteRT cannot be opened: {what_to_install('ai_edge_litert')}") from None
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
        except ValueError as error:
            raise ArtefactError(f"LiteRT refuses the network: {str(error).splitlines()[0]}") from None
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._width = int(self._input["shape_signature"][1])
        self._shape: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def logits(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, width) token ids, 0 for none, to (n, 3)."""
        if self._width > 0:  # a network of fixed width reads that much of every text
            ids = np.pad(ids, ((0, 0), (0, self._width - ids.shape[1])))
        with self._lock:
            if self._shape != ids.shape:
                self._interpreter.resize_tensor_input(self._input["index"], ids.shape)
                self._interpreter.allocate_tensors()
                self._shape = ids.shape
            self._interpreter.set_tensor(self._input["index"], ids)
            self._interpreter.invoke()
            answer: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        return answer


RUNTIMES: Final[dict[str, Callable[[bytes], Network]]] = {"onnx": OnnxNetwork, "litert": LiteRtNetwork}
