"""tinymlp-score: from Parquet to Parquet, a column of scores added.

    tinymlp-score --model mlp_small features/ scored/
    python -m tinymlp.job --engine duckdb --model policy.onnx --features x0,x1,x2 part-*.parquet scored/

Each file is written beside its place and renamed into it when it is whole. A job that was stopped goes
on with the files that are missing, or have changed; `_tinymlp.json` in the output's folder tells which
model they were scored by, and scores of another are not mixed with them.
"""
from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence

from ._errors import Error
from .network import Network, cores, load

MANIFEST = "_tinymlp.json"
LOCK = ".tinymlp.lock"
PART = ".tinymlp-part"


class JobError(Exception):
    """The job cannot be done; the text says why."""


@dataclass(frozen=True)
class Task:
    """What is done to each file."""

    network: Network
    features: tuple[str, ...]
    column: str
    threads: int

    def identity(self) -> dict[str, Any]:
        """What scores depend on; kept in the manifest."""
        return {"model_sha256": self.network.identity, "output": self.network.output_name,
                "features": list(self.features), "column": self.column}


@dataclass(frozen=True)
class Item:
    """A file, and its name below the output's folder."""

    source: pathlib.Path
    name: str

    def stamp(self) -> dict[str, int]:
        status = self.source.stat()
        return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """The same, the next one read meanwhile."""
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def _with_arrow(task: Task, source: pathlib.Path, target: pathlib.Path, told: Callable[[int], None]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ._columns import as_column, column_type

    kind = column_type(task.network)
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow.append(pa.field(task.column, kind))
        # a dictionary of numbers costs a third of the time, and mostly is given up
        repeated = [f.name for f in schema if not (pa.types.is_floating(f.type) or pa.types.is_nested(f.type))]
        with pq.ParquetWriter(target, schema, use_dictionary=repeated) as writer:
            for batch in _ahead(file.iter_batches(1 << 18)):
                scores = as_column(task.network, task.network.score_columns(batch, task.features, threads=task.threads))
                writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, scores], schema=schema))
                told(len(batch))


def _with_duckdb(task: Task, source: pathlib.Path, target: pathlib.Path, told: Callable[[int], None]) -> None:
    import duckdb

    from . import duckdb as functions

    def identifier(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    def literal(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    with duckdb.connect(config={"threads": task.threads}) as con:
        functions.register(con, task.network, name="tinymlp_score")
        features = ", ".join(map(identifier, task.features))
        con.execute(f"copy (select *, tinymlp_score({features}) as {identifier(task.column)} "
                    f"from read_parquet({literal(_no_glob(source))}, hive_partitioning = false)) to {literal(str(target))} (format parquet)")


def _no_glob(path: pathlib.Path) -> str:
    text = str(path)
    if any(c in text for c in "*?["):
        raise JobError(f"{text}: DuckDB and Polars read *, ? and [ in a name as patterns; --engine arrow does not")
    return text


def _with_polars(task: Task, source: pathlib.Path, target: pathlib.Path, told: Callable[[int], None]) -> None:
    import polars

    from .polars import score

    column = score(task.network, task.features).alias(task.column)
    polars.scan_parquet(_no_glob(source), hive_partitioning=False).with_columns(column).sink_parquet(target)


def _with_spark(task: Task, source: pathlib.Path, target: pathlib.Path, told: Callable[[int], None]) -> None:
    from pyspark.sql import SparkSession

    from .spark import score

    spark = SparkSession.builder.appName("tinymlp-score").getOrCreate()
    rows = spark.read.parquet(source.resolve().as_uri())
    score(rows, task.network, task.features, column=task.column).write.parquet(target.resolve().as_uri())


ENGINES: dict[str, Callable[[Task, pathlib.Path, pathlib.Path, Callable[[int], None]], None]] = {
    "arrow": _with_arrow, "duckdb": _with_duckdb, "polars": _with_polars, "spark": _with_spark}


def find_items(inputs: Sequence[str], output: pathlib.Path) -> list[Item]:
    """The files of the inputs, folders searched for *.parquet. Raises JobError."""
    items: list[Item] = []
    for given in map(pathlib.Path, inputs):
        if given.is_dir():
            inside = output.resolve() != given.resolve()  # what lies below the output is no input, but for all
            found = sorted(p for p in given.rglob("*.parquet") if p.is_file()
                           and not (inside and p.resolve().is_relative_to(output.resolve()))
                           and not any(part.startswith((".", "_")) for part in p.relative_to(given).parts))
            if not found:
                raise JobError(f"{given}: no *.parquet in this folder")
            items += [Item(p, str(p.relative_to(given))) for p in found]
        elif given.exists():
            items.append(Item(given, given.name))
        else:
            raise JobError(f"{given}: no such file or folder")
    for name, count in collections.Counter(item.name for item in items).items():
        if count > 1:
            raise JobError(f"two inputs would both become {output / name}")
    for item in items:
        if (output / item.name).resolve() == item.source.resolve():
            raise JobError(f"{item.source}: the output would replace the input")
    return items


def check_columns(task: Task, item: Item) -> int:
    """Rows of the file. Raises JobError where its columns are not the network's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(item.source) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as why:
        raise JobError(f"{item.source}: {why}") from None
    missing = [n for n in task.features if n not in schema.names]
    if missing:
        raise JobError(f"{item.source}: no column {', '.join(missing)}; it has {', '.join(schema.names)}")
    for name in task.features:
        if schema.names.count(name) > 1:
            raise JobError(f"{item.source}: the column {name} is there twice")
        kind = schema.field(name).type
        if not (pa.types.is_integer(kind) or kind in (pa.float32(), pa.float64())):
            raise JobError(f"{item.source}: the column {name} is {kind}; features are float32, float64 or integers")
    for there in schema.names:  # DuckDB and Spark take names that differ in case for one
        if there.lower() == task.column.lower():
            raise JobError(f"{item.source}: has a column {there} already; --column names another")
    return int(rows)


def _rows_in(path: pathlib.Path) -> int:
    import pyarrow.parquet as pq

    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    return sum(pq.read_metadata(f).num_rows for f in files)


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _on_disk(path: pathlib.Path) -> None:
    for each in [*path.rglob("*"), path] if path.is_dir() else [path]:
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rename_into_place(part: pathlib.Path, target: pathlib.Path) -> None:
    _on_disk(part)
    if part.is_dir() or target.is_dir():
        _remove(target)  # a folder is not replaced by a rename
    os.replace(part, target)
    _on_disk(target.parent)


class Manifest:
    """Which files of the output's folder are whole, and by what they were scored."""

    def __init__(self, folder: pathlib.Path, task: Task, overwrite: bool) -> None:
        self.path = folder / MANIFEST
        self.held: dict[str, Any] = {**task.identity(), "files": {}}
        if not self.path.exists():
            return
        try:
            found = json.loads(self.path.read_text("utf-8"))
            files = dict(found["files"])
        except (ValueError, KeyError, TypeError, OSError) as why:
            if overwrite:
                return
            raise JobError(f"{self.path}: not readable ({why}); --overwrite scores all anew") from None
        if overwrite:  # they are this job's to replace, and not yet as it would have them
            self.held["files"] = dict.fromkeys(files)
            self._write()
            return
        other = [k for k, v in task.identity().items() if found.get(k) != v]
        if other:
            raise JobError(f"{folder} holds scores of another job ({', '.join(other)} differ): take another folder, "
                           "or --overwrite")
        self.held["files"] = files

    def has(self, item: Item, target: pathlib.Path) -> bool:
        return target.exists() and self.held["files"].get(item.name) == item.stamp()

    def add(self, item: Item, stamp: dict[str, int]) -> None:
        self.held["files"][item.name] = stamp
        self._write()

    def _write(self) -> None:
        part = self.path.with_name(self.path.name + PART)
        part.write_text(json.dumps(self.held, indent=1, sort_keys=True) + "\n", "utf-8")
        _rename_into_place(part, self.path)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    with open(folder / LOCK, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobError(f"{folder}: another job writes here") from None
        yield


class Progress:
    """Rows and their rate, on standard error: a line a file, and one that moves on a terminal."""

    def __init__(self, files: int, rows: int, quiet: bool) -> None:
        self.files, self.rows, self.quiet = files, rows, quiet
        self.moves = sys.stderr.isatty() and not quiet
        self.start = time.monotonic()
        self.done_files = self.done_rows = 0
        self.shown = 0.0

    def text(self) -> str:
        rate = self.done_rows / max(time.monotonic() - self.start, 1e-9)
        share = 100 * self.done_rows / max(self.rows, 1)
        return f"{self.done_files}/{self.files} files, {self.done_rows:,} rows ({share:.0f} %), {rate / 1e6:.2f} M rows/s"

    def add(self, rows: int) -> None:
        self.done_rows += rows
        if self.moves and time.monotonic() - self.shown > 0.2:
            self.shown = time.monotonic()
            print(f"\r{self.text()}\033[K", end="", file=sys.stderr, flush=True)

    def file(self, name: str, what: str) -> None:
        self.done_files += 1
        if not self.quiet:
            print(("\r\033[K" if self.moves else "") + f"{name}: {what}; {self.text()}", file=sys.stderr, flush=True)


def run(task: Task, engine: str, inputs: Sequence[str], output: pathlib.Path, *, overwrite: bool = False,
        quiet: bool = True) -> int:
    """Scores what is missing in the output's folder; the number of files that were scored. Raises
    JobError, with no half-written file left."""
    score = ENGINES[engine]
    items = find_items(inputs, output)
    output.mkdir(parents=True, exist_ok=True)
    with _locked(output):
        for part in output.rglob(f".*{PART}"):
            _remove(part)  # of a job that was killed
        manifest = Manifest(output, task, overwrite)
        counts = {item.name: check_columns(task, item) for item in items}
        progress = Progress(len(items), sum(counts.values()), quiet)
        scored = 0
        for item in items:
            target = output / item.name
            if manifest.has(item, target):
                progress.add(counts[item.name])
                progress.file(item.name, "there already")
                continue
            if target.exists() and not overwrite and item.name not in manifest.held["files"]:
                raise JobError(f"{target}: is there, and was not written by this job: --overwrite replaces it")
            stamp = item.stamp()
            _score_one(task, score, item, target, counts[item.name], progress)
            manifest.add(item, stamp)
            progress.file(item.name, f"{counts[item.name]:,} rows")
            scored += 1
        return scored


def _score_one(task: Task, score: Callable[..., None], item: Item, target: pathlib.Path, rows: int,
               progress: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}{PART}")
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        told += count
        progress.add(count)

    try:
        score(task, item.source, part, tell)
        found = _rows_in(part)
        if found != rows:
            raise JobError(f"{item.source}: {rows} rows became {found}")
        _rename_into_place(part, target)
    except JobError:
        raise
    except Exception as why:
        if "KeyboardInterrupt" in str(why):  # which DuckDB makes an error of its own
            raise KeyboardInterrupt from why
        raise JobError(f"{item.source}: {type(why).__name__}: {why}") from why
    finally:
        _remove(part)
    progress.add(rows - told)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0: done; 1: a file, a model or a column is not as it should be; 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="tinymlp-score", description=(__doc__ or "").partition("\n")[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=(__doc__ or "").partition("\n")[2])
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="Parquet files, or folders of them")
    parser.add_argument("output", type=pathlib.Path, metavar="OUTPUT", help="a folder")
    parser.add_argument("--model", default="mlp_small", metavar="NAME", help="a shipped network or an ONNX file (mlp_small)")
    parser.add_argument("--output-name", metavar="NAME", help="of the graph; by default the first that is an MLP")
    parser.add_argument("--features", metavar="A,B,...", help="columns, in the network's order; by default by its names")
    parser.add_argument("--column", default="score", metavar="NAME", help="the column that is added (score)")
    parser.add_argument("--engine", choices=ENGINES, default="arrow")
    parser.add_argument("--threads", type=int, default=cores(), metavar="N",
                        help="of arrow and duckdb (all cores); polars and spark have settings of their own")
    parser.add_argument("--overwrite", action="store_true", help="score all files anew")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    given = parser.parse_args(arguments)
    if not 1 <= given.threads <= 1024:
        parser.error("--threads is a number from 1 to 1024")
    try:
        net = load(given.model, given.output_name)
        features = tuple(given.features.split(",")) if given.features else net.feature_names
        if len(features) != net.inputs:
            raise JobError(f"{given.model} takes {net.inputs} features, and {len(features)} columns are named")
        run(Task(net, features, given.column, given.threads), given.engine, given.inputs, given.output,
            overwrite=given.overwrite, quiet=given.quiet)
    except ImportError as why:
        print(f"tinymlp-score: {why} (pip install 'tinymlp[{given.engine}]')", file=sys.stderr)
        return 1
    except (JobError, Error, ValueError, OSError) as why:
        print(f"tinymlp-score: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tinymlp-score: stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
