#!/usr/bin/env python3
"""tinymlp quant-drop: upstream's figures on upstream's rows, ours on real ones."""
import csv
import json
import os
import math
import re
import shutil
import struct
import subprocess
import sys
import unittest

import support
from support import FEATURES, MODEL, REGISTERED, ROOT, SHARED, SHIPPED, ProgramTest, onnx_bytes

LINE = re.compile(r"\[(PASS|FAIL)\] (.{24}) mode=(.{7}) PLCC=(-?\d\.\d{6}|nan)  "
                  r"drop=(-?\d\.\d{6}|nan)  budget=(\d\.\d{4})  worst_abs=(\d+\.\d{4}|nan)")
ROWS = MODEL / "quant_rows.csv"


class DropTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.models = self.folder / "models"
        support.copy_models(self.models)
        self.registry = self.models / "registry.json"

    def set_entry(self, index, **fields):
        document = json.loads(self.registry.read_text())
        document["models"][index].update(fields)
        self.registry.write_text(json.dumps(document))

    def drop(self, *arguments, registry=None, status=0, **options):
        done = support.run("quant-drop", "--registry", registry or self.registry, *arguments,
                           **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def measure(self, *arguments, **options):
        return json.loads(self.drop("--json", *arguments, **options).stdout)["results"]


class RealRows(DropTest):
    def test_every_shipped_network_is_within_its_budget(self):
        done = self.drop("--all", registry=MODEL / "registry.json")
        lines = [m for m in map(LINE.match, done.stdout.decode().splitlines()) if m]
        self.assertEqual([m[2].strip() for m in lines], list(REGISTERED))
        for m in lines:
            self.assertEqual((m[1], m[3], m[6]), ("PASS", "dynamic", "0.0100"))
            self.assertLess(float(m[5]), 0.001)
            self.assertAlmostEqual(float(m[4]) + float(m[5]), 1, 5)

    def test_the_rows_are_those_that_are_drawn_from_the_corpus(self):
        subprocess.run([sys.executable, ROOT / "tools" / "quant_rows.py", "--check"], check=True)
        with open(ROWS, newline="") as f:
            rows = list(csv.DictReader(f))
        sources = {}
        for row in rows:
            sources[row["source"]] = sources.get(row["source"], 0) + 1
        self.assertEqual(set(sources.values()), {80})
        self.assertEqual(len(rows), 2000)

    def test_the_built_in_rows_are_that_file(self):
        self.assertEqual(self.measure("--all"), self.measure("--all", "--features", ROWS))

    def figures(self, name, rows):
        """From the program's own scores, by the textbook."""
        fp32, int8 = ([struct.unpack("f", struct.pack("f", float(s)))[0] for _, s in self.scores("--model", self.models / file, rows)]
                      for file in (f"{name}.onnx", f"{name}.int8.onnx"))
        d = [b - a for a, b in zip(fp32, int8)]

        def pearson(x, y):
            mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
            sxy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y))
            return sxy / math.sqrt(math.fsum((a - mx) ** 2 for a in x) *
                                   math.fsum((b - my) ** 2 for b in y))

        def ranks(x):
            return [sum(b < a for b in x) + (sum(b == a for b in x) + 1) / 2 for a in x]
        far = sorted(map(abs, d))
        place = 0.99 * (len(d) - 1)
        below = int(place)
        return {"plcc": pearson(fp32, int8), "srocc": pearson(ranks(fp32), ranks(int8)),
                "rmse": math.sqrt(math.fsum(x * x for x in d) / len(d)),
                "bias": math.fsum(d) / len(d), "mean_abs": math.fsum(far) / len(d),
                "p99_abs": far[below] + (far[below + 1] - far[below]) * (place - below),
                "worst_abs": far[-1]}

    def test_figures(self):
        lines = ROWS.read_text().splitlines()
        some = self.write("rows.csv", "\n".join(lines[:1] + lines[1::8]) + "\n")
        for name in SHIPPED:
            (result,) = self.measure(name, "--features", some)
            self.assertEqual(result["rows"], 250)
            for key, value in self.figures(name, some).items():
                self.assertAlmostEqual(result[key], value, 9, f"{name} {key}")
            self.assertAlmostEqual(result["drop"], 1 - result["plcc"], 12)

    def test_any_log_will_do(self):
        for log in ("vtest_x264_36.json", "vtest_x264_36.xml", "vtest_x264_36.csv"):
            (result,) = self.measure("mlp_medium", "--features", MODEL / "samples" / log)
            self.assertEqual(result["rows"], 48)
        (piped,) = self.measure("mlp_medium", "--features", "-", stdin=(
            MODEL / "samples" / log).read_bytes())
        self.assertEqual(piped, result)

    def test_names_that_are_not_utf8_stay_valid_json(self):
        bytes_of = os.fsencode(self.models)
        away = os.fsdecode(bytes_of + b"\xff")
        shutil.move(self.models, away)
        rows = os.fsdecode(bytes_of + b"\xff/\xff.csv")
        shutil.copy(ROWS, rows)
        registry = os.path.join(away, "registry.json")
        document = json.loads(self.drop("--json", "mlp_small", "--features", rows,
                                        registry=registry).stdout)
        clean = str(self.models) + "?/"
        self.assertEqual((document["registry"], document["features"]),
                         (clean + "registry.json", clean + "?.csv"))
        self.assertEqual(document["results"][0]["fp32"]["onnx"], clean + "mlp_small.onnx")

    def test_what_was_measured_is_named(self):
        (result,) = self.measure("mlp_small")
        for precision, file in (("fp32", "mlp_small.onnx"), ("int8", "mlp_small.int8.onnx")):
            self.assertEqual(result[precision]["sha256"],
                             support.sha256((MODEL / file).read_bytes()))
            self.assertTrue(result[precision]["onnx"].endswith(file))

    def test_rows_that_are_not_finite_are_left_out_and_counted(self):
        lines = ROWS.read_text().splitlines()
        rows = self.write("rows.csv", "\n".join(
            [lines[0], *lines[1:300:10], "x,nan,1,1,1,1,0", "x,1,inf,1,1,1,0"]) + "\n")
        (result,) = self.measure("mlp_small", "--features", rows)
        self.assertEqual((result["rows"], result["rows_not_finite"]), (30, 2))
        self.assertIn(b"2 rows without a finite score left out",
                      self.drop("mlp_small", "--features", rows).stdout)


@unittest.skipUnless((SHARED / "models" / "registry.json").exists(), "no reference models here")
class UpstreamRows(DropTest):
    def figures(self, name, registry):
        done = self.drop(name, "--upstream-rows", registry=registry)
        m = LINE.match(done.stdout.decode())
        self.assertEqual((m[1], m[2].strip(), m[3]), ("PASS", name, "dynamic"))
        return m[5]

    def test_v3(self):
        self.assertEqual(self.figures("vmaf_tiny_v3", SHARED / "models" / "registry.json"),
                         "0.000120")

    def test_v4_with_our_int8_file(self):
        for path in (SHARED / "models").iterdir():
            shutil.copyfile(path, self.models / path.name)
        self.accept("quantize", self.models / "vmaf_tiny_v4.onnx")
        document = json.loads(self.registry.read_text())
        entry = next(e for e in document["models"] if e["id"] == "vmaf_tiny_v4")
        entry["int8_sha256"] = support.sha256((self.models / "vmaf_tiny_v4.int8.onnx").read_bytes())
        self.registry.write_text(json.dumps(document))
        self.assertEqual(self.figures("vmaf_tiny_v4", self.registry), "0.000145")


class Verdicts(DropTest):
    def test_over_budget(self):
        self.set_entry(1, quant_accuracy_budget_plcc=1e-9)
        done = self.drop("--all", status=1)
        lines = [m for m in map(LINE.match, done.stdout.decode().splitlines()) if m]
        self.assertEqual([m[1] for m in lines], ["PASS", "FAIL", "PASS"])
        self.assertEqual([r["passed"] for r in self.measure("--all", status=1)],
                         [True, False, True])
        self.drop("mlp_small", "mlp_large")

    def test_no_correlation_is_no_pass(self):
        row = ROWS.read_text().splitlines()
        rows = self.write("rows.csv", "\n".join([row[0], row[9], row[9]]) + "\n")
        (result,) = self.measure("mlp_small", "--features", rows, status=1)
        self.assertEqual((result["plcc"], result["drop"], result["passed"]), (None, None, False))
        self.assertIn(b"PLCC is not defined", self.drop("mlp_small", "--features", rows,
                                                        status=1).stdout)

    def test_scores_that_quantisation_lost_are_no_pass(self):
        """However well the rows correlate that still have a score in int8."""
        def set_huge_scale(message):
            name, dims, kind, values = support.tensor(message)
            if kind != 1 or values != layers[2]["scale"][2]:
                return message
            return onnx_bytes.edit(message, onnx_bytes.RAW_DATA, lambda _: struct.pack("<f", 1e38))
        file = self.models / "mlp_small.int8.onnx"
        layers = support.Graph(file.read_bytes()).int8_layers()
        data = onnx_bytes.edit(file.read_bytes(), onnx_bytes.GRAPH, lambda g: onnx_bytes.edit(
            g, onnx_bytes.INITIALIZER, set_huge_scale))
        self.assertNotEqual(data, file.read_bytes())
        file.write_bytes(data)
        self.set_entry(0, int8_sha256=support.sha256(data), quant_accuracy_budget_plcc=1)
        (result,) = self.measure("mlp_small", status=1)
        self.assertFalse(result["passed"])
        self.assertGreater(result["rows_finite_in_one"], 0)
        self.assertEqual(result["rows_finite_in_one"], result["rows_not_finite"])
        self.assertIn(f"{result['rows_finite_in_one']} with one in fp32 or in int8 alone: no pass",
                      self.drop("mlp_small", status=1).stdout.decode())

    def test_other_errors(self):
        self.drop(status=2)
        self.drop("--all", "mlp_small", status=2)
        self.drop("mlp_huge", status=2)
        self.drop("--all", "--features", self.folder / "none.csv", status=2)
        self.drop("--all", "--features", ROWS, "--upstream-rows", status=2)
        self.drop("--all", registry=self.folder / "none.json", status=2)
        bad = self.write("bad.csv", "adm2,vif_scale0\n1,2\n")
        self.assertIn(b"bad.csv:1", self.drop("--all", "--features", bad, status=2).stderr)

    def test_an_entry_without_int8(self):
        document = json.loads(self.registry.read_text())
        entry = document["models"][0]
        entry.pop("int8_sha256"), entry.pop("quant_mode")
        self.registry.write_text(json.dumps(document))
        self.assertIn(b"has no int8 file", self.drop("mlp_small", status=2).stderr)
        self.assertEqual(len(self.measure("--all")), 2)

    def test_one_broken_file_does_not_hide_the_others(self):
        (self.models / "mlp_medium.int8.onnx").unlink()
        done = self.drop("--all", status=2)
        self.assertEqual(done.stdout.count(b"[PASS]"), 2)
        self.assertIn(b"mlp_medium.int8.onnx: cannot open", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
