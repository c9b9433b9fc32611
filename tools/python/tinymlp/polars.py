"""A network as a Polars expression.

    frame.with_columns(tinymlp.polars.score("mlp_small").alias("vmaf"))
"""
from __future__ import annotations

from typing import Any, Sequence

import polars as pl

from ._columns import as_column
from .network import ModelSource, Network, check_threads, load


def score(network: Network | ModelSource, columns: Sequence[str | pl.Expr] | None = None, *,
          threads: int = 1) -> pl.Expr:
    """The network's output for each row: Float32, or List(Float32) of several outputs.

    - `columns`: names or expressions of the features, in the network's order; by default its
      `feature_names`.
    - nulls are NaN, and so is the score of their row.

    Works in lazy and streaming queries: it is elementwise.
    """
    net = network if isinstance(network, Network) else load(network)
    if isinstance(columns, str) or columns is not None and not isinstance(columns, Sequence):
        raise TypeError(f"columns is {columns!r}; a list of names or expressions is wanted")
    check_threads(threads)
    wanted = list(net.feature_names if columns is None else columns)
    if len(wanted) != net.inputs:
        raise ValueError(f"the network takes {net.inputs} features, and {len(wanted)} columns are named")
    fields = [(pl.col(c) if isinstance(c, str) else c).alias(f"f{i}") for i, c in enumerate(wanted)]
    names = [f"f{i}" for i in range(len(fields))]
    dtype = pl.Float32() if net.outputs == 1 else pl.List(pl.Float32)

    def run(rows: pl.Series) -> pl.Series:
        scores = as_column(net, net.score_columns(rows.struct.unnest(), names, threads=threads))
        return pl.Series("score", scores, dtype=dtype)

    return pl.struct(fields).map_batches(run, return_dtype=dtype, is_elementwise=True).alias("score")
