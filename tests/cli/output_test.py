#!/usr/bin/env python3
"""What the program writes, where, and that it writes whole files or none."""
import json
import math
import os
import stat
import subprocess

import program
from program import PROGRAM, SAMPLES, ProgramTest, csv_text, reference_rows

LOG = SAMPLES / "vtest_x264_36.json"


class Formats(ProgramTest):
    def test_json_has_libvmafs_layout(self):
        theirs = json.loads(LOG.read_text())
        ours = self.score_json(LOG)
        self.assertEqual(ours["version"][:8], "tinymlp ")
        self.assertEqual([f["frameNum"] for f in ours["frames"]],
                         [f["frameNum"] for f in theirs["frames"]])
        self.assertEqual(set(ours["pooled_metrics"]["tinymlp_vmaf"]),
                         set(theirs["pooled_metrics"]["vmaf"]))
        self.assertEqual(ours["aggregate_metrics"], {})
        self.assertEqual(ours["model"]["name"], "mlp_small")
        self.assertEqual(ours["model"]["precision"], "fp32")

    def test_json_and_csv_hold_the_same_scores(self):
        frames = self.score_json(LOG)["frames"]
        self.assertEqual([(f["frameNum"], float(s)) for f, (_, s) in
                          zip(frames, self.scores(LOG))],
                         [(f["frameNum"], f["metrics"]["tinymlp_vmaf"]) for f in frames])

    def test_pooled_scores(self):
        result = self.score_json(LOG)
        scores = [f["metrics"]["tinymlp_vmaf"] for f in result["frames"]]
        pooled = result["pooled_metrics"]["tinymlp_vmaf"]
        self.assertEqual(pooled["min"], min(scores))
        self.assertEqual(pooled["max"], max(scores))
        self.assertAlmostEqual(pooled["mean"], math.fsum(scores) / 48, places=6)
        harmonic = 48 / math.fsum(1 / (s + 1) for s in scores) - 1
        self.assertAlmostEqual(pooled["harmonic_mean"], harmonic, places=6)

    def test_harmonic_mean_has_no_value_at_minus_1_and_below(self):
        row = dict(reference_rows()[0], adm2="0.375", vif_scale0="0.56", vif_scale1="0.54", vif_scale2="0.52",
                   vif_scale3="0.52", motion2="0")
        raw = self.score_json("--raw", "-", stdin=csv_text([row]))
        pooled = raw["pooled_metrics"]["tinymlp_vmaf"]
        self.assertLess(pooled["mean"], -1)
        self.assertIsNone(pooled["harmonic_mean"])
        clipped = self.score_json("-", stdin=csv_text([row]))
        self.assertEqual(clipped["pooled_metrics"]["tinymlp_vmaf"]["harmonic_mean"], 0)
        self.assertEqual((raw["model"]["clipped"], clipped["model"]["clipped"]), (False, True))

    def test_what_is_predicted(self):
        file = program.ROOT / "model/mlp_small.onnx"
        for model, predicts, clipped in (("mlp_small", "vmaf_v0.6.1", True), (file, "vmaf_v0.6.1", False),
                                         ("mlp_small.int8", "vmaf_v0.6.1", True),
                                         ("mlp_small_4k", "vmaf_4k_v0.6.1", True)):
            result = self.score_json("--model", model, LOG)["model"]
            self.assertEqual((result["predicts"], result["clipped"]), (predicts, clipped))
        self.assertIn(b"vmaf_v0.6.1", self.accept("score", "--help"))
        view = self.accept("score", "--format", "view", "--model", "mlp_large", LOG)
        self.assertIn(b"mlp_large predicts vmaf_v0.6.1", view)

    def test_without_an_own_score(self):
        result = self.score_json("-", stdin=csv_text(reference_rows()))
        self.assertEqual(set(result["pooled_metrics"]), {"tinymlp_vmaf"})
        self.assertEqual(set(result["frames"][0]["metrics"]), {"tinymlp_vmaf"})

    def test_strange_file_names_stay_valid_json(self):
        model = self.folder / 'a "quoted"\\\n.onnx'
        model.write_bytes((program.ROOT / "model" / "mlp_small.onnx").read_bytes())
        self.assertEqual(self.score_json("--model", model, LOG)["model"]["name"], str(model))

    def test_file_names_that_are_not_utf8(self):
        model = os.fsencode(self.folder) + b"/\xff.onnx"
        with open(model, "wb") as f:
            f.write((program.ROOT / "model" / "mlp_small.onnx").read_bytes())
        name = self.score_json("--model", os.fsdecode(model), LOG)["model"]["name"]
        self.assertTrue(name.endswith("/?.onnx"), name)

    def test_view(self):
        text = self.accept("score", "--format", "view", LOG).decode()
        for part in ("mlp_small", "6-16-8-1", "fp32", "libvmaf", "79.8176", "79.7858", "76.1408",
                     "82.7907", "PLCC", "RMSE", "per frame", "48 frames", "harmonic mean"):
            self.assertIn(part, text)
        self.assertNotIn("\x1b", text)
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()[4:]))
        self.assertNotIn("no harmonic mean", text)

    def test_view_tells_why_there_is_no_harmonic_mean(self):
        row = dict(reference_rows()[0], adm2="0.375", vif_scale0="0.56", vif_scale1="0.54",
                   vif_scale2="0.52", vif_scale3="0.52", motion2="0")
        low = csv_text([row, reference_rows()[0]])
        for options, told in (("--raw",), True), ((), False):
            text = self.accept("score", "--format", "view", *options, "-", stdin=low).decode()
            self.assertEqual("no harmonic mean: a score is -1 or below" in text, told)

    def test_view_fits_any_width_and_length(self):
        rows = reference_rows()
        long = csv_text([{**rows[i % 48], "frame": str(i)} for i in range(5000)],
                        ("frame", *program.FEATURES, "vmaf"))
        bad = csv_text([dict(rows[0], adm2="nan")])
        for columns in ("1", "40", "120", "100000", "x"):
            for log in (long, csv_text(rows[:1]), bad):
                text = self.accept("score", "--format", "view", "-", stdin=log,
                                   env={"COLUMNS": columns}).decode()
                self.assertLessEqual(max(map(len, text.splitlines())), 160)


class Terminal(ProgramTest):
    def run_on_terminal(self, *arguments, environment=None, stdin=None):
        """Standard output and error of the program, each on a terminal of its own."""
        try:
            out, out_end = os.openpty()
        except OSError as error:
            self.skipTest(f"no pseudo-terminal to be had here: {error.strerror}")
        err, err_end = os.openpty()
        child = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=out_end, stderr=err_end,
                                 stdin=stdin or subprocess.DEVNULL,
                                 env={"TERM": "xterm", **(environment or {})})
        os.close(out_end)
        os.close(err_end)
        texts = []
        for end in (out, err):
            text = b""
            while True:
                try:
                    more = os.read(end, 65536)
                except OSError:
                    break
                if not more:
                    break
                text += more
            os.close(end)
            texts.append(text.decode())
        self.assertEqual(child.wait(), 0, texts)
        return texts

    def test_colour_only_on_a_terminal_that_wants_it(self):
        view = ("score", "--format", "view", LOG)
        self.assertIn("\x1b[", self.run_on_terminal(*view)[0])
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b[", self.run_on_terminal(*view, environment=environment)[0])

    def test_progress_on_a_terminal_only(self):
        rows = reference_rows()
        slow = self.write("slow.sh", "printf '%s\\n' \"$1\"; i=0; while [ $i -lt 9 ]; do cat \"$2\"; "
                                     "sleep 0.1; i=$((i+1)); done")
        header, *lines = csv_text(rows).splitlines()
        block = self.write("block", "\n".join(lines * 30) + "\n")

        def source():
            return subprocess.Popen(["sh", slow, header, block], stdout=subprocess.PIPE)
        with source() as child:
            out, err = self.run_on_terminal("score", "-", stdin=child.stdout)
        self.assertRegex(err, r"\r\x1b\[K\d+ rows, ")
        self.assertTrue(err.endswith("\r\x1b[K"), repr(err[-40:]))
        with source() as child:
            done = subprocess.run([PROGRAM, "score", "-"], stdin=child.stdout, capture_output=True)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(done.stdout.decode(), out.replace("\r\n", "\n"))


class Files(ProgramTest):
    def mode(self, path):
        return stat.S_IMODE(path.stat().st_mode)

    def test_output_file_holds_what_standard_output_would(self):
        for form in ("csv", "json"):
            path = self.folder / "scores"
            done = program.run("score", "--format", form, "--output", path, LOG)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            self.assertEqual(path.read_bytes(), self.accept("score", "--format", form, LOG))
        self.assertEqual(os.listdir(self.folder), ["scores"])

    def test_modes(self):
        path = self.folder / "scores"
        os.umask(0o027)
        self.addCleanup(os.umask, 0o022)
        self.accept("score", "--output", path, LOG)
        self.assertEqual(self.mode(path), 0o640)
        path.chmod(0o600)
        self.accept("score", "--output", path, LOG)
        self.assertEqual(self.mode(path), 0o600)

    def test_a_link_stays_a_link(self):
        target = self.write("target", "before")
        link = self.folder / "link"
        link.symlink_to("target")
        self.accept("score", "--output", link, LOG)
        self.assertTrue(link.is_symlink())
        self.assertEqual(target.read_bytes(), self.accept("score", LOG))

    def test_a_link_to_nothing_yet_makes_its_target(self):
        (self.folder / "folder").mkdir()
        link = self.folder / "link"
        link.symlink_to("folder/target")
        self.accept("score", "--output", link, LOG)
        self.assertTrue(link.is_symlink())
        self.assertEqual((self.folder / "folder" / "target").read_bytes(),
                         self.accept("score", LOG))

    def test_dash_is_standard_output(self):
        self.assertEqual(self.accept("score", "--output", "-", LOG), self.accept("score", LOG))

    def test_where_nothing_can_be_written(self):
        self.refuse("score", "--output", self.folder / "no" / "such" / "folder", LOG,
                    because="cannot create a temporary file")
        self.refuse("score", "--output", self.folder, LOG, because="is a folder")
        self.refuse("score", "--plot", self.folder / "no" / "plot.svg", LOG,
                    because="cannot create a temporary file")
        self.assertEqual(os.listdir(self.folder), [])

    def test_inputs_are_not_overwritten(self):
        log = self.write("log.json", LOG.read_bytes())
        model = self.write("m.onnx", (program.ROOT / "model" / "mlp_small.onnx").read_bytes())
        for arguments in (("--output", log), ("--plot", log), ("--output", model, "--model", model),
                          ("--output", self.folder / "." / "log.json")):
            self.refuse("score", *arguments, log, status=2, because="would overwrite")
        self.assertEqual(log.read_bytes(), LOG.read_bytes())

    def test_two_outputs_are_two_files(self):
        new = self.folder / "new"
        link = self.folder / "link"
        link.symlink_to("new")
        for other in (new, f"{self.folder}/./new", f"{self.folder}/no/../new", link):
            self.refuse("score", "--output", new, "--plot", other, LOG, status=2,
                        because="the same file")
            self.assertFalse(new.exists())

    def test_a_plot_that_fails_takes_the_output_with_it(self):
        kept = self.write("kept.csv", "before")
        self.refuse("score", "--output", kept, "--plot", "/dev/full", LOG,
                    because="/dev/full: cannot write: No space left")
        # the scores themselves were complete; the run was not
        self.assertEqual(kept.read_bytes(), b"before")

    def test_devices(self):
        self.accept("score", "--output", "/dev/null", LOG)
        self.refuse("score", "--output", "/dev/full", LOG, because="No space left on device")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "score", LOG], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output: cannot write: No space left", done.stderr)

    def test_closed_standard_output(self):
        done = subprocess.run(["sh", "-c", '"$0" score "$1" >&-', PROGRAM, LOG], capture_output=True)
        self.assertEqual(done.returncode, 1)


class Usage(ProgramTest):
    def test_help(self):
        for arguments in ((), ("score",), ("inspect",), ("embed",)):
            text = self.accept(*arguments, "--help").decode()
            self.assertIn("Usage:", text)
            if arguments:
                self.assertRegex(text, r"Examples?:\n +tinymlp " + arguments[0])

    def test_version(self):
        text = self.accept("--version").decode()
        meson = (program.ROOT / "meson.build").read_text()
        self.assertIn(f"version: '{text.split()[1]}'", meson)

    def test_wrong_usage(self):
        for arguments in ((), ("guess",), ("score",), ("score", "--format", "yaml", LOG),
                          ("score", "a", "b"), ("score", "--frames", LOG), ("score", "--model"),
                          ("inspect",), ("embed",)):
            done = program.run(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertEqual(done.stdout, b"")
            self.assertTrue(done.stderr)

    def test_the_message_names_what_is_wrong(self):
        self.refuse("guess", status=2, because="'guess'")
        self.refuse("score", "", because='"": cannot open')
        self.refuse("score", "--warn-range=-1", LOG, status=2, because="'-1' is not a number above 0")
        for value in ("nan", "inf", "0", "x", "1e999"):
            self.refuse("score", f"--warn-range={value}", LOG, status=2, because="--warn-range")

    def test_every_message_of_wrong_usage_is_one_line_with_the_programs_name(self):
        for arguments in ((), ("guess",), ("score",), ("score", "--format", "yaml", LOG),
                          ("score", "--frames", LOG), ("score", "--model"), ("registry",),
                          ("registry", "add", "--budget", "x"), ("score", "--warn-range=x", LOG),
                          ("score", "a\nb", "c")):
            done = program.run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr.decode(), r"\Atinymlp: [^\n]+\n\Z")
            self.assertIn("--help", done.stderr.decode())

    def test_unknown_options_are_named(self):
        for option in ("-x", "--feature-sufix"):
            self.refuse("score", option, status=2, because=f"there is no option {option}")

    def test_options_that_swallow_the_input(self):
        for option in ("--feature-suffix", "--own-score", "--output"):
            self.refuse("score", option, LOG, status=2,
                        because=["INPUT is required", f"{option} takes {LOG} for its value"])
        self.refuse("score", "--feature-suffix=", LOG, status=2,
                    because=["INPUT is required", f'write: --feature-suffix "" {LOG}'])
        self.refuse("score", "--own-score=", LOG, status=2, because=f'--own-score "" {LOG}')
        self.refuse("score", "--warn-range", "3", LOG, status=2,
                    because=["3 is taken for a file", "is written: --warn-range=3"])


if __name__ == "__main__":
    program.main()
