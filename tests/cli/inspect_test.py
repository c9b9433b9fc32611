#!/usr/bin/env python3
"""`tinymlp inspect`: what it says of a model is what the model's sidecar and bytes say."""
import hashlib
import json
import re
import struct
import unittest

import program
from program import ROOT, SHARED, ProgramTest

# shape, parameters, multiply-accumulates: the published sizes of the ladder
LADDER = {
    "mlp_small": ("6-16-8-1", 257, 232),
    "mlp_medium": ("6-32-16-1", 769, 720),
    "mlp_large": ("6-64-32-16-1", 3073, 2960),
}


def as_float32(values):
    return [struct.unpack("f", struct.pack("f", v))[0] for v in values]


class Inspect(ProgramTest):
    def check_against_sidecar(self, model, shape, parameters, macs):
        text = self.accept("inspect", model).decode()
        sidecar = json.loads(model.with_suffix(".json").read_text())
        self.assertIn(f"total      {parameters} parameters, {macs} MACs per row", text)
        self.assertIn(f"network    {shape}\n", text)
        self.assertIn(hashlib.sha256(model.read_bytes()).hexdigest(), text)
        self.assertIn(f"{model.stat().st_size} bytes", text)
        self.assertIn(f"opset {sidecar['opset']}", text)
        self.assertIn(f"input      {sidecar['input_name']} float32 [N,6]", text)
        self.assertIn(f"output     {sidecar['output_name']} float32 [N]", text)
        for name, key in (("mean", "input_mean"), ("std", "input_std")):
            said = re.search(rf"  {name} +([^\n]+)", text)[1].split()
            self.assertEqual(as_float32(map(float, said)), as_float32(sidecar[key]))
        return text

    def test_shipped_networks(self):
        for name, sizes in LADDER.items():
            text = self.check_against_sidecar(ROOT / "model" / f"{name}.onnx", *sizes)
            self.assertIn("precision  fp32", text)
            self.assertEqual(text.count("Gemm node_linear"), len(sizes[0].split("-")) - 1)
            self.assertEqual(text.count("Relu"), len(sizes[0].split("-")) - 2)

    @unittest.skipUnless((SHARED / "models").is_dir(), "no reference models beside the checkout")
    def test_reference_models(self):
        for model, name in (("vmaf_tiny_v2", "mlp_small"), ("vmaf_tiny_v3", "mlp_medium"),
                            ("vmaf_tiny_v4", "mlp_large"), ("vmaf_tiny_v3.int8", "mlp_medium")):
            text = self.check_against_sidecar(SHARED / "models" / f"{model}.onnx", *LADDER[name])
            self.assertEqual("int8" in model, "precision  int8" in text)

    @unittest.skipUnless((SHARED / "models").is_dir(), "no reference models beside the checkout")
    def test_int8_scales_are_the_fp32_ranges_over_127(self):
        fp32 = self.accept("inspect", SHARED / "models" / "vmaf_tiny_v3.onnx").decode()
        int8 = self.accept("inspect", SHARED / "models" / "vmaf_tiny_v3.int8.onnx").decode()
        ranges = re.findall(r"  weight .*, (-?[\d.e+-]+) to (-?[\d.e+-]+)\n", fp32)
        scales = re.findall(r"  scale +([\d.e+-]+)\n", int8)
        self.assertEqual(len(scales), 3)
        for (low, high), scale in zip(ranges, scales):
            most = max(abs(float(low)), abs(float(high)))
            self.assertAlmostEqual(most / 127 / float(scale), 1, places=5)


if __name__ == "__main__":
    program.main()
