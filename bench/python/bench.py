#!/usr/bin/env python3
"""Measures the Python package beside the C++ call and ONNX Runtime, in one run, and writes the section
"In Python, in tables and on clusters" of bench/README.md.

    bench/python/bench.py --rows 100000000 --folder /tmp/bench --readme bench/README.md

Run it with the Python of tests/python/run --long (.venv/python/bin/python). `--only calls,parquet,spark`
measures a part.
"""
import argparse
import contextlib
import ctypes
import functools
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Iterator, Tuple

import numpy as np

import tinymlp

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))
MARKS = "<!-- python: written by bench/python/bench.py -->", "<!-- end of python -->"
NETWORKS = ("mlp_small", "mlp_medium", "mlp_large", "mlp_large.int8")
CORES = len(os.sched_getaffinity(0))


def session_of(model):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def cpp_calls(folder):
    library = folder / "calls.so"
    subprocess.run(["g++", "-std=c++20", "-O2", "-shared", "-fPIC", f"-I{ROOT / 'include'}",
                    pathlib.Path(__file__).with_name("calls.cpp"), "-o", library], check=True)
    calls = ctypes.CDLL(str(library))
    for name in NETWORKS:
        rows, batch = (getattr(calls, f"{name.replace('.', '_')}_{what}") for what in ("rows", "batch"))
        rows.restype = batch.restype = ctypes.c_double
        rows.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        batch.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    return calls


def timed(call, repeats):
    start = time.perf_counter_ns()
    for _ in range(repeats):
        call()
    return (time.perf_counter_ns() - start) / repeats


def measure_calls(folder, rounds=60):
    """The least of many short turns each, for other work on the machine only adds."""
    from shared import real_rows
    calls = cpp_calls(folder)
    rows = np.concatenate([real_rows()] * 3)[:4096].copy()
    found = {}
    for name in NETWORKS:
        net = tinymlp.load(name)
        session = session_of(net.model)
        cpp_rows, cpp_batch = (getattr(calls, f"{name.replace('.', '_')}_{what}") for what in ("rows", "batch"))
        out, one, pair = np.empty(4096, np.float32), rows[5].copy(), rows[5:6].copy()
        least = {}

        def note(key, ns):
            least[key] = min(ns, least.get(key, ns))
        for _ in range(rounds):
            note("cpp_row", cpp_rows(rows.ctypes.data, 4096))
            note("row", timed(lambda: net(one), 4000))
            note("onnxruntime_row", timed(lambda: session.run(None, {"features": pair}), 100))
            note("cpp_batch", cpp_batch(rows.ctypes.data, out.ctypes.data, 4096, 10))
            note("batch", timed(lambda: net(rows, out=out), 10) / 4096)
            note("onnxruntime_batch", timed(lambda: session.run(None, {"features": rows}), 3) / 4096)
        note("lambda", timed(lambda: None, 100000))
        found[name] = least
    return found


def make_rows(folder, rows, files=10):
    from shared import many_rows
    import pyarrow as pa
    import pyarrow.parquet as pq
    target = folder / f"rows_{rows}"
    if target.exists():
        return target
    part = folder / f"rows_{rows}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    block = 1_000_000
    for number in range(files):
        count, schema = rows // files, None
        with contextlib.ExitStack() as stack:
            for begin in range(0, count, block):
                x = many_rows(min(block, count - begin), seed=1000 * number + begin // block)
                at = number * count + begin
                table = pa.table({"frame": np.arange(at, at + len(x)),
                                  **{n: x[:, i] for i, n in enumerate(tinymlp.VMAF_FEATURES)}})
                if schema is None:
                    schema = table.schema
                    writer = stack.enter_context(pq.ParquetWriter(part / f"{number:03}.parquet", schema))
                writer.write_table(table, row_group_size=122_880)
    part.rename(target)
    return target


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def score_with_pandas(arguments):
    """pandas_udf's way with ONNX Runtime: batches of 10,000 rows become pandas' Series, and a Series
    comes back."""
    import pandas
    import pyarrow as pa
    import pyarrow.parquet as pq
    source, target, model = arguments
    session = session_of(model)
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow.append(pa.field("score", pa.float32()))
        with pq.ParquetWriter(target, schema) as writer:
            for large in file.iter_batches(122_880):
                scores = []
                for begin in range(0, len(large), 10_000):
                    frame = large.slice(begin, 10_000).select(list(tinymlp.VMAF_FEATURES)).to_pandas()
                    x = frame.to_numpy(np.float32)
                    scores.append(pandas.Series(session.run(None, {"features": np.ascontiguousarray(x)})[0]))
                column = pa.array(pandas.concat(scores, ignore_index=True), pa.float32())
                writer.write_batch(pa.RecordBatch.from_arrays([*large.columns, column], schema=schema))


def measure_parquet(folder, rows, turns=1):
    """Seconds, the least of as many turns, in which all of them alternate."""
    import concurrent.futures
    import duckdb
    from tinymlp import job
    source, found, in_spark = make_rows(folder, rows), {"rows": rows, "turns": turns}, []
    net = tinymlp.load("mlp_medium")
    task = job.Task(net, net.feature_names, "score", CORES)
    output = folder / "scored"

    def run(engine):
        shutil.rmtree(output, ignore_errors=True)
        job.run(task, engine, [str(source)], output)

    def copy():
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        for path in sorted(source.iterdir()):
            with duckdb.connect(config={"threads": CORES}) as con:
                con.execute(f"copy (select *, adm2 as score from read_parquet('{path}')) to '{output / path.name}' (format parquet)")

    def pandas_and_onnxruntime():
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        with concurrent.futures.ProcessPoolExecutor(CORES) as pool:
            list(pool.map(score_with_pandas, [(str(p), str(output / p.name), net.model) for p in sorted(source.iterdir())]))

    def spark_pandas_udf():
        import warnings
        warnings.simplefilter("ignore")
        shutil.rmtree(output, ignore_errors=True)
        import pandas
        from pyspark.sql import SparkSession
        from pyspark.sql.functions import pandas_udf
        spark = (SparkSession.builder.master(f"local[{CORES}]").config("spark.ui.enabled", "false")
                 .config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "4g").getOrCreate())
        spark.sparkContext.setLogLevel("OFF")
        model = net.model

        @pandas_udf("float")
        def vmaf(batches: Iterator[Tuple[pandas.Series, ...]]) -> Iterator[pandas.Series]:
            session = session_of(model)
            for columns in batches:
                x = np.column_stack([c.to_numpy(np.float32) for c in columns])
                yield pandas.Series(session.run(None, {"features": x})[0])
        frame = spark.read.parquet(str(source))
        start = time.perf_counter()
        frame.withColumn("score", vmaf(*tinymlp.VMAF_FEATURES)).write.parquet(str(output))
        in_spark.append(time.perf_counter() - start)
        spark.stop()

    ways = {"copy": copy, "pandas_onnxruntime": pandas_and_onnxruntime, "spark_pandas_udf": spark_pandas_udf,
            **{engine: functools.partial(run, engine) for engine in ("duckdb", "arrow", "polars")}}
    for _ in range(turns):
        for key, way in ways.items():
            spent = seconds(way)
            if key == "spark_pandas_udf":
                spent = in_spark[-1]  # without the start of its machine
            found[key] = min(spent, found.get(key, spent))
    with counted(found):
        run("duckdb")
    shutil.rmtree(output, ignore_errors=True)
    return found


@contextlib.contextmanager
def counted(found):
    """Processor time of the process, and the part of it that is spent in the engine."""
    from tinymlp import _engine
    spent, original = [], _engine.score_columns

    def score_columns(*arguments):
        start = time.thread_time()
        try:
            return original(*arguments)
        finally:
            spent.append(time.thread_time() - start)
    _engine.score_columns = score_columns
    start = time.process_time()
    try:
        yield
    finally:
        _engine.score_columns = original
        found["processor_seconds"] = time.process_time() - start
        found["scoring"] = sum(spent)


def measure_spark(folder, largest):
    """A cluster of a master and two workers with one core each, on loopback."""
    import warnings
    warnings.simplefilter("ignore")
    from pyspark.sql import SparkSession
    from spark_test import Cluster
    import tinymlp.spark
    found = {}
    with tempfile.TemporaryDirectory() as logs:
        cluster = Cluster(pathlib.Path(logs))
        try:
            spark = (SparkSession.builder.master(cluster.url).config("spark.ui.enabled", "false")
                     .config("spark.ui.showConsoleProgress", "false").config("spark.driver.host", "127.0.0.1")
                     .config("spark.executor.memory", "900m").getOrCreate())
            spark.sparkContext.setLogLevel("OFF")
            net = tinymlp.load("mlp_medium")

            def score(rows, scored=True):
                frame = spark.read.parquet(str(make_rows(folder, rows)))
                if scored:
                    frame = tinymlp.spark.score(frame, net)
                return seconds(lambda: frame.write.format("noop").mode("overwrite").save())
            score(1_000_000)  # starts the workers' Python
            for rows in (1_000_000, 10_000_000, 100_000_000):
                if rows <= largest:
                    found[str(rows)] = {"scored": score(rows), "read": score(rows, False)}
            tasks = 2000
            spark.range(0, tasks, 1, tasks).write.format("noop").mode("overwrite").save()
            found["task_ms"] = 1000 / tasks * seconds(
                lambda: spark.range(0, tasks, 1, tasks).write.format("noop").mode("overwrite").save())
            spark.stop()
        finally:
            cluster.stop()
    return found


def arithmetic(spark, bytes_of_a_row, network_ns):
    """What a larger cluster would do, from what was measured."""
    sizes = sorted(int(rows) for rows in spark if rows.isdigit())[-2:]
    times = [spark[str(rows)]["scored"] for rows in sizes]
    slope = (times[1] - times[0]) / (sizes[1] - sizes[0])
    fixed = max(0.0, times[0] - slope * sizes[0])
    core, task, cores = 2 * slope, spark["task_ms"] / 1000, 1000
    each = cores / core
    needed = cores * task / core
    return f"""**A thousand cores.** Arithmetic, from the numbers above, not measured. Between {sizes[0] // 10**6} and {sizes[1] // 10**6} million rows the two
workers take {1e9 * slope:.0f} ns for each further row, and {fixed:.1f} s besides; a core so spends c = {1e9 * core:.0f} ns on a row, of which the
network is {network_ns:.0f} ns: what costs is Parquet to columns, columns through a socket to Python, and back.
Nothing in it is shared between tasks but the model, some kilobytes broadcast once. So:

- {cores:,} cores would score {cores:,} / c = {each / 1e6:,.0f} million rows a second: ten thousand million rows in {1e10 / each:.0f} s, and the
  fixed {fixed:.1f} s.
- At {bytes_of_a_row:.0f} bytes a row in Parquet they read {each * bytes_of_a_row / 1e9:.1f} GB a second together, {each * bytes_of_a_row / cores / 1e6:.0f} MB each. Storage that gives less than that is
  the first limit.
- A task that does nothing took t = {1000 * task:.1f} ms here, driver and executors together; the driver's part is less. A driver that
  spends all of t on each task starts 1/t = {1 / task:,.0f} a second, and keeps {cores:,} cores busy only with tasks longer than
  {cores:,} t = {cores * task:.1f} s, which is {needed / 1e6:.1f} million rows a task. With Spark's usual 128 MB of Parquet to a task, {128e6 / bytes_of_a_row / 1e6:.1f} million
  rows or {128e6 / bytes_of_a_row * core:.1f} s, it stops scaling at {128e6 / bytes_of_a_row * core / task:,.0f} cores; larger tasks, or a second driver, move that.
- Fewer rows than cores times rows of a task leave cores idle: {cores:,} cores want {cores * 128e6 / bytes_of_a_row / 1e6:,.0f} million rows or more of such tasks."""


def rate(rows, spent):
    return f"{rows / spent / 1e6:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def section(found):
    parts = []
    if calls := found.get("calls"):
        rows = []
        for name, ns in calls.items():
            over = ns["row"] - ns["cpp_row"]
            rows.append([name, f"{ns['row']:.0f}", f"{ns['cpp_row']:.0f}", f"{over:.0f}",
                         f"{ns['onnxruntime_row'] / ns['row']:.0f}x", f"{ns['batch']:.2f}",
                         f"{ns['batch'] / ns['cpp_batch']:.3f}x", f"{ns['onnxruntime_batch'] / ns['batch']:.1f}x"])
        parts.append("**A call.** `net(row)`, and `net(rows, out=scores)` with 4,096 rows, beside the C++ calls in the\n"
                     "same process and ONNX Runtime's `session.run` in Python, all of one thread; the least of many turns.\n\n" +
                     table(["", "one row, ns", "C++, ns", "Python adds, ns", "onnxruntime", "batch, ns a row", "C++", "onnxruntime"], rows))
    for job in (found.get("parquet_short"), found.get("parquet")):
        if job is None:
            continue
        rows = job["rows"]
        names = {"duckdb": "`tinymlp-score --engine duckdb`", "arrow": "`--engine arrow`", "polars": "`--engine polars`",
                 "pandas_onnxruntime": "pandas and onnxruntime, a process a core",
                 "spark_pandas_udf": "Spark's `pandas_udf` with onnxruntime", "copy": "DuckDB, a copy without scoring"}
        lines = [[text, f"{job[key]:.1f}", rate(rows, job[key]), f"{job[key] / job['duckdb']:.2f}x"] for key, text in names.items() if key in job]
        turns = job.get("turns", 1)
        parts.append(f"**Parquet to Parquet.** {rows:,} rows of six features through mlp_medium, {CORES} cores; "
                     f"{'one turn each, one after the other' if turns == 1 else f'the least of {turns} turns in alternation'}.\n"
                     f"With DuckDB, scoring (columns to rows and the network) takes {job['scoring']:.2f} s of "
                     f"{job['processor_seconds']:.1f} s of the processors: {100 * job['scoring'] / job['processor_seconds']:.1f} %.\n\n" +
                     table(["", "seconds", "M rows/s", "over duckdb's time"], lines))
    if spark := found.get("spark"):
        lines = [[f"{int(rows):,}", f"{t['scored']:.1f}", f"{1e9 * t['scored'] / int(rows):.0f}", f"{t['read']:.1f}"]
                 for rows, t in spark.items() if rows.isdigit()]
        parts.append("**Spark.** `tinymlp.spark.score` on a master and two workers of one core each, read from Parquet, results\n"
                     "thrown away; mlp_medium. A task that does nothing takes " + f"{spark['task_ms']:.1f} ms, driver, executor and all.\n\n" +
                     table(["rows", "seconds", "ns a row", "read only, seconds"], lines))
        if len(lines) > 1 and "calls" in found:
            parts.append(arithmetic(spark, found["bytes_of_a_row"], found["calls"]["mlp_medium"]["batch"]))
    parts.append(f"{found['machine']}; {found['versions']}. {found['load']}")
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--folder", type=pathlib.Path, help="for rows and scores: 6 GB for 100,000,000 rows")
    parser.add_argument("--only", default="calls,parquet,spark")
    parser.add_argument("--results", type=pathlib.Path, help="JSON; parts of an earlier run stay in it (--only '' measures none)")
    parser.add_argument("--readme", type=pathlib.Path)
    given = parser.parse_args()
    import duckdb
    import onnxruntime
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    found = {"machine": next((line.partition(": ")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                             platform.machine()),
             "versions": f"CPython {platform.python_version()}, NumPy {np.__version__}, onnxruntime {onnxruntime.__version__}, "
                         f"duckdb {duckdb.__version__}",
             "load": f"Other work on the machine when it began: load {os.getloadavg()[0]:.1f}."}
    parts = given.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if "calls" in parts:
            found["calls"] = measure_calls(folder)
        if "parquet" in parts:
            found["parquet_short"] = measure_parquet(folder, min(given.rows, 10_000_000), turns=3)
            if given.rows > 10_000_000:
                found["parquet"] = measure_parquet(folder, given.rows)
        if "spark" in parts:
            found["spark"] = measure_spark(folder, given.rows)
            found["bytes_of_a_row"] = sum(p.stat().st_size for p in make_rows(folder, 1_000_000).iterdir()) / 1e6
    if given.results and given.results.exists():
        before = json.loads(given.results.read_text("utf-8"))
        found = {**before, **found} if given.only else before
    if given.results and given.only:
        given.results.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(section(found))
    if given.readme:
        text = given.readme.read_text("utf-8")
        before, rest = text.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        given.readme.write_text(f"{before}{MARKS[0]}\n\n{section(found)}\n\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
