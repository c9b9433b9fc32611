#!/usr/bin/env python3
"""Trains without ten of the 25 sources and measures on those ten: the shipped recipe, and those that
know only the corpus' rows and scores.

Every clip is left out, with both halves of it (one half would give the other away), and of the
groups made from stills and from synthetic content one source each. What remains to train on is
stills in artificial motion and synthetic content, so the figures say how the networks do on content
of a kind that they never saw. A finished network's figures are kept under the work directory, so a
stopped run continues.
"""
import argparse
import hashlib
import json
import pathlib
import sys

from tinymlp_train import (checkpoint, corpus, distill, files, metrics, networks, recipe, region,
                           shipping)

import numpy as np

LEFT_OUT = ("box_a", "box_b", "cup_a", "cup_b", "slides_a", "slides_b", "st_coffee", "syn_life",
            "vtest_a", "vtest_b")
SEEDS = (0, 1, 2, 3, 4)
SHIPPED_SEED = 0


def measure(network, rows):
    scores = networks.predict(network, rows.x)
    groups = {g: rows.mask([s for s in rows.sources() if corpus.group(s) == g])
              for g in sorted({corpus.group(s) for s in rows.sources()})}
    parts = {**groups, "all": np.ones(len(rows), bool)}
    return {name: metrics.summary(scores[m], rows.y[m]) for name, m in parts.items()}


def tell(label, name, by_seed):
    figures = by_seed[str(SHIPPED_SEED)]["all"]["clipped"]
    print(f"{label:7} {name:10} PLCC {figures['plcc']:.6f}  RMSE {figures['rmse']:.4f}", flush=True)


def kept_or_made(work, label, name, chosen, key, make):
    """seed -> figures of one network: those of an earlier run of the same, else make()'s."""
    text = json.dumps([label, name, chosen.to_json(), key])
    path = work / f"holdout_{label}_{name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not path.exists():
        files.write_json(path, make(path.with_suffix(".checkpoint"), f"holdout_{label}_{name}"))
    by_seed = json.loads(path.read_text("utf-8"))
    tell(label, name, by_seed)
    return by_seed


def shipped(name, measured, test, path, run):
    """The shipped recipe, whose samplers see only the rows `measured`, with the shipped seed."""
    fitted = shipping.fit(name, distill.SHIPPED[name], measured, SHIPPED_SEED, path, run)
    return {str(SHIPPED_SEED): measure(fitted, test)}


def fitted_to_corpus(name, chosen, rows, kept, test, path, run):
    trainer = recipe.Trainer(chosen, networks.SHAPES[name], rows.x, rows.y, [kept] * len(SEEDS), SEEDS)
    checkpoint.run(trainer, SEEDS, path, run)
    return {str(seed): measure(network, test) for seed, network in zip(SEEDS, trainer.fitted())}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    p.add_argument("--output", default=corpus.MODEL_DIR / "holdout.json", type=pathlib.Path,
                   metavar="FILE")
    p.add_argument("--work", default="build/train", type=pathlib.Path, metavar="DIR",
                   help="where checkpoints of an unfinished run are kept")
    args = p.parse_args()
    files.require_folder(args.output)
    args.work.mkdir(parents=True, exist_ok=True)
    rows = corpus.load(args.corpus)
    out = rows.mask(LEFT_OUT)
    kept, test = np.flatnonzero(~out), rows.rows(out)
    result = {
        "corpus_sha256": rows.sha256,
        "left_out": list(LEFT_OUT),
        "train_rows": len(kept),
        "test_rows": len(test),
        "shipped_seed": SHIPPED_SEED,
        "recipes": {},
    }
    space = hashlib.sha256(region.SHIPPED.read_bytes()).hexdigest()
    result["recipes"]["shipped"] = {
        "recipe": {n: r.to_json() for n, r in distill.SHIPPED.items()},
        "networks": {n: kept_or_made(args.work, "shipped", n, chosen, [rows.sha256, LEFT_OUT, space],
                                     lambda *at, n=n: shipped(n, rows.x[kept], test, *at))
                     for n, chosen in distill.SHIPPED.items()}}
    for label, chosen in (("corpus", recipe.CORPUS), ("base", recipe.BASE)):
        result["recipes"][label] = {
            "recipe": chosen.to_json(),
            "networks": {n: kept_or_made(
                args.work, label, n, chosen, [rows.sha256, LEFT_OUT, SEEDS],
                lambda *at, n=n: fitted_to_corpus(n, chosen, rows, kept, test, *at))
                for n in networks.SHAPES}}
    files.write_json(args.output, result)
    print(args.output)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"holdout: {error}")
