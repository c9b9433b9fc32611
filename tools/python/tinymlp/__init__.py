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
from .session import (ExecutionMode, ExecutionOrder, Fail, GraphOptimizationLevel, InferenceSession, InvalidArgument,
                      ModelMetadata, NodeArg, RunOptions, SessionOptions, disable_telemetry_events,
                      enable_telemetry_events, get_all_providers, get_available_providers, get_device,
                      get_version_string, set_default_logger_severity, set_default_logger_verbosity, set_seed)
from . import capi

__all__ = ["VMAF_FEATURES", "Error", "ExecutionMode", "ExecutionOrder", "Fail", "GraphOptimizationLevel",
           "InferenceSession", "Inspection", "InvalidArgument", "ModelMetadata", "Network", "NodeArg", "NotBuilt",
           "Obstacle", "RunOptions", "ScoredLog", "Scores", "SessionOptions", "Step", "Value", "capi",
           "disable_telemetry_events", "enable_telemetry_events", "get_all_providers", "get_available_providers",
           "get_device", "get_version_string", "inspect", "load", "quantize", "score_log",
           "set_default_logger_severity", "set_default_logger_verbosity", "set_seed", "shipped", "__version__"]
