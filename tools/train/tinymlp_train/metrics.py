"""Agreement between predicted and teacher scores. All inputs are 1-D and of equal length."""
import numpy as np


def plcc(a, b):
    """Pearson's linear correlation; NaN when either side is constant."""
    a = np.asarray(a, np.float64) - np.mean(a, dtype=np.float64)
    b = np.asarray(b, np.float64) - np.mean(b, dtype=np.float64)
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def average_ranks(a):
    """Ranks from 1; equal values share the mean of the ranks they span."""
    _, inverse, count = np.unique(np.asarray(a), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2.0)[inverse]


def position_ranks(a):
    """Ranks from 1; equal values are ranked by their position, which rewards or punishes order
    that carries no meaning. Kept because the reference models' published SROCC uses it."""
    order = np.argsort(np.asarray(a), kind="stable")
    ranks = np.empty(len(order), np.float64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


def srocc(a, b, ranks=average_ranks):
    """Spearman's rank correlation."""
    return plcc(ranks(a), ranks(b))


def rmse(a, b):
    d = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return float(np.sqrt(np.mean(d * d)))


def clip(scores):
    """The teacher's own range."""
    return np.clip(scores, 0.0, 100.0)


def summary(predicted, target):
    """The figures of one set of rows, before and after clipping the prediction to [0,100]."""
    def figures(p):
        return {
            "plcc": plcc(p, target),
            "srocc": srocc(p, target),
            "srocc_position": srocc(p, target, position_ranks),
            "rmse": rmse(p, target),
        }
    predicted = np.asarray(predicted, np.float64)
    error = np.abs(clip(predicted) - target)
    clipped = figures(clip(predicted))
    clipped["p99_abs"] = float(np.quantile(error, 0.99))
    clipped["max_abs"] = float(error.max())
    for points in (1, 2, 5):
        clipped[f"beyond_{points}"] = float(np.mean(error > points))  # share of rows
    return {"rows": int(len(target)), "raw": figures(predicted), "clipped": clipped}
