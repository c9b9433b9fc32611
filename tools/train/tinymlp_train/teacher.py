"""The teacher: vmaf_v0.6.1 and its like as the function that they are, from libvmaf's JSON.

A nu-SVR with an RBF kernel over six features (Chang and Lin, LIBSVM, 2011), rescaled before and after:

    z = slopes * x + intercepts               x: adm2, motion2, vif_scale0..3, in the file's order
    y = sum_i c_i exp(-gamma |z - sv_i|^2) - rho
    score = (y - intercept_0) / slope_0       clipped to score_clip in libvmaf's logs

In float64 it is within 2e-6 of the scores that libvmaf logs, which it prints with six decimals.
"""
import hashlib
import json
import pathlib
import re
from dataclasses import dataclass

import numpy as np

from .corpus import FEATURES

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "build/train/teacher"
# What fetch_teacher gets, by name.
SHA256 = {
    "vmaf_v0.6.1": "4d6d66edaabf9dcddeadfcb20b28c0a81728eafa0e29cd775a4425c78a537e0e",
    "vmaf_4k_v0.6.1": "d9afdc9e9c03a9f178d1a2c28ab3976345bebe0b683c5962e8952ba32373a95c",
    "vmaf_v0.6.1neg": "d93838a11ca89173a420e7cc0e44ea30635459151c4b0955b2ae129826780b0f",
}
NAMES = tuple(SHA256)
LOGGED = "vmaf_v0.6.1"  # whose scores the corpus and logs hold
BLOCK = 8192  # rows at a time: the kernel matrix of a block stays in the cache


@dataclass(frozen=True)
class Teacher:
    """One SVR. order: for each of its features the canonical-6 column; slopes, intercepts [6] of
    the features and of the score; vectors float64 [S,6]; coefficients [S]."""

    name: str
    order: tuple
    slopes: np.ndarray
    intercepts: np.ndarray
    score_slope: float
    score_intercept: float
    gamma: float
    rho: float
    vectors: np.ndarray
    coefficients: np.ndarray
    clip: tuple
    transform: tuple  # p0, p1, p2 of the phone model, or None

    def raw(self, x, dtype=np.float64):
        """Unclipped scores float64 [N] of rows x [N,6], canonical-6. In float32 (labels for
        training) it is twice as fast and off by at most about 0.002."""
        x = np.asarray(x, np.float64)
        scores = np.empty(len(x))
        vectors = self.vectors.astype(dtype)
        half_norms = (self.vectors ** 2).sum(axis=1) / 2
        for at in range(0, len(x), BLOCK):
            z = x[at:at + BLOCK][:, self.order] * self.slopes + self.intercepts
            # |z - v|^2 = |z|^2 + |v|^2 - 2 z.v: one matrix product for all pairs
            power = z.astype(dtype) @ vectors.T
            power -= half_norms.astype(dtype)
            power -= ((z ** 2).sum(axis=1) / 2).astype(dtype)[:, None]
            power *= dtype(2 * self.gamma)
            y = np.exp(power, out=power) @ self.coefficients.astype(dtype) - self.rho
            scores[at:at + BLOCK] = (y - self.score_intercept) / self.score_slope
        return scores

    def score(self, x, dtype=np.float64):
        """As libvmaf logs it: clipped."""
        return np.clip(self.raw(x, dtype), *self.clip)

    def phone(self, x):
        """The phone model's score: a polynomial of the raw one, never below it, then clipped, in the
        order of libvmaf's predict.c (score_transform with out_gte_in)."""
        if self.transform is None:
            raise ValueError(f"{self.name} has no score_transform")
        s = self.raw(x)
        p0, p1, p2 = self.transform
        return np.clip(np.maximum(p0 + p1 * s + p2 * s * s, s), *self.clip)


def _header(text, key):
    match = re.search(rf"^{key} (\S+)$", text, re.MULTILINE)
    if match is None:
        raise ValueError(f"its SVM has no {key}")
    return match.group(1)


def _vectors(lines, count):
    """coefficients [S], vectors [S,6] of LIBSVM's sparse lines `c 1:v 2:v ...`."""
    coefficients, vectors = np.zeros(len(lines)), np.zeros((len(lines), count))
    for i, line in enumerate(lines):
        first, *pairs = line.split()
        coefficients[i] = float(first)
        for pair in pairs:
            index, value = pair.split(":")
            if not 1 <= int(index) <= count:
                raise ValueError(f"support vector {i + 1} has a feature {index}")
            vectors[i, int(index) - 1] = float(value)
    return coefficients, vectors


def _columns(names):
    """The canonical-6 column of each `VMAF_integer_feature_<name>_score`."""
    short = [re.sub(r"^VMAF_(integer_)?feature_|_score$", "", name) for name in names]
    if sorted(short) != sorted(FEATURES):
        raise ValueError(f"its features are {', '.join(short)}")
    return tuple(FEATURES.index(name) for name in short)


def _transform(model):
    given = model.get("score_transform")
    if given is None:
        return None
    if set(given) != {"p0", "p1", "p2", "out_gte_in"} or given["out_gte_in"] != "true":
        raise ValueError(f"its score_transform is {given}")
    return tuple(float(given[k]) for k in ("p0", "p1", "p2"))


def parse(data, name):
    """Teacher from a JSON file's bytes; ValueError says what is not as it must be."""
    try:
        model = json.loads(data)["model_dict"]
        if model["model_type"] != "LIBSVMNUSVR" or model["norm_type"] != "linear_rescale":
            raise ValueError(f"it is {model['model_type']}, {model['norm_type']}")
        header, _, body = model["model"].partition("\nSV\n")
        if _header(header, "svm_type") != "nu_svr" or _header(header, "kernel_type") != "rbf":
            raise ValueError("its SVM is no nu-SVR with an RBF kernel")
        coefficients, vectors = _vectors(body.strip().splitlines(), len(FEATURES))
        if len(vectors) != int(_header(header, "total_sv")):
            raise ValueError(f"it has {len(vectors)} support vectors, not as many as it says")
        slopes, intercepts = (np.array(model[k], np.float64) for k in ("slopes", "intercepts"))
        return Teacher(name, _columns(model["feature_names"]), slopes[1:], intercepts[1:],
                       float(slopes[0]), float(intercepts[0]), float(_header(header, "gamma")),
                       float(_header(header, "rho")), vectors, coefficients,
                       tuple(model["score_clip"]), _transform(model))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: not a model of libvmaf that can be evaluated: {error}") from error


def load(name=LOGGED, folder=FOLDER):
    """A model that fetch_teacher got, by name; refused when it is not the expected file."""
    path = pathlib.Path(folder) / f"{name}.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: missing; run tools/train/fetch_teacher") from error
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise ValueError(f"{path}: not libvmaf's {name}; run tools/train/fetch_teacher")
    return parse(data, name)
