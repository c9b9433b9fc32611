#!/usr/bin/env python3
"""Trains the shipped networks on their teachers and writes their weights as .npz files.

Needs PyTorch and NumPy (Debian: python3-torch), and the teachers (fetch_teacher). The same machine,
corpus, region, recipe and seed give the same bytes. A stopped run continues where it was when started
again. With --base, networks are trained on the corpus alone, by the reference recipe.
"""
import argparse
import pathlib
import sys

from tinymlp_train import checkpoint, corpus, networks, recipe, shipping


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--network", nargs="+", choices=networks.SHIPPED, metavar="NAME",
                   help=f"networks to train, of {', '.join(networks.SHIPPED)} (default: all; with "
                   "--base, those of vmaf_v0.6.1)")
    p.add_argument("--corpus", default=corpus.SHIPPED, type=pathlib.Path, metavar="FILE")
    p.add_argument("--output", default="build/train", type=pathlib.Path, metavar="DIR")
    p.add_argument("--seed", default=0, type=int)
    p.add_argument("--base", action="store_true",
                   help="the reference recipe, on corpus rows, instead of the shipped one")
    shipping.add_arguments(p)
    return p.parse_args()


def train_base(args, name, rows):
    shape, teacher = networks.describe(name)
    if teacher != "vmaf_v0.6.1" or args.pool is not None:
        raise ValueError(f"{name}: --base knows the corpus' scores, vmaf_v0.6.1, and no --pool")
    chosen = recipe.BASE if args.epochs is None else recipe.with_epochs(recipe.BASE, args.epochs)
    trainer = recipe.Trainer(chosen, shape, rows.x, rows.y, [range(len(rows))], [args.seed])
    checkpoint.run(trainer, [args.seed], args.output / f"{name}.checkpoint", name)
    return trainer.fitted()[0]


def train(args, name, rows):
    if args.base:
        return train_base(args, name, rows)
    return shipping.train(name, shipping.recipe_of(name, args), rows.x, args.seed,
                          args.output / f"{name}.checkpoint")


def main():
    args = parse_arguments()
    rows = corpus.load(args.corpus)
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.network or (networks.SHAPES if args.base else networks.SHIPPED):
        path = args.output / f"{name}.npz"
        networks.save(path, train(args, name, rows))
        print(path)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"train: {error}")
