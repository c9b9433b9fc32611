"""Why a model, a log or a file was refused."""
from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Obstacle:
    """One thing that keeps a file from being read as an MLP."""

    code: str  #: the engine's name for it, "unsupported_operator"
    message: str  #: the same as a sentence
    offset: int  #: bytes from the start of the file
    node: str  #: name of the node or tensor; may be empty
    operator: str  #: of the node; may be empty
    found: int | str | None  #: a number or type that was found
    accepted: int | str | None  #: and what it should be
    shape: tuple[int | None, ...] | None  #: that was found; None in it is symbolic
    advice: str  #: what to do at the exporter; may be empty
    section: str  #: of include/tinymlp/onnx/README.md that lists what is accepted; may be empty

    def __str__(self) -> str:
        text = f"byte {self.offset}: {self.message}"
        details = [self.node] if self.node else []
        if self.operator:
            details.append(f"operator {self.operator}")
        if self.shape is not None:
            details.append("shape [" + ",".join("?" if d is None else str(d) for d in self.shape) + "]")
        if self.found is not None:
            details.append(f"found {self.found}")
        if self.accepted is not None:
            details.append(f"accepted {self.accepted}")
        if details:
            text += f" ({', '.join(details)})"
        return text + (f"; {self.advice}" if self.advice else "")


class Error(ValueError):
    """A model is refused.

    `code`, `offset`, `node`, `operator` and the other fields of `Obstacle` tell of the first
    obstacle; `obstacles` lists all, of which ten are in the text.
    """

    def __init__(self, first: Obstacle, obstacles: tuple[Obstacle, ...] = (), source: str = "") -> None:
        self.source = source
        self.first = first
        self.obstacles = obstacles or (first,)
        super().__init__(first, self.obstacles, source)

    @classmethod
    def _of(cls, first: dict[str, Any], obstacles: list[dict[str, Any]]) -> Error:
        def made(values: dict[str, Any]) -> Obstacle:
            taken = {f.name: values[f.name] for f in fields(Obstacle)}
            return Obstacle(**{**taken, "advice": taken["advice"].replace("--output-name", "output=NAME")})

        return cls(made(first), tuple(made(o) for o in obstacles))

    def __getattr__(self, name: str) -> Any:
        if name != "first" and any(f.name == name for f in fields(Obstacle)):
            return getattr(self.first, name)
        raise AttributeError(name)

    def __str__(self) -> str:
        text = f"{self.source}: {self.first}" if self.source else str(self.first)
        others = [o for o in self.obstacles if o != self.first]
        for other in others[:9]:
            text += f"\n  {other}"
        return text + (f"\n  and {len(others) - 9} more" if len(others) > 9 else "")


class NotBuilt(NotImplementedError):
    """This build of the package lacks a feature; the text says what it wants."""
