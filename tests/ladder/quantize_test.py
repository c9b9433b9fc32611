#!/usr/bin/env python3
"""tinymlp quantize: the numbers of ONNX Runtime's quantiser, in files that ONNX Runtime runs."""
import csv
import math
import struct
import tempfile
import pathlib
import unittest

import support
from support import GRAINS, MODEL, SHARED, SHIPPED, UPSTREAM, Graph, ProgramTest, onnx_bytes

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic
    import logging
    logging.disable(logging.WARNING)
except ImportError:
    onnxruntime = None

ROWS = MODEL / "quant_rows.csv"


class QuantizeTest(ProgramTest):
    def quantize(self, file, grain="per_tensor"):
        flags = ["--per-channel"] if grain == "per_channel" else []
        return self.accept("quantize", file, "--output", "-", *flags)

    def upstream(self, name):
        path = SHARED / "models" / f"{name}.onnx"
        if not path.exists():
            self.skipTest("no reference models beside the checkout")
        return path


class AgainstRecordedValues(QuantizeTest):
    """Element for element; values by tests/ladder/record.py."""

    def test_shipped_networks_are_those_that_were_recorded(self):
        for name in SHIPPED:
            self.assertEqual(support.sha256((MODEL / f"{name}.onnx").read_bytes()),
                             support.recorded()["sha256"][name], "run tests/ladder/record.py anew")

    def test_shipped_networks(self):
        for name in SHIPPED:
            for grain in GRAINS:
                layers = Graph(self.quantize(MODEL / f"{name}.onnx", grain)).int8_layers()
                self.assertEqual(support.packed(layers), support.recorded()["layers"][name][grain],
                                 f"{name} {grain}")

    def test_every_form_that_the_engine_accepts(self):
        forms = support.fp32_forms()
        self.assertGreater(len(forms), 50)
        for name, data in forms.items():
            file = self.write("model.onnx", data)
            for grain in GRAINS:
                layers = Graph(self.quantize(file, grain)).int8_layers()
                self.assertEqual(support.packed(layers), support.recorded()["layers"][name][grain],
                                 f"{name} {grain}")

    def test_upstream_networks(self):
        for name in UPSTREAM:
            for grain in GRAINS:
                layers = Graph(self.quantize(self.upstream(name), grain)).int8_layers()
                self.assertEqual(support.hash_of_layers(support.packed(layers)),
                                 support.recorded()["hashes"][name][grain], f"{name} {grain}")

    def test_scores_of_the_file_are_onnx_runtimes(self):
        for name in SHIPPED:
            for grain in GRAINS:
                file = self.write("int8.onnx", self.quantize(MODEL / f"{name}.onnx", grain))
                scores = [score for _, score in self.scores("--model", file, ROWS)]
                wanted = support.recorded()["scores"][name][grain]
                self.assertEqual(scores[:20], wanted["first"], f"{name} {grain}")
                self.assertEqual(len(scores), 2000)
                bits = b"".join(struct.pack("<f", float(s)) for s in scores)
                self.assertEqual(support.sha256(bits), wanted["sha256"], f"{name} {grain}")


class AgainstUpstream(QuantizeTest):
    def test_reproduces_every_weight_of_v3(self):
        ours = Graph(self.quantize(self.upstream("vmaf_tiny_v3")))
        theirs = Graph(self.upstream("vmaf_tiny_v3.int8").read_bytes())
        self.assertEqual(support.packed(ours.int8_layers()), support.packed(theirs.int8_layers()))
        for name in ("mlp.0.bias", "mlp.2.bias", "mlp.4.bias", "mean", "std"):
            self.assertEqual(ours.tensors[name], theirs.tensors[name])

    def test_scores_of_v3_are_those_of_upstreams_int8_file(self):
        ours = self.write("v3.onnx", self.quantize(self.upstream("vmaf_tiny_v3")))
        features = SHARED / "golden" / "features.csv"
        expected = (SHARED / "golden" / "vmaf_tiny_v3.int8.txt").read_text().split()
        self.assertEqual([s for _, s in self.scores("--model", ours, features)],
                         [s.replace("-nan", "nan") for s in expected])

    def test_no_larger_than_upstreams_files(self):
        for name, size in (("vmaf_tiny_v3", 4267), ("vmaf_tiny_v4", 7769)):
            self.assertLessEqual(len(self.quantize(self.upstream(name))), size)


class TheFile(QuantizeTest):
    def test_same_input_same_bytes(self):
        self.assertEqual(self.quantize(MODEL / "mlp_large.onnx"),
                         self.quantize(MODEL / "mlp_large.onnx"))

    def test_shipped_int8_files_are_what_it_writes(self):
        for name in SHIPPED:
            self.assertEqual(self.quantize(MODEL / f"{name}.onnx"),
                             (MODEL / f"{name}.int8.onnx").read_bytes(), name)

    def test_it_is_smaller_than_the_fp32_file(self):
        for name in SHIPPED:
            self.assertLess((MODEL / f"{name}.int8.onnx").stat().st_size,
                            (MODEL / f"{name}.onnx").stat().st_size)

    def test_producer_opset_and_ends(self):
        source, result = (Graph(data) for data in ((MODEL / "mlp_small.onnx").read_bytes(),
                                                   self.quantize(MODEL / "mlp_small.onnx")))
        self.assertEqual(result.model[2], b"tinymlp")
        self.assertEqual(result.model[1], source.model[1])  # IR version
        self.assertEqual(result.model[8], source.model[8])  # opset_import
        ends = [[p for n, _, p in onnx_bytes.fields(g.model[7]) if n in (11, 12)]
                for g in (source, result)]
        self.assertEqual(*ends)

    def test_writes_beside_the_input_unless_told(self):
        file = self.write("net.onnx", (MODEL / "mlp_small.onnx").read_bytes())
        self.accept("quantize", file)
        self.assertEqual((self.folder / "net.int8.onnx").read_bytes(),
                         (MODEL / "mlp_small.int8.onnx").read_bytes())
        other = self.write("net.v2", file.read_bytes())  # v2 is no suffix to lose
        self.accept("quantize", other)
        self.assertTrue((self.folder / "net.v2.int8.onnx").exists())

    def test_zero_weights_have_scale_one(self):
        data = onnx_bytes.edit((MODEL / "mlp_small.onnx").read_bytes(), onnx_bytes.GRAPH, lambda g:
                               onnx_bytes.edit(g, onnx_bytes.INITIALIZER, self.zero_weight))
        layers = Graph(self.quantize(self.write("zero.onnx", data))).int8_layers()
        self.assertEqual(layers[0]["scale"][2], [1.0])
        self.assertEqual(set(layers[0]["weight"][2]), {0})

    @staticmethod
    def zero_weight(message):
        name, dims, _, _ = support.tensor(message)
        if dims != [16, 6]:
            return message
        return onnx_bytes.edit(message, onnx_bytes.RAW_DATA, lambda raw: b"\0" * len(raw))


class Refusals(QuantizeTest):
    def test_int8_files(self):
        self.refuse("quantize", MODEL / "mlp_small.int8.onnx", because="the model is int8 already")
        self.assertFalse((MODEL / "mlp_small.int8.int8.onnx").exists())

    def test_what_the_parser_refuses(self):
        data = (MODEL / "mlp_small.onnx").read_bytes()
        kept = self.write("kept.onnx", "before")
        bad = self.write("bad.onnx", data[:-5])
        self.refuse("quantize", bad, "--output", kept, because=["bad.onnx: byte ", "the bytes end inside"])
        self.assertEqual(kept.read_bytes(), b"before")

    def test_overwriting_the_input(self):
        file = self.write("net.onnx", (MODEL / "mlp_small.onnx").read_bytes())
        self.refuse("quantize", file, "--output", file, because="--output would overwrite ", status=2)

    def test_overwriting_the_external_data(self):
        model, outside = onnx_bytes.move_weights_out((MODEL / "mlp_small.onnx").read_bytes(), "w.bin")
        file, weights = self.write("net.onnx", model), self.write("w.bin", outside)
        (self.folder / "link").symlink_to("w.bin")
        for output in (weights, self.folder / "link"):
            self.refuse("quantize", file, "--output", output, status=2,
                        because=["--output would overwrite "])
        self.assertEqual(weights.read_bytes(), outside)
        self.assertEqual(Graph(self.quantize(file)).nodes,
                         Graph(self.quantize(MODEL / "mlp_small.onnx")).nodes)

    def test_a_model_from_standard_input_has_no_name_to_derive(self):
        done = support.run("quantize", "-", stdin=(MODEL / "mlp_small.onnx").read_bytes(),
                           cwd=self.folder)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--output is needed", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_alpha_that_overflows_a_weight(self):
        def alpha(attribute):
            parts = onnx_bytes.fields(attribute)
            if not any(n == 1 and p == b"alpha" for n, _, p in parts):
                return attribute
            return onnx_bytes.encode([(n, k, struct.pack("<f", 3e38) if n == 2 else p)
                                      for n, k, p in parts])
        forms = support.fp32_forms()
        name = next(n for n in forms if "alpha" in n)
        data = onnx_bytes.edit(forms[name], onnx_bytes.GRAPH, lambda g: onnx_bytes.edit(
            g, onnx_bytes.NODE, lambda node: onnx_bytes.edit(node, 5, alpha)))
        self.assertNotEqual(data, forms[name])
        data = onnx_bytes.edit(data, onnx_bytes.GRAPH, lambda g: onnx_bytes.edit(
            g, onnx_bytes.INITIALIZER, self.large_weight))
        self.refuse("quantize", self.write("model.onnx", data), "--output", "-",
                    because="overflows float32")

    @staticmethod
    def large_weight(message):
        name, dims, _, values = support.tensor(message)
        if len(dims) != 2:
            return message
        return onnx_bytes.edit(message, onnx_bytes.RAW_DATA,
                               lambda raw: struct.pack("<f", 64.0) * (len(raw) // 4))


@unittest.skipIf(onnxruntime is None, "needs onnx and onnxruntime (tools/train/environment)")
class AgainstOnnxRuntime(QuantizeTest):
    """Networks that nobody recorded, of random shape and form."""

    def run_alone(self, data, rows, level):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.array([session.run(None, {name: row[None]})[0].reshape(()) for row in rows])

    def both_levels(self, data, rows):
        levels = onnxruntime.GraphOptimizationLevel
        plain = self.run_alone(data, rows, levels.ORT_DISABLE_ALL)
        np.testing.assert_array_equal(plain, self.run_alone(data, rows, levels.ORT_ENABLE_ALL))
        return plain

    @staticmethod
    def shipped_rows(step=1):
        with open(ROWS, newline="") as f:
            rows = [[row[n] for n in support.FEATURES] for row in csv.DictReader(f)]
        return np.array(rows, np.float32)[::step]

    def test_engine_and_onnx_runtime_agree_on_our_files(self):
        rows = self.shipped_rows()
        self.assertGreaterEqual(len(rows), 2000)
        for name in SHIPPED:
            for grain in GRAINS:
                data = self.quantize(MODEL / f"{name}.onnx", grain)
                onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
                file = self.write("int8.onnx", data)
                ours = [float(s) for _, s in self.scores("--model", file, ROWS)]
                np.testing.assert_array_equal(np.array(ours, np.float32),
                                              self.both_levels(data, rows), f"{name} {grain}")

    def random_network(self, rng):
        sizes = [int(rng.integers(1, 12)), *map(int, rng.integers(1, 40, rng.integers(0, 4))), 1]
        gemm, trans, squeeze = rng.integers(0, 2, 3)
        opset = int(rng.choice([9, 11, 13, 17, 21]))
        nodes, constants, value = [], [], "x"

        def constant(name, array):
            constants.append(numpy_helper.from_array(array.astype(np.float32), name))
            return name
        if rng.integers(0, 2):
            scale = rng.uniform(0.1, 3, sizes[0])
            op = "Div" if rng.integers(0, 2) else "Mul"
            nodes += [helper.make_node("Sub", ["x", constant("m", rng.normal(size=sizes[0]))], ["c"]),
                      helper.make_node(op, ["c", constant("s", scale)], ["z"])]
            value = "z"
        for i, (k, n) in enumerate(zip(sizes, sizes[1:])):
            w = rng.normal(0, rng.uniform(1e-3, 10), (k, n))
            b = constant(f"b{i}", rng.normal(size=n))
            if gemm:
                nodes.append(helper.make_node("Gemm", [value, constant(f"w{i}", w.T if trans else w),
                                                       b], [f"d{i}"], transB=int(trans)))
            else:
                nodes += [helper.make_node("MatMul", [value, constant(f"w{i}", w)], [f"p{i}"]),
                          helper.make_node("Add", [b, f"p{i}"], [f"d{i}"])]
            value = f"d{i}"
            if i + 2 < len(sizes):
                nodes.append(helper.make_node("Relu", [value], [f"r{i}"]))
                value = f"r{i}"
        if squeeze:
            if opset < 13:
                nodes.append(helper.make_node("Squeeze", [value], ["y"], axes=[1]))
            else:
                constants.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
                nodes.append(helper.make_node("Squeeze", [value, "axes"], ["y"]))
        else:
            nodes[-1].output[0] = "y"
        graph = helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", sizes[0]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"] if squeeze else ["n", 1])],
            constants)
        return helper.make_model(graph, ir_version=8,
                                 opset_imports=[helper.make_opsetid("", opset)])

    def test_random_networks(self):
        rng = np.random.default_rng(2024)
        for trial in range(40):
            model = self.random_network(rng)
            file = self.write("model.onnx", model.SerializeToString())
            rows = rng.normal(0, 3, (8, model.graph.input[0].type.tensor_type.shape.dim[1]
                                     .dim_value)).astype(np.float32)
            for grain in GRAINS:
                path = self.folder / "theirs.onnx"
                quantize_dynamic(file, path, weight_type=QuantType.QInt8,
                                 per_channel=grain == "per_channel")
                ours, theirs = self.quantize(file, grain), path.read_bytes()
                self.assertEqual(support.packed(Graph(ours).int8_layers()),
                                 support.packed(Graph(theirs).int8_layers()), (trial, grain))
                onnx.checker.check_model(onnx.load_from_string(ours), full_check=True)
                np.testing.assert_array_equal(self.both_levels(ours, rows),
                                              self.both_levels(theirs, rows), str((trial, grain)))

    def test_every_accepted_form_runs(self):
        for name, data in support.fp32_forms().items():
            for grain in GRAINS:
                ours = self.quantize(self.write("model.onnx", data), grain)
                onnx.checker.check_model(onnx.load_from_string(ours), full_check=True)
                plan_input = onnx.load_from_string(ours).graph.input[0].type.tensor_type
                rows = np.ones((1, plan_input.shape.dim[1].dim_value), np.float32)
                self.assertTrue(math.isfinite(self.both_levels(ours, rows)[0]), f"{name} {grain}")

    def test_external_data_ends_up_inside(self):
        model = onnx.load(MODEL / "mlp_medium.onnx")
        onnx.save_model(model, self.folder / "out.onnx", save_as_external_data=True,
                        location="out.bin", size_threshold=0)
        self.assertEqual(support.packed(Graph(self.quantize(self.folder / "out.onnx"))
                                        .int8_layers()),
                         support.recorded()["layers"]["mlp_medium"]["per_tensor"])


if __name__ == "__main__":
    support.main()
