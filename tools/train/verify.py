#!/usr/bin/env python3
"""Searches the feasible region for the largest errors of the shipped networks.

Rows are sampled over all of model/region.json and scored by the file and by its teacher, exactly; from
the worst of them an ascent follows. Then rows of the worst real material (corpus.py --extremes) are
scored, and it is told which of them lie outside. Needs the teachers (fetch_teacher). Errors are of
clipped scores.
"""
import argparse
import hashlib
import pathlib
import sys

from tinymlp_train import corpus, files, inference, metrics, networks, region, search, teacher

import numpy as np

SAMPLED, STARTS, ROUNDS = 2_000_000, 2000, 120
DISTINCT = 8  # rows that are told of each network


def apart(x, errors):
    """Indices of the largest errors at rows that are not neighbours of a larger one."""
    kept, scale = [], 2 * search.STEPS
    for i, row in enumerate(x):
        if all((np.abs(row - x[k]) / scale).max() > 0.5 for k in kept):
            kept.append(i)
        if len(kept) == DISTINCT:
            break
    return kept


def outside(rows, variants, space):
    """What of the measured extremes the region leaves out, and the rule that it breaks by most."""
    slack = space.slack(rows.x)
    out, found = ~space.inside(rows.x), []
    for source, variant in dict.fromkeys(zip(rows.source[out], variants[out])):
        here = (rows.source == source) & (variants == variant)
        found.append({"source": source, "variant": variant, "frames": int((here & out).sum()),
                      "of": int(here.sum()),
                      "rule": space.names[slack[here & out].min(axis=0).argmin()]})
    return {"rows": len(rows), "inside": int((~out).sum()), "outside": found}


def of_extremes(model, truth, space, rows):
    """By source, of the rows inside the region; and of those outside together."""
    error = np.abs(metrics.clip(model.scores(rows.x).astype(np.float64)) - truth.score(rows.x))
    inside = space.inside(rows.x)

    def figures(mask):
        return {"rows": int(mask.sum()), "rmse": float(f"{np.sqrt(np.mean(error[mask] ** 2)):.6g}"),
                "max": float(f"{error[mask].max():.6g}")} if mask.any() else {"rows": 0}
    return {"inside": {s: figures(inside & rows.mask([s])) for s in rows.sources()},
            "all_inside": figures(inside), "outside": figures(~inside)}


def verify(name, model_dir, sampled, starts, seed, extremes):
    _, teacher_name = networks.describe(name)
    path = model_dir / f"{name}.onnx"
    model, truth, space = inference.Model(path), teacher.load(teacher_name), region.load()
    x, errors, figures = search.worst(lambda rows: model.scores(rows).astype(np.float64), truth, space,
                                      corpus.load().x, np.random.default_rng(seed), sampled, starts,
                                      ROUNDS)
    rows = [{"features": [float(f"{v:.6g}") for v in x[i]], "teacher": float(f"{s:.6g}"),
             "error": float(f"{errors[i]:.6g}")}
            for i, s in ((i, truth.score(x[i:i + 1])[0]) for i in apart(x, errors))]
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "teacher": teacher_name,
            "sampled": figures, "starts": starts, "worst": float(errors[0]), "worst_rows": rows,
            "extremes": of_extremes(model, truth, space, extremes)}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--network", nargs="+", choices=networks.SHIPPED, metavar="NAME",
                   default=networks.SHIPPED)
    p.add_argument("--model-dir", default=corpus.MODEL_DIR, type=pathlib.Path, metavar="DIR")
    p.add_argument("--rows", default=SAMPLED, type=int, help="sampled per network")
    p.add_argument("--starts", default=STARTS, type=int, help="of the ascent")
    p.add_argument("--at-most", type=float, metavar="POINTS", help="exit 1 where an error is larger")
    p.add_argument("--seed", default=1, type=int, help="another than that of training")
    p.add_argument("--output", default=corpus.MODEL_DIR / "verification.json", type=pathlib.Path,
                   metavar="FILE")
    args = p.parse_args()
    if args.rows < 1 or args.starts < 1:
        raise ValueError("--rows and --starts must be at least 1")
    files.require_folder(args.output)
    space, extremes = region.load(), corpus.load(corpus.EXTREMES)
    slack = space.slack(corpus.load().x).min(axis=0)
    result = {"region_sha256": hashlib.sha256(region.SHIPPED.read_bytes()).hexdigest(),
              "corpus_slack": [float(f"{s:.6g}") for s in slack],
              "extremes_sha256": extremes.sha256,
              "extremes": outside(extremes, corpus.variants(corpus.EXTREMES), space), "networks": {}}
    for name in args.network:
        found = verify(name, args.model_dir, args.rows, args.starts, args.seed, extremes)
        result["networks"][name] = found
        print(f"{name:14} RMSE {found['sampled']['rmse']:.3f}, sampled worst "
              f"{found['sampled']['max']:.2f}, found by ascent {found['worst']:.2f}, on extreme video "
              f"{found['extremes']['all_inside']['max']:.2f}", flush=True)
    files.write_json(args.output, result)
    print(args.output)
    worst = max(found["worst"] for found in result["networks"].values())
    if args.at_most is not None and worst > args.at_most:
        raise ValueError(f"an error of {worst:.2f} points, more than --at-most {args.at_most:g}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"verify: {error}")
