#!/usr/bin/env python3
"""`tinymlp latency`: a distribution that is one, in each format. No time is asserted."""
import json
import os
import xml.etree.ElementTree as ElementTree

import onnx_bytes
import program
from program import ROOT, ProgramTest

SVG = "{http://www.w3.org/2000/svg}"
RISING = ("min", "p50", "p90", "p99", "p99.9", "max")


class Latency(ProgramTest):
    def measure(self, *arguments):
        return json.loads(self.accept("latency", "--format", "json", "--frames", 20000, *arguments))

    def check_figures(self, figures):
        values = [figures[name] for name in RISING]
        self.assertEqual(values, sorted(values))
        self.assertGreater(figures["max"], 0)
        self.assertLessEqual(figures["min"], figures["mean"])
        self.assertLessEqual(figures["mean"], figures["max"])

    def test_json_of_names_that_are_not_utf8(self):
        model = os.fsencode(self.folder) + b'/\xff"\n.onnx'
        with open(model, "wb") as f:
            f.write((ROOT / "model" / "mlp_small.onnx").read_bytes())
        name = self.measure("--model", os.fsdecode(model))["model"]["name"]
        self.assertTrue(name.endswith('/?"\n.onnx'), name)

    def test_json_holds_a_distribution(self):
        for model, precision in (("mlp_small", "fp32"), ("mlp_large.int8", "int8")):
            found = self.measure("--model", model)
            self.assertEqual(found["model"]["name"], model)
            self.assertEqual(found["model"]["precision"], precision)
            self.check_figures(found["latency_ns"])
            self.check_figures(found["single_frame_ns"])
            self.assertGreater(found["first_frame_ns"], 0)
            bins = found["histogram"]
            self.assertEqual(sum(b["readings"] for b in bins) * found["frames_per_reading"],
                             found["frames"])
            self.assertGreater(bins[0]["readings"], 0)
            self.assertGreater(bins[-1]["readings"], 0)
            for before, after in zip(bins, bins[1:]):
                self.assertAlmostEqual(before["to_ns"], after["from_ns"], delta=1e-9 * after["to_ns"])
            self.assertLessEqual(bins[0]["from_ns"], max(found["latency_ns"]["min"],
                                                         found["clock"]["step_ns"]))
            self.assertGreater(bins[-1]["to_ns"], found["latency_ns"]["max"])

    def test_any_network(self):
        path = self.write("heads.onnx", onnx_bytes.two_heads())
        model = self.measure("--model", path, "--output-name", "value")["model"]
        self.assertEqual((model["name"], model["shape"], model["precision"]), (str(path), "4-2", "fp32"))

    def test_cycles_are_ticks_of_the_clock(self):
        found = self.measure()
        if found["latency_cycles"] is None:
            self.assertNotIn("time-stamp", found["clock"]["name"])
            return
        for name, ns in found["latency_ns"].items():
            self.assertAlmostEqual(found["latency_cycles"][name],
                                   ns * found["clock"]["ticks_per_ns"],
                                   delta=1e-6 * (1 + found["latency_cycles"][name]))

    def test_frames_per_reading(self):
        one = self.measure("--frames-per-reading", 1)
        self.assertEqual((one["frames"], one["frames_per_reading"]), (20000, 1))
        self.assertEqual(one["latency_ns"], one["single_frame_ns"])
        many = self.measure("--frames-per-reading", 100)
        self.assertEqual((many["frames"], many["frames_per_reading"]), (20000, 100))
        self.assertEqual(sum(b["readings"] for b in many["histogram"]), 200)

    def test_the_instruction_set_asked_for(self):
        found = self.measure("--isa", "reference")
        self.assertEqual(found["model"]["kernel"], "reference")

    def test_a_model_from_a_file(self):
        path = ROOT / "model" / "mlp_medium.onnx"
        self.assertEqual(self.measure("--model", path)["model"]["shape"], "6-32-16-1")

    def test_text_names_what_was_measured(self):
        text = self.accept("latency", "--frames", 1000).decode()
        for part in ("mlp_small (6-16-8-1, fp32)", "kernel", "clock", "subtracted", "first ", "warm_up()"):
            self.assertIn(part, text)
        rows = [line.split()[0] for line in text.splitlines()[-len(RISING) - 1:]]
        self.assertEqual(rows, [*RISING, "mean"])

    def test_one_frame_is_enough(self):
        found = self.accept("latency", "--frames", 1, "--frames-per-reading", 1)
        self.assertIn(b"p99.9", found)

    def test_plot(self):
        plot = self.folder / "plot.svg"
        text = self.folder / "latency.json"
        self.accept("latency", "--frames", 20000, "--format", "json", "--output", text, "--plot",
                    plot)
        root = ElementTree.parse(plot).getroot()
        bars = [e for e in root.iter(SVG + "rect") if e.get("class") == "bar"]
        filled = [b for b in json.loads(text.read_text())["histogram"] if b["readings"] > 0]
        self.assertEqual(len(bars), len(filled))
        for bar in bars:
            self.assertGreater(float(bar.get("height")), 0)
            self.assertGreater(float(bar.get("width")), 0)
        names = [e.text.split()[0] for e in root.iter(SVG + "text") if e.get("class") == "mark-name"]
        self.assertEqual(names, ["p50", "p90", "p99", "p99.9", "max"])
        light, dark = plot.read_text().split("@media (prefers-color-scheme: dark)")
        for kind in (".paper", ".bar", ".mark", ".grid", ".axis"):
            self.assertIn(kind, light)
            self.assertIn(kind, dark.split("</style>")[0])

    def test_refusals(self):
        kept = self.write("kept.txt", "before")
        model = self.write("model.onnx", (ROOT / "model" / "mlp_small.onnx").read_bytes())
        for arguments, because, status in (
                (("--frames", "0"), "--frames", 2),
                (("--frames", "1e6"), "--frames", 2),
                (("--frames-per-reading", "0"), "--frames-per-reading", 2),
                (("--format", "csv"), "--format", 2),
                (("--isa", "mmx"), "no instruction set mmx", 2),
                (("--model", "mlp_tiny"), "mlp_tiny", 2),
                (("--model", self.folder / "absent.onnx"), "absent.onnx", 1),
                (("--plot", "-"), "--plot", 2),
                (("--plot", kept), "same file", 2),
                (("--model", model, "--plot", model), "--plot would overwrite", 2)):
            done = self.refuse("latency", "--output", kept, *arguments, because=because,
                               status=status)
            self.assertEqual(done.stdout, b"")
            self.assertEqual(kept.read_text(), "before")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["kept.txt", "model.onnx"])


if __name__ == "__main__":
    program.main()
