#!/usr/bin/env python3
"""Write accepted.txt: models in every form that the engine accepts, as the onnx package and ONNX
Runtime's quantiser serialise them, with ONNX Runtime's score of each row alone (N = 1).

    tests/data/regenerate            makes the environment, runs this and make_golden.py

Lines:
    rows K, then one row of K features a line
    model NAME SHAPE fp32|int8|static      static: int8 with fixed activation scales
    onnx BASE64, and for external data: file LOCATION BASE64; or, for large ones, whose bytes the
      test writes by the same formula: written, or written_per_channel
    scores, then one line a row: ONNX Runtime's; of fp32 models also float64's and the magnitude
      of the sums (see onnxruntime_reference.py); or: same_scores_as NAME
"""
import base64
import copy
import logging
import pathlib
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime_reference import Float64, runtime_scores, text

OUTPUT = pathlib.Path(__file__).with_name("accepted.txt")
SMALL = (3, 4, 2, 1)


# The formula of tests/onnx_writer.hpp.
def weights(which, *shape):
    i = numpy.arange(numpy.prod(shape, dtype=int))
    return (((i * 37 + which * 53) % 101 - 50) / 64).astype(numpy.float32).reshape(shape)


def deviations(count):
    return (0.5 + numpy.arange(count) % 9 / 8).astype(numpy.float32)


def make_rows(inputs):
    """Values of the features' size, then zeros, ones, and large, small and negative rows."""
    rng = numpy.random.default_rng(inputs)
    edges = [0, 1, -1, 1e-3, 1e4, -3e5, 1e-41]
    rows = [rng.random(inputs) for _ in range(4)]
    rows += [rng.normal(0, 5, inputs) for _ in range(4)]
    rows += [numpy.full(inputs, edge) for edge in edges]
    return numpy.array(rows, numpy.float32)


class Chain:
    """A graph that grows node by node; `value` is the end of the chain."""

    def __init__(self, sizes, rows="N"):
        self.sizes, self.rows, self.value = sizes, rows, "features"
        self.nodes, self.initializers, self.inputs = [], [], []
        self.output_dims = [rows, 1]

    def constant(self, name, array, data_type=None):
        array = numpy.asarray(array)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, *inputs, outputs=None, domain=None, **attributes):
        outputs = outputs or [f"v{len(self.nodes)}"]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, domain=domain, **attributes))
        self.value = outputs[0]
        return outputs

    def scaler(self):
        inputs = self.sizes[0]
        self.node("Sub", self.value, self.constant("mean", weights(0, inputs)))
        self.node("Div", self.value, self.constant("std", deviations(inputs)))
        return self

    def layers(self, layer):
        for l in range(len(self.sizes) - 1):
            layer(self, l)
            if l + 2 < len(self.sizes):
                self.node("Relu", self.value)
        return self

    def squeeze(self, opset=17, axis=1):
        if opset < 13:
            self.node("Squeeze", self.value, axes=[axis])
        else:
            self.node("Squeeze", self.value, self.constant("axes", numpy.array([axis])))
        self.output_dims = [self.rows]
        return self

    def model(self, opset=17, ir_version=8, ml=False):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [info("features", TensorProto.FLOAT, [self.rows, self.sizes[0]]), *self.inputs],
            [info(self.value, TensorProto.FLOAT, self.output_dims)],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid("ai.onnx.ml", 1)] * ml
        return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def gemm(chain, l):
    inputs, outputs = chain.sizes[l], chain.sizes[l + 1]
    weight = chain.constant(f"w{l}", weights(2 * l + 1, outputs, inputs))
    bias = chain.constant(f"b{l}", weights(2 * l + 2, outputs))
    chain.node("Gemm", chain.value, weight, bias, transB=1)


def gemm_as(**attributes):
    """Gemm with these attributes; `bias`: a shape, or None to leave it out."""
    bias_shape = attributes.pop("bias", "full")

    def layer(chain, l):
        inputs, outputs = chain.sizes[l], chain.sizes[l + 1]
        shape = (outputs, inputs) if attributes.get("transB") else (inputs, outputs)
        operands = [chain.constant(f"w{l}", weights(2 * l + 1, *shape))]
        if bias_shape is not None:
            shape = {"full": [outputs], "row": [1, outputs]}.get(bias_shape, bias_shape)
            operands.append(chain.constant(f"b{l}", weights(2 * l + 2, *shape)))
        chain.node("Gemm", chain.value, *operands, **attributes)

    return layer


def matmul_add(chain, l, bias_first=False, bias_rank=1):
    inputs, outputs = chain.sizes[l], chain.sizes[l + 1]
    chain.node("MatMul", chain.value, chain.constant(f"w{l}", weights(2 * l + 1, inputs, outputs)))
    shape = [outputs] if bias_rank == 1 else [1, outputs]
    bias = chain.constant(f"b{l}", weights(2 * l + 2, *shape))
    chain.node("Add", *((bias, chain.value) if bias_first else (chain.value, bias)))


def usual(sizes=SMALL, **model):
    return Chain(sizes).scaler().layers(gemm).squeeze(model.get("opset", 17)).model(**model)


def shapes():
    for sizes in [(1, 1), SMALL, (3, 5, 7, 1), (10, 24, 1)]:
        yield "shape_" + "-".join(map(str, sizes)), usual(sizes)
    yield "shape_6_layers", usual((2,) * 6 + (1,))


def opsets():
    for opset in range(7, 24):
        yield f"opset_{opset}", usual(opset=opset, ir_version=4 if opset < 9 else 8)
    for ir_version in (4, 10, 11):
        yield f"ir_{ir_version}", usual(ir_version=ir_version)
    listed = usual(opset=8, ir_version=3)  # IR 3 asks for it
    for tensor in listed.graph.initializer:
        listed.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    yield "ir_3_initializers_listed_as_inputs", listed
    first = copy.deepcopy(listed)
    first.graph.input.append(first.graph.input[0])
    del first.graph.input[0]
    yield "ir_3_input_listed_last", first


def scalers():
    def scaled(build, **model):
        chain = Chain(SMALL)
        build(chain)
        return chain.layers(gemm).squeeze().model(**model)

    def sub_then(op, mean, std):
        def build(chain):
            chain.node("Sub", chain.value, chain.constant("mean", numpy.float32(mean)))
            other = chain.constant("std", numpy.float32(std))
            chain.node(op, *((chain.value, other) if op != "MulFirst" else (other, chain.value)))

        return build

    def mul_first(chain):
        chain.node("Sub", chain.value, chain.constant("mean", weights(0, 3)))
        chain.node("Mul", chain.constant("factor", deviations(3)), chain.value)

    def ml(offset, scale):
        return lambda chain: chain.node(
            "Scaler", chain.value, domain="ai.onnx.ml", offset=offset, scale=scale
        )

    mean, std = weights(0, 3), deviations(3)
    yield "scaler_none", scaled(lambda chain: None)
    yield "scaler_mul", scaled(sub_then("Mul", mean, std))
    yield "scaler_mul_factor_first", scaled(mul_first)
    yield "scaler_row", scaled(sub_then("Div", mean[None], std[None]))
    yield "scaler_single_values", scaled(sub_then("Div", [0.25], [[1.5]]))
    yield "scaler_scalars", scaled(sub_then("Div", 0.25, 1.5))
    yield "scaler_scalar_factor", scaled(sub_then("Mul", 0.25, 1.5))
    yield "scaler_negative_std", scaled(sub_then("Div", mean, -std))
    yield "scaler_zero_factor", scaled(sub_then("Mul", mean, [1, 0, 2]))
    yield "scaler_ml", scaled(ml(mean.tolist(), std.tolist()), ml=True)
    yield "scaler_ml_single_values", scaled(ml([0.25], [1.5]), ml=True)


def layers():
    def of(layer, **model):
        return Chain(SMALL).scaler().layers(layer).squeeze(model.get("opset", 17)).model(**model)

    yield "gemm_not_transposed", of(gemm_as(transB=0))
    yield "gemm_defaults", of(gemm_as())
    yield "gemm_alpha_beta", of(gemm_as(transB=1, alpha=0.7, beta=-1.3))
    yield "gemm_alpha_beta_transA_0", of(gemm_as(alpha=1.5, beta=0.1, transA=0, transB=0))
    yield "gemm_without_bias", of(gemm_as(bias=None))
    yield "gemm_bias_row", of(gemm_as(transB=1, bias="row"))
    yield "gemm_bias_scalar", of(gemm_as(transB=1, bias=()))
    yield "gemm_bias_single", of(gemm_as(transB=1, bias=(1,)))
    yield "gemm_bias_single_rank_2", of(gemm_as(transB=1, beta=0.5, bias=(1, 1)))
    yield "gemm_opset_7", of(gemm_as(transB=1, alpha=2.0), opset=7, ir_version=4)
    yield "matmul_add", of(matmul_add)
    yield "matmul_add_bias_first", of(lambda c, l: matmul_add(c, l, bias_first=True))
    yield "matmul_add_bias_row", of(lambda c, l: matmul_add(c, l, bias_rank=2))
    yield "gemm_and_matmul", of(lambda c, l: (gemm, matmul_add)[l % 2](c, l))


def exits():
    def leaving(*steps, dims=("N",), rows="N"):
        chain = Chain(SMALL, rows).scaler().layers(gemm)
        for i, (op, operand, attributes) in enumerate(steps):
            operands = [] if operand is None else [chain.constant(f"e{i}", numpy.array(operand))]
            chain.node(op, chain.value, *operands, **attributes)
        chain.output_dims = list(dims)
        return chain.model()

    column = ("N", 1)
    yield "exit_none", leaving(dims=column)
    yield "exit_squeeze_negative", leaving(("Squeeze", [-1], {}))
    yield "exit_reshape", leaving(("Reshape", [-1], {}))
    yield "exit_reshape_column", leaving(("Reshape", [-1, 1], {"allowzero": 0}), dims=column)
    yield "exit_flatten", leaving(("Flatten", None, {}), dims=column)
    yield "exit_flatten_last", leaving(("Flatten", None, {"axis": -1}), dims=column)
    yield "exit_flatten_reshape", leaving(("Flatten", None, {"axis": 1}), ("Reshape", [-1], {}))
    yield "exit_squeeze_flatten", leaving(
        ("Squeeze", [1], {}), ("Flatten", None, {}), dims=column
    )
    yield "exit_there_and_back", leaving(
        ("Squeeze", [1], {}), ("Reshape", [-1, 1], {}), ("Squeeze", [1], {})
    )
    yield "rows_fixed", leaving(("Squeeze", [1], {}), dims=(1,), rows=1)
    yield "rows_fixed_output_symbolic", leaving(dims=column, rows=1)
    yield "rows_unknown", leaving(("Squeeze", [1], {}), dims=(None,), rows=None)
    unspoken = leaving(("Squeeze", [1], {}))
    unspoken.graph.output[0].type.tensor_type.ClearField("shape")
    yield "output_without_shape", unspoken


def constants():
    """The usual model, its initializers moved elsewhere."""

    def as_nodes(convert):
        model = usual()
        nodes = [convert(tensor) for tensor in model.graph.initializer]
        kept = list(model.graph.node)
        del model.graph.initializer[:], model.graph.node[:]
        model.graph.node.extend(nodes + kept)
        return model

    def node_of_list(tensor):
        array = numpy_helper.to_array(tensor)
        if array.ndim != 1:
            return helper.make_node("Constant", [], [tensor.name], value=tensor)
        kind = "value_ints" if array.dtype == numpy.int64 else "value_floats"
        return helper.make_node("Constant", [], [tensor.name], **{kind: array.tolist()})

    yield "constants_value", as_nodes(
        lambda t: helper.make_node("Constant", [], [t.name], value=t)
    )
    yield "constants_lists", as_nodes(node_of_list)

    chain = Chain(SMALL)
    chain.node("Constant", outputs=["mean"], value_float=0.25)
    chain.node("Constant", outputs=["std"], value_float=1.5)
    chain.node("Sub", "features", "mean")
    chain.node("Div", chain.value, "std")
    chain.layers(gemm).node("Flatten", chain.value)
    yield "constants_scalars", chain.model()

    typed = usual()
    for tensor in typed.graph.initializer:
        array = numpy_helper.to_array(tensor)
        tensor.ClearField("raw_data")
        field = tensor.int64_data if array.dtype == numpy.int64 else tensor.float_data
        field.extend(array.reshape(-1).tolist())
    yield "constants_typed", typed

    shuffled = usual()
    tensors = sorted(shuffled.graph.initializer, key=lambda t: t.name, reverse=True)
    del shuffled.graph.initializer[:]
    shuffled.graph.initializer.extend(tensors)
    shuffled.graph.value_info.extend(
        helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors
    )
    shuffled.doc_string = shuffled.graph.doc_string = "in another order, and repeated"
    helper.set_model_props(shuffled, {"key": "value"})
    yield "constants_shuffled", shuffled


def with_identities(model):
    """An Identity behind every value and every constant."""
    model = copy.deepcopy(model)
    nodes = list(model.graph.node)
    renamed = {}
    del model.graph.node[:]

    def follow(value):
        renamed[value] = value + "_"
        model.graph.node.append(helper.make_node("Identity", [value], [value + "_"]))

    for value in [model.graph.input[0].name, *(t.name for t in model.graph.initializer)]:
        follow(value)
    for node in nodes:
        node.input[:] = [renamed.get(i, i) for i in node.input]
        model.graph.node.append(node)
        for value in node.output:
            follow(value)
    model.graph.output[0].name = renamed[model.graph.output[0].name]
    return model


def edges():
    """Weights where quantisation is delicate: ties, zeros, and scales that would be denormal."""

    def of(name, make):
        model = usual((3, 5, 7, 1))
        for l, tensor in enumerate(t for t in model.graph.initializer if t.name[0] == "w"):
            array = make(l, numpy_helper.to_array(tensor)).astype(numpy.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        return f"edge_{name}_3-5-7-1", model

    def ties(l, w):
        halves = numpy.arange(w.size).reshape(w.shape) * 3.0 - 40.5
        halves[:, 0] = 127
        return halves * 2.0**-7

    def zeros(l, w):
        w = w * (l != 1)
        w[::2] = 0
        return w

    def outputs_of_all_sizes(l, w):
        sizes = [1, 2.0**-130, 2.0**-126, 1.5e-36, 1.4e-36, 1e-44, 1e30][: len(w)]
        return w * numpy.array(sizes)[:, None]

    yield of("ties", ties)
    yield of("zeros", zeros)
    yield of("smallest_scale", lambda l, w: w * (2.0**-126 * 127 / abs(w).max()))
    yield of("below_smallest_scale", lambda l, w: w * (2.0**-126 * 126.999 / abs(w).max()))
    yield of("outputs_of_all_sizes", outputs_of_all_sizes)


def quantised(model, **options):
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "a.onnx"), pathlib.Path(folder, "b.onnx")
        onnx.save(model, source)
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, **options)
        return onnx.load(target)


def written_int8(per_channel=False, zero_point=True, swapped=False, bias_rank=1, scale_rank=None):
    """The dynamic-PTQ form by hand, in the freedom that the operators leave."""

    def layer(chain, l):
        inputs, outputs = chain.sizes[l], chain.sizes[l + 1]
        i = numpy.arange(inputs * outputs)
        weight = ((i * 37 + (2 * l + 1) * 53) % 255 - 127).astype(numpy.int8)
        scale = 1 / (150 + 3 * numpy.arange(outputs if per_channel else 1) + l)
        scale = scale.astype(numpy.float32).reshape(outputs if per_channel else ())
        z = numpy.zeros_like(scale, numpy.int8)
        if scale_rank is not None:
            scale = scale.reshape([1] * (scale_rank - 1) + [-1])
        q, qs, qz = chain.node("DynamicQuantizeLinear", chain.value,
                               outputs=[f"q{l}", f"qs{l}", f"qz{l}"])
        operands = [q, chain.constant(f"w{l}", weight.reshape(inputs, outputs)), qz]
        if zero_point:
            operands.append(chain.constant(f"z{l}", z))
        s = chain.constant(f"s{l}", scale)
        scales = chain.node("Mul", *((s, qs) if swapped else (qs, s)))[0]
        chain.node("MatMulInteger", *operands)
        product = chain.node("Cast", chain.value, to=TensorProto.FLOAT)[0]
        chain.node("Mul", *((scales, product) if swapped else (product, scales)))
        shape = [outputs] if bias_rank == 1 else [1, outputs]
        bias = chain.constant(f"b{l}", weights(2 * l + 2, *shape))
        chain.node("Add", *((bias, chain.value) if swapped else (chain.value, bias)))

    return lambda sizes=SMALL: Chain(sizes).scaler().layers(layer).squeeze().model()


def int8():
    for sizes in [(1, 1), SMALL, (3, 5, 7, 1), (10, 24, 1)]:
        name = "-".join(map(str, sizes))
        yield f"int8_quantised_{name}", quantised(usual(sizes))
        yield f"int8_quantised_per_channel_{name}", quantised(usual(sizes), per_channel=True)
    for name, model in edges():
        yield f"int8_quantised_{name}", quantised(model)
        yield f"int8_quantised_per_channel_{name}", quantised(model, per_channel=True)
    yield "int8_without_scaler", quantised(Chain(SMALL).layers(gemm).squeeze().model())
    yield "int8_from_matmul", quantised(Chain(SMALL).scaler().layers(matmul_add).squeeze().model())
    yield "int8_per_tensor", written_int8()()
    yield "int8_per_channel", written_int8(per_channel=True)()
    yield "int8_no_zero_point", written_int8(zero_point=False)()
    yield "int8_no_zero_point_per_channel", written_int8(per_channel=True, zero_point=False)()
    yield "int8_operands_swapped", written_int8(swapped=True)()
    # ONNX Runtime's optimiser rounds scales of rank 2 otherwise than the graph says.
    for swapped in (False, True):
        for per_channel in (False, True):
            name = "_".join(["int8_scale_rank_2"] + ["per_channel"] * per_channel + ["first"] * swapped)
            yield name, written_int8(per_channel=per_channel, swapped=swapped, scale_rank=2)()
    yield "int8_bias_row", written_int8(bias_rank=2)()
    yield "int8_wide", written_int8(per_channel=True)((10, 24, 1))
    yield "int8_identities", with_identities(written_int8()())
    typed = written_int8()()
    for tensor in typed.graph.initializer:
        if tensor.data_type == TensorProto.INT8:
            array = numpy_helper.to_array(tensor)
            tensor.ClearField("raw_data")
            tensor.int32_data.extend(array.reshape(-1).tolist())
    yield "int8_typed", typed


def written_static(
    per_channel=False, computed=False, swapped=False, weight_zero=True, x_zero="given",
    scales=None, zeros=(117,), dims=(), sum_dims=None, quantize=None, mean=True, opset=17,
):
    """The static-PTQ form by hand, in the freedom that the operators leave. The scale of the sum is
    a constant, or `computed` by a Mul; x_zero: given, left_out of both operators, or
    left_out_of_matmul. Other activation scales than the usual do not change those of the sums, so
    that scores still depend on the row."""

    def usual_scale(l):
        return 1 / (20 + 4 * l)

    def layer(chain, l):
        inputs, outputs = chain.sizes[l], chain.sizes[l + 1]
        i = numpy.arange(inputs * outputs)
        weight = ((i * 37 + (2 * l + 1) * 53) % 255 - 127).astype(numpy.int8)
        x_scale = numpy.full(dims, scales or usual_scale(l), numpy.float32)
        x_zero_point = numpy.full(dims, zeros[l] if l < len(zeros) else 0, numpy.uint8)
        scale = 1 / (150 + 3 * numpy.arange(outputs if per_channel else 1) + l)
        shape = sum_dims or ((outputs,) if per_channel else ())
        scale = scale.astype(numpy.float32).reshape(shape)
        xs, w = chain.constant(f"xs{l}", x_scale), chain.constant(f"w{l}", weight.reshape(inputs, outputs))
        operands = [chain.value, xs]
        if x_zero != "left_out":
            operands.append(chain.constant(f"xz{l}", x_zero_point))
        chain.node("QuantizeLinear", *operands, outputs=[f"q{l}"], **(quantize or {}))
        operands = [f"q{l}", w]
        if x_zero == "given":
            operands.append(f"xz{l}")
        if weight_zero:
            operands += [""] * (3 - len(operands))
            operands.append(chain.constant(f"z{l}", numpy.zeros_like(scale, numpy.int8)))
        if computed:
            s = chain.constant(f"s{l}", scale)
            both = chain.node("Mul", *((s, xs) if swapped else (xs, s)))[0]
        else:
            both = chain.constant(f"s{l}", numpy.float32(usual_scale(l)) * scale)
        chain.node("MatMulInteger", *operands)
        product = chain.node("Cast", chain.value, to=TensorProto.FLOAT)[0]
        chain.node("Mul", *((both, product) if swapped else (product, both)))
        bias = chain.constant(f"b{l}", weights(2 * l + 2, outputs))
        chain.node("Add", *((bias, chain.value) if swapped else (chain.value, bias)))

    def make(sizes=SMALL):
        chain = Chain(sizes)
        return (chain.scaler() if mean else chain).layers(layer).squeeze(opset).model(opset=opset)

    return make


def static_int8():
    for sizes in [(1, 1), SMALL, (3, 5, 7, 1), (10, 24, 1)]:
        name = "-".join(map(str, sizes))
        yield f"static_{name}", written_static()(sizes)
        yield f"static_per_channel_{name}", written_static(per_channel=True)(sizes)
    yield "static_computed", written_static(computed=True)()
    yield "static_computed_per_channel", written_static(computed=True, per_channel=True)()
    yield "static_operands_swapped", written_static(computed=True, swapped=True)()
    yield "static_constant_swapped", written_static(swapped=True)()
    yield "static_scale_row", written_static(per_channel=True, sum_dims=(1, -1))()
    yield "static_without_scaler", written_static(mean=False)()
    yield "static_vectors_of_one", written_static(dims=(1,), computed=True)()
    yield "static_zero_points", written_static(zeros=(255, 3, 200))()
    yield "static_zero_point_0", written_static(zeros=())()
    yield "static_zero_point_left_out", written_static(x_zero="left_out", zeros=())()
    yield "static_zero_point_left_out_of_matmul", written_static(x_zero="left_out_of_matmul",
                                                                 zeros=())()
    yield "static_no_weight_zero_point", written_static(weight_zero=False)()
    yield "static_two_operands", written_static(weight_zero=False, x_zero="left_out", zeros=())()
    for opset, attributes in [
        (10, {}), (11, {}), (13, {"axis": 0}), (19, {"axis": -1, "saturate": 1}),
        (21, {"axis": 1, "block_size": 0, "output_dtype": 0}), (21, {"output_dtype": 2}),
        (23, {"precision": 0}), (23, {"precision": 1, "axis": -2}),
    ]:
        name = "_".join(f"{k}_{v}" for k, v in attributes.items())
        yield f"static_opset_{opset}_{name}", written_static(quantize=attributes, opset=opset)()
    for scale in [1e-6, 1e5, 1e-30, 1e30, 0.125, 2e-38, 1e-42, 3e38]:
        yield f"static_scale_{scale}", written_static(scales=scale)()
        yield f"static_scale_{scale}_zero_points", written_static(scales=scale, zeros=(128, 5, 77))()
    yield "static_identities", with_identities(written_static()())
    yield "static_identities_computed", with_identities(written_static(computed=True)())
    typed = written_static(zeros=(200, 128, 1))()
    for tensor in typed.graph.initializer:
        if tensor.data_type in (TensorProto.INT8, TensorProto.UINT8):
            array = numpy_helper.to_array(tensor)
            tensor.ClearField("raw_data")
            tensor.int32_data.extend(array.reshape(-1).tolist())
    yield "static_typed", typed
    sizes = (100, 33, 17, 1)
    yield "written-static-100-33-17-1", written_static()(sizes)
    yield "written_per_channel-static-100-33-17-1", written_static(per_channel=True)(sizes)


def external(model):
    """The model with its tensors of 16 bytes and more in a file beside it: (bytes, files)."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.onnx")
        onnx.save_model(
            copy.deepcopy(model), path, save_as_external_data=True, location="weights.bin",
            size_threshold=16, convert_attribute=False,
        )
        return path.read_bytes(), {"weights.bin": path.with_name("weights.bin").read_bytes()}


def large():
    """Compared with models that the test writes by the same formula."""
    for sizes in [SMALL, (100, 33, 17, 1)]:
        name = "-".join(map(str, sizes))
        yield f"written-{name}", usual(sizes)
        yield f"written-int8-{name}", written_int8()(sizes)
        yield f"written_per_channel-int8-{name}", written_int8(per_channel=True)(sizes)


def sizes_of(model):
    """The layers' sizes, read back from the graph."""
    shapes = {t.name: list(t.dims) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            shapes[node.output[0]] = list(node.attribute[0].t.dims)
        if node.op_type == "Identity" and node.input[0] in shapes:
            shapes[node.output[0]] = shapes[node.input[0]]
    (features,) = (v for v in model.graph.input if v.name not in shapes)
    sizes = [features.type.tensor_type.shape.dim[1].dim_value]
    for node in model.graph.node:
        if node.op_type in ("Gemm", "MatMul", "MatMulInteger"):
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            sizes.append(shapes[node.input[1]][0 if transposed else 1])
    return sizes


def float64_of(model, rows, magnitude=False):
    plain = copy.deepcopy(model)
    constants = {t.name for t in plain.graph.initializer}
    inputs = [i for i in plain.graph.input if i.name not in constants]
    del plain.graph.input[:]
    plain.graph.input.extend(inputs)
    return Float64(plain, magnitude)(rows)


def main():
    logging.disable(logging.WARNING)  # the quantiser's advice
    lines = [f"# by make_accepted.py, onnx {onnx.__version__},"
             f" onnxruntime {onnxruntime.__version__}"]
    known_rows, named_by_scores = set(), {}

    def add(name, model, content=None, files=None):
        sizes = sizes_of(model)
        rows = make_rows(sizes[0])
        if sizes[0] not in known_rows:
            known_rows.add(sizes[0])
            lines.append(f"rows {sizes[0]}")
            lines.extend(" ".join(text(v) for v in row) for row in rows)
        if name != "output_without_shape":  # ONNX Runtime takes it, the checker does not
            onnx.checker.check_model(model)
        is_int8 = any(node.op_type == "MatMulInteger" for node in model.graph.node)
        is_static = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
        precision = "static" if is_static else "int8" if is_int8 else "fp32"
        lines.append(f"model {name} {'-'.join(map(str, sizes))} {precision}")
        content = content or model.SerializeToString()
        written = name.startswith("written")
        lines.append(name.split("-")[0] if written else "onnx " + base64.b64encode(content).decode())
        for location, data in (files or {}).items():
            lines.append(f"file {location} {base64.b64encode(data).decode()}")
        scores = runtime_scores(model.SerializeToString(), rows)
        if is_int8:
            optimised = runtime_scores(model.SerializeToString(), rows, True)
            assert (scores == optimised).all() or name.startswith("int8_scale_rank_2"), name
            columns = [map(text, scores)]
        else:
            exact, magnitude = float64_of(model, rows), float64_of(model, rows, True)
            columns = [map(text, scores), map(text, exact), (f"{m:.3g}" for m in magnitude)]
        table = [" ".join(line) for line in zip(*columns)]
        like = named_by_scores.setdefault((sizes[0], *table), name)
        lines.extend(["scores", *table] if like == name else [f"same_scores_as {like}"])

    for part in (shapes, edges, opsets, scalers, layers, exits, constants, int8, large):
        for name, model in part():
            add(name, model)
    add("identity_everywhere", with_identities(usual()))
    add("identity_around_matmul",
        with_identities(Chain(SMALL).scaler().layers(matmul_add).squeeze().model()))
    add("external_data", usual(), *external(usual()))
    add("int8_external_data", written_int8()(), *external(written_int8()()))
    for name, model in static_int8():
        add(name, model)
    add("static_external_data", written_static(per_channel=True)(),
        *external(written_static(per_channel=True)()))
    OUTPUT.write_text("\n".join(lines) + "\n")
    print(OUTPUT.name, OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
