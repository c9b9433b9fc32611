"""score_log: the program's readers and numbers."""
import contextlib
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

import tinymlp
from shared import ROOT, same_bits

SAMPLES = ROOT / "model" / "samples"
PROGRAM = pathlib.Path(os.environ.get("TINYMLP", ROOT / "build/tools/tinymlp"))


class Logs(unittest.TestCase):
    def test_all_formats_of_one_clip(self):
        logs = [tinymlp.score_log(SAMPLES / f"vtest_x264_36.{ending}") for ending in ("json", "xml", "csv")]
        self.assertEqual([log.format for log in logs], ["libvmaf JSON", "libvmaf XML", "libvmaf CSV"])
        for log in logs:
            self.assertEqual(len(log), 48)
            self.assertEqual(list(log.frame), list(range(48)))
            self.assertTrue(same_bits(log.score, logs[0].score))

    def test_scores_follow_the_logs_own(self):
        for path in sorted(SAMPLES.iterdir()):
            with self.subTest(path.name):
                log = tinymlp.score_log(path, "mlp_large")
                self.assertTrue(log.clipped)
                if log.own_score is not None:
                    self.assertLess(abs(log.score - log.own_score).max(), 1)

    def test_features_are_those_of_the_file(self):
        path = SAMPLES / "vtest_x264_36.json"
        frames = json.loads(path.read_text())["frames"]
        log = tinymlp.score_log(path)
        wanted = np.array([[f["metrics"][k] for k in log.keys] for f in frames]).astype(np.float32)
        self.assertTrue(same_bits(log.features, wanted))
        self.assertEqual(list(log["vmaf"]), [f["metrics"]["vmaf"] for f in frames])
        self.assertTrue(same_bits(np.asarray(log.network(wanted)).clip(0, 100), log.score))

    @unittest.skipUnless(PROGRAM.exists(), "the program is not installed")
    def test_the_programs_own_output(self):
        path = SAMPLES / "vtest_x264_36.json"
        for name in ("mlp_small", "mlp_medium.int8"):
            output = subprocess.run([PROGRAM, "score", "--model", name, "--format", "json", path], check=True,
                                    capture_output=True, text=True).stdout
            told = json.loads(output)
            log = tinymlp.score_log(path, name)
            quantised_from = tinymlp.load(name.removesuffix(".int8")).sha256
            self.assertEqual(told["model"]["sha256"], quantised_from, "the program is of other networks: build it anew")
            self.assertEqual([np.float32(f["metrics"]["tinymlp_vmaf"]) for f in told["frames"]], list(log.score))
            pooled = told["pooled_metrics"]["tinymlp_vmaf"]
            for key, value in log.pooled.items():
                self.assertAlmostEqual(pooled[key], value, delta=1e-5)

    def test_as_a_table(self):
        import polars
        log = tinymlp.score_log(SAMPLES / "vtest_x264_36.csv")
        names = ["frame", *tinymlp.VMAF_FEATURES, *(["vmaf"] if log.own_score is not None else []), "score"]
        self.assertEqual(log.to_arrow().column_names, names)
        self.assertEqual(polars.DataFrame(log).columns, names)

    def test_clipping(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "log.csv")
            path.write_text(",".join(tinymlp.VMAF_FEATURES) + "\n0.3,0.3,0.3,0.3,0.3,0\n0.9,0.8,0.8,0.8,0.8,nan\n")
            raw = tinymlp.score_log(path, clip=False)
            self.assertLess(raw.score[0], 0)
            self.assertEqual(tinymlp.score_log(path).score[0], 0)
            self.assertTrue(np.isnan(raw.score[1]) and np.isnan(tinymlp.score_log(path).score[1]))
            self.assertTrue(np.isnan(raw.pooled["mean"]))
            own = tinymlp.load(tinymlp.load("mlp_small").model)
            self.assertFalse(tinymlp.score_log(path, own).clipped)

    def test_clipping_goes_by_the_name_that_was_asked_for_as_the_program_has_it(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            pathlib.Path("log.csv").write_text(",".join(tinymlp.VMAF_FEATURES) + "\n0.3,0.3,0.3,0.3,0.3,0\n")
            shutil.copy(ROOT / "model/mlp_small.onnx", "mlp_small")  # a file of a shipped network's name
            shutil.copy(ROOT / "model/mlp_small.onnx", "mlp_small.int8")
            by_name = tinymlp.load("mlp_small")
            for network, model, wanted in (
                    ("mlp_small", "mlp_small", True), ("mlp_small.int8", None, True), (by_name, None, True),
                    (pickle.loads(pickle.dumps(by_name)), None, True),
                    ("./mlp_small", "./mlp_small", False), (pathlib.Path("mlp_small"), "./mlp_small", False),
                    (pathlib.Path("mlp_small.int8"), "./mlp_small.int8", False), (by_name.model, None, False),
                    (tinymlp.Network(by_name.model, source="mlp_small"), None, False)):
                with self.subTest(network=str(network)[:30]):
                    log = tinymlp.score_log("log.csv", network)
                    self.assertEqual((log.clipped, log.score[0] >= 0), (wanted, wanted))
                    if model is not None and PROGRAM.exists():
                        told = json.loads(subprocess.run([PROGRAM, "score", "--model", model, "--format", "json", "log.csv"],
                                                         check=True, capture_output=True, text=True).stdout)
                        self.assertEqual(told["model"]["clipped"], wanted)
                        self.assertEqual(np.float32(told["frames"][0]["metrics"]["tinymlp_vmaf"]), log.score[0])

    def test_refusals_name_file_and_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "log.csv")
            for text, words in (("adm2,motion2\n1,2\n", "vif_scale0"), ("", "empty"),
                                (",".join(tinymlp.VMAF_FEATURES) + "\n1,2,3,x,5,6\n", "log.csv:2")):
                path.write_text(text)
                with self.assertRaisesRegex(ValueError, words):
                    tinymlp.score_log(path)
            with self.assertRaisesRegex(ValueError, "cannot open"):
                tinymlp.score_log(pathlib.Path(folder, "nothing"))
        with self.assertRaisesRegex(ValueError, r"is an ONNX model.*tinymlp.inspect\(\)"):
            tinymlp.score_log(ROOT / "model/mlp_small.onnx")
        path = SAMPLES / "vtest_x264_36.json"
        for error, words, call in (
                (ValueError, "^feature_suffix=: a suffix starts", lambda: tinymlp.score_log(path, feature_suffix="egl")),
                (TypeError, "feature_suffix is 3", lambda: tinymlp.score_log(path, feature_suffix=3)),
                (TypeError, "path is a int", lambda: tinymlp.score_log(7)), (TypeError, "path is a bytes", lambda: tinymlp.score_log(b"x")),
                (KeyError, "no column 'foo'; the log has frame, adm2", lambda: tinymlp.score_log(path)["foo"])):
            with self.assertRaisesRegex(error, words):
                call()


class WithoutTheProgram(unittest.TestCase):
    """A build on a machine with a compiler and nothing else."""

    def test_what_is_missing_is_said(self):
        from unittest import mock
        from tinymlp import _built
        with mock.patch.object(_built, "MISSING", "fmt, expat"):
            for call in (lambda: tinymlp.score_log(SAMPLES / "vtest_x264_36.csv"), lambda: tinymlp.quantize("mlp_small")):
                with self.assertRaisesRegex(tinymlp.NotBuilt, "fmt, expat was not found.*libfmt-dev"):
                    call()
            self.assertEqual(tinymlp.load("mlp_small").shape, (6, 16, 8, 1))


if __name__ == "__main__":
    unittest.main()
