#!/usr/bin/env python3
"""Leave-source-out: the sources are dealt into folds, and each is measured by networks that were
trained without any of its fold.

Both halves of a clip are in one fold, since either would give the other away. The samplers of training
rows see the remaining sources only; teacher and region stay. A finished part is kept under the work
directory, so a stopped run continues.
"""
import argparse
import hashlib
import json
import pathlib
import sys
import time

from tinymlp_train import corpus, files, metrics, networks, region, shipping

import numpy as np


def deal(sources, count):
    """[tuple of sources]: whole clips, by name, to one fold after the other."""
    clips = sorted({tuple(corpus.siblings(s, sources)) for s in sources})
    if not 2 <= count <= len(clips):
        raise ValueError(f"--folds must be 2 to {len(clips)}, the number of clips, not {count}")
    return [tuple(sorted(s for clip in clips[k::count] for s in clip)) for k in range(count)]


def train_fold(chosen, name, rows, fold, seed, path):
    """source -> summary, for every source of the fold."""
    kept = rows.x[~rows.mask(fold)]
    fitted = shipping.fit(name, chosen, kept, seed, path.with_suffix(".checkpoint"), path.stem)
    tests = {source: rows.rows(rows.mask([source])) for source in fold}
    return {s: metrics.summary(networks.predict(fitted, t.x), t.y) for s, t in tests.items()}


def part_path(work, chosen, name, rows, fold, seed):
    """Where a fold's result is kept: the name tells apart all that could change it."""
    description = hashlib.sha256(region.SHIPPED.read_bytes()).hexdigest()
    key = json.dumps([chosen.to_json(), name, rows.sha256, description, fold, seed])
    return work / f"loso_{name}_{seed}_{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def run_folds(args, recipes, rows, folds):
    """network -> source -> summary; trains only what is not there yet."""
    work = [(name, fold) for fold in folds for name in args.network]
    result = {name: {} for name in args.network}
    for done, (name, fold) in enumerate(work, 1):
        path = part_path(args.work, recipes[name], name, rows, fold, args.seed)
        started = time.monotonic()
        if not path.exists():
            files.write_json(path, train_fold(recipes[name], name, rows, fold, args.seed, path))
        result[name].update(json.loads(path.read_text("utf-8")))
        print(f"loso: {done}/{len(work)} {name}, {len(fold)} sources, "
              f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return {name: dict(sorted(by_source.items())) for name, by_source in result.items()}


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--network", nargs="+", choices=sorted(networks.SHAPES), metavar="NAME",
                   default=list(networks.SHAPES))
    p.add_argument("--folds", default=2, type=int, metavar="N")
    p.add_argument("--seed", default=0, type=int)
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    shipping.add_arguments(p)
    p.add_argument("--output", default=corpus.MODEL_DIR / "loso.json", type=pathlib.Path,
                   metavar="FILE")
    p.add_argument("--work", default="build/train", type=pathlib.Path, metavar="DIR",
                   help="where finished parts are kept")
    return p.parse_args()


def main():
    args = parse_arguments()
    files.require_folder(args.output)
    args.work.mkdir(parents=True, exist_ok=True)
    rows = corpus.load(args.corpus)
    folds = deal(rows.sources(), args.folds)
    recipes = {name: shipping.recipe_of(name, args) for name in args.network}
    by_network = run_folds(args, recipes, rows, folds)
    files.write_json(args.output, {
        "corpus_sha256": rows.sha256,
        "seed": args.seed,
        "folds": [list(fold) for fold in folds],
        "recipes": {name: chosen.to_json() for name, chosen in recipes.items()},
        "networks": by_network,
    })
    for name, by_source in by_network.items():
        rmse = [s["clipped"]["rmse"] for s in by_source.values()]
        most = max(s["clipped"]["max_abs"] for s in by_source.values())
        print(f"{name:10} RMSE over sources {np.mean(rmse):.4f}, highest {max(rmse):.4f}; "
              f"worst error {most:.3f}")
    print(args.output)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"loso: {error}")
