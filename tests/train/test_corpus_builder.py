import csv
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import support
from tinymlp_train import corpus, inference, ladder, measure, metrics, sources

import numpy as np


class Ladder(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(ladder.parse("x264_s1_2:24"), ladder.Variant("x264_s1_2", "24"))
        arguments, scale = ladder.parse("x264_s1_2:24").encoder()
        self.assertEqual(scale, (1, 2))
        self.assertEqual(arguments[-2:], ["-crf", "24"])
        self.assertEqual(ladder.parse("blur:1.5").filter(), "gblur=sigma=1.5")
        for variant in ladder.all_variants():
            self.assertEqual(ladder.parse(f"{variant.codec}:{variant.param}"), variant)
        for text in ("x264", "x266:20", "x264:20;rm", "blur:", "_s1_2:20", "blur_s1_2:1",
                     "x264:52", "x265_s1_2:-1", "mpeg2:1", "vp9:64", "av1:0", "ref:1", "blur:nan",
                     "noise:inf"):
            with self.subTest(text), self.assertRaises(ValueError):
                ladder.parse(text)


class Choice(unittest.TestCase):
    def listed(self, *arguments):
        run = subprocess.run([sys.executable, support.TOOLS / "corpus.py", "--list", *arguments],
                             capture_output=True, text=True, check=True)
        return [line.split()[:2] for line in run.stdout.splitlines()[:-1]]

    def test_small_with_a_clip_means_that_clip(self):
        self.assertEqual(self.listed("--small"), [["vtest_a", "24"]])
        self.assertEqual(self.listed("--small", "--clip", "mine=x.mkv"), [["mine", "24"]])
        self.assertEqual(self.listed("--clip", "mine=x.mkv", "--sources", "tree", "mine"),
                         [["tree", "48"], ["mine", "48"]])


    def test_extremes_are_sources_and_variants_of_their_own(self):
        listed = dict(self.listed("--extremes"))
        self.assertEqual(set(listed), set(sources.extremes()))
        self.assertEqual(set(listed.values()), {str(sources.EXTREME_FRAMES)})
        for variant in ladder.EXTREMES:
            ladder.parse(variant)
        found = corpus.load(corpus.EXTREMES)
        self.assertEqual(found.sources(), sorted(listed))
        self.assertEqual(len(found), len(listed) * len(ladder.EXTREMES) * sources.EXTREME_FRAMES)


class Logs(unittest.TestCase):
    def test_real_log(self):
        folder = support.SHARED / "data/logs"
        if not folder.exists():
            self.skipTest("the logs are not on this machine")
        rows = measure.read_log(folder / "ffprobe_libvmaf2_vtest_x264_36.json")
        with open(folder / "ffprobe_libvmaf2_vtest_x264_36.csv", newline="") as stream:
            expected = [[float(r["integer_" + f]) for f in corpus.FEATURES] + [float(r["vmaf"])]
                        for r in csv.DictReader(stream)]
        np.testing.assert_array_equal(rows, expected)

    def test_incomplete_logs_are_refused(self):
        good = ('{"frames":[{"frameNum":0,"metrics":{"integer_adm2":1,"integer_vif_scale0":1,'
                '"integer_vif_scale1":1,"integer_vif_scale2":1,"integer_vif_scale3":1,'
                '"integer_motion2":0,"vmaf":97}}]}')
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "log.json"
            path.write_text(good)
            self.assertEqual(measure.read_log(path), [[1, 1, 1, 1, 1, 0, 97]])
            for bad in (good[:-2], "{}", good.replace('"frameNum":0', '"frameNum":1'),
                        good.replace("integer_motion2", "motion3"), good.replace("97", "null"),
                        good.replace("97", "NaN")):
                path.write_text(bad)
                with self.subTest(bad[:40]), self.assertRaises(corpus.CorpusError):
                    measure.read_log(path)


class Building(unittest.TestCase):
    def setUp(self):
        if not shutil.which("ffmpeg") or not sources.OPENCV_DOC.exists():
            self.skipTest("needs ffmpeg and opencv-doc")
        fetched = support.ROOT / measure.FETCHED
        self.ffprobe = str(fetched) if fetched.exists() else "ffprobe"
        try:
            measure.find_ffprobe(self.ffprobe)
        except measure.ToolError:
            self.skipTest("needs an ffprobe with libvmaf (tools/train/fetch_ffprobe)")

    def build(self, folder, *arguments):
        return subprocess.run(
            [sys.executable, support.TOOLS / "corpus.py", "--ffprobe", self.ffprobe, "--work",
             folder / "work", "--output", folder / "out.csv", *arguments],
            capture_output=True, text=True)

    def test_a_small_ladder(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertEqual(self.build(folder, "--small").returncode, 0)
            first = (folder / "out.csv").read_bytes()
            again = self.build(folder, "--small")
            self.assertNotIn("frames,", again.stderr)  # nothing was measured anew
            self.assertEqual((folder / "out.csv").read_bytes(), first)
            self.assertEqual(list((folder / "work").glob("run_*")), [])
        rows = corpus.parse(first)
        self.assertEqual(len(rows), 5 * 24)
        blurred, perfect = rows.y[-24:].mean(), rows.y[:24].mean()
        self.assertGreater(perfect, 97)
        self.assertLess(blurred, perfect)
        self.assertEqual(rows.x[0, 5], 0)
        # Rows that no network was trained on, from another version of libvmaf.
        scores = inference.Model(support.MODEL / "mlp_medium.onnx").scores(rows.x)
        self.assertGreater(metrics.plcc(scores, rows.y), 0.999)
        self.assertLess(metrics.rmse(scores, rows.y), 1.0)

    def test_the_extremes_are_as_they_were_measured(self):
        """Some of model/extremes.csv afresh; filters alone, which do not differ between versions of
        encoders."""
        chosen = ("level:16", "delay:1", "shift:16", "turn:180", "contrast:3")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run = self.build(folder, "--extremes", "--sources", "megamind_a", "ex_cuts", "--variants",
                             *chosen)
            self.assertEqual(run.returncode, 0, run.stderr)
            fresh = corpus.load(folder / "out.csv")
        kept, variants = corpus.load(corpus.EXTREMES), corpus.variants(corpus.EXTREMES)
        for source in fresh.sources():
            here = kept.rows(kept.mask([source]) & np.isin(variants, chosen))
            found = fresh.rows(fresh.mask([source]))
            np.testing.assert_allclose(found.x, here.x, atol=1e-3)
            np.testing.assert_allclose(found.y, here.y, atol=0.1)

    def test_a_clip_that_is_too_short(self):
        clip = sources.OPENCV_DOC / "examples/data/tree.avi"
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run = self.build(folder, "--clip", f"tree={clip}", "--frames", "100")
            self.assertEqual(run.returncode, 1)
            self.assertIn("gives 68 frames there, 100 are needed", run.stderr)
            self.assertFalse((folder / "out.csv").exists())


if __name__ == "__main__":
    unittest.main()
