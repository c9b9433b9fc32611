"""The last steps of training, with int8 in view: the float32 network and what rounding makes of it are
fitted to the teacher together, one as much as the other; over the second half rounding's part falls to
zero, since it has a bias of its own that float32 would be left with.

A network that is only fitted may reach a score as a small difference of large sums, and int8 loses what
they differ by. Here the score is also taken as dynamic quantisation takes it (equalise.rounded_scores),
its gradient as if nothing had been rounded (Bengio et al. 2013, arXiv 1308.3432).
"""
import math

import numpy as np
import torch

from .distill import OFFSET, SCALE, visible_error
from .networks import Fitted
from .soap import Soap


def rounded_weight(weight):
    step = weight.abs().max().clamp(min=1e-30) / 127
    return torch.round(weight / step) * step


def rounded_rows(x):
    low = x.amin(1, keepdim=True).clamp(max=0)
    span = x.amax(1, keepdim=True).clamp(min=0) - low
    step = torch.where(span > 0, span, torch.full_like(span, 255)) / 255
    zero = torch.round(-low / step)
    return (torch.clamp(torch.round(x / step) + zero, 0, 255) - zero) * step


def forward(matrices, x, rounded):
    """Scores [B], and what backward() needs: of each layer its inputs and its weights, as used."""
    used = []
    for i, m in enumerate(matrices):
        weight, value = m[:, :-1], x
        if rounded:
            weight, value = rounded_weight(weight), rounded_rows(x)
        used.append((value, weight, x > 0))
        x = torch.addmm(m[:, -1], value, weight.t())
        if i + 1 < len(matrices):
            x.relu_()
    return x[:, 0] * SCALE + OFFSET, used


def backward(gradient, used, gradients):
    """Adds to the gradients of the matrices."""
    g = gradient[:, None]
    for i in range(len(used) - 1, -1, -1):
        value, weight, positive = used[i]
        gradients[i][:, :-1] += g.t() @ value
        gradients[i][:, -1] += g.sum(0)
        if i:
            g = (g @ weight) * positive


def settle(network, trainer):
    """Fitted. network: the trainer's, with scales for int8; trainer: for its pool and recipe."""
    recipe, (mean, std) = trainer.recipe, trainer.scaler
    slope = torch.from_numpy((std / network.std).astype(np.float32))
    shift = torch.from_numpy(((mean - network.mean) / network.std).astype(np.float32))
    matrices = [torch.from_numpy(np.column_stack([w, b])) for w, b in zip(network.weights, network.biases)]
    matrices[-1] = (matrices[-1] - torch.tensor([0.0] * (matrices[-1].shape[1] - 1) + [OFFSET])) / SCALE
    soap = Soap([m.shape for m in matrices])
    for step in range(recipe.settle):
        index = torch.randint(0, len(trainer.x), (recipe.batch,), generator=trainer.generator)
        x, target = trainer.x[index] * slope + shift, trainer.y[index]
        gradients = [torch.zeros_like(m) for m in matrices]
        for rounded, share in ((False, 1.0), (True, min(1.0, 2 - 2 * step / recipe.settle))):
            score, used = forward(matrices, x, rounded)
            seen, raw = visible_error(score, target)
            gradient = seen * (1 + recipe.quartic * seen * seen) + recipe.beyond * raw
            backward(gradient * (share / (recipe.batch * SCALE)), used, gradients)
        rate = recipe.settle_lr * 0.5 * (1 + math.cos(math.pi * step / recipe.settle))
        soap.step(matrices, gradients, rate * min(1, (step + 1) / recipe.warmup))
    weights = [m[:, :-1].numpy().copy() for m in matrices]
    biases = [m[:, -1].numpy().copy() for m in matrices]
    weights[-1], biases[-1] = weights[-1] * np.float32(SCALE), biases[-1] * np.float32(SCALE)
    biases[-1] += np.float32(OFFSET)
    return Fitted(network.mean, network.std, weights, biases)
