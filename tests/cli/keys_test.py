#!/usr/bin/env python3
"""Which of a log's keys are taken for the six features, when there is more than one spelling."""
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


if __name__ == "__main__":
    program.main()
