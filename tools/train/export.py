#!/usr/bin/env python3
"""Writes trained weights (.npz) as an ONNX file and its sidecar JSON.

Needs NumPy and onnx (requirements.txt). Equal weights give equal bytes. What a sidecar says of an
int8 file is kept while the fp32 file stays the same, and dropped when it changes.
"""
import argparse
import json
import pathlib
import sys

from tinymlp_train import files, networks, onnx_file

NOTES = ("{shape} approximation of libvmaf's {teacher} by its six features, trained on that function "
         "over model/region.json. The output is not clipped to 0..100, as libvmaf's scores are. The "
         "scaler is part of the graph: feed raw feature values.")


INT8_KEYS = ("quant_mode", "int8_sha256", "quant_calibration_set", "quant_accuracy_budget_plcc")


def keep_int8(sidecar, path):
    """Copies the int8 keys from the sidecar at `path` when it describes the same fp32 bytes."""
    if not path.exists():
        return sidecar
    old = json.loads(path.read_text("utf-8"))
    if old.get("sha256") == sidecar["sha256"]:
        return {**sidecar, **{k: old[k] for k in INT8_KEYS if k in old}}
    if "int8_sha256" in old:
        print(f"export: {path.stem}: the weights changed; quantise it anew", file=sys.stderr)
    return sidecar


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("weights", nargs="+", type=pathlib.Path, metavar="NAME.npz")
    p.add_argument("--output", default="model", type=pathlib.Path, metavar="DIR")
    args = p.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for path in args.weights:
        name = path.stem
        fitted = networks.load(path)
        shape, teacher = networks.describe(name)
        data = onnx_file.serialize(onnx_file.build(fitted, shape))
        notes = NOTES.format(shape="-".join(map(str, shape)), teacher=teacher)
        # The sidecar names the file's hash, so it is written last.
        files.write_bytes(args.output / f"{name}.onnx", data)
        beside = args.output / f"{name}.json"
        sidecar = onnx_file.sidecar(name, data, fitted, shape, notes)
        files.write_json(beside, keep_int8(sidecar, beside))
        print(f"{args.output / name}.onnx: {len(data)} bytes")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"export: {error}")
