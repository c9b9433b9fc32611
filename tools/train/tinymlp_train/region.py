"""The feasible region: what the six features can be together, as model/region.json describes it.

The rules are linear, `weights . row <= at_most`, so the region is a convex polytope of dimension 6.
Their form was learned from the corpus and the limits then set beyond what any of its rows shows, to
take in misaligned and black frames, extreme motion and features above 1. Rows of any set can be tested
(`inside`), and rows that cover the region drawn (`draw`).
"""
import json
from dataclasses import dataclass

import numpy as np

from .corpus import FEATURES, MODEL_DIR

SHIPPED = MODEL_DIR / "region.json"
MOTION_MOST = 255.0  # a cut between black and white, of pictures of eight bits
MOVING, CUTS = 60.0, 0.06  # what moving pictures reach, and the share of rows drawn beyond
TOLERANCE = 1e-6  # features are printed with six decimals; the engine takes the same


@dataclass(frozen=True)
class Region:
    """Rules in file order. weights: float64 [R,6]; at_most: float64 [R]; names, reasons: [R]."""

    weights: np.ndarray
    at_most: np.ndarray
    names: tuple
    reasons: tuple

    def slack(self, x):
        """float64 [N,R]: how far each row is from each rule's border; negative is outside."""
        return self.at_most - x @ self.weights.T

    def inside(self, x):
        """bool [N]; False where a feature is NaN."""
        return (self.slack(x) >= -TOLERANCE).all(axis=1)


def load(path=SHIPPED):
    try:
        given = json.loads(path.read_text("utf-8"))
        if given["features"] != list(FEATURES):
            raise ValueError(f"its features are not {', '.join(FEATURES)}")
        rules = given["rules"]
        weights = np.array([r["weights"] for r in rules], np.float64)
        if weights.shape != (len(rules), len(FEATURES)):
            raise ValueError("a rule has not six weights")
        return Region(weights, np.array([r["at_most"] for r in rules], np.float64),
                      tuple(r["rule"] for r in rules), tuple(r["why"] for r in rules))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a region: {error}") from error


def motion(random, count):
    """motion2 over all its range: log-uniform, uniform, cuts and flashes, and 0 (first frames, stills)."""
    kind = random.random(count)
    value = np.exp(random.uniform(np.log(0.02), np.log(MOVING), count))
    value = np.where(kind < 0.4, random.uniform(0, MOVING, count), value)
    value = np.where(kind < CUTS, random.uniform(MOVING, MOTION_MOST, count), value)
    return np.where(kind > 0.92, 0.0, value)


def borders(random, count, _corpus):
    """Faces, edges and corners of the region: rows of all of it, pushed along a random direction to the
    border, and then along it, up to three times. Corners are where errors are largest."""
    space = load()
    width = np.array([1, 1, 1, 1, 1, 50.0])  # so that no feature is longer than the others
    normals = space.weights * width
    x = wide(random, count, None)
    x = x[space.inside(x)] / width
    pushes = random.integers(1, 4, len(x))
    held = np.zeros((len(x), 3, len(width)))  # orthonormal: no step along these
    for push in range(3):
        way = random.normal(0, 1, x.shape)
        for k in range(push):
            way -= (way * held[:, k]).sum(axis=1, keepdims=True) * held[:, k]
        speed, room = way @ normals.T, np.maximum(space.slack(x * width), 0)
        time = np.where(speed > 1e-9, room / np.maximum(speed, 1e-9), np.inf)
        rule = time.argmin(axis=1)
        moved = x + time[np.arange(len(x)), rule][:, None] * way
        x = np.where((pushes > push)[:, None], moved, x)
        normal = normals[rule].copy()
        for k in range(push):
            normal -= (normal * held[:, k]).sum(axis=1, keepdims=True) * held[:, k]
        held[:, push] = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.clip(x * width, 0, None)


def wide(random, count, _corpus):
    """All of the region: vif from the coarse scale down, each between its rules; adm2 likewise."""
    def down(value, above, most, ratio):
        share = random.random(count) ** random.choice([1, 2, 4], count)
        top, bottom = value + above, np.maximum(value - most, ratio * value - 0.02)
        return np.clip(top - (top - bottom) * share, 0, 1.25)
    near_one = 1 - np.abs(random.normal(0, 0.12, count))
    vif3 = np.where(random.random(count) < 0.3, near_one, random.uniform(0, 1.25, count))
    vif2 = down(vif3, 0.04 + 0.05 * vif3, 0.35, 0.5)
    vif1 = down(vif2, 0.02 + 0.05 * vif2, 0.35, 0.4)
    bottom = np.maximum(np.maximum(vif1 - 0.88, 0.08 * vif1 - 0.02), 0)
    vif0 = np.clip(bottom + (1.08 * vif1 + 0.08 - bottom) * random.random(count), 0, 1.25)
    low = np.maximum(np.maximum(vif3 - 0.35, 0.6 * vif3 - 0.08), 0)
    high = np.minimum(np.minimum(vif3 + 0.8, 0.9 + 0.6 * vif3), 1.6)
    adm = low + (high - low) * random.random(count)
    return np.stack([adm, vif0, vif1, vif2, vif3, motion(random, count)], axis=1)


def powers(random, count, corpus):
    """Corpus rows with adm2 and vif raised to powers around 1.3: order and the fixed points 0 and 1
    stay, and the rest becomes worse (or better) than anything measured."""
    x = np.maximum(corpus[random.integers(0, len(corpus), count)], 1e-6)
    power = np.exp(random.normal(0.25, 0.7, count))[:, None] * np.exp(random.normal(0, 0.12, (count, 5)))
    power[:, 0] *= np.exp(random.normal(-0.1, 0.4, count))
    moved = np.minimum(x[:, 5] * np.exp(random.normal(0, 0.7, count)), MOTION_MOST)
    last = np.where(random.random(count) < 0.5, moved, motion(random, count))
    return np.column_stack([x[:, :5] ** power, last])


# Kinds of corpus rows: cells of motion2 and vif_scale2.
MOTION_EDGES = (0.01, 0.5, 1, 2, 4, 6, 8, 12, 16, 32)
VIF_CELL = 0.05
EVENING = 0.5  # 0: rows as often as the corpus has them, 1: kinds equally often


def choose(random, count, corpus):
    """Indices [count] of corpus rows, those of a rare kind more often than the corpus has them: clips of
    calm video are most of it, and whatever is unlike them would be fitted last."""
    kind = np.digitize(corpus[:, 5], MOTION_EDGES) * 100 + (corpus[:, 3] / VIF_CELL).astype(int)
    _, at, rows = np.unique(kind, return_inverse=True, return_counts=True)
    chances = np.cumsum(rows[at] ** -EVENING)
    return np.searchsorted(chances, random.random(count) * chances[-1], side="right")


def mixtures(random, count, corpus):
    """Between two corpus rows, with noise of many sizes, and another row's motion half of the time."""
    first, second = choose(random, count, corpus), random.integers(0, len(corpus), count)
    share = random.random(count)[:, None]
    x = corpus[first] * share + corpus[second] * (1 - share)
    size = np.exp(random.uniform(np.log(0.003), np.log(0.04), count))[:, None]
    x[:, :5] += random.normal(0, 1, (count, 5)) * size
    x[:, 5] = np.where(random.random(count) < 0.5, x[:, 5] * np.exp(random.normal(0, 0.3, count)),
                       corpus[random.integers(0, len(corpus), count), 5])
    return x


def measured(random, count, corpus):
    """Corpus rows as they are."""
    return corpus[choose(random, count, corpus)]


SAMPLERS = {f.__name__: f for f in (measured, mixtures, powers, borders, wide)}


def draw(region, sampler, random, count, corpus):
    """float64 [count,6]: rows of one sampler that lie inside the region."""
    kept, have = [], 0
    while have < count:
        x = SAMPLERS[sampler](random, max(count - have, 1024), corpus)
        x = x[region.inside(x)]
        kept.append(x)
        have += len(x)
    return np.concatenate(kept)[:count]
