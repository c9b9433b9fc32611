"""What the tests share: models, real rows, and the C++ batch call."""
import functools
import os
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = sorted((ROOT / "model").glob("*.onnx"))
#: Public networks beside the checkout: reference files, which are not part of a clone.
WILD = pathlib.Path(os.environ.get("TINYMLP_SHARED", ROOT.parent / "shared")) / "wild"
BUILD = ROOT / "build-python"
IS_LONG = bool(os.environ.get("TINYMLP_LONG"))


@functools.cache
def real_rows():
    """float32 [N, 6]: the rows that networks are quantised with."""
    path = ROOT / "model" / "quant_rows.csv"
    with open(path, encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    names = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
    columns = [header.index(n) for n in names]
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns, dtype=np.float64).astype(np.float32)


def many_rows(count, seed=15):
    """float32 [count, 6]: real rows, drawn and disturbed."""
    random = np.random.default_rng(seed)
    rows = real_rows()[random.integers(0, len(real_rows()), count)]
    return rows * (1 + 0.01 * random.standard_normal(rows.shape, dtype=np.float32))


@functools.cache
def batch_call():
    """The program that makes the C++ batch call, compiled."""
    program = BUILD / "batch_call"
    source = pathlib.Path(__file__).with_name("batch_call.cpp")
    headers = ROOT / "include" / "tinymlp.hpp"
    if not program.exists() or program.stat().st_mtime < max(source.stat().st_mtime, headers.stat().st_mtime):
        BUILD.mkdir(exist_ok=True)
        subprocess.run([os.environ.get("CXX", "g++"), "-std=c++20", "-O2", f"-I{ROOT / 'include'}", source, "-o",
                        program], check=True)
    return program


def cpp_scores(model, rows, folder):
    """What the C++ batch call gives for the ONNX file's bytes: float32, flat."""
    paths = [pathlib.Path(folder, name) for name in ("model.onnx", "rows.f32", "scores.f32")]
    paths[0].write_bytes(model)
    rows.tofile(paths[1])
    subprocess.run([batch_call(), *paths], check=True)
    return np.fromfile(paths[2], np.float32)


def same_bits(a, b):
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return a.dtype == b.dtype == np.float32 and a.shape == b.shape and bool((a.view(np.uint32) == b.view(np.uint32)).all())
