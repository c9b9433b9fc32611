"""What the make_*.py scripts share: ONNX Runtime on one row at a time, the same graph in float64,
and how numbers are written."""
import numpy
import onnx
import onnxruntime
from onnx import numpy_helper


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
