import unittest

import support  # noqa: F401
from tinymlp_train import metrics

import numpy as np


class Metrics(unittest.TestCase):
    def test_plcc_is_numpys_correlation(self):
        rng = np.random.default_rng(1)
        for count in (2, 3, 1000):
            a, b = rng.normal(size=(2, count))
            self.assertAlmostEqual(metrics.plcc(a, b), np.corrcoef(a, b)[0, 1], places=12)

    def test_plcc_of_a_constant_is_nan(self):
        self.assertTrue(np.isnan(metrics.plcc([1, 1, 1], [1, 2, 3])))

    def test_plcc_keeps_precision_on_float32_far_from_zero(self):
        a = (1e4 + np.linspace(0, 1, 4001)).astype(np.float32)
        b = np.asarray(a, np.float64) * 2 - 7
        self.assertAlmostEqual(metrics.plcc(a, b), 1.0, places=12)

    def test_srocc_of_a_textbook_example(self):
        # IQ against hours of television a week: rho = -29/165.
        iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
        hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
        for ranks in (metrics.average_ranks, metrics.position_ranks):
            self.assertAlmostEqual(metrics.srocc(iq, hours, ranks), -29 / 165, places=12)

    def test_ranks_of_ties(self):
        values = [10.0, 30.0, 20.0, 30.0, 30.0, 20.0]
        np.testing.assert_array_equal(metrics.average_ranks(values), [1, 5, 2.5, 5, 5, 2.5])
        np.testing.assert_array_equal(metrics.position_ranks(values), [1, 4, 2, 5, 6, 3])

    def test_average_ranks_do_not_depend_on_row_order(self):
        rng = np.random.default_rng(2)
        a = rng.integers(0, 5, 200).astype(float)
        b = a + rng.integers(0, 3, 200)
        order = rng.permutation(200)
        self.assertAlmostEqual(metrics.srocc(a, b), metrics.srocc(a[order], b[order]), places=12)
        position = [metrics.srocc(x, y, metrics.position_ranks)
                    for x, y in ((a, b), (a[order], b[order]))]
        self.assertGreater(abs(position[0] - position[1]), 1e-6)

    def test_summary(self):
        s = metrics.summary([110.0, 50.0, -10.0], np.array([100.0, 53.0, 0.0]))
        self.assertEqual(s["rows"], 3)
        self.assertAlmostEqual(s["raw"]["rmse"], np.sqrt((100 + 9 + 100) / 3))
        self.assertAlmostEqual(s["clipped"]["rmse"], np.sqrt(3))
        self.assertEqual(s["clipped"]["max_abs"], 3.0)


if __name__ == "__main__":
    unittest.main()
