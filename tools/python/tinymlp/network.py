"""Networks: from an ONNX file to float32 arrays in and out."""
from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence, Union

from . import _engine
from ._errors import Error, NotBuilt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ModelSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview]

#: The order of a frame's features ("canonical-6").
VMAF_FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")

def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: Any) -> None:
    if not hasattr(threads, "__index__"):
        raise TypeError(f"threads is {threads!r}; it is a number from 1 to 1024")
    if not 1 <= threads <= 1024:
        raise ValueError(f"threads is {threads}; it is a number from 1 to 1024")


LARGEST_MODEL = 64 << 20  # bytes of a file, as the program has it


@dataclass(frozen=True)
class Value:
    """An input or output of the graph, as the file declares it."""

    name: str
    type: str  #: "tensor(float)"
    shape: tuple[int | str | None, ...]  #: names and None are symbolic
    first: int = 0  #: the first of the features that it gives
    count: int = 0  #: how many
    used: bool = True  #: whether the output depends on it


@dataclass(frozen=True)
class Step:
    """One operator of the graph, or a pattern of several that is one."""

    kind: str  #: "dense", "activation", "affine", "softmax", "layer_norm", ...
    operator: str  #: "Gemm"
    node: str  #: its name, or that of its result
    offset: int  #: of the node in the file, bytes
    inputs: int
    outputs: int
    activation: str | None  #: "relu"; None but for activations
    parameters: int  #: weights and biases of a dense layer


@dataclass(frozen=True)
class Inspection:
    """What a model file holds."""

    ir_version: int
    opset: int
    metadata: dict[str, Any]  #: producer_name, graph_name, custom_metadata_map, ...
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    output: str  #: the one that is computed
    output_rank: int
    shape: str  #: "6-16-8-1"
    precision: str  #: "fp32", "int8" or "static int8"
    labels: tuple[int, ...]  #: of a classifier with integer labels
    mean: tuple[float, ...]  #: of the scaler, one a feature; empty without one
    std: tuple[float, ...]
    steps: tuple[Step, ...]
    bytes: int
    sha256: str
    source: str = field(default="", compare=False)

    def __str__(self) -> str:
        lines = [
            f"file       {self.source or 'bytes'}, {self.bytes} bytes",
            f"sha256     {self.sha256}",
            f"format     ONNX IR {self.ir_version}, opset {self.opset}",
        ]
        for v in self.inputs:
            lines.append(f"input      {_declared(v)}" + ("" if v.used else ", not used by this output"))
        for v in self.outputs:
            lines.append(f"{'output' if v.name == self.output else 'not used':<11}{_declared(v)}")
        lines += [f"network    {self.shape}", f"precision  {self.precision}"]
        for s in self.steps:
            what = s.activation or (f"{s.inputs} -> {s.outputs}" if s.kind == "dense" else f"{s.outputs} values")
            lines.append(f"{s.kind:<11}{what}; {s.operator} {s.node}, byte {s.offset}")
        lines.append(f"total      {sum(s.parameters for s in self.steps)} parameters")
        return "\n".join(lines)


def _declared(value: Value) -> str:
    dims = ",".join("?" if d is None else str(d) for d in value.shape)
    return f"{value.name} {value.type} [{dims}]"


def identity_of(model: bytes, external: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256(model)
    if external:
        whole = hashlib.sha256(whole.digest())
        for location, content in sorted(external.items()):
            for part in (location.encode(), content):
                whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


class Network(_engine.Network):
    """An MLP, ready to run. Made by `load()`; immutable, thread-safe, may be pickled.

    `net(x, out=None, threads=1)` runs it:

    - `x`: float32 [N, K] or, one row, [K]; K is `inputs`. Any strides, not copied where contiguous.
    - result: float32 [N, M], of one row [M]; M is `outputs`. Where the graph's output is [N]: [N],
      of one row a numpy.float32.
    - `out`: float32 of the result's shape, to be written instead of a new array.
    - `threads`: how many share a batch of more than 100,000 rows. Same bits, however many.

    `inputs`, `outputs`, `parameters`, `shape`, `activations` and `kernel` tell of the network, those
    below of its file. The GIL is released but for small batches. A row with NaN or infinity gives NaN. A wrong dtype is
    a TypeError, a wrong shape a ValueError.
    """

    def __init__(self, model: bytes, output: str | None = None,
                 external: Mapping[str, bytes] | None = None, source: str = "", is_shipped: bool = False) -> None:
        if not isinstance(model, bytes):
            raise TypeError(f"model is a {type(model).__name__}, not the bytes of a file: tinymlp.load() reads files")
        if output is not None and not isinstance(output, str):
            raise TypeError(f"output is {output!r}; it is the name of one of the graph's outputs")
        if external is not None and not isinstance(external, Mapping):
            raise TypeError(f"external is a {type(external).__name__}; it holds the bytes of files by their locations: "
                            "{'w.bin': b'...'}")
        held, files = model, dict(external or {})
        try:
            super().__init__(held, output or "", files)
        except Error as why:
            raise Error(why.first, why.obstacles, source) from None
        self._model, self._external, self._output = held, files, output
        self._inspection: Inspection | None = None
        self._sha256 = hashlib.sha256(self._model).hexdigest()
        self._identity = identity_of(self._model, self._external)
        #: where it came from, for messages
        self.source = source
        #: whether it was asked for by the name of a shipped network; a file of the same bytes is not
        self.is_shipped = is_shipped

    @property
    def sha256(self) -> str:
        """Of the very bytes that were parsed, lowercase hex."""
        return self._sha256

    @property
    def identity(self) -> str:
        """Of all that scores depend on: `sha256`, or where there are files of external data, a SHA-256
        over that and over their locations and bytes."""
        return self._identity

    @property
    def model(self) -> bytes:
        """The bytes of the ONNX file."""
        return self._model

    @property
    def external(self) -> dict[str, bytes]:
        """Files of external data, by their locations."""
        return dict(self._external)

    @property
    def inspection(self) -> Inspection:
        """What the file holds."""
        if self._inspection is None:
            self._inspection = _inspect(self._model, self._output or "", self._external, self.source)
        return self._inspection

    @property
    def precision(self) -> str:
        """"fp32", "int8" or "static int8"."""
        return self.inspection.precision

    @property
    def input_names(self) -> tuple[str, ...]:
        """Of the graph's inputs, in order."""
        return tuple(v.name for v in self.inspection.inputs)

    @property
    def output_name(self) -> str:
        """Of the graph's output that is computed."""
        return self.inspection.output

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name for each feature: x.0, x.1, ... of an input x, or x where it is one.

        Where six features go in and one value comes out: those of a frame, `VMAF_FEATURES`.
        """
        if self.inputs == 6 and self.outputs == 1:
            return VMAF_FEATURES
        names: list[str] = []
        for v in self.inspection.inputs:
            if v.used:
                names += [v.name] if v.count == 1 else [f"{v.name}.{i}" for i in range(v.count)]
        return tuple(names)

    def score_columns(self, table: Any, columns: Sequence[str] | None = None, *,
                      threads: int = 1) -> "Scores":
        """Scores the rows of a table: anything that speaks Arrow's C data interface (a pyarrow
        Table, RecordBatch or reader, a Polars DataFrame, a DuckDB relation). Columns are read where
        they lie.

        - `columns`: the names of the features' columns, in the network's order; by default
          `feature_names`. float32, float64 or integers, rounded to the nearest float32.
        - nulls are NaN, and so is the score of their row.

        Returns a column of as many rows, float32, or fixed-size lists of M of them.
        """
        names = list(self.feature_names if columns is None else columns)
        if isinstance(columns, str) or not all(isinstance(n, str) for n in names):
            raise TypeError("columns is a list of names of columns")
        check_threads(threads)
        if hasattr(table, "__arrow_c_stream__"):
            held = _engine.score_columns(self, table.__arrow_c_stream__(), None, names, threads)
        elif hasattr(table, "__arrow_c_array__"):
            schema, array = table.__arrow_c_array__()
            held = _engine.score_columns(self, schema, array, names, threads)
        else:
            raise TypeError(f"a {type(table).__name__} has no Arrow C data interface (__arrow_c_stream__)")
        return Scores(held)

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self._model, self._output, self._external, self.source, self.is_shipped)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.shape))
        return f"<tinymlp.Network {self.source or 'of bytes'}: {sizes}, {self.precision}, {self.kernel}>"


class Scores:
    """A column of scores, handed on without a copy: to NumPy, or to whatever speaks Arrow's C data
    interface (pyarrow.array(scores), pyarrow.chunked_array(scores), polars.Series(scores))."""

    def __init__(self, held: _engine.Scores) -> None:
        self._held = held

    def __len__(self) -> int:
        return len(self._held)

    def to_numpy(self) -> npt.NDArray[np.float32]:
        """float32 [N], or [N, M] where rows are lists. Shared with all other views: copy it before
        you write to it."""
        return self._held.to_numpy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        values = self.to_numpy()
        if dtype is not None and np.dtype(dtype) != values.dtype:
            if copy is False:
                raise ValueError(f"scores are float32, not {dtype}: that takes a copy")
            return values.astype(dtype)
        return values.copy() if copy else values

    def __arrow_c_schema__(self) -> Any:
        return self._held._schema()

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._held._array()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._held._stream()


_SHIPPED = _engine.shipped_models()
#: Names of the shipped networks; each has an int8 form, of the name with `.int8`. model/README.md
#: tells how close they are to libvmaf's vmaf_v0.6.1 and, `_4k`, vmaf_4k_v0.6.1.
shipped: tuple[str, ...] = tuple(_SHIPPED)


def _shipped_model(name: str) -> bytes | None:
    if not name.endswith(".int8") or name.removesuffix(".int8") not in _SHIPPED:
        return _SHIPPED.get(name)
    from importlib import resources

    return resources.files(__package__).joinpath("models", f"{name}.onnx").read_bytes()


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_MODEL:
            raise ValueError(f"{path}: more than {LARGEST_MODEL >> 20} MiB: not one of these networks")
        model = file.read(LARGEST_MODEL + 1)
    if len(model) > LARGEST_MODEL:
        raise ValueError(f"{path}: more than {LARGEST_MODEL >> 20} MiB: not one of these networks")
    return model


def _source(source: ModelSource) -> tuple[bytes, str, bool]:
    """The model's bytes, where they came from, and whether that was the name of a shipped network."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "", False
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"a model is a path, a shipped network's name or bytes, not a {type(source).__name__}")
    path = os.fspath(source)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    found = _shipped_model(path) if isinstance(source, str) else None
    if found is not None:
        return found, path, True
    try:
        model = _read(path)
    except FileNotFoundError as why:
        if os.sep in path or "." in path:
            raise
        raise FileNotFoundError(why.errno, f"neither a file nor one of {', '.join(shipped)} (.int8)", path) from None
    return model, path, False


def _with_external(model: bytes, path: str, output: str | None) -> Network:
    """External data beside the model's file, read as the program reads it: never from outside the
    model's folder. The parser asks for one file at a time."""
    from . import _files

    files: dict[str, bytes] = {}
    while True:
        try:
            return Network(model, output, files, path)
        except Error as why:
            if why.code != "external_data_missing" or why.node in files:
                raise
            location = why.node
        try:
            if len(files) == _files.most_external_files():
                raise ValueError(f"more than {len(files)} files of external data")
            files[location] = _files.read_beside(path, location)
        except NotBuilt as why:
            raise NotBuilt(f"{path}: its external data {location} has to be passed in, "
                           f"external={{location: bytes}}: {why}") from None
        except ValueError as why:
            raise ValueError(f"{path}: {why}") from None


def load(source: ModelSource, output: str | None = None, *,
         external: Mapping[str, bytes] | None = None) -> Network:
    """The network of an ONNX file.

    - `source`: a path, the file's bytes, or the name of a shipped network (`shipped`).
    - `output`: the graph's output to compute; by default the first that is an MLP.
    - `external`: files of external tensor data by their locations. By default they are read from
      inside the folder of the model's file, never from elsewhere.

    Raises `Error` with code, offset and node where the model is refused, OSError where it cannot
    be read.
    """
    model, path, is_shipped = _source(source)
    try:
        return Network(model, output, None if is_shipped else external, path, is_shipped)
    except Error as why:
        if why.code != "external_data_missing" or external is not None or not path:
            raise
    return _with_external(model, path, output)


def quantize(source: ModelSource, output: str | None = None, *, per_channel: bool = False,
             rows: Any = None, calibration: str = "minmax", percentile: float = 99.999,
             external: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of the model with int8 weights, as `tinymlp quantize` writes them: scales, weights
    and zero points are ONNX Runtime's.

    - `per_channel`: one scale an output instead of a layer.
    - `rows`: fixes the activations' scales beforehand, from float32 [N, K], or from a path to a log
      or CSV as the program reads it. Without, each row has its own.
    - `calibration`: "minmax", "percentile" (less what lies beyond `percentile`) or "mse".
    """
    from . import _files

    program = _files.program("quantising")
    if calibration not in program.calibration_methods:
        raise ValueError(f"calibration is {calibration!r}; it is one of {', '.join(program.calibration_methods)}")
    if not isinstance(percentile, (int, float)) or not 50 <= percentile <= 100:
        raise ValueError(f"percentile is {percentile!r}; it is a number from 50 to 100")
    net = load(source, output, external=external)
    if rows is not None and not isinstance(rows, (str, os.PathLike)):
        import numpy as np

        if not isinstance(rows, np.ndarray) or rows.dtype != np.float32 or rows.ndim != 2 \
                or rows.shape[1] != net.inputs or len(rows) == 0:
            raise ValueError(f"rows to calibrate with are a NumPy array of float32 [N, {net.inputs}], N above 0")
        rows = np.ascontiguousarray(rows).tobytes()
    elif rows is not None:
        rows = os.fspath(rows)
    made: bytes = program.quantize(net.source or "the model", net.model, net.external, output or "", per_channel,
                            rows, program.calibration_methods.index(calibration), percentile)
    return made


def inspect(source: ModelSource, output: str | None = None, *,
            external: Mapping[str, bytes] | None = None) -> Inspection:
    """What a model file holds; print() shows it step by step. Takes and raises what `load` does."""
    return load(source, output, external=external).inspection


def _inspect(model: bytes, output: str, external: dict[str, bytes], source: str) -> Inspection:
    try:
        found = _engine.describe(model, output, external)
    except Error as why:
        raise Error(why.first, why.obstacles, source) from None
    for key in ("inputs", "outputs"):
        found[key] = tuple(Value(**{**v, "shape": tuple(v["shape"])}) for v in found[key])
    found["steps"] = tuple(Step(**s) for s in found["steps"])
    for key in ("labels", "mean", "std"):
        found[key] = tuple(found[key])
    return Inspection(**found, bytes=len(model), sha256=hashlib.sha256(model).hexdigest(), source=source)
