"""From a seed to a network as it is shipped: trained on the teacher, scaled for int8, and where the recipe
has it so trained on with int8 in view, and scaled again."""
import sys

import numpy as np

from . import checkpoint, distill, equalise, networks, region, rounding, teacher

# Rows that int8's scales are chosen on, by sampler.
INT8_ROWS = {"measured": 1500, "mixtures": 500, "powers": 2000}


def add_arguments(parser):
    """The options that choose a recipe; recipe_of() reads them."""
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own number; of 1,000 steps "
                        "each")
    parser.add_argument("--pool", type=int, help="rows to draw batches from, instead of the recipe's")


def recipe_of(name, args):
    suffix = "_4k" if name.endswith("_4k") else ""
    chosen = distill.SHIPPED[name.removesuffix(suffix)]
    return distill.shortened(chosen, args.epochs, args.pool)


def int8_rows(space, measured, seed):
    random = np.random.default_rng(seed)
    return np.concatenate([region.draw(space, sampler, random, count, measured)
                           for sampler, count in INT8_ROWS.items()])


def fit(name, chosen, measured, seed, path=None, label=None):
    """Fitted: the function that is shipped. measured: float64 [N,6], rows that the samplers may start
    from; path: a checkpoint."""
    shape, teacher_name = networks.describe(name)
    space = region.load()
    trainer = distill.Trainer(chosen, shape, teacher.load(teacher_name), space, measured, seed)
    checkpoint.run(trainer, [seed], path, label or name, every=5, keep=True)
    fitted = trainer.fitted()[0]
    if chosen.settle:
        rows = int8_rows(space, measured, seed)
        print(f"{label or name}: {chosen.settle} steps more, with int8 in view", file=sys.stderr, flush=True)
        fitted = rounding.settle(equalise.equalise(fitted, rows, False, seed)[0], trainer)
    if path:  # of which the steps above would have been lost, had it gone before
        path.unlink(missing_ok=True)
    return fitted


def train(name, chosen, measured, seed, path=None, label=None):
    """Fitted: fit()'s with the scales that int8 loses least with."""
    fitted = fit(name, chosen, measured, seed, path, label)
    rows = int8_rows(region.load(), measured, seed)
    fitted, rmse = equalise.equalise(fitted, rows, per_channel=False, seed=seed)
    print(f"{label or name}: int8 to float32, RMSE {rmse:.3f}", file=sys.stderr, flush=True)
    return fitted
