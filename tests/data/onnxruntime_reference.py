"""What the make_*.py scripts share: ONNX Runtime on one row at a time, the same graph in float64,
int8 models with fixed activation scales, and how numbers are written."""
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def runtime_scores(model_bytes, rows, optimised=False):
    """ONNX Runtime's score of each row, evaluated alone (N = 1), as float32."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        if optimised
        else onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return numpy.array(
        [session.run(None, {name: row[None, :]})[0].reshape(()) for row in rows], numpy.float32
    )


class Float64:
    """A float32 graph in float64. `magnitude` evaluates it with every term of every sum positive:
    what rounding errors are measured against."""

    def __init__(self, model, magnitude=False):
        self.graph = model.graph
        self.magnitude = magnitude
        self.constants = {t.name: self.constant(t) for t in model.graph.initializer}

    def constant(self, tensor):
        value = numpy_helper.to_array(tensor)
        if value.dtype != numpy.float32:
            return value
        value = value.astype(numpy.float64)
        return abs(value) if self.magnitude else value

    def __call__(self, rows):
        rows = rows.astype(numpy.float64)
        values = dict(self.constants)
        values[self.graph.input[0].name] = abs(rows) if self.magnitude else rows
        with numpy.errstate(all="ignore"):
            for node in self.graph.node:
                values[node.output[0]] = self.run(node, [values[i] for i in node.input if i])
        return values[self.graph.output[0].name].reshape(-1)

    def run(self, node, x):
        a = {f.name: onnx.helper.get_attribute_value(f) for f in node.attribute}
        sign = abs if self.magnitude else lambda v: v
        match node.op_type:
            case "Sub":
                return x[0] + x[1] if self.magnitude else x[0] - x[1]
            case "Div":
                return x[0] / x[1]
            case "Mul":
                return x[0] * x[1]
            case "Add":
                return x[0] + x[1]
            case "Scaler":
                offset, scale = sign(numpy.array(a["offset"])), sign(numpy.array(a["scale"]))
                return (x[0] + offset if self.magnitude else x[0] - offset) * scale
            case "MatMul":
                return x[0] @ x[1]
            case "Gemm":
                weight = x[1].T if a.get("transB") else x[1]
                y = sign(a.get("alpha", 1.0)) * (x[0] @ weight)
                return y + sign(a.get("beta", 1.0)) * x[2] if len(x) == 3 else y
            case "Relu":
                return numpy.maximum(x[0], 0)
            case "Identity" | "Squeeze" | "Reshape" | "Flatten":
                return x[0]
            case "Constant":
                value = next(iter(a.values()))
                if isinstance(value, onnx.TensorProto):
                    return self.constant(value)
                value = numpy.array(value)
                return sign(value) if value.dtype.kind == "f" else value
        raise NotImplementedError(node.op_type)


def activations(model, rows):
    """Inputs of each layer of an exported network, in float32, each sum in float64."""
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    x = (rows - tensors["mean"]) / tensors["std"]
    for node in model.graph.node:
        if node.op_type == "Gemm":
            yield x
            weight, bias = (tensors[name].astype(numpy.float64) for name in node.input[1:])
            x = (x.astype(numpy.float64) @ weight.T + bias).astype(numpy.float32)
            x = numpy.maximum(x, 0)


def activation_scale(low, high):
    """Scale and zero point, as DynamicQuantizeLinear makes them of such a range."""
    low, high = min(low, numpy.float32(0)), max(high, numpy.float32(0))
    scale = numpy.float32((high - low) / numpy.float32(255))
    return scale, numpy.uint8(numpy.rint(numpy.clip((0 - low) / scale, 0, 255)))


def static_model(source, int8, scales):
    """An exported network with the int8 layers of ONNX Runtime's dynamic quantiser, but with these
    scales and zero points of the activations."""
    tensors = {t.name: numpy_helper.to_array(t) for t in int8.graph.initializer}
    made = {"mean": tensors["mean"], "std": tensors["std"], "axes": numpy.array([1])}
    nodes = [helper.make_node("Sub", ["features", "mean"], ["c"]),
             helper.make_node("Div", ["c", "std"], ["x0"])]
    matmuls = [n for n in int8.graph.node if n.op_type == "MatMulInteger"]
    biases = [n.input[2] for n in source.graph.node if n.op_type == "Gemm"]
    for l, (node, bias, (scale, zero)) in enumerate(zip(matmuls, biases, scales)):
        weight = node.input[1]
        made |= {f"s{l}": scale, f"z{l}": zero, f"w{l}": tensors[weight],
                 f"wz{l}": tensors[node.input[3]], f"b{l}": tensors[bias],
                 f"m{l}": scale * tensors[weight.replace("_quantized", "_scale")]}
        nodes += [helper.make_node("QuantizeLinear", [f"x{l}", f"s{l}", f"z{l}"], [f"q{l}"]),
                  helper.make_node("MatMulInteger", [f"q{l}", f"w{l}", f"z{l}", f"wz{l}"], [f"i{l}"]),
                  helper.make_node("Cast", [f"i{l}"], [f"f{l}"], to=TensorProto.FLOAT),
                  helper.make_node("Mul", [f"f{l}", f"m{l}"], [f"p{l}"]),
                  helper.make_node("Add", [f"p{l}", f"b{l}"], [f"h{l}"])]
        if l + 1 < len(scales):
            nodes.append(helper.make_node("Relu", [f"h{l}"], [f"x{l + 1}"]))
    nodes.append(helper.make_node("Squeeze", [f"h{len(scales) - 1}", "axes"], ["y"]))
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info("features", TensorProto.FLOAT, ["N", 6])],
        [info("y", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(numpy.asarray(value), key) for key, value in made.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def text(value):
    """Shortest of the usual widths that gives the same number back."""
    value_type = type(value)
    if numpy.isnan(value):
        return "nan"
    for digits in range(1, 18):
        written = f"{value:.{digits}g}"
        if value_type(written) == value:
            return written
    raise AssertionError(value)
