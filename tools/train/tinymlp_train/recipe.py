"""Recipes that fit the corpus: its rows and the scores that libvmaf logged for them. The shipped
networks are not trained so (see distill.py); these are what they are compared with.

Many networks of one shape are trained side by side: row m of every stacked tensor belongs to
network m, which has its own rows, scaler, initialisation and permutations and never sees the
others. A single network is the same code with one row.
"""
import math
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from .networks import Fitted, layers


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides rows, shape and seed."""

    epochs: int = 90
    batch: int = 256
    lr: float = 1e-3
    schedule: str = "constant"  # or "cosine": lr falls to zero over the whole run
    standardize: bool = False   # fit (y - mean) / std and fold both into the last layer

    def to_json(self):
        return asdict(self)


# The reference recipe: Adam at a constant rate on the plain squared error, last weights kept.
BASE = Recipe()

# The best that was found for corpus rows and their clipped scores alone. The corpus has an eighth of
# the rows that BASE was made for, so 90 epochs stop far from convergence. Default initialisation suits targets of unit
# variance; on raw scores the first steps must move every unit far, which leaves some of them dead,
# and content never seen suffers. A rate that falls to zero removes the jitter of the last steps.
CORPUS = Recipe(epochs=200, lr=1e-2, schedule="cosine", standardize=True)


def with_epochs(recipe, epochs):
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    return replace(recipe, epochs=epochs)


def deviation(values):
    """Population standard deviation of each column, float64; 1 of a constant one."""
    std = values.std(axis=0, dtype=np.float64)
    return np.where(std < 1e-8, 1.0, std)


def fit_scaler(x):
    """Mean and deviation of each column, float64."""
    return x.mean(axis=0, dtype=np.float64), deviation(x)


def initial_parameters(shape, seed):
    """PyTorch's default Linear initialisation, drawn in layer order after seeding."""
    torch.manual_seed(seed)
    modules = [torch.nn.Linear(inputs, outputs) for inputs, outputs in layers(shape)]
    return torch.cat([p.detach().reshape(-1) for m in modules for p in (m.weight, m.bias)])


def split_parameters(flat, shape):
    """Views of flat [M,P] as a list of (weight [M,out,in], bias [M,1,out])."""
    views, at = [], 0
    for inputs, outputs in layers(shape):
        weight = flat[:, at:at + inputs * outputs].view(-1, outputs, inputs)
        at += inputs * outputs
        bias = flat[:, at:at + outputs].unsqueeze(1)
        at += outputs
        views.append((weight, bias))
    return views


def forward(views, x):
    """Scores [M,B] of scaled rows x [M,B,in]."""
    for i, (weight, bias) in enumerate(views):
        x = torch.baddbmm(bias, x, weight.transpose(1, 2))
        if i + 1 < len(views):
            x = torch.relu(x)
    return x.squeeze(2)


def learning_rate(recipe, step, steps):
    if recipe.schedule == "cosine":
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * step / steps))
    if recipe.schedule == "constant":
        return recipe.lr
    raise ValueError(f"unknown schedule {recipe.schedule!r}")


class Trainer:
    """Trains M networks of one shape, each on its own equally long list of rows.

    x: float64 [N,6], y: float64 [N]; rows: M index arrays of one length; seeds: M integers.
    `state()` and `restore()` allow a run to be continued with the same result.
    """

    def __init__(self, recipe, shape, x, y, rows, seeds):
        if len({len(r) for r in rows}) != 1 or len(rows) != len(seeds):
            raise ValueError("every network needs a seed and the same number of rows")
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        self.recipe, self.shape = recipe, tuple(shape)
        rows = [np.asarray(r, np.int64) for r in rows]
        self.scalers = [fit_scaler(x[r]) for r in rows]
        self.mean, self.std = (
            torch.from_numpy(np.stack([s[k] for s in self.scalers]).astype(np.float32)).unsqueeze(1)
            for k in (0, 1))
        self.x = torch.from_numpy(x.astype(np.float32))
        self.y = torch.from_numpy(y.astype(np.float32))
        self.offset, self.scale = (
            torch.tensor([[float(f(y[r]))] if recipe.standardize else [v] for r in rows],
                         dtype=torch.float32)
            for f, v in ((np.mean, 0.0), (deviation, 1.0)))
        self.rows = torch.from_numpy(np.stack(rows))
        self.generators = [torch.Generator().manual_seed(s) for s in seeds]
        self.flat = torch.stack([initial_parameters(shape, s) for s in seeds]).requires_grad_()
        self.adam = torch.optim.Adam([self.flat], lr=recipe.lr)
        self.epoch = 0
        self.steps_per_epoch = -(-self.rows.shape[1] // recipe.batch)

    def run_epoch(self):
        """One pass over every network's rows; returns the mean loss of each network, float64 [M].
        """
        recipe, count = self.recipe, self.rows.shape[1]
        order = torch.stack([torch.randperm(count, generator=g) for g in self.generators])
        order = self.rows.gather(1, order)
        total = torch.zeros(len(self.rows), dtype=torch.float64)
        step, steps = self.epoch * self.steps_per_epoch, recipe.epochs * self.steps_per_epoch
        for at in range(0, count, recipe.batch):
            index = order[:, at:at + recipe.batch]
            self.adam.param_groups[0]["lr"] = learning_rate(recipe, step, steps)
            scaled = (self.x[index] - self.mean) / self.std
            predicted = forward(split_parameters(self.flat, self.shape), scaled)
            target = (self.y[index] - self.offset) / self.scale
            error = (predicted - target) ** 2
            loss = error.mean(dim=1)
            self.adam.zero_grad()
            loss.sum().backward()  # the networks share nothing, so each gets its own gradient
            self.adam.step()
            total += error.detach().sum(dim=1).double()
            step += 1
        self.epoch += 1
        return (total / count * self.scale[:, 0].double() ** 2).numpy()

    def fitted(self):
        """The networks as they now stand, one Fitted per row of the stack."""
        views = split_parameters(self.flat.detach(), self.shape)
        weight, bias = views[-1]
        views[-1] = (weight * self.scale.unsqueeze(2),
                     bias * self.scale.unsqueeze(2) + self.offset.unsqueeze(2))
        return [
            Fitted(mean, std,
                   [w[m].numpy().copy() for w, _ in views],
                   [b[m, 0].numpy().copy() for _, b in views])
            for m, (mean, std) in enumerate(self.scalers)]

    def state(self):
        return {
            "epoch": self.epoch,
            "flat": self.flat.detach(),
            "adam": self.adam.state_dict(),
            "generators": [g.get_state() for g in self.generators],
        }

    def restore(self, state):
        self.epoch = state["epoch"]
        with torch.no_grad():
            self.flat.copy_(state["flat"])
        self.adam.load_state_dict(state["adam"])
        for generator, saved in zip(self.generators, state["generators"]):
            generator.set_state(saved)
