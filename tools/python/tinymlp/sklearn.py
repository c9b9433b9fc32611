"""Fitted scikit-learn and torch models on this engine.

    fast = tinymlp.sklearn.wrap(pipeline)      # a fitted MLPRegressor or MLPClassifier, or a pipeline
    fast.predict(X)                            # what pipeline.predict(X) gives, in float32
    fast.network, fast.onnx                    # the network, and its file for the C++ header

    net = tinymlp.sklearn.from_torch(sequential, features=6)
"""
from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from .network import Network

if TYPE_CHECKING:
    import numpy.typing as npt

#: The operator set that models are exported with.
OPSET = 17


class Wrapped:
    """A fitted model, scored by the engine in float32; scikit-learn itself computes in float64.

    X: anything that numpy.asarray takes, [N, K]; values are rounded to the nearest float32. A
    DataFrame must have the columns that the model was fitted with, in their order.
    """

    def __init__(self, network: Network, estimator: Any) -> None:
        self.network = network
        self.n_features_in_: int = int(estimator.n_features_in_)
        self.feature_names_in_ = getattr(estimator, "feature_names_in_", None)
        last = _last_step(estimator)
        self.is_classifier: bool = hasattr(last, "classes_")
        self.classes_ = getattr(last, "classes_", None)
        self._is_multilabel = self.is_classifier and last._label_binarizer.y_type_.startswith("multilabel")

    @property
    def onnx(self) -> bytes:
        """The ONNX file of the model: what C++ embeds to get the same bits."""
        return self.network.model

    def _rows(self, X: Any) -> npt.NDArray[np.float32]:
        names = getattr(X, "columns", None)
        if names is not None and self.feature_names_in_ is not None \
                and list(names) != list(self.feature_names_in_):
            raise ValueError(f"the columns are {', '.join(map(str, names))}; the model was fitted with "
                             f"{', '.join(self.feature_names_in_)}")
        rows: npt.NDArray[np.float32] = np.asarray(X, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(f"X has the shape {rows.shape}; the model takes [N, {self.n_features_in_}]")
        return rows

    def _outputs(self, X: Any, threads: int) -> npt.NDArray[np.float32]:
        rows = self._rows(X)
        return np.asarray(self.network(rows, threads=threads)).reshape(len(rows), self.network.outputs)

    def predict_proba(self, X: Any, *, threads: int = 1) -> npt.NDArray[np.float32]:
        """Probabilities, float32 [N, classes]."""
        if not self.is_classifier:
            raise AttributeError("a regressor has no predict_proba")
        return self._outputs(X, threads)

    def predict(self, X: Any, *, threads: int = 1) -> npt.NDArray[Any]:
        """Of a regressor float32 [N] or, of several targets, [N, M]; of a classifier its labels."""
        values = self._outputs(X, threads)
        if not self.is_classifier:
            return values[:, 0] if values.shape[1] == 1 else values
        if np.isnan(values).any():
            raise ValueError("a row has no label: its probabilities are NaN, because of NaN, infinite or huge features")
        if self._is_multilabel:
            return (values > 0.5).astype(int)
        labels: npt.NDArray[Any] = np.asarray(self.classes_)[values.argmax(axis=1)]
        return labels

    def __repr__(self) -> str:
        return f"<tinymlp.sklearn.Wrapped {self.network!r}>"


def _last_step(estimator: Any) -> Any:
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def wrap(estimator: Any) -> Wrapped:
    """A fitted MLPRegressor or MLPClassifier, or a pipeline that ends in one, on this engine.

    It goes through the ONNX file that skl2onnx writes. Raises TypeError for other models, ValueError
    for one that is not fitted or that skl2onnx cannot write, and tinymlp.Error where the pipeline does what the engine does not.
    """
    from sklearn.exceptions import NotFittedError
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.utils.validation import check_is_fitted

    last = _last_step(estimator)
    if not isinstance(last, (MLPClassifier, MLPRegressor)):
        raise TypeError(f"a {type(last).__name__} is neither an MLPRegressor nor an MLPClassifier, nor a pipeline "
                        "that ends in one")
    try:
        check_is_fitted(last)
    except NotFittedError as why:
        raise ValueError(str(why)) from None
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
    except ImportError as why:
        raise ImportError("tinymlp.sklearn writes models with skl2onnx: pip install 'tinymlp[sklearn]'") from why
    is_classifier = isinstance(last, MLPClassifier)
    options = {id(estimator): {"zipmap": False}} if is_classifier else None
    name = type(last).__name__
    try:
        width = int(estimator.n_features_in_)
        made = to_onnx(estimator, initial_types=[("features", FloatTensorType([None, width]))],
                       options=options, target_opset={"": OPSET, "ai.onnx.ml": 3})
    except Exception as why:  # skl2onnx has no exception of its own for what it cannot write
        raise ValueError(f"skl2onnx cannot write this {type(estimator).__name__} with its {name}: "
                         f"{type(why).__name__}: {why}") from why
    return Wrapped(Network(made.SerializeToString(), "probabilities" if is_classifier else None, source=name), estimator)


def from_torch(module: Any, features: int) -> Network:
    """A torch module, such as an nn.Sequential over rows of `features` values, through its ONNX
    export in evaluation mode. The module itself stays as it is."""
    import inspect as signatures

    import torch

    file = io.BytesIO()
    # modern torch has a second exporter, which wants packages of its own
    choice = {"dynamo": False} if "dynamo" in signatures.signature(torch.onnx.export).parameters else {}
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            torch.onnx.export(module, (torch.zeros(2, features),), file, input_names=["features"],
                              output_names=["output"], opset_version=min(OPSET, 16),
                              dynamic_axes={"features": {0: "N"}, "output": {0: "N"}}, **choice)
    finally:
        module.train(was_training)
    return Network(file.getvalue(), source=type(module).__name__)
