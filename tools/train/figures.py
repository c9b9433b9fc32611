#!/usr/bin/env python3
"""Draws the pictures of model/README.md from the shipped files, the corpus and the JSON figures.

Needs Matplotlib, onnx and onnxruntime.
"""
import argparse
import json
import pathlib
import sys

from tinymlp_train import (corpus, inference, metrics, networks, plotting, quantized, region,
                           teacher)

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm

pyplot = plotting.pyplot
# Neither end of it disappears on a white or on a black page.
DENSITY = LinearSegmentedColormap.from_list("density", ["#6f8fb8", "#8a6fd1", "#d1508b", "#f0883e"])


def cells(axes, x, y, x_edges, y_edges):
    """Rows per cell, as a picture; cells without a row stay clear."""
    counts, _, _ = np.histogram2d(x, y, bins=(x_edges, y_edges))
    extent = (x_edges[0], x_edges[-1], y_edges[0], y_edges[-1])
    axes.grid(True)
    return axes.imshow(np.ma.masked_equal(counts.T, 0), origin="lower", cmap=DENSITY,
                       norm=LogNorm(1, 3000), extent=extent, aspect="auto",
                       interpolation="nearest")


def density(data):
    """Prediction and its error against the teacher, all corpus rows, one column per network."""
    figure, panels = pyplot.subplots(2, 3, figsize=(9.6, 5.6), sharex=True, sharey="row",
                                     height_ratios=(3, 2), layout="constrained")
    score_edges = np.linspace(-2, 102, 105)
    for (above, below), (name, scores) in zip(panels.T, data.scores.items()):
        image = cells(above, data.rows.y, scores, score_edges, score_edges)
        error = np.clip(scores - data.rows.y, -1.5, 1.5)
        cells(below, data.rows.y, error, score_edges, np.linspace(-1.5, 1.5, 61))
        figures = metrics.summary(scores, data.rows.y)["raw"]
        above.set_title(f"{name}\nPLCC {figures['plcc']:.6f}, RMSE {figures['rmse']:.3f}")
        below.set_xlabel("teacher (vmaf_v0.6.1)")
    panels[0, 0].set_ylabel("prediction, not clipped")
    panels[1, 0].set_ylabel("prediction - teacher\n(limited to 1.5)")
    figure.colorbar(image, ax=panels, shrink=0.7, label="rows per cell")
    return figure, "Prediction, and its error, against the teacher's score: rows per cell"


def residual_by_source(data):
    """Left: spread of the shipped files' residuals. Right: RMSE when the source is left out."""
    sources = data.rows.sources()
    loso = json.loads((data.model_dir / "loso.json").read_text("utf-8"))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9.6, 7.2), sharey=True)
    figure.subplots_adjust(left=0.13, right=0.98, top=0.92, bottom=0.13, wspace=0.06)
    place = np.arange(len(sources))[::-1]
    for k, (name, scores) in enumerate(data.scores.items()):
        residual = metrics.clip(scores) - data.rows.y
        cuts = np.array([np.percentile(residual[data.rows.source == s], [1, 25, 50, 75, 99])
                         for s in sources])
        at, colour = place + (1 - k) * 0.26, plotting.COLOURS[name]
        left.hlines(at, cuts[:, 0], cuts[:, 4], color=colour, linewidth=1)
        left.hlines(at, cuts[:, 1], cuts[:, 3], color=colour, linewidth=4, label=name)
    left.axvline(0, color=plotting.INK, linewidth=0.8)
    left.set_xlabel("residual after clipping, VMAF points")
    left.set_title("shipped files:\nmiddle half, and 1 % to 99 %")
    for k, (name, by_source) in enumerate(loso["networks"].items()):
        right.plot([by_source[s]["clipped"]["rmse"] for s in sources], place + (1 - k) * 0.26, "o",
                   markersize=4, color=plotting.COLOURS[name], label=name)
    for name, mark in (("vmaf_tiny_v3", "|"), ("vmaf_tiny_v4", "x")):
        parts = data.reference[name]["parts"]
        right.plot([parts[s]["clipped"]["rmse"] for s in sources], place, mark, markersize=6,
                   color="#8b949e", label=name)
    right.set_xscale("log")
    right.set_xticks([0.01, 0.03, 0.1, 0.3, 1], ["0.01", "0.03", "0.1", "0.3", "1"])
    right.set_xticks([], minor=True)
    right.set_xlabel("RMSE after clipping, VMAF points (log)")
    right.set_title("left out of training with its fold")
    left.set_yticks(place, sources)
    for axes in (left, right):
        axes.grid(True, axis="x")
    figure.legend(*right.get_legend_handles_labels(), loc="lower center", ncols=5)
    return figure, "Residuals by source"


def largest(axes, x, y, value, x_edges, y_edges):
    """The largest value per cell, as a picture; cells without a row stay clear."""
    cell = [np.clip(np.digitize(v, e) - 1, 0, len(e) - 2) for v, e in ((x, x_edges), (y, y_edges))]
    most = np.full((len(x_edges) - 1, len(y_edges) - 1), -1.0)
    np.maximum.at(most, tuple(cell), value)
    extent = (x_edges[0], x_edges[-1], y_edges[0], y_edges[-1])
    axes.grid(True)
    return axes.imshow(np.ma.masked_less(most.T, 0), origin="lower", cmap=DENSITY, extent=extent,
                       norm=LogNorm(0.02, 5), aspect="auto", interpolation="nearest")


def error_over_space(data, teacher_name=teacher.LOGGED):
    """The largest error after clipping over the feasible region, in two pairs of coordinates."""
    random, space, truth = np.random.default_rng(2), region.load(), teacher.load(teacher_name)
    x = np.concatenate([region.draw(space, sampler, random, 300_000, data.rows.x)
                        for sampler in ("wide", "powers")])
    score = truth.score(x)
    figure, panels = pyplot.subplots(2, 3, figsize=(9.6, 5.8), sharey="row", layout="constrained")
    for (above, below), (name, model) in zip(panels.T, data.models[teacher_name].items()):
        error = np.abs(metrics.clip(model.scores(x)) - score)
        image = largest(above, x[:, 3], x[:, 0], error, np.linspace(0, 1.25, 70),
                        np.linspace(0, 1.6, 70))
        largest(below, x[:, 5], score, error, np.linspace(0, region.MOTION_MOST, 70),
                np.linspace(0, 100, 70))
        above.set_title(f"{name}\nRMSE {np.sqrt(np.mean(error ** 2)):.3f}, largest {error.max():.2f}")
        above.set_xlabel("vif_scale2")
        below.set_xlabel("motion2")
    panels[0, 0].set_ylabel("adm2")
    panels[1, 0].set_ylabel(f"teacher ({teacher_name})")
    figure.colorbar(image, ax=panels, shrink=0.7, label="largest error, VMAF points")
    return figure, "Largest error over the feasible region"


def error_over_space_4k(data):
    return error_over_space(data, "vmaf_4k_v0.6.1")


def int8_difference(data):
    """Distribution of int8 minus fp32, each row scored alone."""
    figure, panels = pyplot.subplots(1, 3, figsize=(9.6, 3.0), sharey=True, layout="constrained")
    bins = np.linspace(-1, 1, 81)
    for axes, (name, model) in zip(panels, data.int8.items()):
        difference = model.scores(data.x[data.sample]) - data.scores[name][data.sample]
        axes.hist(np.clip(difference, -1, 1), bins, color=plotting.COLOURS[name],
                  weights=np.full(len(difference), 100 / len(difference)))
        axes.axvline(0, color=plotting.INK, linewidth=0.8)
        axes.set_title(f"{name}\nmean |d| {np.abs(difference).mean():.3f}, "
                       f"largest {np.abs(difference).max():.2f}")
        axes.set_xlabel("int8 - fp32, VMAF points")
        axes.grid(True, axis="y")
    panels[0].set_ylabel("% of rows")
    return figure, "Difference between int8 and fp32 scores, each row scored alone"


def batch_dependence(data):
    """How far a row's int8 score moves with the rows that happen to share its batch."""
    sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    order = np.random.default_rng(0).permutation(data.sample)
    order = order[:len(order) // sizes[-1] * sizes[-1]]
    figure, panels = pyplot.subplots(1, 3, figsize=(9.6, 3.2), sharey=True, layout="constrained")
    for axes, (name, model) in zip(panels, data.int8.items()):
        x = data.x[order]
        alone = model.scores(x)
        moved = []
        for size in sizes:
            together = np.concatenate([model.batch(x[i:i + size])
                                       for i in range(0, len(x), size)])
            moved.append(np.abs(together - alone))
        colour = plotting.COLOURS[name]
        axes.fill_between(sizes, 0, [np.percentile(m, 99) for m in moved], color=colour,
                          alpha=0.3, linewidth=0, label="99 % of rows")
        axes.plot(sizes, [m.max() for m in moved], ":", color=colour, label="worst row")
        axes.plot(sizes, [m.mean() for m in moved], color=colour, label="mean")
        axes.plot(sizes, np.zeros(len(sizes)), color=plotting.INK, linewidth=2,
                  label="per row (tinymlp)")
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 4, 16, 64, 256, 1024], ["1", "4", "16", "64", "256", "1024"])
        axes.set_title(name)
        axes.set_xlabel("rows in the batch")
        axes.grid(True)
    panels[0].set_ylabel("change of a row's score,\nVMAF points")
    panels[0].set_ylim(top=1.5)
    panels[0].legend(loc="upper left", fontsize=8.5, ncols=2)
    return figure, "Change of int8 scores when one scale serves a whole batch"


FIGURES = (density, residual_by_source, error_over_space, error_over_space_4k, int8_difference,
           batch_dependence)


class Data:
    """What the pictures are drawn from."""

    def __init__(self, model_dir):
        self.rows = corpus.load(model_dir / "corpus.csv.xz")
        self.x = self.rows.x.astype(np.float32)
        self.sample = np.arange(0, len(self.rows), 4)  # int8 is scored row by row
        files = {name: model_dir / f"{name}.onnx" for name in networks.SHAPES}
        self.models = {}  # by teacher
        for name in networks.SHIPPED:
            of = self.models.setdefault(networks.describe(name)[1], {})
            of[name] = inference.Model(model_dir / f"{name}.onnx")
        self.scores = {name: model.scores(self.x)
                       for name, model in self.models[teacher.LOGGED].items()}
        self.int8 = {name: quantized.quantize(f) for name, f in files.items()}
        self.model_dir = model_dir
        self.reference = json.loads((model_dir / "reference.json").read_text("utf-8"))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--model-dir", default=corpus.MODEL_DIR, type=pathlib.Path, metavar="DIR")
    p.add_argument("--only", nargs="+", choices=[f.__name__ for f in FIGURES], metavar="NAME")
    args = p.parse_args()
    data = Data(args.model_dir)
    folder = args.model_dir / "figures"
    folder.mkdir(exist_ok=True)
    for draw in FIGURES:
        if args.only is None or draw.__name__ in args.only:
            path = folder / f"{draw.__name__}.svg"
            figure, title = draw(data)
            plotting.save(figure, path, title)
            print(path)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, KeyError, OSError) as error:
        sys.exit(f"figures: {error}")
