"""Against ONNX Runtime: the same values, names, shapes and types, on the repository's models and on
public ones, and scripts that were written for it."""
import tempfile
import unittest
import warnings

import numpy as np
import onnx
import onnxruntime

import tinymlp
from onnx_files import mlp
from shared import MODELS, ROOT, WILD, real_rows, same_bits


def reference_session(path_or_bytes, optimised=True):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = path_or_bytes if isinstance(path_or_bytes, bytes) else str(path_or_bytes)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def signature(values):
    return [(v.name, list(v.shape), v.type) for v in values]


def float64_of(path, rows):
    """The graph of a shipped fp32 file in float64, by NumPy."""
    graph = onnx.load(path).graph
    tensors = {t.name: onnx.numpy_helper.to_array(t).astype(np.float64) for t in graph.initializer}
    x = (rows.astype(np.float64) - tensors["mean"]) / tensors["std"]
    for node in graph.node:
        if node.op_type == "Gemm":
            x = x @ tensors[node.input[1]].T + tensors[node.input[2]]
        elif node.op_type == "Relu":
            x = np.maximum(x, 0)
    return x[:, 0]


class RepositoryModels(unittest.TestCase):
    def test_fp32_is_as_near_to_float64_as_onnxruntime_is(self):
        for path in MODELS:
            if path.name.endswith(".int8.onnx"):
                continue
            with self.subTest(path.name):
                exact = float64_of(path, real_rows())
                theirs = reference_session(path).run(None, {"features": real_rows()})[0]
                ours = tinymlp.load(path)(real_rows())
                self.assertEqual(ours.shape, theirs.shape)
                # the largest of 2,000 errors is a matter of a unit or two in the last place of a score near 100
                self.assertLessEqual(abs(ours - exact).max(), abs(theirs - exact).max() + 2 * 2.0 ** -17)

    def test_int8_is_onnxruntimes_by_the_row_bit_for_bit(self):
        for path in MODELS:
            if not path.name.endswith(".int8.onnx"):
                continue
            with self.subTest(path.name):
                session = reference_session(path, optimised=False)
                rows = real_rows()[:400]
                theirs = np.concatenate([session.run(None, {"features": row[None]})[0] for row in rows])
                self.assertTrue(same_bits(tinymlp.load(path)(rows), theirs))

    def test_quantize_writes_the_repositorys_files(self):
        for path in MODELS:
            if path.name.endswith(".int8.onnx"):
                name = path.name.removesuffix(".int8.onnx")
                self.assertEqual(tinymlp.quantize(name), path.read_bytes())

    def test_what_quantize_writes_is_onnxruntimes_by_the_row(self):
        rows = real_rows()[:300]
        for made in (tinymlp.quantize("mlp_medium", per_channel=True),
                     tinymlp.quantize("mlp_medium", rows=real_rows()),
                     tinymlp.quantize("mlp_medium", rows=real_rows(), calibration="percentile", percentile=99.9),
                     tinymlp.quantize(mlp([6, 10, 4]), per_channel=True)):
            session = reference_session(made, optimised=False)
            name = session.get_inputs()[0].name
            theirs = np.concatenate([session.run(None, {name: row[None]})[0] for row in rows])
            self.assertTrue(same_bits(tinymlp.load(made)(rows), theirs))

    def test_rows_to_calibrate_with_may_be_a_log(self):
        log = ROOT / "model/samples/vtest_x264_36.csv"
        features = tinymlp.score_log(log).features
        self.assertEqual(tinymlp.quantize("mlp_small", rows=log), tinymlp.quantize("mlp_small", rows=features))
        self.assertNotEqual(tinymlp.quantize("mlp_small", rows=features), tinymlp.quantize("mlp_small"))

    def test_quantize_refuses(self):
        for words, keywords in (("calibration", {"calibration": "best"}), ("percentile", {"percentile": 3}),
                                ("float32", {"rows": np.zeros((3, 6))}), ("float32", {"rows": np.zeros((3, 5), np.float32)}),
                                ("row 1", {"rows": np.array([[0] * 6, [np.nan] * 6], np.float32)})):
            with self.assertRaisesRegex(ValueError, words):
                tinymlp.quantize("mlp_small", **keywords)
        with self.assertRaises(ValueError):
            tinymlp.quantize("mlp_small.int8")


class Sessions(unittest.TestCase):
    def setUp(self):
        self.path = ROOT / "model/mlp_medium.onnx"
        self.ours = tinymlp.InferenceSession(str(self.path), providers=["CPUExecutionProvider"])
        self.theirs = reference_session(self.path)

    def test_what_it_tells(self):
        for model in (self.path, ROOT / "model/mlp_small.int8.onnx", mlp([3, 4, 2]), mlp([3, 4, 2], rows=5)):
            ours = tinymlp.InferenceSession(model)
            theirs = reference_session(model)
            self.assertEqual(signature(ours.get_inputs()), signature(theirs.get_inputs()))
            self.assertEqual(signature(ours.get_outputs()), signature(theirs.get_outputs()))
            meta = theirs.get_modelmeta()
            for field, value in vars(ours.get_modelmeta()).items():
                self.assertEqual(value, getattr(meta, field), field)
        self.assertEqual(self.ours.get_providers(), ["CPUExecutionProvider"])

    def test_run(self):
        for names in (None, [], ["vmaf"]):
            ours, theirs = (s.run(names, {"features": real_rows()}) for s in (self.ours, self.theirs))
            self.assertEqual((type(ours), len(ours)), (type(theirs), len(theirs)))
            self.assertEqual((ours[0].shape, ours[0].dtype), (theirs[0].shape, theirs[0].dtype))
            np.testing.assert_allclose(ours[0], theirs[0], rtol=0, atol=1e-4)

    def test_both_refuse_the_same_calls(self):
        good = real_rows()[:3]
        for names, feed in ((None, {}), (None, {"x": good}), (["y"], {"features": good}),
                            (None, {"features": good[:, :5]}), (None, {"features": good[0]}),
                            (None, {"features": good.astype(np.float64)}), (None, {"features": good[None]}),
                            (None, {"features": good, "more": good})):
            for session in (self.ours, self.theirs):
                with self.assertRaises(Exception):
                    session.run(names, feed)
        for arguments in ((b"",), ("/nowhere.onnx",), (7,)):
            for make in (tinymlp.InferenceSession, onnxruntime.InferenceSession):
                with self.assertRaises(Exception):
                    make(*arguments)

    def test_a_fixed_number_of_rows_is_held_to(self):
        session = tinymlp.InferenceSession(mlp([3, 4, 2], rows=5))
        self.assertEqual(session.run(None, {"x": np.ones((5, 3), np.float32)})[0].shape, (5, 2))
        with self.assertRaisesRegex(ValueError, "index 0 got 4, expected 5"):
            session.run(None, {"x": np.ones((4, 3), np.float32)})

    def test_a_refused_output_says_why(self):
        model = onnx.load_model_from_string(mlp([3, 4, 2]))
        model.graph.node.append(onnx.helper.make_node("ArgMax", ["y"], ["label"], "best", axis=1))
        model.graph.output.append(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["N", 1]))
        session = tinymlp.InferenceSession(model.SerializeToString())
        feed = {"x": np.ones((2, 3), np.float32)}
        self.assertEqual(session.run(["y"], feed)[0].shape, (2, 2))
        with self.assertRaisesRegex(tinymlp.Error, "label"):
            session.run(None, feed)

    def test_a_script_for_onnxruntime_runs_unchanged(self):
        script = """
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1
fp32 = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
int8 = ort.InferenceSession(path.replace(".onnx", ".int8.onnx"), sess_options=options, providers=["CPUExecutionProvider"])
shape = [d if isinstance(d, int) and d > 0 else 1 for d in fp32.get_inputs()[0].shape]
random = np.random.default_rng(0)
a, b = [], []
for _ in range(16):
    x = random.random(shape, dtype=np.float32)
    a.append(fp32.run(None, {fp32.get_inputs()[0].name: x})[0].ravel())
    b.append(int8.run(None, {int8.get_inputs()[0].name: x})[0].ravel())
drop = 1 - np.corrcoef(np.concatenate(a), np.concatenate(b))[0, 1]
"""
        drops = []
        for module in (tinymlp, onnxruntime):
            scope = {"ort": module, "np": np, "path": str(self.path)}
            exec(script, scope)  # noqa: S102
            drops.append(scope["drop"])
        self.assertAlmostEqual(*drops, delta=1e-7)
        self.assertGreater(drops[0], 1e-7)


@unittest.skipUnless(WILD.is_dir(), "reference files beside the checkout")
class PublicModels(unittest.TestCase):
    def feeds(self, folder, session):
        rows = np.loadtxt(folder / "inputs.csv", delimiter=",", dtype=np.float32, ndmin=2)
        for row in rows[:20]:
            feed, at = {}, 0
            for value in session.get_inputs():
                shape = [d if isinstance(d, int) else 1 for d in value.shape]
                size = int(np.prod(shape))
                feed[value.name] = row[at:at + size].reshape(shape)
                at += size
            yield feed

    def test_every_accepted_output_is_onnxruntimes(self):
        compared = 0
        for folder in sorted(WILD.iterdir()):
            path = folder / "model.onnx"
            try:
                ours = tinymlp.InferenceSession(path)
            except tinymlp.Error:
                continue
            theirs = reference_session(path, optimised=False)
            self.assertEqual(signature(ours.get_inputs()), signature(theirs.get_inputs()))
            self.assertEqual([v.name for v in ours.get_outputs()], [v.name for v in theirs.get_outputs()])
            for output in theirs.get_outputs():
                try:
                    ours.run([output.name], next(self.feeds(folder, theirs)))
                except tinymlp.Error:
                    continue
                with self.subTest(folder.name, output=output.name):
                    got, wanted = [], []
                    for feed in self.feeds(folder, theirs):
                        a, b = (s.run([output.name], feed)[0] for s in (ours, theirs))
                        if isinstance(b, list):
                            self.assertEqual(list(a[0]), list(b[0]))
                            a, b = (np.array([list(row.values()) for row in r]) for r in (a, b))
                        self.assertEqual(a.shape, b.shape)
                        got.append(a.ravel())
                        wanted.append(b.ravel())
                    got, wanted = np.array(got), np.array(wanted)
                    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-5 * max(1, abs(wanted).max()))
                    compared += 1
        self.assertGreaterEqual(compared, 60)


if __name__ == "__main__":
    unittest.main()
