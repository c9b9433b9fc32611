"""The networks that tinymlp ships, and a trained network as plain arrays."""
import io
import zipfile
from dataclasses import dataclass

import numpy as np

from . import files

# name -> layer widths, input first
SHAPES = {
    "mlp_small": (6, 16, 8, 1),
    "mlp_medium": (6, 32, 16, 1),
    "mlp_large": (6, 64, 32, 16, 1),
}

# suffix of a shipped network's name -> the model of libvmaf's that it approximates
TEACHERS = {"": "vmaf_v0.6.1", "_4k": "vmaf_4k_v0.6.1"}
SHIPPED = tuple(shape + suffix for suffix in TEACHERS for shape in SHAPES)


def describe(name):
    """Layer widths and teacher of a shipped network."""
    if name not in SHIPPED:
        raise ValueError(f"{name} is none of {', '.join(SHIPPED)}")
    suffix = "_4k" if name.endswith("_4k") else ""
    return SHAPES[name.removesuffix(suffix)], TEACHERS[suffix]


def layers(shape):
    """(inputs, outputs) of each dense layer."""
    return list(zip(shape, shape[1:]))


def parameter_count(shape):
    """Weights and biases; the scaler is not counted."""
    return sum(inputs * outputs + outputs for inputs, outputs in layers(shape))


@dataclass(frozen=True)
class Fitted:
    """One trained network. mean, std: float64 [6]; weights: float32 [out,in]; biases: [out]."""

    mean: np.ndarray
    std: np.ndarray
    weights: list
    biases: list

    def shape(self):
        return (self.weights[0].shape[1],) + tuple(w.shape[0] for w in self.weights)


def predict(network, x):
    """Scores float64 [N] of rows x [N,6]: float32 parameters and inputs, float64 arithmetic."""
    value = x.astype(np.float32).astype(np.float64) - network.mean.astype(np.float32)
    value /= network.std.astype(np.float32)
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        value = value @ weight.T.astype(np.float64) + bias
        if i + 1 < len(network.weights):
            value = np.maximum(value, 0)
    return value[:, 0]


def save(path, network):
    """Writes an .npz; equal networks give equal bytes."""
    arrays = {"mean": network.mean, "std": network.std}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        arrays[f"weight_{i}"], arrays[f"bias_{i}"] = weight, bias
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    files.write_bytes(path, buffer.getvalue())


def load(path):
    """Reads what save() wrote; ValueError or OSError names the file when it is something else."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            count = sum(name.startswith("weight_") for name in stored.files)
            return Fitted(stored["mean"], stored["std"],
                          [stored[f"weight_{i}"] for i in range(count)],
                          [stored[f"bias_{i}"] for i in range(count)])
    except (KeyError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a trained network: {error}") from error
