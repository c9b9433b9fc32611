"""onnxruntime's exceptions by the names that scripts catch them by. A model that is refused is one
tinymlp.Error, whichever of onnxruntime's reasons it would be."""
from .._errors import Error as InvalidGraph
from .._errors import Error as InvalidProtobuf
from .._errors import Error as NotImplemented
from ..session import Fail, InvalidArgument

NoSuchFile = FileNotFoundError
RuntimeException = RuntimeError

__all__ = ["Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented",
           "RuntimeException"]
