#!/usr/bin/env python3
"""tinymlp quantize --static: activation scales from rows, in files that ONNX Runtime runs and that
every command takes."""
import csv
import io
import json
import pathlib
import re
import shutil
import struct
import unittest

import support
from support import FEATURES, GRAINS, MODEL, SHIPPED, Graph, ProgramTest, onnx_bytes, run

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError:
    onnxruntime = None

ROWS = MODEL / "quant_rows.csv"


class StaticTest(ProgramTest):
    def quantize(self, file, rows=None, *flags, grain="per_tensor"):
        """The bytes; calibrated with a CSV's text, by default the training rows."""
        rows = self.write("rows.csv", support.corpus() if rows is None else rows)
        grain = ["--per-channel"] if grain == "per_channel" else []
        return self.accept("quantize", file, "--static", rows, "--output", "-", *flags, *grain)

    def ranges(self, data):
        """(low, high) that the scales of each layer's inputs cover."""
        return [(scale * -zero, scale * (255 - zero)) for scale, zero in (
            (layer["input_scale"][2][0], layer["input_zero_point"][2][0])
            for layer in Graph(data).static_layers())]


class AgainstRecordedValues(StaticTest):
    """Element for element; values by tests/ladder/record.py."""

    def test_scales_weights_and_scores(self):
        for name in SHIPPED:
            self.assertEqual(support.sha256((MODEL / f"{name}.onnx").read_bytes()),
                             support.recorded()["sha256"][name], "run tests/ladder/record.py anew")
            for grain in GRAINS:
                wanted = support.recorded()["static"][name][grain]
                data = self.quantize(MODEL / f"{name}.onnx", grain=grain)
                self.assertEqual(support.packed(Graph(data).static_layers()), wanted["layers"],
                                 f"{name} {grain}")
                file = self.write("static.onnx", data)
                scores = [score for _, score in self.scores("--model", file, ROWS)]
                self.assertEqual(scores[:20], wanted["scores"]["first"], f"{name} {grain}")
                bits = b"".join(struct.pack("<f", float(s)) for s in scores)
                self.assertEqual(support.sha256(bits), wanted["scores"]["sha256"], f"{name} {grain}")

    def test_weights_are_those_of_dynamic_quantisation(self):
        for name in SHIPPED:
            for grain in GRAINS:
                layers = Graph(self.quantize(MODEL / f"{name}.onnx", grain=grain)).static_layers()
                self.assertEqual(
                    support.packed([{k: l[k] for k in ("weight", "zero_point")} for l in layers]),
                    [{k: l[k] for k in ("weight", "zero_point")}
                     for l in support.recorded()["layers"][name][grain]])


class TheFile(StaticTest):
    def test_same_input_same_bytes(self):
        self.assertEqual(self.quantize(MODEL / "mlp_large.onnx"),
                         self.quantize(MODEL / "mlp_large.onnx"))

    def test_it_is_no_larger_than_the_dynamic_one(self):
        for name in SHIPPED:
            self.assertLessEqual(len(self.quantize(MODEL / f"{name}.onnx")),
                                 (MODEL / f"{name}.int8.onnx").stat().st_size)

    def test_producer_opset_and_ends(self):
        source, result = (Graph(data) for data in ((MODEL / "mlp_small.onnx").read_bytes(),
                                                   self.quantize(MODEL / "mlp_small.onnx")))
        self.assertEqual(result.model[2], b"tinymlp")
        self.assertEqual(result.model[1], source.model[1])
        self.assertEqual(result.model[8], source.model[8])
        ends = [[p for n, _, p in onnx_bytes.fields(g.model[7]) if n in (11, 12)]
                for g in (source, result)]
        self.assertEqual(*ends)

    def test_writes_beside_the_input_but_not_where_the_dynamic_one_goes(self):
        file = self.write("net.onnx", (MODEL / "mlp_small.onnx").read_bytes())
        done = run("quantize", file, "--static", ROWS)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["net.onnx", "net.static.int8.onnx"])
        self.assertIn(b"over 2000 rows of ", done.stderr)
        self.assertIn(support.sha256((self.folder / "net.static.int8.onnx").read_bytes()).encode(),
                      done.stderr)

    def test_every_form_that_the_engine_accepts(self):
        for name, data in support.fp32_forms().items():
            file = self.write("model.onnx", data)
            graph = Graph(self.accept("quantize", file, "--output", "-"))
            dynamic = graph.int8_layers()
            inputs = dynamic[0]["weight"][0][0]
            text = "\n".join([",".join(FEATURES[:inputs] if inputs == 6 else
                                       [f"c{i}" for i in range(inputs)])] +
                             [",".join(str((r * 7 + i * 3) % 11 / 2 - 2) for i in range(inputs))
                              for r in range(20)]) + "\n"
            static = Graph(self.quantize(file, text)).static_layers()
            self.assertEqual([l["weight"] for l in static], [l["weight"] for l in dynamic], name)


class Calibration(StaticTest):
    HEADER = ",".join(FEATURES) + "\n"
    SMALL = MODEL / "mlp_small.onnx"

    def test_rows_of_any_log(self):
        samples = MODEL / "samples"
        files = [self.accept("quantize", self.SMALL, "--static", samples / f"vtest_x264_36.{kind}",
                             "--output", "-") for kind in ("csv", "json", "xml")]
        self.assertEqual(files[0], files[1])
        self.assertEqual(files[0], files[2])

    def test_rows_from_standard_input(self):
        self.assertEqual(
            self.accept("quantize", self.SMALL, "--static", "-", "--output", "-",
                        stdin=ROWS.read_bytes()),
            self.accept("quantize", self.SMALL, "--static", ROWS, "--output", "-"))

    def test_model_from_standard_input(self):
        self.assertEqual(
            self.accept("quantize", "-", "--static", ROWS, "--output", "-",
                        stdin=self.SMALL.read_bytes()),
            self.accept("quantize", self.SMALL, "--static", ROWS, "--output", "-"))

    def test_the_order_of_rows_does_not_matter(self):
        lines = ROWS.read_text().splitlines()
        backwards = "\n".join([lines[0], *reversed(lines[1:])]) + "\n"
        for method in ("minmax", "percentile", "mse"):
            self.assertEqual(self.quantize(self.SMALL, backwards, "--calibration", method),
                             self.quantize(self.SMALL, ROWS.read_text(), "--calibration", method))

    def test_percentile_leaves_out_the_ends(self):
        # z of the first feature: -1000 to 1000 in 2,001 steps; the others stay at their means
        sidecar = json.loads((MODEL / "mlp_small.json").read_text())
        mean, std = sidecar["input_mean"], sidecar["input_std"]
        text = self.HEADER + "".join(
            ",".join(f"{m + (z * s if f == 0 else 0):.9g}"
                     for f, (m, s) in enumerate(zip(mean, std))) + "\n"
            for z in range(-1000, 1001))
        # Of 12,006 values, 10 % less at either end: 1,200 of the 2,001 that are not 0; bins are
        # 0.2 % wide, and zero points whole numbers.
        whole, some = (self.ranges(self.quantize(self.SMALL, text, "--calibration", *flags))[0]
                       for flags in (["minmax"], ["percentile", "--percentile", "95"]))
        self.assertAlmostEqual(whole[0], -1000, delta=4)
        self.assertAlmostEqual(whole[1], 1000, delta=4)
        self.assertAlmostEqual(some[0], -400, delta=4)
        self.assertAlmostEqual(some[1], 400, delta=4)

    def test_mse_has_no_larger_error_than_minmax(self):
        narrower = 0
        for name in SHIPPED:
            wide, narrow = (self.ranges(self.quantize(MODEL / f"{name}.onnx", None, "--calibration",
                                                      method)) for method in ("minmax", "mse"))
            for (low, high), (least, most) in zip(wide, narrow):
                self.assertGreaterEqual(least, low * 1.01 - 1e-6)
                self.assertLessEqual(most, high * 1.01)
                narrower += most < high * 0.99
        self.assertGreater(narrower, 0)

    def test_values_that_never_vary(self):
        """A range of nothing but 0: scale 1."""
        sidecar = json.loads((MODEL / "mlp_small.json").read_text())
        text = self.HEADER + ",".join(repr(v) for v in sidecar["input_mean"]) + "\n"
        model = self.quantize(self.SMALL, text)
        layer = Graph(model).static_layers()[0]
        low, high = self.ranges(model)[0]
        self.assertTrue(layer["input_scale"][2] == [1.0] or high - low < 1e-4)
        self.scores("--model", self.write("constant.onnx", model), ROWS)

    def test_other_networks_take_columns_in_order(self):
        forms = support.fp32_forms()
        file = self.write("ten.onnx", forms["shape_10-24-1"])
        rows = [[(r * 7 + i * 3) % 11 / 2 - 2 for i in range(10)] for r in range(20)]
        text = "".join(",".join(map(str, row)) + "\n" for row in [[f"x{i}" for i in range(10)], *rows])
        tensors = Graph(forms["shape_10-24-1"]).tensors
        mean, std = tensors["mean"][2], tensors["std"][2]
        scaled = [(v - m) / s for row in rows for v, m, s in zip(row, mean, std)]
        low, high = self.ranges(self.quantize(file, text))[0]
        self.assertAlmostEqual(high - low, max(scaled) - min(scaled), 4)
        self.refuse("quantize", file, "--static", self.write("nine.csv", "a,b\n1,2\n"),
                    because=["nine.csv:1: the header names none of the network's inputs features (10)"])
        bad = text.splitlines()
        bad[4] = bad[4].replace(bad[4].split(",")[2], "x", 1)
        self.refuse("quantize", file, "--static", self.write("bad.csv", "\n".join(bad)),
                    because=["bad.csv:5: ", "column "])
        bad[4] = ",".join(["1"] * 9 + ["inf"])
        self.refuse("quantize", file, "--static", self.write("inf.csv", "\n".join(bad)),
                    because=["inf.csv:5: features.9 is inf", "must be finite"])
        bad[4] = ",".join(["1"] * 9)
        self.refuse("quantize", file, "--static", self.write("short.csv", "\n".join(bad)),
                    because="short.csv:5: the row has 9 columns, the first line 10")
        self.refuse("quantize", file, "--static", self.write("none.csv", bad[0] + "\n"),
                    because="none.csv: no rows after the header")
        # A first line of numbers is a row: columns go by position then.
        self.refuse("quantize", file, "--static", self.write("headless.csv", "\n".join(bad[1:])),
                    because="headless.csv:4: the row has 9 columns, the first line 10")


class Refusals(StaticTest):
    HEADER = Calibration.HEADER
    SMALL = Calibration.SMALL

    def refuse_rows(self, text, because):
        kept = self.write("kept.onnx", "before")
        self.refuse("quantize", self.SMALL, "--static", self.write("rows.csv", text), "--output",
                    kept, because=because)
        self.assertEqual(kept.read_bytes(), b"before")
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_rows_that_are_not_finite(self):
        good = "1,1,1,1,1,0\n"
        for value, name in (("nan", "nan"), ("inf", "inf"), ("-inf", "-inf")):
            self.refuse_rows(self.HEADER + good + good + f"1,1,{value},1,1,0\n" + good,
                             ["rows.csv: row 3 (frame 2): vif_scale1 is " + name, "must be finite"])

    def test_rows_that_overflow_on_their_way(self):
        self.refuse_rows(self.HEADER + "3e38,1,1,1,1,0\n",
                         ["rows.csv: row 1 (frame 0): overflows float32"])

    def test_no_rows(self):
        self.refuse_rows("", "rows.csv: is empty")
        self.refuse_rows(self.HEADER, "rows.csv: no rows after the header")

    def test_what_is_no_csv_of_features(self):
        self.refuse_rows("adm2,motion2\n1,0\n", "rows.csv:1: ")
        self.refuse_rows(self.HEADER + "1,1,1,1,1\n", "rows.csv:2: the row has 5 values")
        self.refuse_rows(self.HEADER + "1,1,x,1,1,0\n", "rows.csv:2: ")

    def test_a_file_that_is_not_there(self):
        self.refuse("quantize", self.SMALL, "--static", self.folder / "none.csv",
                    because="none.csv: cannot open")
        self.refuse("quantize", self.SMALL, "--static", "", "--output", self.folder / "x.onnx",
                    because="cannot open")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_int8_files(self):
        static = self.write("static.onnx", self.quantize(self.SMALL))
        for file in (MODEL / "mlp_small.int8.onnx", static):
            self.refuse("quantize", file, "--static", ROWS, "--output", "-",
                        because="the model is int8 already")
            self.refuse("quantize", file, "--output", "-", because="the model is int8 already")

    def test_wrong_usage(self):
        out = ["--output", self.folder / "x.onnx"]
        rows = self.write("rows.csv", self.HEADER + "1,1,1,1,1,0\n")
        for flags in (["--calibration", "mse"], ["--percentile", "99"],
                      ["--static", rows, "--percentile", "99"],
                      ["--static", rows, "--calibration", "entropy"],
                      ["--static", rows, "--calibration", "percentile", "--percentile", "101"]):
            self.refuse("quantize", self.SMALL, *flags, *out, because="", status=2)
        self.refuse("quantize", self.SMALL, "--static", rows, "--output", rows, status=2,
                    because="--output would overwrite ")
        self.refuse("quantize", "-", "--static", "-", *out, status=2,
                    because="cannot both be standard input")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["rows.csv"])


class OtherCommands(StaticTest):
    def setUp(self):
        super().setUp()
        self.file = self.write("net.onnx", self.quantize(MODEL / "mlp_medium.onnx"))

    def test_inspect(self):
        text = self.accept("inspect", self.file).decode()
        self.assertIn("precision  int8 weights, activations quantised by fixed scales\n", text)
        inputs = re.findall(r"  input +scale ([\d.e+-]+), zero point (\d+): (\S+) to (\S+)\n", text)
        layers = Graph(self.file.read_bytes()).static_layers()
        self.assertEqual(len(inputs), 3)
        for (scale, zero, low, high), layer in zip(inputs, layers):
            self.assertEqual(struct.pack("f", float(scale)),
                             struct.pack("f", layer["input_scale"][2][0]))
            self.assertEqual(int(zero), layer["input_zero_point"][2][0])
            self.assertAlmostEqual(float(high) - float(low), 255 * float(scale), 3)
        self.assertEqual(float(inputs[1][2]), 0)
        self.assertNotIn("-0 ", text)
        channels = self.write("pc.onnx", self.quantize(MODEL / "mlp_medium.onnx",
                                                       grain="per_channel"))
        self.assertIn("  sum      scale per channel, ", self.accept("inspect", channels).decode())

    def test_embed(self):
        header = self.accept("embed", self.file).decode()
        self.assertIn("6-32-16-1 static int8,", header)

    def test_score_says_what_it_used(self):
        done = run("score", "--verbose", "--model", self.file, ROWS)
        self.assertIn(b"precision  static int8\n", done.stderr)
        document = self.score_json("--model", self.file, MODEL / "samples" / "vtest_x264_36.csv")
        self.assertIn("static int8", json.dumps(document))

    def test_precision(self):
        few = MODEL / "samples" / "vtest_x264_36.csv"
        self.assertEqual(self.scores("--model", self.file, "--precision", "int8", few),
                         self.scores("--model", self.file, few))
        self.refuse("score", "--model", self.file, "--precision", "fp32", few,
                    because="holds static int8 weights, and --precision fp32 was asked for")

    def test_same_scores_on_every_instruction_set(self):
        wanted = self.scores("--model", self.file, ROWS)
        for line in self.accept("isa").decode().splitlines()[1:]:
            name, built, runs = line.split()[:3]
            if runs == "yes":
                self.assertEqual(self.scores("--model", self.file, "--isa", name, ROWS), wanted)

    def test_a_nan_stays_a_nan(self):
        rows = self.write("some.csv", Calibration.HEADER + "1,1,1,1,1,0\n1,nan,1,1,1,0\n"
                          "inf,1,1,1,1,0\n3e38,-3e38,1e30,0,-1e-40,1\n")
        scores = [s for _, s in self.scores("--model", self.file, rows)]
        self.assertEqual([s == "nan" for s in scores], [False, True, True, False])

    def test_latency(self):
        text = self.accept("latency", "--model", self.file, "--frames", "2000").decode()
        self.assertIn("(6-32-16-1, static int8)", text)


class InARegistry(StaticTest):
    def setUp(self):
        super().setUp()
        shutil.copy(MODEL / "mlp_small.onnx", self.folder / "fast.onnx")
        shutil.copy(ROWS, self.folder / "rows.csv")
        self.registry = self.folder / "registry.json"
        self.int8 = self.folder / "fast.int8.onnx"

    def make(self, *flags):
        self.accept("quantize", self.folder / "fast.onnx", "--output", self.int8, *flags)

    def add(self, mode, *flags, **options):
        arguments = ["registry", "add", self.folder / "fast.onnx", "--registry", self.registry, "--id",
                     "fast", "--license", "MIT", "--quant-mode", mode, *flags]
        return (self.refuse if options else self.accept)(*arguments, **options)

    def add_static(self):
        self.make("--static", self.folder / "rows.csv")
        self.add("static", "--calibration-set", "rows.csv")

    def validate(self):
        return run("registry", "validate", "--registry", self.registry)

    def test_add_validate_verify_score(self):
        self.add_static()
        entry = json.loads(self.registry.read_text())["models"][0]
        self.assertEqual((entry["quant_mode"], entry["quant_calibration_set"]), ("static", "rows.csv"))
        self.assertEqual(entry["int8_sha256"], support.sha256(self.int8.read_bytes()))
        self.assertEqual(self.validate().stdout,
                         b"OK: 1 registry entries valid against registry.schema.json\n")
        self.assertIn(b"fast int8", self.accept("registry", "verify", "--registry", self.registry,
                                                self.int8))
        done = run("score", "--verbose", "--registry", self.registry, "--model", "fast", ROWS)
        self.assertIn(b"quant_mode static", done.stderr)
        self.assertIn(b"precision  static int8\n", done.stderr)
        self.assertEqual(done.stdout, self.accept("score", "--model", self.int8, ROWS))

    def test_quant_drop(self):
        self.add_static()
        done = self.accept("quant-drop", "--registry", self.registry, "--all").decode()
        self.assertRegex(done, r"^\[PASS\] fast {20} mode=static  PLCC=0\.999\d{3}  ")

    def test_the_mode_is_the_files(self):
        self.make()
        self.add("static", "--calibration-set", "rows.csv",
                 because="fast.int8.onnx: its activations are quantised dynamic, not static")
        self.assertFalse(self.registry.exists())
        self.make("--static", self.folder / "rows.csv")
        self.add("dynamic", because="fast.int8.onnx: its activations are quantised static, not dynamic")
        self.add_static()
        self.make()
        document = json.loads(self.registry.read_text())
        document["models"][0]["int8_sha256"] = support.sha256(self.int8.read_bytes())
        self.registry.write_text(json.dumps(document))
        done = self.validate()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.decode(),
                         r"FAIL: fast: quant_mode: the registry says static, .*fast.int8.onnx is dynamic")
        self.refuse("score", "--registry", self.registry, "--model", "fast", ROWS,
                    because="its activations are quantised dynamic, the registry says quant_mode static")

    def test_needs_its_calibration_set(self):
        self.make("--static", self.folder / "rows.csv")
        self.add("static", because="quant_calibration_set")
        before = self.registry.exists() and self.registry.read_bytes()
        self.add("static", "--calibration-set", "none.csv", because="none.csv: no such file")
        self.assertEqual(self.registry.exists() and self.registry.read_bytes(), before)
        self.add_static()
        (self.folder / "rows.csv").unlink()
        self.assertIn(b"FAIL: fast: quant_calibration_set: ", self.validate().stdout)

    def test_the_hint_how_to_make_a_missing_file(self):
        self.add("static", "--calibration-set", "rows.csv",
                 because=["fast.int8.onnx: no such file", "--static CSV --output"])


@unittest.skipIf(onnxruntime is None, "needs onnx and onnxruntime (tools/train/environment)")
class AgainstOnnxRuntime(StaticTest):
    def run_model(self, data, rows, level=None):
        levels = onnxruntime.GraphOptimizationLevel
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level or levels.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: rows})[0].reshape(-1)

    def both_levels(self, data, rows):
        levels = onnxruntime.GraphOptimizationLevel
        plain = self.run_model(data, rows)
        np.testing.assert_array_equal(plain, self.run_model(data, rows, levels.ORT_ENABLE_ALL))
        return plain

    def test_engine_and_onnx_runtime_agree_whatever_the_batch(self):
        rows = np.array([[row[n] for n in FEATURES] for row in
                         csv.DictReader(io.StringIO(ROWS.read_text()))], np.float32)
        rows[::97] *= 1e4  # far outside the ranges
        rows[50::211] = np.float32([3e38, -3e38, 1e30, -1e-40, 0, 1e20])
        text = Calibration.HEADER + "".join(
            ",".join(f"{v:.9g}" for v in row) + "\n" for row in rows)
        hostile = self.write("hostile.csv", text)
        for name in SHIPPED:
            for grain in GRAINS:
                data = self.quantize(MODEL / f"{name}.onnx", grain=grain)
                onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
                ours = np.array([float(s) for _, s in self.scores(
                    "--model", self.write("static.onnx", data), hostile)], np.float32)
                np.testing.assert_array_equal(ours, self.both_levels(data, rows), f"{name} {grain}")
                for batch in (1, 7, 64):
                    some = [self.run_model(data, rows[i:i + batch]) for i in range(0, 256, batch)]
                    np.testing.assert_array_equal(np.concatenate(some)[:256], ours[:256])

    def test_every_accepted_form_runs(self):
        for name, data in support.fp32_forms().items():
            plan_input = onnx.load_from_string(data).graph
            constants = {t.name for t in plan_input.initializer}
            features = next(i for i in plan_input.input if i.name not in constants)
            inputs = features.type.tensor_type.shape.dim[1].dim_value
            rng = np.random.default_rng(inputs)
            rows = rng.normal(0, 2, (50, inputs)).astype(np.float32)
            header = FEATURES if inputs == 6 else [f"c{i}" for i in range(inputs)]
            text = "".join(",".join(map(str, row)) + "\n" for row in [header, *rows.tolist()])
            ours = self.quantize(self.write("model.onnx", data), text)
            onnx.checker.check_model(onnx.load_from_string(ours), full_check=True)
            fixed = features.type.tensor_type.shape.dim[0].dim_value == 1
            scores = self.both_levels(ours, rows[:1] if fixed else rows)
            self.assertTrue(np.isfinite(scores).all(), name)
            wanted = self.run_model(data, rows[:1] if fixed else rows)
            spread = np.ptp(wanted) if len(wanted) > 1 else abs(wanted[0])
            self.assertLess(np.abs(scores - wanted).max(), max(0.15 * spread, 0.05), name)


if __name__ == "__main__":
    support.main()
