#!/usr/bin/env python3
"""Write recorded.json: what ONNX Runtime's quantiser makes of models, and scores with the result.

    $(tools/train/environment) tests/ladder/record.py

layers   for each model and granularity, the int8 weights, scales and zero points of
         quantize_dynamic(weight_type=QInt8); Gemm's alpha and beta, which it would leave in
         float32, are folded into weight and bias before, and Identity and Scaler, on which it
         stumbles, are left out
hashes   the SHA-256 of the same for models that are not part of this project
scores   for each shipped network and granularity, over model/quant_rows.csv, each row alone
         (N = 1): the SHA-256 of all scores as little-endian float32, and the first few as text
static   for each shipped network and granularity: scales and zero points of the activations for the
         range that each layer's inputs take over model/corpus.csv.xz, found by NumPy; ONNX Runtime's
         scores of model/quant_rows.csv, as above, by a model written with them, all rows at once
random   numpy.random.default_rng(seed).random(n, float32)
accuracy figures of two series of scores, by NumPy
"""
import copy
import csv
import io
import json
import logging
import pathlib
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import support

sys.path.insert(0, str(support.ROOT / "tests/data"))
from onnxruntime_reference import (  # noqa: E402
    activation_scale, activations, runtime_scores, static_model)

OUTPUT = support.ROOT / "tests/ladder/recorded.json"


def fold_gemm(model):
    """alpha and beta into weight and bias, as float32(double * double)."""
    constants = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        for attribute in list(node.attribute):
            place = {"alpha": 1, "beta": 2}.get(attribute.name)
            if node.op_type != "Gemm" or place is None:
                continue
            if attribute.f != 1 and len(node.input) > place:
                name = node.input[place]
                value = numpy_helper.to_array(constants[name]).astype(np.float64)
                folded = (value * np.float64(np.float32(attribute.f))).astype(np.float32)
                constants[name].CopyFrom(numpy_helper.from_array(folded, name))
            node.attribute.remove(attribute)


def constants_to_initializers(model):
    """The quantiser transposes initializers only."""
    for node in [n for n in model.graph.node if n.op_type == "Constant"]:
        tensor = onnx.helper.get_node_attr_value(node, "value") if any(
            a.name == "value" for a in node.attribute) else None
        if tensor is None:
            continue
        tensor = copy.deepcopy(tensor)
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
        model.graph.node.remove(node)


def leave_out(model, op_types):
    for node in [n for n in model.graph.node if n.op_type in op_types]:
        model.graph.node.remove(node)
        for other in model.graph.node:
            for k, value in enumerate(other.input):
                if value == node.output[0]:
                    other.input[k] = node.input[0]
        for other in model.graph.node:  # where it made the graph's output
            for k, value in enumerate(other.output):
                if value == node.input[0] and node.output[0] == model.graph.output[0].name:
                    other.output[k] = node.output[0]


def quantise(data, per_channel):
    model = onnx.load_from_string(data)
    del model.graph.value_info[:]  # shapes of weights that are about to be transposed
    constants_to_initializers(model)
    leave_out(model, {"Identity", "Scaler"})
    fold_gemm(model)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "int8.onnx"
        quantize_dynamic(model, path, weight_type=QuantType.QInt8, per_channel=per_channel)
        return path.read_bytes()


def features_of(lines):
    return np.array([[row[name] for name in support.FEATURES] for row in csv.DictReader(lines)],
                    np.float32)


def shipped_rows():
    with open(support.MODEL / "quant_rows.csv", newline="") as f:
        return features_of(f)


def batch_scores(data, rows, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"features": rows})[0]


def record_static():
    corpus = features_of(io.StringIO(support.corpus().decode()))
    rows = shipped_rows()
    levels = onnxruntime.GraphOptimizationLevel
    recorded = {}
    for name in support.SHIPPED:
        model = onnx.load(support.MODEL / f"{name}.onnx")
        scales = [activation_scale(x.min(), x.max()) for x in activations(model, corpus)]
        for grain in support.GRAINS:
            int8 = onnx.load_from_string(quantise(model.SerializeToString(), grain == "per_channel"))
            data = static_model(model, int8, scales)
            values = batch_scores(data, rows, levels.ORT_DISABLE_ALL)
            assert np.array_equal(values, batch_scores(data, rows, levels.ORT_ENABLE_ALL))
            assert np.array_equal(values, runtime_scores(data, rows))
            recorded.setdefault(name, {})[grain] = {
                "layers": support.packed(support.Graph(data).static_layers()),
                "scores": {"sha256": support.sha256(values.astype("<f4").tobytes()),
                           "first": [f"{v:.9g}" for v in values[:20]]}}
    return recorded


def record_models():
    layers, hashes, scores, skipped = {}, {}, {}, []
    models = {name: (support.MODEL / f"{name}.onnx").read_bytes() for name in support.SHIPPED}
    models.update(support.fp32_forms())
    if (support.SHARED / "models").is_dir():
        models.update({name: (support.SHARED / "models" / f"{name}.onnx").read_bytes()
                       for name in support.UPSTREAM})
    rows = shipped_rows()
    for name, data in models.items():
        for grain in support.GRAINS:
            try:
                int8 = quantise(data, grain == "per_channel")
                found = support.packed(support.Graph(int8).int8_layers())
            except Exception as reason:  # what ONNX Runtime cannot quantise has no oracle
                skipped.append(f"{name} {grain}: {type(reason).__name__}")
                continue
            dense = sum(n.op_type in ("Gemm", "MatMul")
                        for n in onnx.load_from_string(data).graph.node)
            if len(found) != dense:
                skipped.append(f"{name} {grain}: {len(found)} of {dense} layers")
                continue
            if name in support.UPSTREAM:
                hashes.setdefault(name, {})[grain] = support.hash_of_layers(found)
            else:
                layers.setdefault(name, {})[grain] = found
            if name in support.SHIPPED:
                values = runtime_scores(int8, rows)
                assert np.array_equal(values, runtime_scores(int8, rows, optimised=True))
                scores.setdefault(name, {})[grain] = {
                    "sha256": support.sha256(values.astype("<f4").tobytes()),
                    "first": [f"{v:.9g}" for v in values[:20]]}
    return layers, hashes, scores, skipped


def record_random():
    return {str(seed): [f"{v:.9g}" for v in np.random.default_rng(seed).random(97, np.float32)]
            for seed in (0, 1, 12345, 4294967295)}


def ranks(values):
    """Average ranks by counting, O(n^2): nothing that the program does."""
    less = (values[None, :] < values[:, None]).sum(1)
    same = (values[None, :] == values[:, None]).sum(1)
    return less + (same + 1) / 2


def record_accuracy():
    rng = np.random.default_rng(7)
    a = np.round(rng.normal(60, 20, 257), 1).astype(np.float32)  # rounded: many ties
    b = (a + np.round(rng.normal(0.2, 0.6, 257), 1)).astype(np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)
    d = y - x
    return {"baseline": [f"{v:.9g}" for v in a], "other": [f"{v:.9g}" for v in b],
            "plcc": np.corrcoef(x, y)[0, 1], "srocc": np.corrcoef(ranks(x), ranks(y))[0, 1],
            "rmse": np.sqrt((d * d).mean()), "bias": d.mean(), "mean_abs": abs(d).mean(),
            "p99_abs": np.percentile(abs(d), 99), "worst_abs": abs(d).max()}


def main():
    logging.disable(logging.WARNING)
    layers, hashes, scores, skipped = record_models()
    document = {
        "made_with": f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}, "
                     f"numpy {np.__version__}",
        "not_quantised_by_onnxruntime": skipped,
        "sha256": {name: support.sha256((support.MODEL / f"{name}.onnx").read_bytes())
                   for name in support.SHIPPED},
        "layers": layers, "hashes": hashes, "scores": scores, "static": record_static(),
        "random": record_random(),
        "accuracy": record_accuracy()}
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{OUTPUT}: {len(layers)} models; skipped: {skipped}")


main()
