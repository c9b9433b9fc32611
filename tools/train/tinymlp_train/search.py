"""The largest error of a network over the feasible region, by search: many sampled rows, then ascent
from the worst of them. Errors are of clipped scores, in points."""
import numpy as np

from .metrics import clip
from .region import MOTION_MOST, draw

# Step sizes of the ascent, of the order of the region's width.
STEPS = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 5.0])
TRIES = 8


def errors(predict, teacher, x, dtype=np.float64):
    """Clipped prediction minus clipped teacher score, float64 [N]."""
    return clip(predict(x)) - teacher.score(x, dtype)


def sample(predict, teacher, region, corpus, random, count):
    """`count` rows and their errors: over all the region, on its borders, like measured ones but worse.
    """
    shares = {"wide": count // 2, "borders": count // 4, "powers": count // 4}
    x = np.concatenate([draw(region, s, random, n, corpus) for s, n in shares.items()])
    return x, errors(predict, teacher, x, np.float32)


def climb(predict, teacher, region, random, x, rounds):
    """From each row, random steps of falling size, of which those are kept that raise the error:
    rows and absolute errors, the largest first."""
    error = np.abs(errors(predict, teacher, x))
    at = np.arange(len(x))
    for k in range(rounds):
        shape = (len(x), TRIES, x.shape[1])
        move = random.normal(0, 1, shape) * STEPS * 0.92 ** k * (random.random(shape) < 0.5)
        y = np.maximum(x[:, None, :] + move, 0)
        y[:, :, 5] = np.minimum(y[:, :, 5], MOTION_MOST)
        flat = y.reshape(-1, x.shape[1])
        found = np.where(region.inside(flat), np.abs(errors(predict, teacher, flat)), -1)
        found = found.reshape(len(x), TRIES)
        best = found.argmax(axis=1)
        better = found[at, best] > error
        x = np.where(better[:, None], y[at, best], x)
        error = np.where(better, found[at, best], error)
    order = np.argsort(-error, kind="stable")
    return x[order], error[order]


def worst(predict, teacher, region, corpus, random, count, starts=400, rounds=60):
    """Rows [starts,6] and errors after the ascent, largest first, and the sample's own figures."""
    x, error = sample(predict, teacher, region, corpus, random, count)
    figures = {"rows": len(x), "rmse": float(np.sqrt(np.mean(error ** 2))),
               "p99": float(np.quantile(np.abs(error), 0.99)), "max": float(np.abs(error).max())}
    first = np.argsort(-np.abs(error), kind="stable")[:starts]
    return (*climb(predict, teacher, region, random, x[first], rounds), figures)
