"""Clips that the tests play: a real one of Debian's opencv-doc, as an encoder or an accident leaves it."""
import atexit
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))
from tinymlp_train import ladder, sources  # noqa: E402

PLAYER = os.environ.get("TINYMLP_PLAYER", str(ROOT / "build" / "tools" / "player" / "tinymlp-player"))
PROGRAM = os.environ.get("TINYMLP", str(ROOT / "build" / "tools" / "tinymlp"))
VMAF_TOOL = ROOT / "build" / "libvmaf" / "installed" / "bin" / "vmaf"
FRAMES = 24
PATIENCE_S = 120

made = tempfile.TemporaryDirectory()
atexit.register(made.cleanup)
FOLDER = pathlib.Path(made.name)


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True,
                   timeout=PATIENCE_S)


@functools.cache
def reference(name="vtest_a", frames=FRAMES, filters="scale=384:288"):
    """Lossless, of a source of the corpus."""
    source = sources.defaults()[name]
    path = FOLDER / f"{name}_{frames}_{abs(hash(filters))}.mkv"
    given = [part.replace("{path}", str(source.path)) for part in source.input]
    ffmpeg(*given, "-vf", filters, "-frames:v", frames, "-an", "-c:v", "ffv1", path)
    return path


@functools.cache
def encoded(name, *arguments, of=None, variant="x264:32"):
    """A file of that name, by the encoder of a rung of the corpus's ladder; arguments before it."""
    path = FOLDER / name
    encoder = ladder.parse(variant).encoder()[0]
    ffmpeg("-i", of or reference(), *arguments, *encoder, path)
    return path


@functools.cache
def converted(name, *arguments, of=None):
    path = FOLDER / name
    ffmpeg("-i", of or reference(), *arguments, path)
    return path


def heed_interrupts():
    """SIGINT, which a shell's background jobs ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def play(*arguments, **options):
    """The finished player; stdout and stderr are text."""
    return subprocess.run([PLAYER, *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE_S, **options)


class PlayerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def lines(self, text):
        """JSON lines: (frames, summary); every one must be whole."""
        self.assertTrue(text.endswith("\n"))
        values = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(list(values[-1]), ["summary"])
        self.assertEqual([v["frame"] for v in values[:-1]], list(range(len(values) - 1)))
        self.assertEqual(values[-1]["summary"]["frames"], len(values) - 1)
        return values[:-1], values[-1]["summary"]

    def accept(self, *arguments):
        done = play("--json", "-", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        frames, summary = self.lines(done.stdout)
        self.assertTrue(summary["complete"])
        return frames, summary

    def refuse(self, *arguments, because, scored=0, status=1):
        """Ends with this status and every part of `because` on standard error; what was scored is
        shown, and is in the file of JSON lines. Returns its frames."""
        out = self.folder / "scores.jsonl"
        done = play("--json", out, *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertTrue(done.stderr.splitlines()[-1].startswith("tinymlp: "), done.stderr)
        for part in because:
            self.assertIn(str(part), done.stderr)
        if scored == 0:
            self.assertEqual((done.stdout, list(self.folder.iterdir())), ("", []))
            return []
        frames, summary = self.lines(out.read_text())
        self.assertEqual(len(frames), scored)
        self.assertFalse(summary["complete"])
        self.assertIn(summary["ended"], done.stderr)
        self.assertIn(f"frames     {scored} of", done.stdout)
        return frames
