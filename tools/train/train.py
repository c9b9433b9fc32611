#!/usr/bin/env python3
"""Trains the shipped networks on the corpus and writes their weights as .npz files.

Needs PyTorch and NumPy (Debian: python3-torch). The same machine, corpus, recipe and seed give the
same bytes. A stopped run continues where it was when started again.
"""
import argparse
import pathlib
import sys

from tinymlp_train import checkpoint, corpus, networks, recipe


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--network", nargs="+", choices=sorted(networks.SHAPES), metavar="NAME",
                   default=list(networks.SHAPES), help="networks to train (default: all)")
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    p.add_argument("--output", default="build/train", type=pathlib.Path, metavar="DIR")
    p.add_argument("--seed", default=0, type=int)
    recipe.add_arguments(p)
    return p.parse_args()


def main():
    args = parse_arguments()
    chosen = recipe.from_arguments(args)
    rows = corpus.load(args.corpus)
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.network:
        trainer = recipe.Trainer(chosen, networks.SHAPES[name], rows.x, rows.y,
                                 [range(len(rows))], [args.seed])
        checkpoint.run(trainer, [args.seed], args.output / f"{name}.checkpoint", name)
        path = args.output / f"{name}.npz"
        networks.save(path, trainer.fitted()[0])
        print(path)


if __name__ == "__main__":
    try:
        main()
    except (corpus.CorpusError, ValueError, OSError) as error:
        sys.exit(f"train: {error}")
