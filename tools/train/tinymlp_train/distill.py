"""The shipped recipe: networks that are the teacher on all the feasible region.

The teacher is a function, so rows need no labels from a log: a pool of rows is drawn from the region
(region.py), labelled by it, and batches are taken from the pool. Now and then the worst rows of the
network at hand are searched for (search.py) and take the place of others.
"""
import math
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from . import networks, search
from .recipe import fit_scaler, initial_parameters, split_parameters
from .region import SAMPLERS, draw
from .soap import Soap

# Scores are fitted as (score - OFFSET) / SCALE and both folded into the last layer.
OFFSET, SCALE = 50.0, 25.0
ALIVE, ALIVE_ROWS = 0.001, 20_000  # a unit lives that so many of so many rows reach
EPOCH = 1000  # steps; a run can be stopped and continued between two of them


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides corpus, region, teacher, shape and seed."""

    epochs: int                # of EPOCH steps each
    batch: int = 4096
    lr: float = 8e-3           # its peak; falls to zero on a cosine
    warmup: int = 100          # steps
    pool: int = 2_000_000      # rows
    measured: float = 0.2      # shares of the pool, by sampler
    mixtures: float = 0.2
    powers: float = 0.2
    borders: float = 0.1
    wide: float = 0.3
    revive_until: float = 0.6  # share of the run in which units that have died start anew
    quartic: float = 0.1       # the loss of an error d is d^2/2 + quartic d^4/4
    beyond: float = 0.02       # weight of the raw error where the teacher is beyond 0..100
    hard_rounds: int = 4       # searches for the worst rows, evenly over the run
    hard_rows: int = 40_000    # rows that each of them adds
    settle: int = 0            # last steps, with int8 in view (rounding.py)
    settle_lr: float = 1e-3    # its peak then

    def to_json(self):
        return asdict(self)


SHIPPED = {
    # It cannot follow everything: more of what video shows, at the cost of what it does not.
    "mlp_small": Recipe(epochs=44, hard_rounds=6, measured=0.5, powers=0.12, borders=0.05, wide=0.13,
                        settle=16_000, settle_lr=6e-3),
    "mlp_medium": Recipe(epochs=20, settle=8000, settle_lr=3e-3),
    "mlp_large": Recipe(epochs=12, hard_rounds=2),
}


def shortened(recipe, epochs=None, pool=None):
    """The recipe with another number of epochs or pool rows, where one is given."""
    for name, value in (("epochs", epochs), ("pool", pool)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    changed = replace(recipe, epochs=epochs or recipe.epochs, pool=pool or recipe.pool)
    # A search is worth its time, and its rows their place, only in a long run; so is settling.
    return replace(changed, hard_rounds=min(changed.hard_rounds, changed.epochs // 5),
                   hard_rows=min(changed.hard_rows, changed.pool // 50),
                   settle=min(changed.settle, changed.epochs // 2 * EPOCH))


def make_pool(recipe, region, corpus, random):
    """float64 [pool,6]: rows of every sampler, by the recipe's shares; one after the other."""
    counts = {s: int(recipe.pool * getattr(recipe, s)) for s in SAMPLERS}
    return np.concatenate([draw(region, s, random, n, corpus) for s, n in counts.items() if n])


def visible_error(score, target):
    """Gradients [B] of the loss' two parts: the error that clipping to 0..100 leaves, and the raw one
    where the target is beyond."""
    low, high = target < 0, target > 100
    raw = score - target
    seen = torch.where(low, score.clamp(min=0), torch.where(high, score.clamp(max=100) - 100, raw))
    return seen, torch.where(low | high, raw, torch.zeros(()))


class Dense:
    """Layers as matrices [out,in+1], the bias last, with their gradients."""

    def __init__(self, shape, seed):
        parts = split_parameters(initial_parameters(shape, seed).unsqueeze(0), shape)
        self.matrices = [torch.cat([w[0], b[0].t()], dim=1) for w, b in parts]
        self.gradients = [torch.zeros_like(m) for m in self.matrices]

    def forward(self, x):
        self.inputs = []
        for i, m in enumerate(self.matrices):
            self.inputs.append(x)
            x = torch.addmm(m[:, -1], x, m[:, :-1].t())
            if i + 1 < len(self.matrices):
                x.relu_()
        return x[:, 0]

    def backward(self, gradient):
        g = gradient[:, None]
        for m, d, x in zip(self.matrices[::-1], self.gradients[::-1], self.inputs[::-1]):
            torch.mm(g.t(), x, out=d[:, :-1])
            torch.sum(g, 0, out=d[:, -1])
            if x is not self.inputs[0]:
                g = g @ m[:, :-1]
                g *= x > 0


class Trainer:
    """Trains one network. corpus: float64 [N,6], the measured rows; none of their scores is used.
    An epoch is EPOCH steps. `state()` and `restore()` allow a run to be continued with the same
    result, on the same machine."""

    def __init__(self, recipe, shape, teacher, region, corpus, seed):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        self.recipe, self.shape = recipe, tuple(shape)
        self.teacher, self.region, self.corpus = teacher, region, corpus
        self.random = np.random.default_rng(seed)
        pool = make_pool(recipe, region, corpus, self.random)
        self.scaler = fit_scaler(pool)
        self.x, self.y = self.scaled(pool), self.labels(pool)
        # Searched rows replace those at the end: the widest spread ones, of which there are most.
        self.rows = torch.arange(len(pool))
        self.hard = []
        self.net = Dense(shape, seed)
        self.soap = Soap([m.shape for m in self.net.matrices])
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = 0

    def scaled(self, x):
        mean, std = self.scaler
        return torch.from_numpy(((x - mean) / std).astype(np.float32))

    def labels(self, x):
        return torch.from_numpy(self.teacher.raw(x, np.float32).astype(np.float32))

    def rate(self, step):
        whole = self.recipe.epochs * EPOCH
        cosine = 0.5 * (1 + math.cos(math.pi * step / whole))
        return self.recipe.lr * cosine * min(1, (step + 1) / self.recipe.warmup)

    def run_epoch(self):
        """EPOCH steps, and a search where one is due; the mean squared visible error [1]."""
        total = 0.0
        for step in range(self.epoch * EPOCH, (self.epoch + 1) * EPOCH):
            index = torch.randint(0, len(self.x), (self.recipe.batch,), generator=self.generator)
            target = self.y[index]
            score = self.net.forward(self.x[index]) * SCALE + OFFSET
            seen, raw = visible_error(score, target)
            gradient = seen * (1 + self.recipe.quartic * seen * seen) + self.recipe.beyond * raw
            self.net.backward(gradient / (len(index) * SCALE))
            self.soap.step(self.net.matrices, self.net.gradients, self.rate(step))
            if step % 100 == 0:
                total += float((seen * seen).mean())
        self.epoch += 1
        if self.epoch <= self.recipe.revive_until * self.recipe.epochs:
            self.revive()
        if self.search_is_due():
            self.add_hard_rows()
        return np.array([total / (EPOCH / 100)])

    def revive(self):
        """Starts units anew that no row of the pool reaches any more, as happens to a quarter of a small
        network's: other weights, a bias with which half of the rows reach them, and nothing that reads
        them yet, so that the function stays."""
        self.net.forward(self.x[:: max(1, len(self.x) // ALIVE_ROWS)])
        for layer, (value, before) in enumerate(zip(self.net.inputs[1:], self.net.inputs)):
            matrix, reading = self.net.matrices[layer], self.net.matrices[layer + 1]
            size = float(matrix[:, :-1].std())
            for unit in torch.nonzero((value > 0).float().mean(0) < ALIVE).flatten().tolist():
                weight = torch.from_numpy(self.random.normal(0, size, before.shape[1])).float()
                matrix[unit, :-1] = weight
                matrix[unit, -1] = -(before @ weight).median()
                reading[:, unit] = 0
                self.soap.forget(layer, unit)

    def search_is_due(self):
        rounds, epochs = self.recipe.hard_rounds, self.recipe.epochs
        return self.epoch < epochs and (
            self.epoch * rounds // epochs > (self.epoch - 1) * rounds // epochs)

    def add_hard_rows(self):
        fitted = self.fitted()[0]
        x, _, _ = search.worst(lambda rows: networks.predict(fitted, rows), self.teacher, self.region,
                               self.corpus, self.random, 400_000, self.recipe.hard_rows // 10, 20)
        x = np.repeat(x, 10, axis=0)  # each with its neighbourhood
        x[:, :5] += self.random.normal(0, 0.01, (len(x), 5))
        x[:, 5] *= np.exp(self.random.normal(0, 0.1, len(x)))
        self.place_hard_rows(x[self.region.inside(x)])

    def place_hard_rows(self, x):
        end = len(self.x) - len(self.hard) * self.recipe.hard_rows
        self.x[end - len(x):end], self.y[end - len(x):end] = self.scaled(x), self.labels(x)
        self.hard.append(x)

    def fitted(self):
        """[Fitted]: the network as it now stands."""
        weights = [m[:, :-1].numpy().copy() for m in self.net.matrices]
        biases = [m[:, -1].numpy().copy() for m in self.net.matrices]
        weights[-1], biases[-1] = weights[-1] * np.float32(SCALE), biases[-1] * np.float32(SCALE)
        biases[-1] += np.float32(OFFSET)
        return [networks.Fitted(*self.scaler, weights, biases)]

    def state(self):
        return {"epoch": self.epoch, "matrices": [m.clone() for m in self.net.matrices],
                "soap": self.soap.state(), "generator": self.generator.get_state(),
                "random": self.random.bit_generator.state, "hard": self.hard}

    def restore(self, state):
        self.epoch = state["epoch"]
        for matrix, saved in zip(self.net.matrices, state["matrices"]):
            matrix.copy_(saved)
        self.soap.restore(state["soap"])
        self.generator.set_state(state["generator"])
        self.hard = []
        for x in state["hard"]:
            self.place_hard_rows(x)
        self.random.bit_generator.state = state["random"]
