"""What the program's rooms do with files: external data, quantising, logs. In _program, which is
built where its libraries are."""
from __future__ import annotations

from types import ModuleType
from typing import Any

from . import _built
from ._errors import NotBuilt


def program(wanted: str) -> ModuleType:
    """The module that does it. Raises NotBuilt where it is not there."""
    if _built.MISSING:
        raise NotBuilt(f"{wanted} is not in this build of tinymlp: {_built.MISSING} "
                       "was not found when it was built (Debian: libfmt-dev libsimdjson-dev "
                       "libexpat1-dev libssl-dev; then pip install . anew)")
    from . import _program

    return _program


def read_beside(path: str, location: str) -> bytes:
    """A file of external data, from inside the folder of the model at `path`."""
    return program("reading external data").read_beside(path, location)


def most_external_files() -> int:
    return program("reading external data").most_external_files


def read_log(path: str, feature_suffix: str | None, own_score: str | None) -> dict[str, Any]:
    return program("reading logs").read_log(path, feature_suffix, own_score)


def pool(doubles: bytes) -> dict[str, float]:
    return program("pooling").pool(doubles)
