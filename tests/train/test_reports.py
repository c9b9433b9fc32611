import hashlib
import json
import subprocess
import sys
import unittest

import support
from tinymlp_train import corpus, distill, networks, recipe, region


def read(name):
    return json.loads((support.MODEL / name).read_text("utf-8"))


class Freshness(unittest.TestCase):
    def test_tables_are_those_of_the_json_files(self):
        run = subprocess.run([sys.executable, support.TOOLS / "report.py", "--check"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_figures_belong_to_this_corpus_and_recipe(self):
        digest = support.shipped_corpus().sha256
        loso, holdout = read("loso.json"), read("holdout.json")
        self.assertEqual(loso["corpus_sha256"], digest)
        self.assertEqual(holdout["corpus_sha256"], digest)
        shipped = {name: r.to_json() for name, r in distill.SHIPPED.items()}
        self.assertEqual(loso["recipes"], shipped)
        for label, chosen in (("shipped", shipped), ("corpus", recipe.CORPUS.to_json()),
                              ("base", recipe.BASE.to_json())):
            self.assertEqual(holdout["recipes"][label]["recipe"], chosen)

    def test_the_search_was_of_these_files_and_this_region(self):
        found = read("verification.json")
        self.assertEqual(found["region_sha256"],
                         hashlib.sha256(region.SHIPPED.read_bytes()).hexdigest())
        self.assertEqual(found["extremes_sha256"],
                         hashlib.sha256(corpus.EXTREMES.read_bytes()).hexdigest())
        self.assertEqual(list(found["networks"]), list(networks.SHIPPED))
        for name, entry in found["networks"].items():
            data = (support.MODEL / f"{name}.onnx").read_bytes()
            self.assertEqual(entry["sha256"], hashlib.sha256(data).hexdigest(),
                             "run tools/train/verify.py anew")

    def test_the_engine_has_the_regions_rules(self):
        run = subprocess.run([sys.executable, support.TOOLS / "region.py", "--check"],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_int8_figures_belong_to_these_files(self):
        int8 = read("int8.json")
        self.assertEqual(int8["corpus_sha256"], support.shipped_corpus().sha256)
        self.assertEqual(list(int8["networks"]), list(networks.SHIPPED))
        for name, entry in int8["networks"].items():
            data = (support.MODEL / f"{name}.onnx").read_bytes()
            self.assertEqual(entry["sha256"], hashlib.sha256(data).hexdigest(),
                             "run tools/train/int8.py anew")


REFERENCES = ("vmaf_tiny_v2", "vmaf_tiny_v3", "vmaf_tiny_v4")


class Acceptance(unittest.TestCase):
    """The figures that the shipped networks are held to, of clipped scores; limits small, medium,
    large."""

    def check(self, found, **limits):
        for (name, summary), *most in zip(found.items(), *limits.values(), strict=True):
            for figure, limit in zip(limits, most):
                self.assertLessEqual(summary["clipped"][figure], limit, (name, figure))

    def test_public_4k_logs(self):
        hd, uhd = read("public_4k.json"), read("public_4k_4k.json")
        for found in ({n: hd[n]["parts"]["all"] for n in networks.SHAPES},
                      {n: uhd[n]["parts"]["all"] for n in networks.SHIPPED if n not in networks.SHAPES}):
            self.check(found, rmse=(0.60, 0.18, 0.10), max_abs=(4, 2, 1.2))

    def test_leave_source_out(self):
        """Every source by networks that saw nothing of its fold: all rows together, and none where a
        reference model, which saw other content, is better over the sources."""
        loso, theirs = read("loso.json"), read("reference.json")
        sources = support.shipped_corpus().sources()
        self.assertEqual(sorted(s for fold in loso["folds"] for s in fold), sources)
        for fold in loso["folds"]:
            for source in fold:
                self.assertLessEqual(set(corpus.siblings(source, sources)), set(fold))
        self.assertEqual(list(loso["networks"]), list(networks.SHAPES))

        def together(by_source):
            rows = [by_source[s]["rows"] for s in sources]
            square = [by_source[s]["rows"] * by_source[s]["clipped"]["rmse"] ** 2 for s in sources]
            return (sum(square) / sum(rows)) ** 0.5
        for by_source, limit in zip(loso["networks"].values(), (0.20, 0.08, 0.05), strict=True):
            self.assertLessEqual(together(by_source), limit)
            for name in REFERENCES:
                self.assertLess(together(by_source), together(theirs[name]["parts"]))

    def test_sources_left_out_together(self):
        holdout, theirs = read("holdout.json"), read("holdout_reference.json")
        names = support.shipped_corpus().sources()
        for source in holdout["left_out"]:
            self.assertLessEqual(set(corpus.siblings(source, names)), set(holdout["left_out"]))
        found = {name: by_seed[str(holdout["shipped_seed"])]["all"]
                 for name, by_seed in holdout["recipes"]["shipped"]["networks"].items()}
        self.check(found, rmse=(0.20, 0.08, 0.05))
        for name in REFERENCES:
            for ours in found.values():
                self.assertEqual(ours["rows"], theirs[name]["parts"]["all"]["rows"])
                self.assertLess(ours["clipped"]["rmse"], theirs[name]["parts"]["all"]["clipped"]["rmse"])

    def test_the_worst_row_of_the_region(self):
        found = read("verification.json")["networks"]
        for name in networks.SHIPPED:
            limit = {16: 6, 32: 3, 64: 2}[networks.describe(name)[0][1]]
            self.assertLessEqual(found[name]["worst"], limit, name)
            self.assertGreaterEqual(found[name]["sampled"]["rows"], 2_000_000)

    def test_the_worst_real_material(self):
        found = read("verification.json")
        self.assertGreater(found["extremes"]["inside"], 0.8 * found["extremes"]["rows"])
        # What lies outside is what the model card says: noise without contrast.
        self.assertEqual({f["source"] for f in found["extremes"]["outside"]}, {"ex_noise"})
        for name in networks.SHIPPED:
            entry = found["networks"][name]
            self.assertLessEqual(entry["extremes"]["all_inside"]["max"], entry["worst"], name)

    def test_no_source_where_a_reference_model_is_better(self):
        compared = []
        for ours, theirs in (("evaluation.json", "reference.json"), ("public_4k.json",) * 2,
                             ("unseen.json",) * 2):
            mine, other = read(ours), read(theirs)
            compared += [(mine[n]["parts"][part], other[m]["parts"][part], (part, n, m))
                         for n in networks.SHAPES for part in mine[n]["parts"] for m in REFERENCES]
        parts = sum(len(read(name)["mlp_small"]["parts"])
                    for name in ("evaluation.json", "public_4k.json", "unseen.json"))
        self.assertEqual(len(compared), 9 * parts)
        self.assertGreater(parts, 30)
        for ours, theirs, which in compared:
            for figure in ("rmse", "max_abs"):
                self.assertLessEqual(ours["clipped"][figure], theirs["clipped"][figure], which)

    def test_int8(self):
        for name, entry in read("int8.json")["networks"].items():
            found = entry["dynamic"]["per_tensor"]["fp32"]
            self.assertLessEqual(found["rmse"], 0.15, name)
            self.assertLessEqual(found["plcc_drop"], 0.01, name)


if __name__ == "__main__":
    unittest.main()
