"""Scores of an ONNX file, by ONNX Runtime when it is installed, else by onnx's reference evaluator.
"""
import pathlib

import numpy as np
import onnx

from . import corpus

try:
    import onnxruntime
except ImportError:
    onnxruntime = None


class Model:
    """A scorer read from a file. Raises ValueError when the file is not a usable model."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        data = self.path.read_bytes()
        try:
            proto = onnx.load_model_from_string(data)
            self._run = _session(data, proto)
        except Exception as error:  # each runtime has its own exceptions for a bad file
            raise ValueError(f"{path}: {error}") from error
        self.input, rows = _input(path, proto)
        # A dynamically quantised graph takes one scale per batch, so that a row's score would
        # depend on its neighbours; it is fed row by row. So is one that takes one row only.
        self.row_by_row = rows == 1 or any(
            n.op_type == "DynamicQuantizeLinear" for n in proto.graph.node)

    def batch(self, x):
        """float32 [N] for rows x [N,6], all in one batch."""
        return self._run(self.input, np.ascontiguousarray(x, np.float32)).reshape(-1)

    def scores(self, x):
        """float32 [N] for rows x [N,6], each row's score depending on that row alone."""
        if not self.row_by_row:
            return self.batch(x)
        x = np.ascontiguousarray(x, np.float32)
        return np.concatenate([self.batch(x[i:i + 1]) for i in range(len(x))])


def _input(path, proto):
    """Name of the input, and the number of rows it takes at a time (0: any)."""
    initializers = {t.name for t in proto.graph.initializer}
    inputs = [i for i in proto.graph.input if i.name not in initializers]
    if len(inputs) != 1:
        raise ValueError(f"{path}: has {len(inputs)} inputs, not one")
    dims = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    if len(dims) != 2 or dims[0] not in (0, 1) or dims[1] not in (0, len(corpus.FEATURES)):
        raise ValueError(f"{path}: its input is [{','.join(str(d) if d else 'N' for d in dims)}], "
                         f"not [N,{len(corpus.FEATURES)}]")
    return inputs[0].name, dims[0]


def _session(data, proto):
    if onnxruntime is None:
        from onnx.reference import ReferenceEvaluator
        evaluator = ReferenceEvaluator(proto)
        return lambda name, x: evaluator.run(None, {name: x})[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda name, x: session.run(None, {name: x})[0]
