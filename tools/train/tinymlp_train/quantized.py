"""ONNX Runtime's dynamic int8 quantisation of a float file, for figures and comparison."""
import logging
import pathlib
import tempfile

import onnx

from . import inference


def quantize(path):
    """inference.Model of the dynamically quantised file: int8 weights, per tensor."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    model = onnx.load(path)
    # The quantiser transposes weights, and fails where their old shape is listed as well.
    names = {t.name for t in model.graph.initializer}
    kept = [v for v in model.graph.value_info if v.name not in names]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = (pathlib.Path(folder) / n for n in ("plain.onnx", "packed.onnx"))
        onnx.save(model, plain)
        logging.disable(logging.WARNING)  # it advises preprocessing, which changes nothing here
        try:
            quantize_dynamic(plain, packed, weight_type=QuantType.QInt8)
        finally:
            logging.disable(logging.NOTSET)
        return inference.Model(packed)
