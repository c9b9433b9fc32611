"""The notebook runs, and what is kept is what its text says, with the networks of today."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

from shared import ROOT

FOLDER = ROOT / "tools/python/notebook"


class Notebook(unittest.TestCase):
    def test_its_cells_are_those_of_the_text(self):
        kept = json.loads((FOLDER / "quality.ipynb").read_text("utf-8"))
        text = (FOLDER / "quality.py").read_text("utf-8")
        blocks = text.split("\n# %%\n")[1:]
        self.assertEqual(len(blocks), len(kept["cells"]))
        for block, cell in zip(blocks, kept["cells"]):
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                source = re.sub("(?m)^", "# ", source).replace("# \n", "#\n")
            self.assertEqual(source.strip(), block.strip())

    def test_its_figures_are_kept_and_nothing_failed(self):
        kept = json.loads((FOLDER / "quality.ipynb").read_text("utf-8"))
        outputs = [o for cell in kept["cells"] for o in cell.get("outputs", [])]
        self.assertEqual(sum("image/svg+xml" in o.get("data", {}) for o in outputs), 3)
        self.assertFalse([o for o in outputs if o["output_type"] == "error"])
        self.assertNotIn(str(ROOT), json.dumps(kept))
        self.assertTrue(any("all bits the same" in "".join(o.get("text", [])) for o in outputs))

    def test_it_runs_and_says_what_is_kept(self):
        done = subprocess.run([sys.executable, FOLDER / "write.py", "--check"], capture_output=True, text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])


if __name__ == "__main__":
    unittest.main()
