"""What the program's rooms do with files: external data, quantising, logs. In _program, which is
built where its libraries are."""
from __future__ import annotations

from typing import Any

from . import _built
from ._errors import NotBuilt


def program(wanted: str) -> Any:
    """The module that does it. Raises NotBuilt where it is not there."""
    if _built.MISSING:
        raise NotBuilt(f"{wanted} is not in this build of tinymlp: {_built.MISSING} "
                       "was not found when it was built (Debian: libfmt-dev libsimdjson-dev "
                       "libexpat1-dev libssl-dev; then pip install . anew)")
    from . import _program

    return _program


def read_beside(path: str, location: str) -> bytes:
    """A file of external data, from inside the folder of the model at `path`."""
    content: bytes = program("reading external data").read_beside(path, location)
    return content


def most_external_files() -> int:
    count: int = program("reading external data").most_external_files
    return count


def read_log(path: str, feature_suffix: str | None, own_score: str | None) -> dict[str, Any]:
    reader = program("reading logs")
    try:
        found: dict[str, Any] = reader.read_log(path, feature_suffix, own_score)
    except ValueError as why:  # which names the program's options
        text = str(why)
        for option, keyword in (("--feature-suffix", "feature_suffix="), ("--own-score KEY", "own_score=KEY"),
                                ("--own-score", "own_score="), ("give it as --model FILE, or see `tinymlp inspect`",
                                                                "give it as the network, or see tinymlp.inspect()")):
            text = text.replace(option, keyword)
        raise ValueError(text) from None
    found["notes"] = [n.replace("--own-score", "own_score=") for n in found["notes"]]
    return found


def pool(doubles: bytes) -> dict[str, float]:
    pooled: dict[str, float] = program("pooling").pool(doubles)
    return pooled
