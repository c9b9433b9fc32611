"""Networks over Spark's DataFrames, by mapInArrow.

    scored = tinymlp.spark.score(df, "mlp_small", features=["adm2", ...])

tinymlp must be installed where the executors' Python runs. The model's bytes are broadcast once; each
Python worker checks their SHA-256, external data included, before it loads them, once.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Sequence

from ._built import VERSION
from .network import ModelSource, Network, identity_of, load

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Types of columns that may be features, as DataFrame.dtypes names them.
NUMERIC = ("float", "double", "tinyint", "smallint", "int", "bigint")

_loaded: dict[tuple[str, str], Network] = {}  # of this worker, by identity and output


def score(df: "DataFrame", model: Network | ModelSource, features: Sequence[str] | None = None, *,
          output_name: str | None = None, column: str = "score") -> "DataFrame":
    """All columns of `df`, and the network's output as `column`: float, or array<float> of several
    outputs.

    - `features`: the columns of the features, in the network's order; by default its `feature_names`.
      Nulls are NaN, and so is the score of their row.
    - `output_name`: the graph's output to compute.
    """
    from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

    net = model if isinstance(model, Network) else load(model, output_name)
    names = list(net.feature_names if features is None else features)
    _check_columns(df, net, names, column)
    is_scalar = net.outputs == 1
    kind = FloatType() if is_scalar else ArrayType(FloatType(), False)
    schema = StructType([*df.schema.fields, StructField(column, kind, False)])
    shipped = df.sparkSession.sparkContext.broadcast((net.model, net.external))
    return df.mapInArrow(_Task(shipped, net.identity, net.output_name, net.source, names, column), schema)


def _check_columns(df: "DataFrame", net: Network, names: list[str], column: str) -> None:
    if len(names) != net.inputs:
        raise ValueError(f"{net!r} takes {net.inputs} features, and {len(names)} columns are named")
    there = dict(df.dtypes)
    missing = [n for n in names if n not in there]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}; the DataFrame has {', '.join(there)}")
    for name in names:
        if there[name] not in NUMERIC:
            raise TypeError(f"the column {name} is of type {there[name]}; features are {', '.join(NUMERIC)}")
    if column in there:
        raise ValueError(f"the DataFrame has a column {column} already")


class _Task:
    """What an executor does with its batches of rows."""

    def __init__(self, shipped: Any, identity: str, output: str, source: str, names: list[str], column: str) -> None:
        self.shipped, self.identity, self.output, self.source = shipped, identity, output, source
        self.names, self.column, self.version = names, column, VERSION

    def network(self) -> Network:
        if self.version != VERSION:
            raise RuntimeError(f"tinymlp is {self.version} where the query was made and {VERSION} on this executor")
        key = self.identity, self.output
        if key not in _loaded:
            model, external = self.shipped.value
            found = identity_of(model, external)
            if found != self.identity:
                raise RuntimeError(f"the model that reached this executor has the SHA-256 {found}, not {self.identity}")
            _loaded[key] = Network(model, self.output, external, self.source)
        return _loaded[key]

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        from ._columns import as_column

        net = self.network()
        for batch in batches:
            scores = as_column(net, net.score_columns(batch, self.names))
            yield pa.RecordBatch.from_arrays([*batch.columns, scores], [*batch.schema.names, self.column])
