import contextlib
import dataclasses
import io
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest

import support
from tinymlp_train import checkpoint, networks, recipe

import numpy as np
import torch

SHAPE = networks.SHAPES["mlp_small"]


def train(chosen, rows, lists, seeds, shape=SHAPE):
    trainer = recipe.Trainer(chosen, shape, rows.x, rows.y, lists, seeds)
    while trainer.epoch < chosen.epochs:
        trainer.run_epoch()
    return trainer.fitted()


def plain_training(chosen, rows, seed, shape):
    """The reference recipe as PyTorch's own modules and optimiser do it, one network alone."""
    mean, std = rows.x.mean(axis=0), rows.x.std(axis=0)
    x = torch.from_numpy(((rows.x.astype(np.float32) - mean.astype(np.float32))
                          / std.astype(np.float32)))
    y = torch.from_numpy(rows.y.astype(np.float32))
    torch.manual_seed(seed)
    modules = []
    for inputs, outputs in zip(shape, shape[1:]):
        modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    adam = torch.optim.Adam(network.parameters(), lr=chosen.lr)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(chosen.epochs):
        order = torch.randperm(len(y), generator=generator)
        for index in order.split(chosen.batch):
            loss = torch.nn.functional.mse_loss(network(x[index]).squeeze(1), y[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    return network(x).detach().squeeze(1).numpy()


class Recipe(unittest.TestCase):
    def test_base_matches_plain_pytorch(self):
        rows = support.every(20)  # 2,020 rows: the last batch of an epoch is a partial one
        chosen = recipe.with_epochs(recipe.BASE, 5)
        for shape in networks.SHAPES.values():
            ours = train(chosen, rows, [range(len(rows))], [3], shape)[0]
            expected = plain_training(chosen, rows, 3, shape)
            np.testing.assert_allclose(networks.predict(ours, rows.x), expected, atol=2e-3)

    def test_a_stack_matches_single_networks(self):
        rows = support.every(20)
        chosen = recipe.with_epochs(recipe.CORPUS, 2)
        lists = [np.arange(len(rows) - 100) + k for k in (0, 50, 100)]
        stacked = train(chosen, rows, lists, [0, 1, 2])
        for k, together in enumerate(stacked):
            alone = train(chosen, rows, [lists[k]], [k])[0]
            np.testing.assert_array_equal(together.mean, alone.mean)
            np.testing.assert_allclose(networks.predict(together, rows.x),
                                       networks.predict(alone, rows.x), atol=0.02)

    def test_rows_left_out_have_no_influence(self):
        rows = support.every(20)
        kept = np.arange(0, len(rows), 2)
        other = dataclasses.replace(rows, x=rows.x.copy(), y=rows.y.copy())
        other.x[1::2], other.y[1::2] = 5.0, 1.0
        chosen = recipe.with_epochs(recipe.CORPUS, 1)
        a, b = (train(chosen, r, [kept], [0])[0] for r in (rows, other))
        np.testing.assert_array_equal(networks.predict(a, rows.x), networks.predict(b, rows.x))

    def test_scaler(self):
        x = np.array([[1.0, 5.0], [3.0, 5.0]])
        mean, std = recipe.fit_scaler(x)
        np.testing.assert_array_equal(mean, [2, 5])
        np.testing.assert_array_equal(std, [1, 1])  # population std; a constant column gets 1

    def test_one_score_for_all_rows(self):
        rows = support.every(400)
        same = dataclasses.replace(rows, y=np.full_like(rows.y, 100.0))
        chosen = recipe.with_epochs(recipe.CORPUS, 1)
        fitted = train(chosen, same, [range(len(same))], [0])[0]
        self.assertTrue(np.isfinite(networks.predict(fitted, rows.x)).all())

    def test_a_loss_that_is_not_finite(self):
        rows = support.every(400)
        wrong = dataclasses.replace(rows, y=np.full_like(rows.y, np.nan))
        trainer = recipe.Trainer(recipe.with_epochs(recipe.CORPUS, 2), SHAPE, wrong.x, wrong.y,
                                 [range(len(wrong))], [0])
        with self.assertRaisesRegex(ValueError, "epoch 1: the loss is not finite"):
            checkpoint.run(trainer, [0])

    def test_learning_rate(self):
        cosine = recipe.Recipe(lr=2.0, schedule="cosine")
        self.assertEqual(recipe.learning_rate(cosine, 0, 100), 2.0)
        self.assertAlmostEqual(recipe.learning_rate(cosine, 50, 100), 1.0)
        self.assertAlmostEqual(recipe.learning_rate(cosine, 100, 100), 0.0)
        self.assertEqual(recipe.learning_rate(recipe.BASE, 99, 100), 1e-3)
        with self.assertRaisesRegex(ValueError, "unknown schedule 'linear'"):
            recipe.learning_rate(recipe.Recipe(schedule="linear"), 0, 1)

    def test_unequal_lists_are_refused(self):
        rows = support.every(400)
        with self.assertRaisesRegex(ValueError, "same number of rows"):
            recipe.Trainer(recipe.BASE, SHAPE, rows.x, rows.y, [range(3), range(4)], [0, 0])

    def test_parameter_counts(self):
        counts = [networks.parameter_count(s) for s in networks.SHAPES.values()]
        self.assertEqual(counts, [257, 769, 3073])


class Resuming(unittest.TestCase):
    def test_a_stopped_run_ends_with_the_same_bits(self):
        rows = support.every(40)
        chosen = recipe.with_epochs(recipe.CORPUS, 4)

        def start():
            return recipe.Trainer(chosen, SHAPE, rows.x, rows.y, [range(len(rows))], [5])

        whole = start()
        while whole.epoch < 4:
            whole.run_epoch()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "run.checkpoint"
            stopped = start()
            stopped.run_epoch()
            stopped.run_epoch()
            checkpoint.save(path, stopped, checkpoint.fingerprint(stopped, [5]))
            resumed = start()
            with contextlib.redirect_stderr(io.StringIO()) as told:
                checkpoint.run(resumed, [5], path)
            self.assertIn("continuing after epoch 2", told.getvalue())
            self.assertFalse(path.exists())
        for a, b in zip(whole.fitted()[0].weights, resumed.fitted()[0].weights):
            np.testing.assert_array_equal(a, b)

    def test_a_checkpoint_of_another_run_is_not_used(self):
        rows = support.every(40)
        chosen = recipe.with_epochs(recipe.CORPUS, 1)
        a, b = (recipe.Trainer(chosen, SHAPE, rows.x, rows.y, [range(len(rows))], [s])
                for s in (1, 2))
        self.assertNotEqual(checkpoint.fingerprint(a, [1]), checkpoint.fingerprint(b, [2]))

    def test_a_damaged_checkpoint_is_not_used(self):
        rows = support.every(40)
        chosen = recipe.with_epochs(recipe.CORPUS, 1)

        def start():
            return recipe.Trainer(chosen, SHAPE, rows.x, rows.y, [range(len(rows))], [5])
        whole = start()
        whole.run_epoch()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "run.checkpoint"
            checkpoint.save(path, whole, "key")
            sound = path.read_bytes()
            for damaged in (b"", b"junk", sound[:len(sound) // 2], pickle.dumps({"key": 1})):
                path.write_bytes(damaged)
                anew = start()
                with contextlib.redirect_stderr(io.StringIO()) as told:
                    checkpoint.run(anew, [5], path)
                self.assertIn("run.checkpoint is no checkpoint, starting anew", told.getvalue())
                for a, b in zip(whole.fitted()[0].weights, anew.fitted()[0].weights):
                    np.testing.assert_array_equal(a, b)


class Determinism(unittest.TestCase):
    def test_training_twice_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            written = []
            for run in ("first", "second"):
                out = pathlib.Path(folder) / run
                subprocess.run(
                    [sys.executable, support.TOOLS / "train.py", "--base", "--epochs", "2", "--output",
                     out],
                    check=True, capture_output=True)
                written.append({p.name: p.read_bytes() for p in sorted(out.iterdir())})
        self.assertEqual(list(written[0]), ["mlp_large.npz", "mlp_medium.npz", "mlp_small.npz"])
        self.assertEqual(written[0], written[1])


if __name__ == "__main__":
    unittest.main()
