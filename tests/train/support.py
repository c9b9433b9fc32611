"""What the tests of the training side share: the import path and a small piece of the corpus."""
import functools
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools/train"
MODEL = ROOT / "model"
# Reference material kept beside the project on some machines; tests do without it elsewhere.
SHARED = ROOT.parent / "shared"

sys.path.insert(0, str(TOOLS))

from tinymlp_train import corpus  # noqa: E402  (needs the path above)


@functools.lru_cache(maxsize=None)
def shipped_corpus():
    return corpus.load()


def every(step):
    """Every step-th row of the shipped corpus."""
    rows = shipped_corpus()
    import numpy as np
    return rows.rows(np.arange(0, len(rows), step))
