#!/usr/bin/env python3
"""Write forms.txt: a small network for every form of graph that the parser accepts, as the onnx
package writes it, with ONNX Runtime's outputs for each row alone (N = 1).

    tests/data/make_forms.py

Lines:
    model NAME STEPS OUTPUT       STEPS: one character a step, as tests/onnx_forms_test.cpp has them
    onnx BASE64
    rows, then one line a row: the features of all used inputs, |, ONNX Runtime's outputs
"""
import base64
import pathlib

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OUTPUT = pathlib.Path(__file__).with_name("forms.txt")
F = numpy.float32
K, H = 5, 4  # features, width of the layers


def weights(which, *shape):  # the formula of tests/onnx_writer.hpp
    i = numpy.arange(numpy.prod(shape, dtype=int))
    return (((i * 37 + which * 53) % 101 - 50) / 64).astype(F).reshape(shape)


class Graph:
    """A graph that grows node by node; `value` is the end of the chain."""

    def __init__(self, opset=17, dims=("N", K)):
        self.opset, self.ir, self.ml = opset, 3 if opset < 9 else 8, False
        self.nodes, self.initializers, self.value = [], [], "features"
        self.inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, list(dims))]
        self.extra_outputs, self.output_rank = [], 2
        self.which = 0

    def constant(self, array, dtype=F):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(numpy.asarray(array, dtype), name))
        return name

    def node(self, op, *inputs, n=1, domain=None, **attributes):
        outputs = [f"v{len(self.nodes)}_{i}" if i else f"v{len(self.nodes)}" for i in range(n)]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, domain=domain, **attributes))
        self.value = outputs[0]
        return outputs[0]

    def on(self, op, *constants, **attributes):
        return self.node(op, self.value, *constants, **attributes)

    def ints(self, *values):
        return self.constant(values, numpy.int64)

    def int32s(self, *values):
        return self.constant(values, numpy.int32)

    def scalar(self, value):
        return self.constant(value)

    def next(self, *shape):
        self.which += 1
        return weights(self.which, *shape)

    def dense(self, inputs=H, outputs=H, bias=True):
        operands = [self.constant(self.next(inputs, outputs))]
        if bias or self.opset < 11:
            operands.append(self.constant(self.next(outputs)))
        self.on("Gemm", *operands)
        return self

    def model(self):
        kept = self.inputs
        if self.ir < 4:
            kept = kept + [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in self.initializers]
        outputs = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in self.extra_outputs]
        outputs.append(helper.make_tensor_value_info(self.value, TensorProto.FLOAT, None))
        graph = helper.make_graph(self.nodes, "forms", kept, outputs, self.initializers)
        opsets = [helper.make_opsetid("", self.opset)] + ([helper.make_opsetid("ai.onnx.ml", 1)] if self.ml else [])
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.ir)


FORMS = []


def form(name, steps, build, opsets=(17,), **settings):
    for opset in opsets:
        g = Graph(opset, **settings)
        build(g)
        FORMS.append((f"{name}_{opset}", steps, g))


def hidden(name, steps, build, opsets=(17,)):
    """Between two dense layers."""
    form(name, "D" + steps + "D", lambda g: (g.dense(K, H), build(g), g.dense(H, 3)), opsets)


# ---- activations as operators
for op in ("Relu", "Tanh", "Sigmoid", "Softplus", "Softsign", "Elu", "LeakyRelu", "Selu", "HardSigmoid"):
    hidden(op, "A", lambda g, op=op: g.on(op), (7, 13, 17))
hidden("Elu_alpha", "A", lambda g: g.on("Elu", alpha=0.5))
hidden("LeakyRelu_alpha", "A", lambda g: g.on("LeakyRelu", alpha=0.2))
hidden("Selu_gamma", "A", lambda g: g.on("Selu", alpha=1.5, gamma=1.25))
hidden("HardSigmoid_alpha", "A", lambda g: g.on("HardSigmoid", alpha=0.25, beta=0.25))
hidden("ThresholdedRelu", "A", lambda g: g.on("ThresholdedRelu", alpha=0.25), (10,))
hidden("Celu", "A", lambda g: g.on("Celu", alpha=0.75), (12, 17))
hidden("HardSwish", "A", lambda g: g.on("HardSwish"), (14,))
hidden("Mish", "A", lambda g: g.on("Mish"), (18,))
hidden("Gelu", "A", lambda g: g.on("Gelu"), (20,))
hidden("Gelu_tanh", "A", lambda g: g.on("Gelu", approximate="tanh"), (20,))
hidden("PRelu", "A", lambda g: g.on("PRelu", g.constant([0.25])), (9, 17))
hidden("PRelu_features", "A", lambda g: g.on("PRelu", g.constant(g.next(H))), (9, 17))
hidden("PRelu_features_1", "A", lambda g: g.on("PRelu", g.constant(g.next(1, H))))
hidden("Clip_attributes", "A", lambda g: g.on("Clip", min=-0.5, max=0.75), (7, 10))
hidden("Clip_low", "A", lambda g: g.on("Clip", g.scalar(-0.5)), (11, 17))
hidden("Clip_high", "A", lambda g: g.on("Clip", "", g.scalar(0.75)), (11, 17))
hidden("Clip_both", "A", lambda g: g.on("Clip", g.scalar(-0.5), g.scalar(0.75)), (11, 17))
hidden("Clip_relu6", "A", lambda g: g.on("Clip", g.scalar(0), g.scalar(6)), (13,))
hidden("Clip_none", "A", lambda g: g.on("Clip"), (9, 13))
hidden("Min_Max", "AA", lambda g: (g.on("Min", g.scalar(0.75)), g.node("Max", g.scalar(-0.5), g.value)), (8, 17))

for name, bounds in (("each", lambda g: (g.constant([0.75] * H), g.constant([[-0.5] * H]))),
                     ("cast", lambda g: (g.node("Cast", g.constant([1] * H, numpy.int64), to=1), g.constant([-0.5] * H)))):
    hidden(f"Min_Max_{name}", "AA", lambda g, bounds=bounds: (lambda x, b: g.node("Max", b[1], g.node("Min", x, b[0])))(g.value, bounds(g)), (8, 17))
hidden("Max_zeros", "A", lambda g: g.on("Max", g.constant([[0] * H])))


# ---- activations as chains
def chain(name, build, opsets=(11, 17)):
    hidden(name, "A", lambda g: build(g, g.value, g.scalar), opsets)


chain("Silu", lambda g, x, c: g.node("Mul", x, g.node("Sigmoid", x)))
chain("Silu_swapped", lambda g, x, c: g.node("Mul", g.node("Sigmoid", x), x))
chain("Silu_scaled", lambda g, x, c: g.node("Mul", x, g.node("Sigmoid", g.node("Mul", x, c(1.702)))))
chain("Silu_scaled_left", lambda g, x, c: g.node("Mul", x, g.node("Sigmoid", g.node("Mul", c(1.5), x))))
chain("Silu_quotient", lambda g, x, c: g.node("Div", x, g.node("Add", c(1), g.node("Exp", g.node("Neg", x)))))
chain("Silu_of_logistic", lambda g, x, c: g.node("Mul", x, g.node("Div", c(1), g.node("Add", g.node("Exp", g.node("Neg", x)), c(1)))))
chain("Silu_of_Reciprocal", lambda g, x, c: g.node("Mul", g.node("Reciprocal", g.node("Add", c(1), g.node("Exp", g.node("Neg", x)))), x))
root2, cubic, outer = numpy.sqrt(2), 0.044715, numpy.sqrt(2 / numpy.pi)
erf_of = {
    "div": lambda g, x, c: g.node("Erf", g.node("Div", x, c(root2))),
    "mul": lambda g, x, c: g.node("Erf", g.node("Mul", x, c(1 / root2))),
    "mul_left": lambda g, x, c: g.node("Erf", g.node("Mul", c(1 / root2), x)),
}
gates = {
    "x_h": lambda g, x, t, c: g.node("Mul", g.node("Mul", x, g.node("Add", t, c(1))), c(0.5)),
    "h_x": lambda g, x, t, c: g.node("Mul", c(0.5), g.node("Mul", g.node("Add", c(1), t), x)),
    "xh": lambda g, x, t, c: g.node("Mul", g.node("Mul", x, c(0.5)), g.node("Add", t, c(1))),
    "hg": lambda g, x, t, c: g.node("Mul", x, g.node("Mul", c(0.5), g.node("Add", t, c(1)))),
    "gh": lambda g, x, t, c: g.node("Mul", g.node("Mul", g.node("Add", t, c(1)), c(0.5)), x),
    "d2": lambda g, x, t, c: g.node("Mul", g.node("Div", x, c(2)), g.node("Add", t, c(1))),
    "d2_last": lambda g, x, t, c: g.node("Div", g.node("Mul", x, g.node("Add", t, c(1))), c(2)),
}
cubes = {
    "pow": lambda g, x, c: g.node("Add", x, g.node("Mul", c(cubic), g.node("Pow", x, c(3)))),
    "pow_right": lambda g, x, c: g.node("Add", g.node("Mul", g.node("Pow", x, c(3)), c(cubic)), x),
    "xxx": lambda g, x, c: g.node("Add", x, g.node("Mul", g.node("Mul", x, g.node("Mul", x, x)), c(cubic))),
    "xx_x": lambda g, x, c: g.node("Add", x, g.node("Mul", c(cubic), g.node("Mul", g.node("Mul", x, x), x))),
    "factored": lambda g, x, c: g.node("Mul", x, g.node("Add", c(1), g.node("Mul", c(cubic), g.node("Mul", x, x)))),
    "pow2": lambda g, x, c: g.node("Mul", x, g.node("Add", g.node("Mul", g.node("Pow", x, c(2)), c(cubic)), c(1))),
}
for name, gate in gates.items():
    for inner, erf in erf_of.items():
        chain(f"Gelu_{name}_{inner}", lambda g, x, c, gate=gate, erf=erf: gate(g, x, erf(g, x, c), c), (13,))
    for inner, cube in cubes.items():
        chain(f"Gelu_tanh_{name}_{inner}",
              lambda g, x, c, gate=gate, cube=cube: gate(g, x, g.node("Tanh", g.node("Mul", c(outer), cube(g, x, c))), c), (13,))
# of a layer that is scaled by a number itself, which must not be taken for a factor of the pattern
for name in ("x_h", "hg", "xh"):
    form(f"Gelu_of_scaled_{name}", "D*AD", lambda g, name=name: (
        g.dense(K, H), g.on("Mul", g.scalar(0.75)),
        gates[name](g, g.value, erf_of["div"](g, g.value, g.scalar), g.scalar), g.dense(H, 2)))
form("Silu_of_sigmoid", "DAAD", lambda g: (
    g.dense(K, H), g.on("Sigmoid"), g.node("Mul", g.value, g.node("Sigmoid", g.value)), g.dense(H, 2)))
chain("Gelu_tanh_int64", lambda g, x, c: gates["hg"](g, x, g.node("Tanh", g.node("Mul", c(outer), g.node(
    "Add", x, g.node("Mul", c(cubic), g.node("Pow", x, g.constant(3, numpy.int64)))))), c), (13,))
chain("HardSwish_hard_sigmoid", lambda g, x, c: g.node("Mul", x, g.node("HardSigmoid", x, alpha=1 / 6, beta=0.5)))
chain("HardSwish_clip_div", lambda g, x, c: g.node("Mul", x, g.node("Div", g.node("Clip", g.node("Add", x, c(3)), c(0), c(6)), c(6))))
chain("HardSwish_div_last", lambda g, x, c: g.node("Div", g.node("Mul", x, g.node("Clip", g.node("Add", x, c(3)), c(0), c(6))), c(6)))
chain("HardSwish_mul", lambda g, x, c: g.node("Mul", g.node("Mul", x, g.node("Clip", g.node("Add", c(3), x), c(0), c(6))), c(1 / 6)))
chain("HardSwish_min_relu", lambda g, x, c: g.node("Mul", x, g.node("Mul", g.node("Min", g.node("Relu", g.node("Add", x, c(3))), c(6)), c(1 / 6))))
chain("HardSwish_min_max", lambda g, x, c: g.node("Mul", x, g.node("Div", g.node("Min", g.node("Max", g.node("Add", x, c(3)), c(0)), c(6)), c(6))))
chain("Mish_softplus", lambda g, x, c: g.node("Mul", x, g.node("Tanh", g.node("Softplus", x))))
chain("Mish_log", lambda g, x, c: g.node("Mul", g.node("Tanh", g.node("Log", g.node("Add", g.node("Exp", x), c(1)))), x))
chain("Softplus_log", lambda g, x, c: g.node("Log", g.node("Add", c(1), g.node("Exp", x))))
chain("Softsign_abs", lambda g, x, c: g.node("Div", x, g.node("Add", c(1), g.node("Abs", x))))
chain("Sigmoid_div", lambda g, x, c: g.node("Div", c(1), g.node("Add", c(1), g.node("Exp", g.node("Neg", x)))))
chain("Sigmoid_reciprocal", lambda g, x, c: g.node("Reciprocal", g.node("Add", g.node("Exp", g.node("Neg", x)), c(1))))
chain("LeakyRelu_max", lambda g, x, c: g.node("Max", x, g.node("Mul", x, c(0.2))))
chain("LeakyRelu_max_left", lambda g, x, c: g.node("Max", g.node("Mul", c(0.2), x), x))
part = lambda g, x: g.node("Relu", g.node("Neg", x))
slopes = lambda g: g.constant(g.next(H))
chain("PRelu_sub", lambda g, x, c: g.node("Sub", g.node("Relu", x), g.node("Mul", slopes(g), part(g, x))))
chain("PRelu_add", lambda g, x, c: g.node("Add", g.node("Relu", x), g.node("Mul", slopes(g), part(g, x))))
chain("PRelu_neg", lambda g, x, c: g.node("Add", g.node("Mul", g.node("Neg", part(g, x)), c(0.25)), g.node("Relu", x)))


# ---- over a whole row
def mean(g, x, form="attribute"):
    if g.opset >= 18:
        return g.node("ReduceMean", x, g.ints(-1), keepdims=1)
    return g.node("ReduceMean", x, axes=[-1] if form == "attribute" else [1], keepdims=1)


def norm(g, square="pow", root="div", axis="attribute", exponents=F):
    x = g.value
    centred = g.node("Sub", x, mean(g, x, axis))
    squares = g.node("Pow", centred, g.constant(2, exponents)) if square == "pow" else g.node("Mul", centred, centred)
    if square == "moments":
        m = mean(g, x, axis)
        variance = g.node("Sub", mean(g, g.node("Mul", x, x), axis), g.node("Mul", m, m))
        variance = g.node("Max", variance, g.scalar(0))
    else:
        variance = mean(g, squares, axis)
    stable = g.node("Add", variance, g.scalar(1e-5))
    if root == "div":
        return g.node("Div", centred, g.node("Sqrt", stable))
    if root == "reciprocal":
        return g.node("Mul", centred, g.node("Reciprocal", g.node("Sqrt", stable)))
    if root == "one_over":
        return g.node("Mul", g.node("Div", g.scalar(1), g.node("Sqrt", stable)), centred)
    if root == "pow":
        return g.node("Mul", centred, g.node("Pow", stable, g.scalar(-0.5)))
    return g.node("Mul", centred, g.node("Mul", g.node("Reciprocal", g.node("Sqrt", stable)), g.constant(1 + g.next(H))))


def weight_and_bias(g):
    g.on("Mul", g.constant(1 + g.next(H)))
    g.on("Add", g.constant(g.next(H)))


hidden("LayerNorm", "N", lambda g: g.on("LayerNormalization", g.constant(g.next(H)), g.constant(g.next(H)), axis=-1, epsilon=1e-3))
hidden("LayerNorm_no_bias", "N", lambda g: g.on("LayerNormalization", g.constant(g.next(H))))
hidden("LayerNorm_one_weight", "N", lambda g: g.on("LayerNormalization", g.constant([1.5]), g.constant(g.next(H))))
hidden("LayerNorm_one_bias", "N", lambda g: g.on("LayerNormalization", g.constant(g.next(H)), g.constant([0.25])))
form("LayerNorm_of_a_matrix", "ND", lambda g: (g.on("LayerNormalization", g.constant(g.next(2, 3)), g.constant(g.next(2, 3)), axis=1),
                                               g.on("Flatten"), g.dense(6, 2)), dims=("N", 2, 3))
form("LayerNorm_of_a_column", "ND", lambda g: (g.on("LayerNormalization", g.constant(g.next(5, 1)), g.constant([[0.25]]), axis=1),
                                               g.on("Flatten"), g.dense(5, 2)), dims=("N", 5, 1))
hidden("LayerNorm_axis_1", "N", lambda g: g.on("LayerNormalization", g.constant(g.next(H)), axis=1, stash_type=1))
for square in ("pow", "mul", "moments"):
    for root in ("div", "reciprocal", "one_over", "pow"):
        hidden(f"LayerNorm_{square}_{root}", "N", lambda g, s=square, r=root: norm(g, s, r), (13, 18))
hidden("LayerNorm_axis", "N", lambda g: norm(g, axis="positive"), (11,))
for exponents in (numpy.int32, numpy.int64, numpy.float64):  # a type of its own since operator set 12
    hidden(f"LayerNorm_pow_{exponents.__name__}", "N", lambda g, t=exponents: norm(g, exponents=t), (12, 17))
hidden("LayerNorm_affine", "N", lambda g: (norm(g), weight_and_bias(g)), (11, 13, 18))
hidden("LayerNorm_weight_inside", "N", lambda g: (norm(g, root="weight"), g.node("Add", g.constant(g.next(H)), g.value)), (13,))


def moments(g):
    x = g.value
    m = mean(g, x)
    d = g.node("Sub", x, m)
    v = g.node("Add", mean(g, g.node("Mul", d, d)), g.scalar(1e-3))
    i = g.node("Mul", g.node("Reciprocal", g.node("Sqrt", v)), g.constant(1 + g.next(H)))
    return g.node("Add", g.node("Mul", x, i), g.node("Sub", g.constant(g.next(H)), g.node("Mul", m, i)))


hidden("LayerNorm_moments", "N", moments, (13,))
head = lambda name, steps, build, opsets=(11, 17): form(
    name, "DAD" + steps, lambda g: (g.dense(K, H), g.on("Relu"), g.dense(H, 3), build(g)), opsets)
head("Softmax", "X", lambda g: g.on("Softmax", axis=1), (7, 11, 13))
head("Softmax_default", "X", lambda g: g.on("Softmax"), (11, 13))
head("Softmax_last", "X", lambda g: g.on("Softmax", axis=-1), (11, 13))
head("LogSoftmax", "L", lambda g: g.on("LogSoftmax", axis=-1), (11, 13))
head("Log_of_Softmax", "L", lambda g: (g.on("Softmax", axis=-1), g.on("Log")), (11, 13))


def softmax(g, shift):
    x = g.value
    shifted = g.node("Sub", x, g.node("ReduceMax", x, axes=[-1], keepdims=1)) if shift else x
    e = g.node("Exp", shifted)
    total = g.node("ReduceSum", e, g.ints(-1)) if g.opset >= 13 else g.node("ReduceSum", e, axes=[-1])
    return g.node("Div", e, total)


head("Softmax_chain", "X", lambda g: softmax(g, True), (11, 13))
head("Log_of_Softmax_chain", "L", lambda g: (softmax(g, True), g.on("Log")), (11, 13))


def log_softmax(g, shift):
    x = g.value
    shifted = g.node("Sub", x, g.node("ReduceMax", x, axes=[-1], keepdims=1)) if shift else x
    e = g.node("Exp", shifted)
    total = g.node("ReduceSum", e, g.ints(-1)) if g.opset >= 13 else g.node("ReduceSum", e, axes=[-1])
    return g.node("Sub", shifted, g.node("Log", total))


head("LogSoftmax_chain", "L", lambda g: log_softmax(g, True), (11, 13))
head("LogSoftmax_plain_chain", "L", lambda g: log_softmax(g, False), (11, 13))


def reduced(g, op, x, all_axes=False):  # axes are an operand since 13 (ReduceSum) or 18
    by_operand = g.opset >= (13 if op == "ReduceSum" else 18)
    if all_axes:
        return g.node(op, x, keepdims=1)
    return g.node(op, x, g.ints(1), keepdims=1) if by_operand else g.node(op, x, axes=[1])


def log_sum_exp(g, all_axes=False):
    x = g.value
    return g.node("Sub", x, reduced(g, "ReduceLogSumExp", x, all_axes))


def log_sum_exp_chain(g, swap):
    x = g.value
    largest = reduced(g, "ReduceMax", x)
    log = g.node("Log", reduced(g, "ReduceSum", g.node("Exp", g.node("Sub", x, largest))))
    return g.node("Sub", x, g.node("Add", log, largest) if swap else g.node("Add", largest, log))


def softmax_by_reciprocal(g):
    e = g.on("Exp")
    return g.node("Mul", g.node("Reciprocal", reduced(g, "ReduceSum", e)), e)


head("LogSoftmax_ReduceLogSumExp", "L", log_sum_exp, (11, 13, 18))
head("LogSoftmax_of_shifted", "L", lambda g: log_sum_exp_chain(g, False), (11, 13, 18))
head("LogSoftmax_of_shifted_swapped", "L", lambda g: log_sum_exp_chain(g, True))
head("Softmax_ReduceLogSumExp", "X", lambda g: (log_sum_exp(g), g.on("Exp")), (11, 18))
head("Softmax_Exp_of_chain", "X", lambda g: (log_softmax(g, True), g.on("Exp")))
head("Softmax_Exp_of_LogSoftmax", "X", lambda g: (g.on("LogSoftmax", axis=1), g.on("Exp")), (11, 13))
head("Softmax_by_Reciprocal", "X", softmax_by_reciprocal, (11, 13))
form("LogSoftmax_all_axes", "DL", lambda g: (g.dense(K, 3), log_sum_exp(g, True)), (13, 18), dims=(1, K))
form("Softmax_of_one_row", "DX", lambda g: (g.dense(K, 3), g.on("Softmax", axis=0)), (11,), dims=(1, K))
head("Softmax_plain_chain", "X", lambda g: softmax(g, False), (11, 13))
head("Sigmoid_head", "A", lambda g: g.on("Sigmoid"))
head("scaled_head", "A*+", lambda g: (g.on("Tanh"), g.on("Mul", g.scalar(2.5)), g.on("Add", g.constant(g.next(3)))))

# ---- affine steps
hidden("affine_all", "*-/_~", lambda g: (
    g.on("Mul", g.constant(g.next(H))), g.on("Sub", g.constant(g.next(1, H))),
    g.on("Div", g.constant(2 + g.next(H))), g.node("Sub", g.constant(g.next(H)), g.value), g.on("Neg")))
form("add_first", "+D", lambda g: (g.on("Add", g.constant(g.next(K))), g.dense(K, 2)))
form("batch_norm_front", "BD", lambda g: (g.on("BatchNormalization", *(g.constant(g.next(K)) for _ in range(3)),
                                               g.constant(1 + g.next(K)), epsilon=1e-3), g.dense(K, 2)), (7, 9, 14, 15))
hidden("batch_norm", "B", lambda g: g.on("BatchNormalization", *(g.constant(g.next(H)) for _ in range(3)),
                                         g.constant(1 + g.next(H))), (9, 14, 17))


def scaled(g):
    g.ml = True
    g.on("Scaler", domain="ai.onnx.ml", offset=list(map(float, g.next(K))), scale=[0.5] * K)


def scaler(g, offset, scale):
    g.ml = True
    g.on("Scaler", domain="ai.onnx.ml", offset=list(map(float, offset)), scale=list(map(float, scale)))
    g.dense(K, 2)


form("Scaler", "SD", lambda g: scaler(g, g.next(K), 1 + g.next(K)))
def regressor(g, targets, **more):
    g.ml = True
    coefficients = list(map(float, g.next(targets * K)))
    g.on("LinearRegressor", domain="ai.onnx.ml", coefficients=coefficients, targets=targets, **more)


form("LinearRegressor", "D", lambda g: regressor(g, 3, intercepts=[0.5, -1.25, 2.0], post_transform="NONE"))
form("LinearRegressor_one", "SD", lambda g: (scaled(g), regressor(g, 1)))
form("Scaler_of_one", "SD", lambda g: scaler(g, [0.5], [0.25]))

# ---- dense layers
form("no_activation", "DDD", lambda g: g.dense(K, 6).dense(6, 3).dense(3, 2))
form("Gemm_no_bias", "DD", lambda g: g.dense(K, H, False).dense(H, 2, False))
form("Gemm_alpha_beta", "D", lambda g: g.on("Gemm", g.constant(g.next(3, K)), g.constant(g.next(3)), alpha=0.5, beta=2.0, transB=1))
form("Gemm_scalar_bias", "D", lambda g: g.on("Gemm", g.constant(g.next(K, 3)), g.constant([0.5])))
form("Gemm_then_Add", "D", lambda g: (g.dense(K, 3, False), g.on("Add", g.constant(g.next(3)))))
form("MatMul_Add", "D", lambda g: (g.on("MatMul", g.constant(g.next(K, 3))), g.on("Add", g.constant(g.next(3)))), (7, 17))
form("MatMul_bias_first", "D", lambda g: (g.on("MatMul", g.constant(g.next(K, 3))), g.node("Add", g.constant(g.next(1, 3)), g.value)))
form("MatMul_alone", "DAD", lambda g: (g.on("MatMul", g.constant(g.next(K, 3))), g.on("Tanh"), g.on("MatMul", g.constant(g.next(3, 2)))))
form("MatMul_scalar_bias", "D", lambda g: (g.on("MatMul", g.constant(g.next(K, 3))), g.on("Add", g.scalar(0.5))))
form("MatMul_vector", "D", lambda g: g.on("MatMul", g.constant(g.next(K))))
form("MatMul_Sum", "DD", lambda g: (g.on("MatMul", g.constant(g.next(K, H))), g.on("Sum"), g.node("Sum", g.constant(g.next(H)), g.value),
                                    g.dense(H, 2)), (8, 13))
form("left", "DAD", lambda g: (g.node("MatMul", g.constant(g.next(3, K)), g.value), g.on("Add", g.constant(g.next(3))), g.on("Relu"),
                               g.node("MatMul", g.constant(g.next(2, 3)), g.value)), dims=(K,))
form("left_column", "DAD", lambda g: (g.on("Reshape", g.ints(K, 1)), g.node("MatMul", g.constant(g.next(3, K)), g.value),
                                      g.on("Add", g.constant(g.next(3, 1))), g.on("Relu"),
                                      g.node("Gemm", g.constant(g.next(2, 3)), g.value, g.constant(g.next(2, 1)))), dims=(K,))
form("trans_a", "D", lambda g: (g.on("Reshape", g.ints(K, 1)), g.on("Gemm", g.constant(g.next(K, 3)), g.constant(g.next(3)), transA=1)))
form("weight_Transpose", "D", lambda g: (lambda x: g.node("MatMul", x, g.node("Transpose", g.constant(g.next(3, K)))))(g.value))
form("weight_Transpose_Gemm", "D", lambda g: (lambda x: g.node(
    "Gemm", x, g.node("Transpose", g.constant(g.next(K, 3)), perm=[1, 0]), g.constant(g.next(3)), transB=1))(g.value))
form("weight_Reshape", "D", lambda g: (lambda x: g.node("MatMul", x, g.node("Reshape", g.constant(g.next(K * 3)), g.ints(K, -1))))(g.value))
form("weight_Identity", "D", lambda g: (lambda x: g.node("MatMul", x, g.node("Identity", g.constant(g.next(K, 3)))))(g.value))
for name, stored, perm, shape in (("matrix", (1, K * 3), (1, 0), (K, 3)), ("rank_3", (K, 1, 3), (1, 0, 2), (K, 3))):
    form(f"weight_Transpose_{name}_Reshape", "D", lambda g, stored=stored, perm=perm, shape=shape: (lambda x: g.node(
        "MatMul", x, g.node("Reshape", g.node("Transpose", g.constant(g.next(*stored)), perm=perm), g.ints(*shape))))(g.value))
by_operand = lambda g, op, x, *axes: g.node(op, x, g.ints(*axes))
for name, build in (
        ("Unsqueeze_Squeeze", lambda g: by_operand(g, "Squeeze", by_operand(g, "Unsqueeze", g.node("Transpose", g.constant(g.next(3, K))), 0), 0)),
        ("Reshape", lambda g: g.node("Reshape", g.node("Transpose", g.constant(g.next(3, K)), perm=[1, 0]), g.ints(K, -1))),
        ("Flatten", lambda g: g.node("Flatten", g.node("Transpose", g.constant(g.next(3, K))))),
        ("of_rank_3", lambda g: by_operand(g, "Squeeze", g.node("Transpose", g.constant(g.next(1, 3, K)), perm=[0, 2, 1]), 0)),
        ("that_moves_ones", lambda g: by_operand(g, "Squeeze", g.node("Transpose", g.constant(g.next(3, 1, K)), perm=[2, 0, 1]), 2)),
        ("twice", lambda g: g.node("Transpose", g.node("Reshape", g.node("Transpose", g.constant(g.next(K, 3))), g.ints(3, K))))):
    form(f"weight_Transpose_{name}", "DD", lambda g, build=build: (lambda x: (
        g.node("MatMul", x, build(g)), g.dense(3, 2)))(g.value), (13,))
form("weight_Transpose_Reshape_transB", "D", lambda g: (lambda x: g.node(
    "Gemm", x, g.node("Reshape", g.node("Transpose", g.constant(g.next(K, 3))), g.ints(3, K)), g.constant(g.next(3)), transB=1))(g.value))
form("add_Transpose_rank_3", "+D", lambda g: (lambda x: (
    g.node("Add", x, g.node("Transpose", g.constant(g.next(2, 1, 3)), perm=(1, 0, 2))), g.on("Flatten"), g.dense(6, 2)))(g.value), dims=("N", 2, 3))
form("bias_Unsqueeze", "D", lambda g: (lambda x: (g.node("MatMul", x, g.constant(g.next(K, 3))), (lambda y: g.node(
    "Add", y, g.node("Unsqueeze", g.constant(g.next(3)), g.ints(0))))(g.value)))(g.value), (13,))
for dtype, kind in ((numpy.float16, "float16"), (numpy.float64, "float64")):
    form(f"weight_Cast_{kind}", "D", lambda g, dtype=dtype: (lambda x: g.node(
        "Gemm", x, g.node("Cast", g.constant(g.next(K, 3), dtype), to=1), g.node("Cast", g.constant(g.next(3), dtype), to=1)))(g.value))
for kind, dtype in (("int8", numpy.int8), ("uint8", numpy.uint8), ("int32", numpy.int32), ("int64", numpy.int64)):
    form(f"weight_Cast_{kind}", "D*", lambda g, dtype=dtype: (lambda x: (
        g.node("MatMul", x, g.node("Cast", g.constant(abs(64 * g.next(K, 3)), dtype), to=1)), (lambda y: g.node(
            "Mul", y, g.node("Cast", g.constant([3, 100, 7], dtype), to=1)))(g.value)))(g.value))


def integer_numbers(g):  # of a pattern, of bounds; int64 to float32 by way of int32
    x = g.dense(K, H).value
    one, two, low = (g.node("Cast", g.constant(v, t), to=1) for v, t in ((1, numpy.int64), (2, numpy.int32), (-1, numpy.int8)))
    e = g.node("Add", g.node("Erf", g.node("Div", x, g.scalar(root2))), one)
    y = g.node("Div", g.node("Mul", x, e), two)
    high = g.node("Cast", g.node("Cast", g.constant(3, numpy.int64), to=6), to=1)
    g.node("Clip", y, low, high)


form("integer_numbers", "DAA", integer_numbers)


# ---- operators that do nothing, and shapes
def nothing(g):
    g.on("Cast", to=1, **({"round_mode": "up"} if g.opset >= 24 else {}))
    g.on("Identity")
    g.on("Concat", axis=1)
    g.on("Dropout", **({"ratio": 0.5} if g.opset < 12 else {}))
    if g.opset >= 13:
        g.on("Unsqueeze", g.ints(1))
        g.on("Squeeze", g.ints(-2))
        g.on("Unsqueeze", g.ints(0, -1))
        g.on("Squeeze", g.ints(0, 3))
        g.on("Expand", g.ints(1, 1))
    else:
        g.on("Unsqueeze", axes=[1])
        g.on("Squeeze", axes=[1])
    g.on("Flatten")
    g.on("Reshape", g.ints(0, -1))
    g.on("Reshape", g.ints(-1, K if g.value == "x" else 0))
    g.on("Transpose", perm=[0, 1])


form("nothing", "DAD", lambda g: (nothing(g), g.dense(K, H), nothing(g), g.on("Relu"), nothing(g), g.dense(H, 3), nothing(g)), (9, 11, 13, 18, 24))
for name, width, steps in (("one", 1, "DA"), ("several", 3, "DA")):  # as x.squeeze() at the end is exported
    form(f"Squeeze_without_axes_{name}", steps, lambda g, width=width: (g.dense(K, width), g.on("Squeeze"), g.on("Tanh")), (11, 13))
form("Squeeze_without_axes_first", "DAD", lambda g: (g.on("Squeeze"), g.on("MatMul", g.constant(g.next(3, H))), g.on("Relu"),
                                                     g.on("MatMul", g.constant(g.next(H, 2)))), (13,), dims=("N", 1, 3))
form("rank_3", "DAD", lambda g: (g.on("Flatten"), g.dense(6, H), g.on("Relu"), g.dense(H, 2)), dims=("N", 2, 3))
form("rank_4", "D", lambda g: (g.on("Reshape", g.ints(-1, 12)), g.dense(12, 2)), dims=("N", 1, 3, 4))
form("rank_4_fixed", "D", lambda g: (g.on("Flatten", axis=0), g.dense(12, 2)), dims=(1, 1, 3, 4))
form("rank_3_layers", "DAD", lambda g: (g.on("MatMul", g.constant(g.next(3, H))), g.on("Add", g.constant(g.next(H))), g.on("Relu"),
                                        g.on("MatMul", g.constant(g.next(H, 2)))), dims=("N", 1, 3))
form("rank_1", "D", lambda g: g.on("MatMul", g.constant(g.next(K, 2))), dims=(K,))
form("rank_1_one", "DAD", lambda g: (g.on("Unsqueeze", g.ints(1)), g.dense(1, 3), g.on("Tanh"), g.dense(3, 1), g.on("Squeeze", g.ints(1))), dims=("N",))
form("scale_of_a_matrix", "-/D", lambda g: (g.on("Sub", g.constant(g.next(2, 3))), g.on("Div", g.constant(2 + g.next(1, 2, 3))),
                                            g.on("Flatten"), g.dense(6, 2)), dims=("N", 2, 3))


def batch_size(g):
    x = g.value
    n = g.node("Gather", g.node("Shape", x), g.constant(0, numpy.int64), axis=0)
    n = g.node("Unsqueeze", n, g.ints(0)) if g.opset >= 13 else g.node("Unsqueeze", n, axes=[0])
    return x, n


def view(g):
    x, n = batch_size(g)
    g.node("Reshape", x, g.node("Concat", n, g.ints(-1), axis=0))


def dynamo_view(g, squeeze):  # the size as a scalar and back
    x = g.value
    n = g.node("Shape", x, start=0, end=1)
    n = g.node("Reshape", g.node("Squeeze", n) if squeeze else n, g.ints(-1), allowzero=0)
    g.node("Reshape", x, g.node("Concat", n, g.ints(6), axis=0), allowzero=1)


def sliced_view(g):
    x = g.value
    n = g.node("Slice", g.node("Shape", x), g.ints(0), g.ints(1), g.ints(0))
    g.node("Reshape", x, g.node("Concat", n, g.ints(6), axis=0))


def int32_view(g):
    x = g.value
    n = g.node("Slice", g.node("Cast", g.node("Shape", x), to=6), g.int32s(0), g.int32s(1), g.int32s(0))
    rest = g.node("Mul", g.int32s(2), g.int32s(3))
    g.node("Reshape", x, g.node("Cast", g.node("Concat", n, rest, axis=0), to=7))


def int32_gather_view(g):
    x = g.value
    n = g.node("Unsqueeze", g.node("Gather", g.node("Shape", x), g.constant(0, numpy.int32)), g.ints(0))
    g.node("Reshape", x, g.node("Concat", n, g.node("Cast", g.int32s(-1), to=7), axis=0))


def product_view(g):
    x = g.value
    s = g.node("Shape", x)
    dims = [g.node("Gather", s, g.ints(i), axis=0) for i in range(3)]
    g.node("Reshape", x, g.node("Concat", dims[0], g.node("Mul", dims[1], dims[2]), axis=0))


form("view", "D", lambda g: (view(g), g.dense(6, 2)), (11, 13), dims=("N", 2, 3))
form("view_sliced", "D", lambda g: (sliced_view(g), g.dense(6, 2)), (11, 13), dims=("N", 2, 3))
form("view_Reshape", "D", lambda g: (dynamo_view(g, False), g.dense(6, 2)), (18,), dims=("N", 2, 3))
form("view_Squeeze_Reshape", "D", lambda g: (dynamo_view(g, True), g.dense(6, 2)), (18,), dims=("N", 2, 3))
form("view_int32", "D", lambda g: (int32_view(g), g.dense(6, 2)), (13,), dims=("N", 2, 3))
form("view_int32_Gather", "D", lambda g: (int32_gather_view(g), g.dense(6, 2)), (13,), dims=("N", 2, 3))
form("view_product", "D", lambda g: (product_view(g), g.dense(6, 2)), (11, 13), dims=("N", 2, 3))


def expanded(g):
    x = g.dense(K, 3).value
    g.node("Expand", x, g.node("Shape", g.node("Add", g.node("ConstantOfShape", g.node("Shape", x)), x)))


form("expand_to_its_shape", "D", expanded, (13,))
form("row_of_pictures", "DD", lambda g: (g.dense(K, 6), g.on("Reshape", g.ints(-1, 2, 3)), g.on("Flatten"), g.dense(6, 2),
                                         g.on("Reshape", g.ints(-1, 2, 1))))


# ---- several inputs and outputs
def joined(g, prepare):
    g.inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, d) for n, d in (("a", ["N", 2]), ("state", ["N"]), ("b", ["N", 1, 3]))]
    b = g.node("Flatten", "b")
    a = g.node("Cast", "a", to=1) if prepare else "a"
    g.extra_outputs.append(g.node("Identity", "state"))
    g.node("Concat", a, b, axis=-1)
    g.dense(5, 2)


form("joined", "D", lambda g: joined(g, False))
form("joined_cast", "D", lambda g: joined(g, True))


def two_heads(g):
    g.dense(K, H)
    x = g.on("Relu")
    g.dense(H, 2)
    g.extra_outputs.append(g.value)
    g.value = x
    g.dense(H, 1)


form("two_heads", "DAD", two_heads)


# ---- parts of a row
def last(name, build, steps="D[", opsets=(17,)):
    form(name, steps, lambda g: (g.dense(K, 6), build(g)), opsets)


last("Slice", lambda g: g.on("Slice", g.ints(1), g.ints(4), g.ints(1)), opsets=(10, 13))
last("Slice_step", lambda g: g.on("Slice", g.ints(0), g.ints(2), g.ints(-1), g.ints(1)), opsets=(13,))
last("Slice_from_end", lambda g: g.on("Slice", g.ints(-2), g.ints(2**62), g.ints(1)), opsets=(13,))
last("Slice_rows_too", lambda g: g.on("Slice", g.ints(0, 2), g.ints(2**62, 5), g.ints(0, 1)), opsets=(13,))
last("Slice_all", lambda g: g.on("Slice", g.ints(0), g.ints(6), g.ints(1)), "D", (13,))
last("Slice_attributes", lambda g: g.on("Slice", axes=[1], starts=[2], ends=[5]), opsets=(9,))
last("Split_equal", lambda g: g.on("Split", axis=1, n=2), opsets=(9, 11, 13))
last("Split_attribute", lambda g: g.on("Split", axis=-1, split=[4, 2], n=2), opsets=(9, 11))
last("Split_operand", lambda g: g.on("Split", g.ints(4, 2), axis=-1, n=2), opsets=(13,))
last("Split_num_outputs", lambda g: g.on("Split", axis=-1, num_outputs=2, n=2), opsets=(18,))
form("Split_uneven", "D[", lambda g: (g.dense(K, 7), g.on("Split", axis=-1, num_outputs=4, n=4)), (18,))


def second_part(g):
    g.on("Split", g.ints(4, 2), axis=-1, n=2)
    g.value += "_1"
    g.on("Tanh")


last("Split_second", second_part, "D[A", (13,))
last("Gather", lambda g: g.on("Gather", g.ints(2, 3, 4), axis=1), opsets=(9, 13))
last("Slice_int32", lambda g: g.on("Slice", g.int32s(1), g.int32s(2**31 - 1), g.int32s(-1), g.int32s(1)), opsets=(10, 13))
last("Gather_int32", lambda g: g.on("Gather", g.int32s(2, 3, 4), axis=1), opsets=(9, 13))
last("Gather_int32_Cast", lambda g: (lambda x: g.node("Gather", x, g.node("Cast", g.int32s(-3, -2), to=7), axis=1))(g.value), opsets=(13,))
last("Gather_one", lambda g: g.on("Gather", g.constant(-1, numpy.int64), axis=-1), opsets=(13,))


# ---- classifiers
def classifier(g, binary):
    g.ml = True
    g.on("Scaler", domain="ai.onnx.ml", offset=[0.5] * K, scale=[2.0] * K)
    g.on("Cast", to=1)
    g.on("MatMul", g.constant(g.next(K, H)))
    g.on("Add", g.constant(g.next(1, H)))
    g.on("Relu")
    g.on("MatMul", g.constant(g.next(H, 1 if binary else 3)))
    g.on("Add", g.constant(g.next(1, 1 if binary else 3)))
    if binary:
        p = g.on("Sigmoid")
        g.node("Concat", g.node("Sub", g.scalar(1), p), p, axis=1)
    else:
        g.on("Softmax", axis=1)


form("binary_classifier", "SDADAC", lambda g: classifier(g, True))
form("classifier", "SDADX", lambda g: classifier(g, False))


# ---- many forms at once, at random
def at_random(seed):
    rng = numpy.random.default_rng(seed)
    steps = []

    def build(g):
        widths = [K] + [int(w) for w in rng.integers(2, 9, rng.integers(1, 5))]
        after = [("A", lambda w: g.on("Relu")), ("A", lambda w: g.on("Tanh")), ("A", lambda w: g.on("Sigmoid")), ("A", lambda w: g.on("Elu")),
                 ("A", lambda w: g.node("Mul", g.value, g.node("Sigmoid", g.value))), ("A", lambda w: g.on("Softplus")),
                 ("A", lambda w: gates["hg"](g, g.value, erf_of["div"](g, g.value, g.scalar), g.scalar)),
                 ("N", lambda w: g.on("LayerNormalization", g.constant(1 + g.next(w)), g.constant(g.next(w)))),
                 ("B", lambda w: g.on("BatchNormalization", *(g.constant(g.next(w)) for _ in range(3)), g.constant(1 + g.next(w)))),
                 ("*", lambda w: g.on("Mul", g.constant(g.next(w)))), ("-", lambda w: g.on("Sub", g.scalar(0.25))),
                 ("A", lambda w: g.on("PRelu", g.constant(g.next(w)))), ("", lambda w: g.on("Identity")), ("", lambda w: g.on("Flatten"))]

        def some(w):
            for _ in range(rng.integers(0, 4)):
                mark, make = after[rng.integers(len(after))]
                steps.append(mark)
                make(w)
        some(K)
        for i, o in zip(widths, widths[1:]):
            steps.append("D")
            g.dense(i, o)
            some(o)
    g = Graph(17)
    build(g)
    FORMS.append((f"random_{seed}", "".join(steps), g))


for seed in range(40):
    at_random(seed)


def rows_of(model, used):
    rng = numpy.random.default_rng(len(model.SerializeToString()))
    shapes = {i.name: [d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    for scale in (0.3, 1, 3, 10):
        yield {n: rng.normal(0, scale, s).astype(F) for n, s in shapes.items() if n in used}


def main():
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    lines = ["# Written by make_forms.py"]
    for name, steps, g in FORMS:
        model = g.model()
        content = model.SerializeToString()
        session = onnxruntime.InferenceSession(content, options)
        names = [i.name for i in session.get_inputs() if i.name not in {t.name for t in g.initializers}]
        lines += [f"model {name} {steps or '-'} {g.value}", "onnx " + base64.b64encode(content).decode(), "rows"]
        for row in rows_of(model, names):
            y = session.run([g.value], row)[0].ravel()
            x = numpy.concatenate([row[n].ravel() for n in names if n != "state"])
            lines.append(" ".join(f"{v:.9g}" for v in x) + " | " + " ".join(f"{v:.9g}" for v in y))
    OUTPUT.write_text("\n".join(lines) + "\n")
    print(len(FORMS), "forms,", OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
