import hashlib
import json
import subprocess
import sys
import unittest

import support
from tinymlp_train import corpus, networks, recipe


def read(name):
    return json.loads((support.MODEL / name).read_text("utf-8"))


class Freshness(unittest.TestCase):
    def test_tables_are_those_of_the_json_files(self):
        run = subprocess.run([sys.executable, support.TOOLS / "report.py", "--check"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_figures_belong_to_this_corpus_and_recipe(self):
        digest = support.shipped_corpus().sha256
        shipped = recipe.SHIPPED.to_json()
        loso, holdout = read("loso.json"), read("holdout.json")
        self.assertEqual(loso["corpus_sha256"], digest)
        self.assertEqual(holdout["corpus_sha256"], digest)
        self.assertEqual(loso["recipe"], shipped)
        self.assertEqual(holdout["recipes"]["shipped"]["recipe"], shipped)


    def test_reference_models_are_measured_on_the_rows_left_out(self):
        ours, theirs = read("holdout.json"), read("holdout_reference.json")
        by_seed = ours["recipes"]["shipped"]["networks"]["mlp_small"]
        rows = {part: s["rows"] for part, s in by_seed[str(ours["shipped_seed"])].items()}
        self.assertEqual(list(theirs), ["vmaf_tiny_v2", "vmaf_tiny_v3", "vmaf_tiny_v4"])
        for name, result in theirs.items():
            self.assertEqual({p: s["rows"] for p, s in result["parts"].items()}, rows, name)

    def test_int8_figures_belong_to_these_files(self):
        int8 = read("int8.json")
        self.assertEqual(int8["corpus_sha256"], support.shipped_corpus().sha256)
        self.assertEqual(list(int8["networks"]), list(networks.SHAPES))
        for name, entry in int8["networks"].items():
            data = (support.MODEL / f"{name}.onnx").read_bytes()
            self.assertEqual(entry["sha256"], hashlib.sha256(data).hexdigest(),
                             "run tools/train/int8.py anew")


class Acceptance(unittest.TestCase):
    """The figures that the shipped networks are held to."""

    def test_sources_left_out_together(self):
        holdout = read("holdout.json")
        left_out = holdout["left_out"]
        self.assertGreaterEqual(len(left_out), 5)
        names = support.shipped_corpus().sources()
        for source in left_out:
            self.assertLessEqual(set(corpus.siblings(source, names)), set(left_out))
        for name, by_seed in holdout["recipes"]["shipped"]["networks"].items():
            figures = by_seed[str(holdout["shipped_seed"])]["all"]["clipped"]
            self.assertGreaterEqual(figures["plcc"], 0.999, name)
            self.assertLessEqual(figures["rmse"], 1.0, name)

    def test_sources_left_out_together_beside_the_reference_models(self):
        """Over all rows, for every seed."""
        networks, theirs = read("holdout.json")["recipes"]["shipped"]["networks"], read(
            "holdout_reference.json")
        for name, other in (("mlp_medium", "vmaf_tiny_v3"), ("mlp_large", "vmaf_tiny_v4")):
            for seed, parts in networks[name].items():
                for kind in ("raw", "clipped"):
                    got, mark = parts["all"][kind], theirs[other]["parts"]["all"][kind]
                    self.assertGreaterEqual(got["plcc"], mark["plcc"], (name, seed, kind))
                    self.assertLessEqual(got["rmse"], mark["rmse"], (name, seed, kind))

    def test_leave_source_out(self):
        loso, reference = read("loso.json"), read("reference.json")
        self.assertEqual(len(loso["seeds"]), 5)
        self.assertEqual(list(loso["networks"]), list(networks.SHAPES))
        for name, ours in loso["networks"].items():
            self.assertEqual(list(ours["source"]["folds"]), support.shipped_corpus().sources())
            for variant in ("source", "clip"):
                plcc = ours[variant]["clipped"]["plcc"]["over_folds"]["mean"]
                self.assertGreaterEqual(plcc, 0.999, (name, variant))
        pairs = {"mlp_medium": "vmaf_tiny_v3", "mlp_large": "vmaf_tiny_v4"}
        for (name, other) in pairs.items():
            parts = reference[other]["parts"]
            theirs = [parts[s] for s in support.shipped_corpus().sources()]
            for variant in ("source", "clip"):
                for kind in ("raw", "clipped"):
                    ours = loso["networks"][name][variant][kind]
                    for figure, better in (("plcc", 1), ("rmse", -1)):
                        mean = sum(t[kind][figure] for t in theirs) / len(theirs)
                        got = ours[figure]["over_folds"]["mean"]
                        self.assertGreaterEqual(better * got, better * mean,
                                                (name, variant, kind, figure))


if __name__ == "__main__":
    unittest.main()
