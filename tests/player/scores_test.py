"""What the player scores: against libvmaf's own tool, which reads the pictures that ffmpeg decodes, and
against `tinymlp score`, which reads a log."""
import csv
import io
import json
import struct
import subprocess
import unittest

from clips import FOLDER, FRAMES, PATIENCE_S, PROGRAM, VMAF_TOOL, PlayerTest, converted, encoded, ffmpeg, play, reference

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")


def bits(value):
    return struct.pack("f", value)


def libvmaf_log(distorted, of=None, depth=8, model="vmaf_v0.6.1"):
    """Metrics of each frame by the tool that comes with libvmaf."""
    pictures = []
    for name, path in (("reference", of or reference()), ("distorted", distorted)):
        pictures.append(FOLDER / f"{name}.y4m")
        ffmpeg("-i", path, "-pix_fmt", "yuv420p" if depth == 8 else "yuv420p10le", "-strict", "-1", pictures[-1])
    log = FOLDER / "libvmaf.json"
    subprocess.run([VMAF_TOOL, "-r", pictures[0], "-d", pictures[1], "-m", f"version={model}", "--json", "-o", log, "-q"],
                   check=True, capture_output=True, timeout=PATIENCE_S)
    return [frame["metrics"] for frame in json.loads(log.read_text())["frames"]]


class Scores(PlayerTest):
    def check_against_libvmaf(self, frames, metrics, places=6):
        self.assertEqual(len(frames), len(metrics))
        for frame, known in zip(frames, metrics):
            for name in FEATURES:
                self.assertAlmostEqual(frame["features"][name], known[f"integer_{name}"], delta=0.51 * 10**-places)
            self.assertAlmostEqual(frame["libvmaf"], known["vmaf"], delta=2e-5)

    def test_features_and_the_model_are_those_of_libvmafs_own_tool(self):
        distorted = encoded("plain.mp4")
        frames, summary = self.accept("--compare", reference(), distorted)
        self.check_against_libvmaf(frames, libvmaf_log(distorted))
        self.assertEqual(summary["predicts"], "vmaf_v0.6.1")
        self.assertEqual((summary["width"], summary["height"], summary["depth"]), (384, 288, 8))

    def test_scores_are_within_half_a_point_of_libvmafs_model(self):
        for variant in ("x264:20", "x264:36", "x264:48", "mpeg2:12"):
            for name in ("vtest_a", "megamind_b"):
                source = reference(name)
                distorted = encoded(f"{name}_{variant.replace(':', '_')}.mkv", of=source, variant=variant)
                for model in ("mlp_small", "mlp_medium", "mlp_large"):
                    with self.subTest(variant=variant, name=name, model=model):
                        _, summary = self.accept("--compare", "--model", model, source, distorted)
                        own = summary["libvmaf"]
                        self.assertLess(own["rmse"], 0.5)
                        self.assertLessEqual(abs(own["mean_difference"]), own["rmse"] + 1e-9)
                        self.assertLessEqual(own["rmse"], abs(own["worst_difference"]) + 1e-9)
                        print(f"{name} {variant} {model}: RMSE {own['rmse']:.3f}, scoring takes "
                              f"{100 * summary['scoring_share']:.4f} % of a frame's time")

    def test_the_4k_networks_are_compared_with_the_4k_model(self):
        distorted = encoded("plain.mp4")
        frames, summary = self.accept("--compare", "--model", "mlp_large_4k", reference(), distorted)
        self.check_against_libvmaf(frames, libvmaf_log(distorted, model="vmaf_4k_v0.6.1"))
        self.assertEqual(summary["predicts"], "vmaf_4k_v0.6.1")
        self.assertLess(summary["libvmaf"]["rmse"], 0.5)

    def test_each_score_has_the_bits_of_tinymlp_score_on_a_log_of_the_features(self):
        for model in ("mlp_small", "mlp_medium", "mlp_large", "mlp_small_4k", "mlp_large.int8"):
            frames, _ = self.accept("--model", model, reference(), encoded("plain.mp4"))
            log = {"version": "2.3.1", "frames": [
                {"frameNum": f["frame"],
                 "metrics": {f"integer_{name}": f["features"][name] for name in FEATURES}} for f in frames]}
            done = subprocess.run([PROGRAM, "score", "--model", model, "-"], input=json.dumps(log), text=True,
                                  capture_output=True, check=True, timeout=PATIENCE_S)
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            self.assertEqual([bits(f["score"]) for f in frames], [bits(float(r["score"])) for r in rows])

    def test_scores_do_not_depend_on_the_comparison(self):
        distorted = encoded("plain.mp4")
        plain, _ = self.accept(reference(), distorted)
        compared, _ = self.accept("--compare", reference(), distorted)
        self.assertEqual([f["score"] for f in plain], [f["score"] for f in compared])
        self.assertNotIn("libvmaf", plain[0])

    def test_ten_bits(self):
        source = converted("ten.mkv", "-pix_fmt", "yuv420p10le", "-c:v", "ffv1")
        distorted = encoded("ten.mp4", "-pix_fmt", "yuv420p10le", of=source)
        frames, summary = self.accept("--compare", source, distorted)
        self.assertEqual(summary["depth"], 10)
        self.check_against_libvmaf(frames, libvmaf_log(distorted, of=source, depth=10))

    def test_eight_bits_against_ten_are_compared_as_ten(self):
        done = play("--compare", reference(), encoded("mixed.mp4", "-pix_fmt", "yuv420p10le"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("its 8 bits are compared as 10", done.stderr)
        self.assertIn("10 bits", done.stdout)

    def test_chroma_and_layout_do_not_matter(self):
        def scores(path):
            return [f["score"] for f in self.accept(reference(), path)[0]]
        plain = scores(converted("420.avi", "-c:v", "rawvideo", "-pix_fmt", "yuv420p"))
        self.assertEqual(len(plain), FRAMES)
        for layout in ("yuv422p", "yuv444p", "nv12", "yuyv422"):
            with self.subTest(layout=layout):
                container = "avi" if layout in ("nv12", "yuyv422") else "nut"
                made = scores(converted(f"{layout}.{container}", "-c:v", "rawvideo", "-pix_fmt", layout))
                for a, b in zip(made, plain):
                    self.assertAlmostEqual(a, b, delta=1e-4)

    def test_grey_has_the_full_range(self):
        source = reference("vtest_a", 8, "scale=384:288,lutyuv=y=clip(val\\,16\\,235)")  # the clip itself goes beyond
        grey = converted("grey.nut", "-c:v", "rawvideo", "-pix_fmt", "gray", of=source)
        (alike, _), (made, _) = self.accept(source, source), self.accept(source, grey)
        for a, b in zip(made, alike):
            self.assertAlmostEqual(a["score"], b["score"], delta=0.5)

    def test_odd_sizes(self):
        source = reference("vtest_a", 8, "scale=337:211,format=yuv444p")
        distorted = encoded("odd.mkv", "-pix_fmt", "yuv444p", of=source)
        frames, summary = self.accept("--compare", source, distorted)
        self.assertEqual((summary["width"], summary["height"], len(frames)), (337, 211, 8))
        self.assertLess(summary["libvmaf"]["rmse"], 0.5)
        source = converted("odd420.mkv", "-pix_fmt", "yuv420p", "-c:v", "ffv1", of=source)
        frames, summary = self.accept("--compare", source, distorted)
        self.assertEqual((summary["width"], summary["height"], len(frames)), (337, 211, 8))

    def test_full_range_and_rgb_are_converted_with_a_word(self):
        for name, arguments, word in (("full.avi", ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"), "of full range"),
                                      ("rgb.mkv", ("-c:v", "ffv1", "-pix_fmt", "bgr0"), "bgr0")):
            done = play(reference(), converted(name, *arguments))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{word} is converted to 384x288", done.stderr)
        _, summary = self.accept(reference(), FOLDER / "full.avi")
        self.assertGreater(summary["score"]["mean"], 85)  # as luma of another range would not

    def test_times_and_means_add_up(self):
        frames, summary = self.accept("--compare", reference(), encoded("plain.mp4"))
        total = 0.0
        for n, frame in enumerate(frames, 1):
            total += frame["score"]
            self.assertAlmostEqual(frame["mean"], total / n, places=9)
            self.assertAlmostEqual(frame["time_s"], (n - 1) / 10, places=6)
            self.assertEqual(set(frame["ns"]), {"decode", "features", "fetch", "scoring", "libvmaf"})
        for part in ("decode", "features", "scoring", "libvmaf"):
            self.assertAlmostEqual(summary["ns"][part], sum(f["ns"][part] for f in frames) / FRAMES, delta=1)
        parts = {k: v for k, v in summary["ns"].items() if k != "libvmaf"}
        self.assertAlmostEqual(summary["scoring_share"], parts["scoring"] / sum(parts.values()), places=9)
        print(f"scoring takes {100 * summary['scoring_share']:.4f} % of a frame's time")


if __name__ == "__main__":
    unittest.main(verbosity=2)
