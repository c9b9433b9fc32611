#!/usr/bin/env python3
"""Networks by name and by file: golden scores of ONNX Runtime, hashes, refusals, external data."""
import hashlib
import math
import os
import unittest

import onnx_bytes
import program
from program import ROOT, SAMPLES, SHARED, ProgramTest, reference_rows

LOG = SAMPLES / "vtest_x264_36.csv"
NAMES = ("mlp_small", "mlp_medium", "mlp_large")
NAMES_4K = tuple(f"{name}_4k" for name in NAMES)


def golden(name):
    return (SHARED / "golden" / name).read_text().split()


@unittest.skipUnless((SHARED / "golden").is_dir(), "no golden files beside the checkout")
class Golden(ProgramTest):
    """2,000 real rows and 11 edge rows, each scored alone by ONNX Runtime."""

    def golden_scores(self, model):
        rows = self.scores("--model", SHARED / "models" / f"{model}.onnx",
                           SHARED / "golden" / "features.csv")
        self.assertEqual([frame for frame, _ in rows], list(range(2011)))
        return [score for _, score in rows]

    def test_int8_is_equal_to_the_last_digit(self):
        expected = [s.replace("-nan", "nan") for s in golden("vmaf_tiny_v3.int8.txt")]
        self.assertEqual(self.golden_scores("vmaf_tiny_v3.int8"), expected)

    def test_fp32_is_as_close_to_float64_as_onnx_runtime(self):
        for model in ("vmaf_tiny_v2", "vmaf_tiny_v3", "vmaf_tiny_v4"):
            exact = list(map(float, golden(f"{model}.float64.txt")[:2000]))
            theirs = list(map(float, golden(f"{model}.txt")[:2000]))
            ours = list(map(float, self.golden_scores(model)[:2000]))

            def worst(scores):
                return max(abs(s - e) for s, e in zip(scores, exact))
            self.assertLessEqual(worst(ours), worst(theirs), model)


class ByName(ProgramTest):
    def test_a_name_and_its_file_score_alike(self):
        for name in NAMES + NAMES_4K:
            file = ROOT / "model" / f"{name}.onnx"
            self.assertEqual(self.scores("--model", name, LOG), self.scores("--model", file, LOG))

    def test_mlp_small_is_the_default(self):
        self.assertEqual(self.scores(LOG), self.scores("--model", "mlp_small", LOG))
        self.assertNotEqual(self.scores(LOG), self.scores("--model", "mlp_large", LOG))

    def test_int8_differs_from_fp32_a_little(self):
        for name in NAMES + NAMES_4K:
            fp32 = self.scores("--model", name, LOG)
            int8 = self.scores("--model", name + ".int8", LOG)
            self.assertNotEqual(fp32, int8)
            for (_, a), (_, b) in zip(fp32, int8):
                self.assertAlmostEqual(float(a), float(b), delta=3)

    def test_scores_read_back_as_the_same_float32(self):
        import struct
        for _, score in self.scores(LOG):
            value = float(score)
            (nearest,) = struct.unpack("f", struct.pack("f", value))
            self.assertEqual(f"{nearest:.9g}", score)

    def test_unknown_names(self):
        self.refuse("score", "--model", "mlp_huge", LOG, status=2,
                    because=["mlp_huge", "mlp_small, mlp_medium, mlp_large"])
        self.refuse("score", "--model", "absent.onnx", LOG, because="absent.onnx: cannot open")


class Verbose(ProgramTest):
    def details(self, *arguments):
        done = program.run("score", "--verbose", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return dict(line.split(None, 1) for line in done.stderr.decode().splitlines())

    def test_says_what_was_used(self):
        path = ROOT / "model" / "mlp_medium.onnx"
        said = self.details("--model", path, LOG)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual(said["model"], str(path))
        self.assertEqual(said["sha256"], f"{digest} ({path.stat().st_size} bytes)")
        self.assertEqual(said["network"], "mlp_medium: 6-32-16-1, 769 parameters")
        self.assertEqual(said["precision"], "fp32")
        self.assertIn("libvmaf CSV", said["input"])
        self.assertIn("integer_motion2", said["features"])
        self.assertIn("48", said["frames"])

    def test_built_in_hash_is_that_of_the_shipped_file(self):
        for name in NAMES:
            digest = hashlib.sha256((ROOT / "model" / f"{name}.onnx").read_bytes()).hexdigest()
            for model, precision in ((name, "fp32"), (name + ".int8", "int8")):
                said = self.details("--model", model, LOG)
                self.assertIn(digest, said["sha256"])
                self.assertEqual(said["model"], model + " (compiled in)")
                self.assertEqual(said["precision"], precision)

    def test_every_instruction_set_gives_the_same_bits(self):
        known = program.run("score", "--isa", "none", LOG).stderr.decode()
        names = known.split("known are ")[1].strip().split(", ")
        self.assertIn("reference", names)
        for model in (*NAMES, "mlp_large.int8"):
            expected = self.scores("--model", model, "--isa", "reference", LOG)
            self.assertEqual(self.scores("--model", model, LOG), expected)
            for name in names:
                done = program.run("score", "--verbose", "--model", model, "--isa", name, LOG)
                if done.returncode == 0:
                    self.assertEqual(program.scores_of(done.stdout), expected, name)
                    kernel = name if model.endswith(".int8") else name.split("_")[0]  # VNNI is int8's
                    self.assertRegex(done.stderr.decode(), rf"kernel +{kernel}\n")
                else:
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"--isa: {name}: this CPU", done.stderr.decode())

    def test_unknown_instruction_set(self):
        self.refuse("score", "--isa", "mmx", LOG, status=2, because=["no instruction set mmx"])


class Refusals(ProgramTest):
    MODEL = (ROOT / "model" / "mlp_small.onnx").read_bytes()

    def refuse_model(self, content, because):
        path = self.write("bad.onnx", content)
        for command in (("score", "--model", path, LOG), ("inspect", path), ("embed", path)):
            done = self.refuse(*command, because=because)
            self.assertEqual(done.stdout, b"")
            self.assertIn(str(path), done.stderr.decode())

    def test_truncated(self):
        for cut in (0, 1, 100, len(self.MODEL) // 2, len(self.MODEL) - 1):
            self.refuse_model(self.MODEL[:cut], "byte ")

    def test_trailing_bytes(self):
        self.refuse_model(self.MODEL + b"\0", "byte ")

    def test_foreign_operator_names_node_and_byte(self):
        bad = onnx_bytes.rename_operator(self.MODEL, b"Relu", b"Sign")
        offset = bad.rindex(b"Sign")  # graphs are read from their output back
        path = self.write("bad.onnx", bad)
        done = self.refuse("inspect", path, because=["the operator is not supported", "(Sign)"])
        said = int(done.stderr.decode().split("byte ")[1].split(":")[0])
        self.assertTrue(0 < offset - said < 60, (said, offset))

    def test_another_shape(self):
        # one input fewer than the networks here: cut the first weight's rows through its dims
        wide = self.MODEL.replace(b"mlp.4.weight", b"mlp.2.weight", 1)
        self.refuse_model(wide, "byte ")

    def test_not_a_model_at_all(self):
        self.refuse_model((SAMPLES / "vtest_x264_36.json").read_bytes(), "byte 0")
        self.refuse_model(b"", "byte 0")

    def test_random_damage_never_crashes(self):
        for at in range(0, len(self.MODEL), 7):
            damaged = bytearray(self.MODEL)
            damaged[at] ^= 0x55
            done = program.run("inspect", self.write("bad.onnx", bytes(damaged)))
            self.assertIn(done.returncode, (0, 1), (at, done.stderr))


class ExternalData(ProgramTest):
    MODEL = ROOT / "model" / "mlp_medium.onnx"

    def place(self, location, data_at=None):
        model, data = onnx_bytes.move_weights_out(self.MODEL.read_bytes(), location)
        self.assertGreater(len(data), 3000)
        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        path = folder / "moved.onnx"
        path.write_bytes(model)
        if data_at is not None:
            data_at = folder / data_at
            data_at.parent.mkdir(parents=True, exist_ok=True)
            data_at.write_bytes(data)
        return path

    def test_beside_the_model_and_below(self):
        expected = self.scores("--model", self.MODEL, LOG)
        for location in ("weights.bin", "data/part/weights.bin"):
            path = self.place(location, location)
            self.assertEqual(self.scores("--model", path, LOG), expected)

    def test_its_hash_is_told(self):
        path = self.place("weights.bin", "weights.bin")
        digest = hashlib.sha256((path.parent / "weights.bin").read_bytes()).hexdigest()
        self.assertIn(digest.encode(), self.accept("inspect", path))
        self.assertIn(digest.encode(),
                      program.run("score", "--verbose", "--model", path, LOG).stderr)

    def test_in_the_current_folder(self):
        path = self.place("weights.bin", "weights.bin")
        self.assertEqual(self.scores("--model", "moved.onnx", LOG, cwd=path.parent),
                         self.scores("--model", self.MODEL, LOG))

    def refuse_place(self, location, because, data_at=None):
        path = self.place(location, data_at)
        for command in (("score", "--model", path, LOG), ("inspect", path)):
            self.refuse(*command, because=because)

    def test_absent(self):
        self.refuse_place("weights.bin", ["weights.bin", "No such file"])

    def test_outside(self):
        inside = "only a path inside the model's folder is read"
        self.refuse_place("../weights.bin", inside, "../weights.bin")
        self.refuse_place("data/../../weights.bin", inside, "../weights.bin")
        self.refuse_place("data/../weights.bin", inside, "weights.bin")
        self.refuse_place(str(self.folder / "model" / "weights.bin"), inside, "weights.bin")
        self.refuse_place("..", inside)
        self.refuse_place("weights.bin/", inside)

    def test_links_that_lead_out_are_not_followed(self):
        path = self.place("weights.bin", "../outside/weights.bin")
        link = path.parent / "weights.bin"
        for target in ("../outside/weights.bin", self.folder / "outside" / "weights.bin"):
            os.symlink(target, link)
            self.refuse("score", "--model", path, LOG, because=["weights.bin", "symbolic link"])
            link.unlink()
        os.symlink("weights.bin", link)
        self.refuse("score", "--model", path, LOG, because=["weights.bin", "symbolic link"])
        path = self.place("linked/weights.bin")
        os.symlink("../outside", path.parent / "linked")
        self.refuse("score", "--model", path, LOG, because=["linked/weights.bin", "symbolic link"])

    def test_links_inside_the_folder_are(self):
        path = self.place("weights.bin", "data/weights.bin")
        os.symlink("data/weights.bin", path.parent / "weights.bin")
        self.assertEqual(self.scores("--model", path, LOG), self.scores("--model", self.MODEL, LOG))

    def test_no_regular_file(self):
        path = self.place("weights.bin")
        os.mkfifo(path.parent / "weights.bin")
        self.refuse("score", "--model", path, LOG, because="is not a regular file")

    def test_short_data(self):
        path = self.place("weights.bin", "weights.bin")
        data = path.parent / "weights.bin"
        data.write_bytes(data.read_bytes()[:-1])
        self.refuse("score", "--model", path, LOG, because="external data")

    def test_is_part_of_the_embedded_header(self):
        path = self.place("weights.bin", "weights.bin")
        header = self.accept("embed", path).decode()
        self.assertIn("// with the model's external data inside\n", header)
        inside = self.write("inside.onnx", onnx_bytes.literal(header))
        self.assertNotIn(b"weights.bin", inside.read_bytes())
        self.assertIn(hashlib.sha256(inside.read_bytes()).hexdigest(), header)
        self.assertEqual(self.scores("--model", inside, LOG), self.scores("--model", self.MODEL, LOG))
        data = path.parent / "weights.bin"
        before = data.read_bytes()
        self.refuse("embed", path, "--output", data, status=2, because="--output would overwrite ")
        self.assertEqual(data.read_bytes(), before)


class Range(ProgramTest):
    """--warn-range: features far from the training rows, by the network's own scaler."""

    def test_far_features_are_told(self):
        row = dict(reference_rows()[0], motion2="400")
        log = program.csv_text([reference_rows()[1], row])
        done = program.run("score", "--warn-range", "-", stdin=log)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr.decode(),
                         r"1 frame outside the training range .*frame 1, motion2 = 400, \+\d")
        self.assertNotIn(b"training range", program.run("score", "-", stdin=log).stderr)

    def test_the_limit_is_in_standard_deviations(self):
        import json
        sidecar = json.loads((ROOT / "model" / "mlp_small.json").read_text())
        mean, std = sidecar["input_mean"][5], sidecar["input_std"][5]
        for limit, z, warned in (("5", 4.9, False), ("5", 5.1, True), ("5.3", 5.2, False),
                                 ("5.3", 5.4, True), ("1e1", 9, False), ("1e1", 11, True),
                                 ("5e-1", 11, True), (".5", 11, True)):
            row = dict(reference_rows()[0], motion2=str(mean + z * std))
            done = program.run("score", f"--warn-range={limit}", "-", stdin=program.csv_text([row]))
            self.assertEqual(b"standard input: 1 frame outside the training range" in done.stderr,
                             warned, (limit, z, done.stderr))

    def test_wrong_limits(self):
        for z in ("0", "-1", "x"):
            self.refuse("score", f"--warn-range={z}", LOG, status=2, because="warn-range")


class Region(ProgramTest):
    """Frames outside the region in which the shipped networks were verified."""

    def warnings(self, *arguments, rows):
        done = program.run("score", *arguments, "-", stdin=program.csv_text(rows))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr.decode()

    def test_frames_outside_are_counted(self):
        good = reference_rows()[:3]
        rows = [*good, dict(good[0], motion2="400"), dict(good[1], adm2="0.2"), good[2]]
        self.assertEqual(self.warnings(rows=good), "")
        said = self.warnings(rows=rows)
        self.assertIn("2 of 6 frames lie outside the region in which the network was verified", said)
        self.assertTrue(said.endswith("the first: frame 3\n"), said)
        # What was searched for the largest errors are the float32 networks.
        self.assertEqual(self.warnings("--model", "mlp_large.int8", rows=rows),
                         said.replace("the network was", "the network's float32 form was"))

    def test_of_a_shipped_network_s_file_and_of_a_registry_s_too(self):
        rows = [dict(reference_rows()[0], motion2="400")]
        by_name = self.warnings("--model", "mlp_medium_4k.int8", rows=rows)
        self.assertIn("1 of 1 frames lies outside the region", by_name)
        registry = ("--registry", ROOT / "model/registry.json", "--precision", "int8")
        for options in (("--model", ROOT / "model/mlp_medium_4k.int8.onnx"),
                        ("--model", "mlp_medium_4k", *registry)):
            self.assertEqual(self.warnings(*options, rows=rows), by_name)
            told = self.score_json(*options, "-", stdin=program.csv_text(rows))
            self.assertEqual(told["model"]["predicts"], "vmaf_4k_v0.6.1")

    def test_not_of_other_networks_nor_when_told(self):
        rows = [dict(reference_rows()[0], motion2="400")]
        other = self.folder / "other.onnx"  # its weights are rounded otherwise
        self.accept("quantize", ROOT / "model/mlp_small.onnx", "--per-channel", "--output", other)
        for options in (("--model", other), ("--no-warn-region",)):
            self.assertEqual(self.warnings(*options, rows=rows), "")

    def test_a_nan_is_no_frame_outside(self):
        said = self.warnings(rows=[dict(reference_rows()[0], adm2="nan")])
        self.assertNotIn("region", said)
        self.assertIn("no finite score", said)

    @unittest.skipUnless((SHARED / "cases/logs/ood.csv").exists(), "no logs beside the checkout")
    def test_misaligned_frames_are_inside_and_right(self):
        log = SHARED / "cases/logs/ood.csv"
        true = (28.0837, 35.3123, 15.8314, 62.5110, 94.3449)
        for name, delta in (("mlp_small", 4.5), ("mlp_medium", 1.5), ("mlp_large", 0.5)):
            done = program.run("score", "--model", name, log)
            self.assertNotIn(b"region", done.stderr)
            for (_, score), expected in zip(self.scores("--model", name, log), true, strict=True):
                self.assertAlmostEqual(float(score), expected, delta=delta, msg=name)


class Clip(ProgramTest):
    def test_shipped_networks_unless_raw_files_only_when_asked(self):
        row = dict(reference_rows()[0], adm2="0.375", vif_scale0="0.56", vif_scale1="0.54", vif_scale2="0.52",
                   vif_scale3="0.52", motion2="0")
        nan = dict(row, adm2="nan")
        high = dict(row, adm2="1.3", vif_scale0="1.5", vif_scale1="1.5", vif_scale2="1.5",
                    vif_scale3="1.5")
        log = program.csv_text([row, nan, high])
        file = ("--model", ROOT / "model/mlp_small.onnx")

        def scores(*options):
            return [score for _, score in self.scores(*options, "-", stdin=log)]
        free = scores("--raw")
        self.assertLess(float(free[0]), 0)
        self.assertGreater(float(free[2]), 100)
        self.assertTrue(math.isnan(float(free[1])))
        self.assertEqual(scores(*file), free)
        self.assertEqual(scores(*file, "--raw"), free)
        for options in ((), ("--clip",), (*file, "--clip")):
            self.assertEqual(scores(*options), ["0", "nan", "100"], options)

    def test_not_both(self):
        self.refuse("score", "--clip", "--raw", LOG, status=2, because="excludes")


if __name__ == "__main__":
    program.main()
