#!/usr/bin/env python3
"""Leave-source-out: every source is left out of training in turn, for several seeds.

Two variants are reported. `source`: only the source itself is left out, as in the reference recipe.
`clip`: where a source is one half of a clip, the other half is left out too, since it would give
the first one away. Scaler and network are fitted on what remains; figures are for the source left
out. A finished part is kept under the work directory, so a stopped run continues.
"""
import argparse
import hashlib
import json
import pathlib
import sys
import time

from tinymlp_train import corpus, files, metrics, networks, recipe

import numpy as np

FIGURES = ("plcc", "srocc", "srocc_position", "rmse")
KINDS = ("clipped", "raw")


def variants(sources):
    """variant -> source -> the sources left out (sorted tuple) when it is measured."""
    return {
        "source": {s: (s,) for s in sources},
        "clip": {s: tuple(corpus.siblings(s, sources)) for s in sources},
    }


def batches(rows, folds):
    """Folds (tuples of sources) that leave equally many rows, so that they train in one stack."""
    by_size = {}
    for fold in folds:
        by_size.setdefault(int(rows.mask(fold).sum()), []).append(fold)
    return [sorted(by_size[size]) for size in sorted(by_size)]


def train_batch(chosen, name, rows, folds, seed):
    """"a+b" -> source -> summary, for every fold of the batch."""
    shape = networks.SHAPES[name]
    kept = [np.flatnonzero(~rows.mask(fold)) for fold in folds]
    trainer = recipe.Trainer(chosen, shape, rows.x, rows.y, kept, [seed] * len(folds))
    while trainer.epoch < chosen.epochs:
        trainer.run_epoch()
    result = {}
    for fold, network in zip(folds, trainer.fitted()):
        by_source = {}
        for source in fold:
            test = rows.rows(rows.mask([source]))
            by_source[source] = metrics.summary(networks.predict(network, test.x), test.y)
        result["+".join(fold)] = by_source
    return result


def part_path(work, chosen, name, rows, folds, seed):
    """Where a batch's result is kept: the name tells apart all that could change it."""
    key = json.dumps([chosen.to_json(), networks.SHAPES[name], rows.sha256, folds, seed])
    return work / f"loso_{name}_{seed}_{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def run_batches(args, chosen, rows, folds):
    """network -> seed -> "a+b" -> source -> summary; trains only what is not there yet."""
    work = [(name, seed, batch) for name in args.network for seed in args.seeds
            for batch in batches(rows, folds)]
    result = {name: {seed: {} for seed in args.seeds} for name in args.network}
    for done, (name, seed, batch) in enumerate(work, 1):
        path = part_path(args.work, chosen, name, rows, batch, seed)
        started = time.monotonic()
        if not path.exists():
            files.write_json(path, train_batch(chosen, name, rows, batch, seed))
        result[name][seed].update(json.loads(path.read_text("utf-8")))
        print(f"loso: {done}/{len(work)} {name} seed {seed}, {len(batch)} folds, "
              f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return result


def spread(values):
    """Mean and sample standard deviation (ddof 1) to 9 digits; no deviation of a single value."""
    values = np.asarray(values, np.float64)
    return {"mean": float(f"{values.mean():.9g}"),
            "std": float(f"{values.std(ddof=1):.9g}") if len(values) > 1 else None}


def summarise(by_seed, left_out):
    """Figures of one network and variant. Each seed's mean and deviation over folds; the deviation
    over folds of their seed means; and the deviation over seeds of their fold means."""
    def value(seed, source, kind, figure):
        found = by_seed[seed]["+".join(left_out[source])][source][kind][figure]
        return float("nan") if found is None else found  # no correlation with a constant
    result = {"folds": {
        source: {kind: {f: spread([value(seed, source, kind, f) for seed in by_seed])
                        for f in FIGURES} for kind in KINDS}
        for source in left_out}}
    for kind in KINDS:
        result[kind] = {}
        for f in FIGURES:
            table = np.array([[value(seed, s, kind, f) for s in left_out] for seed in by_seed])
            result[kind][f] = {
                "over_folds": spread(table.mean(axis=0)),
                "over_seeds": spread(table.mean(axis=1)),
                "per_seed": {str(seed): spread(row) for seed, row in zip(by_seed, table)},
            }
    return result


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--network", nargs="+", choices=sorted(networks.SHAPES), metavar="NAME",
                   default=list(networks.SHAPES))
    p.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4], metavar="N")
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    recipe.add_arguments(p)
    p.add_argument("--output", default=corpus.MODEL_DIR / "loso.json", type=pathlib.Path,
                   metavar="FILE")
    p.add_argument("--work", default="build/train", type=pathlib.Path, metavar="DIR",
                   help="where finished parts are kept")
    args = p.parse_args()
    if len(set(args.seeds)) < len(args.seeds):
        p.error("--seeds: each seed once")
    return args


def main():
    args = parse_arguments()
    chosen = recipe.from_arguments(args)
    files.require_folder(args.output)
    args.work.mkdir(parents=True, exist_ok=True)
    rows = corpus.load(args.corpus)
    by_variant = variants(rows.sources())
    folds = {fold for left_out in by_variant.values() for fold in left_out.values()}
    for fold in sorted(folds):
        if rows.mask(fold).all():
            raise ValueError(f"{args.corpus}: leaving out {' and '.join(fold)} leaves no rows to "
                             "train on; more sources are needed")
    trained = run_batches(args, chosen, rows, folds)
    result = {
        "corpus_sha256": rows.sha256,
        "recipe": chosen.to_json(),
        "seeds": args.seeds,
        "networks": {
            name: {variant: summarise(by_seed, left_out)
                   for variant, left_out in by_variant.items()}
            for name, by_seed in trained.items()},
    }
    files.write_json(args.output, result)
    for name, by_variant in result["networks"].items():
        for variant, summary in by_variant.items():
            plcc, rmse = (summary["clipped"][f] for f in ("plcc", "rmse"))
            print(f"{name:10} {variant:6} PLCC {plcc['over_folds']['mean']:.6f} "
                  f"+- {plcc['over_folds']['std']:.6f} over folds  "
                  f"RMSE {rmse['over_folds']['mean']:.4f} +- {rmse['over_folds']['std']:.4f}")
    print(args.output)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"loso: {error}")
