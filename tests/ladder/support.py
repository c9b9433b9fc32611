"""What the tests of the ladder share: the program, tensors inside ONNX files, recorded values."""
import base64
import functools
import hashlib
import json
import lzma
import os
import pathlib
import resource
import shutil
import struct
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))

import onnx_bytes  # noqa: E402  (needs the path above)
from program import FEATURES, PROGRAM, SHARED, ProgramTest, run  # noqa: E402,F401

MODEL = ROOT / "model"
SHIPPED = ("mlp_small", "mlp_medium", "mlp_large")
REGISTERED = SHIPPED + tuple(f"{name}_4k" for name in SHIPPED)
UPSTREAM = ("vmaf_tiny_v2", "vmaf_tiny_v3", "vmaf_tiny_v4")
GRAINS = ("per_tensor", "per_channel")

# TensorProto.DataType, as far as these files use it: struct format, typed data field
TYPES = {1: ("f", 4), 2: ("B", 5), 3: ("b", 5), 7: ("q", 7)}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=None)
def recorded():
    """See record.py."""
    return json.loads((ROOT / "tests/ladder/recorded.json").read_text())


@functools.lru_cache(maxsize=None)
def corpus():
    """The training rows, as text."""
    return lzma.decompress((MODEL / "corpus.csv.xz").read_bytes())


def copy_models(folder):
    """Into a new folder: the networks SHIPPED, each in both forms with its sidecars, and a registry of
    these three; the 4K ones beside them would only repeat it all."""
    folder.mkdir()
    for name in SHIPPED:
        for path in MODEL.glob(f"{name}.*"):
            shutil.copy(path, folder)
    document = json.loads((MODEL / "registry.json").read_text())
    document["models"] = [entry for entry in document["models"] if entry["id"] in SHIPPED]
    (folder / "registry.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def room_per_file(size):
    """Options of run() with which a file may be no larger, as if the disk were full."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
            "restore_signals": False}  # SIGXFSZ stays ignored: the write fails


def varints(data):
    at = 0
    while at < len(data):
        value, at = onnx_bytes.read_varint(data, at)
        yield value - (1 << 64) if value >> 63 else value


def tensor(message):
    """(name, dims, type, values) of a TensorProto with its data inside."""
    name, dims, kind, values, raw = "", [], 0, [], None
    fields = onnx_bytes.fields(message)
    for number, wire, payload in fields:
        if number == 1:
            dims += [payload] if wire == 0 else list(varints(payload))
        elif number == 2:
            kind = payload
        elif number == 8:
            name = payload.decode()
        elif number == 9:
            raw = payload
    code, typed = TYPES[kind]
    if raw is not None:
        values = list(struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw))
    for number, wire, payload in fields:
        if number == typed and code == "f":
            values += struct.unpack(f"<{len(payload) // 4}f", payload)
        elif number == typed:
            values += [payload] if wire == 0 else list(varints(payload))
    return name, dims, kind, values


class Graph:
    """Nodes as (op_type, inputs, outputs), and constants by name."""

    def __init__(self, model):
        self.model = {n: p for n, _, p in onnx_bytes.fields(model)}
        fields = onnx_bytes.fields(self.model[onnx_bytes.GRAPH])
        self.tensors = {}
        self.nodes = []
        for number, _, payload in fields:
            if number == onnx_bytes.INITIALIZER:
                name, *rest = tensor(payload)
                self.tensors[name] = rest
            if number == onnx_bytes.NODE:
                parts = onnx_bytes.fields(payload)
                self.nodes.append((
                    next(p.decode() for n, _, p in parts if n == 4),
                    [p.decode() for n, _, p in parts if n == 1],
                    [p.decode() for n, _, p in parts if n == 2]))

    def consumers(self, value, op_type):
        return [n for n in self.nodes if n[0] == op_type and value in n[1]]

    def int8_layers(self):
        """Per MatMulInteger: weight, scale and zero point, each [dims, type, values]."""
        layers = []
        for op_type, inputs, outputs in self.nodes:
            if op_type != "MatMulInteger":
                continue
            cast = self.consumers(outputs[0], "Cast")[0]
            product = self.consumers(cast[2][0], "Mul")[0]
            scales = next(v for v in product[1] if v != cast[2][0])
            both = next(n for n in self.nodes if scales in n[2])
            scale = next(v for v in both[1] if v in self.tensors)
            layers.append({"weight": self.tensors[inputs[1]], "scale": self.tensors[scale],
                           "zero_point": self.tensors[inputs[3]]})
        return layers

    def static_layers(self):
        """Per QuantizeLinear: weight, its zero point, scale and zero point of the activations, and
        the scale of the sum, each [dims, type, values]."""
        layers = []
        for op_type, inputs, outputs in self.nodes:
            if op_type != "QuantizeLinear":
                continue
            _, (_, weight, x_zero, zero), summed = self.consumers(outputs[0], "MatMulInteger")[0]
            cast = self.consumers(summed[0], "Cast")[0]
            product = self.consumers(cast[2][0], "Mul")[0]
            assert x_zero == inputs[2], (x_zero, inputs)
            layers.append({"weight": self.tensors[weight], "zero_point": self.tensors[zero],
                           "input_scale": self.tensors[inputs[1]],
                           "input_zero_point": self.tensors[inputs[2]],
                           "sum_scale": self.tensors[next(v for v in product[1] if v != cast[2][0])]})
        return layers


def packed(layers):
    """The layers as recorded.json keeps them: base64 of the little-endian bytes."""
    return [{name: {"dims": dims, "type": kind, "data": base64.b64encode(
                struct.pack(f"<{len(values)}{TYPES[kind][0]}", *values)).decode()}
             for name, (dims, kind, values) in layer.items()} for layer in layers]


def hash_of_layers(layers):
    return sha256(json.dumps(layers, sort_keys=True).encode())


def fp32_forms():
    """{name: bytes} of the fp32 models of tests/data/accepted.txt that are whole in there."""
    models, name = {}, None
    for line in (ROOT / "tests/data/accepted.txt").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "model":
            name = rest.split()[0] if rest.endswith(" fp32") else None
        elif word == "onnx" and name:
            models[name] = base64.b64decode(rest)
        elif word == "file":
            models.pop(name, None)  # external data: tests of their own
    return models


def main():
    """As unittest.main, but gone at once: ONNX Runtime has been seen to crash, after all tests had
    passed, while Python takes itself apart."""
    program = unittest.main(verbosity=2, exit=False)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(not program.result.wasSuccessful())
