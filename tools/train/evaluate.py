#!/usr/bin/env python3
"""Measures ONNX models on corpus rows: PLCC, SROCC and RMSE, raw and after clipping to [0,100].

Several models are set side by side on the same rows. SROCC uses average ranks; srocc_position in
the JSON breaks ties by position, as the reference models' published figures do. int8 models are
fed row by row. Needs NumPy and onnx; uses onnxruntime when it is installed.
"""
import argparse
import dataclasses
import pathlib
import sys

from tinymlp_train import corpus, files, inference, metrics, teacher

import numpy as np

# Rows at the ends of the range, where nothing in the corpus holds the output.
PROBES = {
    "perfect_static_frame": (1, 1, 1, 1, 1, 0),
    "all_zero": (0, 0, 0, 0, 0, 0),
}


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("models", nargs="+", type=pathlib.Path, metavar="FILE.onnx")
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    p.add_argument("--teacher", choices=teacher.NAMES, metavar="NAME", help="measure against this "
                   "model of libvmaf's, evaluated exactly, and not the scores in the file")
    p.add_argument("--sources", nargs="+", metavar="NAME", help="only the rows of these sources")
    p.add_argument("--by", choices=("all", "group", "source"), default="group",
                   help="one table line per group (default), per source, or only for all rows")
    p.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write the figures here")
    return p.parse_args()


def partition(rows, by):
    """Ordered name -> bool [N]; the last entry is all rows."""
    keys = {"all": lambda s: "all", "group": corpus.group, "source": lambda s: s}[by]
    names = sorted({keys(s) for s in rows.sources()} - {"all"})
    parts = {n: rows.mask([s for s in rows.sources() if keys(s) == n]) for n in names}
    return {**parts, "all": rows.mask(rows.sources())}


def measure(path, rows, parts):
    """Figures of one model per part, and its score of each probe row."""
    model = inference.Model(path)
    predicted = model.scores(rows.x)
    probes = model.scores(np.array(list(PROBES.values()), np.float32))
    return {
        "parts": {name: metrics.summary(predicted[m], rows.y[m]) for name, m in parts.items()},
        "probes": {name: float(score) for name, score in zip(PROBES, probes)},
    }


def labels(paths):
    """What to call each model -> its path: the file's name, and the path where two share that."""
    stems = [path.stem for path in paths]
    return {path.stem if stems.count(path.stem) == 1 else str(path): path for path in paths}


def table(results, parts):
    """Text: per model and part, the raw and the clipped figures."""
    width = max(len(n) for n in list(parts) + list(results))
    head = f"{'':{width}}  {'rows':>6}  {'PLCC':>8} {'SROCC':>8} {'RMSE':>7}"
    lines = [head + f"  {'clipped:':>9} {'PLCC':>8} {'SROCC':>8} {'RMSE':>7} {'max':>6}"]
    for model, result in results.items():
        lines.append(model)
        for name, s in result["parts"].items():
            raw, clipped = s["raw"], s["clipped"]
            lines.append(
                f"{name:>{width}}  {s['rows']:6d}  {raw['plcc']:8.6f} {raw['srocc']:8.6f} "
                f"{raw['rmse']:7.4f}  {'':9} {clipped['plcc']:8.6f} {clipped['srocc']:8.6f} "
                f"{clipped['rmse']:7.4f} {clipped['max_abs']:6.2f}")
    return "\n".join(lines)


def main():
    args = parse_arguments()
    if args.json:
        files.require_folder(args.json)
    if uhd := [m.name for m in args.models if m.stem.removesuffix(".int8").endswith("_4k") and not args.teacher]:
        raise ValueError(f"{uhd[0]} follows vmaf_4k_v0.6.1, the rows' scores are another model's: "
                         "say --teacher vmaf_4k_v0.6.1")
    rows = corpus.load(args.corpus)
    if args.sources:
        rows = rows.rows(rows.mask(args.sources))
    if args.teacher:
        rows = dataclasses.replace(rows, y=teacher.load(args.teacher).score(rows.x))
    parts = partition(rows, args.by)
    results = {name: measure(path, rows, parts) for name, path in labels(args.models).items()}
    print(table(results, parts))
    if args.json:
        files.write_json(args.json, results)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"evaluate: {error}")
