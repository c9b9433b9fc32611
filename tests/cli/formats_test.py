#!/usr/bin/env python3
"""Every kind of log that libvmaf and FFmpeg write gives the scores it must."""
import json
import math
import re
import unittest

import program
from program import FEATURES, SAMPLES, ProgramTest, csv_text, reference_rows

VTEST = [SAMPLES / f"vtest_x264_36.{kind}" for kind in ("csv", "json", "xml")]
FFPROBE = [SAMPLES / f"ffprobe_libvmaf2_vtest_x264_36.{kind}" for kind in ("csv", "json", "xml")]


class RealLogs(ProgramTest):
    def test_csv_json_and_xml_of_one_clip_agree(self):
        for logs in (VTEST, FFPROBE):
            first, *others = [self.scores(log) for log in logs]
            self.assertEqual([frame for frame, _ in first], list(range(48)))
            for other in others:
                self.assertEqual(first, other)

    def test_scores_follow_libvmafs_own(self):
        for log in [*VTEST, *FFPROBE, SAMPLES / "npm_ffmpeg41_libvmaf137.xml"]:
            for model in ("mlp_small", "mlp_medium", "mlp_large", "mlp_large.int8"):
                frames = self.score_json("--model", model, log)["frames"]
                for frame in frames:
                    metrics = frame["metrics"]
                    self.assertAlmostEqual(metrics["tinymlp_vmaf"], metrics["vmaf"], delta=2)

    def test_format_is_told_by_content_not_by_name(self):
        for log in VTEST:
            self.assertEqual(self.scores(self.write("log.txt", log.read_bytes())),
                             self.scores(log))
        misnamed = self.write("really_xml.json", VTEST[2].read_bytes())
        self.assertEqual(self.scores(misnamed), self.scores(VTEST[2]))

    def test_standard_input_in_every_format(self):
        for log in VTEST:
            self.assertEqual(self.scores("-", stdin=log.read_bytes()), self.scores(log))

    def test_own_scores_are_carried_over_digit_by_digit(self):
        with open(VTEST[1]) as f:
            expected = {f["frameNum"]: f["metrics"]["vmaf"] for f in json.load(f)["frames"]}
        for log in VTEST:
            frames = self.score_json(log)["frames"]
            self.assertEqual({f["frameNum"]: f["metrics"]["vmaf"] for f in frames}, expected)

    def test_pooling_is_libvmafs(self):
        for csv_log, json_log, xml_log in (VTEST, FFPROBE):
            with open(json_log) as f:
                expected = json.load(f)["pooled_metrics"]["vmaf"]
            for log in (csv_log, json_log, xml_log):
                pooled = self.score_json(log)["pooled_metrics"]["vmaf"]
                self.assertEqual(set(pooled), {"min", "max", "mean", "harmonic_mean"})
                for key, value in expected.items():
                    self.assertAlmostEqual(pooled[key], value, delta=1.5e-6, msg=key)

    def test_mean_is_the_one_that_libvmaf_1_3_7_printed(self):
        log = SAMPLES / "npm_ffmpeg41_libvmaf137.xml"
        printed = float(re.search(r'aggregateVMAF="([^"]+)"', log.read_text())[1])
        pooled = self.score_json(log)["pooled_metrics"]["vmaf"]
        self.assertAlmostEqual(pooled["mean"], printed, delta=1e-4)


class Variations(ProgramTest):
    """Forms that formats.md tells of, made from the real logs."""

    def setUp(self):
        super().setUp()
        self.rows = reference_rows()
        self.expected = self.scores(VTEST[0])

    def check_scores(self, content, expected=None):
        self.assertEqual(self.scores(self.write("log", content)), expected or self.expected)

    def json_log(self):
        return json.loads(VTEST[1].read_text())

    def test_columns_in_any_order(self):
        columns = ("motion2", "vif_scale3", "vmaf", "adm2", "vif_scale1", "vif_scale0", "vif_scale2")
        self.check_scores(csv_text(self.rows, columns))

    def test_text_columns_beside_the_features(self):
        for row in self.rows:
            row["source"] = '"a clip, quoted ""twice"""'
        self.check_scores(csv_text(self.rows, ("source", *FEATURES)))

    def test_line_ends_blank_end_mark_and_quotes(self):
        text = csv_text(self.rows)
        self.check_scores(text.replace("\n", "\r\n"))
        self.check_scores(text + "\n\r\n")
        self.check_scores(text.rstrip("\n"))
        self.check_scores("\ufeff" + text)
        self.check_scores("\n\n" + text)
        self.check_scores(re.sub(r"[^,\n]+", lambda m: f'"{m[0]}"', text))
        self.check_scores(text.replace(",", ", "))

    def test_a_last_line_without_newline_is_mentioned(self):
        text = csv_text(self.rows).rstrip("\n")
        done = program.run("score", "-", stdin=text)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"note: standard input: line 49 has no newline at its end", done.stderr)
        libvmaf = VTEST[0].read_text().rstrip("\n")  # its trailing comma shows that it is whole
        self.assertEqual(program.run("score", "-", stdin=libvmaf).stderr, b"")

    def test_csv_of_libvmaf_1_has_width_and_height(self):
        lines = ["Frame,Width,Height," + ",".join(FEATURES) + ",vmaf,"]
        for row in self.rows:
            lines.append(f"{row['frame']},576,324," + ",".join(row[f] for f in FEATURES) +
                         f",{row['vmaf']},")
        self.check_scores("\n".join(lines) + "\n")

    def test_json_of_libvmaf_1(self):
        frames = [
            {"frameNum": int(row["frame"]),
             "metrics": {**{f: float(row[f]) for f in FEATURES}, "vmaf": float(row["vmaf"])}}
            for row in self.rows
        ]
        log = {"version": "1.5.1", "params": {"model": "vmaf_v0.6.1.pkl", "scaledWidth": 576},
               "metrics": list(FEATURES), "frames": frames, "VMAF score": 79.8, "ExecFps": 9.5}
        self.check_scores(json.dumps(log))

    def test_pooled_metrics_as_an_array(self):
        log = self.json_log()
        log["pooled_metrics"] = [{"name": k, **v} for k, v in log["pooled_metrics"].items()]
        self.check_scores(json.dumps(log))

    def test_frame_number_after_the_metrics(self):
        log = self.json_log()
        log["frames"] = [dict(reversed(list(f.items()))) for f in log["frames"]]
        self.check_scores(json.dumps(log))

    def test_compact_and_escaped_json(self):
        log = json.dumps(self.json_log(), separators=(",", ":"))
        self.check_scores(log)
        self.check_scores(log.replace('"integer_adm2"', '"integer_\\u0061dm2"'))

    def test_fps_of_any_kind(self):
        text = VTEST[1].read_text()
        for fps in ("inf", "nan", "null", "-nan", "1e3"):
            self.check_scores(re.sub(r'"fps": [0-9.]+', f'"fps": {fps}', text))

    def test_leading_comma_when_frame_0_is_absent(self):
        text = VTEST[1].read_text()
        first = text.index("{", text.index('"frames"'))
        second = text.index("{\n      \"frameNum\": 1,")
        for comma in (",", ",\n    ", " , "):
            self.check_scores(text[:first] + comma + text[second:], self.expected[1:])

    def test_frame_numbers_keep_their_gaps(self):
        log = self.json_log()
        log["frames"] = log["frames"][::5]
        expected = self.expected[::5]
        self.check_scores(json.dumps(log), expected)
        self.check_scores(csv_text(self.rows[::5], ("frame", *FEATURES)), expected)

    def test_rows_without_a_frame_column_count_from_0(self):
        self.check_scores(csv_text(self.rows[10:]),
                          [(i, score) for i, (_, score) in enumerate(self.expected[10:])])

    def test_seventeen_digits(self):
        log = self.json_log()
        text = re.sub(r"\d\.\d{6}\b", lambda m: m[0] + "0" * 11, json.dumps(log))
        self.check_scores(text)

    def test_numbers_in_every_spelling(self):
        row = dict(self.rows[5])
        for spelling in ("+{}", "{}e0", "{}E+00", "0{}", "{}000000000000000000000000000000"):
            other = {**row, "adm2": spelling.format(row["adm2"])}
            self.check_scores(csv_text([other]), [(0, self.expected[5][1])])
        self.check_scores(csv_text([{**row, "motion2": "1629.203e-3"}]), [(0, self.expected[5][1])])
        tiny = self.scores(self.write("tiny", csv_text([{**row, "motion2": "1e-999"}])))
        zero = self.scores(self.write("zero", csv_text([{**row, "motion2": "0"}])))
        self.assertEqual(tiny, zero)

    def test_locale_does_not_matter(self):
        for locale in ("de_DE.UTF-8", "C", "tr_TR.UTF-8"):
            self.assertEqual(self.scores(VTEST[0], env={"LC_ALL": locale}), self.expected)


class BadNumbers(ProgramTest):
    """NaN and infinity are data: they score NaN, are counted, and spoil the pooled scores."""

    def check_bad(self, content, frame):
        path = self.write("log", content)
        done = program.run("score", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"warning: ", done.stderr)
        self.assertIn(b"1 of 48 frames", done.stderr)
        scores = program.scores_of(done.stdout)
        expected = self.scores(VTEST[0])
        self.assertEqual(scores[frame], (frame, "nan"))
        self.assertEqual(scores[:frame] + scores[frame + 1:],
                         expected[:frame] + expected[frame + 1:])
        result = self.score_json(path)
        self.assertIsNone(result["frames"][frame]["metrics"]["tinymlp_vmaf"])
        self.assertEqual(set(result["pooled_metrics"]["tinymlp_vmaf"].values()), {None})
        self.assertTrue(all(map(math.isfinite, result["pooled_metrics"]["vmaf"].values())))

    def test_bare_and_null_in_json(self):
        text = VTEST[1].read_text()
        for value in ("null", "nan", "-nan", "inf", "-inf", "NaN", "nan(0x8000000000000)"):
            self.check_bad(text.replace('"integer_motion2": 1.836300', f'"integer_motion2": {value}',
                                        1), 2)

    def test_in_xml_and_csv(self):
        for value in ("nan", "-nan", "inf", "-inf", "NaN", "Infinity", "-nan(ind)"):
            self.check_bad(VTEST[2].read_text().replace('integer_motion2="1.836300"',
                                                        f'integer_motion2="{value}"', 1), 2)
            self.check_bad(VTEST[0].read_text().replace(",1.836300,1.836300,80.", f",{value},0,80."),
                           2)

    def test_a_nan_in_an_unused_key_is_nobodys_business(self):
        text = VTEST[1].read_text().replace('"psnr_y": 34.587278', '"psnr_y": nan', 1)
        self.assertEqual(self.scores(self.write("log", text)), self.scores(VTEST[0]))

    def test_own_score_may_be_absent_or_null(self):
        log = json.loads(VTEST[1].read_text())
        del log["frames"][3]["metrics"]["vmaf"]
        log["frames"][4]["metrics"]["vmaf"] = None
        result = self.score_json(self.write("log", json.dumps(log)))
        own = [f["metrics"]["vmaf"] for f in result["frames"]]
        self.assertEqual([i for i, v in enumerate(own) if v is None], [3, 4])
        kept = [v for v in own if v is not None]
        self.assertAlmostEqual(result["pooled_metrics"]["vmaf"]["mean"], sum(kept) / 46, places=6)


class FrameOrder(ProgramTest):
    def test_repeated_numbers_stay_as_they_are_with_a_note(self):
        rows = reference_rows()
        path = self.write("two_clips.csv", csv_text(rows[:20] + rows[:20], ("frame", *FEATURES)))
        done = program.run("score", path)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(program.scores_of(done.stdout), self.scores(VTEST[0])[:20] * 2)
        self.assertIn(b"1 frame number is not above the one before", done.stderr)
        path = self.write("twice.csv", csv_text([rows[0], *rows, rows[-1]], ("frame", *FEATURES)))
        done = program.run("score", path)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"2 frame numbers are not above the one before", done.stderr)


class OtherWriters(ProgramTest):
    """Logs of the same features that neither libvmaf nor FFmpeg wrote."""

    def expected(self):
        return [score for _, score in self.scores(VTEST[0])]

    def frames(self, pattern="VMAF_feature_{}_score", own="VMAF_score"):
        return [{**{pattern.format(f): float(row[f]) for f in FEATURES}, own: float(row["vmaf"])}
                for row in reference_rows()]

    def test_run_vmaf_json_has_metrics_beside_the_number(self):
        log = {"executorId": "VMAF_VF0.2.4c-0.6.1", "asset": {"identifier": "cmd_1"},
               "frames": [{"frameNum": i, **f} for i, f in enumerate(self.frames())],
               "aggregate": {"VMAF_score": 81.0, "method": "mean"}}
        result = self.score_json("-", stdin=json.dumps(log))
        self.assertEqual([f["metrics"]["VMAF_score"] for f in result["frames"]],
                         [float(r["vmaf"]) for r in reference_rows()])
        self.assertEqual([s for _, s in self.scores("-", stdin=json.dumps(log))], self.expected())
        # in any order, and with metrics of their own as well
        mixed = [{**f, "frameNum": i, "metrics": {"psnr": 1}} for i, f in enumerate(self.frames())]
        text = json.dumps({"frames": mixed})
        self.assertEqual([s for _, s in self.scores("-", stdin=text)], self.expected())

    def test_run_vmaf_xml_has_another_root(self):
        lines = ["".join([f'<frame frameNum="{i}" ', *(f'{k}="{v}" ' for k, v in f.items()), "/>"])
                 for i, f in enumerate(self.frames())]
        text = '<?xml version="1.0" ?>\n<result executorId="VMAF_VF0.2.4c-0.6.1">' \
               '<asset identifier="cmd_1"/><frames>' + "\n".join(lines) + \
               '</frames><aggregate VMAF_score="81.0" method="mean"/></result>'
        self.assertEqual([s for _, s in self.scores("-", stdin=text)], self.expected())

    def test_ffmpeg_quality_metrics(self):
        frames = [{"n": i + 1, **f} for i, f in enumerate(self.frames("{}", "vmaf"))]
        log = {"psnr": [{"n": 1, "psnr_avg": 30.0}], "vmaf": frames,
               "global": {"vmaf": {"average": 80.0}}, "input_file_dist": "a.mkv"}
        scores = self.scores("-", stdin=json.dumps(log))
        self.assertEqual(scores, list(enumerate(self.expected(), 1)))
        columns = ["n", *FEATURES, "vmaf", "input_file_dist"]
        rows = "".join(",".join([*(str(f[c]) for c in columns[:-1]), "a.mkv"]) + "\n" for f in frames)
        self.assertEqual(self.scores("-", stdin=",".join(columns) + "\n" + rows), scores)
        result = self.score_json("-", stdin=json.dumps(log))
        self.assertIn("vmaf", result["frames"][0]["metrics"])

    def test_two_arrays_of_frames(self):
        text = json.dumps({"vmaf": [], "frames": []})
        self.refuse("score", "-", stdin=text, because='a second "frames"')

    @unittest.skipUnless((program.SHARED / "cases" / "logs").is_dir(),
                         "no reference logs beside the checkout")
    def test_reference_cases(self):
        folder = program.SHARED / "cases" / "logs"
        first_four = self.expected()[:4]
        for name in ("adm_nvd.xml", "mfz.xml", "own_vmaf_4k.xml", "own_vmaf_hd.xml", "runvmaf.xml",
                     "runvmaf_flat.json"):
            self.assertEqual([s for _, s in self.scores(folder / name)], first_four, name)
        self.assertEqual([n for n, _ in self.scores(folder / "ffqm.csv")], [1, 2])
        self.refuse("score", folder / "concat.csv", because=":6: the header once more")
        scores = [float(s) for _, s in self.scores("--model", "mlp_large", folder / "ood.csv")]
        for score, true in zip(scores, (28.0837, 35.3123, 15.8314, 62.5110, 94.3449)):
            self.assertAlmostEqual(score, true, delta=0.5)


if __name__ == "__main__":
    program.main()
