#!/usr/bin/env python3
"""tinymlp quantize over networks of any form: the numbers of ONNX Runtime's quantiser, and files whose
every row tinymlp computes as ONNX Runtime does."""
import csv
import io
import json
import unittest

import support
from support import GRAINS, SHARED, Graph, ProgramTest, onnx_bytes, run

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

WILD = SHARED / "wild"


class AnyTest(ProgramTest):
    def quantize(self, file, grain="per_tensor", *flags):
        if grain == "per_channel":
            flags = ("--per-channel", *flags)
        return self.accept("quantize", file, "--output", "-", *flags)

    def outputs(self, file, rows, *flags):
        """What tinymlp computes, as float32."""
        text = "".join(",".join(f"{v:.9g}" for v in row) + "\n" for row in rows)
        out = self.accept("run", file, "-", *flags, stdin=text).decode()
        return np.array([[float(v) for v in r[1:]] for r in list(csv.reader(io.StringIO(out)))[1:]],
                        np.float32)

    @staticmethod
    def session(data, level=None):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = (
            level or onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def alone(self, data, rows, output, level=None):
        """ONNX Runtime's values of each row by itself; the row's columns are the inputs in order."""
        session = self.session(data, level)
        results = []
        for row in rows:
            feeds, at = {}, 0
            for info in session.get_inputs():
                shape = [d if isinstance(d, int) else 1 for d in info.shape]
                count = int(np.prod(shape))
                feeds[info.name] = row[at:at + count].reshape(shape)
                at += count
            results.append(session.run([output], feeds)[0].reshape(-1))
        return np.array(results, np.float32)


class TheFile(AnyTest):
    """Without ONNX Runtime: what is replaced, and what stays."""

    def test_only_the_dense_layer_is_replaced(self):
        model = self.write("heads.onnx", onnx_bytes.two_heads())
        graph, before = Graph(self.quantize(model)), Graph(onnx_bytes.two_heads())
        self.assertEqual([n[0] for n in graph.nodes],
                         ["Concat", "DynamicQuantizeLinear", "Mul", "MatMulInteger", "Cast", "Mul",
                          "Add", "Relu", "Mul", "Identity"])
        kept = [n for n in before.nodes if n[0] != "Gemm"]
        self.assertEqual([n for n in graph.nodes if n in kept], kept)
        self.assertNotIn("w", graph.tensors)
        self.assertEqual(graph.tensors["half"], before.tensors["half"])
        weight, = graph.int8_layers()
        self.assertEqual(weight["weight"][2],
                         [round(v * 127 / 8) for v in (1, 2, 3, 4, 5, 6, -7, 8)])
        ends = [[p for n, _, p in onnx_bytes.fields(g.model[7]) if n in (11, 12)]
                for g in (graph, before)]
        self.assertEqual(*ends)
        self.assertEqual(self.quantize(model), self.quantize(model))

    def test_it_runs_whichever_output(self):
        file = self.write("int8.onnx", self.quantize(self.write("heads.onnx", onnx_bytes.two_heads())))
        done = self.accept("run", file, "-", stdin="1,2,3,0,0,1\n").decode().splitlines()
        action = [float(v) for v in done[1].split(",")[1:]]
        for got, wanted in zip(action, (15.5, 35)):
            self.assertAlmostEqual(got, wanted, delta=0.5)
        value = self.accept("run", file, "-", "--output-name", "value", stdin="1,2,3,0,0,1\n")
        for half, whole in zip(value.decode().splitlines()[1].split(",")[1:], action):
            self.assertAlmostEqual(2 * float(half), whole, places=5)
        self.assertIn("int8 weights", self.accept("inspect", file).decode())

    def test_static_scales_come_from_the_rows(self):
        model = self.write("heads.onnx", onnx_bytes.two_heads())
        rows = self.write("rows.csv", "x.0,x.1,x.2,y\n-1,0,0,2\n3,1,1,0\n")
        file = self.write("static.onnx", self.quantize(model, "per_tensor", "--static", rows))
        layer, = Graph(file.read_bytes()).static_layers()
        self.assertAlmostEqual(layer["input_scale"][2][0], 4 / 255, places=6)
        self.assertEqual(layer["input_zero_point"][2], [64])
        self.refuse("quantize", model, "--static", self.write("bad.csv", "x.0,x.1,x.2,y\n1,nan,1,1\n"),
                    "--output", "-", because=["bad.csv:2", "x.1 is nan"])

    def test_forms_of_old_operator_sets_are_raised(self):
        model = onnx_bytes.model(
            [onnx_bytes.node("MatMul", ["x", "w"], ["d"]),
             onnx_bytes.node("Clip", ["d"], ["c"], min=0.0, max=6.0),
             onnx_bytes.node("Slice", ["c"], ["y"], axes=[1], starts=[1], ends=[3])],
            [onnx_bytes.floats("w", [2, 4], [1, -1, 2, 3, 0.5, 4, -2, 1])],
            [onnx_bytes.value("x", ["N", 2])], [onnx_bytes.value("y", ["N", 2])], opset=8, ir=3)
        file = self.write("int8.onnx", self.quantize(self.write("old.onnx", model)))
        graph = Graph(file.read_bytes())
        self.assertEqual([len(n[1]) for n in graph.nodes if n[0] in ("Clip", "Slice")], [3, 4])
        rows = "1,2\n-3,0.5\n0,0\n"
        ours = self.accept("run", file, "-", stdin=rows).decode().splitlines()[1:]
        exact = self.accept("run", self.folder / "old.onnx", "-", stdin=rows).decode().splitlines()[1:]
        for a, b in zip(ours, exact):
            for x, y in zip(a.split(","), b.split(",")):
                self.assertAlmostEqual(float(x), float(y), delta=0.1)

    def test_what_has_no_int8_form(self):
        model = onnx_bytes.model(
            [onnx_bytes.node("MatMul", ["w", "x"], ["y"], name="left")],
            [onnx_bytes.floats("w", [2, 3], [1, 2, 3, 4, 5, 6])],
            [onnx_bytes.value("x", [3])], [onnx_bytes.value("y", [2])])
        file = self.write("left.onnx", model)
        self.accept("inspect", file)
        kept = self.write("kept.onnx", "before")
        self.refuse("quantize", file, "--output", kept,
                    because=["MatMul left", "a weight on the left", "x * weight"])
        self.assertEqual(kept.read_text(), "before")

    def two_outputs(self, name, *others, opset=17):
        """y = x * w, and z of other nodes."""
        model = onnx_bytes.model(
            [onnx_bytes.node("MatMul", ["x", "w"], ["y"]), *others],
            [onnx_bytes.floats("w", [3, 2], [1, 2, 3, 4, 5, 6]), onnx_bytes.floats("v", [2, 3], [1, 2, 3, 4, 5, 6])],
            [onnx_bytes.value("x", ["N", 3])], [onnx_bytes.value("y", ["N", 2]), onnx_bytes.value("z", [2, "N"])],
            opset=opset)
        return self.write(name, model)

    def test_another_output_is_not_lost(self):
        left = self.two_outputs("left.onnx", onnx_bytes.node("Identity", ["v"], ["same"]),
                                onnx_bytes.node("Gemm", ["same", "x"], ["z"], name="left", transB=1))
        old = self.two_outputs("old.onnx", onnx_bytes.node("TopK", ["x"], ["z", "i"], name="top", k=1), opset=9)
        kept = self.write("kept.onnx", "before")
        for file, because in ((left, ["Gemm left", "a weight on the left"]),
                              (old, ["TopK top", "another operator from operator set 11 on", "file has 9"])):
            self.refuse("quantize", file, "--output", kept, because=because)
            self.assertEqual(kept.read_text(), "before")


@unittest.skipIf(onnxruntime is None, "needs onnx and onnxruntime (tools/train/environment)")
class AgainstOnnxRuntime(AnyTest):
    """Random networks of every piecewise linear form; and those in real use."""

    PIECEWISE = ("Relu", "LeakyRelu", "PRelu", "Clip", "HardSigmoid", "ThresholdedRelu", None)
    CURVED = ("Tanh", "Sigmoid", "Elu", "Softplus")

    def random_network(self, rng, activations):
        """(model, number of columns, name of the output)."""
        opset = int(rng.choice([11, 13, 17, 21]))
        width = int(rng.integers(1, 30))
        widths = [width, *map(int, rng.integers(1, 40, rng.integers(1, 4))), int(rng.integers(1, 9))]
        nodes, constants = [], []

        def constant(name, array):
            constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
            return name
        value, columns, inputs = "x", width, [["n", width]]
        if rng.integers(0, 3) == 0 and width > 1:  # two inputs
            first = int(rng.integers(1, width))
            inputs = [["n", first], ["n", width - first]]
            nodes.append(helper.make_node("Concat", ["x", "x1"], ["joined"], axis=1))
            value = "joined"
        elif rng.integers(0, 3) == 0:
            inputs = [["n", 1, width]]
            nodes.append(helper.make_node("Flatten", ["x"], ["flat"], axis=1))
            value = "flat"
        if rng.integers(0, 2):
            nodes += [helper.make_node("Sub", [value, constant("m", rng.normal(size=width))], ["mm"]),
                      helper.make_node("Div", ["mm", constant("s", rng.uniform(0.2, 2, width))],
                                       ["ss"])]
            value = "ss"
        for i, (k, n) in enumerate(zip(widths, widths[1:])):
            w = rng.normal(0, rng.uniform(1e-2, 2), (k, n))
            form = int(rng.integers(0, 4))
            if form == 0:
                nodes.append(helper.make_node("MatMul", [value, constant(f"w{i}", w)], [f"d{i}"]))
            elif form == 1:
                nodes += [helper.make_node("MatMul", [value, constant(f"w{i}", w)], [f"p{i}"]),
                          helper.make_node("Add", [f"p{i}", constant(f"b{i}", rng.normal(size=n))],
                                           [f"d{i}"])]
            else:
                bias = [constant(f"b{i}", rng.normal(size=n))] if form == 2 else []
                trans = int(rng.integers(0, 2))
                nodes.append(helper.make_node(
                    "Gemm", [value, constant(f"w{i}", w.T if trans else w), *bias], [f"d{i}"],
                    transB=trans))
            value = self.activate(rng, rng.choice(np.array(activations, object)), f"d{i}", f"a{i}", n,
                                  nodes, constant)
            if rng.integers(0, 4) == 0:
                nodes.append(helper.make_node("Mul", [value, constant(f"f{i}", rng.normal(size=n))],
                                              [f"m{i}"]))
                value = f"m{i}"
        nodes.append(helper.make_node("Identity", [value], ["y"]))
        nodes.append(helper.make_node("Mul", [value, constant("two", [2.0])], ["z"]))
        infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)
                 for n, shape in zip(("x", "x1"), inputs)]
        outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", widths[-1]])
                   for n in ("y", "z")]
        graph = helper.make_graph(nodes, "g", infos, outputs, constants)
        return helper.make_model(graph, ir_version=8,
                                 opset_imports=[helper.make_opsetid("", opset)]), columns

    @staticmethod
    def activate(rng, op, value, name, width, nodes, constant):
        if op is None:
            return value
        if op == "PRelu":
            nodes.append(helper.make_node(op, [value, constant(name + "s", rng.normal(size=width))],
                                          [name]))
        elif op == "Clip":
            low, high = sorted(rng.normal(0, 2, 2))
            nodes.append(helper.make_node(op, [value, constant(name + "l", np.float32(low)),
                                               constant(name + "h", np.float32(high))], [name]))
        else:
            alpha = {"LeakyRelu": {"alpha": 0.1}, "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
                     "ThresholdedRelu": {"alpha": 0.5}}.get(op, {})
            nodes.append(helper.make_node(op, [value], [name], **alpha))
        return name

    def test_random_networks(self):
        rng = np.random.default_rng(7)
        for trial in range(40):
            model, columns = self.random_network(rng, self.PIECEWISE)
            file = self.write("model.onnx", model.SerializeToString())
            rows = rng.normal(0, 2, (8, columns)).astype(np.float32)
            for grain in GRAINS:
                with self.subTest(trial=trial, grain=grain):
                    self.check_network(file, rows, grain)

    def check_network(self, file, rows, grain):
        path = self.folder / "theirs.onnx"
        quantize_dynamic(file, path, weight_type=QuantType.QInt8, per_channel=grain == "per_channel")
        data, theirs = self.quantize(file, grain), path.read_bytes()
        onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
        self.assertEqual(support.packed(Graph(data).int8_layers()),
                         support.packed(Graph(theirs).int8_layers()))
        ours = self.write("ours.onnx", data)
        for output in ("y", "z"):
            wanted = self.alone(data, rows, output)
            np.testing.assert_array_equal(self.outputs(ours, rows, "--output-name", output), wanted)
            np.testing.assert_array_equal(self.alone(theirs, rows, output), wanted)
            best = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            np.testing.assert_array_equal(self.alone(data, rows, output, best), wanted)

    def test_fixed_scales(self):
        rng = np.random.default_rng(8)
        for trial in range(20):
            model, columns = self.random_network(rng, self.PIECEWISE)
            file = self.write("model.onnx", model.SerializeToString())
            rows = rng.normal(0, 2, (20, columns)).astype(np.float32)
            text = "".join(",".join(f"{v:.9g}" for v in row) + "\n" for row in rows)
            table = self.write("rows.csv", text)
            for grain in GRAINS:
                with self.subTest(trial=trial, grain=grain):
                    data = self.quantize(file, grain, "--static", table)
                    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
                    wanted = self.alone(data, rows, "y")
                    ours = self.outputs(self.write("ours.onnx", data), rows)
                    np.testing.assert_array_equal(ours, wanted)

    def test_curved_activations_are_close(self):
        """Their last bits differ, so a value may round to the next step of a byte."""
        rng = np.random.default_rng(9)
        for trial in range(12):
            model, columns = self.random_network(rng, self.CURVED)
            file = self.write("model.onnx", model.SerializeToString())
            rows = rng.normal(0, 2, (16, columns)).astype(np.float32)
            data = self.quantize(file)
            wanted = self.alone(data, rows, "y")
            ours = self.outputs(self.write("ours.onnx", data), rows)
            span = max(float(np.ptp(wanted)), 1e-3)
            self.assertLess(float(np.abs(ours - wanted).max()), 0.05 * span, trial)

    @unittest.skipUnless(WILD.is_dir(), "no networks in real use beside the checkout")
    def test_networks_in_real_use(self):
        quantised = 0
        for folder in sorted(p for p in WILD.iterdir() if (p / "model.onnx").exists()):
            about = json.loads((folder / "about.json").read_text())
            file = folder / "model.onnx"
            done = run("quantize", file, "--output", "-")
            if done.returncode != 0:  # refused with a reason, or int8 already
                self.assertRegex(done.stderr.decode(), r"byte \d+|int8 already", folder.name)
                continue
            quantised += 1
            with self.subTest(folder.name):
                self.session(done.stdout)  # loads
                ours = self.write("ours.onnx", done.stdout)
                text = (folder / "inputs.csv").read_text()
                out = self.accept("run", ours, "-", stdin=text).decode().splitlines()
                self.assertEqual(len(out) - 1, len(text.splitlines()), about["name"])
        self.assertGreaterEqual(quantised, 50)


if __name__ == "__main__":
    support.main()
