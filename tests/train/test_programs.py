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


def setUpModule():
    subprocess.run([support.TOOLS / "fetch_teacher"], check=True, capture_output=True)


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


class Verify(ProgramTest):
    def test_nothing_to_search_is_refused(self):
        for option in ("--rows", "--starts"):
            self.refuse("verify.py", option, 0, "--output", self.folder / "v.json", because="must be at least 1")


class Evaluate(ProgramTest):
    def test_a_4k_network_wants_its_teacher(self):
        self.refuse("evaluate.py", support.MODEL / "mlp_small_4k.onnx", "--corpus", self.write_rows("vtest_a"),
                    because="say --teacher vmaf_4k_v0.6.1")

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

    def test_against_a_teacher(self):
        rows = self.write_rows("vtest_a")
        for name, most in (("vmaf_v0.6.1", 0.5), ("vmaf_4k_v0.6.1", 100)):
            self.accept("evaluate.py", support.MODEL / "mlp_small.onnx", "--corpus", rows, "--teacher",
                        name, "--json", self.folder / f"{name}.json")
            found = json.loads((self.folder / f"{name}.json").read_text())["mlp_small"]["parts"]["all"]
            self.assertLess(found["clipped"]["rmse"], most)
        self.assertGreater(found["clipped"]["rmse"], 1)

    def test_rows_of_public_logs(self):
        rows = self.write_rows("vtest_a", "st_coffee")
        public = self.folder / "public.csv"
        lines = [line.split(",") for line in rows.read_text().splitlines()]
        public.write_text("\n".join([",".join(corpus.PUBLIC_COLUMNS)] + [
            ",".join([f[0], f[1], *f[3:10], "-1000", f[10]]) for f in lines[1:]]) + "\n")
        model = support.MODEL / "mlp_small.onnx"
        self.assertEqual(self.figures(model, rows=public), self.figures(model, rows=rows))

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
    def command(self, rows, output="loso.json", work="work", *more):
        return ("loso.py", "--corpus", rows, "--network", "mlp_small", "--epochs", 1, "--pool", 20_000,
                "--folds", 2, "--output", self.folder / output, "--work", self.folder / work, *more)

    def test_a_run_that_continues_ends_with_the_same_bytes(self):
        rows = self.write_rows("cup_a", "cup_b", "st_coffee", "vtest_a")
        self.accept(*self.command(rows))
        first = (self.folder / "loso.json").read_bytes()
        parts = sorted((self.folder / "work").iterdir())
        self.assertEqual(len(parts), 2)
        parts[0].unlink()
        self.accept(*self.command(rows))
        self.assertEqual((self.folder / "loso.json").read_bytes(), first)
        found = json.loads(first)
        self.assertEqual(found["folds"], [["cup_a", "cup_b", "vtest_a"], ["st_coffee"]])
        self.assertEqual(list(found["networks"]["mlp_small"]),
                         ["cup_a", "cup_b", "st_coffee", "vtest_a"])

    def test_rows_left_out_have_no_influence(self):
        def figures(change):
            rows = self.write_rows("cup_a", "st_coffee", "vtest_a", change=change)
            self.accept(*self.command(rows, work=f"work_{change.__name__}"))
            return json.loads((self.folder / "loso.json").read_text())["networks"]["mlp_small"]

        def as_it_is(f):
            return f

        def other_scores(f):
            return f[:-1] + ["50"] if f[0] == "cup_a" else f
        plain, changed = figures(as_it_is), figures(other_scores)
        self.assertNotEqual(plain["cup_a"], changed["cup_a"])
        self.assertEqual(plain["st_coffee"], changed["st_coffee"])

    def test_a_source_whose_teacher_is_constant(self):
        rows = self.write_rows("cup_a", "st_coffee", change=lambda f: (
            f[:-1] + ["100"] if f[0] == "cup_a" else f))
        self.accept(*self.command(rows))
        found = json.loads((self.folder / "loso.json").read_text(), parse_constant=self.fail)
        self.assertIsNone(found["networks"]["mlp_small"]["cup_a"]["raw"]["plcc"])

    def test_too_few_sources_for_the_folds(self):
        self.refuse(*self.command(self.write_rows("cup_a", "cup_b")),
                    because="--folds must be 2 to 1, the number of clips, not 2")
        self.assertFalse((self.folder / "loso.json").exists())


class Verify(ProgramTest):
    def test_it_finds_what_is_wrong_with_a_network(self):
        """mlp_small's file under a name that promises the 4K model."""
        shutil.copy(support.MODEL / "mlp_small.onnx", self.folder / "mlp_small_4k.onnx")
        self.accept("verify.py", "--network", "mlp_small_4k", "--model-dir", self.folder, "--rows",
                    20_000, "--starts", 20, "--output", self.folder / "out.json")
        found = json.loads((self.folder / "out.json").read_text())["networks"]["mlp_small_4k"]
        self.assertGreater(found["worst"], 20)
        self.assertGreaterEqual(found["worst"], found["sampled"]["max"])


if __name__ == "__main__":
    unittest.main()
