"""Small ONNX files with the onnx package."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def mlp(sizes, activation="Relu", seed=1, name="x", rows="N"):
    """The bytes of an MLP of these sizes, its weights pseudo-random: [N, K] -> [N, M]."""
    random = np.random.default_rng(seed)
    nodes, tensors, last = [], [], name
    for i, (k, m) in enumerate(zip(sizes, sizes[1:])):
        for part, shape in (("w", (k, m)), ("b", (m,))):
            values = random.standard_normal(shape).astype(np.float32)
            tensors.append(numpy_helper.from_array(values, f"{part}{i}"))
        final = i == len(sizes) - 2
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], ["y" if final else f"g{i}"], f"gemm{i}"))
        if not final:
            nodes.append(helper.make_node(activation, [f"g{i}"], [f"a{i}"], f"act{i}"))
        last = f"a{i}"
    graph = helper.make_graph(
        nodes, "mlp", [helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, sizes[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, sizes[-1]])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="tests")
    helper.set_model_props(model, {"trained on": "nothing"})
    return model.SerializeToString()


def mlp_with_external_data(location):
    """(model, data): one dense layer from six features, its weight in a file of that name."""
    weight = np.linspace(-1, 1, 6).astype(np.float32).reshape(6, 1)
    model = onnx.load_model_from_string(mlp([6, 1]))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(weight.nbytes))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model.SerializeToString(), weight.tobytes()
