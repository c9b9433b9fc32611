"""Networks as SQL functions of DuckDB, vectorised over Arrow.

    tinymlp.duckdb.register(con)
    con.sql("select frame, vmaf(adm2, vif_scale0, vif_scale1, vif_scale2, vif_scale3, motion2) from log")
    con.sql("select tinymlp('policy.onnx', x0, x1, x2) from observations")
"""
from __future__ import annotations

import os
import threading
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


def register(con: "duckdb.DuckDBPyConnection", network: Network | ModelSource = "mlp_small", *,
             name: str = "vmaf", clip: bool = False) -> None:
    """Makes SQL functions of this connection:

    - `vmaf(adm2, vif_scale0, ..., motion2)`, or `name`: the score of the `network`, FLOAT; of several
      outputs FLOAT[]. With `clip`, within 0 to 100.
    - `tinymlp(model, feature, ...)`: that of any network of one output, by path or shipped name; a file
      that has changed is read anew. Whoever may run SQL names files with it, as with read_parquet.

    A NULL among the features is NaN, and so is the score. Registering a name anew replaces it.
    """
    if name.lower() == "tinymlp":
        raise ValueError("the name tinymlp is that of the function of any network; take another")
    net = network if isinstance(network, Network) else load(network)
    if clip and net.outputs != 1:
        raise ValueError(f"{net!r} has {net.outputs} outputs: only a score is clipped")

    def function(*columns: Any) -> Any:
        scores = _scores(net, columns)
        return _clipped(scores) if clip else scores

    _create(con, name, function, "FLOAT" if net.outputs == 1 else "FLOAT[]")
    _create(con, "tinymlp", _of_any_model(), "FLOAT")


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


def _create(con: Any, name: str, function: Callable[..., Any], returns: str) -> None:
    try:
        con.remove_function(name)
    except duckdb.InvalidInputException:
        pass  # there was none
    con.create_function(name, function, None, returns, type="arrow", null_handling="special")
