#!/usr/bin/env python3
"""`tinymlp run`: any network, rows in by name or position, outputs out; against sums done here and,
where they lie beside the checkout, outputs of ONNX Runtime over networks in real use."""
import csv
import io
import json
import math
import os
import subprocess
import threading
import unittest
import xml.etree.ElementTree

import onnx_bytes
import program
from program import ROOT, SHARED, ProgramTest

WILD = SHARED / "wild"
SKLEARN = SHARED / "cases" / "sklearn"


def expected(x, y):
    """`action` of onnx_bytes.two_heads()."""
    sums = (x[0] + 3 * x[1] + 5 * x[2] - 7 * y + 0.5, 2 * x[0] + 4 * x[1] + 6 * x[2] + 8 * y - 1)
    return [max(0.0, s) for s in sums]


ROWS = [([1, 2, 3], 1), ([0, 0, 0], 0), ([-1, 4, 2], 3), ([0.5, 0.25, -1], -2)]
POSITIONS = "".join(f"{x[0]},{x[1]},{x[2]},9,9,{y}\n" for x, y in ROWS)


class RunTest(ProgramTest):
    def run_csv(self, *arguments, **options):
        """(header, rows of floats); checks that rows count from 0."""
        rows = list(csv.reader(io.StringIO(self.accept("run", *arguments, **options).decode())))
        self.assertEqual([r[0] for r in rows[1:]], [str(i) for i in range(len(rows) - 1)])
        return rows[0], [[float(v) for v in r[1:]] for r in rows[1:]]


class SmallNetwork(RunTest):
    def setUp(self):
        super().setUp()
        self.model = self.write("heads.onnx", onnx_bytes.two_heads())

    def check(self, text, *arguments):
        header, rows = self.run_csv(self.model, "-", *arguments, stdin=text)
        self.assertEqual(header, ["row", "action.0", "action.1"])
        self.assertEqual(rows, [expected(*r) for r in ROWS])

    def test_by_position(self):
        self.check(POSITIONS)
        self.check(POSITIONS.replace("\n", "\r\n"))
        self.check("\ufeff" + POSITIONS)

    def test_by_name_in_any_order_among_others(self):
        lines = [f"{y},abc,{x[2]},{x[0]},{x[1]}" for x, y in ROWS]
        self.check("y,comment,x.2,x.0,x.1\n" + "\n".join(lines) + "\n")
        self.check('"y.0",comment,"x.2",x.0 , x.1\n' + "\n".join(lines) + "\n")

    def test_another_output(self):
        header, rows = self.run_csv(self.model, "-", "--output-name", "value", stdin=POSITIONS)
        self.assertEqual(header, ["row", "value.0", "value.1"])
        self.assertEqual(rows, [[v / 2 for v in expected(*r)] for r in ROWS])
        self.refuse("run", self.model, "-", "--output-name", "none", stdin=POSITIONS,
                    because="no output of that name")

    def test_json_lines(self):
        out = self.accept("run", self.model, "-", "--format", "json", stdin=POSITIONS).decode()
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(rows, [{"row": i, "output": expected(*r)} for i, r in enumerate(ROWS)])

    def test_bad_numbers_stay_bad(self):
        done = program.run("run", self.model, "-", stdin=POSITIONS + "nan,1,1,0,0,1\n")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.decode().splitlines()[-1], f"{len(ROWS)},nan,nan")
        self.assertIn("1 of 5 rows", done.stderr.decode())
        out = self.accept("run", self.model, "-", "--format", "json", stdin="inf,1,1,0,0,1\n")
        self.assertEqual(json.loads(out), {"row": 0, "output": [None, None]})
        # of an input that is not used, they do not matter
        _, rows = self.run_csv(self.model, "-", stdin="1,2,3,nan,inf,1\n")
        self.assertEqual(rows, [expected(*ROWS[0])])

    def test_what_is_refused_names_line_and_column(self):
        for text, because in (
                ("", "empty"), ("x.0,x.1,x.2,y\n", "no rows"),
                ("1,2,3,4\n", ["standard input:1: 4 columns", "x (3), state (2), y (1): 6 in all"]),
                ("x.0,x.2,y\n1,2,3\n", ":1: no column x.1"),
                ("a,b,c,d\n1,2,3,4\n", ":1: the header names none"),
                ("x.0,x.1,x.2,y,y\n1,2,3,4,5\n", ":1: columns 4 and 5 are both y"),
                ("x.0,x.1,x.2,y\n1,2,3\n", ":2: the row has 3 columns, the first line 4"),
                ("x.0,x.1,x.2,y\n1,2,3,4\n1,two,3,4\n",
                 ":3: column 2 (x.1) is 'two', not a number"),
                ("x.0,x.1,x.2,y\n1,,3,4\n", ":2: column 2 (x.1) is empty"),
                ("x.0,x.1,x.2,y\n1,1e39,3,4\n", "outside the range of float32"),
                ("x.0,x.1,x.2,y\n1,2,3,4\n\n1,2,3,4\n", "a row after an empty line"),
                ('x.0,x.1,x.2,"y\n1,2,3,4\n', "a quote is not closed")):
            kept = self.write("kept.csv", "before")
            self.refuse("run", self.model, "-", "--output", kept, stdin=text, because=because)
            self.assertEqual(kept.read_text(), "before")

    def test_files_are_written_whole_and_not_over_the_input(self):
        rows = self.write("rows.csv", POSITIONS)
        out, picture = self.folder / "out.csv", self.folder / "out.svg"
        self.accept("run", self.model, rows, "--output", out, "--plot", picture)
        self.assertEqual(out.read_bytes(), self.accept("run", self.model, rows))
        texts = [e.text for e in xml.etree.ElementTree.parse(picture).iter() if e.text]
        self.assertTrue(any("action.1" in t for t in texts))
        paths = [e for e in xml.etree.ElementTree.parse(picture).iter()
                 if e.get("class", "").startswith("line s") and e.get("d")]
        self.assertEqual(len(paths), 2)
        for option in ("--output", "--plot"):
            for file in (rows, self.model):
                self.refuse("run", self.model, rows, option, file, status=2, because="overwrite")
        self.refuse("run", self.model, rows, "--plot", "-", status=2, because="--plot")
        self.refuse("run", "-", "-", status=2, because="standard input")

    def test_same_bits_on_every_instruction_set(self):
        wanted = self.accept("run", self.model, "-", stdin=POSITIONS)
        for isa in ("reference", "avx2", "avx512", "neon"):
            done = program.run("run", self.model, "-", "--isa", isa, stdin=POSITIONS)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            if done.returncode == 0:
                self.assertEqual(done.stdout, wanted, isa)
            else:
                self.assertIn(b"this CPU", done.stderr)

    def peak_memory(self, thousands):
        """Peak resident size in KiB, and lines written, of so many thousand rows through pipes."""
        rows = "".join(f"{i % 7},{i % 5},{i % 3},0,0,1\n" for i in range(1000)).encode()
        # freed memory must not be held back by a sanitizer, or it would count as used
        child = subprocess.Popen([program.PROGRAM, "run", str(self.model), "-"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env=dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1"))

        def feed():
            for _ in range(thousands):
                child.stdin.write(rows)
            child.stdin.close()

        writer = threading.Thread(target=feed)
        writer.start()
        lines = sum(1 for _ in child.stdout)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        writer.join()
        self.assertEqual(child.returncode, 0)
        return usage.ru_maxrss, lines

    def test_a_million_rows_need_no_more_memory_than_ten_thousand(self):
        few, lines = self.peak_memory(10)
        self.assertEqual(lines, 10_001)
        many, lines = self.peak_memory(1000)
        self.assertEqual(lines, 1_000_001)
        self.assertLess(many, few + 4096)


class VmafNetworks(RunTest):
    def test_the_same_as_score(self):
        log = program.SAMPLES / "vtest_x264_36.csv"
        scores = [v for _, v in self.scores(log)]
        rows = program.reference_rows()
        plain = self.write("rows.csv", program.csv_text(rows))
        turned = self.write("turned.csv", program.csv_text(rows, program.FEATURES[::-1]))
        for model in (ROOT / "model" / "mlp_small.onnx", "mlp_small"):
            for file in (plain, turned):
                out = self.accept("run", model, file).decode().splitlines()
                self.assertEqual(out[0], "row,vmaf")
                self.assertEqual([line.split(",")[1] for line in out[1:]], scores)

    def test_a_damaged_first_row_is_no_header(self):
        row = "0.9,0.6,0.8,0.9,0.9,4\n"
        self.assertEqual(len(self.accept("run", "mlp_small", "-", stdin="a,b,c,d,e,f\n" + row).splitlines()), 2)
        for first in ("0.9,,0.8,0.9,0.9,4\n", "0.9,N/A,0.8,0.9,0.9,4\n", "0.9,0x10,0.8,0.9,0.9,4\n"):
            self.refuse("run", "mlp_small", "-", stdin=first + row, because=[":1: some cells are numbers (0.9)"])

    def test_score_does_not_take_other_networks(self):
        model = self.write("heads.onnx", onnx_bytes.two_heads())
        self.refuse("score", "--model", model, program.SAMPLES / "vtest_x264_36.csv",
                    because="takes 4 features a row and gives 2 values")


def read_floats(path):
    with open(path, newline="") as f:
        return [[float(v) for v in r] for r in csv.reader(f)]


def columns_before(about, name):
    """Columns of the outputs that stand before that one; symbolic dimensions are 1."""
    names = [output["name"] for output in about["outputs"]]
    return sum(math.prod(d if isinstance(d, int) and d > 0 else 1 for d in output["shape"])
               for output in about["outputs"][:names.index(name)])


@unittest.skipUnless(WILD.is_dir(), "no networks in real use beside the checkout")
class RealUse(RunTest):
    def test_close_to_float64(self):
        accepted = 0
        for folder in sorted(p for p in WILD.iterdir() if (p / "model.onnx").exists()):
            done = program.run("run", folder / "model.onnx", folder / "inputs.csv")
            if done.returncode != 0:
                self.assertRegex(done.stderr.decode(), r"byte \d+", folder.name)
                continue
            accepted += 1
            about = json.loads((folder / "about.json").read_text())
            rows = list(csv.reader(io.StringIO(done.stdout.decode())))
            name = rows[0][1][:-2] if rows[0][1].endswith(".0") else rows[0][1]
            first = columns_before(about, name)
            reference = folder / ("float64.csv" if about["float64"] else "onnxruntime.csv")
            with self.subTest(folder.name):
                self.compare([[float(v) for v in r[1:]] for r in rows[1:]], first,
                             read_floats(folder / "onnxruntime.csv"), read_floats(reference),
                             1e-6 if about["float64"] else 4e-6)
        self.assertGreaterEqual(accepted, 58)

    def compare(self, ours, first, runtime, exact, of_span):
        """As tests/wild_test.cpp does: as near as ONNX Runtime is, or within that part of the range."""
        self.assertEqual(len(ours), len(exact))
        width = len(ours[0])
        self.assertLessEqual(first + width, len(exact[0]))
        exact = [r[first:first + width] for r in exact]
        runtime = [r[first:first + width] for r in runtime]
        values = [v for r in exact for v in r]
        span = max(values) - min(values)

        def worst(rows):
            return max(abs(a - b) for r, e in zip(rows, exact) for a, b in zip(r, e))

        self.assertLessEqual(worst(ours), max(worst(runtime), of_span * span))


@unittest.skipUnless(SKLEARN.is_dir(), "no exports of scikit-learn beside the checkout")
class Sklearn(RunTest):
    def test_probabilities_and_predictions(self):
        accepted = 0
        for model in sorted(SKLEARN.glob("*.onnx")):
            base = str(model)[:-len(".onnx")]
            done = program.run("run", model, base + ".inputs.csv")
            if done.returncode != 0:
                self.assertRegex(done.stderr.decode(), r"byte \d+", model.name)
                continue
            accepted += 1
            ours = [[float(v) for v in r[1:]]
                    for r in list(csv.reader(io.StringIO(done.stdout.decode())))[1:]]
            runtime = read_floats(base + ".onnxruntime.csv")
            with self.subTest(model.name):
                for a, b in zip(ours, runtime):  # labels, if any, stand before
                    for x, y in zip(a, b[len(b) - len(a):]):
                        self.assertAlmostEqual(x, y, delta=1e-5 * max(1, abs(y)))
        self.assertGreater(accepted, 0)


if __name__ == "__main__":
    program.main()
