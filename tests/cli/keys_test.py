#!/usr/bin/env python3
"""Which of a log's keys are taken for the six features, when there is more than one spelling."""
import json

import program
from program import FEATURES, SAMPLES, ProgramTest, reference_rows

EXPECTED_LOG = SAMPLES / "vtest_x264_36.csv"


def table(columns):
    """A CSV of {column: [values]}."""
    lines = [",".join(columns)]
    lines += [",".join(row) for row in zip(*columns.values())]
    return "\n".join(lines) + "\n"


def spelt(pattern, rows=None, features=FEATURES):
    rows = rows or reference_rows()
    return {pattern.format(f): [r[f] for r in rows] for f in features}


def wrong(columns):
    """The same keys with other values, to show which ones were taken."""
    return {key: ["0.5"] * len(values) for key, values in columns.items()}


class KeysTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.expected = self.scores(EXPECTED_LOG)

    def run_log(self, columns, *arguments):
        done = program.run("score", *arguments, "-", stdin=table(columns))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return program.scores_of(done.stdout), done.stderr.decode()

    def check_silent(self, columns, *arguments):
        scores, notes = self.run_log(columns, *arguments)
        self.assertEqual(scores, self.expected)
        self.assertEqual(notes, "")


class Spellings(KeysTest):
    def test_every_spelling(self):
        for pattern in ("{}", "integer_{}", "float_{}", "VMAF_feature_{}_score",
                        "VMAF_integer_feature_{}_score"):
            self.check_silent(spelt(pattern))

    def test_integer_before_bare_before_float_before_raw(self):
        order = ("integer_{}", "{}", "float_{}", "VMAF_integer_feature_{}_score",
                 "VMAF_feature_{}_score")
        for i, better in enumerate(order):
            for worse in order[i + 1:]:
                self.check_silent({**wrong(spelt(worse)), **spelt(better)})
                self.check_silent({**spelt(better), **wrong(spelt(worse))})

    def test_a_spelling_that_all_features_share_is_taken_whole(self):
        partial = wrong(spelt("integer_{}", features=FEATURES[:3]))
        self.check_silent({**partial, **spelt("{}")})

    def test_libvmaf_1_5_2_mixes_extractors(self):
        columns = {**spelt("{}", features=("adm2",)), **spelt("integer_{}", features=FEATURES[1:])}
        scores, notes = self.run_log(columns)
        self.assertEqual(scores, self.expected)
        self.assertIn("note: ", notes)
        self.assertIn("adm2, integer_vif_scale0", notes)

    def test_other_keys_of_libvmaf_3_2_are_not_taken_for_features(self):
        others = wrong(spelt("integer_{}", features=FEATURES))
        others = {k: v for k, v in zip(("integer_adm3", "integer_aim", "integer_motion3",
                                        "VMAF_integer_feature_motion_sad_score", "integer_motion",
                                        "integer_adm_scale0"), others.values())}
        self.check_silent({**others, **spelt("integer_{}")})


class Suffixes(KeysTest):
    """Extractors with options append a suffix to their keys; sets are never mixed."""

    NEG = {**spelt("integer_{}_egl_1", features=FEATURES[:5]),
           **spelt("integer_{}", features=FEATURES[5:])}

    def test_plain_is_preferred_in_silence(self):
        self.check_silent({**wrong(spelt("integer_{}_egl_1")), **spelt("integer_{}")})
        self.check_silent({**spelt("integer_{}"), **wrong(self.NEG), **spelt("integer_{}")})

    def test_a_lone_suffixed_set_is_taken_with_a_note(self):
        for columns in (self.NEG, spelt("integer_{}_egl_1"), spelt("{}_egl_1")):
            scores, notes = self.run_log(columns)
            self.assertEqual(scores, self.expected)
            self.assertIn("only features with the suffix _egl_1 exist", notes)

    def test_the_suffix_can_be_chosen(self):
        plain = wrong(spelt("integer_{}", features=FEATURES[:5]))
        self.check_silent({**plain, **self.NEG}, "--feature-suffix", "_egl_1")
        self.check_silent({**spelt("integer_{}"), **wrong(spelt("integer_{}_egl_1"))},
                          "--feature-suffix", "")

    def test_two_suffixed_sets_need_a_choice(self):
        both = {**spelt("integer_{}_egl_1"), **wrong(spelt("integer_{}_egl_1.2"))}
        self.refuse("score", "-", stdin=table(both),
                    because=["_egl_1, _egl_1.2", "--feature-suffix"])
        self.check_silent(both, "--feature-suffix", "_egl_1")

    def test_sets_are_not_mixed(self):
        mixed = {**spelt("integer_{}_egl_1", features=FEATURES[:1]),
                 **spelt("integer_{}", features=FEATURES[1:])}
        self.refuse("score", "-", stdin=table(mixed),
                    because=["missing adm2 (present with suffix _egl_1)", "never mixed"])

    def test_extractors_may_have_options_of_their_own(self):
        for suffixed in (("adm2", "_nvd_6"), ("motion2", "_force_0"), ("motion2", "_mffw_2")):
            name, suffix = suffixed
            columns = spelt("integer_{}")
            columns[f"integer_{name}{suffix}"] = columns.pop(f"integer_{name}")
            scores, notes = self.run_log(columns)
            self.assertEqual(scores, self.expected)
            self.assertIn(f"taken are {name}{suffix}", notes)
            self.check_silent(columns, "--feature-suffix", suffix)

    def test_a_gain_limit_is_shared_whatever_other_options_there_are(self):
        both = {**spelt("integer_{}_egl_1_nvd_6", features=FEATURES[:1]),
                **spelt("integer_{}_egl_1", features=FEATURES[1:5]),
                **spelt("integer_{}_force_0", features=FEATURES[5:])}
        scores, notes = self.run_log(both)
        self.assertEqual(scores, self.expected)
        self.assertIn("adm2_egl_1_nvd_6, vif_scale0_egl_1, motion2_force_0", notes)
        other = {**spelt("integer_{}_egl_1.2", features=FEATURES[:1]),
                 **spelt("integer_{}_egl_1", features=FEATURES[1:])}
        self.refuse("score", "-", stdin=table(other), because="never mixed")

    def test_several_suffixes_of_one_extractor_need_a_choice(self):
        columns = {**spelt("integer_{}_nvd_6", features=FEATURES[:1]),
                   **wrong(spelt("integer_{}_nvd_7", features=FEATURES[:1])),
                   **spelt("integer_{}", features=FEATURES[1:])}
        self.refuse("score", "-", stdin=table(columns),
                    because=["adm2 exists with suffixes _nvd_6, _nvd_7", "--feature-suffix"])
        self.check_silent(columns, "--feature-suffix", "_nvd_6")

    def test_a_suffix_without_its_underscore(self):
        self.refuse("score", "--feature-suffix", "egl_1", EXPECTED_LOG, status=2,
                    because="egl_1 should be _egl_1")

    def test_an_absent_suffix(self):
        self.refuse("score", "--feature-suffix", "_x", EXPECTED_LOG,
                    because=["missing adm2_x (present with no suffix)"])

    def test_a_log_with_both_sets_as_json_and_xml(self):
        for kind in ("json", "xml"):
            text = (SAMPLES / f"vtest_x264_36.{kind}").read_text()
            for f in FEATURES[:5]:
                text = text.replace(f"integer_{f}", f"integer_{f}_egl_1")
            done = program.run("score", "-", stdin=text)
            self.assertEqual(program.scores_of(done.stdout), self.expected)
            self.assertIn(b"only features with the suffix _egl_1 exist", done.stderr)


class OwnScore(KeysTest):
    """The log's own score, under any name."""

    def own(self, key, *arguments, **more):
        columns = {**spelt("integer_{}"), key: [r["vmaf"] for r in reference_rows()], **more}
        done = program.run("score", "--format", "json", *arguments, "-", stdin=table(columns))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout), done.stderr.decode()

    def expected_own(self):
        return [float(r["vmaf"]) for r in reference_rows()]

    def test_other_names_are_found_and_named(self):
        for key in ("vmaf_hd", "VMAF_score", "JSON_VMAF", "vmaf_v0.6.1", "my-vmaf"):
            result, notes = self.own(key)
            self.assertEqual([f["metrics"][key] for f in result["frames"]], self.expected_own())
            self.assertIn(f"the log's own score is taken from the key {key}", notes)
            self.assertIn(key, result["pooled_metrics"])
            self.assertNotIn("not compared", notes)

    def test_vmaf_is_taken_in_silence(self):
        result, notes = self.own("vmaf", vmaf_neg=["1"] * 48)
        self.assertEqual([f["metrics"]["vmaf"] for f in result["frames"]], self.expected_own())
        self.assertEqual(notes, "")

    def test_spread_of_bootstrapped_models_is_no_score(self):
        more = {name: ["1"] * 48 for name in
                ("vmaf_bagging_stddev", "vmaf_bagging_ci_p95_lo", "vmaf_bagging_ci_p95_hi")}
        result, notes = self.own("vmaf_bagging", **more)
        self.assertEqual([f["metrics"]["vmaf_bagging"] for f in result["frames"]],
                         self.expected_own())
        self.assertIn("is of vmaf_b_v0.6.3", notes)

    def test_of_several_none_is_taken_unless_chosen(self):
        result, notes = self.own("vmaf_hd", vmaf_4k=["1"] * 48)
        self.assertEqual(list(result["frames"][0]["metrics"]), ["tinymlp_vmaf"])
        self.assertIn("none of the keys vmaf_hd, vmaf_4k is taken", notes)
        result, notes = self.own("vmaf_hd", "--own-score", "vmaf_hd", vmaf_4k=["1"] * 48)
        self.assertEqual([f["metrics"]["vmaf_hd"] for f in result["frames"]], self.expected_own())
        self.assertEqual(notes, "")

    def test_any_key_can_be_chosen_and_none(self):
        result, _ = self.own("psnr_y", "--own-score", "psnr_y")
        self.assertEqual([f["metrics"]["psnr_y"] for f in result["frames"]], self.expected_own())
        result, notes = self.own("vmaf", "--own-score", "")
        self.assertEqual(list(result["frames"][0]["metrics"]), ["tinymlp_vmaf"])
        self.assertEqual(notes, "")
        self.refuse("score", "--own-score", "vmaf_x", EXPECTED_LOG,
                    because=["no key vmaf_x", "those that look like a score: vmaf"])

    def test_another_models_score_is_shown_but_not_compared(self):
        for key, model in (("vmaf_4k", "vmaf_4k_v0.6.1"), ("vmaf_neg", "vmaf_v0.6.1neg"),
                           ("vmaf_bagging", "vmaf_b_v0.6.3")):
            _, notes = self.own(key)
            self.assertIn(f"({key}) is of {model}, mlp_small predicts vmaf_v0.6.1: not compared",
                          notes)
            columns = {**spelt("integer_{}"), key: [r["vmaf"] for r in reference_rows()]}
            view = self.accept("score", "--format", "view", "-", stdin=table(columns)).decode()
            self.assertIn("not compared", view)
            self.assertNotIn("RMSE", view)
            plot = self.folder / "plot.svg"
            done = program.run("score", "--verbose", "--plot", plot, "-", stdin=table(columns))
            self.assertNotIn("RMSE", plot.read_text())
            self.assertNotIn("RMSE", done.stderr.decode())
            self.assertIn(key, plot.read_text())

    def test_marks_of_several_models_in_one_name(self):
        for key, model in (("vmaf_b_v0.6.3", "vmaf_b_v0.6.3"), ("vmaf_float_b_v0.6.3", "vmaf_b_v0.6.3"),
                           ("vmaf_rb", "vmaf_b_v0.6.3"), ("vmaf_uhd", "vmaf_4k_v0.6.1"),
                           ("vmaf_2160p", "vmaf_4k_v0.6.1"), ("vmaf_mobile", "a phone model"),
                           ("vmaf_4k_neg", "vmaf_4k_v0.6.1neg"), ("vmaf_4k_phone", "a phone model"),
                           ("vmaf_4k_v0.6.1neg", "vmaf_4k_v0.6.1neg"), ("vmaf_v0.6.1neg", "vmaf_v0.6.1neg")):
            for network in ("mlp_small", "mlp_small_4k"):
                _, notes = self.own(key, "--model", network)
                compared = model == "vmaf_4k_v0.6.1" and network == "mlp_small_4k"
                self.assertEqual(f"({key}) is of {model}" in notes, not compared, (key, notes))
        for key in ("vmaf_hd", "vmaf_v0.6.1", "vmaf_v0.6.1mfz", "vmafscore", "nvmaf"):
            self.assertNotIn("not compared", self.own(key)[1], key)

    def test_what_stands_beside_a_score_is_none(self):
        for key in ("vmaf_std", "vmaf_confidence", "vmaf_time", "vmaf_ci_p95_lo", "tinymlp_vmaf"):
            result, notes = self.own(key)
            self.assertEqual(list(result["frames"][0]["metrics"]), ["tinymlp_vmaf"])
            self.assertEqual(notes, "")
        result, _ = self.own("tinymlp_vmaf", "--own-score", "tinymlp_vmaf", vmaf=["1"] * 48)
        self.assertEqual([f["metrics"]["tinymlp_vmaf_of_log"] for f in result["frames"]],
                         self.expected_own())

    def test_plain_scores_do_not_go_with_neg_features(self):
        both = {**spelt("integer_{}"), **Suffixes.NEG, "vmaf": ["1"] * 48}
        done = program.run("score", "--feature-suffix", "_egl_1", "--verbose", "-", stdin=table(both))
        self.assertIn("not compared", done.stderr.decode())
        both["vmaf_neg"] = [r["vmaf"] for r in reference_rows()]
        done = program.run("score", "--feature-suffix", "_egl_1", "--verbose", "-", stdin=table(both))
        self.assertIn("vmaf_neg: PLCC", done.stderr.decode())
        done = program.run("score", "--verbose", "-", stdin=table(both))
        self.assertIn("vmaf: PLCC", done.stderr.decode())

    def test_neg_scores_go_with_neg_features(self):
        columns = {**Suffixes.NEG, "vmaf_neg": [r["vmaf"] for r in reference_rows()]}
        done = program.run("score", "--verbose", "-", stdin=table(columns))
        self.assertIn("vmaf_neg: PLCC", done.stderr.decode())

    def test_what_the_log_says_of_its_model(self):
        text = (SAMPLES / "vtest_x264_36.json").read_text()
        for model, compared in (("/usr/share/model/vmaf_v0.6.1.pkl", True),
                                ("vmaf_v0.6.1mfz.json", True),
                                ("vmaf_float_v0.6.1.json", True),
                                ("C:\\\\models\\\\vmaf_4k_v0.6.1.pkl", False)):
            log = text.replace('"frames"', f'"params": {{"model": "{model}"}}, "frames"', 1)
            done = program.run("score", "--verbose", "-", stdin=log)
            self.assertEqual(done.returncode, 0)
            self.assertEqual("PLCC" in done.stderr.decode(), compared, model)
            self.assertEqual("is of vmaf_4k_v0.6.1" in done.stderr.decode(), not compared)
        xml = (SAMPLES / "vtest_x264_36.xml").read_text()
        log = xml.replace("<frames>", '<params model="vmaf_4k_v0.6.1.pkl"/><frames>', 1)
        done = program.run("score", "-", stdin=log)
        self.assertIn("is of vmaf_4k_v0.6.1", done.stderr.decode())


if __name__ == "__main__":
    program.main()
