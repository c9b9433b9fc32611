"""onnxruntime's InferenceSession, on this engine: `import tinymlp as ort`.

What differs: outputs that are no MLP are refused, with the reason; rows are scored one by one, so that
a row's int8 result does not depend on its neighbours; a row with NaN or infinity is NaN. Bindings of
inputs and outputs, OrtValues and other devices are not here.
"""
from __future__ import annotations

import dataclasses
import enum
import operator
import warnings
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np

from ._built import VERSION
from ._errors import Error
from .network import ModelSource, Network, Value, cores, load


class InvalidArgument(ValueError):
    """What a graph's inputs and outputs do not allow; onnxruntime's name for it, which scripts find as
    `ort.capi.onnxruntime_pybind11_state.InvalidArgument`."""


class Fail(RuntimeError):
    """onnxruntime's, of a run whose options say `terminate`."""


class GraphOptimizationLevel(enum.IntEnum):
    """Accepted, and without effect."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99

    __str__ = enum.Enum.__str__


class ExecutionMode(enum.IntEnum):
    """Accepted, and without effect."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1

    __str__ = enum.Enum.__str__


class ExecutionOrder(enum.IntEnum):
    """Accepted, and without effect."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2

    __str__ = enum.Enum.__str__


class _Options:
    """Attributes of the names and types that the class has, and entries of text by keys of text."""

    _entries: dict[str, str]

    def __init__(self) -> None:
        object.__setattr__(self, "_entries", {})

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        names = [n for n in dir(kind) if not n.startswith("_") and not callable(getattr(kind, n))]
        if name not in names:
            raise AttributeError(f"{kind.__name__} has no {name}; it has {', '.join(names)}")
        wanted = type(getattr(kind, name))
        accepted: tuple[type, ...] = {str: (str,), bool: (bool, int, np.bool_)}.get(wanted, ())
        try:
            if accepted and not isinstance(value, accepted):
                raise TypeError
            # of another package's enumeration, as onnxruntime's, the number
            held = wanted(value) if accepted else wanted(operator.index(getattr(value, "value", value)))
        except (TypeError, ValueError):
            raise TypeError(f"{kind.__name__}.{name} is {value!r}; it takes a {wanted.__name__}") from None
        object.__setattr__(self, name, held)

    def _add(self, key: str, value: str) -> None:
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"an entry is a text by a text, not {value!r} by {key!r}")
        self._entries[key] = value

    def _get(self, key: str) -> str:
        if key not in self._entries:
            raise RuntimeError(f"{type(self).__name__} does not have configuration with key: {key}")
        return self._entries[key]


class SessionOptions(_Options):
    """onnxruntime's options. `intra_op_num_threads` is the `threads` of a network, and dimensions that are
    overridden by name are held to; all else has no effect. Files that would be written, a profile and an
    optimised model, are not: the session warns."""

    _dimensions: dict[str, int]
    enable_cpu_mem_arena = True
    enable_mem_pattern = True
    enable_mem_reuse = True
    enable_profiling = False
    execution_mode = ExecutionMode.ORT_SEQUENTIAL
    execution_order = ExecutionOrder.DEFAULT
    graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
    inter_op_num_threads = 0
    intra_op_num_threads = 0
    log_severity_level = -1
    log_verbosity_level = 0
    logid = ""
    optimized_model_filepath = ""
    profile_file_prefix = "onnxruntime_profile_"
    use_deterministic_compute = False
    use_per_session_threads = True

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "_dimensions", {})

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Accepted, and without effect."""
        self._add(key, value)

    def get_session_config_entry(self, key: str) -> str:
        """What was added. Raises RuntimeError for another key."""
        return self._get(key)

    def add_free_dimension_override_by_name(self, name: str, value: int) -> None:
        """The symbolic dimension of that name is this number in the session's inputs and outputs."""
        self._dimensions[str(name)] = operator.index(value)


class RunOptions(_Options):
    """onnxruntime's options of one run. `terminate` ends it before it begins; all else has no effect."""

    log_severity_level = -1
    log_verbosity_level = 0
    logid = ""
    only_execute_path_to_fetches = False
    terminate = False

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Accepted, and without effect."""
        self._add(key, value)

    def get_run_config_entry(self, key: str) -> str:
        """What was added. Raises RuntimeError for another key."""
        return self._get(key)


@dataclass(frozen=True, repr=False)
class NodeArg:
    """An input or output of the graph, as onnxruntime describes it."""

    name: str
    shape: list[int | str | None]
    type: str

    def __repr__(self) -> str:
        return f"NodeArg(name={self.name!r}, type={self.type!r}, shape={self.shape})"

    def __hash__(self) -> int:
        return hash((self.name, self.type, tuple(self.shape)))


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


def get_all_providers() -> list[str]:
    """As onnxruntime names them."""
    return get_available_providers()


def get_device() -> str:
    """As onnxruntime names it."""
    return "CPU"


def get_version_string() -> str:
    """This package's, not onnxruntime's."""
    return VERSION


def set_default_logger_severity(severity: int) -> None:
    """Accepted, and without effect: nothing is logged."""


def set_default_logger_verbosity(verbosity: int) -> None:
    """Accepted, and without effect: nothing is logged."""


def set_seed(seed: int) -> None:
    """Accepted, and without effect: nothing is random."""


def disable_telemetry_events() -> None:
    """Accepted, and without effect: there are none."""


def enable_telemetry_events() -> None:
    """Accepted, and without effect: there are none."""


def _check_providers(providers: Any, options: Any) -> None:
    """Warns of those that are not here, as onnxruntime does; scores come from the CPU whatever they are."""
    if providers is None:
        return
    if isinstance(providers, str) or not isinstance(providers, Sequence):
        raise ValueError(f"providers is {providers!r}; it takes a list, as {get_available_providers()}")
    if options is not None and len(options) != len(providers):
        raise ValueError(f"{len(providers)} providers and {len(options)} provider_options: one for each is wanted")
    for given in providers:
        name = given[0] if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict) else given
        if not isinstance(name, str):
            raise ValueError(f"the provider {given!r} is neither a name nor a tuple (name, dict of options)")
        if name not in get_available_providers():
            warnings.warn(f"the provider {name} is not here: tinymlp runs on the CPU alone "
                          f"({', '.join(get_available_providers())})", stacklevel=3)


class InferenceSession:
    """`InferenceSession(path_or_bytes, sess_options=None, providers=None)`.

    Raises `tinymlp.Error` with code, offset and node where no output of the graph is an MLP. Calls that do
    not fit the graph raise what onnxruntime raises, InvalidArgument and ValueError.
    """

    def __init__(self, path_or_bytes: ModelSource, sess_options: SessionOptions | None = None,
                 providers: Sequence[Any] | None = None, provider_options: Sequence[Any] | None = None,
                 **kwargs: Any) -> None:
        if sess_options is not None and not hasattr(sess_options, "graph_optimization_level"):
            raise TypeError(f"sess_options is a {type(sess_options).__name__}, not a SessionOptions")
        _check_providers(providers, provider_options)
        self._options = SessionOptions() if sess_options is None else sess_options
        for name in ("enable_profiling", "optimized_model_filepath"):
            if getattr(self._options, name, False):
                warnings.warn(f"SessionOptions.{name} has no effect: tinymlp writes no such file", stacklevel=2)
        threads = self._options.intra_op_num_threads
        self._threads = min(max(threads or cores(), 1), 1024)
        self._first = load(path_or_bytes)
        inspection = self._first.inspection
        self._networks: dict[str, Network] = {inspection.output: self._first}
        dimensions = getattr(self._options, "_dimensions", {})
        self._inputs = tuple(_with_dimensions(v, dimensions) for v in inspection.inputs)
        self._outputs = tuple(_with_dimensions(v, dimensions) for v in inspection.outputs)

    def get_session_options(self) -> SessionOptions:
        return self._options

    def set_providers(self, providers: Sequence[Any] | None = None,
                      provider_options: Sequence[Any] | None = None) -> None:
        """Warns of those that are not here; without effect."""
        _check_providers(providers, provider_options)

    def disable_fallback(self) -> None:
        """Accepted, and without effect."""

    def enable_fallback(self) -> None:
        """Accepted, and without effect."""

    def get_profiling_start_time_ns(self) -> int:
        """0: nothing is profiled."""
        return 0

    def end_profiling(self) -> str:
        """The empty name of a file, as onnxruntime's where nothing is profiled."""
        return ""

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
        if isinstance(output_names, str) or not all(isinstance(name, str) for name in output_names or ()):
            raise TypeError(f"output_names is {output_names!r}; it takes a list of names, as "
                            f"{[v.name for v in self._outputs]}, or None for all")
        if run_options is not None and not hasattr(run_options, "terminate"):
            raise TypeError(f"run_options is a {type(run_options).__name__}, not a RunOptions")
        feed = self._checked(input_feed)
        networks = [self._network(name) for name in output_names or (v.name for v in self._outputs)]
        if run_options is not None and run_options.terminate:
            raise Fail("the run's options say terminate: set it to False before the next run")
        return [self._run_one(net, feed) for net in networks]

    def _network(self, name: str) -> Network:
        if name not in self._networks:
            declared = [v.name for v in self._outputs]
            if name not in declared:
                raise InvalidArgument(f"{self._source}: the graph has no output {name!r}; it has {', '.join(declared)}")
            try:
                self._networks[name] = Network(self._first.model, name, self._first.external, self._first.source)
            except Error as why:
                raise Error(why.first, why.obstacles,
                            f"{self._source}: output {name} is no MLP (others can be asked "
                            f"for by name, as {self._first.output_name})") from None
        return self._networks[name]

    def _checked(self, input_feed: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
        if not isinstance(input_feed, (dict, Mapping)):  # the first is quick to tell
            raise TypeError(f"input_feed is a {type(input_feed).__name__}; it takes a dict of arrays by the names of "
                            f"the graph's inputs, {[v.name for v in self._inputs]}")
        known = {v.name: v for v in self._inputs}
        missing = [name for name in known if name not in input_feed]
        if missing:
            raise ValueError(f"{self._source}: required inputs ({missing}) are missing from input feed ({list(input_feed)})")
        for name in input_feed:
            if name not in known:
                raise InvalidArgument(f"{self._source}: the graph has no input {name!r}; it has {', '.join(known)}")
        try:
            return {name: _fitting(known[name], value) for name, value in input_feed.items()}
        except InvalidArgument as why:
            raise InvalidArgument(f"{self._source}: {why}") from None

    @property
    def _source(self) -> str:
        return self._first.source or "the model"

    def _run_one(self, net: Network, feed: dict[str, np.ndarray[Any, Any]]) -> Any:
        parts = [v for v in net.inspection.inputs if v.used]
        counts = {_row_count(v, feed[v.name]) for v in parts}
        if len(counts) != 1:
            raise InvalidArgument(f"{self._source}: inputs have different numbers of rows: {sorted(counts)}; one for each row is "
                                  "wanted")
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


def _with_dimensions(value: Value, dimensions: Mapping[str, int]) -> Value:
    return dataclasses.replace(value, shape=tuple(dimensions.get(d, d) if isinstance(d, str) else d for d in value.shape))


def _fitting(declared: Value, value: Any) -> np.ndarray[Any, Any]:
    """The array, of the declared type and shape."""
    where = f"input {declared.name}"
    if isinstance(value, list):  # which onnxruntime converts
        try:
            value = np.asarray(value, np.float32)
        except (TypeError, ValueError) as why:
            raise InvalidArgument(f"{where}: the list is no array of numbers ({why})") from None
    array = np.asarray(value)
    if array.dtype != np.float32 and declared.type == "tensor(float)":
        raise InvalidArgument(f"{where}: unexpected data type {array.dtype}, expected {declared.type}: "
                              "astype(numpy.float32)")
    if array.ndim != len(declared.shape):
        raise InvalidArgument(f"{where}: invalid rank {array.ndim}, expected {len(declared.shape)}: {_shapes(array, declared)}")
    for axis, (got, wanted) in enumerate(zip(array.shape, declared.shape)):
        if isinstance(wanted, int) and wanted >= 0 and got != wanted:
            raise InvalidArgument(f"{where}: invalid dimensions: index {axis} got {got}, expected {wanted}: "
                                  f"{_shapes(array, declared)}")
    return array


def _shapes(array: np.ndarray[Any, Any], declared: Value) -> str:
    wanted = ",".join("?" if d is None else str(d) for d in declared.shape)
    return f"the shape is {array.shape}, [{wanted}] is wanted"


def _row_count(declared: Value, array: np.ndarray[Any, Any]) -> int:
    if array.ndim == 1 and isinstance(declared.shape[0], int):
        return 1
    return int(array.shape[0])
