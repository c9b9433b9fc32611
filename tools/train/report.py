#!/usr/bin/env python3
"""Fills the generated parts of model/README.md from the JSON files beside it.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. With --check nothing is written
and the exit status is 1 when a part is stale. Needs only the standard library.
"""
import argparse
import json
import pathlib
import re
import sys

from tinymlp_train import files

MODEL_DIR = pathlib.Path(__file__).resolve().parents[2] / "model"
PART = re.compile(r"(<!-- generated: ([a-z0-9_]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def correlation(value):
    return f"{value:.6f}"


def points(value):
    return f"{value:.3f}"


def figures(summary, kind="clipped"):
    s = summary[kind]
    return [correlation(s["plcc"]), f"{s['srocc']:.4f}", points(s["rmse"])]


SET_HEAD = ["RMSE", "PLCC", "SROCC", "p99", "worst", "> 1, %", "> 2, %", "> 5, %"]


def spread_of(clipped):
    """The figures of SET_HEAD."""
    return ([points(clipped["rmse"]), correlation(clipped["plcc"]), f"{clipped['srocc']:.4f}",
             f"{clipped['p99_abs']:.2f}", f"{clipped['max_abs']:.2f}"]
            + [f"{100 * clipped[f'beyond_{n}']:.2f}" for n in (1, 2, 5)])


def sets(data, of=None):
    """All rows of every set at hand, ours beside the reference models."""
    rows = []
    for title, ours, theirs in of or SETS:
        for result in dict.fromkeys((ours, theirs)):
            for name, entry in data(result).items():
                s = entry["parts"]["all"]
                rows.append([title, name] + spread_of(s["clipped"]))
                title = ""
    return markdown(["Set", "Model"] + SET_HEAD, rows)


SETS = (("corpus (25 sources)", "evaluation.json", "reference.json"),
        ("public 4K (6 sources)", "public_4k.json", "public_4k.json"),
        ("videos, measured afresh", "unseen.json", "unseen.json"))
SETS_4K = (("corpus (25 sources)",) + ("evaluation_4k.json",) * 2,
           ("public 4K (6 sources)",) + ("public_4k_4k.json",) * 2)


def sets_4k(data):
    """The same of the networks of vmaf_4k_v0.6.1, against it."""
    return sets(data, SETS_4K)


def by_source(data):
    """RMSE / worst error of every source, ours beside the reference models."""
    def pair(summary):
        return f"{summary['clipped']['rmse']:.3f} / {summary['clipped']['max_abs']:.2f}"
    sets = [{**data(ours), **data(theirs)} for _, ours, theirs in SETS]
    names = list(sets[0])
    return markdown(["Source", "Rows"] + names, [
        [part, str(result[names[0]]["parts"][part]["rows"])]
        + [pair(result[n]["parts"][part]) for n in names]
        for result in sets for part in result[names[0]]["parts"] if part != "all"])


def verified(data):
    """What the search over the region found."""
    rows = []
    for name, entry in data("verification.json")["networks"].items():
        sampled, at = entry["sampled"], entry["worst_rows"][0]
        rows.append([name, entry["teacher"], f"{sampled['rows']:,}", points(sampled["rmse"]),
                     f"{sampled['p99']:.2f}", f"{sampled['max']:.2f}", f"{entry['worst']:.2f}",
                     ", ".join(f"{v:.3g}" for v in at["features"])])
    return markdown(["Network", "Approximates", "Rows", "RMSE", "p99", "worst sampled",
                     "worst by ascent", "there"], rows)


def extremes(data):
    """Largest errors on the worst real material, by source: of frames inside the region, and of the
    rest together."""
    by_network = data("verification.json")["networks"]
    names = list(by_network)
    inside = [entry["extremes"]["inside"] for entry in by_network.values()]
    rows = [[source, str(inside[0][source]["rows"])] + [f"{e[source]['max']:.2f}" for e in inside]
            for source in inside[0] if inside[0][source]["rows"]]
    for title, key in (("all inside", "all_inside"), ("outside", "outside")):
        found = [entry["extremes"][key] for entry in by_network.values()]
        if found[0]["rows"]:
            rows.append([title, str(found[0]["rows"])] + [f"{f['max']:.2f}" for f in found])
    return markdown(["Source", "Frames"] + names, rows)


def outside(data):
    """What of that material lies outside the region."""
    by_rule = {}
    for f in data("verification.json")["extremes"]["outside"]:
        by_rule.setdefault((f["source"], f["rule"]), []).append(f)
    return markdown(["Source", "Variants", "Frames outside", "Rule"], [
        [source, found[0]["variant"] if len(found) == 1 else str(len(found)),
         f"{sum(f['frames'] for f in found)} of {sum(f['of'] for f in found)}", rule]
        for (source, rule), found in by_rule.items()])


def region(data):
    """The rules, and how near the corpus comes to each."""
    slack = data("verification.json")["corpus_slack"]
    return markdown(["Rule", "Because", "Corpus stays clear by"], [
        [rule["rule"], rule["why"], f"{near:.3g}"]
        for rule, near in zip(data("region.json")["rules"], slack)])


def holdout(data):
    """Left-out sources, the shipped seed, per group."""
    result = data("holdout.json")
    seed = str(result["shipped_seed"])
    by_network = result["recipes"]["shipped"]["networks"]
    names = list(by_network)
    parts = list(by_network[names[0]][seed])
    head = ["Left-out group", "Rows"]
    head += [f"{n} {f}" for n in names for f in ("PLCC", "SROCC", "RMSE")]
    return markdown(head, [
        [part, str(by_network[names[0]][seed][part]["rows"])]
        + [c for n in names for c in figures(by_network[n][seed][part])] for part in parts])


def holdout_reference(data):
    """The reference models on the rows of the left-out sources, per group."""
    result = data("holdout_reference.json")
    names = list(result)
    head = ["Left-out group", "Rows"]
    head += [f"{n} {f}" for n in names for f in ("PLCC", "SROCC", "RMSE")]
    return markdown(head, [
        [part, str(summary["rows"])] + [c for n in names for c in figures(result[n]["parts"][part])]
        for part, summary in result[names[0]]["parts"].items()])


def holdout_recipes(data):
    """Left-out sources, shipped recipe against the reference recipe, over seeds."""
    result = data("holdout.json")
    rows = []
    for label, entry in result["recipes"].items():
        for name, by_seed in entry["networks"].items():
            worst = [s["all"]["clipped"] for s in by_seed.values()]
            rows.append([
                label, name,
                correlation(min(w["plcc"] for w in worst)),
                points(sum(w["rmse"] for w in worst) / len(worst)),
                points(max(w["rmse"] for w in worst))])
    head = ["Recipe", "Network", "PLCC, worst seed", "RMSE, mean of seeds", "RMSE, worst seed"]
    return markdown(head, rows)


def plus_minus(spread, figure):
    """`mean ± std`, with the digits that the figure is read with."""
    digits = {"plcc": 6, "rmse": 3, "max_abs": 2}.get(figure, 4)
    return f"{spread['mean']:.{digits}f} ± {spread['std']:.{digits}f}"


LOSO_FIGURES = ("plcc", "srocc", "srocc_position", "rmse", "max_abs")
LOSO_HEAD = ["PLCC", "SROCC", "SROCC by position", "RMSE", "worst"]


def over_sources(by_source, figure):
    """Mean and sample deviation over sources."""
    values = [s["clipped"][figure] for s in by_source]
    mean = sum(values) / len(values)
    return {"mean": mean, "std": (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5}


def loso(data):
    """Leave-source-out, mean and deviation over sources, with the reference models beside it."""
    models = {name: list(s.values()) for name, s in data("loso.json")["networks"].items()}
    models |= {name: [s for part, s in result["parts"].items() if part != "all"]
               for name, result in data("reference.json").items()}
    return markdown(["Network"] + LOSO_HEAD, [
        [name] + [plus_minus(over_sources(s, f), f) for f in LOSO_FIGURES]
        for name, s in models.items()])


def quantised_row(figures):
    """Drop, RMSE, mean, p99 and worst difference to fp32; PLCC and RMSE against the teacher."""
    f, t = figures["fp32"], figures["teacher"]
    return ([correlation(f["plcc_drop"]), f"{f['srocc']:.5f}"]
            + [points(f[k]) for k in ("rmse", "mean_abs", "p99_abs", "worst_abs")]
            + [correlation(t["plcc"]), points(t["rmse"])])


def activation_scales(data):
    """Dynamic activation scales beside fixed ones; the latter on clips not calibrated with."""
    rows = []
    for name, entry in data("int8.json")["networks"].items():
        for grain in entry["dynamic"]:
            kind = grain.replace("_", " ")
            rows.append([name, f"dynamic, {kind}"] + quantised_row(entry["dynamic"][grain]))
            if entry["static"]:
                static = entry["static"]["minmax"][grain]["clip_left_out"]
                rows.append([name, f"static, {kind}"] + quantised_row(static))
        fp32 = entry["fp32"]
        rows.append([name, "fp32"] + [""] * 6 + [correlation(fp32["plcc"]), points(fp32["rmse"])])
    return markdown(["Network", "Scales", "PLCC drop", "SROCC", "RMSE", "mean", "p99", "worst",
                     "teacher: PLCC", "RMSE"], rows)


def calibration(data):
    """Fixed scales by method, per tensor: on clips not calibrated with, and on all rows."""
    rows = []
    for name, entry in data("int8.json")["networks"].items():
        for method, by_grain in entry["static"].items():
            left_out, seen = (by_grain["per_tensor"][k]["fp32"]
                              for k in ("clip_left_out", "all_rows"))
            rows.append([name, method] + [
                points(f[k]) for f in (left_out, seen) for k in ("rmse", "p99_abs", "worst_abs")])
    return markdown(["Network", "Method", "left out: RMSE", "p99", "worst",
                     "all rows: RMSE", "p99", "worst"], rows)


def probes(data):
    evaluation = {**data("evaluation.json"), **data("evaluation_4k.json")}
    names = list(next(iter(evaluation.values()))["probes"])
    return markdown(["Network"] + [n.replace("_", " ") for n in names], [
        [network] + [f"{result['probes'][n]:.1f}" for n in names]
        for network, result in evaluation.items()])


PARTS = {f.__name__: f
         for f in (sets, sets_4k, by_source, verified, extremes, outside, region, loso, holdout,
                   holdout_reference, holdout_recipes, activation_scales, calibration, probes)}


def render(text, data):
    asked, known = re.findall(r"<!-- generated: (.*?) -->", text), PART.findall(text)
    if asked != [name for _, name, _ in known]:
        raise ValueError(f"a generated part has no end, or a name that is none: {asked}")
    if unused := set(PARTS) - set(asked):
        raise ValueError(f"the page has no part {', '.join(sorted(unused))}")

    def fill(match):
        name = match.group(2)
        if name not in PARTS:
            raise ValueError(f"no generated part is called {name}")
        return match.group(1) + PARTS[name](data) + match.group(3)
    return PART.sub(fill, text)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--check", action="store_true", help="only say whether the page is fresh")
    p.add_argument("--model-dir", default=MODEL_DIR, type=pathlib.Path, metavar="DIR")
    args = p.parse_args()
    page = args.model_dir / "README.md"
    old = page.read_text("utf-8")
    new = render(old, lambda name: json.loads((args.model_dir / name).read_text("utf-8")))
    if args.check and new != old:
        sys.exit(f"report: {page} is stale; run tools/train/report.py")
    if new != old:
        files.write_text(page, new)
    print(f"{page}: fresh")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, KeyError, OSError) as error:
        sys.exit(f"report: {error}")
