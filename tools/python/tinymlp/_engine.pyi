from typing import Any

import numpy as np
import numpy.typing as npt

class Network:
    def __init__(self, model: bytes, output: str, external: dict[str, bytes]) -> None: ...
    def __call__(self, x: npt.NDArray[np.float32], /, *, out: npt.NDArray[np.float32] | None = None,
                 threads: int = 1) -> Any: ...
    @property
    def inputs(self) -> int:
        """Features in a row (K)."""
    @property
    def outputs(self) -> int:
        """Values out of it (M)."""
    @property
    def parameters(self) -> int:
        """Weights and biases of the dense layers."""
    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the layers, (6, 16, 8, 1)."""
    @property
    def activations(self) -> tuple[str, ...]:
        """One for each dense layer, ("relu", "relu", "identity")."""
    @property
    def kernel(self) -> str:
        """The instruction set that runs it, "avx2"."""
    @property
    def _is_scalar(self) -> bool: ...

class Scores:
    def __len__(self) -> int: ...
    def to_numpy(self) -> npt.NDArray[np.float32]: ...
    def _schema(self) -> Any: ...
    def _array(self) -> Any: ...
    def _stream(self) -> Any: ...

def score_columns(network: Network, stream: Any, array: Any, names: list[str], threads: int) -> Scores: ...
def describe(model: bytes, output: str, external: dict[str, bytes]) -> dict[str, Any]: ...
def shipped_models() -> dict[str, bytes]: ...
