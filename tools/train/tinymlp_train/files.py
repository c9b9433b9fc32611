"""Writing whole files: a reader sees the old bytes or the new ones, never half of either."""
import json
import math
import os
import pathlib


def write_bytes(path, data):
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def write_text(path, text):
    write_bytes(path, text.encode("utf-8"))


def _without_nan(value):
    """JSON has neither NaN nor infinity: null stands for a figure that there is not."""
    if isinstance(value, dict):
        return {name: _without_nan(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def require_folder(path):
    """ValueError unless a file can be put there: better before an hour's work than after it."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")


def write_json(path, value):
    write_text(path, json.dumps(_without_nan(value), indent=2, ensure_ascii=False) + "\n")
