#!/usr/bin/env python3
"""tools/count_tests.py, whose counts decide whether a run passed."""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "tools" / "count_tests.py"
SPEC = importlib.util.spec_from_file_location("count_tests", SCRIPT)
count_tests = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(count_tests)

DOCTEST = "[doctest] test cases:  9 | {} passed | {} failed | 0 skipped\n"


def unittest_output(ran, detail="", skipped=()):
    lines = [f"{name} (x.Y.{name}) ... skipped {why!r}\n" for name, why in skipped]
    return f"{''.join(lines)}\nRan {ran} tests in 0.1s\n\n{'FAILED' if 'fail' in detail else 'OK'} ({detail})\n"


class Counts(unittest.TestCase):
    def run_on(self, *entries):
        """(exit status, lines) for a log of [(name, result, output)]."""
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "log")
            log.write_text("".join(json.dumps({"name": n, "result": r, "stdout": o}) + "\n"
                                   for n, r, o in entries))
            done = subprocess.run([sys.executable, SCRIPT, log], capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()

    def test_cases_of_all_kinds_are_added(self):
        self.assertEqual(self.run_on(("a", "OK", DOCTEST.format(9, 0)), ("b", "OK", unittest_output(5)),
                                     ("c", "OK", "no count")), (0, ["15 passed, 0 failed"]))

    def test_failures_crashes_and_nothing(self):
        self.assertEqual(self.run_on(("a", "FAIL", DOCTEST.format(7, 2))), (1, ["7 passed, 2 failed"]))
        self.assertEqual(self.run_on(("a", "FAIL", DOCTEST.format(9, 0))), (1, ["9 passed, 1 failed"]))
        self.assertEqual(self.run_on(("a", "TIMEOUT", "")), (1, ["0 passed, 1 failed"]))
        self.assertEqual(self.run_on(("b", "FAIL", unittest_output(5, "failures=1, errors=1"))),
                         (1, ["3 passed, 2 failed"]))
        self.assertEqual(self.run_on(), (1, ["0 passed, 1 failed"]))

    def test_skipped_cases_are_told_in_one_line(self):
        files = [(f"t{i}", "no golden files beside the checkout") for i in range(3)]
        tools = [("u", "needs onnx and onnxruntime (tools/train/environment)")]
        status, lines = self.run_on(
            ("a", "OK", unittest_output(5, "skipped=4", files + tools)),
            ("b", "SKIP", "skipped: aarch64 compiler is not installed"))
        self.assertEqual(status, 0)
        self.assertEqual(len(lines), 2)
        for part in ("(5 skipped: ", "3 want reference files", "1 wants Python's onnx",
                     "tools/check --all", "1 wants a program that is not installed"):
            self.assertIn(part, lines[0])
        self.assertEqual(lines[1], "1 passed, 0 failed")

    def test_an_unusual_reason_is_told_by_name(self):
        _, lines = self.run_on(("a", "OK", unittest_output(2, "skipped=1", [("t", "no terminal")])),
                               ("b", "SKIP", ""))
        self.assertEqual(lines[:3], ["skipped: a t: no terminal", "skipped: b: it says no reason",
                                     "(2 skipped: 2 for the reasons above)"])


if __name__ == "__main__":
    unittest.main()
