"""Networks and arrays: values, shapes, what is refused, threads, forks and the end of the interpreter."""
import concurrent.futures
import gc
import multiprocessing
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy as np

import tinymlp
from shared import MODELS, ROOT, cpp_scores, many_rows, real_rows, same_bits


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


class Values(unittest.TestCase):
    def test_every_shipped_file_gives_the_bits_of_the_cpp_call(self):
        self.assertEqual(len(MODELS), 12)
        for path in MODELS:
            with self.subTest(path.name), tempfile.TemporaryDirectory() as folder:
                net = tinymlp.load(path)
                self.assertTrue(same_bits(net(real_rows()), cpp_scores(path.read_bytes(), real_rows(), folder)))

    def test_names_are_those_files(self):
        for path in MODELS:
            name = path.name.removesuffix(".onnx")
            with self.subTest(name):
                net = tinymlp.load(name)
                self.assertEqual(net.model, path.read_bytes())
                self.assertEqual(net.precision, "int8" if name.endswith(".int8") else "fp32")

    def test_one_row_has_the_bits_of_its_batch(self):
        for name in ("mlp_medium", "mlp_large.int8"):
            net = tinymlp.load(name)
            batch = net(real_rows()[:300])
            for i in range(300):
                one = net(real_rows()[i])
                self.assertIsInstance(one, np.float32)
                self.assertEqual(one.tobytes(), batch[i].tobytes())

    def test_threads_give_the_same_bits(self):
        net = tinymlp.load("mlp_small")
        rows = many_rows(250_001)
        once = net(rows)
        for threads in (2, 3, 8):
            self.assertTrue(same_bits(net(rows, threads=threads), once))

    def test_nan_and_infinity_are_nan_in_their_row_only(self):
        rows = real_rows()[:20].copy()
        rows[3, 2], rows[7, 0], rows[11, 5] = np.nan, np.inf, -np.inf
        for name in ("mlp_small", "mlp_small.int8"):
            bad = np.isnan(tinymlp.load(name)(rows))
            self.assertEqual(list(np.flatnonzero(bad)), [3, 7, 11])

    def test_what_a_network_says_of_itself(self):
        net = tinymlp.load("mlp_large")
        self.assertEqual((net.inputs, net.outputs, net.shape), (6, 1, (6, 64, 32, 16, 1)))
        self.assertEqual(net.activations, ("relu", "relu", "relu", "identity"))
        self.assertEqual(net.parameters, 3073)
        self.assertEqual((net.input_names, net.output_name), (("features",), "vmaf"))
        self.assertEqual(net.feature_names, tinymlp.VMAF_FEATURES)
        self.assertIn(net.kernel, ("reference", "avx2", "avx512", "neon"))
        import hashlib
        self.assertEqual(net.sha256, hashlib.sha256((ROOT / "model/mlp_large.onnx").read_bytes()).hexdigest())

    def test_inspection_has_the_scaler_and_every_step(self):
        import json
        told = tinymlp.inspect(ROOT / "model/mlp_small.onnx")
        sidecar = json.loads((ROOT / "model/mlp_small.json").read_text())
        np.testing.assert_allclose(told.mean, sidecar["input_mean"], rtol=1e-6)
        np.testing.assert_allclose(told.std, sidecar["input_std"], rtol=1e-6)
        self.assertEqual(sum(s.parameters for s in told.steps), sidecar["n_params"])
        self.assertEqual([s.operator for s in told.steps], ["Sub", "Div", "Gemm", "Relu", "Gemm", "Relu", "Gemm"])
        self.assertIn("6-16-8-1", str(told))


class Arrays(unittest.TestCase):
    def setUp(self):
        self.net = tinymlp.load("mlp_small")
        self.rows = real_rows()[:1000].copy()
        self.scores = self.net(self.rows)

    def test_any_strides(self):
        wide = np.full((1000, 14), np.nan, np.float32)
        wide[:, 1:13:2] = self.rows
        unaligned = np.zeros(4 * self.rows.size + 1, np.uint8)[1:].view(np.float32).reshape(self.rows.shape)
        unaligned[...] = self.rows
        self.assertTrue(same_bits(self.net(wide[:, 1:13:2]), self.scores))
        self.assertTrue(same_bits(self.net(np.asfortranarray(self.rows)), self.scores))
        self.assertTrue(same_bits(self.net(self.rows[::-1]), self.scores[::-1]))
        self.assertTrue(same_bits(self.net(self.rows[::7]), self.scores[::7]))
        self.assertTrue(same_bits(self.net(self.rows[:, ::-1][:, ::-1]), self.scores))
        self.assertTrue(same_bits(self.net(unaligned), self.scores))
        self.assertTrue(same_bits(self.net(np.broadcast_to(self.rows[5], (300, 6))), np.repeat(self.scores[5], 300)))

    def test_read_only_and_subclasses(self):
        rows = self.rows.copy()
        rows.flags.writeable = False
        self.assertTrue(same_bits(self.net(rows), self.scores))
        with tempfile.TemporaryDirectory() as folder:
            np.save(pathlib.Path(folder, "rows.npy"), self.rows)
            mapped = np.load(pathlib.Path(folder, "rows.npy"), mmap_mode="r")
            self.assertTrue(same_bits(self.net(mapped), self.scores))
            del mapped

    def test_out_is_written_and_returned(self):
        out = np.empty(1000, np.float32)
        self.assertIs(self.net(self.rows, out=out), out)
        self.assertTrue(same_bits(out, self.scores))
        spread = np.zeros(3000, np.float32)
        self.net(self.rows, out=spread[::3])
        self.assertTrue(same_bits(spread[::3], self.scores))
        self.assertFalse(spread[1::3].any() or spread[2::3].any())
        one = np.empty((), np.float32)
        self.net(self.rows[0], out=one)
        self.assertEqual(one, self.scores[0])

    def test_out_may_share_memory_with_the_rows(self):
        table = np.zeros((1000, 7), np.float32)
        table[:, :6] = self.rows
        self.net(table[:, :6], out=table[:, 6])
        self.assertTrue(same_bits(table[:, 6], self.scores))
        self.assertTrue(same_bits(table[:, :6], self.rows))
        self.net(table[:, :6], out=table[:, 0])
        self.assertTrue(same_bits(table[:, 0], self.scores))

    def test_empty(self):
        self.assertEqual(self.net(np.empty((0, 6), np.float32)).shape, (0,))
        self.assertEqual(self.net(np.empty((0, 6), np.float32), threads=4).dtype, np.float32)

    def test_more_rows_than_memory_has_scores_for(self):
        for count in (1 << 45, 1 << 58):
            self.refuses(MemoryError, "", np.broadcast_to(self.rows[0], (count, 6)))

    def test_several_outputs_are_rows(self):
        from onnx_files import mlp
        net = tinymlp.load(mlp([5, 8, 3]))
        rows = np.ones((4, 5), np.float32)
        self.assertEqual(net(rows).shape, (4, 3))
        self.assertEqual(net(rows[0]).shape, (3,))
        self.assertTrue(same_bits(net(rows)[2], net(rows[0])))
        spread = np.zeros((3, 4), np.float32).T
        self.assertTrue(same_bits(net(rows, out=spread), net(rows)))

    def refuses(self, error, words, *args, **kwargs):
        with self.assertRaisesRegex(error, words):
            self.net(*args, **kwargs)

    def test_wrong_types(self):
        self.refuses(TypeError, "float64.*astype", self.rows.astype(np.float64))
        self.refuses(TypeError, "int64", self.rows.astype(np.int64))
        self.refuses(TypeError, "float16", self.rows.astype(np.float16))
        self.refuses(TypeError, ">f4", self.rows.astype(">f4"))
        self.refuses(TypeError, "'O'", self.rows.astype(object))
        self.refuses(TypeError, "complex", self.rows.astype(np.complex64))
        self.refuses(TypeError, r"list.*: numpy.asarray\(x, numpy.float32\)", [[0.0] * 6])
        self.refuses(TypeError, "NoneType", None)
        self.refuses(TypeError, r"^x is a masked array.*, x\.filled\(numpy.nan\)$", np.ma.masked_array(self.rows, mask=False))

    def test_wrong_shapes(self):
        for shape in ((1000, 5), (7,), (0,), (6, 1), (1, 2, 6), ()):
            self.refuses(ValueError, r"\[N, 6\]", np.zeros(shape, np.float32))

    def test_wrong_out(self):
        self.refuses(ValueError, r"\(999,\).*\(1000,\)", self.rows, out=np.empty(999, np.float32))
        self.refuses(ValueError, "shape", self.rows, out=np.empty((1000, 1), np.float32))
        self.refuses(TypeError, r"float64.*: numpy.empty\(shape, numpy.float32\)$", self.rows, out=np.empty(1000))
        self.refuses(TypeError, "list.*: numpy.empty", self.rows, out=[])
        fixed = np.empty(1000, np.float32)
        fixed.flags.writeable = False
        self.refuses(ValueError, "read-only", self.rows, out=fixed)

    def test_wrong_calls(self):
        self.refuses(TypeError, "positional")
        self.refuses(TypeError, "positional", self.rows, self.rows)
        self.refuses(TypeError, "thread'", self.rows, thread=2)
        table = dict(zip(tinymlp.VMAF_FEATURES, self.rows.T))
        for error, bad in ((ValueError, 0), (ValueError, -1), (ValueError, 1 << 70), (ValueError, -1 << 70), (ValueError, 100_000),
                           (TypeError, 1.5), (TypeError, "2"), (TypeError, None)):
            words = f"threads is {bad!r}; it is a number from 1 to 1024"
            self.refuses(error, words, self.rows, threads=bad)
            with self.assertRaisesRegex(error, words):
                self.net.score_columns(table, threads=bad)

    def test_an_object_that_was_not_made_by_load(self):
        made = tinymlp.Network.__new__(tinymlp.Network)
        with self.assertRaisesRegex(RuntimeError, "load"):
            made(self.rows)

    def test_references_are_given_back(self):
        before = sys.getrefcount(self.rows)
        out = np.empty(1000, np.float32)
        held = sys.getrefcount(out)
        for _ in range(100):
            self.net(self.rows)
            self.net(self.rows, out=out)
            for bad in (self.rows[:, :5], self.rows.astype(float)):
                with self.assertRaises((TypeError, ValueError)):
                    self.net(bad)
        gc.collect()
        self.assertEqual(sys.getrefcount(self.rows), before)
        self.assertEqual(sys.getrefcount(out), held)


class Refusals(unittest.TestCase):
    def test_a_cut_file(self):
        model = tinymlp.load("mlp_small").model
        with self.assertRaises(tinymlp.Error) as caught:
            tinymlp.load(model[:-7])
        self.assertEqual(caught.exception.code, "truncated")
        self.assertIsInstance(caught.exception.offset, int)

    def test_code_offset_node_and_operator(self):
        from onnx_files import mlp
        with self.assertRaises(tinymlp.Error) as caught:
            tinymlp.load(mlp([3, 4, 1], activation="Sin"))
        why = caught.exception
        self.assertEqual((why.code, why.operator), ("unsupported_operator", "Sin"))
        self.assertGreater(why.offset, 0)
        self.assertIn("Sin", str(why))
        self.assertEqual(pickle.loads(pickle.dumps(why)).code, why.code)

    def test_a_path_is_in_the_text(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "broken.onnx")
            path.write_bytes(b"\x08\x07")
            with self.assertRaisesRegex(tinymlp.Error, "broken.onnx: byte"):
                tinymlp.load(path)

    def test_files_that_are_not_there(self):
        with self.assertRaisesRegex(FileNotFoundError, "mlp_small"):
            tinymlp.load("mlp_smal")
        with self.assertRaises(FileNotFoundError):
            tinymlp.load("/nowhere/model.onnx")
        with self.assertRaises(IsADirectoryError):
            tinymlp.load(pathlib.Path("/tmp"))
        for bad in (None, 7, ["mlp_small"]):
            with self.assertRaises(TypeError):
                tinymlp.load(bad)

    def test_an_output_that_is_not_there(self):
        with self.assertRaises(tinymlp.Error) as caught:
            tinymlp.load("mlp_small", output="value")
        self.assertEqual(caught.exception.code, "unknown_output")
        self.assertRegex(str(caught.exception), r"value.*\(output=NAME\)$")  # not the program's option

    def test_arguments_of_other_types(self):
        model = tinymlp.load("mlp_small").model
        for words, call in (("output is 3; it is the name", lambda: tinymlp.load("mlp_small", output=3)),
                            ("external is a int; it holds the bytes", lambda: tinymlp.load(model, external=3)),
                            ("model is a str, not the bytes.*load", lambda: tinymlp.Network("mlp_small"))):
            with self.assertRaisesRegex(TypeError, words):
                call()

    def test_external_data_comes_from_the_models_folder_only(self):
        from onnx_files import mlp_with_external_data
        model, data = mlp_with_external_data("weights.bin")
        with tempfile.TemporaryDirectory() as folder:
            inside = pathlib.Path(folder, "inside")
            inside.mkdir()
            path = inside / "model.onnx"
            path.write_bytes(model)
            with self.assertRaisesRegex(ValueError, "weights.bin"):
                tinymlp.load(path)
            (inside / "weights.bin").write_bytes(data)
            net = tinymlp.load(path)
            row = np.ones(6, np.float32)
            self.assertEqual(net(row), tinymlp.load(model, external={"weights.bin": data})(row))
            self.assertEqual(pickle.loads(pickle.dumps(net))(row), net(row))
            (inside / "weights.bin").rename(pathlib.Path(folder, "weights.bin"))
            (inside / "weights.bin").symlink_to(pathlib.Path(folder, "weights.bin"))
            with self.assertRaisesRegex(ValueError, "weights.bin"):
                tinymlp.load(path)
            path.write_bytes(mlp_with_external_data("../weights.bin")[0])
            with self.assertRaisesRegex(ValueError, r"\.\."):
                tinymlp.load(path)
        with self.assertRaises(tinymlp.Error) as caught:
            tinymlp.load(model)
        self.assertEqual(caught.exception.code, "external_data_missing")
        with self.assertRaises(TypeError):
            tinymlp.load(model, external={"weights.bin": "text"})


class Processes(unittest.TestCase):
    def test_many_python_threads_share_a_network(self):
        net = tinymlp.load("mlp_medium")
        rows = many_rows(20_000)
        wanted = net(rows)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for got in pool.map(lambda _: net(rows), range(64)):
                self.assertTrue(same_bits(got, wanted))

    def test_the_gil_is_free_meanwhile(self):
        net = tinymlp.load("mlp_large")
        rows = many_rows(400_000)
        steps, done = [], threading.Event()

        def count():
            while not done.is_set():
                steps.append(None)
                done.wait(0.0005)

        thread = threading.Thread(target=count)
        thread.start()
        before = len(steps)
        net(rows)
        during = len(steps) - before
        done.set()
        thread.join()
        self.assertGreater(during, 3)

    def test_after_a_fork(self):
        net = tinymlp.load("mlp_small")
        rows = many_rows(150_000)
        wanted = net(rows, threads=2)
        context = multiprocessing.get_context("fork")
        receive, send = context.Pipe(False)
        child = context.Process(target=lambda: send.send_bytes(net(rows, threads=2).tobytes()))
        child.start()
        send.close()
        self.assertEqual(receive.recv_bytes(), wanted.tobytes())
        child.join(20)
        self.assertEqual(child.exitcode, 0)
        receive.close()

    def test_networks_go_to_other_processes(self):
        net = tinymlp.load("mlp_small.int8")
        with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            got = pool.submit(net, real_rows()[:100]).result(60)
        self.assertTrue(same_bits(got, net(real_rows()[:100])))

    def test_the_interpreter_ends_while_threads_score(self):
        done = run_python("import tinymlp, numpy as np, threading, time\n"
                          "net = tinymlp.load('mlp_large'); rows = np.ones((200000, 6), np.float32)\n"
                          "def work():\n    while True: net(rows)\n"
                          "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
                          "time.sleep(0.3); print('end')")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "end\n", ""))

    def test_and_while_they_score_columns(self):
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            self.skipTest("pyarrow is not installed")
        done = run_python("import tinymlp, numpy as np, pyarrow as pa, threading, time\n"
                          "net = tinymlp.load('mlp_large')\n"
                          "table = pa.table({n: np.ones(200000, np.float32) for n in net.feature_names})\n"
                          "def work():\n    while True: net.score_columns(table)\n"
                          "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
                          "time.sleep(0.3); print('end')")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "end\n", ""))

    def test_networks_that_outlive_their_module(self):
        done = run_python("import tinymlp, sys, builtins\n"
                          "builtins.kept = tinymlp.load('mlp_small')\n"
                          "class Late:\n    def __del__(self): print(builtins_kept(row))\n"
                          "import numpy as np\nrow = np.ones(6, np.float32); builtins_kept = builtins.kept\n"
                          "late = Late()")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, "")

    def test_two_versions_of_a_model_side_by_side(self):
        one, two = tinymlp.load("mlp_small"), tinymlp.load("mlp_small_4k")
        self.assertNotEqual(one.sha256, two.sha256)
        first, second = one(real_rows()), two(real_rows())
        self.assertTrue(same_bits(one(real_rows()), first) and same_bits(two(real_rows()), second))
        self.assertFalse(same_bits(first, second))


if __name__ == "__main__":
    unittest.main()
