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
from unittest import mock

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
        for i in range(24):
            self.write(f"many{i:02}.parquet", many_rows(40_000, seed=i))
        with subprocess.Popen([sys.executable, "-m", "tinymlp.job", self.input, self.output],
                              stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "many" in line:
                    process.send_signal(signal.SIGKILL)
                    break
        whole = [p for p in self.output.glob("*.parquet") if not p.name.startswith(".")]
        self.assertTrue(3 <= len(whole) < 26)
        for path in whole:
            self.assertEqual(pq.read_metadata(path).num_rows, pq.read_metadata(self.input / path.name).num_rows)
        self.assertEqual(job(self.input, self.output).returncode, 0)
        self.assertEqual(len(self.there()), 26)
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
        page = pq.read_metadata(path).row_group(40).column(3).data_page_offset
        data = bytearray(path.read_bytes())
        data[page:page + 40] = b"\xff" * 40  # the header of a page of the 41st of 72 row groups
        path.write_bytes(data)
        with self.assertRaises(Exception):
            pq.read_table(path)
        for engine in ("arrow", "duckdb", "polars"):
            with self.subTest(engine):
                self.output = self.folder / engine
                done = job("--engine", engine, self.input, self.output)
                self.assertFails(done, "b.parquet: ")
                self.assertEqual(self.there(), ["a.parquet"])
                self.assertTrue(same_bits(self.scores("a.parquet"), tinymlp.load("mlp_small")(self.rows[:1000])))
        (self.input / "b.parquet").unlink()
        self.assertRegex(job(self.input, self.output).stderr, "a.parquet: there already")

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
        self.assertFails(job("--output-name", "x", self.input, self.output), r"x\); name an output.*\(--output-name\)$")
        self.assertFails(job(self.folder / "nowhere", self.output), "no such file")
        (self.folder / "file").write_text("")
        self.assertFails(job(self.input, self.folder / "file"), "file: is a file; the output is a folder")

    def test_the_manifest_tells_the_model(self):
        self.assertEqual(job(self.input, self.output).returncode, 0)
        first, *steps = map(json.loads, (self.output / "_tinymlp.jsonl").read_text().splitlines())
        self.assertEqual(first["model_sha256"], tinymlp.load("mlp_small").sha256)
        whole = {step["file"]: (step["bytes"], step["mtime_ns"]) for step in steps if "bytes" in step}
        stamps = {n: (s.st_size, s.st_mtime_ns) for n in ("a.parquet", "b.parquet") for s in [(self.input / n).stat()]}
        self.assertEqual(whole, stamps)
        for text in ("{", "{\n", "[]\n", '{"files": {}}\n', json.dumps(first) + "\n7\n"):
            (self.output / "_tinymlp.jsonl").write_text(text)
            self.assertFails(job(self.input, self.output), "_tinymlp.jsonl: not readable.*--overwrite")
        self.assertEqual(job("--overwrite", "--quiet", self.input, self.output).returncode, 0)

    def test_a_line_that_was_cut_off_is_done_again(self):
        self.assertEqual(job(self.input, self.output).returncode, 0)
        path = self.output / "_tinymlp.jsonl"
        text = path.read_text()
        last = text.splitlines(keepends=True)[-1]
        for length in range(len(last)):
            path.write_text(text.removesuffix(last) + last[:length])
            with self.manifest() as manifest:
                self.assertEqual({n: bool(s) for n, s in manifest.files.items()}, {"a.parquet": True, "b.parquet": False})
            self.assertEqual(len(path.read_text().splitlines()), 3)
        done = job(self.input, self.output)
        self.assertRegex(done.stderr, "a.parquet: there already")
        self.assertRegex(done.stderr, "b.parquet: 2,000 rows")

    def manifest(self):
        from tinymlp.job import Manifest, Task
        return Manifest(self.output, Task(tinymlp.load("mlp_small"), NAMES, "score", 1), False)

    def test_a_file_more_costs_the_same_however_many_there_are(self):
        from tinymlp.job import Item
        self.output.mkdir()
        item = Item(self.input / "a.parquet", "a.parquet")
        written = []
        with self.manifest() as manifest, mock.patch.object(os, "fsync"):
            for i in range(3000):
                manifest.begin([f"{i:04}.parquet"])
                manifest.add({f"{i:04}.parquet": item.stamp()})
                written.append(manifest.path.stat().st_size)
            inode = manifest.path.stat().st_ino
        grown = set(np.diff(written))
        self.assertEqual(len(grown), 1, "bytes that each file adds")
        self.assertLess(grown.pop(), 200)
        self.assertEqual(inode, (self.output / "_tinymlp.jsonl").stat().st_ino)
        with self.manifest() as manifest:
            self.assertEqual(len(manifest.files), 3000)

    def test_killed_before_every_step_on_the_disk(self):
        """A process forks a job for each step, kills it there, lines half written included, and goes on with another:
        all is there once, and what was whole is not done again."""
        self.write("a.parquet", self.rows[:30])
        self.write("b.parquet", self.rows[30:50])
        done = subprocess.run([sys.executable, "-c", KILLED, self.input, self.output], capture_output=True, text=True,
                              timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        steps, resumed = map(int, done.stdout.split())
        self.assertGreater(steps, 20)
        self.assertGreater(resumed, 5, "jobs that found a file whole")
        wanted = tinymlp.load("mlp_small")(self.rows[:50])
        self.assertTrue(same_bits(np.concatenate([self.scores("a.parquet"), self.scores("b.parquet")]), wanted))


#: Arguments: the inputs' folder, the output's. Second, where the scores of other inputs are replaced.
KILLED = """
import os, pathlib, shutil, signal, sys
import numpy as np
import pyarrow.parquet as pq
import tinymlp
from tinymlp import _columns, job
source, output = map(pathlib.Path, sys.argv[1:])
os.fsync, os.sync = lambda descriptor: None, lambda: None  # a kill of the process does not need it, and it takes most of the time
net = tinymlp.load("mlp_small")
task = job.Task(net, tinymlp.VMAF_FEATURES, "score", 1)
inputs = sorted(source.glob("*.parquet"))

def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as why:
            print(why, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def killed_at(last, together):
    if together:  # wait for each other until the end
        job.Placing.add = lambda placing, scored: placing.waiting.append(scored)
    left = last
    def step(real, name):
        def call(*arguments):
            nonlocal left
            left -= 1
            if left == 0:
                if name == "write":
                    real(arguments[0], arguments[1][:len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)
        return call
    for name in ("fsync", "sync", "replace", "write"):
        setattr(os, name, step(getattr(os, name), name))
    job.run(task, "arrow", [str(source)], output)

def check():
    for path in inputs:
        table = pq.ParquetFile(output / path.name).read()
        rows = np.stack([table[n].to_numpy() for n in tinymlp.VMAF_FEATURES], axis=1)
        assert table.drop(["score"]).equals(pq.ParquetFile(path).read()), path
        assert (table["score"].to_numpy() == net(np.ascontiguousarray(rows))).all(), path
    left = [p.name for p in output.rglob("*") if p.name.endswith(job.PART)]
    assert not left, left

def go_on():
    whole = 2 - job.run(task, "arrow", [str(source)], output)
    check()
    whole_again = job.run(task, "arrow", [str(source)], output)
    assert whole_again == 0
    os.write(told, bytes([whole]))

pq.ParquetFile(inputs[0]).read()["adm2"].to_numpy()  # imports pandas where it is, before all the children do
before = output.with_name("before")
contents = [path.read_bytes() for path in inputs]
for path, other in zip(inputs, reversed(contents)):
    path.write_bytes(other)
assert in_child(lambda: job.run(task, "arrow", [str(source)], before)) == 0
for path, content in zip(inputs, contents):
    path.write_bytes(content)
taken, told = os.pipe()
steps = resumed = 0
for replaced, together in ((False, False), (True, False), (True, True)):
    last = 0
    while True:
        last += 1
        shutil.rmtree(output, ignore_errors=True)
        if replaced:  # scores of other inputs lie there
            assert in_child(lambda: job.run(task, "arrow", [str(source)], output)) == 0
            for path in inputs:
                os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
        status = in_child(lambda: killed_at(last, together))
        if status == 0:
            break
        assert status == -signal.SIGKILL, status
        assert in_child(go_on) == 0, (last, replaced, together)
        resumed += os.read(taken, 1)[0] > 0
        steps += 1
print(steps, resumed)
"""


if __name__ == "__main__":
    unittest.main()
