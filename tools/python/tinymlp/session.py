"""onnxruntime's InferenceSession, on this engine: `import tinymlp as ort`.

What differs: outputs that are no MLP are refused, with the reason; rows are scored one by one, so that
a row's int8 result does not depend on its neighbours; a row with NaN or infinity is NaN.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np

from ._errors import Error
from .network import ModelSource, Network, Value, cores, load


class GraphOptimizationLevel(enum.IntEnum):
    """Accepted, and without effect."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(enum.IntEnum):
    """Accepted, and without effect."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class SessionOptions:
    """onnxruntime's options. `intra_op_num_threads` is the `threads` of a network; all others, whatever
    they are called, have no effect."""

    def __init__(self) -> None:
        self.intra_op_num_threads = 0
        self.inter_op_num_threads = 0
        self.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
        self.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        self.log_severity_level = 2
        self.enable_profiling = False

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Accepted, and without effect."""


@dataclass(frozen=True)
class NodeArg:
    """An input or output of the graph, as onnxruntime describes it."""

    name: str
    shape: list[int | str | None]
    type: str

    def __str__(self) -> str:
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"


@dataclass(frozen=True)
class ModelMetadata:
    """What the file says of itself."""

    producer_name: str
    graph_name: str
    domain: str
    description: str
    graph_description: str
    version: int
    custom_metadata_map: dict[str, str]


def get_available_providers() -> list[str]:
    """As onnxruntime names them."""
    return ["CPUExecutionProvider"]


def get_device() -> str:
    """As onnxruntime names it."""
    return "CPU"


class InferenceSession:
    """`InferenceSession(path_or_bytes, sess_options=None, providers=None)`.

    Raises `tinymlp.Error` with code, offset and node where no output of the graph is an MLP.
    """

    def __init__(self, path_or_bytes: ModelSource, sess_options: SessionOptions | None = None,
                 providers: Sequence[Any] | None = None, provider_options: Sequence[Any] | None = None,
                 **kwargs: Any) -> None:
        if sess_options is not None and not hasattr(sess_options, "graph_optimization_level"):
            raise TypeError(f"sess_options is a {type(sess_options).__name__}, not a SessionOptions")
        for provider in providers or []:
            name = provider if isinstance(provider, str) else provider[0]
            if name == "CPUExecutionProvider":
                break
        else:
            if providers:
                raise ValueError(f"none of the providers {list(providers)} is here: only CPUExecutionProvider")
        threads = int(getattr(sess_options, "intra_op_num_threads", 0) or 0)
        self._threads = min(max(threads or cores(), 1), 1024)
        self._first = load(path_or_bytes)
        inspection = self._first.inspection
        self._networks: dict[str, Network] = {inspection.output: self._first}
        self._inputs = inspection.inputs
        self._outputs = inspection.outputs

    def get_inputs(self) -> list[NodeArg]:
        return [_argument(v) for v in self._inputs]

    def get_outputs(self) -> list[NodeArg]:
        return [_argument(v) for v in self._outputs]

    def get_overridable_initializers(self) -> list[NodeArg]:
        return []

    def get_modelmeta(self) -> ModelMetadata:
        found = dict(self._first.inspection.metadata)
        del found["producer_version"]
        if found["version"] is None:
            found["version"] = 2**63 - 1  # as onnxruntime has it
        return ModelMetadata(**found)

    def get_providers(self) -> list[str]:
        return get_available_providers()

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        return {"CPUExecutionProvider": {}}

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any],
            run_options: Any = None) -> list[Any]:
        """The outputs of these names, of all where it is None; float32 arrays shaped as onnxruntime
        shapes them, and for a classifier's ZipMap a list of dicts. `input_feed`: float32 arrays by the
        names of the graph's inputs."""
        names = [v.name for v in self._outputs] if not output_names else list(output_names)
        networks = [self._network(name) for name in names]
        feed = self._checked(input_feed)
        return [self._run_one(net, feed) for net in networks]

    def _network(self, name: str) -> Network:
        if name not in self._networks:
            declared = [v.name for v in self._outputs]
            if name not in declared:
                raise ValueError(f"the graph has no output {name!r}; it has {', '.join(declared)}")
            try:
                self._networks[name] = Network(self._first.model, name, self._first.external, self._first.source)
            except Error as why:
                raise Error(why.first, why.obstacles,
                            f"{self._first.source or 'the model'}: output {name} is no MLP (others can be asked "
                            f"for by name, as {self._first.output_name})") from None
        return self._networks[name]

    def _checked(self, input_feed: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
        known = {v.name: v for v in self._inputs}
        for name in input_feed:
            if name not in known:
                raise ValueError(f"the graph has no input {name!r}; it has {', '.join(known)}")
        missing = [name for name in known if name not in input_feed]
        if missing:
            raise ValueError(f"required inputs ({missing}) are missing from input feed ({list(input_feed)})")
        return {name: _fitting(known[name], value) for name, value in input_feed.items()}

    def _run_one(self, net: Network, feed: dict[str, np.ndarray[Any, Any]]) -> Any:
        parts = [v for v in net.inspection.inputs if v.used]
        counts = {_row_count(v, feed[v.name]) for v in parts}
        if len(counts) != 1:
            raise ValueError(f"inputs have different numbers of rows: {sorted(counts)}")
        rows = counts.pop()
        arrays = [feed[v.name].reshape(rows, v.count) for v in parts]
        x = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)
        result = np.asarray(net(x, threads=self._threads)).reshape(rows, net.outputs)
        return self._shaped(net, result, parts)

    def _shaped(self, net: Network, result: np.ndarray[Any, Any], parts: list[Value]) -> Any:
        declared = next(v for v in self._outputs if v.name == net.output_name)
        if declared.type.startswith("seq(map("):
            labels = net.inspection.labels or range(net.outputs)
            return [dict(zip(labels, map(float, row))) for row in result]
        rank = net.inspection.output_rank
        if len(declared.shape) == rank and rank > 2:
            inner = [d if isinstance(d, int) else -1 for d in declared.shape[1:]]
            if inner.count(-1) <= 1:
                return result.reshape([len(result), *inner])
        if rank == 1:
            return result.reshape(-1)
        return result if rank <= 2 else result.reshape([len(result)] + [1] * (rank - 2) + [net.outputs])


def _argument(value: Value) -> NodeArg:
    return NodeArg(value.name, list(value.shape), value.type)


def _fitting(declared: Value, value: Any) -> np.ndarray[Any, Any]:
    """The array, of the declared type and shape."""
    array = np.asarray(value)
    if array.dtype != np.float32 and declared.type == "tensor(float)":
        raise TypeError(f"input {declared.name}: unexpected data type {array.dtype}, expected {declared.type}: "
                        "astype(numpy.float32)")
    if array.ndim != len(declared.shape):
        raise ValueError(f"input {declared.name}: invalid rank {array.ndim}, expected {len(declared.shape)}")
    for axis, (got, wanted) in enumerate(zip(array.shape, declared.shape)):
        if isinstance(wanted, int) and wanted >= 0 and got != wanted:
            raise ValueError(f"input {declared.name}: invalid dimensions: index {axis} got {got}, expected {wanted}")
    return array


def _row_count(declared: Value, array: np.ndarray[Any, Any]) -> int:
    if array.ndim == 1 and isinstance(declared.shape[0], int):
        return 1
    return int(array.shape[0])
