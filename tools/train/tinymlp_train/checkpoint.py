"""A training run that can be stopped: a checkpoint holds the trainer and what it was run on."""
import hashlib
import io
import json
import pathlib
import sys
import time

import numpy as np
import torch

from . import files


def fingerprint(trainer, seeds):
    """Identifies recipe, shape, seeds and data, so that a checkpoint of another run is refused."""
    h = hashlib.sha256()
    h.update(json.dumps([trainer.recipe.to_json(), trainer.shape, list(seeds)]).encode())
    for t in (trainer.x, trainer.y, trainer.rows):
        h.update(np.ascontiguousarray(t.numpy()).tobytes())
    return h.hexdigest()


def save(path, trainer, key):
    buffer = io.BytesIO()
    torch.save({"key": key, "state": trainer.state()}, buffer)
    files.write_bytes(path, buffer.getvalue())


def load(path):
    """What save() wrote; None for a file that is not whole. Like any pickle it can run code, so it
    must be the user's own."""
    data = path.read_bytes()
    try:
        saved = torch.load(io.BytesIO(data))
        return saved if {"key", "state"} <= set(saved) else None
    except Exception:  # PyTorch has no exception of its own for a bad file
        return None


def run(trainer, seeds, path=None, label="train", every=25, keep=False):
    """Trains to the recipe's last epoch and returns the last mean loss per network. With a path,
    continues from a checkpoint of the same run and removes it at the end; with `keep` that is left to the
    caller, who has more to do with what was trained."""
    key, loss = fingerprint(trainer, seeds), None
    path = pathlib.Path(path) if path else None
    if path and path.exists():
        saved = load(path)
        if saved is not None and saved["key"] == key:
            trainer.restore(saved["state"])
            print(f"{label}: continuing after epoch {trainer.epoch}", file=sys.stderr)
        else:
            why = "is no checkpoint" if saved is None else "belongs to another run"
            print(f"{label}: {path} {why}, starting anew", file=sys.stderr)
    started, first = time.monotonic(), trainer.epoch
    while trainer.epoch < trainer.recipe.epochs:
        loss = trainer.run_epoch()
        if not np.isfinite(loss).all():
            raise ValueError(f"{label}: epoch {trainer.epoch}: the loss is not finite")
        done, total = trainer.epoch, trainer.recipe.epochs
        if done % every == 0 or done == total:
            left = (time.monotonic() - started) / (done - first) * (total - done)
            print(f"{label}: epoch {done}/{total}, loss {loss.mean():.4f}, {left:.0f} s left",
                  file=sys.stderr, flush=True)
            if path:
                save(path, trainer, key)
    if path and not keep:
        path.unlink(missing_ok=True)
    return loss
