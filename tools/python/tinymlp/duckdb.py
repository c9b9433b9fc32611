"""Networks as SQL functions of DuckDB, vectorised over Arrow.

    tinymlp.duckdb.register(con)
    con.sql("select frame, vmaf(adm2, vif_scale0, vif_scale1, vif_scale2, vif_scale3, motion2) from log")
    con.sql("select tinymlp('policy.onnx', x0, x1, x2) from observations")
"""
from __future__ import annotations

import os
import threading
import uuid
from typing import Any, Callable

import duckdb
import pyarrow as pa

from ._columns import as_column
from .network import ModelSource, Network, load


def _scores(net: Network, columns: tuple[Any, ...]) -> Any:
    """An Arrow array: float, or of several outputs lists. Columns are of the types that the query gives
    them; decimals, as SQL's literals are, become doubles first."""
    if len(columns) != net.inputs:
        raise ValueError(f"{net!r} takes {net.inputs} features, and {len(columns)} are given")
    names = [f"feature {i + 1}" for i in range(len(columns))]
    given = [c.cast(pa.float64()) if pa.types.is_decimal(c.type) else c for c in columns]
    return as_column(net, net.score_columns(pa.table(given, names=names), names))


def _clipped(scores: Any) -> Any:
    import numpy as np

    values = scores.to_numpy(zero_copy_only=False)
    return pa.array(np.where(values < 0, np.float32(0), np.where(values > 100, np.float32(100), values)))


class _Function:
    """What DuckDB calls. It belongs to the database, and so to all connections and cursors of it; another of
    them may give it other work, since only the one that made it could replace it."""

    def __init__(self, returns: str, work: Callable[..., Any]) -> None:
        self.returns, self.work = returns, work

    def __call__(self, *columns: Any) -> Any:
        if len(columns) == 1 and pa.types.is_string(columns[0].type):
            for asked in {*columns[0].to_pylist()} & _asked.keys():
                _asked[asked] = self
                return pa.nulls(len(columns[0]), pa.float32() if self.returns == "FLOAT" else pa.list_(pa.float32()))
        return self.work(*columns)


#: DuckDB forgets to hold a function when the connection that made it is closed, and other connections of the
#: database would call freed memory (duckdb-python issue 530): held until the process ends.
_made: list[_Function] = []
#: Functions that were asked who they are, by what they were asked.
_asked: dict[str, _Function | None] = {}
#: Networks that functions use, by identity and output, for functions outlive their databases.
_networks: dict[tuple[str, str], Network] = {}


def register(con: "duckdb.DuckDBPyConnection", network: Network | ModelSource = "mlp_small", *,
             name: str = "vmaf", clip: bool = False) -> None:
    """Makes SQL functions of the database that `con`, a connection or a cursor, is of; all its other
    connections and cursors have them too, now and later, whichever is closed first:

    - `vmaf(adm2, vif_scale0, ..., motion2)`, or `name`: the score of the `network`, FLOAT; of several
      outputs FLOAT[]. With `clip`, within 0 to 100.
    - `tinymlp(model, feature, ...)`: that of any network of one output, by path or shipped name; a file
      that has changed is read anew. Whoever may run SQL names files with it, as with read_parquet.

    A NULL among the features is NaN, and so is the score. Registering a name anew, by any connection and in any
    thread, replaces it for all of them. Functions are not kept in the database's file, and go with a
    transaction that is rolled back. Raises ValueError where DuckDB has another function of that name.
    """
    if not hasattr(con, "create_function"):
        raise TypeError(f"con is a {type(con).__name__}, not a connection or cursor of DuckDB")
    if not isinstance(name, str) or not name:
        raise ValueError(f"the name {name!r} is none that SQL could call")
    if name.lower() == "tinymlp":
        raise ValueError("the name tinymlp is that of the function of any network; take another")
    net = network if isinstance(network, Network) else load(network)
    net = _networks.setdefault((net.identity, net.output_name), net)
    if clip and net.outputs != 1:
        raise ValueError(f"{net!r} has {net.outputs} outputs: only a score is clipped")

    def work(*columns: Any) -> Any:
        scores = _scores(net, columns)
        return _clipped(scores) if clip else scores

    with _registering:
        _create(con, name, _Function("FLOAT" if net.outputs == 1 else "FLOAT[]", work))
        _create(con, "tinymlp", _Function("FLOAT", _any_model))


def _stamp(path: str) -> Any:
    """Changes with the file; None for a name that is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _of_any_model() -> Callable[..., Any]:
    held: dict[str, tuple[Any, Network]] = {}
    lock = threading.Lock()

    def network_of(path: str) -> Network:
        with lock:
            stamp = _stamp(path)
            if path not in held or held[path][0] != stamp:
                net = load(path)
                if net.outputs != 1:
                    raise ValueError(f"{path}: gives {net.outputs} values a row; register() it by a name of its own")
                held[path] = stamp, net
            return held[path][1]

    def function(model: Any, *columns: Any) -> Any:
        paths = set(model.unique().to_pylist())
        if not paths:
            return pa.array([], pa.float32())
        if len(paths) != 1 or None in paths:
            raise ValueError("the model is one path or name, the same in all rows")
        return _scores(network_of(paths.pop()), columns)

    return function


_any_model = _of_any_model()
_registering = threading.Lock()


def _create(con: Any, name: str, function: _Function) -> None:
    def create(where: Any) -> None:
        where.create_function(name, function, None, function.returns, type="arrow", null_handling="special")
        _made.append(function)

    try:
        return create(con)
    except duckdb.Error as why:
        refused = why
    there = _ours(con, name)
    if there is not None and there.returns == function.returns:
        there.work = function.work
        return
    if there is None and not _exists(con, name):
        if not isinstance(refused, duckdb.NotImplementedException):
            raise refused  # not because of the name
        with con.cursor() as cursor:  # `con` has made it in a transaction that was rolled back, and does not know
            return create(cursor)
    try:
        con.remove_function(name)
    except duckdb.Error:
        what = "a function" if there is None else (f"a function made by another connection, which gives {there.returns}, "
                                                   f"not {function.returns},")
        raise ValueError(f"DuckDB has {what} of the name {name} already: take another name") from refused
    create(con)


def _exists(con: Any, name: str) -> bool:
    with con.cursor() as cursor:
        found = cursor.execute("select count(*) from duckdb_functions() where lower(function_name) = lower(?)", [name])
        return bool(found.fetchone()[0])


def _ours(con: Any, name: str) -> _Function | None:
    """The function of that name, where it was made here. It is called, and says so."""
    asked = f"tinymlp: who is it? {uuid.uuid4()}"
    _asked[asked] = None
    try:
        with con.cursor() as cursor:
            cursor.execute('select "' + name.replace('"', '""') + '"(?::varchar)', [asked]).fetchall()
    except duckdb.Error:
        pass
    return _asked.pop(asked)
