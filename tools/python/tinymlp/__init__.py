"""Scores small neural networks stored as ONNX: the bits of the C++ engine, in Python.

    net = tinymlp.load("mlp_small")            # a shipped network, a path, or bytes
    scores = net(rows)                         # float32 [N, 6] -> [N]
"""
from ._errors import Error, NotBuilt, Obstacle
from .network import (VMAF_FEATURES, Inspection, Network, Scores, Step, Value, inspect, load, shipped)

__all__ = ["VMAF_FEATURES", "Error", "Inspection", "Network", "NotBuilt", "Obstacle", "Scores",
           "Step", "Value", "inspect", "load", "shipped"]
