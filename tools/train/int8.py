#!/usr/bin/env python3
"""Measures the int8 forms of the shipped networks over the corpus, against their fp32 scores and
against the teacher: activation scales from each row (dynamic), and, for those of vmaf_v0.6.1, fixed ones
(static) by every method of calibration.

Fixed scales are calibrated twice: on all rows, and for each clip on the rows of the others, which
tells how they do on content that they were not made for. The program quantises and scores; NumPy does
the rest.
"""
import argparse
import dataclasses
import hashlib
import io
import csv
import pathlib
import subprocess
import sys
import tempfile

from tinymlp_train import corpus, files, metrics, networks, teacher

import numpy as np

METHODS = ("minmax", "percentile", "mse")
GRAINS = {"per_tensor": [], "per_channel": ["--per-channel"]}


class Program:
    """tinymlp, with a folder for what it writes."""

    def __init__(self, path, folder, rows):
        self.path, self.model = path, pathlib.Path(folder) / "int8.onnx"
        self.rows = rows

    def run(self, *arguments, text=None):
        done = subprocess.run([self.path, *map(str, arguments)], input=text, capture_output=True)
        if done.returncode != 0:
            raise ValueError(f"{self.path} {arguments[0]}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def text(self, mask):
        """The rows as a CSV, each number as the corpus has it."""
        lines = [",".join(corpus.FEATURES)]
        lines += [",".join(map(repr, row)) for row in self.rows.x[mask].tolist()]
        return ("\n".join(lines) + "\n").encode()

    def scores(self, model, mask):
        out = self.run("score", "--model", model, "-", text=self.text(mask))
        return np.array([float(r["score"]) for r in csv.DictReader(io.StringIO(out))])

    def quantised(self, network, mask, *flags, calibrate=None):
        """Scores of the rows of `mask` by the int8 form; static where there are rows to calibrate
        with."""
        rows = [] if calibrate is None else ["--static", "-"]
        text = None if calibrate is None else self.text(calibrate)
        self.run("quantize", network, "--output", self.model, *rows, *flags, text=text)
        return self.scores(self.model, mask)


def against(fp32, other, target):
    """Figures of a quantised form: differences to fp32, and to the teacher after clipping."""
    distance = np.abs(other - fp32)
    return {
        "fp32": {
            "plcc_drop": 1 - metrics.plcc(fp32, other), "srocc": metrics.srocc(fp32, other),
            "rmse": metrics.rmse(fp32, other), "mean_abs": float(distance.mean()),
            "p99_abs": float(np.percentile(distance, 99)), "worst_abs": float(distance.max()),
        },
        "teacher": metrics.summary(other, target)["clipped"],
    }


def clips(rows):
    """Each clip's rows; two halves of one count as one."""
    names = sorted({tuple(corpus.siblings(s, rows.sources())) for s in rows.sources()})
    return [rows.mask(sources) for sources in names]


def static_figures(program, network, fp32, flags):
    rows = program.rows
    every = np.ones(len(rows), bool)
    left_out = np.empty(len(rows))
    for clip in clips(rows):
        left_out[clip] = program.quantised(network, clip, *flags, calibrate=~clip)
    seen = program.quantised(network, every, *flags, calibrate=every)
    return {"clip_left_out": against(fp32, left_out, rows.y), "all_rows": against(fp32, seen, rows.y)}


def measure(program, network):
    _, teacher_name = networks.describe(network.stem)
    rows = program.rows
    if teacher_name != teacher.LOGGED:
        rows = dataclasses.replace(rows, y=teacher.load(teacher_name).score(rows.x))
    every = np.ones(len(rows), bool)
    fp32 = program.scores(network, every)
    result = {"sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
              "fp32": metrics.summary(fp32, rows.y)["clipped"], "dynamic": {}, "static": {}}
    for grain, flags in GRAINS.items():
        result["dynamic"][grain] = against(fp32, program.quantised(network, every, *flags), rows.y)
        print(line(network.stem, grain, "dynamic", result["dynamic"][grain]), flush=True)
    for method in METHODS if teacher_name == teacher.LOGGED else ():
        result["static"][method] = {}
        for grain, flags in GRAINS.items():
            found = static_figures(program, network, fp32, ["--calibration", method, *flags])
            result["static"][method][grain] = found
            print(line(network.stem, grain, method, found["clip_left_out"]), flush=True)
    return result


def line(name, grain, form, figures):
    f, t = figures["fp32"], figures["teacher"]
    return (f"{name:10} {grain:11} {form:10} drop {f['plcc_drop']:.2e}  RMSE {f['rmse']:.4f}  "
            f"p99 {f['p99_abs']:.3f}  worst {f['worst_abs']:6.3f}  teacher: PLCC {t['plcc']:.6f}  "
            f"RMSE {t['rmse']:.4f}")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--program", default="build/tools/tinymlp", metavar="FILE")
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    p.add_argument("--model-dir", default=corpus.MODEL_DIR, type=pathlib.Path, metavar="DIR")
    p.add_argument("--output", default=corpus.MODEL_DIR / "int8.json", type=pathlib.Path,
                   metavar="FILE")
    args = p.parse_args()
    files.require_folder(args.output)
    rows = corpus.load(args.corpus)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(args.program, folder, rows)
        result = {"corpus_sha256": rows.sha256, "clips": len(clips(rows)), "networks": {
            name: measure(program, args.model_dir / f"{name}.onnx") for name in networks.SHIPPED}}
    files.write_json(args.output, result)
    print(args.output)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"int8: {error}")
