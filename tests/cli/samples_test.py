#!/usr/bin/env python3
"""Every `tinymlp ...` line of the Markdown files runs as it stands, with real files by the names it uses."""
import re
import shlex
import shutil
import subprocess
import unittest


from program import PROGRAM, ROOT, ProgramTest

FILES = {"log.json": "samples/vtest_x264_36.json", "log.xml": "samples/vtest_x264_36.xml",
         "log.csv": "samples/vtest_x264_36.csv", "policy.onnx": "mlp_small.onnx", "model.onnx": "mlp_medium.onnx"}
ROWS = "0.95,0.6,0.85,0.9,0.94,4.5\n0.9,0.5,0.8,0.85,0.9,1\n"


def lines():
    for document in sorted(ROOT.rglob("*.md")):
        if document.relative_to(ROOT).parts[0].startswith((".", "build")):
            continue
        for line in re.findall(r"^    (.*\btinymlp (?!is\b).*)$", document.read_text("utf-8"), re.MULTILINE):
            if re.search(r"(?:^|\| *)tinymlp ", line.split("#")[0]):
                yield document, line


class Samples(ProgramTest):
    def test_each_line_runs(self):
        for name, source in FILES.items():
            shutil.copy(ROOT / "model" / source, self.folder / name)
        (self.folder / "rows.csv").write_text(ROWS)
        (self.folder / "model").symlink_to(ROOT / "model")
        ran = 0
        for document, line in lines():
            with self.subTest(document=document.name, line=line):
                # What follows a log goes on until it is told to end, and takes that for the end.
                program = shlex.quote(str(PROGRAM))
                program = f"timeout --preserve-status --signal=INT 1 {program}" if "--follow" in line else program
                command = line.split("#")[0].replace("tinymlp ", f"{program} ", 1)
                done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, capture_output=True,
                                      text=True, check=False, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                ran += 1
        self.assertGreaterEqual(ran, 7)
        self.assertIn("</svg>", (self.folder / "scores.svg").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
