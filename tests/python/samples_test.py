"""The samples of README.md and tools/python/README.md run as they stand, each in a folder with the files it names."""
import contextlib
import io
import os
import re
import shutil
import tempfile
import unittest

import numpy as np

import tinymlp
from shared import ROOT, same_bits


def sample(document):
    [code] = re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return code


class Samples(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        shutil.copy(ROOT / "model" / "samples" / "vtest_x264_36.json", os.path.join(folder.name, "log.json"))
        shutil.copy(ROOT / "model" / "mlp_medium.onnx", os.path.join(folder.name, "policy.onnx"))
        self.enterContext(contextlib.chdir(folder.name))
        self.rows = np.random.default_rng(1).random((100, 6), np.float32)
        self.names = {"rows": self.rows, "tinymlp": tinymlp, "out": np.empty(100, np.float32)}

    def test_the_front_page(self):
        exec(sample("README.md"), self.names)
        self.assertTrue(same_bits(self.names["scores"], tinymlp.load("mlp_small")(self.rows)))
        self.assertEqual(self.names["table"].num_rows, 48)

    def test_the_package_s_page(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(sample("tools/python/README.md"), self.names)
        self.assertTrue(same_bits(self.names["out"], self.names["scores"]))
        self.assertIn("6 -> 32", printed.getvalue())


if __name__ == "__main__":
    unittest.main()
