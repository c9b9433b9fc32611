"""The notebook quality.ipynb as text: write.py makes it, runs it and keeps its figures."""

# %%
# # From a log to a report, from scikit-learn to C++
#
# Two things that one does with the package. First, features that libvmaf measured become a quality
# report per title. Then a model is fitted with scikit-learn, and C++ runs it with the same bits.
# %%
import lzma
import pathlib
import subprocess
import tempfile
import warnings

import matplotlib.pyplot as plt
import numpy as np
import polars as pl

import tinymlp
import tinymlp.polars

%config InlineBackend.figure_formats = ["svg"]
%config InlineBackend.print_figure_kwargs = {"metadata": {"Date": None}}
plt.rcParams.update({"figure.figsize": (8, 3.2), "axes.spines.top": False, "axes.spines.right": False,
                     "svg.hashsalt": "tinymlp"})
ROOT = pathlib.Path.cwd().resolve().parents[2]
# %%
# ## One clip
#
# `score_log` reads the logs of libvmaf and FFmpeg, of any version: JSON, XML or CSV. The shipped networks
# approximate libvmaf's own model vmaf_v0.6.1, which wrote its scores into this log as well.
# %%
log = tinymlp.score_log(ROOT / "model/samples/vtest_x264_36.json", "mlp_medium")
print(f"{len(log)} frames of a {log.format} log, scored by {log.network.source}")
print({key: round(value, 2) for key, value in log.pooled.items()})
print("largest difference from libvmaf:", abs(log["score"] - log["vmaf"]).max().round(2), "points")
# %%
figure, axes = plt.subplots()
axes.plot(log["frame"], log["vmaf"], color="0.6", label="libvmaf, vmaf_v0.6.1")
axes.plot(log["frame"], log["score"], "C0", label="mlp_medium")
axes.set(xlabel="frame", ylabel="VMAF")
axes.legend(frameon=False);
# %%
# ## A catalogue
#
# The repository holds the features of 25 sources, each encoded in some fifty ways. The network is one
# expression of a Polars query; nothing is copied on the way.
# %%
with lzma.open(ROOT / "model/corpus.csv.xz") as file:
    corpus = pl.read_csv(file.read(), schema_overrides={"param": pl.String})
scored = corpus.with_columns(tinymlp.polars.score("mlp_medium").clip(0, 100).alias("score"))
print(f"{len(scored):,} frames of {scored['source'].n_unique()} titles")
scored.select("source", "codec", "param", "frame", "vmaf", "score").sample(5, seed=1)
# %%
# How near is it to libvmaf, over all of these frames? (Some of them are among the rows that networks
# were quantised with; `model/README.md` has the figures on what they never saw.)
# %%
difference = scored["score"] - scored["vmaf"]
print(f"RMSE {(difference**2).mean() ** 0.5:.3f}, worst {difference.abs().max():.2f} points")
figure, axes = plt.subplots()
axes.hist(difference, bins=np.linspace(-0.6, 0.6, 81), color="C0")
axes.set(xlabel="network less libvmaf, points", ylabel="frames");
# %%
# **The report.** For each title: the mean over its x264 encodes, how bad the worst twentieth of frames is, and
# the encode that costs least among those that stay above 80 (`param` is x264's rate factor: higher is
# smaller).
# %%
clips = (scored.filter(pl.col("codec") == "x264").with_columns(pl.col("param").cast(pl.Int64))
         .group_by("source", "param").agg(pl.col("score").cast(pl.Float64).mean().alias("mean"),
                                          pl.col("score").cast(pl.Float64).quantile(0.05).alias("p5")))
report = (clips.group_by("source").agg(
    pl.col("mean").mean().round(1).alias("mean"), pl.col("p5").min().round(1).alias("worst p5"),
    pl.col("param").filter(pl.col("mean") >= 80).max().alias("highest crf above 80")).sort("mean", "source"))
with pl.Config(tbl_rows=30, tbl_hide_dataframe_shape=True):
    print(report)
# %%
figure, axes = plt.subplots(figsize=(8, 3.6))
for (title,), rungs in clips.sort("source", "param").group_by("source", maintain_order=True):
    axes.plot(rungs["param"], rungs["mean"], color="C0", alpha=0.35, linewidth=1)
axes.axhline(80, color="0.6", linewidth=1, linestyle=":")
axes.set(xlabel="x264 rate factor", ylabel="mean VMAF of the clip", title="Each line is a title");
# %%
# ## From scikit-learn to C++
#
# A regressor that guesses a clip's quality from two features only. What matters here is the way: the fitted
# pipeline becomes an ONNX file, the file becomes part of a C++ program, and its results are the same 32 bits.
# %%
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tinymlp.sklearn

features = corpus.select("adm2", "vif_scale3").to_numpy().astype(np.float32)
target = corpus["vmaf"].to_numpy()
pipeline = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(16, 8), activation="tanh", max_iter=15, random_state=0))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fifteen passes are enough for an example
    pipeline.fit(features, target)
fast = tinymlp.sklearn.wrap(pipeline)
print(fast)
print("largest difference from scikit-learn, which computes in float64:",
      f"{abs(fast.predict(features) - pipeline.predict(features)).max():.1e}")
# %%
# The bytes go into a header; the compiler parses them and deduces the network's type.
# %%
PROGRAM = r"""
#include <tinymlp.hpp>
#include <cstdio>
#include <vector>
#include "model.hpp"
int main() {
  static constexpr auto net = tinymlp::embed<model>();
  std::vector<float> rows(net.inputs * 10000), out(10000);
  rows.resize(std::fread(rows.data(), sizeof(float), rows.size(), stdin));
  out.resize(rows.size() / net.inputs);
  if (net.run(rows, out) != tinymlp::status::ok) return 1;
  std::fwrite(out.data(), sizeof(float), out.size(), stdout);
}
"""
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    data = ",".join(map(str, fast.onnx))
    folder.joinpath("model.hpp").write_text(f"inline constexpr unsigned char model[] = {{{data}}};\n")
    folder.joinpath("program.cpp").write_text(PROGRAM)
    subprocess.run(["g++", "-std=c++20", "-O2", f"-I{ROOT / 'include'}", "program.cpp", "-o", "program"], cwd=folder, check=True)
    rows = features[:10000]
    from_cpp = np.frombuffer(subprocess.run([folder / "program"], input=rows.tobytes(), stdout=subprocess.PIPE, check=True).stdout, np.float32)
assert (from_cpp.view(np.uint32) == fast.predict(rows).view(np.uint32)).all()
print(f"{len(from_cpp):,} results, all bits the same")
