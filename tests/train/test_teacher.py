"""The teacher, evaluated from libvmaf's JSON, against the scores that libvmaf logged."""
import csv
import json
import lzma
import pathlib
import subprocess
import tempfile
import unittest

import support
from tinymlp_train import corpus, teacher

import numpy as np

PRINTED = 1e-6  # libvmaf prints features and scores with six decimals, or nine digits


def setUpModule():
    subprocess.run([support.TOOLS / "fetch_teacher"], check=True, capture_output=True)


def log_rows(path):
    with open(path, newline="") as text:
        for row in csv.DictReader(text):
            yield [float(row[f"integer_{name}"]) for name in corpus.FEATURES], float(row["vmaf"])


class Logged(unittest.TestCase):
    def test_every_row_of_the_corpus(self):
        rows = support.shipped_corpus()
        np.testing.assert_allclose(teacher.load().score(rows.x), rows.y, rtol=0, atol=1.2 * PRINTED)

    def test_a_log_of_another_version(self):
        x, y = map(np.array, zip(*log_rows(support.MODEL / "samples/vtest_x264_36.csv")))
        self.assertEqual(len(y), 48)
        # Features of six decimals move a score by what its slope makes of them.
        np.testing.assert_allclose(teacher.load().score(x), y, rtol=0, atol=300 * PRINTED)

    @unittest.skipUnless(support.SHARED.exists(), "no reference material beside the project")
    def test_raw_scores_of_public_logs(self):
        with lzma.open(support.SHARED / "data/public_4k_frames.csv.xz", "rt", newline="") as text:
            rows = list(csv.DictReader(text))
        x = np.array([[float(r[name]) for name in corpus.FEATURES] for r in rows])
        for key, of in (("vmaf_raw", teacher.load().raw), ("vmaf", teacher.load().score)):
            np.testing.assert_allclose(of(x), [float(r[key]) for r in rows], rtol=0, atol=1e-4)

    @unittest.skipUnless(support.SHARED.exists(), "no reference material beside the project")
    def test_frames_far_from_the_corpus(self):
        x = np.loadtxt(support.SHARED / "cases/logs/ood.csv", delimiter=",", skiprows=1)[:, 1:]
        np.testing.assert_allclose(teacher.load().score(x),
                                   [28.0837, 35.3123, 15.8314, 62.5110, 94.3449], atol=5e-5)


    def test_the_4k_model_gives_what_libvmaf_logged(self):
        """Frames of film, measured by libvmaf 2.3.0."""
        x = np.array([[0.968727, 0.700673, 0.920785, 0.958282, 0.975944, 2.433297],
                      [0.807596, 0.423120, 0.597432, 0.677502, 0.748754, 2.433297],
                      [0.743225, 0.414263, 0.581059, 0.670592, 0.749264, 2.433297],
                      [0.733572, 0.610374, 0.792394, 0.861374, 0.917669, 2.433297]])
        np.testing.assert_allclose(teacher.load("vmaf_4k_v0.6.1").score(x),
                                   [93.354202, 53.661291, 44.399445, 49.607178], atol=1e-4)


class Function(unittest.TestCase):
    def test_float32_is_near_enough_for_labels(self):
        x = np.random.default_rng(0).random((20_000, 6)) * (1.2, 1.1, 1.1, 1.1, 1.1, 60)
        for name in teacher.NAMES:
            t = teacher.load(name)
            self.assertLess(np.abs(t.raw(x, np.float32) - t.raw(x)).max(), 0.005, name)

    def test_blocks_do_not_matter(self):
        x = support.every(2).x
        t = teacher.load()
        self.assertGreater(len(x), teacher.BLOCK)
        np.testing.assert_allclose(t.raw(x), np.concatenate([t.raw(x[:100]), t.raw(x[100:])]),
                                   rtol=0, atol=1e-9)

    def test_neg_is_the_same_function(self):
        x = support.every(100).x
        np.testing.assert_array_equal(teacher.load("vmaf_v0.6.1neg").raw(x), teacher.load().raw(x))
        self.assertGreater(np.abs(teacher.load("vmaf_4k_v0.6.1").raw(x) - teacher.load().raw(x)).max(),
                           1)

    def test_phone(self):
        t = teacher.load()
        x = support.every(100).x
        x = np.concatenate([x, x * [0.3, 1, 0.1, 0.1, 0.1, 0.1]])  # scores below 0 among them
        raw, phone = t.raw(x), t.phone(x)
        expected = np.clip(np.maximum(1.70674692 + 1.72643844 * raw - 0.00705305 * raw ** 2, raw), 0, 100)
        np.testing.assert_allclose(phone, expected)
        self.assertTrue((phone >= t.score(x)).all())
        self.assertTrue((phone[raw < -1] == 0).all())
        self.assertGreater((raw < -1).sum(), 0)
        with self.assertRaisesRegex(ValueError, "vmaf_4k_v0.6.1 has no score_transform"):
            teacher.load("vmaf_4k_v0.6.1").phone(x)


class Refused(unittest.TestCase):
    def test_files_that_are_not_the_teacher(self):
        good = (teacher.FOLDER / "vmaf_v0.6.1.json").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "vmaf_v0.6.1.json"
            with self.assertRaisesRegex(ValueError, "missing; run tools/train/fetch_teacher"):
                teacher.load(folder=folder)
            path.write_bytes(good.replace(b"0.04", b"0.05"))
            with self.assertRaisesRegex(ValueError, "not libvmaf's vmaf_v0.6.1"):
                teacher.load(folder=folder)

    def test_models_that_are_another_function(self):
        good = json.loads((teacher.FOLDER / "vmaf_v0.6.1.json").read_bytes())

        def changed(**keys):
            return json.dumps({"model_dict": {**good["model_dict"], **keys}}).encode()
        svm = good["model_dict"]["model"]
        for data, why in (
                (b"{}", "model_dict"), (b"junk", "Expecting value"),
                (changed(model_type="RESIDUEBOOTSTRAP_LIBSVMNUSVR"), "it is RESIDUEBOOTSTRAP"),
                (changed(model=svm.replace("rbf", "linear")), "no nu-SVR with an RBF kernel"),
                (changed(model=svm.replace("total_sv 211", "total_sv 212")), "211 support vectors"),
                (changed(model=svm + "1 7:0.5\n"), "support vector 212 has a feature 7"),
                (changed(feature_names=["VMAF_feature_ssim_score"] * 6), "its features are ssim"),
                (changed(score_transform={"p0": 1}), "its score_transform is")):
            with self.assertRaisesRegex(ValueError, f"test: not a model.*{why}"):
                teacher.parse(data, "test")


if __name__ == "__main__":
    unittest.main()
