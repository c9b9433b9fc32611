"""evaluate.py, corpus.py and loso.py as they are run, on a small piece of the corpus."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import support
from tinymlp_train import corpus

import onnx


def run(script, *arguments):
    return subprocess.run([sys.executable, support.TOOLS / script, *map(str, arguments)],
                          capture_output=True, text=True, timeout=300)


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write_rows(self, *sources, change=lambda fields: fields):
        """Every 40th row of the sources; `change` edits a row's fields."""
        lines = corpus.read_bytes(corpus.SHIPPED).decode().splitlines()
        kept = [line.split(",") for line in lines if line.split(",")[0] in sources][::40]
        path = self.folder / "rows.csv"
        path.write_text("\n".join([lines[0], *(",".join(change(f)) for f in kept)]) + "\n")
        return path

    def accept(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refuse(self, *arguments, because):
        done = run(*arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(because, done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class Evaluate(ProgramTest):
    def figures(self, *models, rows=None):
        rows = rows or self.write_rows("vtest_a", "st_coffee")
        self.accept("evaluate.py", *models, "--corpus", rows, "--json", self.folder / "out.json")
        return json.loads((self.folder / "out.json").read_text(), parse_constant=self.fail)

    def test_models_stand_side_by_side(self):
        small, large = (support.MODEL / f"{n}.onnx" for n in ("mlp_small", "mlp_large"))
        both = self.figures(small, large)
        self.assertEqual(list(both), ["mlp_small", "mlp_large"])
        self.assertEqual(both["mlp_large"], self.figures(large)["mlp_large"])
        self.assertNotEqual(both["mlp_small"], both["mlp_large"])

    def test_two_files_of_one_name_both_count(self):
        other = self.folder / "mlp_small.onnx"
        shutil.copy(support.MODEL / "mlp_large.onnx", other)
        both = self.figures(support.MODEL / "mlp_small.onnx", other)
        self.assertEqual(list(both), [str(support.MODEL / "mlp_small.onnx"), str(other)])
        self.assertNotEqual(*both.values())

    def test_no_correlation_is_null(self):
        rows = self.write_rows("vtest_a", change=lambda f: f[:-1] + ["100"])
        figures = self.figures(support.MODEL / "mlp_small.onnx", rows=rows)
        self.assertIsNone(figures["mlp_small"]["parts"]["all"]["clipped"]["plcc"])

    def set_input(self, *dims):
        model = onnx.load(support.MODEL / "mlp_small.onnx")
        for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, dims):
            dim.dim_value = size
        path = self.folder / "fixed.onnx"
        onnx.save(model, path)
        return path

    def test_a_model_that_takes_one_row_at_a_time(self):
        fixed = self.figures(self.set_input(1, 6))["fixed"]
        whole = self.figures(support.MODEL / "mlp_small.onnx")["mlp_small"]
        self.assertAlmostEqual(fixed["parts"]["all"]["raw"]["rmse"],
                               whole["parts"]["all"]["raw"]["rmse"], 4)

    def test_models_of_other_inputs(self):
        value = lambda name, *dims: onnx.helper.make_tensor_value_info(name, 1, dims)
        seven = self.folder / "seven.onnx"
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph(
            [onnx.helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)], "g",
            [value("x", "n", 7)], [value("y", "n")]), ir_version=8,
            opset_imports=[onnx.helper.make_opsetid("", 17)]), seven)
        self.refuse("evaluate.py", seven, because="seven.onnx: its input is [N,7], not [N,6]")
        self.refuse("evaluate.py", self.set_input(3, 6), because="its input is [3,6], not [N,6]")


class Corpus(ProgramTest):
    def test_what_is_given_twice(self):
        for option, names in (("--variants", ("x264:32", "blur:1.2", "x264:32")),
                              ("--sources", ("vtest_a", "vtest_a")),
                              ("--clip", ("a=one.mkv", "a=two.mkv"))):
            self.refuse("corpus.py", "--output", self.folder / "rows.csv", option, *names,
                        because=f"corpus: {option}: given twice: {names[0].partition('=')[0]}")
        self.assertEqual(list(self.folder.iterdir()), [])


class Output(ProgramTest):
    def test_a_missing_folder_is_told_before_the_work(self):
        missing = self.folder / "none" / "out.json"
        for script, *arguments in (
                ("evaluate.py", support.MODEL / "mlp_small.onnx", "--json", missing),
                ("loso.py", "--output", missing), ("holdout.py", "--output", missing),
                ("int8.py", "--output", missing), ("corpus.py", "--output", missing)):
            done = run(script, *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), script)
            self.assertRegex(done.stderr, f"^[a-z0-9]*: {missing}: there is no folder .*none\n$")


class Loso(ProgramTest):
    def command(self, rows, output="loso.json", work="work"):
        return ("loso.py", "--corpus", rows, "--network", "mlp_small", "--seeds", 0, 1, "--epochs",
                1, "--output", self.folder / output, "--work", self.folder / work)

    def test_a_run_that_continues_ends_with_the_same_bytes(self):
        rows = self.write_rows("cup_a", "cup_b", "st_coffee")
        self.accept(*self.command(rows))
        first = (self.folder / "loso.json").read_bytes()
        parts = sorted((self.folder / "work").iterdir())
        self.assertGreater(len(parts), 2)
        parts[0].unlink()
        self.accept(*self.command(rows))
        self.assertEqual((self.folder / "loso.json").read_bytes(), first)
        self.accept(*self.command(rows, "anew.json", "elsewhere"))
        self.assertEqual((self.folder / "anew.json").read_bytes(), first)
        found = json.loads(first)["networks"]["mlp_small"]
        self.assertEqual(list(found["clip"]["folds"]), ["cup_a", "cup_b", "st_coffee"])
        self.assertNotEqual(found["clip"]["folds"]["cup_a"], found["source"]["folds"]["cup_a"])
        self.assertEqual(found["clip"]["folds"]["st_coffee"], found["source"]["folds"]["st_coffee"])

    def test_a_source_whose_teacher_is_constant(self):
        rows = self.write_rows("cup_a", "st_coffee", "vtest_a", change=lambda f: (
            f[:-1] + ["100"] if f[0] == "cup_a" else f))
        self.accept(*self.command(rows))
        found = json.loads((self.folder / "loso.json").read_text(), parse_constant=self.fail)
        folds = found["networks"]["mlp_small"]["source"]["folds"]
        self.assertIsNone(folds["cup_a"]["raw"]["plcc"]["mean"])
        self.assertGreater(folds["vtest_a"]["raw"]["plcc"]["mean"], -1)

    def test_a_seed_given_twice(self):
        done = run("loso.py", "--seeds", 0, 1, 0)
        self.assertEqual(done.returncode, 2)
        self.assertIn("each seed once", done.stderr)

    def test_nothing_left_to_train_on(self):
        for sources, name in ((["cup_a"], "cup_a"), (["cup_a", "cup_b"], "cup_a and cup_b")):
            self.refuse(*self.command(self.write_rows(*sources)),
                        because=f"leaving out {name} leaves no rows to train on")
        self.assertFalse((self.folder / "loso.json").exists())


if __name__ == "__main__":
    unittest.main()
