"""Scales of a network's units chosen so that its int8 form loses least; the function stays the same.

A ReLU unit may be multiplied by any positive number when the weights that read it are divided by it
(Nagel et al. 2019, arXiv 1906.04721), and the scaler's mean and deviation may be any when the first
layer makes up for them. int8 has 256 steps for all units of a layer, so these scales decide how much
of a score is lost to rounding.

They are found in two stages: by gradients of a model of the loss (each rounding an independent error
of a twelfth of its squared step, carried to the score by the network's own derivatives), then by
random steps on the loss itself, the squared difference of int8 to float32 scores, both clipped.
"""
import numpy as np
import torch

from .metrics import clip
from .networks import Fitted, predict

INPUTS = 6


def rounded_scores(network, x, per_channel):
    """int8 scores [N] of rows x, float32: weights and each row's activations rounded as dynamic
    quantisation does, activations of a row by one scale."""
    value = ((x - network.mean) / network.std).astype(np.float32)
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        most = np.abs(weight).max(axis=1, keepdims=True) if per_channel else np.abs(weight).max()
        step = np.where(most > 0, most, 1) / 127
        weight = (np.rint(weight / step) * step).astype(np.float32)
        low = np.minimum(value.min(axis=1, keepdims=True), 0)
        span = np.maximum(value.max(axis=1, keepdims=True), 0) - low
        step = np.where(span > 0, span, 255) / 255
        zero = np.rint(-low / step)
        value = (np.clip(np.rint(value / step) + zero, 0, 255) - zero) * step
        value = value.astype(np.float32) @ weight.T + bias.astype(np.float32)
        if i + 1 < len(network.weights):
            value = np.maximum(value, 0)
    return value[:, 0]


def split(z, network):
    """The parameters [P] as: shift of the mean, in deviations [6]; log of what the inputs are divided
    by [6]; log of what each hidden layer's units are multiplied by."""
    widths = [w.shape[0] for w in network.weights[:-1]]
    ends = np.cumsum([INPUTS, INPUTS] + widths)
    return [z[end - width:end] for end, width in zip(ends, [INPUTS, INPUTS] + widths)]


def rescaled(network, z):
    """The same function with other scales; float32 parameters rounded once."""
    shift, log_std, *logs = split(z, network)
    weights = [w.astype(np.float64) for w in network.weights]
    biases = [b.astype(np.float64) for b in network.biases]
    mean, std = network.mean + shift * network.std, network.std * np.exp(log_std)
    biases[0] = biases[0] + weights[0] @ shift
    weights[0] = weights[0] * np.exp(log_std)
    for i, log in enumerate(logs):
        scale = np.exp(log)
        weights[i], biases[i] = weights[i] * scale[:, None], biases[i] * scale
        weights[i + 1] = weights[i + 1] / scale
    return Fitted(mean, std, [w.astype(np.float32) for w in weights],
                  [b.astype(np.float32) for b in biases])


def _derivatives(network, x):
    """Per layer: its inputs [N,in], and the score's derivative by its sums [N,out]."""
    value, inputs = (x - network.mean) / network.std, []
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        inputs.append(value)
        value = value @ weight.T.astype(np.float64) + bias
        if i + 1 < len(network.weights):
            value = np.maximum(value, 0)
    by_sum, slope = [], np.ones((len(x), 1))
    for i in range(len(network.weights) - 1, -1, -1):
        by_sum.insert(0, slope)
        slope = (slope @ network.weights[i]) * (inputs[i] > 0)
    return inputs, by_sum


def modelled_loss(network, x, per_channel):
    """A function of the parameters (a tensor): the expected squared error of the score."""
    inputs, by_sum = _derivatives(network, x)
    visible = predict(network, x)
    keep = torch.from_numpy(((visible > 0) & (visible < 100)).astype(np.float64))
    inputs, by_sum, weights = ([torch.from_numpy(np.asarray(v, np.float64)) for v in values]
                               for values in (inputs, by_sum, network.weights))

    def loss(z):
        shift, log_std, *logs = split(z, network)
        total = 0
        for i, (a, s, w) in enumerate(zip(inputs, by_sum, weights)):
            into = -log_std if i == 0 else logs[i - 1]  # log of what this layer's inputs grow by
            a = (a - shift if i == 0 else a) * torch.exp(into)
            w = w * torch.exp(-into)
            if i + 1 < len(weights):
                w, s = w * torch.exp(logs[i])[:, None], s * torch.exp(-logs[i])
            span = a.amax(1).clamp(min=0) - a.amin(1).clamp(max=0)
            rounded = ((s @ w) ** 2 * (a != 0)).sum(1) * (span / 255) ** 2
            most = w.abs().amax(1) if per_channel else w.abs().max().expand(len(w))
            lost = ((s ** 2) @ (most / 127) ** 2) * (a ** 2).sum(1)
            total = total + ((rounded + lost) / 12 * keep).mean()
        return total
    return loss


def _by_gradient(network, x, per_channel, steps=300):
    z = torch.zeros(2 * INPUTS + sum(w.shape[0] for w in network.weights[:-1]),
                    dtype=torch.float64, requires_grad=True)
    loss = modelled_loss(network, x, per_channel)
    adam = torch.optim.Adam([z], lr=0.05)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = 0.05 * (1 - step / steps)
        adam.zero_grad()
        loss(z).backward()
        adam.step()
    return z.detach().numpy()


def _by_search(network, x, per_channel, random, z, sweeps):
    """Steps in one or a few parameters at a time, kept where the loss falls."""
    target = clip(predict(network, x))

    def loss(z):
        return np.mean((clip(rounded_scores(rescaled(network, z), x, per_channel)) - target) ** 2)
    best, size = loss(z), np.full(len(z), 0.1)
    for _ in range(sweeps):
        for j in random.permutation(len(z)):
            for move in size[j] * random.normal(size=2):
                tried = z.copy()
                tried[j] += move
                found = loss(tried)
                if found < best:
                    best, z = found, tried
                    size[j] *= 1.3
                    break
            else:
                size[j] = max(0.8 * size[j], 0.01)
        for _ in range(len(z) // 2):
            tried = z + size * random.normal(size=len(z)) * (random.random(len(z)) < 0.15)
            found = loss(tried)
            if found < best:
                best, z = found, tried
    return z, float(np.sqrt(best))


def equalise(network, x, per_channel, seed=0, sweeps=8):
    """The network with scales for int8, and its RMSE to float32 on the rows x."""
    torch.set_num_threads(1)
    z = _by_gradient(network, x, per_channel)
    z, rmse = _by_search(network, x, per_channel, np.random.default_rng(seed), z, sweeps)
    return rescaled(network, z), rmse
