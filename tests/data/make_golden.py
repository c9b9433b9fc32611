#!/usr/bin/env python3
"""Write golden_shipped.txt: ONNX Runtime's scores of real rows by the networks in model/, float32,
as its own quantiser makes them int8, and those with fixed activation scales, each row alone (N = 1),
and float64's.

    tests/data/regenerate            makes the environment, runs this and make_accepted.py
    tests/data/make_golden.py --check   exit 1 if the models are not those of golden_shipped.txt

Lines:
    sha256 NAME HEX                      of model/NAME.onnx
    weights NAME GRANULARITY LAYER SCALES WEIGHTS   the quantiser's: scales with commas between;
                                         weights as hexadecimal bytes, [inputs, outputs]
    ranges NAME LOW,HIGH ...             of each layer's inputs over the real rows, the upper half of
                                         the last layer's left out: what fixes activation scales
    columns NAME ...                     what follows the six features of each row
    real, then a row a line; edge, then a row a line
"""
import argparse
import csv
import hashlib
import lzma
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = HERE / "golden_shipped.txt"
NETWORKS = ("mlp_small", "mlp_medium", "mlp_large")
# The same shapes: float32 and int8 as it is shipped tell that the weights are the file's.
OTHER_NETWORKS = ("mlp_small_4k", "mlp_medium_4k", "mlp_large_4k")
FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
CORPUS_ROWS = 160


def hashes():
    for name in NETWORKS + OTHER_NETWORKS:
        content = (ROOT / "model" / f"{name}.onnx").read_bytes()
        yield f"sha256 {name} {hashlib.sha256(content).hexdigest()}"


def check():
    recorded = [l for l in OUTPUT.read_text().splitlines() if l.startswith("sha256 ")]
    stale = [now.split()[1] for now in hashes() if now not in recorded]
    if stale:
        sys.exit(
            f"tests/data/golden_shipped.txt was made from other files than model/"
            f"{', '.join(stale)}: run tests/data/regenerate"
        )


def real_rows():
    """Rows of the log in model/samples, and of the corpus at even distances."""
    with open(ROOT / "model" / "samples" / "vtest_x264_36.csv", newline="") as log:
        for row in csv.DictReader(log):
            yield [float(row["integer_" + f]) for f in FEATURES]
    with lzma.open(ROOT / "model" / "corpus.csv.xz", "rt") as corpus:
        rows = list(csv.DictReader(corpus))
    for i in range(CORPUS_ROWS):
        row = rows[i * len(rows) // CORPUS_ROWS]
        yield [float(row[f]) for f in FEATURES]


def edge_rows():
    tiny = 1e-41
    yield from ([v] * 6 for v in (0, 1, -1, tiny, 1e4, -1e4, 1e-6, 1e30, -1e30))
    yield [1, 1, 1, 1, 1, 0]  # a still frame, perfect
    yield [0, 0, 0, 0, 0, -0.0]
    yield [0.4, 0.002, 0.1, 0.15, 0.2, 44]
    yield [1.17, 1.44, 1.12, 1.12, 1.12, 0]
    yield [3e38, 0, 0, 0, 0, 0]
    yield [-3e38, 3e38, 0, 0, 0, 0]
    yield [0, 0, 0, 0, 0, 1000]


def main():
    import copy
    import logging
    import tempfile

    import numpy
    import onnx
    import onnxruntime
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime_reference import (
        Float64, activation_scale, activations, runtime_scores, static_model, text)

    logging.disable(logging.WARNING)  # the quantiser's advice

    def quantised(path, per_channel):
        model = onnx.load(path)
        del model.graph.value_info[:]  # the quantiser transposes weights and trips over their shapes
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder, "int8.onnx")
            quantize_dynamic(model, target, weight_type=QuantType.QInt8, per_channel=per_channel)
            return target.read_bytes()

    def weights_of(name, granularity, content):
        graph = onnx.load_from_string(content).graph
        tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        matmuls = [n for n in graph.node if n.op_type == "MatMulInteger"]
        for layer, node in enumerate(matmuls):
            weight = tensors[node.input[1]]
            scale = tensors[node.input[1].replace("_quantized", "_scale")].reshape(-1)
            scales = ",".join(text(s) for s in scale)
            yield f"weights {name} {granularity} {layer} {scales} {weight.tobytes().hex()}"

    real = numpy.array(list(real_rows()), numpy.float32)
    edge = numpy.array(list(edge_rows()), numpy.float32)
    rows = numpy.concatenate([real, edge])
    lines = [f"# by make_golden.py, onnxruntime {onnxruntime.__version__}", *hashes()]
    columns = []
    for name in NETWORKS:
        path = ROOT / "model" / f"{name}.onnx"
        scores = runtime_scores(path.read_bytes(), rows)
        columns.append((name, [text(v) for v in scores]))
        ranges = [(x.min(), x.max()) for x in activations(onnx.load(path), real)]
        ranges[-1] = (ranges[-1][0], numpy.float32(ranges[-1][1] / 2))  # so that real rows saturate, too
        lines.append(f"ranges {name} " + " ".join(f"{text(a)},{text(b)}" for a, b in ranges))
        exact = Float64(onnx.load(path))(rows)
        columns.append((name + ".float64", [f"{v:.17g}" for v in exact]))
        for granularity in ("per_tensor", "per_channel"):
            content = quantised(path, granularity == "per_channel")
            lines.extend(weights_of(name, granularity, content))
            scores = runtime_scores(content, rows)
            optimised = runtime_scores(content, rows, optimised=True)
            assert numpy.array_equal(scores, optimised, equal_nan=True), name
            columns.append((f"{name}.{granularity}", [text(v) for v in scores]))
            content = static_model(onnx.load(path), onnx.load_from_string(content),
                                   [activation_scale(*r) for r in ranges])
            scores = runtime_scores(content, rows)
            optimised = runtime_scores(content, rows, optimised=True)
            assert numpy.array_equal(scores, optimised), name
            columns.append((f"{name}.static.{granularity}", [text(v) for v in scores]))
    for name in OTHER_NETWORKS:
        path = ROOT / "model" / f"{name}.onnx"
        columns.append((name, [text(v) for v in runtime_scores(path.read_bytes(), rows)]))
        exact = Float64(onnx.load(path))(rows)
        columns.append((name + ".float64", [f"{v:.17g}" for v in exact]))
        scores = runtime_scores(quantised(path, False), rows)
        columns.append((f"{name}.per_tensor", [text(v) for v in scores]))
    lines.append("columns " + " ".join(name for name, _ in columns))
    table = [
        " ".join([*(text(v) for v in row), *values])
        for row, *values in zip(rows, *(values for _, values in columns))
    ]
    lines += ["real", *table[: len(real)], "edge", *table[len(real) :]]
    OUTPUT.write_text("\n".join(lines) + "\n")
    print(OUTPUT.name, OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check() if parser.parse_args().check else main()
