"""tinymlp-score: from Parquet to Parquet, a column of scores added.

    tinymlp-score --model mlp_small features/ scored/
    python -m tinymlp.job --engine duckdb --model policy.onnx --features x0,x1,x2 part-*.parquet scored/

Each file is written beside its place and renamed into it when it is whole. A job that was stopped goes
on with the files that are missing, or have changed; `_tinymlp.jsonl` in the output's folder tells which
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
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

from ._errors import Error
from .network import Network, cores, load

MANIFEST = "_tinymlp.jsonl"
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


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _on_disk(paths: Sequence[pathlib.Path]) -> None:
    if len(paths) > 1 and sys.platform == "linux":  # where it returns when all is written
        os.sync()
        return
    for path in paths:
        for each in [*path.rglob("*"), path] if path.is_dir() else [path]:
            _sync(each)


def _rename(part: pathlib.Path, target: pathlib.Path) -> None:
    if part.is_dir() or target.is_dir():
        _remove(target)  # a folder is not replaced by a rename
    os.replace(part, target)


class Manifest:
    """Which files of the output's folder are whole, and by what they were scored.

    Lines of JSON: the task's identity, then one for each step. A file's name alone says that what lies
    at its place is this job's to replace; with the stamp of its input, that it is whole. The last line on
    a file counts. Lines are only appended, so that a file costs the same however many went before;
    one that was cut off by a kill is left out, for what it would say is done again.
    """

    def __init__(self, folder: pathlib.Path, task: Task, overwrite: bool) -> None:
        self.path = folder / MANIFEST
        self.identity = task.identity()
        self.files: dict[str, dict[str, int] | None] = {}
        try:
            found = self._read()
        except (ValueError, KeyError, AttributeError, TypeError, OSError) as why:
            if not overwrite:
                raise JobError(f"{self.path}: not readable ({why}); --overwrite scores all anew") from None
        else:
            other = [k for k, v in self.identity.items() if found.get(k, v) != v]
            if other and not overwrite:
                raise JobError(f"{folder} holds scores of another job ({', '.join(other)} differ): take another folder, "
                               "or --overwrite")
        if overwrite:
            self.files = dict.fromkeys(self.files)
        self._start_anew()

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, *_: Any) -> None:
        os.close(self.descriptor)

    def has(self, item: Item, target: pathlib.Path) -> bool:
        return self.files.get(item.name) == item.stamp() and target.exists()

    def may_replace(self, item: Item) -> bool:
        return item.name in self.files

    def begin(self, names: Iterable[str]) -> None:
        """Before files are renamed into place: they are this job's from then on, however the job ends."""
        self._add(dict.fromkeys(names))

    def add(self, stamps: Mapping[str, dict[str, int]]) -> None:
        """After it."""
        self._add(stamps)

    def _read(self) -> dict[str, Any]:
        """The identity of the job that wrote here, empty without one; fills `files`."""
        try:
            lines = self.path.read_text("utf-8").split("\n")[:-1]  # what follows the last newline was cut off
        except FileNotFoundError:
            return {}
        identity: dict[str, Any] = json.loads(lines[0]) if lines else {}
        if not self.identity.keys() <= identity.keys():
            raise ValueError(f"its first line has no {', '.join(self.identity)}")
        for line in lines[1:]:
            entry = json.loads(line)
            self.files[entry.pop("file")] = entry or None
        return identity

    def _start_anew(self) -> None:
        """The same in as few lines as it takes, and open for more."""
        part = self.path.with_name(f".{self.path.name}{PART}")
        with open(part, "w", encoding="utf-8") as file:
            file.write(_line(self.identity))
            file.writelines(_line({"file": name, **(stamp or {})}) for name, stamp in self.files.items())
        _sync(part)
        os.replace(part, self.path)
        _sync(self.path.parent)
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def _add(self, stamps: Mapping[str, dict[str, int] | None]) -> None:
        self.files.update(stamps)
        lines = "".join(_line({"file": name, **(stamp or {})}) for name, stamp in stamps.items()).encode()
        try:
            while lines:
                lines = lines[os.write(self.descriptor, lines):]
            os.fsync(self.descriptor)
        except OSError as why:
            raise JobError(f"{self.path}: {why}") from why


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"


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


@dataclass(frozen=True)
class Scored:
    """A file that is whole, and waits beside its place."""

    item: Item
    stamp: dict[str, int]  #: of its input, before it was read
    part: pathlib.Path
    target: pathlib.Path
    rows: int


class Placing:
    """Brings scored files to their places and keeps them through a loss of power: first what they hold, then
    their names. Waiting for the disk costs the same for many as for one, so small files wait for each other
    until scoring has taken as long as it took to place those before."""

    def __init__(self, manifest: Manifest, progress: Progress) -> None:
        self.manifest, self.progress = manifest, progress
        self.waiting: list[Scored] = []
        self.last = time.monotonic()
        self.cost = 0.0  # of placing, in seconds

    def __enter__(self) -> "Placing":
        return self

    def __exit__(self, *_: Any) -> None:
        self.place()  # also where the job ends early: they are whole

    def add(self, scored: Scored) -> None:
        self.waiting.append(scored)
        if time.monotonic() - self.last >= self.cost:
            self.place()

    def place(self) -> None:
        begin = time.monotonic()
        ready, self.waiting = self.waiting, []
        if not ready:
            return
        try:
            _on_disk([each.part for each in ready])
            self.manifest.begin(each.item.name for each in ready)
            for each in ready:
                _rename(each.part, each.target)
            for folder in {each.target.parent for each in ready}:
                _sync(folder)
            self.manifest.add({each.item.name: each.stamp for each in ready})
        except OSError as why:
            raise JobError(str(why)) from why
        finally:
            for each in ready:
                _remove(each.part)
        for each in ready:
            self.progress.file(each.item.name, f"{each.rows:,} rows")
        self.last = time.monotonic()
        self.cost = self.last - begin


def run(task: Task, engine: str, inputs: Sequence[str], output: pathlib.Path, *, overwrite: bool = False,
        quiet: bool = True) -> int:
    """Scores what is missing in the output's folder; the number of files that were scored. Raises
    JobError, with no half-written file left."""
    score = ENGINES[engine]
    items = find_items(inputs, output)
    if output.exists() and not output.is_dir():
        raise JobError(f"{output}: is a file; the output is a folder")
    output.mkdir(parents=True, exist_ok=True)
    with _locked(output):
        for part in output.rglob(f".*{PART}"):
            _remove(part)  # of a job that was killed
        counts = {item.name: check_columns(task, item) for item in items}
        progress = Progress(len(items), sum(counts.values()), quiet)
        scored = 0
        with Manifest(output, task, overwrite) as manifest, Placing(manifest, progress) as placing:
            for item in items:
                target = output / item.name
                if manifest.has(item, target):
                    progress.add(counts[item.name])
                    progress.file(item.name, "there already")
                    continue
                if target.exists() and not overwrite and not manifest.may_replace(item):
                    raise JobError(f"{target}: is there, and was not written by this job: --overwrite replaces it")
                placing.add(_score_one(task, score, item, target, counts[item.name], progress))
                scored += 1
        return scored


def _score_one(task: Task, score: Callable[..., None], item: Item, target: pathlib.Path, rows: int,
               progress: Progress) -> Scored:
    stamp = item.stamp()
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
    except BaseException as why:
        _remove(part)
        if isinstance(why, JobError) or not isinstance(why, Exception):
            raise
        if "KeyboardInterrupt" in str(why):  # which DuckDB makes an error of its own
            raise KeyboardInterrupt from why
        raise JobError(f"{item.source}: {type(why).__name__}: {why}") from why
    progress.add(rows - told)
    return Scored(item, stamp, part, target, rows)


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
        print(f"tinymlp-score: {why}".replace("(output=NAME)", "(--output-name)"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tinymlp-score: stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
