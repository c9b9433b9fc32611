"""A Fitted network as ONNX bytes, and the sidecar that describes the file.

The graph is Sub(mean), Div(std), then Gemm and Relu in turn, a last Gemm and a Squeeze, at IR
version 10 and opset 17. The scaler is part of the graph: feed raw feature values.
"""
import hashlib

import numpy as np
import onnx
from onnx import TensorProto, helper

from .corpus import FEATURES
from .networks import layers, parameter_count

IR_VERSION = 10
OPSET = 17
INPUT, OUTPUT = "features", "vmaf"


def suffixed(name, i):
    return name if i == 0 else f"{name}_{i}"


def tensor(name, array):
    """An initializer stored little-endian in raw_data."""
    kind = TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT
    little = array.astype(array.dtype.newbyteorder("<"))
    return helper.make_tensor(name, kind, array.shape, little.tobytes(), raw=True)


def declared(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def build(fitted, shape):
    """onnx.ModelProto of a Fitted; checked by onnx.checker. Raises ValueError when weights are not
    finite or do not have the given layer widths."""
    expected = [(outputs, inputs) for inputs, outputs in layers(shape)]
    if [w.shape for w in fitted.weights] != expected:
        raise ValueError(f"weights do not have the shape {'-'.join(map(str, shape))}")
    initializers, nodes, values = [], [], []

    def add(op, inputs, output, name, width, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        if output != OUTPUT:
            values.append(declared(output, TensorProto.FLOAT, ["N", width]))
        return output

    value = add("Sub", [INPUT, "mean"], "sub", "node_sub", shape[0])
    value = add("Div", [value, "std"], "div", "node_div", shape[0])
    for i, (weight, bias) in enumerate(zip(fitted.weights, fitted.biases)):
        names = [f"mlp.{2 * i}.weight", f"mlp.{2 * i}.bias"]
        initializers += [tensor(names[0], weight), tensor(names[1], bias)]
        gemm = suffixed("linear", i)
        value = add("Gemm", [value] + names, gemm, f"node_{gemm}", shape[i + 1],
                    beta=1.0, transB=1, alpha=1.0, transA=0)
        if i + 1 < len(fitted.weights):
            relu = suffixed("relu", i)
            value = add("Relu", [value], relu, f"node_{relu}", shape[i + 1])
    add("Squeeze", [value, "val_0"], OUTPUT, "node_squeeze", None)
    initializers += [
        tensor("mean", fitted.mean.astype(np.float32)),
        tensor("std", fitted.std.astype(np.float32)),
        tensor("val_0", np.array([-1], np.int64)),
    ]
    for item in initializers:
        if item.data_type == TensorProto.FLOAT:
            if not np.isfinite(np.frombuffer(item.raw_data, "<f4")).all():
                raise ValueError(f"{item.name} holds a value that is not finite")
    graph = helper.make_graph(
        nodes, "main_graph",
        [declared(INPUT, TensorProto.FLOAT, ["N", shape[0]])],
        [declared(OUTPUT, TensorProto.FLOAT, ["N"])],
        initializers,
        value_info=[declared(t.name, t.data_type, t.dims) for t in initializers] + values)
    model = helper.make_model(graph, producer_name="tinymlp", ir_version=IR_VERSION,
                              opset_imports=[helper.make_opsetid("", OPSET)])
    onnx.checker.check_model(model, full_check=True)
    return model


def serialize(model):
    return model.SerializeToString(deterministic=True)


def sidecar(name, data, fitted, shape, notes):
    """The JSON object beside `<name>.onnx`. mean and std repeat what the graph holds, for display
    only: they must not be applied again."""
    return {
        "id": name,
        "kind": "fr",
        "onnx": f"{name}.onnx",
        "opset": OPSET,
        "sha256": hashlib.sha256(data).hexdigest(),
        "input_name": INPUT,
        "input_shape": [-1, shape[0]],
        "output_name": OUTPUT,
        "output_shape": [-1],
        "features": list(FEATURES),
        "input_mean": [float(v) for v in fitted.mean],
        "input_std": [float(v) for v in fitted.std],
        "arch": name,
        "n_params": parameter_count(shape),
        "quant_mode": "fp32",
        "notes": notes,
    }
