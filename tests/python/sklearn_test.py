"""Fitted scikit-learn models and torch modules on the engine."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import tinymlp
import tinymlp.sklearn
from shared import same_bits

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(400, 5)) * (1, 10, 0.1, 1, 3) + (0, 5, 0, -2, 0)
Y = X[:, 0] * 2 + np.sin(X[:, 1]) - X[:, 2] * X[:, 3]


def fitted(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


class Models(unittest.TestCase):
    def test_regressors_follow_scikit_learn(self):
        for activation in ("relu", "tanh", "logistic", "identity"):
            for scaler in (StandardScaler(), MinMaxScaler(), None):
                with self.subTest(activation=activation, scaler=scaler):
                    last = MLPRegressor(hidden_layer_sizes=(12, 7), activation=activation, max_iter=30, random_state=1)
                    model = fitted(make_pipeline(scaler, last) if scaler else last, Y)
                    fast = tinymlp.sklearn.wrap(model)
                    wanted = model.predict(X)
                    self.assertEqual(fast.predict(X).shape, wanted.shape)
                    np.testing.assert_allclose(fast.predict(X), wanted, rtol=0, atol=1e-5 * abs(wanted).max() + 1e-5)

    def test_several_targets(self):
        model = fitted(make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=1)),
                       np.stack([Y, -Y, Y * 2], axis=1))
        fast = tinymlp.sklearn.wrap(model)
        self.assertEqual(fast.predict(X).shape, (400, 3))
        np.testing.assert_allclose(fast.predict(X), model.predict(X), rtol=0, atol=1e-3)

    def test_classifiers(self):
        for labels in (Y > 0, np.array(["low", "mid", "high"])[np.digitize(Y, (-1, 1))], np.digitize(Y, (-1, 1)) * 10):
            with self.subTest(labels=np.unique(labels)):
                model = fitted(make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(9,), max_iter=40, random_state=2)), labels)
                fast = tinymlp.sklearn.wrap(model)
                wanted = model.predict_proba(X)
                np.testing.assert_allclose(fast.predict_proba(X), wanted, rtol=0, atol=1e-5)
                sure = np.sort(wanted, axis=1)[:, -1] - np.sort(wanted, axis=1)[:, -2] > 1e-4
                self.assertTrue((fast.predict(X)[sure] == model.predict(X)[sure]).all())
                self.assertEqual(list(fast.classes_), list(model.classes_))

    def test_the_file_gives_the_same_bits(self):
        fast = tinymlp.sklearn.wrap(fitted(MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=1), Y))
        rows = X.astype(np.float32)
        self.assertTrue(same_bits(fast.predict(X), tinymlp.load(fast.onnx)(rows).reshape(-1)))

    def test_refusals(self):
        with self.assertRaisesRegex(TypeError, "LinearRegression"):
            tinymlp.sklearn.wrap(fitted(LinearRegression(), Y))
        with self.assertRaisesRegex(ValueError, "not fitted"):
            tinymlp.sklearn.wrap(MLPRegressor())
        fast = tinymlp.sklearn.wrap(fitted(MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=1), Y))
        with self.assertRaisesRegex(ValueError, r"\[N, 5\]"):
            fast.predict(X[:, :4])
        with self.assertRaises(ValueError):
            fast.predict([["a"] * 5])
        with self.assertRaisesRegex(AttributeError, "regressor"):
            fast.predict_proba(X)
        classifier = tinymlp.sklearn.wrap(fitted(MLPClassifier(hidden_layer_sizes=(4,), max_iter=20, random_state=1), Y > 0))
        with self.assertRaisesRegex(ValueError, "NaN"):
            classifier.predict(np.full((1, 5), np.nan))

    def test_columns_of_a_frame_must_be_those_it_was_fitted_with(self):
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not installed")
        frame = pandas.DataFrame(X, columns=list("abcde"))
        model = MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(frame, Y)
        fast = tinymlp.sklearn.wrap(model)
        self.assertTrue(same_bits(fast.predict(frame), fast.predict(X)))
        with self.assertRaisesRegex(ValueError, "fitted with a, b, c, d, e"):
            fast.predict(frame[list("abced")])


TORCH = """
import warnings
warnings.simplefilter("ignore")
import numpy as np, torch, tinymlp.sklearn
torch.manual_seed(1)
nn = torch.nn
rows = np.random.default_rng(1).random((50, 5), dtype=np.float32)
for module in (nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 3), nn.Softmax(dim=1)),
               nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 1), nn.Flatten(0))):
    module.train()
    net = tinymlp.sklearn.from_torch(module, features=5)
    assert module.training
    module.eval()
    with torch.no_grad():
        wanted = np.array(module(torch.tensor(rows.tolist())).tolist())
    got = net(rows)
    assert got.shape == wanted.shape and abs(got - wanted).max() < 2e-6, abs(got - wanted).max()
print("as torch has it")
"""


class Torch(unittest.TestCase):
    def test_a_sequential_through_its_export(self):
        """With the distribution's torch and NumPy, which may be older than those of this environment."""
        wants = f"import sys, torch; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"  # as the backend is
        pythons = [p for p in ("/usr/bin/python3", sys.executable)
                   if subprocess.run([p, "-c", wants], capture_output=True).returncode == 0]
        if not pythons:
            self.skipTest("torch is not installed for this version of Python")
        installed = pathlib.Path(tinymlp.__file__).parents[1]
        with tempfile.TemporaryDirectory() as folder:
            for package in ("tinymlp", "nanobind_backend"):
                pathlib.Path(folder, package).symlink_to(installed / package)
            done = subprocess.run([pythons[0], "-c", TORCH], capture_output=True, text=True,
                                  env={**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual((done.returncode, done.stdout), (0, "as torch has it\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
