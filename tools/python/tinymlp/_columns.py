"""What a network's results are as a column, the same in every engine: float32 of one output, a list of
float32 of several."""
from __future__ import annotations

from typing import Any

import pyarrow as pa

from .network import Network


def column_type(net: Network) -> Any:
    return pa.float32() if net.outputs == 1 else pa.list_(pa.float32())


def as_column(net: Network, scores: Any) -> Any:
    """An Arrow array of that type, from what Network.score_columns() gives."""
    made = pa.array(scores)
    if net.outputs == 1:
        return made if pa.types.is_floating(made.type) else made.flatten()
    return made.cast(column_type(net))
