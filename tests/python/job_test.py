"""tinymlp-score: Parquet to Parquet on every engine, stopped and gone on with, and what is refused."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import onnx_files
import tinymlp
from shared import many_rows, same_bits

NAMES = tinymlp.VMAF_FEATURES


def job(*arguments, **keywords):
    return subprocess.run([sys.executable, "-m", "tinymlp.job", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **keywords)


class Jobs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.input, self.output = self.folder / "in", self.folder / "out"
        self.input.mkdir()
        self.rows = many_rows(3000)
        self.write("a.parquet", self.rows[:1000])
        self.write("b.parquet", self.rows[1000:])

    def write(self, name, rows, **columns):
        path = self.input / name
        path.parent.mkdir(exist_ok=True, parents=True)
        pq.write_table(pa.table({"title": [name] * len(rows), **{n: rows[:, i] for i, n in enumerate(NAMES)}, **columns}),
                       path, row_group_size=700)
        return path

    def scores(self, name, column="score"):
        return pq.read_table(self.output / name)[column].to_numpy()

    def there(self):
        return sorted(str(p.relative_to(self.output)) for p in self.output.rglob("*")
                      if not p.name.startswith((".tinymlp.lock", "_")))

    def assertFails(self, done, words, status=1):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, words)
        self.assertNotIn("Traceback", done.stderr)

    def test_every_engine_gives_the_same_bits(self):
        wanted = tinymlp.load("mlp_medium")(self.rows)
        for engine in ("arrow", "duckdb", "polars"):
            with self.subTest(engine):
                self.output = self.folder / engine
                done = job("--model", "mlp_medium", "--engine", engine, self.input, self.output)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, "2/2 files, 3,000 rows")
                self.assertTrue(same_bits(self.scores("a.parquet"), wanted[:1000]))
                self.assertTrue(same_bits(self.scores("b.parquet"), wanted[1000:]))
                table = pq.read_table(self.output / "a.parquet")
                self.assertEqual(table.column_names, ["title", *NAMES, "score"])
                self.assertTrue(same_bits(table["vif_scale2"].to_numpy(), self.rows[:1000, 3]))

    def test_goes_on_with_what_is_missing_or_has_changed(self):
        self.assertEqual(job(self.input, self.output).returncode, 0)
        before = {n: (self.output / n).stat().st_mtime_ns for n in ("a.parquet", "b.parquet")}
        self.write("sub/c.parquet", self.rows[:50])
        (self.output / "a.parquet").unlink()
        done = job(self.input, self.output)
        self.assertRegex(done.stderr, "b.parquet: there already")
        self.assertEqual((self.output / "b.parquet").stat().st_mtime_ns, before["b.parquet"])
        self.assertEqual(len(self.scores("sub/c.parquet")), 50)
        self.write("b.parquet", self.rows[:10])
        self.assertEqual(job(self.input, self.output).returncode, 0)
        self.assertEqual(len(self.scores("b.parquet")), 10)
        self.assertEqual(self.there(), ["a.parquet", "b.parquet", "sub", "sub/c.parquet"])

    def test_killed_in_the_middle(self):
        for i in range(12):
            self.write(f"many{i:02}.parquet", many_rows(40_000, seed=i))
        with subprocess.Popen([sys.executable, "-m", "tinymlp.job", self.input, self.output],
                              stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "many02" in line:
                    process.send_signal(signal.SIGKILL)
                    break
        whole = [p for p in self.output.glob("*.parquet") if not p.name.startswith(".")]
        self.assertTrue(3 <= len(whole) < 14)
        for path in whole:
            self.assertEqual(pq.read_metadata(path).num_rows, pq.read_metadata(self.input / path.name).num_rows)
        self.assertEqual(job(self.input, self.output).returncode, 0)
        self.assertEqual(len(self.there()), 14)
        self.assertTrue(same_bits(self.scores("many11.parquet"), tinymlp.load("mlp_small")(many_rows(40_000, seed=11))))

    def test_another_model_is_not_mixed_in(self):
        self.assertEqual(job(self.input, self.output).returncode, 0)
        self.assertFails(job("--model", "mlp_large", self.input, self.output), "another job.*model_sha256")
        self.assertFails(job("--column", "s", self.input, self.output), "column differ")
        self.assertEqual(job("--overwrite", "--model", "mlp_large", self.input, self.output).returncode, 0)
        self.assertTrue(same_bits(self.scores("a.parquet"), tinymlp.load("mlp_large")(self.rows[:1000])))

    def test_overwriting_goes_on_where_it_was_stopped(self):
        self.assertEqual(job("--model", "mlp_small", "--quiet", self.input, self.output).returncode, 0)
        one = self.input / "a.parquet"
        self.assertEqual(job("--model", "mlp_large", "--overwrite", "--quiet", one, self.output).returncode, 0)
        # b's scores are mlp_small's: the next run makes them anew, without being told to overwrite
        done = job("--model", "mlp_large", self.input, self.output)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("a.parquet: there already", done.stderr)
        self.assertTrue(same_bits(self.scores("b.parquet"), tinymlp.load("mlp_large")(self.rows[1000:])))

    def test_names_of_folders_are_no_data(self):
        path = self.write("adm2=1/title=7/score=9/c.parquet", self.rows[:50])
        for engine in ("arrow", "duckdb", "polars"):
            with self.subTest(engine):
                output = self.folder / engine
                done = job("--model", "mlp_small", "--engine", engine, self.input, output)
                self.assertEqual(done.returncode, 0, done.stderr)
                found = pq.ParquetFile(output / path.relative_to(self.input)).read()
                self.assertEqual(found.column_names, ["title", *NAMES, "score"])
                self.assertTrue(same_bits(found["score"].to_numpy(), tinymlp.load("mlp_small")(self.rows[:50])))

    def test_a_column_that_differs_in_case_alone_is_in_the_way(self):
        self.write("a.parquet", self.rows[:10], Score=np.zeros(10))
        self.assertFails(job(self.input, self.output), "has a column Score already")

    def test_the_output_may_lie_in_the_input(self):
        for _ in range(2):
            done = job("--quiet", self.input, self.input / "scored")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(list((self.input / "scored").rglob("*.parquet"))), 2)

    def test_external_data_is_part_of_the_model(self):
        model = self.folder / "model"
        model.mkdir()
        file, data = onnx_files.mlp_with_external_data("weights.bin")
        (model / "model.onnx").write_bytes(file)
        (model / "weights.bin").write_bytes(data)
        arguments = ("--model", model / "model.onnx", "--features", ",".join(NAMES), "--quiet", self.input, self.output)
        done = job(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        first = tinymlp.load(model / "model.onnx")
        (model / "weights.bin").write_bytes((2 * np.frombuffer(data, np.float32)).tobytes())
        second = tinymlp.load(model / "model.onnx")
        self.assertEqual(first.sha256, second.sha256)
        self.assertNotEqual(first.identity, second.identity)
        (self.output / "b.parquet").unlink()
        self.assertFails(job(*arguments), "model_sha256 differ")

    def test_foreign_files_are_not_replaced(self):
        self.output.mkdir()
        (self.output / "a.parquet").write_text("mine")
        self.assertFails(job(self.input, self.output), "was not written by this job")
        self.assertEqual((self.output / "a.parquet").read_text(), "mine")
        self.assertFails(job(self.input, self.input), "would replace the input")
        self.assertFails(job(self.input, self.input / "a.parquet", self.output), "two inputs would both become")

    def test_columns_and_types(self):
        narrow = pq.read_table(self.input / "b.parquet").drop(["motion2"])
        pq.write_table(narrow, self.input / "b.parquet")
        self.assertFails(job(self.input, self.output), "b.parquet: no column motion2")
        self.assertEqual(self.there(), [])
        self.write("b.parquet", self.rows[:5], motion2=["x"] * 5)
        self.assertFails(job(self.input, self.output), "motion2 is string")
        self.write("b.parquet", self.rows[:5], score=[1.0] * 5)
        self.assertFails(job(self.input, self.output), "has a column score already")
        self.assertFails(job("--features", "adm2,motion2", self.input, self.output), "6 features, and 2")
        (self.input / "b.parquet").write_bytes(b"PAR1 and no more")
        self.assertFails(job(self.input, self.output), "b.parquet: ")

    def test_a_file_that_breaks_on_the_way_leaves_nothing(self):
        path = self.write("b.parquet", many_rows(50_000))
        data = bytearray(path.read_bytes())
        for at in range(len(data) // 2, len(data) // 2 + 4000):
            data[at] ^= 0x5A
        path.write_bytes(data)
        for engine in ("arrow", "duckdb", "polars"):
            self.output = self.folder / engine
            done = job("--engine", engine, self.input, self.output)
            if done.returncode == 0:
                continue  # the engine read the damaged pages as values: nothing is half-written either
            self.assertFails(done, "b.parquet")
            self.assertEqual(self.there(), ["a.parquet"])

    def test_nulls_doubles_and_no_rows(self):
        table = pa.table({n: pa.array([None if i == 3 else 0.5, 1, 0.25], pa.float64()) for i, n in enumerate(NAMES)})
        pq.write_table(table, self.input / "a.parquet")
        pq.write_table(table.slice(0, 0), self.input / "b.parquet")
        for engine in ("arrow", "duckdb", "polars"):
            self.output = self.folder / engine
            self.assertEqual(job("--engine", engine, self.input, self.output).returncode, 0)
            got = self.scores("a.parquet")
            self.assertTrue(np.isnan(got[0]) and not np.isnan(got[1:]).any())
            self.assertEqual(len(self.scores("b.parquet")), 0)

    def test_a_folder_that_is_not_writable(self):
        if os.geteuid() == 0:
            self.assertFails(job(self.input, "/proc/out"), "proc")
        else:
            self.folder.joinpath("out").mkdir(mode=0o500)
            self.assertFails(job(self.input, self.output), "denied")

    def test_two_jobs_on_one_folder(self):
        import fcntl
        self.output.mkdir()
        with open(self.output / ".tinymlp.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertFails(job(self.input, self.output), "another job writes here")

    def test_wrong_usage_and_models(self):
        self.assertFails(job(self.input), "required", 2)
        self.assertFails(job("--engine", "abacus", self.input, self.output), "abacus", 2)
        self.assertFails(job("--threads", "0", self.input, self.output), "threads", 2)
        self.assertFails(job("--model", "mlp_smal", self.input, self.output), "mlp_small")
        self.assertFails(job("--model", self.input / "a.parquet", self.input, self.output), "a.parquet: byte")
        self.assertFails(job(self.folder / "nowhere", self.output), "no such file")

    def test_the_manifest_tells_the_model(self):
        self.assertEqual(job(self.input, self.output).returncode, 0)
        told = json.loads((self.output / "_tinymlp.json").read_text())
        self.assertEqual(told["model_sha256"], tinymlp.load("mlp_small").sha256)
        self.assertEqual(sorted(told["files"]), ["a.parquet", "b.parquet"])
        (self.output / "_tinymlp.json").write_text("{")
        self.assertFails(job(self.input, self.output), "not readable")


if __name__ == "__main__":
    unittest.main()
