"""On a real standalone cluster of Spark: one master and two workers on loopback, started and stopped
here. Part of the long form (tests/python/run --long)."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import tinymlp
from onnx_files import mlp
from shared import IS_LONG, cpp_scores, many_rows, same_bits

try:
    import pyspark
except ImportError:
    pyspark = None

NAMES = tinymlp.VMAF_FEATURES
ROWS = 1_000_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Processes of a master and its workers, each with its children a process group of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.home = pathlib.Path(pyspark.__file__).parent
        self.environment = {**os.environ, "SPARK_HOME": str(self.home), "SPARK_LOCAL_IP": "127.0.0.1",
                            "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable,
                            "SPARK_WORKER_OPTS": "-Dspark.worker.timeout=10"}
        self.url = f"spark://127.0.0.1:{free_port()}"
        self.master = self.start("master.Master", "--host", "127.0.0.1", "--port", self.url.rpartition(":")[2],
                                 "--webui-port", "0")
        self.wait("master.Master", "I have been elected leader")
        self.workers = [self.add_worker(i) for i in range(2)]
        for i in range(2):
            self.wait(f"worker{i}", "Successfully registered")

    def start(self, name, *arguments, log=None):
        with open(self.folder / (log or name), "wb") as output:
            return subprocess.Popen([self.home / "bin/spark-class", f"org.apache.spark.deploy.{name}", *arguments],
                                    env=self.environment, stdout=output, stderr=output, start_new_session=True)

    def add_worker(self, number):
        return self.start("worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0",
                          "--work-dir", str(self.folder / f"work{number}"), self.url, log=f"worker{number}")

    def wait(self, log, words, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                if words in (self.folder / log).read_text("utf-8", "replace"):
                    return
            time.sleep(0.1)
        raise AssertionError(f"{log} does not say {words!r}:\n" + (self.folder / log).read_text("utf-8", "replace")[-2000:])

    def kill_worker(self, number):
        """The worker and its executors, at once."""
        os.killpg(self.workers[number].pid, signal.SIGKILL)
        self.workers[number].wait()

    def stop(self):
        for process in (*self.workers, self.master):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for process in (*self.workers, self.master):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@unittest.skipUnless(IS_LONG, "needs the long form: tests/python/run --long")
@unittest.skipUnless(pyspark and shutil.which("java"), "pyspark and java are not installed")
class OnACluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import warnings
        warnings.simplefilter("ignore", ResourceWarning)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.cluster = Cluster(cls.folder)
        cls.addClassCleanup(lambda: cls.cluster.stop())
        from pyspark.sql import SparkSession
        os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
        cls.spark = (SparkSession.builder.master(cls.cluster.url).appName("tests")
                     .config("spark.executor.memory", "800m").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
                     .config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "4")
                     .config("spark.sql.files.maxPartitionBytes", "1m").getOrCreate())
        cls.spark.sparkContext.setLogLevel("OFF")
        cls.addClassCleanup(cls.spark.stop)
        cls.rows = many_rows(ROWS)
        cls.rows[::1001, 3] = np.nan
        cls.input = cls.folder / "rows.parquet"
        pq.write_table(pa.table({"row": np.arange(ROWS), **{n: cls.rows[:, i] for i, n in enumerate(NAMES)}}), cls.input,
                       row_group_size=20_000)
        cls.net = tinymlp.load("mlp_medium")
        with tempfile.TemporaryDirectory() as scratch:
            cls.wanted = cpp_scores(cls.net.model, cls.rows, scratch)

    def frame(self):
        return self.spark.read.parquet(str(self.input))

    def test_1_the_bits_of_the_cpp_call_on_a_million_rows(self):
        import tinymlp.spark
        scored = tinymlp.spark.score(self.frame(), self.net)
        self.assertEqual(scored.dtypes[-1], ("score", "float"))
        table = scored.select("row", "score").toArrow().sort_by("row")
        self.assertEqual(table["row"].to_pylist(), list(range(ROWS)))
        got = table["score"].to_numpy()
        same = (got.view(np.uint32) == self.wanted.view(np.uint32)) | (np.isnan(got) & np.isnan(self.wanted))
        self.assertTrue(same.all())

    def test_2_what_is_refused_where_the_query_is_made(self):
        import tinymlp.spark
        from pyspark.sql import functions as F
        frame = self.frame()
        for error, words, make in (
                (ValueError, "no column motion2", lambda: tinymlp.spark.score(frame.drop("motion2"), "mlp_small")),
                (ValueError, "6 features, and 2", lambda: tinymlp.spark.score(frame, "mlp_small", ["adm2", "motion2"])),
                (TypeError, "adm2 is of type string",
                 lambda: tinymlp.spark.score(frame.withColumn("adm2", F.lit("x")), "mlp_small")),
                (ValueError, "column score already",
                 lambda: tinymlp.spark.score(frame.withColumn("score", F.lit(1.0)), "mlp_small")),
                (tinymlp.Error, "truncated|bytes end", lambda: tinymlp.spark.score(frame, self.net.model[:-9]))):
            with self.assertRaisesRegex(error, words):
                make()

    def test_3_a_model_that_is_another_on_the_executor(self):
        import tinymlp.spark
        scored = tinymlp.spark.score(self.frame().limit(10), self.net)
        other = tinymlp.spark._Task(self.spark.sparkContext.broadcast((tinymlp.load("mlp_small").model, {})),
                                    tinymlp.load("mlp_large").sha256, "vmaf", "x", list(NAMES), "score")
        with self.assertRaisesRegex(Exception, "the model that reached this executor has the SHA-256"):
            self.frame().limit(10).mapInArrow(other, scored.schema).collect()
        broken = self.net.model[:-9]
        import hashlib
        refused = tinymlp.spark._Task(self.spark.sparkContext.broadcast((broken, {})), hashlib.sha256(broken).hexdigest(),
                                      "vmaf", "broken.onnx", list(NAMES), "score")
        with self.assertRaisesRegex(Exception, "broken.onnx: byte"):
            self.frame().limit(10).mapInArrow(refused, scored.schema).collect()
        refused.version = "0.0.1"
        with self.assertRaisesRegex(Exception, "tinymlp is 0.0.1 where the query was made"):
            self.frame().limit(10).mapInArrow(refused, scored.schema).collect()
        self.assertEqual(len(scored.collect()), 10)

    def test_4_lists_nulls_and_two_versions_of_a_model(self):
        import tinymlp.spark
        policy = tinymlp.load(mlp([2, 5, 3]))
        scored = tinymlp.spark.score(self.frame().limit(100), policy, ["adm2", "motion2"], column="p")
        rows = scored.orderBy("row").collect()
        wanted = policy(np.array([[r["adm2"], r["motion2"]] for r in rows], np.float32))
        self.assertTrue(same_bits(np.array([r["p"] for r in rows], np.float32), wanted))
        both = tinymlp.spark.score(tinymlp.spark.score(self.frame().limit(50), "mlp_small", column="a"), "mlp_small_4k",
                                   column="b").collect()
        x = np.array([[r[n] for n in NAMES] for r in both], np.float32)
        for name, column in (("mlp_small", "a"), ("mlp_small_4k", "b")):
            wanted = tinymlp.load(name)(x)
            got = np.array([r[column] for r in both], np.float32)
            self.assertTrue(((got == wanted) | (np.isnan(got) & np.isnan(wanted))).all())

    def test_5_the_job(self):
        from tinymlp import job
        folder = self.folder / "in"
        folder.mkdir()
        pq.write_table(pq.read_table(self.input).slice(0, 5000), folder / "a.parquet")
        task = job.Task(self.net, NAMES, "score", 1)
        self.assertEqual(job.run(task, "spark", [str(folder)], self.folder / "out"), 1)
        self.assertEqual(job.run(task, "spark", [str(folder)], self.folder / "out"), 0)
        table = pq.read_table(self.folder / "out" / "a.parquet").sort_by("row")
        self.assertTrue(same_bits(table["score"].to_numpy()[1:1000], self.wanted[1:1000]))

    def test_9_a_worker_killed_in_the_middle(self):
        import tinymlp.spark
        target, killed = self.folder / "scored", self.folder / "killed"
        parts, free = 200, 60  # the others wait until a worker was killed
        tracker = self.spark.sparkContext.statusTracker()
        failures = []

        def held(batches):
            import os
            import time
            from pyspark import TaskContext
            end = time.monotonic() + 100
            while TaskContext.get().partitionId() >= free and not os.path.exists(str(killed)) and time.monotonic() < end:
                time.sleep(0.05)
            yield from batches

        def write():
            try:
                frame = self.frame().repartition(parts)
                frame = frame.mapInArrow(held, frame.schema)
                tinymlp.spark.score(frame, self.net).write.parquet(str(target))
            except Exception as why:  # told by the main thread
                failures.append(why)

        def done_tasks():
            stages = (tracker.getStageInfo(s) for s in tracker.getActiveStageIds())
            return max((s.numCompletedTasks for s in stages if s and s.numTasks == parts), default=0)

        writer = threading.Thread(target=write)
        writer.start()
        finished, end = 0, time.monotonic() + 90
        while writer.is_alive() and finished < 20 and time.monotonic() < end:
            finished = done_tasks()
            time.sleep(0.05)
        self.cluster.kill_worker(0)
        killed.touch()
        writer.join(180)
        self.assertFalse(writer.is_alive(), "the job does not end")
        self.assertEqual(failures, [])
        self.assertTrue(20 <= finished <= free, f"{finished} of {parts} parts were done when the worker was killed")
        table = pq.read_table(target).sort_by("row")
        self.assertEqual(table["row"].to_pylist(), list(range(ROWS)))
        got = table["score"].to_numpy()
        same = (got.view(np.uint32) == self.wanted.view(np.uint32)) | (np.isnan(got) & np.isnan(self.wanted))
        self.assertTrue(same.all())


if __name__ == "__main__":
    unittest.main()
