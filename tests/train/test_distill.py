"""Training on the teacher: the region, its samplers, the search for the worst rows, int8's scales."""
import contextlib
import dataclasses
import io
import json
import pathlib
import subprocess
import tempfile
import unittest
import unittest.mock

import support
from tinymlp_train import (checkpoint, corpus, distill, equalise, metrics, networks, region, rounding,
                           search, shipping, soap, teacher)

import numpy as np
import torch

SHAPE = networks.SHAPES["mlp_small"]
SHORT = distill.shortened(distill.SHIPPED["mlp_small"], epochs=1, pool=50_000)


def setUpModule():
    subprocess.run([support.TOOLS / "fetch_teacher"], check=True, capture_output=True)


def start(chosen=SHORT, seed=0):
    return distill.Trainer(chosen, SHAPE, teacher.load(), region.load(), support.shipped_corpus().x,
                           seed)


def trained(chosen=SHORT, seed=0):
    trainer = start(chosen, seed)
    while trainer.epoch < chosen.epochs:
        trainer.run_epoch()
    return trainer


class Region(unittest.TestCase):
    def test_every_measured_row_is_inside(self):
        self.assertTrue(region.load().inside(support.shipped_corpus().x).all())

    def test_what_a_player_may_meet_is_inside(self):
        rows = np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 255], [1, 1, 1, 1, 1, 0],
                         [0.386235, 0.007962, 0.022996, 0.033048, 0.044048, 38.246117]])
        self.assertTrue(region.load().inside(rows).all())

    def test_what_no_video_gives_is_outside(self):
        good = [0.9, 0.5, 0.8, 0.9, 0.95, 5]
        self.assertTrue(region.load().inside(np.array([good])).all())
        for column, value in ((0, -0.01), (0, 1.5), (1, 0.96), (2, 0.3), (3, 0.4), (4, 0.5), (5, -1),
                              (5, 256), (0, np.nan)):
            row = np.array([good])
            row[0, column] = value
            self.assertFalse(region.load().inside(row)[0], (column, value))

    @unittest.skipUnless(support.SHARED.exists(), "no reference material beside the project")
    def test_public_logs_are_inside(self):
        import csv
        import lzma
        with lzma.open(support.SHARED / "data/public_4k_frames.csv.xz", "rt", newline="") as text:
            x = [[float(r[name]) for name in corpus.FEATURES] for r in csv.DictReader(text)]
        self.assertTrue(region.load().inside(np.array(x)).all())

    def test_measured_extremes_are_inside_but_for_noise_without_contrast(self):
        rows = corpus.load(corpus.EXTREMES)
        left = ~region.load().inside(rows.x)
        self.assertLess(left.mean(), 0.01)
        self.assertEqual(set(rows.source[left]), {"ex_noise"})
        self.assertEqual(set(corpus.variants(corpus.EXTREMES)[left]), {"contrast:0.1"})
        # cuts between black and white are inside
        self.assertGreater(rows.x[:, 5].max(), 200)

    def test_samplers_stay_inside_and_reach_the_borders(self):
        space, rows = region.load(), support.shipped_corpus().x
        for sampler in region.SAMPLERS:
            x = region.draw(space, sampler, np.random.default_rng(0), 50_000, rows)
            self.assertEqual(x.shape, (50_000, 6))
            self.assertTrue(space.inside(x).all(), sampler)
        width = space.slack(x).max(axis=0)
        self.assertTrue((space.slack(x).min(axis=0) < 0.05 * width).all())

    def test_borders_are_faces_edges_and_corners(self):
        space = region.load()
        x = region.draw(space, "borders", np.random.default_rng(0), 3000, None)
        touched = np.bincount((space.slack(x) < 1e-6).sum(axis=1), minlength=4)
        self.assertEqual(touched[0], 0)
        self.assertTrue((touched[1:4] > 500).all(), touched)

    def test_other_files_are_refused(self):
        good = json.loads(region.SHIPPED.read_text("utf-8"))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "region.json"
            for bad in ({}, {**good, "features": good["features"][::-1]},
                        {**good, "rules": [{**good["rules"][0], "weights": [1]}]}):
                path.write_text(json.dumps(bad))
                with self.assertRaisesRegex(ValueError, "region.json: not a region"):
                    region.load(path)


class Loss(unittest.TestCase):
    def test_only_what_clipping_leaves_visible(self):
        score = torch.tensor([-5.0, 3.0, 105.0, 97.0, 50.0, -5.0, 105.0])
        target = torch.tensor([-20.0, -20.0, 120.0, 120.0, 40.0, 10.0, 90.0])
        seen, raw = distill.visible_error(score, target)
        np.testing.assert_array_equal(seen, [0, 3, 0, -3, 10, -15, 15])
        np.testing.assert_array_equal(raw, [15, 23, -15, -23, 0, 0, 0])

    def test_gradients_are_those_of_autograd(self):
        net = distill.Dense(networks.SHAPES["mlp_large"], 0)
        x = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))
        matrices = [m.clone().requires_grad_() for m in net.matrices]
        value = x
        for i, m in enumerate(matrices):
            value = value @ m[:, :-1].t() + m[:, -1]
            value = torch.relu(value) if i + 1 < len(matrices) else value
        (value[:, 0] ** 2 / 2).sum().backward()
        net.backward(net.forward(x))
        for m, gradient in zip(matrices, net.gradients):
            torch.testing.assert_close(gradient, m.grad)


class Soap(unittest.TestCase):
    def test_it_finds_the_minimum_of_a_badly_scaled_quadratic(self):
        generator = torch.Generator().manual_seed(0)
        left = torch.randn(4, 4, generator=generator) * torch.tensor([100.0, 10.0, 1.0, 0.1])
        target = torch.randn(4, 3, generator=generator)
        matrix, optimiser = torch.zeros(4, 3), soap.Soap([(4, 3)])
        for step in range(3000):
            gradient = left.t() @ (left @ (matrix - target))
            optimiser.step([matrix], [gradient], 0.05 * (1 - step / 3000))
        torch.testing.assert_close(matrix, target, atol=0.02, rtol=0)


class Training(unittest.TestCase):
    def test_a_minute_is_enough_to_follow_the_teacher(self):
        fitted, rows = trained(distill.shortened(SHORT, epochs=2)).fitted()[0], support.every(10)
        self.assertLess(metrics.summary(networks.predict(fitted, rows.x), rows.y)["clipped"]["rmse"], 1)

    def test_the_teacher_decides_and_no_logged_score(self):
        other = distill.Trainer(SHORT, SHAPE, teacher.load("vmaf_4k_v0.6.1"), region.load(),
                                support.shipped_corpus().x, 0)
        while other.epoch < 1:
            other.run_epoch()
        x = support.every(10).x
        ours, theirs = (networks.predict(t.fitted()[0], x) for t in (trained(), other))
        error = metrics.clip(theirs) - teacher.load("vmaf_4k_v0.6.1").score(x)
        self.assertLess(np.sqrt(np.mean(error ** 2)), 2)
        self.assertGreater(np.abs(ours - theirs).max(), 5)

    def test_dead_units_start_anew_and_the_function_stays(self):
        trainer, x = start(), support.every(50).x
        for layer, unit in ((0, 3), (1, 5)):
            trainer.net.matrices[layer][unit, -1] = -1e3
        before = networks.predict(trainer.fitted()[0], x)
        alive = [m[0, -1].clone() for m in trainer.net.matrices[:2]]
        trainer.revive()
        after = trainer.fitted()[0]
        np.testing.assert_allclose(networks.predict(after, x), before, atol=1e-4)
        trainer.net.forward(trainer.x)
        for (layer, unit), kept in zip(((0, 3), (1, 5)), alive):
            reached = float((trainer.net.inputs[layer + 1][:, unit] > 0).float().mean())
            self.assertAlmostEqual(reached, 0.5, delta=0.2)  # layer 0's new unit moves layer 1's inputs
            self.assertEqual(trainer.net.matrices[layer][0, -1], kept)

    def test_a_stopped_run_ends_with_the_same_bits(self):
        chosen = dataclasses.replace(distill.shortened(SHORT, epochs=3), hard_rounds=3, hard_rows=1000)
        whole = trained(chosen)
        self.assertEqual(len(whole.hard), 2)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "run.checkpoint"
            stopped = start(chosen)
            stopped.run_epoch()
            stopped.run_epoch()
            checkpoint.save(path, stopped, checkpoint.fingerprint(start(chosen), [0]))
            resumed = start(chosen)
            with contextlib.redirect_stderr(io.StringIO()) as told:
                checkpoint.run(resumed, [0], path)
            self.assertIn("continuing after epoch 2", told.getvalue())
        for a, b in zip(whole.net.matrices, resumed.net.matrices):
            self.assertTrue(torch.equal(a, b))

    def test_a_run_stopped_after_its_epochs_keeps_them(self):
        chosen = dataclasses.replace(distill.shortened(SHORT, epochs=1), settle=20, batch=256)
        rows = support.shipped_corpus().x
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as told:
            whole = shipping.fit("mlp_medium", chosen, rows, 0)
            path = pathlib.Path(folder) / "run.checkpoint"
            with unittest.mock.patch.object(rounding, "settle", side_effect=KeyboardInterrupt):
                with self.assertRaises(KeyboardInterrupt):
                    shipping.fit("mlp_medium", chosen, rows, 0, path)
            self.assertTrue(path.exists())
            resumed = shipping.fit("mlp_medium", chosen, rows, 0, path)
            self.assertIn("continuing after epoch 1", told.getvalue())
            self.assertFalse(path.exists())
        for a, b in zip(whole.weights + whole.biases, resumed.weights + resumed.biases):
            np.testing.assert_array_equal(a, b)


class Search(unittest.TestCase):
    def test_it_finds_an_error_that_a_sample_misses(self):
        truth, space = teacher.load(), region.load()
        centre = np.array([0.83, 0.4, 0.62, 0.71, 0.78, 20.0])

        def predict(x):  # right but around one point
            near = np.exp(-(((x - centre) / (0.1, 0.1, 0.1, 0.1, 0.1, 10)) ** 2).sum(axis=1) * 3)
            return truth.raw(x) + 10 * near
        rows = support.shipped_corpus().x
        x, error, figures = search.worst(predict, truth, space, rows, np.random.default_rng(0), 20_000)
        self.assertTrue(space.inside(x).all())
        self.assertTrue((np.diff(error) <= 0).all())
        self.assertLess(figures["max"], error[0])
        self.assertGreater(error[0], 9.9)


class Equalise(unittest.TestCase):
    def test_the_function_stays_and_int8_gains(self):
        fitted, x = trained().fitted()[0], support.every(20).x
        found, rmse = equalise.equalise(fitted, x, per_channel=False, sweeps=1)
        np.testing.assert_allclose(networks.predict(found, x), networks.predict(fitted, x), atol=1e-3)

        def lost(network):
            moved = equalise.rounded_scores(network, x, False) - networks.predict(network, x)
            return np.sqrt(np.mean(moved ** 2))
        self.assertLess(rmse, 0.7 * lost(fitted))

    def test_rounded_scores_are_those_of_the_quantiser(self):
        from tinymlp_train import inference, onnx_file, quantized
        fitted, x = trained().fitted()[0], support.every(200).x
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "net.onnx"
            path.write_bytes(onnx_file.serialize(onnx_file.build(fitted, SHAPE)))
            scores = quantized.quantize(path).scores(x)
        # Where a value lies between two steps, float32 and float64 may round it differently.
        self.assertLess(np.quantile(np.abs(equalise.rounded_scores(fitted, x, False) - scores), 0.9), 0.01)


class Settle(unittest.TestCase):
    def test_rounding_is_that_of_the_quantiser_and_its_gradient_that_of_none(self):
        fitted, x = trained().fitted()[0], support.every(100).x
        matrices = [torch.from_numpy(np.column_stack([w, b]))
                    for w, b in zip(fitted.weights, fitted.biases)]
        rows = torch.from_numpy(((x - fitted.mean) / fitted.std).astype(np.float32))
        scores, _ = rounding.forward(matrices, rows, True)
        expected = equalise.rounded_scores(fitted, x, False) * distill.SCALE + distill.OFFSET
        # Where a value lies between two steps, two orders of summing may round it differently.
        self.assertLess(np.quantile(np.abs(scores.numpy() - expected), 0.9), 0.01 * distill.SCALE)
        net = distill.Dense(SHAPE, 0)
        net.matrices, gradients = matrices, [torch.zeros_like(m) for m in matrices]
        scores, used = rounding.forward(matrices, rows, False)
        np.testing.assert_allclose(scores, net.forward(rows) * distill.SCALE + distill.OFFSET)
        rounding.backward(scores, used, gradients)
        net.backward(scores)
        for ours, theirs in zip(gradients, net.gradients):
            torch.testing.assert_close(ours, theirs)

    def test_int8_comes_nearer_to_the_teacher(self):
        trainer, rows = trained(), support.every(20)
        trainer.recipe = dataclasses.replace(trainer.recipe, settle=500)
        before = equalise.equalise(trainer.fitted()[0], rows.x, False, sweeps=1)[0]
        after = equalise.equalise(rounding.settle(before, trainer), rows.x, False, sweeps=1)[0]

        def error(network):
            scores = equalise.rounded_scores(network, rows.x, False)
            return metrics.rmse(metrics.clip(scores), rows.y)
        self.assertLess(error(after), 0.9 * error(before))


if __name__ == "__main__":
    unittest.main()
