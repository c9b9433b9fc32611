#!/usr/bin/env python3
"""`tinymlp inspect`: what it says of a model is what the model's sidecar and bytes say."""
import hashlib
import json
import re
import struct
import unittest

import onnx_bytes
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

    def test_any_network(self):
        model = self.write("heads.onnx", onnx_bytes.two_heads())
        text = self.accept("inspect", model).decode()
        for line in ("input      x float32 [N,3], features 0 to 2\n",
                     "input      state float32 [N,2], not used by this output\n",
                     "input      y float32 [N,1], feature 3\n",
                     "output     action float32 [N,2]\n",
                     "not used   output value float32 [N,2]\n",
                     "not used   output next_state float32 [N,2]\n",
                     "network    4-2\n", "scaler     none\n",
                     "total      10 parameters, 8 MACs per row\n"):
            self.assertIn(line, text)
        self.assertRegex(text, r"layer 1    4 -> 2, Relu: 10 parameters, 8 MACs; Gemm sum, byte \d+\n"
                               r"  weight   w float32 \[4,2\], -7 to 8\n"
                               r"  bias     b float32 \[2\], -1 to 0.5\n")
        text = self.accept("inspect", model, "--output-name", "value").decode()
        self.assertIn("output     value float32 [N,2]\n", text)
        self.assertRegex(text, r"\naffine     x \* a; Mul value, byte \d+\n")
        self.refuse("inspect", model, "--output-name", "none", because="no output of that name")

    def test_what_is_folded_stands_with_its_layer(self):
        model = onnx_bytes.model(
            [onnx_bytes.node("MatMul", ["x", "w"], ["d"]),
             onnx_bytes.node("Add", ["d", "b"], ["e"]),
             onnx_bytes.node("Mul", ["e", "s"], ["f"], name="stretch"),
             onnx_bytes.node("LeakyRelu", ["f"], ["g"], alpha=0.25),
             onnx_bytes.node("Softmax", ["g"], ["y"], axis=-1)],
            [onnx_bytes.floats("w", [2, 3], range(6)), onnx_bytes.floats("b", [3], range(3)),
             onnx_bytes.floats("s", [3], [2, 3, 4])],
            [onnx_bytes.value("x", ["N", 2])], [onnx_bytes.value("y", ["N", 3])])
        text = self.accept("inspect", self.write("net.onnx", model)).decode()
        self.assertIn("layer 1    2 -> 3, LeakyRelu (alpha 0.25): 9 parameters, 6 MACs; MatMul d", text)
        self.assertIn("  folded   x * a: Mul stretch, byte ", text)
        self.assertIn("softmax    over 3 values; Softmax y, byte ", text)

    def test_slopes_and_normalisations_are_shown_and_counted(self):
        model = onnx_bytes.model(
            [onnx_bytes.node("LayerNormalization", ["x", "g", "h"], ["n"]),
             onnx_bytes.node("PRelu", ["n", "before"], ["p"]),
             onnx_bytes.node("Gemm", ["p", "w"], ["d"]),
             onnx_bytes.node("PRelu", ["d", "after"], ["y"])],
            [onnx_bytes.floats("g", [2], [3, 4]), onnx_bytes.floats("h", [2], [5, 6]),
             onnx_bytes.floats("before", [1], [0.5]), onnx_bytes.floats("w", [2, 3], range(6)),
             onnx_bytes.floats("after", [3], [0.125, 0.25, 0.375])],
            [onnx_bytes.value("x", ["N", 2])], [onnx_bytes.value("y", ["N", 3])])
        text = self.accept("inspect", self.write("net.onnx", model)).decode()
        self.assertIn("  weight   g float32 [2], 3 to 4\n", text)
        self.assertIn("  bias     h float32 [2], 5 to 6\n", text)
        self.assertIn("  slope    0.5 to 0.5: PRelu p, byte ", text)
        self.assertIn("  slope    0.125 to 0.375: PRelu y, byte ", text)
        self.assertIn("total      6 parameters in dense layers, 8 in normalisations and slopes, "
                      "6 MACs per row\n", text)

    def test_a_refused_file_lists_all_obstacles(self):
        model = onnx_bytes.model(
            [onnx_bytes.node("Sign", ["x"], ["s"]),
             onnx_bytes.node("Gemm", ["s", "w"], ["d"]),
             onnx_bytes.node("Cos", ["d"], ["y"], name="turn")],
            [onnx_bytes.floats("w", [2, 3], range(6))],
            [onnx_bytes.value("x", ["N", 2])], [onnx_bytes.value("y", ["N", 3])])
        done = self.refuse("inspect", self.write("net.onnx", model),
                           because="the operator is not supported")
        self.assertEqual(done.stdout, b"")
        first, _, rest = done.stderr.decode().partition("all obstacles:\n")
        self.assertEqual(first.count("\n"), 1)
        obstacles = re.split(r"(?m)^(?=byte \d+: )", rest)[1:]
        self.assertEqual(len(obstacles), 2)
        self.assertEqual({re.search(r"  operator +(\w+)\n", o)[1] for o in obstacles}, {"Sign", "Cos"})
        page = (ROOT / "include" / "tinymlp" / "onnx" / "README.md").read_text()
        for obstacle in obstacles:
            self.assertRegex(obstacle, r"  at +\w+\n")
            self.assertRegex(obstacle, r"  to do +\w+")
            section = re.search(r"  see +include/tinymlp/onnx/README.md#([\w-]+)\n", obstacle)[1]
            self.assertIn(section, [re.sub(r"\W+", "-", h.strip().lower())
                                    for h in re.findall(r"(?m)^#+ (.*)$", page)])
        other = self.refuse("run", self.folder / "net.onnx", "-", because="not supported")
        self.assertNotIn(b"all obstacles", other.stderr)


if __name__ == "__main__":
    program.main()
