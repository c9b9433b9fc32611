"""What the tests of the program share: running it, and the real logs it is run on."""
import csv
import io
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "model" / "samples"
SHARED = ROOT.parent / "shared"  # golden files, where they lie beside the checkout
PROGRAM = os.environ.get("TINYMLP", str(ROOT / "build" / "tools" / "tinymlp"))

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")


def run(*arguments, stdin=b"", **options):
    """The finished process; stdout and stderr are bytes."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=240, **options)


def reference_rows():
    """Frame numbers, features (as text) and libvmaf's score of a real log: 48 frames."""
    with open(SAMPLES / "vtest_x264_36.csv", newline="") as f:
        return [
            {"frame": row["Frame"], "vmaf": row["vmaf"],
             **{name: row["integer_" + name] for name in FEATURES}}
            for row in csv.DictReader(f)
        ]


def csv_text(rows, columns=FEATURES):
    return "\n".join([",".join(columns), *(",".join(r[c] for c in columns) for r in rows)]) + "\n"


def scores_of(output):
    """[(frame, score text)] of the program's CSV."""
    rows = list(csv.reader(io.StringIO(output.decode())))
    assert rows[0] == ["frame", "score"], rows[0]
    return [(int(frame), score) for frame, score in rows[1:]]


class ProgramTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def hiding_proc(self):
        """The start of a command that runs where files without a name cannot be given one."""
        unshare = shutil.which("unshare")
        hide = [unshare, "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
        if unshare is None or subprocess.run([*hide, "true"], capture_output=True).returncode != 0:
            self.skipTest("may not mount a file system")
        if subprocess.run([*hide, PROGRAM, "--version"], capture_output=True).returncode != 0:
            self.skipTest("a sanitizer needs /proc")  # to look for leaks, and for its options
        return hide

    def accept(self, *arguments, **options):
        """Runs, expects success, returns standard output."""
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout

    def scores(self, *arguments, **options):
        return scores_of(self.accept("score", *arguments, **options))

    def score_json(self, *arguments, **options):
        return json.loads(self.accept("score", "--format", "json", *arguments, **options))

    def refuse(self, *arguments, because, status=1, **options):
        """Runs, expects this exit status and every part of `because` on standard error."""
        done = run(*arguments, **options)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, status, message)
        for part in [because] if isinstance(because, str) else because:
            self.assertIn(part, message)
        self.assertTrue(message.startswith("tinymlp: ") or status == 2, message)
        return done

    def refuse_log(self, content, because, *arguments):
        """A log, from a file and from standard input, that must end in this message, with nothing
        on standard output and an existing output file untouched."""
        path = self.write("bad.log", content)
        kept = self.write("kept.csv", "before")
        done = self.refuse("score", *arguments, path, because=because)
        self.assertEqual(done.stdout, b"")
        self.refuse("score", *arguments, "-", because=because, stdin=path.read_bytes())
        self.refuse("score", *arguments, "--output", kept, path, because=because)
        self.assertEqual(kept.read_bytes(), b"before")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["bad.log", "kept.csv"])


def main():
    unittest.main(verbosity=2)
