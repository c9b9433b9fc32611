#!/usr/bin/env python3
"""`score --plot`: well-formed SVG that shows what there is and leaves gaps where there is nothing."""
import re
import xml.etree.ElementTree as ElementTree

import program
from program import FEATURES, SAMPLES, ProgramTest, csv_text, reference_rows

SVG = "{http://www.w3.org/2000/svg}"
COLUMNS = ("frame", *FEATURES, "vmaf")


def class_of(element):
    return element.get("class", "").split()


class Picture(ProgramTest):
    def plot(self, *arguments, **options):
        path = self.folder / "plot.svg"
        self.accept("score", "--output", self.folder / "scores", "--plot", path, *arguments,
                    **options)
        return ElementTree.parse(path).getroot()

    def plot_rows(self, rows, columns=COLUMNS):
        return self.plot("-", stdin=csv_text(rows, columns))

    def paths(self, root, kind):
        return [e.get("d") for e in root.iter(SVG + "path")
                if class_of(e) == ["line", kind]]

    def texts(self, root):
        return [e.text for e in root.iter(SVG + "text")]

    def test_shows_both_scores_and_says_so(self):
        root = self.plot(SAMPLES / "vtest_x264_36.json")
        self.assertEqual(len(self.paths(root, "own")), 1)
        score, difference = self.paths(root, "score")
        self.assertEqual(len(re.findall("[ML]", score)), 48)
        self.assertEqual(len(re.findall("[ML]", difference)), 48)
        texts = self.texts(root)
        for part in ("tinymlp", "libvmaf", "frame", "VMAF score (0 to 100)", "min", "mean",
                     "harmonic mean", "max", "79.8176", "79.7858", "correlation (PLCC)", "RMSE"):
            self.assertIn(part, texts)

    def test_follows_the_colour_scheme(self):
        self.plot(SAMPLES / "vtest_x264_36.json")
        text = (self.folder / "plot.svg").read_text()
        light, dark = text.split("@media (prefers-color-scheme: dark)")
        for kind in (".paper", ".score", ".own", ".grid", ".axis"):
            self.assertIn(kind, light)
            self.assertIn(kind, dark)
        drawing = text.split("</style>")[1]
        self.assertNotRegex(drawing, r"fill=|stroke=|#[0-9a-f]{6}")

    def test_points_lie_where_the_scores_are(self):
        rows = reference_rows()
        root = self.plot_rows(rows)
        scores = [float(line.split(",")[1])
                  for line in (self.folder / "scores").read_text().splitlines()[1:]]
        points = [tuple(map(float, p.split())) for p in
                  re.split("[ML]", self.paths(root, "score")[0])[1:]]
        xs, ys = zip(*points)
        self.assertEqual(list(xs), sorted(xs))
        low, high = scores.index(min(scores)), scores.index(max(scores))
        scale = (ys[low] - ys[high]) / (scores[high] - scores[low])  # SVG's y points down
        for y, score in zip(ys, scores):
            self.assertAlmostEqual(y, ys[low] - (score - scores[low]) * scale, delta=0.02)

    def test_the_difference_is_up_where_the_score_is_the_higher(self):
        heights = []
        for own in ("50", "99"):
            root = self.plot_rows([dict(row, vmaf=own) for row in reference_rows()])
            difference = self.paths(root, "score")[1]
            heights.append([float(p.split()[1]) for p in re.split("[ML]", difference)[1:]])
        self.assertLess(max(heights[0]), min(heights[1]))  # SVG's y points down

    def test_missing_frames_and_scores_are_gaps(self):
        rows = reference_rows()
        del rows[20:25]
        self.assertEqual(len(self.paths(self.plot_rows(rows), "own")), 2)
        rows[30]["adm2"] = "nan"
        root = self.plot_rows(rows)
        self.assertEqual(len(self.paths(root, "own")), 2)
        self.assertEqual(sum(path.count("M") for path in self.paths(root, "score")), 6)
        missing = [e for e in root.iter(SVG + "line") if class_of(e) == ["missing"]]
        self.assertEqual(len(missing), 1)

    def test_subsampling_is_no_gap(self):
        root = self.plot_rows(reference_rows()[::5])
        self.assertEqual(len(self.paths(root, "own")), 1)

    def test_one_frame(self):
        root = self.plot_rows(reference_rows()[:1])
        kinds = [class_of(e)[0] for e in root.iter(SVG + "circle")]
        self.assertEqual(sorted(kinds), ["own-fill", "score-fill", "score-fill"])

    def test_nothing_finite(self):
        root = self.plot_rows([dict(reference_rows()[0], adm2="nan", vmaf="nan")])
        self.assertEqual(self.paths(root, "score"), [])
        self.assertIn("not defined", self.texts(root))

    def test_constant_and_huge_scores(self):
        row = reference_rows()[0]
        root = self.plot_rows([dict(row, frame=str(i)) for i in range(10)], COLUMNS[:-1])
        ticks = [e.text for e in root.iter(SVG + "text") if class_of(e) == ["end"]]
        ticks = [tick for tick in ticks if re.fullmatch(r"-?[0-9.]+", tick)]
        self.assertGreater(len(ticks), 5)
        self.assertLessEqual(max(map(len, ticks)), 5)  # more would run into the axis's name
        self.plot_rows([dict(row, adm2="3e38"), dict(row, frame="9223372036854775807")])

    def test_frame_numbers_that_step_back_become_rows(self):
        root = self.plot_rows(reference_rows() * 2)
        self.assertIn("row", self.texts(root))
        self.assertNotIn("frame", self.texts(root))

    def test_a_long_clip_keeps_its_extremes(self):
        rows = [dict(r, frame=str(i)) for i, r in enumerate(reference_rows() * 400)]
        rows[7777].update(adm2="0.2", vif_scale0="0.01")
        root = self.plot_rows(rows)
        bands = [e for e in root.iter(SVG + "path") if class_of(e)[0] == "band"]
        self.assertEqual(len(bands), 3)
        scores = [float(line.split(",")[1])
                  for line in (self.folder / "scores").read_text().splitlines()[1:]]
        self.assertEqual(min(scores), scores[7777])
        self.assertIn(f"{min(scores):.4f}", self.texts(root))
        lowest = {}
        for band in bands:
            ys = [float(p.split()[1]) for p in re.split("[MLZ]", band.get("d")) if p.strip()]
            lowest[class_of(band)[1]] = max(ys)
        self.assertGreater(lowest["score-fill"], lowest["own-fill"])

    def columns_of(self, root, kind):
        """x of every point of a band, or of lines and single points."""
        xs = []
        for element in root.iter():
            if kind in class_of(element) and element.get("d"):
                xs += [float(p.split()[0]) for p in re.split("[MLZ]", element.get("d")) if p.strip()]
            if kind in class_of(element) and element.get("cx"):
                xs.append(float(element.get("cx")))
        return xs

    def test_nothing_is_drawn_inside_a_gap_of_a_long_clip(self):
        rows = [dict(r, frame=str(i)) for i, r in enumerate(reference_rows() * 125)]
        whole = self.plot_rows(rows)
        for begin, end in ((1001, 3003), (2999, 3097), (1, 5998)):
            root = self.plot_rows(rows[:begin] + rows[end:])
            axis = [e for e in whole.iter(SVG + "line") if class_of(e) == ["axis"]][0]
            left, right = float(axis.get("x1")), float(axis.get("x2"))
            first, last = (left + frame * (right - left) / 5999 for frame in (begin - 1, end))
            for kind in ("score-fill", "own-fill", "score", "own"):
                inside = [x for x in self.columns_of(root, kind) if first + 0.2 < x < last - 0.2]
                self.assertEqual(inside, [], (kind, begin, end))

    def test_more_gaps_than_a_picture_shows(self):
        rows = [dict(r, frame=str(i)) for i, r in enumerate(reference_rows() * 125) if i % 7]
        root = self.plot_rows(rows)
        self.assertGreater(len(self.columns_of(root, "score-fill")), 500)
        self.assertLess((self.folder / "plot.svg").stat().st_size, 400_000)

    def test_labels_of_huge_values_fit_beside_their_axis(self):
        row = reference_rows()[0]
        for huge in ("3e38", "-3e38", "1e12", "-7.654321e9"):
            root = self.plot("--raw", "-", stdin=csv_text(
                [dict(row, frame="0"), dict(row, frame="1", adm2=huge)], COLUMNS))
            for label in root.iter(SVG + "text"):
                if class_of(label) == ["end"] and re.fullmatch(r"-?[0-9.e]+", label.text):
                    self.assertLessEqual(7.2 * len(label.text), float(label.get("x")), label.text)

    def test_only_svg_is_drawn(self):
        for name in ("plot.png", "plot.PDF", "plot.jpeg"):
            for command in (("score", SAMPLES / "vtest_x264_36.csv"), ("latency",),
                            ("run", "mlp_small", SAMPLES / "vtest_x264_36.csv")):
                self.refuse(*command, "--plot", self.folder / name, status=2,
                            because=["pictures are SVG", "name it .svg"])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_names_are_escaped(self):
        log = self.write('a<b>&"c"\x01é\udcff.csv', csv_text(reference_rows()))
        root = self.plot(log)
        self.assertTrue(any('a<b>&"c"?é?.csv' in text for text in self.texts(root)))


if __name__ == "__main__":
    program.main()
