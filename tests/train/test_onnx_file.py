import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support
from tinymlp_train import inference, metrics, networks, onnx_file, teacher

import numpy as np
import onnx

REFERENCE = {"mlp_small": "vmaf_tiny_v2", "mlp_medium": "vmaf_tiny_v3", "mlp_large": "vmaf_tiny_v4"}


def random_network(shape, seed=0):
    rng = np.random.default_rng(seed)
    return networks.Fitted(
        rng.normal(size=shape[0]), rng.uniform(0.1, 2, size=shape[0]),
        [rng.normal(size=(o, i)).astype(np.float32) for i, o in networks.layers(shape)],
        [rng.normal(size=o).astype(np.float32) for _, o in networks.layers(shape)])


def fitted_from(model, sidecar):
    """The Fitted that a shipped file was written from: weights of the graph, the sidecar's scaler.
    """
    values = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    names = [n.input[1:] for n in model.graph.node if n.op_type == "Gemm"]
    return networks.Fitted(np.array(sidecar["input_mean"]), np.array(sidecar["input_std"]),
                           [values[w] for w, _ in names], [values[b] for _, b in names])


def graph_form(model):
    """Everything but the values: nodes with attributes, tensors and declared shapes."""
    def node(n):
        attributes = sorted((a.name, a.type, a.f, a.i) for a in n.attribute)
        return n.op_type, n.domain, list(n.input), list(n.output), attributes

    def shape(value):
        tensor = value.type.tensor_type
        return tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim]

    g = model.graph
    return {
        "ir": model.ir_version,
        "opsets": [(o.domain, o.version) for o in model.opset_import],
        "nodes": [node(n) for n in g.node],
        "input": [(v.name, shape(v)) for v in g.input],
        "output": [(v.name, shape(v)) for v in g.output],
        "initializers": sorted((t.name, t.data_type, list(t.dims), t.HasField("raw_data"))
                               for t in g.initializer),
        "value_info": sorted((v.name, shape(v)) for v in g.value_info),
    }


def setUpModule():
    subprocess.run([support.TOOLS / "fetch_teacher"], check=True, capture_output=True)


class Form(unittest.TestCase):
    def test_graph_is_the_documented_one(self):
        for name, shape in networks.SHAPES.items():
            model = onnx_file.build(random_network(shape), shape)
            onnx.checker.check_model(model, full_check=True)
            self.assertEqual(model.ir_version, 10)
            self.assertEqual([(o.domain, o.version) for o in model.opset_import], [("", 17)])
            self.assertEqual(model.producer_name, "tinymlp")
            depth = len(shape) - 1
            self.assertEqual([n.op_type for n in model.graph.node],
                             ["Sub", "Div"] + ["Gemm", "Relu"] * (depth - 1) + ["Gemm", "Squeeze"])
            declared = {v.name for v in model.graph.value_info}
            for t in model.graph.initializer:
                self.assertTrue(t.HasField("raw_data") and t.name in declared, t.name)

    def test_graph_is_the_references_form(self):
        for name, reference in REFERENCE.items():
            path = support.SHARED / f"models/{reference}.onnx"
            if not path.exists():
                self.skipTest("the reference models are not on this machine")
            shape = networks.SHAPES[name]
            ours = onnx_file.build(random_network(shape), shape)
            self.assertEqual(graph_form(ours), graph_form(onnx.load(path)), name)

    def test_bytes_are_deterministic(self):
        shape = networks.SHAPES["mlp_large"]
        a, b = (onnx_file.serialize(onnx_file.build(random_network(shape), shape)) for _ in "ab")
        self.assertEqual(a, b)

    def test_scores_are_the_networks(self):
        x = support.every(500).x
        for shape in networks.SHAPES.values():
            network = random_network(shape, seed=4)
            with tempfile.NamedTemporaryFile(suffix=".onnx") as f:
                f.write(onnx_file.serialize(onnx_file.build(network, shape)))
                f.flush()
                np.testing.assert_allclose(inference.Model(f.name).scores(x),
                                           networks.predict(network, x), rtol=1e-4, atol=1e-3)

    def test_bad_weights_are_refused(self):
        shape = networks.SHAPES["mlp_small"]
        network = random_network(shape)
        network.weights[1][0, 0] = np.nan
        with self.assertRaisesRegex(ValueError, "mlp.2.weight holds a value that is not finite"):
            onnx_file.build(network, shape)
        with self.assertRaisesRegex(ValueError, "do not have the shape 6-32-16-1"):
            onnx_file.build(random_network(shape), networks.SHAPES["mlp_medium"])


class Files(unittest.TestCase):
    def test_weights_round_trip(self):
        network = random_network(networks.SHAPES["mlp_large"])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "n.npz"
            networks.save(path, network)
            first = path.read_bytes()
            back = networks.load(path)
            networks.save(path, back)
            self.assertEqual(path.read_bytes(), first)
        for a, b in zip(network.weights + network.biases, back.weights + back.biases):
            np.testing.assert_array_equal(a, b)

    def test_export_keeps_int8_keys_of_the_same_weights_only(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)

            def export(seed):
                path = folder / "mlp_small.npz"
                networks.save(path, random_network(networks.SHAPES["mlp_small"], seed))
                subprocess.run([sys.executable, support.TOOLS / "export.py", path, "--output",
                                folder], check=True, capture_output=True)
                return json.loads((folder / "mlp_small.json").read_text())

            first = export(1)
            self.assertEqual(first["quant_mode"], "fp32")
            int8 = {**first, "quant_mode": "dynamic", "int8_sha256": "0" * 64}
            (folder / "mlp_small.json").write_text(json.dumps(int8))
            self.assertEqual(export(1), int8)
            self.assertEqual(export(2)["quant_mode"], "fp32")
            self.assertNotIn("int8_sha256", export(2))

    def test_export_refuses_what_is_no_network(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "mlp_small.npz").write_bytes(b"no archive")
            np.savez(folder / "mlp_medium.npz", weight_0=np.zeros((1, 6)))
            networks.save(folder / "other.npz", random_network((6, 3, 1)))
            for name in ("mlp_small", "mlp_medium", "other", "absent"):
                run = subprocess.run(
                    [sys.executable, support.TOOLS / "export.py", folder / f"{name}.npz",
                     "--output", folder / "out"], capture_output=True, text=True)
                self.assertEqual(run.returncode, 1, name)
                self.assertRegex(run.stderr, f"^export: .*{name}")
                self.assertEqual(list((folder / "out").iterdir()), [])


class Shipped(unittest.TestCase):
    def test_files_sidecars_and_writer_agree(self):
        for name in networks.SHAPES:
            shape, teacher_name = networks.describe(name)
            data = (support.MODEL / f"{name}.onnx").read_bytes()
            sidecar = json.loads((support.MODEL / f"{name}.json").read_text())
            self.assertEqual(sidecar["id"], name)
            self.assertEqual(sidecar["sha256"], hashlib.sha256(data).hexdigest())
            self.assertEqual(sidecar["n_params"], networks.parameter_count(shape))
            self.assertIn(f"libvmaf's {teacher_name} by", sidecar["notes"])
            model = onnx.load_model_from_string(data)
            onnx.checker.check_model(model, full_check=True)
            fitted = fitted_from(model, sidecar)
            self.assertEqual(onnx_file.serialize(onnx_file.build(fitted, shape)), data, name)

    def test_they_are_the_teacher(self):
        x = support.every(20).x
        for name in networks.SHAPES:
            shape, teacher_name = networks.describe(name)
            scores = inference.Model(support.MODEL / f"{name}.onnx").scores(x)
            found = metrics.summary(scores, teacher.load(teacher_name).score(x))["clipped"]
            self.assertGreater(found["plcc"], 0.9999, name)
            most = {16: 0.2, 32: 0.08, 64: 0.05}[shape[1]]
            self.assertLess(found["rmse"], most, name)


class Inference(unittest.TestCase):
    def test_onnx_runtime_gives_the_golden_scores(self):
        if inference.onnxruntime is None or not (support.SHARED / "golden").exists():
            self.skipTest("needs onnxruntime and the golden scores")
        golden = support.SHARED / "golden"
        x = np.genfromtxt(golden / "features.csv", delimiter=",", names=True)
        rows = np.stack([x[f] for f in onnx_file.FEATURES], axis=1).astype(np.float32)
        for name in ("vmaf_tiny_v2", "vmaf_tiny_v3.int8"):
            expected = np.loadtxt(golden / f"{name}.txt", dtype=np.float32)
            model = inference.Model(support.SHARED / f"models/{name}.onnx")
            got = np.concatenate([model.batch(r[None]) for r in rows])
            np.testing.assert_array_equal(got, expected)

    def test_int8_rows_do_not_depend_on_their_batch(self):
        path = support.SHARED / "models/vmaf_tiny_v3.int8.onnx"
        if not path.exists():
            self.skipTest("the reference models are not on this machine")
        x = support.every(1000).x
        model = inference.Model(path)
        self.assertTrue(model.row_by_row)
        scores = model.scores(x)
        np.testing.assert_array_equal(scores[::-1], model.scores(x[::-1]))
        self.assertGreater(np.abs(scores - model.batch(x)).max(), 0.01)

    def test_a_broken_file_is_refused(self):
        with tempfile.NamedTemporaryFile(suffix=".onnx") as f:
            f.write((support.MODEL / "mlp_small.onnx").read_bytes()[:1000])
            f.flush()
            with self.assertRaisesRegex(ValueError, f.name):
                inference.Model(f.name)


if __name__ == "__main__":
    unittest.main()
