"""From a log of libvmaf or FFmpeg, or a CSV of features, to scores. The program's readers."""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _files
from .network import VMAF_FEATURES, Network, load

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, repr=False)
class ScoredLog:
    """A log's frames and their scores; a table of equally long columns.

    `log["score"]` is a column, `log.columns` are all; `log.to_arrow()` makes a pyarrow.Table, and
    whatever reads Arrow's C stream takes the log itself (polars.DataFrame(log)).
    """

    frame: npt.NDArray[np.int64]  #: [N], as the log numbers them
    features: npt.NDArray[np.float32]  #: [N, 6] in the order of VMAF_FEATURES
    score: npt.NDArray[np.float32]  #: [N]
    own_score: npt.NDArray[np.float64] | None  #: [N], the log's own; None where it has none
    own_key: str  #: that carries it, "vmaf"
    own_model: str  #: that wrote it, "vmaf_v0.6.1"; may be empty
    format: str  #: "libvmaf JSON", "libvmaf XML" or "CSV"
    version: str  #: of the writer; may be empty
    keys: tuple[str, ...]  #: the features as the log spells them
    notes: tuple[str, ...]  #: what a person should know of the log
    clipped: bool  #: whether scores are clipped to 0..100
    network: Network
    source: str

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """frame, the six features, vmaf where the log has a score of its own, score."""
        named: dict[str, Any] = {"frame": self.frame}
        named.update((name, self.features[:, i]) for i, name in enumerate(VMAF_FEATURES))
        if self.own_score is not None:
            named["vmaf"] = self.own_score
        named["score"] = self.score
        return named

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        columns = self.columns
        if name not in columns:
            raise KeyError(f"no column {name!r}; the log has {', '.join(columns)}")
        return columns[name]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def pooled(self) -> dict[str, float]:
        """min, max, mean and harmonic_mean as libvmaf pools; NaN with a score that is not finite."""
        return _files.pool(self.score.astype(np.float64).tobytes())

    def to_arrow(self) -> Any:
        import pyarrow

        return pyarrow.table({name: np.ascontiguousarray(c) for name, c in self.columns.items()})

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<tinymlp.ScoredLog {self.source}: {len(self)} frames, {self.format}, by {self.network.source}>"


def score_log(path: Union[str, "os.PathLike[str]"], network: Union[Network, str] = "mlp_small", *,
              clip: bool | None = None, feature_suffix: str | None = None,
              own_score: str | None = None) -> ScoredLog:
    """Scores the frames of a log: libvmaf's JSON, XML or CSV of any version, FFmpeg's, or a CSV whose
    header names the six features.

    - `network`: a Network of six features and one output, or what `load` takes.
    - `clip`: to 0..100. By default scores of a network that was asked for by a shipped name are, as libvmaf's
      are, and those of a file or of bytes are not, whatever they hold: as `tinymlp score` does. Nothing else
      depends on a name.
    - `feature_suffix`, `own_score`: which keys carry the features and the log's own score, as in
      `tinymlp score`.

    Raises ValueError, naming line or byte, for what is wrong with the log.
    """
    net = network if isinstance(network, Network) else load(network)
    if (net.inputs, net.outputs) != (6, 1):
        raise ValueError(f"{net!r} takes {net.inputs} features and gives {net.outputs} values; frames "
                         "have six features and get one score")
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise TypeError(f"path is a {type(name).__name__}; it is a str or an os.PathLike of str")
    for key, value in (("feature_suffix", feature_suffix), ("own_score", own_score)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{key} is {value!r}; it is a str")
    if name == "-":
        name = "./-"  # a file of that name: standard input is the program's
    log = _files.read_log(name, feature_suffix, own_score)
    features = np.frombuffer(log["features"], np.float32).reshape(-1, 6)
    score = np.asarray(net(features)).reshape(-1)
    clips = net.is_shipped if clip is None else bool(clip)
    if clips:
        score = np.where(score < 0, np.float32(0), np.where(score > 100, np.float32(100), score))
    return ScoredLog(
        frame=np.frombuffer(log["frames"], np.int64), features=features, score=score,
        own_score=np.frombuffer(log["own"], np.float64) if log["has_own_score"] else None,
        own_key=log["own_key"], own_model=log["own_model"], format=log["format"],
        version=log["version"], keys=tuple(log["keys"]), notes=tuple(log["notes"]), clipped=clips,
        network=net, source=name)
