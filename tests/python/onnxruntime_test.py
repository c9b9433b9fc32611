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

    def outcome(self, module, make, *arguments):
        """(the names of the classes that scripts catch it by, what it says), or None where nothing is raised."""
        named = module.capi.onnxruntime_pybind11_state
        kinds = {n: getattr(named, n) for n in ("InvalidArgument", "Fail", "NoSuchFile", "InvalidProtobuf", "InvalidGraph")}
        kinds.update({c.__name__: c for c in (TypeError, ValueError, AttributeError, RuntimeError)})
        try:
            make(*arguments)
        except Exception as why:
            return {name for name, kind in kinds.items() if isinstance(why, kind)}, str(why)
        return None

    def assertSameOutcome(self, theirs, ours, words):
        """Whatever class a script catches theirs by catches ours, and ours says these words."""
        self.assertIsNotNone(theirs, "onnxruntime does not refuse it")
        self.assertIsNotNone(ours, "not refused")
        self.assertTrue(theirs[0], theirs)
        self.assertLessEqual(theirs[0], ours[0], ours)
        for word in words:
            self.assertIn(word, ours[1])

    def test_both_refuse_the_same_calls_by_the_same_names(self):
        good = real_rows()[:3]
        path = str(self.path)
        for names, feed, words in (
                (None, {}, ["features", "missing", path]), (None, {"x": good}, ["features", "missing", "'x'"]),
                (["y"], {"features": good}, ["'y'", "vmaf", path]), ("vmaf", {"features": good}, ["list of names", "vmaf"]),
                ([0], {"features": good}, ["list of names"]),
                (None, {"features": good[:, :5]}, ["features", "(3, 5)", "[N,6]", path]),
                (None, {"features": good[0]}, ["rank 1", "(6,)", "[N,6]"]), (None, {"features": good[None]}, ["rank 3"]),
                (None, {"features": good.astype(np.float64)}, ["float64", "tensor(float)", "astype(numpy.float32)"]),
                (None, {"features": good.astype(np.float16)}, ["float16"]), (None, {"features": good.astype(int)}, ["int64"]),
                (None, {"features": good.astype(object)}, ["object"]), (None, {"features": [1.0] * 6}, ["rank 1"]),
                (None, {"features": good, "more": good}, ["'more'", "features", path])):
            with self.subTest(names=names, feed={k: getattr(v, "shape", v) for k, v in feed.items()}):
                self.assertSameOutcome(self.outcome(onnxruntime, self.theirs.run, names, feed),
                                       self.outcome(tinymlp, self.ours.run, names, feed), words)
        for names, feed, options in ((None, [good], None), (None, None, None), (None, {"features": good}, 7)):
            self.assertIsNotNone(self.outcome(onnxruntime, self.theirs.run, names, feed, options))
            with self.assertRaisesRegex(TypeError, "input_feed is a|run_options is a"):
                self.ours.run(names, feed, options)

    def test_both_refuse_the_same_models_and_options_by_the_same_names(self):
        cut = self.path.read_bytes()[:-9]
        for arguments, words in (((cut,), ["byte "]), (("/nowhere.onnx",), ["/nowhere.onnx"]), ((7,), ["int"]),
                                 ((str(self.path), 7), ["int", "SessionOptions"]), ((b"",), ["IR version"])):
            theirs, ours = (self.outcome(m, m.InferenceSession, *arguments) for m in (onnxruntime, tinymlp))
            if arguments == (b"",):  # a model is refused for one reason here, as InvalidProtobuf
                theirs = {"InvalidProtobuf"}, theirs[1]
            self.assertSameOutcome(theirs, ours, words)
        for kind in ("SessionOptions", "RunOptions"):
            for name, value, words in (("intra_op_num_thread", 1, ["has no intra_op_num_thread"]), ("logid", 3, ["logid", "3", "str"]),
                                       ("log_severity_level", "x", ["'x'", "int"]), ("log_severity_level", 2.5, ["2.5", "int"])):
                theirs, ours = (self.outcome(m, setattr, getattr(m, kind)(), name, value) for m in (onnxruntime, tinymlp))
                self.assertSameOutcome(theirs, ours, words)
        for module in (onnxruntime, tinymlp):
            with self.assertRaisesRegex(RuntimeError, "does not have configuration with key: b"):
                module.SessionOptions().get_session_config_entry("b")

    def test_lists_are_converted(self):
        for rows in ([[1.0] * 6, [0.5] * 6], [[1] * 6], [real_rows()[0], real_rows()[1]], [[None] * 6]):
            ours, theirs = (s.run(None, {"features": rows})[0] for s in (self.ours, self.theirs))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)

    def test_options_begin_as_onnxruntimes_and_keep_what_they_are_told(self):
        for kind in ("SessionOptions", "RunOptions"):
            ours, theirs = (getattr(m, kind)() for m in (tinymlp, onnxruntime))
            names = [n for n in dir(theirs) if not n.startswith("_") and not callable(getattr(theirs, n))]
            self.assertGreater(len(names), 4)
            for name in names:
                for _ in range(2):
                    self.assertEqual(str(getattr(ours, name)), str(getattr(theirs, name)), name)
                    value = getattr(theirs, name)
                    if isinstance(value, (bool, int, str)):
                        value = {bool: not value, int: 3, str: "x"}[type(value)]
                        setattr(ours, name, value)
                        setattr(theirs, name, value)
        for name in ("GraphOptimizationLevel", "ExecutionMode", "ExecutionOrder"):
            ours, theirs = (getattr(m, name).__members__ for m in (tinymlp, onnxruntime))
            self.assertEqual([(n, repr(v), str(v), int(v)) for n, v in ours.items()],
                             [(n, repr(v), str(v), int(v)) for n, v in theirs.items()])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.assertIs(tinymlp.InferenceSession(self.path, options).get_session_options(), options)

    def test_a_dimension_that_is_overridden_is_held_to(self):
        shapes = []
        for module in (onnxruntime, tinymlp):
            options = module.SessionOptions()
            options.add_free_dimension_override_by_name("N", 3)
            options.add_session_config_entry("a", "b")
            self.assertEqual(options.get_session_config_entry("a"), "b")
            session = module.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
            shapes.append((session.get_inputs()[0].shape, session.run(["vmaf"], {"features": real_rows()[:3]})[0].shape))
            with self.assertRaises(module.capi.onnxruntime_pybind11_state.InvalidArgument):
                session.run(["vmaf"], {"features": real_rows()[:5]})
        self.assertEqual(*shapes)

    def test_lesser_names(self):
        for call in ("get_providers", "get_provider_options", "get_overridable_initializers", "get_profiling_start_time_ns",
                     "end_profiling", "disable_fallback", "enable_fallback"):
            self.assertEqual(getattr(self.ours, call)(), getattr(self.theirs, call)(), call)
        for arguments in ((), (["CPUExecutionProvider"],), (["CPUExecutionProvider"], [{}])):
            self.assertEqual(self.ours.set_providers(*arguments), self.theirs.set_providers(*arguments))
        ours, theirs = self.ours.get_inputs()[0], self.theirs.get_inputs()[0]
        self.assertEqual((str(ours), repr(ours)), (str(theirs), str(theirs)))
        self.assertEqual(len({ours, self.ours.get_inputs()[0]}), 1)
        self.assertEqual(tinymlp.set_default_logger_severity(3), onnxruntime.set_default_logger_severity(3))
        self.assertEqual(tinymlp.get_device(), onnxruntime.get_device())

    def test_run_options(self):
        feed = {"features": real_rows()[:3]}
        for module, session in ((onnxruntime, self.theirs), (tinymlp, self.ours)):
            options = module.RunOptions()
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
            self.assertEqual(session.run(None, feed, run_options=options)[0].shape, (3,))
            options.terminate = True
            with self.assertRaisesRegex(module.capi.onnxruntime_pybind11_state.Fail, "terminate"):
                session.run(None, feed, options)

    def test_what_has_no_effect_and_would_be_missed_is_warned_of(self):
        with self.assertWarnsRegex(UserWarning, "CUDAExecutionProvider is not here"):
            session = tinymlp.InferenceSession(self.path, providers=["CUDAExecutionProvider"])  # onnxruntime takes the CPU too
        self.assertEqual(session.get_providers(), ["CPUExecutionProvider"])
        for name, value in (("enable_profiling", True), ("optimized_model_filepath", "made.onnx")):
            options = tinymlp.SessionOptions()
            setattr(options, name, value)
            with self.assertWarnsRegex(UserWarning, name):
                tinymlp.InferenceSession(self.path, options)
        for bad in ("CPUExecutionProvider", {"CPUExecutionProvider"}, [3]):
            with self.assertRaisesRegex(ValueError, "provider"):
                tinymlp.InferenceSession(self.path, providers=bad)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tinymlp.InferenceSession(self.path, providers=[("CPUExecutionProvider", {"arena": "1"})])

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
