"""Scores small neural networks stored as ONNX: the bits of the C++ engine, in Python.

    net = tinymlp.load("mlp_small")            # a shipped network, a path, or bytes
    scores = net(rows)                         # float32 [N, 6] -> [N]

`import tinymlp as ort` runs scripts that were written for onnxruntime. tinymlp.sklearn, .duckdb,
.polars and .spark score where the data is.
"""
from ._built import VERSION as __version__
from ._errors import Error, NotBuilt, Obstacle
from .logs import ScoredLog, score_log
from .network import (VMAF_FEATURES, Inspection, Network, Scores, Step, Value, inspect, load, quantize,
                      shipped)
from .session import (ExecutionMode, GraphOptimizationLevel, InferenceSession, ModelMetadata, NodeArg,
                      SessionOptions, get_available_providers, get_device)

__all__ = ["VMAF_FEATURES", "Error", "ExecutionMode", "GraphOptimizationLevel", "InferenceSession",
           "Inspection", "ModelMetadata", "Network", "NodeArg", "NotBuilt", "Obstacle", "ScoredLog",
           "Scores", "SessionOptions", "Step", "Value", "get_available_providers", "get_device",
           "inspect", "load", "quantize", "score_log", "shipped", "__version__"]
